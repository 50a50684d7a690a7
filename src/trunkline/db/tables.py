"""The tables of the metadata database. Migrations create them; this module is how queries name them.

Times are microseconds since 1970 in UTC, so that SQLite and Postgres keep and compare them alike. Hashes of chunks and
packs are bytes, roots of tables are hex text, as everywhere else.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")


# Keys are never given twice (sqlite_autoincrement), as rows elsewhere may still name a deleted one.
def _key() -> Column[int]:
    return Column("key", _Id, primary_key=True, autoincrement=True)


settings = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    _key(),
    Column("name", String, nullable=False, unique=True),
    Column("description", Text, nullable=False, default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False, default=dict),
    Column("defaults_json", Text, nullable=False, default="{}"),
    sqlite_autoincrement=True,
)

repos = Table(
    "repos",
    metadata,
    _key(),
    Column("project", String, ForeignKey("projects.name"), nullable=False),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False, default=dict),
    UniqueConstraint("project", "name", "type"),
    sqlite_autoincrement=True,
)

branches = Table(
    "branches",
    metadata,
    _key(),
    Column("repo", _Id, ForeignKey("repos.key"), nullable=False),
    Column("name", String, nullable=False),
    Column("head", _Id, nullable=True),  # a commit's key; no constraint, as commits name their repo in turn
    Column("trigger", JSON, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False, default=dict),
    UniqueConstraint("repo", "name"),
    sqlite_autoincrement=True,
)

branch_provenance = Table(
    "branch_provenance",
    metadata,
    Column("branch", _Id, ForeignKey("branches.key"), primary_key=True),
    Column("upstream", _Id, ForeignKey("branches.key"), primary_key=True),
    Column("never", Boolean, nullable=False, default=False),
    Index("branch_provenance_upstream", "upstream"),
)

commits = Table(
    "commits",
    metadata,
    _key(),
    Column("id", String(32), nullable=False),
    Column("repo", _Id, ForeignKey("repos.key"), nullable=False),
    Column("branch_name", String, nullable=False),
    Column("origin", Integer, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("parent", _Id, nullable=True),
    Column("started_at", BigInteger, nullable=False),
    Column("finishing_at", BigInteger, nullable=True),
    Column("finished_at", BigInteger, nullable=True),
    Column("error", Text, nullable=False, default=""),
    Column("size_bytes_upper_bound", BigInteger, nullable=False, default=0),
    Column("size_bytes", BigInteger, nullable=False, default=0),
    Column("base_root", String, nullable=True),  # what the layers lie on, where that is not the last good ancestor
    Column("root", String, nullable=True),
    Column("forgotten_at", BigInteger, nullable=True),  # since when there is no root, as nobody needs its files
    Column("metadata", JSON, nullable=False, default=dict),
    UniqueConstraint("repo", "id"),
    Index("commits_id", "id"),
    Index("commits_parent", "parent"),
    Index("commits_unfinished", "finished_at"),
    sqlite_autoincrement=True,
)

commit_provenance = Table(
    "commit_provenance",
    metadata,
    Column("commit", _Id, ForeignKey("commits.key"), primary_key=True),
    Column("upstream", _Id, ForeignKey("commits.key"), primary_key=True),
    Index("commit_provenance_upstream", "upstream"),
)

commit_layers = Table(
    "commit_layers",
    metadata,
    _key(),
    Column("commit", _Id, ForeignKey("commits.key"), nullable=False, index=True),
    Column("layer", String, nullable=False),
    sqlite_autoincrement=True,
)

chunks = Table(
    "chunks",
    metadata,
    Column("chunk", LargeBinary(32), primary_key=True),
    Column("pack", LargeBinary(32), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("stored_bytes", Integer, nullable=False),
    Column("length", Integer, nullable=False),
    Column("codec", Integer, nullable=False),
    sqlite_with_rowid=False,
)

condemned = Table(
    "condemned",
    metadata,
    Column("key", String, primary_key=True),  # of an object that nothing points at
    Column("at", BigInteger, nullable=False),  # since when it is known
)

named_roots = Table(
    "named_roots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("root", String, nullable=False),  # that a row began to point at; written by triggers of the database
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # encrypted with the key in the state directory
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("requests", LargeBinary, nullable=False, default=b""),  # a serialised TransactionInfo of the wire
)

file_sets = Table(
    "file_sets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("layers", JSON, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

cache = Table(
    "cache",
    metadata,
    Column("cache_key", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("tag", String, nullable=False),
    Column("used_at", BigInteger, nullable=False),
)

cache_file_sets = Table(
    "cache_file_sets",
    metadata,
    Column("cache_key", String, ForeignKey("cache.cache_key"), primary_key=True),
    Column("file_set", String(32), primary_key=True),
    Index("cache_file_sets_file_set", "file_set"),
)

load_runs = Table(
    "load_runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("state", JSON, nullable=False),
)

pipelines = Table(
    "pipelines",
    metadata,
    _key(),
    Column("project", String, ForeignKey("projects.name"), nullable=False),
    Column("name", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("stopped", Boolean, nullable=False, default=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False, default=dict),
    Column("imports", JSON, nullable=False, default=list),
    Column("type", Integer, nullable=False, default=1, server_default="1"),  # of the newest version's spec
    UniqueConstraint("project", "name"),
    sqlite_autoincrement=True,
)

pipeline_versions = Table(
    "pipeline_versions",
    metadata,
    Column("pipeline", _Id, ForeignKey("pipelines.key"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("spec_commit", String(32), nullable=False),
    Column("salt", String, nullable=False),
    Column("user_spec_json", Text, nullable=False),
    Column("effective_spec_json", Text, nullable=False),
    Column("spec_json", Text, nullable=False),  # with every default filled in: what jobs run by
    Column("created_at", BigInteger, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    _key(),
    Column("pipeline", _Id, ForeignKey("pipelines.key"), nullable=False),
    Column("id", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("output_commit", _Id, nullable=False),
    Column("meta_commit", _Id, nullable=True),
    Column("state", Integer, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=True),
    Column("finished_at", BigInteger, nullable=True),
    Column("restart", Integer, nullable=False, default=0),
    Column("data_total", BigInteger, nullable=False, default=0),
    Column("data_processed", BigInteger, nullable=False, default=0),
    Column("data_skipped", BigInteger, nullable=False, default=0),
    Column("data_failed", BigInteger, nullable=False, default=0),
    Column("data_recovered", BigInteger, nullable=False, default=0),
    Column("stats", JSON, nullable=False, default=dict),
    Column("runners", JSON, nullable=False, default=dict),  # runner -> how many datums it ran
    Column("datums", String, nullable=False, default=""),  # root of the table of datum records, once it succeeded
    Column(
        "buckets", JSON, nullable=False, default=dict
    ),  # roots of its inputs' tables by key (`pps.datums.join_tables`)
    Column("warnings", JSON, nullable=False, default=list),
    UniqueConstraint("pipeline", "id"),
    Index("jobs_id", "id"),
    Index("jobs_output_commit", "output_commit"),
    Index("jobs_state", "state"),
    Index("jobs_created_at", "created_at", "key"),
    Index("jobs_of_pipeline", "pipeline", "created_at", "key"),
    sqlite_autoincrement=True,
)

datum_sets = Table(
    "datum_sets",
    metadata,
    Column("job", _Id, ForeignKey("jobs.key"), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("layer", String, nullable=False),
    Column("datums", String, nullable=False),  # root of a table of datum records
    Column("logs", String, nullable=False, default=""),
    Column("log_lines", Integer, nullable=False, default=0),
    Column("finished_at", BigInteger, nullable=False),
)

residents = Table(
    "residents",
    metadata,
    Column("pipeline", _Id, ForeignKey("pipelines.key"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Integer, nullable=False),  # a state of pipelines
    Column("reason", Text, nullable=False, default=""),
    Column("failures", Integer, nullable=False, default=0),  # in a row
    Column("began_at", BigInteger, nullable=True),
    Column("next_start_at", BigInteger, nullable=False, default=0),
)

resident_logs = Table(
    "resident_logs",
    metadata,
    _key(),
    Column("pipeline", _Id, ForeignKey("pipelines.key"), nullable=False),
    Column("first_line", BigInteger, nullable=False),  # counted through all that the pipeline ever logged
    Column("lines", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),  # before compression
    Column("last_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=True),  # the lines, until so many have come that an object is worth while
    Column("object", String, nullable=False, default=""),
    Index("resident_logs_pipeline", "pipeline", "first_line"),
    sqlite_autoincrement=True,
)
