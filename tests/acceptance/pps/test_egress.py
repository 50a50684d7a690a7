"""Results elsewhere: in a directory, in tables of a database."""

import base64
import datetime
import json
import sqlite3
from pathlib import Path

import grpc
import pytest

from trunkline.proto import pps_pb2
from trunkline.testing.cluster import Cluster, pfs, shell
from trunkline.testing.postgres import PostgresDatabase

SUCCESS, FAILURE = pps_pb2.JobState.JOB_SUCCESS, pps_pb2.JobState.JOB_FAILURE


def create_secret(cluster: Cluster, name: str, key: str, value: str) -> None:
    manifest = {"kind": "Secret", "metadata": {"name": name}, "data": {key: base64.b64encode(value.encode()).decode()}}
    cluster.pps.CreateSecret(pps_pb2.CreateSecretRequest(file=json.dumps(manifest).encode()))


@pytest.fixture(scope="module", autouse=True)
def password(cluster: Cluster) -> None:
    create_secret(cluster, "db", "password", "x")


def create(cluster: Cluster, name: str, script: str, egress: dict[str, object], files: dict[str, str]) -> None:
    cluster.create_repo(f"{name}-in")
    cluster.put(f"{name}-in", files)
    node = pfs(f"{name}-in", name="in")
    cluster.create({"pipeline": {"name": name}, "transform": shell(script), "input": node, "egress": egress})


def sql(database: Path, **file_format: object) -> dict[str, object]:
    secret = {"name": "db", "key": "password"}
    return {"sql_database": {"url": f"sqlite:///{database}", "file_format": file_format, "secret": secret}}


def query(database: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(database)
    try:
        found = connection.execute(statement).fetchall()
        connection.commit()
        return found
    finally:
        connection.close()


def test_the_whole_output_is_copied_path_for_path_after_each_job(cluster: Cluster, tmp_path: Path) -> None:
    script = "mkdir -p /pfs/out/deep; cp /pfs/in/* /pfs/out/deep/"
    create(cluster, "copied", script, {"URL": f"file://{tmp_path}/there"}, {"/a": "one", "/empty": ""})

    assert cluster.finished_job("copied").state == SUCCESS
    cluster.put("copied-in", {"/b c": "two"})
    assert cluster.finished_job("copied").state == SUCCESS

    there = tmp_path / "there" / "deep"
    assert {file.name: file.read_text() for file in there.iterdir()} == {"a": "one", "empty": "", "b c": "two"}


def test_a_place_that_cannot_be_written_fails_the_job_and_hides_its_output(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    create(cluster, "lost", "cp /pfs/in/* /pfs/out/", {"URL": f"file://{tmp_path}/file/below"}, {"/a": "one"})

    job = cluster.finished_job("lost")

    assert job.state == FAILURE
    assert job.reason.startswith("egress failed: ")
    with pytest.raises(grpc.RpcError, match="finished with an error: egress failed: "):
        cluster.files("lost")


def test_tables_are_refilled_from_csv(cluster: Cluster, tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    query(database, "CREATE TABLE prices (name TEXT, price REAL, sold INTEGER)")
    query(database, "INSERT INTO prices VALUES ('stale', 0, 0)")
    files = {"/1": 'pear,1.5,3\n"fig, dried",,4\n', "/2": "plum,2,5\n"}
    script = "mkdir /pfs/out/prices; cp /pfs/in/* /pfs/out/prices/"

    create(cluster, "csv", script, sql(database, type="CSV"), files)

    job = cluster.finished_job("csv")
    assert job.state == SUCCESS, job.reason
    assert query(database, "SELECT * FROM prices ORDER BY name") == [
        ("fig, dried", None, 4),
        ("pear", 1.5, 3),
        ("plum", 2.0, 5),
    ]


def test_tables_are_filled_from_named_keys_of_json(cluster: Cluster, tmp_path: Path) -> None:
    database = tmp_path / "people.db"
    query(database, "CREATE TABLE people (name TEXT, age INTEGER)")
    lines = '{"name": "Ada", "age": 36, "more": [1]}\n{"age": 45, "name": "Grace"}'

    create(
        cluster,
        "json",
        "mkdir /pfs/out/people; cp /pfs/in/* /pfs/out/people/",
        sql(database, type="JSON", columns=["name", "age"]),
        {"/lines": lines},
    )

    assert cluster.finished_job("json").state == SUCCESS
    assert query(database, "SELECT * FROM people ORDER BY name") == [("Ada", 36), ("Grace", 45)]


def test_a_row_that_does_not_fit_leaves_the_tables_as_they_were(cluster: Cluster, tmp_path: Path) -> None:
    database = tmp_path / "kept.db"
    query(database, "CREATE TABLE rows (number INTEGER)")
    query(database, "INSERT INTO rows VALUES (7)")

    script = "mkdir /pfs/out/rows; cp /pfs/in/* /pfs/out/rows/"
    create(cluster, "kept", script, sql(database, type="CSV"), {"/a": "1\nx\n"})

    job = cluster.finished_job("kept")
    assert (job.state, "'x' in column number is no int" in job.reason) == (FAILURE, True)
    assert query(database, "SELECT * FROM rows") == [(7,)]


def test_a_published_spec_fills_postgres_and_a_job_that_fails_leaves_the_old_rows(
    cluster: Cluster, postgres: PostgresDatabase
) -> None:
    create_secret(cluster, "postgres-secret", "PACHYDERM_SQL_PASSWORD", postgres.password)
    postgres.execute("CREATE TABLE titles (id INTEGER PRIMARY KEY, title TEXT, released DATE)")
    target = {
        "sql_database": {
            "url": f"{postgres.url}?sslmode=disable",
            "file_format": {"type": "CSV", "columns": ["id", "title", "released"]},
            "secret": {"name": "postgres-secret", "key": "PACHYDERM_SQL_PASSWORD"},
        }
    }
    script = '[ "$PACHYDERM_SQL_PASSWORD" ] && mkdir -p /pfs/out/titles && cp /pfs/in/* /pfs/out/titles/'

    create(cluster, "sales", script, target, {"/1": '1,"Ada, ""again""",1815-12-10\n'})
    assert cluster.finished_job("sales").reason == ""
    cluster.put("sales-in", {"/2": "2,,\n"})
    assert cluster.finished_job("sales").reason == ""
    rows = [(1, 'Ada, "again"', datetime.date(1815, 12, 10)), (2, None, None)]
    assert postgres.execute("SELECT * FROM titles ORDER BY id") == rows

    cluster.put("sales-in", {"/3": "2,twice,\n"})
    failed = cluster.finished_job("sales")

    assert failed.state == FAILURE
    assert "egress failed: /titles/3 does not go into table titles: duplicate key value" in failed.reason
    assert postgres.execute("SELECT * FROM titles ORDER BY id") == rows


def test_without_its_secret_a_job_fails_before_it_runs_anything(cluster: Cluster, tmp_path: Path) -> None:
    target = {"sql_database": {"url": "postgres://me@host/db", "secret": {"name": "absent", "key": "k"}}}
    create(cluster, "unsaid", f"touch {tmp_path}/ran", target, {"/a": "1"})

    job = cluster.finished_job("unsaid")

    assert (job.state, job.reason) == (FAILURE, 'secret "absent" not found')
    assert not (tmp_path / "ran").exists()
