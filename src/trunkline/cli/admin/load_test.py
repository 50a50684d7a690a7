"""Commands that put load on the server and check what comes of it."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session
from trunkline.cli.show.raw import encode, to_dict
from trunkline.cli.show.terminal import say

if TYPE_CHECKING:
    from google.protobuf.message import Message


@command("pfs-load-test")
@click.argument("spec", metavar="[SPEC-FILE]", type=click.File(), required=False)
@click.option("-b", "--branch", default="", metavar="REPO@BRANCH", help="What to write to, instead of a new repo.")
@click.option("-s", "--seed", type=int, default=0, help="What the files are made from, to have the same ones again.")
@click.option("--state-id", default="", help="Go on with a test that was cut off.")
@project_option
@pass_session
def run_pfs_load_test(
    session: Session, *, spec: IO[str] | None, branch: str, seed: int, state_id: str, project: str | None
) -> None:
    """Write random files and check them.

    The file says how many commits with what files; docs/administration.md has the fields. Without one, three tests with
    1.4 GB in all run. Prints what ran, with the seed to repeat it.
    """
    from google.protobuf.empty_pb2 import Empty

    debug = session.client.debug
    if spec is None and not state_id:
        _print(debug.RunPFSLoadTestDefault(Empty()))
        return
    request = proto.debug_pb2.RunPFSLoadTestRequest(spec=_text(spec), seed=seed, state_id=state_id)
    if branch:
        request.branch.CopyFrom(refer.branch(branch, session.project(project)))
    _print(debug.RunPFSLoadTest(request))


@command("pps-load-test")
@click.argument("spec", metavar="[SPEC-FILE]", type=click.File(), required=False)
@click.option("-d", "--dag", type=click.File(), help="A file with a line `name: input1, input2` for each pipeline.")
@click.option("-s", "--seed", type=int, default=0, help="What the files are made from, to have the same ones again.")
@click.option("-p", "--parallelism", type=click.IntRange(min=0), default=0, help="Workers of each pipeline.")
@click.option("--pod-patch", type=click.File(), hidden=True)
@click.option("--state-id", default="", help="Go on with a test that was cut off.")
@pass_session
def run_pps_load_test(
    session: Session,
    *,
    spec: IO[str] | None,
    dag: IO[str] | None,
    seed: int,
    parallelism: int,
    pod_patch: IO[str] | None,
    state_id: str,
) -> None:
    """Write random files, and check what pipelines make.

    The pipelines copy their inputs; without --dag there is one. Without a file, three tests with 1.4 GB in all run.
    """
    from google.protobuf.empty_pb2 import Empty

    pps = session.client.pps
    if spec is None and not state_id:
        _print(pps.RunLoadTestDefault(Empty()))
        return
    request = proto.pps_pb2.RunLoadTestRequest(
        dag_spec=_text(dag), load_spec=_text(spec), seed=seed, parallelism=parallelism, state_id=state_id
    )
    _print(pps.RunLoadTest(request))


def _text(file: IO[str] | None) -> str:
    return "" if file is None else file.read()


def _print(response: Message) -> None:
    """Print what a test answers; raise if it found something wrong."""
    data = to_dict(response)
    say(encode(data, "yaml"))
    if data.get("error"):
        raise click.ClickException(f"the load test failed: {data['error']}")
