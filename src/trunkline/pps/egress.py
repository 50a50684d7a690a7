"""Results elsewhere: a job's output copied to an object store or into the tables of a database (reference, 3.6)."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator

from sqlalchemy import Column, Connection, MetaData, Table, create_engine, delete, insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from trunkline.errors import InvalidInputError, UnavailableError
from trunkline.model.pipelines import Egress, SQLDatabaseEgress, SQLFileFormat
from trunkline.pps.secrets import Secrets
from trunkline.storage.fileset import FileSet

_ROWS_AT_ONCE = 1000
_DIALECTS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


def copy_out(files: FileSet, egress: Egress, *, secrets: Secrets, check: Callable[[], None]) -> None:
    """Copy all files to where the spec says; ``check`` is called now and then, and may raise to end it.

    Doing it twice gives the same. Raises Error, with the reason for the user.
    """
    if egress.sql_database is not None:
        _fill_tables(files, egress.sql_database, secrets=secrets, check=check)
        return
    from trunkline.objects.export import Export  # noqa: PLC0415 - obstore takes long to load, and few pipelines need it

    url = egress.object_storage.url if egress.object_storage is not None else egress.URL
    target = Export(url)
    for row in files.files():
        check()
        target.put(row.path, files.read(row))


def _fill_tables(files: FileSet, egress: SQLDatabaseEgress, *, secrets: Secrets, check: Callable[[], None]) -> None:
    url = _database_url(egress, secrets)
    by_table: dict[str, list[str]] = defaultdict(list)
    for row in files.files():
        by_table[row.path.split("/")[1]].append(row.path)
    try:
        engine = create_engine(url)
        with engine.begin() as connection:
            for name, paths in by_table.items():
                _fill_table(connection, name, (_text(files, path) for path in paths), egress.file_format, check)
        engine.dispose()
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise InvalidInputError(f"no driver for {url.drivername} is installed: {error}") from None
    except NoSuchTableError as error:
        raise InvalidInputError(f"the database has no table {error}: make it first") from None
    except SQLAlchemyError as error:
        # Without the statement and its values, which a reason is no place for.
        cause = getattr(error, "orig", None) or error
        raise UnavailableError(f"database {url.render_as_string(hide_password=True)}: {cause}") from None


def _database_url(egress: SQLDatabaseEgress, secrets: Secrets) -> URL:
    try:
        url = make_url(egress.url)
    except ArgumentError:
        raise InvalidInputError(
            "egress.sqlDatabase.url is no URL of a database, such as postgres://me@host/db"
        ) from None
    url = url.set(drivername=_DIALECTS.get(url.drivername, url.drivername))
    if url.host and egress.secret is not None:
        url = url.set(password=secrets.value(egress.secret.name, egress.secret.key))
    return url


def _text(files: FileSet, path: str) -> str:
    row = files.find(path)
    assert row is not None
    return b"".join(files.read(row)).decode()


def _fill_table(
    connection: Connection,
    name: str,
    texts: Iterator[str],
    file_format: SQLFileFormat | None,
    check: Callable[[], None],
) -> None:
    table = Table(name, MetaData(), autoload_with=connection)
    connection.execute(delete(table))
    wanted = file_format or SQLFileFormat(type="CSV")
    for text in texts:
        check()
        rows = _json_rows(text, wanted) if wanted.type == "JSON" else _csv_rows(text, wanted, list(table.columns))
        batch: list[dict[str, object]] = []
        for row in rows:
            batch.append(row)
            if len(batch) == _ROWS_AT_ONCE:
                connection.execute(insert(table), batch)
                batch = []
        if batch:
            connection.execute(insert(table), batch)


def _json_rows(text: str, file_format: SQLFileFormat) -> Iterator[dict[str, object]]:
    """Yield the objects of a text, one after another; only the columns that are named, where they are."""
    decoder = json.JSONDecoder()
    rest = text.lstrip()
    while rest:
        try:
            found, end = decoder.raw_decode(rest)
        except ValueError as error:
            raise InvalidInputError(f"output for a table is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise InvalidInputError("output for a table must be JSON objects, one after another")
        names = file_format.columns or tuple(found)
        yield {name: found.get(name) for name in names}
        rest = rest[end:].lstrip()


def _csv_rows(text: str, file_format: SQLFileFormat, columns: list[Column[object]]) -> Iterator[dict[str, object]]:
    """Yield the rows of a text: cells in the order of the columns that are named, else of the table's.

    A first row that repeats the names is a header.
    """
    names = list(file_format.columns) or [column.name for column in columns]
    types = {column.name: column.type.python_type for column in columns}
    for number, cells in enumerate(csv.reader(io.StringIO(text))):
        if not cells or (number == 0 and cells == names):
            continue
        if len(cells) != len(names):
            raise InvalidInputError(f"a row of the output has {len(cells)} cells, and the table takes {len(names)}")
        yield {name: _cell(cell, types.get(name, str)) for name, cell in zip(names, cells, strict=True)}


def _cell(text: str, kind: type) -> object:
    if kind is str:
        return text
    if not text:
        return None
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        raise InvalidInputError(f"a cell of the output, {text!r}, is no {kind.__name__}") from None
