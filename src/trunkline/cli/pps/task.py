"""The command for what is being done right now."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli.options import command, pass_session, raw_options
from trunkline.cli.session import Session
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_table


@command("task")
@click.argument("service", type=click.Choice(["pps", "pfs"]))
@click.option("--namespace", default="", metavar="PROJECT/PIPELINE", help="Only those of this pipeline.")
@click.option("--group", default="", metavar="JOB", help="Only those of this job.")
@raw_options
@pass_session
def list_task(session: Session, *, service: str, namespace: str, group: str, raw: str | None) -> None:
    """List the tasks that run.

    For pps these are datum sets; pfs has none, as all is done before its calls return.
    """
    request = proto.taskapi_pb2.ListTaskRequest(group=proto.taskapi_pb2.Group(namespace=namespace, group=group))
    stub = session.client.pps if service == "pps" else session.client.pfs
    tasks = list(stub.ListTask(request))
    if raw:
        print_messages(tasks, raw)
        return
    states = proto.taskapi_pb2.State
    rows = [(task.id, task.group.namespace, states.Name(task.state).lower(), task.input_data) for task in tasks]
    print_table(("ID", "NAMESPACE", "STATE", "INPUT"), rows)
