"""Commands that look into the server."""

from __future__ import annotations

from typing import IO

import click

from trunkline import proto
from trunkline.cli.options import command, pass_session, wire_duration
from trunkline.cli.session import Session

_LEVELS = ("debug", "info", "error", "off")


@command("log-level")
@click.argument("level", type=click.Choice(_LEVELS, case_sensitive=False))
@click.option("-d", "--duration", default="5m", show_default=True, help="How long until it is as before.")
@click.option("-g", "--grpc", is_flag=True, help="The level of the gRPC library, not of the server itself.")
@click.option("-r", "--recursive/--no-recursive", default=True, hidden=True)
@pass_session
def log_level(session: Session, *, level: str, duration: str, grpc: bool, recursive: bool) -> None:
    """Change what the server logs, for a while."""
    request = proto.debug_pb2.SetLogLevelRequest(duration=wire_duration(duration), recurse=recursive)
    setattr(request, "grpc" if grpc else "pachyderm", proto.debug_pb2.SetLogLevelRequest.LogLevel.Value(level.upper()))
    response = session.client.debug.SetLogLevel(request)
    click.echo(f"level {level} for {duration} at {', '.join(response.affected_pods)}", err=True)


@command("trace")
@click.option("-d", "--duration", default="5s", show_default=True, help="How long, a minute at most.")
@click.option("-o", "--output", type=click.File("wb"), default="-", help="The file to write; - is standard output.")
@pass_session
def trace(session: Session, *, duration: str, output: IO[bytes]) -> None:
    """Record what the server does, in time.

    Open the file in https://ui.perfetto.dev or in Chrome's about:tracing.
    """
    for chunk in session.client.debug.Trace(proto.debug_pb2.TraceRequest(duration=wire_duration(duration))):
        output.write(chunk.content.value)
