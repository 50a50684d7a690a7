"""The command that gives space back."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli.options import command, pass_session, wire_duration
from trunkline.cli.session import Session
from trunkline.cli.show import human
from trunkline.cli.show.terminal import say


@command("garbage")
@click.option("--grace", default="1h", show_default=True, help="Delete what has been unused for that long.")
@pass_session
def collect_garbage(session: Session, *, grace: str) -> None:
    """Delete data that no commit uses any more.

    A server does this by itself every few hours. What is found to be unused now is deleted by a later pass, once it has
    been unused for the grace period; with --grace 0s in two passes right after each other.
    """
    request = proto.maintenance_pb2.CollectGarbageRequest(grace=wire_duration(grace))
    done = session.client.maintenance.CollectGarbage(request)
    say(f"deleted {done.deleted_objects} objects, {human.size(done.deleted_bytes)}")
    if done.condemned_objects:
        say(f"{done.condemned_objects} more are unused and will be deleted once they have been for {grace}")
    if done.moved_chunks:
        say(f"moved {done.moved_chunks} chunks out of packs that are mostly unused")
