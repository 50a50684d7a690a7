"""Files of a commit into the tables of a database, through the method Egress."""

import datetime
import json
import sys
from decimal import Decimal
from typing import Any

import grpc
import pytest

from trunkline.proto import pfs_pb2, pps_pb2
from trunkline.proto.pps_pb2_grpc import APIStub as PpsStub
from trunkline.testing.doors import Story, add, at, delete
from trunkline.testing.postgres import PostgresDatabase

CSV, JSON = pfs_pb2.SQLDatabaseEgress.FileFormat.Type.CSV, pfs_pb2.SQLDatabaseEgress.FileFormat.Type.JSON
PARQUET = pfs_pb2.SQLDatabaseEgress.FileFormat.Type.PARQUET


@pytest.fixture
def database(postgres: PostgresDatabase, story: Story) -> PostgresDatabase:
    """A database whose password the server has as a secret."""
    manifest = {"kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": postgres.password}}
    PpsStub(story.channel).CreateSecret(pps_pb2.CreateSecretRequest(file=json.dumps(manifest).encode()))
    return postgres


def egress(story: Story, url: str, kind: Any, *columns: str, key: str = "password") -> dict[str, int]:
    target = pfs_pb2.SQLDatabaseEgress(
        url=url,
        file_format=pfs_pb2.SQLDatabaseEgress.FileFormat(type=kind, columns=columns),
        secret=pfs_pb2.SQLDatabaseEgress.Secret(name="db", key=key),
    )
    answer = story.pfs.Egress(pfs_pb2.EgressRequest(commit=at("in"), sql_database=target))
    return dict(answer.sql_database.rows_written)


def test_csv_fills_columns_of_every_type(story: Story, database: PostgresDatabase) -> None:
    database.execute(
        "CREATE TYPE size AS ENUM ('small', 'large');"
        "CREATE TABLE things (id BIGINT, price NUMERIC(30, 20), ratio DOUBLE PRECISION, name TEXT, day DATE,"
        " at TIMESTAMPTZ, ok BOOLEAN, tags INTEGER[], doc JSONB, raw BYTEA, size size, wait INTERVAL)"
    )
    rows = (
        '9007199254740993,0.12345678901234567891,1e300,"say ""hi"",\n\\N\ttab",2024-02-29,2024-02-29 23:59:59.5+02,'
        't,"{1,2}","{""a"": [1, null]}",\\x00ff,large,1 day 2 hours\n'
        ',,,"",,,,,,,,\n'
    )
    story.put(at("in"), add("/things/1", rows))

    assert egress(story, database.url, CSV) == {"things": 2}

    full, empty = database.execute("SELECT * FROM things ORDER BY id")
    stamp = datetime.datetime(2024, 2, 29, 21, 59, 59, 500_000, tzinfo=datetime.UTC)
    assert full == (
        9007199254740993,
        Decimal("0.12345678901234567891"),
        1e300,
        'say "hi",\n\\N\ttab',
        datetime.date(2024, 2, 29),
        stamp,
        True,
        [1, 2],
        {"a": [1, None]},
        b"\x00\xff",
        "large",
        datetime.timedelta(days=1, hours=2),
    )
    assert empty == (None, None, None, "", *[None] * 8)


def test_json_fills_columns_of_every_type_and_leaves_defaults(story: Story, database: PostgresDatabase) -> None:
    database.execute(
        "CREATE TABLE things (id SERIAL, price NUMERIC, name TEXT, day DATE, ok BOOLEAN, tags TEXT[], doc JSONB,"
        " more TEXT)"
    )
    objects = (
        '{"price": 0.12345678901234567891, "name": "it\'s\\n\\"ä\\"", "day": "2024-02-29", "ok": true,'
        ' "tags": ["a,b", "}"],'
        ' "doc": "text", "more": {"k": 1.50}}\n{"name": null}{"id": 70, "doc": {"a": [1, null]}}'
    )
    story.put(at("in"), add("/things/1", objects))

    assert egress(story, database.url, JSON) == {"things": 3}

    assert database.execute("SELECT * FROM things ORDER BY id") == [
        (
            1,
            Decimal("0.12345678901234567891"),
            'it\'s\n"ä"',
            datetime.date(2024, 2, 29),
            True,
            ["a,b", "}"],
            "text",
            '{"k":1.50}',
        ),
        (2, None, None, None, None, None, None, None),
        (70, None, None, None, None, None, {"a": [1, None]}, None),
    ]


def test_columns_choose_keys_of_json_and_the_order_of_csv(story: Story, database: PostgresDatabase) -> None:
    database.execute('CREATE TABLE a (x INTEGER, "odd %s ""name" TEXT, z INTEGER DEFAULT 9)')
    odd = 'odd %s "name'
    story.put(at("in"), add("/a/1", json.dumps({"x": 1, odd: "json", "z": 3, "other": 4})))
    assert egress(story, database.url, JSON, odd, "x") == {"a": 1}
    assert database.execute("TABLE a") == [(1, "json", 9)]

    story.put(at("in"), delete("/a/1"), add("/a/1", f'"{odd.replace(chr(34), chr(34) * 2)}",x\ncsv,2\n'))
    assert egress(story, database.url, CSV, odd, "x") == {"a": 1}
    assert database.execute("TABLE a") == [(2, "csv", 9)]


def test_tables_that_the_output_touches_are_emptied_and_filled_again(story: Story, database: PostgresDatabase) -> None:
    """Readers see the old rows or the new ones, and tables that have no file keep theirs."""
    database.execute(
        "CREATE SCHEMA s; CREATE TABLE s.one (n INTEGER); CREATE TABLE two (n INTEGER); CREATE TABLE three (n INTEGER);"
        "INSERT INTO s.one VALUES (0); INSERT INTO two VALUES (0); INSERT INTO three VALUES (0)"
    )
    many = "".join(f"{number}\n" for number in range(25_000))
    story.put(at("in"), add("/s.one/a", many), add("/s.one/deep/b", "7\n"), add("/two/none", ""))

    assert egress(story, database.url, CSV) == {"s.one": 25_001, "two": 0}
    assert egress(story, database.url, CSV) == {"s.one": 25_001, "two": 0}

    assert database.execute("SELECT count(*), sum(n) FROM s.one") == [(25_001, 312_487_507)]
    assert database.execute("SELECT (SELECT count(*) FROM two), (SELECT count(*) FROM three)") == [(0, 1)]


@pytest.mark.parametrize(
    ("path", "content", "kind", "columns", "code", "said"),
    [
        ("/z/1", "1\nx\n", CSV, (), "INVALID_ARGUMENT", '/z/1 does not go into table z: .*"x"(.|\n)*line 2, column n'),
        ("/z/1", "1,2\n", CSV, (), "INVALID_ARGUMENT", "/z/1 is no CSV of the columns n: .*Expected 1 columns, got 2"),
        ("/z/1", "\n1\n", CSV, ("m",), "INVALID_ARGUMENT", "columns: table . has no column 'm', it has n"),
        ("/z/1", '{"n":1}{"m":1}', JSON, (), "INVALID_ARGUMENT", "/z/1, object 2: table z has no column 'm'"),
        ("/z/1", '{"n":-1}', JSON, (), "INVALID_ARGUMENT", "/z/1 does not go into table z: .*check constraint"),
        ("/none/1", "1\n", CSV, (), "INVALID_ARGUMENT", "no table 'none', to which /none/1 of the output belongs"),
        ("/z.csv", "1\n", CSV, (), "INVALID_ARGUMENT", "no table 'z.csv'.* write to /pfs/out/TABLE/FILE"),
        ("/z/1", "1\n", PARQUET, (), "INVALID_ARGUMENT", "PARQUET is not supported: write CSV or JSON"),
    ],
)
def test_what_fails_half_way_leaves_all_tables_as_they_were(
    story: Story,
    database: PostgresDatabase,
    path: str,
    content: str,
    kind: Any,
    columns: tuple[str, ...],
    code: str,
    said: str,
) -> None:
    database.execute(
        "CREATE TABLE a (n INTEGER); CREATE TABLE z (n INTEGER CHECK (n >= 0));"
        "INSERT INTO a VALUES (7); INSERT INTO z VALUES (8)"
    )
    story.put(at("in"), add("/a/1", '{"n": 1}' if kind == JSON else "1\n"), add(path, content))

    with pytest.raises(grpc.RpcError, match=said) as failed:
        egress(story, database.url, kind, *columns)

    assert failed.value.code().name == code
    assert database.execute("SELECT * FROM a, z") == [(7, 8)]


def test_a_database_that_is_out_of_reach_is_told_without_the_password(
    story: Story, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("CREATE TABLE a (n INTEGER)")
    story.put(at("in"), add("/a/1", "1\n"))
    for url, key, said in (
        (database.url.replace(str(database.port), "1"), "password", "Connection refused"),
        (database.url.replace(database.name, "absent"), "password", 'database "absent" does not exist'),
        (database.url, "no-such-key", "has no key 'no-such-key'"),
        ("nosuchkind://me@host/db", "password", "no driver for databases of nosuchkind is installed: install its SQL"),
        ("mysql://me@host/db", "password", "no driver for databases of mysql is installed: `pip install 'pymysql'`"),
        ("not a url", "password", "is no URL of a database"),
    ):
        with pytest.raises(grpc.RpcError, match=said) as failed:
            egress(story, url, CSV, key=key)
        assert database.password not in str(failed.value.details())

    monkeypatch.setenv("PACHYDERM_SQL_PASSWORD", database.password)
    target = pfs_pb2.SQLDatabaseEgress(url=database.url)
    story.pfs.Egress(pfs_pb2.EgressRequest(commit=at("in"), sql_database=target))
    assert database.execute("TABLE a") == [(1,)]


def test_without_the_driver_the_user_is_told_what_to_install(
    story: Story, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.put(at("in"), add("/a/1", "1\n"))
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(grpc.RpcError, match=r"of postgresql is installed: `pip install 'psycopg\[binary\]'`"):
        egress(story, database.url, CSV)


def test_a_target_must_be_named(story: Story) -> None:
    with pytest.raises(grpc.RpcError, match="target must be given"):
        story.pfs.Egress(pfs_pb2.EgressRequest(commit=at("in")))
