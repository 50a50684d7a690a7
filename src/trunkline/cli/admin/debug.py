"""Commands that look into the server."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from trunkline import proto
from trunkline.cli.options import command, pass_session, wire_duration
from trunkline.cli.session import Session
from trunkline.cli.show.raw import encode, to_dict
from trunkline.cli.show.terminal import say
from trunkline.cli.transfer.downloads import write_file
from trunkline.errors import InvalidInputError

if TYPE_CHECKING:
    from google.protobuf.wrappers_pb2 import BytesValue

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
    say(f"level {level} for {duration} at {', '.join(response.affected_pods)}", err=True)


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


_archive_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))


@command("dump")
@_archive_argument
@click.option("-t", "--template", type=click.File(), help="What to collect, as `debug template` prints it.")
@pass_session
def dump(session: Session, *, file: Path, template: IO[str] | None) -> None:
    """Write an archive for a report of a problem: versions, threads, repos and commits.

    It has names and times, and no content of files. FILE is a .tar.gz; - is standard output.
    """
    request = _template(session) if template is None else _read_template(template)
    _write(_contents(session.client.debug.DumpV2(request)), file)


def _contents(chunks: Iterable[proto.debug_pb2.DumpChunk]) -> Iterator[BytesValue]:
    from google.protobuf.wrappers_pb2 import BytesValue

    for chunk in chunks:
        if chunk.HasField("progress"):
            told = chunk.progress
            say(f"collected {told.task} ({told.progress} of {told.total})", err=True)
        else:
            yield BytesValue(value=chunk.content.content)


@command("template")
@pass_session
def template(session: Session) -> None:
    """Print what `debug dump` collects, to be changed and given to it."""
    say(encode(to_dict(_template(session)), "yaml"))


def _template(session: Session) -> proto.debug_pb2.DumpV2Request:
    return session.client.debug.GetDumpV2Template(proto.debug_pb2.GetDumpV2TemplateRequest()).request


def _read_template(file: IO[str]) -> proto.debug_pb2.DumpV2Request:
    import yaml
    from google.protobuf.json_format import ParseDict, ParseError

    try:
        return ParseDict(yaml.safe_load(file) or {}, proto.debug_pb2.DumpV2Request())
    except (yaml.YAMLError, ParseError, AttributeError, ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError(f"{file.name}: not what `debug template` prints: {error}") from error


@command("profile")
@click.argument("profile", metavar="NAME")
@_archive_argument
@click.option("-d", "--duration", default="5s", show_default=True, help="How long, a minute at most.")
@pass_session
def profile(session: Session, *, profile: str, file: Path, duration: str) -> None:
    """Write an archive with what the server's threads do, for a flame graph.

    NAME, such as cpu, names the file in the archive; there is one kind of profile, samples of all call stacks.
    """
    wanted = proto.debug_pb2.Profile(name=profile, duration=wire_duration(duration))
    _write(session.client.debug.Profile(proto.debug_pb2.ProfileRequest(profile=wanted)), file)


@command("binary")
@_archive_argument
@pass_session
def binary(session: Session, *, file: Path) -> None:
    """Write an archive with the versions of all that the server runs on."""
    _write(session.client.debug.Binary(proto.debug_pb2.BinaryRequest()), file)


def _write(pieces: Iterable[BytesValue], file: Path) -> None:
    if str(file) != "-":
        write_file(pieces, file)
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece.value)
    sys.stdout.buffer.flush()
