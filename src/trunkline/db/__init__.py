"""The metadata database: engine, tables, migrations, events."""
