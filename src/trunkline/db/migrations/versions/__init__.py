"""One history of schema changes, for SQLite and Postgres alike."""
