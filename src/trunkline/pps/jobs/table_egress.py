"""Files into the tables of a database: each table that a file belongs to is emptied and filled again."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NoReturn

from sqlalchemy import JSON, Connection, MetaData, NullPool, Table, create_engine, delete, insert
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from trunkline.errors import InvalidInputError, UnavailableError
from trunkline.model.pipelines import SQLDatabaseEgress, SQLFileFormat
from trunkline.objects.local_files import LocalFiles
from trunkline.pps.jobs.table_rows import Row, column_value, csv_rows, json_rows, text_form
from trunkline.pps.secrets import Secrets
from trunkline.storage.fileset import FileSet

PASSWORD_VARIABLE = "PACHYDERM_SQL_PASSWORD"  # noqa: S105 - the name of a variable
_ROWS_AT_ONCE = 1000
_CONNECT_SECONDS = 30
_POSTGRES = "postgresql+psycopg"
_DRIVERS = {
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "mysql": "mysql+pymysql",
}
_SERVERS = frozenset({"postgresql", "mysql", "mariadb", "mssql", "oracle", "snowflake", "cockroachdb", "redshift"})
_IN_MEMORY = ":memory:"
_PACKAGES = {"postgresql": "psycopg[binary]", "mysql": "pymysql", "snowflake": "snowflake-sqlalchemy"}


def fill_tables(
    files: FileSet,
    egress: SQLDatabaseEgress,
    *,
    secrets: Secrets,
    local_files: LocalFiles,
    check: Callable[[], None],
) -> dict[str, int]:
    """Empty and fill the tables that are the first parts of the paths; return how many rows each has got.

    One transaction: if anything fails, all tables are as they were.
    """
    url = _checked_file(_database_url(egress, secrets), local_files)
    by_table: dict[str, list[str]] = defaultdict(list)
    for row in files.files():
        by_table[row.path.split("/")[1]].append(row.path)
    engine = _open_engine(url)
    rows_written: dict[str, int] = {}
    try:
        with engine.begin() as connection:
            for name, paths in by_table.items():
                table = _find_table(connection, name, paths[0])
                connection.execute(delete(table))
                rows_written[name] = 0
                for path in paths:
                    rows = _checked(_rows_of(files, path, table, egress.file_format), check)
                    rows_written[name] += _append(connection, table, rows, path)
    except SQLAlchemyError as error:
        _refuse(url.render_as_string(hide_password=True), error)
    finally:
        engine.dispose()
    return rows_written


def _database_url(egress: SQLDatabaseEgress, secrets: Secrets) -> URL:
    try:
        url = make_url(egress.url)
    except ArgumentError:
        raise InvalidInputError(
            "egress.sqlDatabase.url is no URL of a database, such as postgres://me@host/db"
        ) from None
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if _is_file(url):
        return url
    if egress.secret is not None and egress.secret.name:
        return url.set(password=secrets.value(egress.secret.name, egress.secret.key))
    return url.set(password=url.password or os.environ.get(PASSWORD_VARIABLE))


def _is_file(url: URL) -> bool:
    """Whether that names a file of this machine, as all do that are of no server that we know."""
    return url.get_backend_name() not in _SERVERS and not (url.host or url.username)


def _checked_file(url: URL, local_files: LocalFiles) -> URL:
    """Return a URL of a file with its links followed, if the file may be named; that of a server as it is."""
    if not _is_file(url):
        return url
    if not url.database or url.database == _IN_MEMORY:
        return url
    if url.query or not url.database.startswith("/"):
        raise InvalidInputError(
            "egress.sqlDatabase.url: write a database of the server's machine with its full path and nothing after it: "
            f"{url.drivername}:////DIRECTORY/FILE"
        )
    return url.set(database=local_files.check(url.database))


def _open_engine(url: URL) -> Engine:
    try:
        if url.drivername == _POSTGRES:
            return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": _CONNECT_SECONDS})
        return create_engine(url, poolclass=NullPool)
    except (NoSuchModuleError, ImportError) as error:
        name = url.get_backend_name()
        package = _PACKAGES.get(name)
        remedy = f"`pip install '{package}'` beside the server" if package else "install its SQLAlchemy dialect"
        raise InvalidInputError(f"no driver for databases of {name} is installed: {remedy} ({error})") from None


def _find_table(connection: Connection, name: str, path: str) -> Table:
    schema, _, own = name.rpartition(".")
    try:
        return Table(own, MetaData(), schema=schema or None, autoload_with=connection)
    except NoSuchTableError:
        raise InvalidInputError(
            f"the database has no table {name!r}, to which {path} of the output belongs: make it first, or write to "
            "/pfs/out/TABLE/FILE"
        ) from None


def _rows_of(files: FileSet, path: str, table: Table, file_format: SQLFileFormat | None) -> Iterator[Row]:
    """Yield the rows of a file, with no other columns than the table has."""
    wanted = file_format or SQLFileFormat()
    if wanted.type == "PARQUET":
        raise InvalidInputError("egress.sqlDatabase.fileFormat.type: PARQUET is not supported: write CSV or JSON")
    in_table = [column.name for column in table.columns]
    unknown = [name for name in wanted.columns if name not in in_table]
    if unknown:
        raise InvalidInputError(f"egress.sqlDatabase.fileFormat.columns: {_no_column(table, unknown[0])}")
    row = files.find(path)
    assert row is not None
    if wanted.type != "JSON":
        yield from csv_rows(files.read(row), path, wanted.columns or in_table)
        return
    documents = frozenset(column.name for column in table.columns if isinstance(column.type, JSON))
    for number, found in enumerate(json_rows(files.read(row), path, documents=documents), start=1):
        if wanted.columns:
            yield {name: found.get(name) for name in wanted.columns}
            continue
        if not found:
            raise InvalidInputError(f"{path}, object {number}: names no column")
        if unknown := [name for name in found if name not in table.columns]:
            raise InvalidInputError(f"{path}, object {number}: {_no_column(table, unknown[0])}")
        yield found


def _no_column(table: Table, name: str) -> str:
    return f"table {table.fullname} has no column {name!r}, it has {', '.join(column.name for column in table.columns)}"


def _checked(rows: Iterator[Row], check: Callable[[], None]) -> Iterator[Row]:
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        check()
        yield from batch


def _append(connection: Connection, table: Table, rows: Iterator[Row], path: str) -> int:
    """Add rows to a table; return how many. What a row does not name gets the table's default."""
    count = 0
    for names, alike in groupby(rows, key=lambda row: row.keys()):
        try:
            if connection.dialect.name == "postgresql":
                count += _copy(connection, table, tuple(names), alike)
            else:
                count += _insert(connection, table, alike, path)
        except DBAPIError as error:
            _refuse(f"{path} does not go into table {table.fullname}", error)
    return count


def _copy(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Row]) -> int:
    """Add rows in the form that the database itself reads: it knows all its types, and it is the fastest way."""
    import psycopg  # noqa: PLC0415 - an extra
    from psycopg import sql  # noqa: PLC0415

    where = sql.Identifier(*filter(None, (table.schema, table.name)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(where, sql.SQL(", ").join(map(sql.Identifier, names)))
    cursor: psycopg.Cursor[Any] = connection.connection.cursor()  # type: ignore[assignment]
    count = 0
    try:
        with cursor, cursor.copy(statement) as copy:
            for count, row in enumerate(rows, start=1):  # noqa: B007
                copy.write_row([text_form(row[name]) for name in names])
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error, dialect=connection.dialect) from error
    return count


def _insert(connection: Connection, table: Table, rows: Iterator[Row], path: str) -> int:
    count = 0
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        values = [
            {name: column_value(value, table.columns[name], path=path, row=number) for name, value in row.items()}
            for number, row in enumerate(batch, start=count + 1)
        ]
        connection.execute(insert(table), values)
        count += len(batch)
    return count


def _refuse(what: str, error: SQLAlchemyError) -> NoReturn:
    """Raise the database's own words, without the statement and its values, which a reason is no place for."""
    cause = str(getattr(error, "orig", None) or error).strip()
    is_out_of_reach = isinstance(error, DBAPIError) and type(error).__name__ in ("OperationalError", "InterfaceError")
    raise (UnavailableError if is_out_of_reach else InvalidInputError)(f"{what}: {cause}") from None
