"""Times what people ask of jobs with many datums, and of many jobs: lineage, pages, plans.

    python benchmarks/many_datums.py --datums 100000 --jobs 10000

The executor starts no process. Each request goes through gRPC to a server in this process; what the command line adds
on top is told once. Medians of some runs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import json_format
from noop_job import name, put_many
from sqlalchemy import insert, select, update

from trunkline.db.tables import branches, commit_provenance, commits, jobs
from trunkline.proto import lineage_pb2, lineage_pb2_grpc, pfs_pb2, pps_pb2
from trunkline.testing.cluster import Cluster, open_cluster, pfs

RUNS = 5
PAGE = 100
JOIN = {"join": [pfs(repo, "/file-(*)", join_on="$1") for repo in ("left", "right")]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datums", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--jobs", type=int, nargs="+", default=[100, 10_000])
    options = parser.parse_args()
    columns = []
    for datums, number in zip(options.datums, options.jobs, strict=True):
        with tempfile.TemporaryDirectory() as scratch:
            cluster, close = open_cluster(Path(scratch) / "home", program=name)
            try:
                columns.append(measure(cluster, datums, number))
            finally:
                close()
    sizes = [f"{datums:,} datums, {number:,} jobs" for datums, number in zip(options.datums, options.jobs, strict=True)]
    print(f"{'milliseconds':<44}" + "".join(f"{size:>30}" for size in sizes))
    for what in columns[0]:
        print(f"{what:<44}" + "".join(f"{1000 * column[what]:>30.1f}" for column in columns))


def measure(cluster: Cluster, datums: int, job_count: int) -> dict[str, float]:
    """Return the median seconds of each request."""
    make_pipelines(cluster, datums)
    make_jobs(cluster, job_count)
    channel = grpc.insecure_channel(cluster.server.address.removeprefix("grpc://"))
    lineage = lineage_pb2_grpc.LineageStub(channel)
    pps, some = cluster.pps, f"/file-{datums // 2:07}"
    single, joined = (pps_pb2.Pipeline(name=each) for each in ("single", "joined"))
    (job,) = pps.ListJob(pps_pb2.ListJobRequest(pipeline=single, number=1))
    whole = list(pps.ListDatum(pps_pb2.ListDatumRequest(job=job.job, number=datums // 2)))[-1].datum.id
    specs = {each: spec_json(node) for each, node in (("single", pfs("left", "/*", lazy=True)), ("joined", JOIN))}
    asked: dict[str, Callable[[], object]] = {
        "why, of one input": lambda: listed(lineage.Why(of("single", some))),
        "why, of a join": lambda: listed(lineage.Why(of("joined", some))),
        "impact, on one input and on a join": lambda: listed(lineage.Impact(of("left", some))),
        "explain a job": lambda: lineage.Explain(lineage_pb2.ExplainRequest(job=job.job)),
        "plan, all unchanged": lambda: lineage.Plan(
            lineage_pb2.PlanRequest(create_pipeline_request_json=specs["single"])
        ),
        "plan --reprocess": lambda: lineage.Plan(
            lineage_pb2.PlanRequest(create_pipeline_request_json=specs["single"], reprocess=True)
        ),
        "plan of a join": lambda: lineage.Plan(lineage_pb2.PlanRequest(create_pipeline_request_json=specs["joined"])),
        "list datum, a page from the middle": lambda: listed(
            pps.ListDatum(pps_pb2.ListDatumRequest(job=job.job, number=PAGE, paginationMarker=whole))
        ),
        "list datum, backwards": lambda: listed(
            pps.ListDatum(pps_pb2.ListDatumRequest(job=job.job, number=PAGE, reverse=True))
        ),
        "list datum, the one that ran": lambda: listed(
            pps.ListDatum(pps_pb2.ListDatumRequest(job=job.job, filter={"state": [pps_pb2.DatumState.SUCCESS]}))
        ),
        "list datum, of an input, a page": lambda: listed(
            pps.ListDatum(pps_pb2.ListDatumRequest(input=json_format.ParseDict(JOIN, pps_pb2.Input()), number=PAGE))
        ),
        "inspect datum": lambda: pps.InspectDatum(
            pps_pb2.InspectDatumRequest(datum=pps_pb2.Datum(id=whole, job=job.job))
        ),
        "inspect job": lambda: pps.InspectJob(pps_pb2.InspectJobRequest(job=job.job, details=True)),
        "list job, a page": lambda: listed(pps.ListJob(pps_pb2.ListJobRequest(number=PAGE))),
        "list job, a page of one pipeline": lambda: listed(
            pps.ListJob(pps_pb2.ListJobRequest(number=PAGE, pipeline=joined, history=-1))
        ),
        "list job, by input commit": lambda: listed(
            pps.ListJob(pps_pb2.ListJobRequest(number=PAGE, pipeline=single, history=-1, input_commit=[commit("left")]))
        ),
        "list jobset, a page": lambda: listed(pps.ListJobSet(pps_pb2.ListJobSetRequest(number=PAGE))),
        "list job, all": lambda: listed(pps.ListJob(pps_pb2.ListJobRequest(history=-1))),
        "list pipeline": lambda: listed(pps.ListPipeline(pps_pb2.ListPipelineRequest(details=True))),
        "inspect pipeline": lambda: pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=single, details=True)),
        "list commit, a page": lambda: listed(
            cluster.pfs.ListCommit(
                pfs_pb2.ListCommitRequest(repo=pfs_pb2.Repo(name="single", type="user"), number=PAGE)
            )
        ),
    }
    numbers = count()

    def put_one() -> None:
        cluster.put("left", {f"/file-new{next(numbers)}": "no partner"})
        assert cluster.finished_job("joined").data_total == datums + 1

    asked["one more file of a join, until its job ended"] = put_one
    found = {}
    for what, ask in asked.items():
        ask()
        found[what] = median(seconds(ask) for _ in range(RUNS))
    found["trunkline why, the whole command"] = median(
        seconds(lambda: command(cluster, "why", f"single@master:{some}")) for _ in range(RUNS)
    )
    found["trunkline version, for comparison"] = median(
        seconds(lambda: command(cluster, "version")) for _ in range(RUNS)
    )
    channel.close()
    return found


def make_pipelines(cluster: Cluster, datums: int) -> None:
    """Make one pipeline with an input, and one with a join of two; then one more datum each."""
    for repo in ("left", "right"):
        cluster.create_repo(repo)
        put_many(cluster, repo, datums)
    nodes: dict[str, Any] = {"single": pfs("left"), "joined": JOIN}
    for pipeline, node in nodes.items():
        cluster.create(spec(pipeline, node))
        assert cluster.finished_job(pipeline).data_processed == datums
    for repo in ("left", "right"):
        cluster.put(repo, {f"/file-{datums:07}": "one more"})
    for pipeline in nodes:
        assert cluster.finished_job(pipeline).data_total == datums + 1


def spec(pipeline: str, node: dict[str, Any]) -> dict[str, Any]:
    """Return a spec."""
    return {"pipeline": {"name": pipeline}, "input": node, "transform": {"cmd": ["name"]}}


def spec_json(node: dict[str, Any]) -> str:
    """Return the spec of what may be the first pipeline in JSON."""
    return json.dumps(spec("single", node))


def make_jobs(cluster: Cluster, number: int) -> None:
    """Write as many jobs as rows that are like the newest job's, since to run them takes minutes."""
    with cluster.server.versioning.db.write() as connection:
        newest = connection.execute(select(jobs).order_by(jobs.c.key.desc()).limit(1)).one()._asdict()
        output = connection.execute(select(commits).where(commits.c.key == newest["output_commit"])).one()._asdict()
        inputs = (
            connection.execute(select(commit_provenance.c.upstream).where(commit_provenance.c.commit == output["key"]))
            .scalars()
            .all()
        )
        parent = output.pop("key")
        del newest["key"]
        for _ in range(number):
            own = {"id": uuid4().hex, "parent": parent}
            result = connection.execute(insert(commits).values({**output, **own}))
            assert result.inserted_primary_key is not None
            parent = result.inserted_primary_key[0]
            edges = [{"commit": parent, "upstream": upstream} for upstream in inputs]
            connection.execute(insert(commit_provenance), edges)
            connection.execute(
                insert(jobs).values({**newest, "id": own["id"], "output_commit": parent, "meta_commit": None})
            )
        head = update(branches).where(branches.c.head == newest["output_commit"]).values(head=parent)
        connection.execute(head)


def commit(repo: str) -> pfs_pb2.Commit:
    """Return the head of a repo."""
    return pfs_pb2.Commit(branch=pfs_pb2.Branch(repo=pfs_pb2.Repo(name=repo, type="user"), name="master"))


def of(repo: str, path: str) -> lineage_pb2.LineageRequest:
    """Return the request about a file at the head of a repo."""
    return lineage_pb2.LineageRequest(file=pfs_pb2.File(commit=commit(repo), path=path))


def listed(stream: Iterable[object]) -> None:
    """Read a stream, in which there must be something."""
    assert sum(1 for _ in stream)


def seconds(ask: Callable[[], object]) -> float:
    """Return how long it takes."""
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start


def command(cluster: Cluster, *arguments: str) -> None:
    """Run the command line."""
    environment = {**os.environ, "PACHD_ADDRESS": cluster.server.address}
    program = [str(Path(sys.executable).parent / "trunkline"), *arguments]
    subprocess.run(program, check=True, capture_output=True, env=environment)


if __name__ == "__main__":
    main()
