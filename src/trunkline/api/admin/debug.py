"""The service ``debug_v2.Debug``: what to send along with a report of a problem."""

import io
import json
import logging
import platform
import sys
import tarfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import distributions

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline import __version__
from trunkline.api.admin.load_tests import LoadTestMethods
from trunkline.api.admin.sampling import count_stacks, take_samples, trace
from trunkline.api.wire import pfs as wire
from trunkline.errors import InvalidInputError
from trunkline.pfs import repos
from trunkline.pfs.history import branches, commits
from trunkline.pfs.versioning import Versioning
from trunkline.proto import debug_pb2, debug_pb2_grpc
from trunkline.telemetry import OFF, LogLevels

_SECONDS_MAX = 60.0
_COMMITS_MAX = 1000
_PIECE_BYTES = 1024 * 1024
_LEVEL_SECONDS_MAX = 24 * 3600
_Level = debug_pb2.SetLogLevelRequest.LogLevel
_LEVELS = {_Level.DEBUG: logging.DEBUG, _Level.INFO: logging.INFO, _Level.ERROR: logging.ERROR, _Level.OFF: OFF}
_LOGGERS = {"pachyderm": "trunkline", "grpc": "grpc"}


class DebugService(LoadTestMethods, debug_pb2_grpc.DebugServicer):
    """Archives as streams of gzipped tar."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._levels = LogLevels()

    def Profile(self, request: debug_pb2.ProfileRequest, context: grpc.ServicerContext) -> Iterator[BytesValue]:
        """Answer with the call stacks of all threads, sampled, in the folded form that flame graphs are drawn from."""
        duration = request.profile.duration if request.profile.HasField("duration") else Duration(seconds=1)
        seconds = _seconds(duration, "a profile")
        stacks = count_stacks(take_samples(seconds, is_wanted=context.is_active))
        lines = "".join(f"{stack} {count}\n" for stack, count in stacks.most_common())
        yield from _pieces(_archive({f"{request.profile.name or 'cpu'}.folded": lines}))

    def Trace(self, request: debug_pb2.TraceRequest, context: grpc.ServicerContext) -> Iterator[debug_pb2.TraceChunk]:
        """Answer with what each thread did and when, as JSON that Perfetto and Chrome show."""
        seconds = _seconds(request.duration, "a trace")
        found = json.dumps(trace(take_samples(seconds, is_wanted=context.is_active))).encode()
        for piece in _pieces(found):
            yield debug_pb2.TraceChunk(content=piece)

    def SetLogLevel(
        self, request: debug_pb2.SetLogLevelRequest, context: grpc.ServicerContext
    ) -> debug_pb2.SetLogLevelResponse:
        """Change what the server logs for a while. It is all of the installation, so there is nothing to recurse to."""
        kind = request.WhichOneof("level")
        level = _LEVELS.get(getattr(request, kind)) if kind else None
        if kind is None or level is None:
            raise InvalidInputError("validate request: level: it is one of DEBUG, INFO, ERROR and OFF")
        seconds = request.duration.ToTimedelta().total_seconds()
        if not 0 < seconds <= _LEVEL_SECONDS_MAX:
            raise InvalidInputError("validate request: duration: a level holds for more than 0 seconds, at most a day")
        self._levels.change(_LOGGERS[kind], level, seconds=seconds)
        return debug_pb2.SetLogLevelResponse(affected_pods=[platform.node() or "server"])

    def Binary(self, request: debug_pb2.BinaryRequest, context: grpc.ServicerContext) -> Iterator[BytesValue]:
        """Answer with what runs, which is an interpreter with packages instead of one binary."""
        yield from _pieces(_archive(_versions()))

    def GetDumpV2Template(
        self, request: debug_pb2.GetDumpV2TemplateRequest, context: grpc.ServicerContext
    ) -> debug_pb2.GetDumpV2TemplateResponse:
        everything = debug_pb2.DumpV2Request(system=debug_pb2.System(version=True, database=True), input_repos=True)
        return debug_pb2.GetDumpV2TemplateResponse(request=everything)

    def DumpV2(self, request: debug_pb2.DumpV2Request, context: grpc.ServicerContext) -> Iterator[debug_pb2.DumpChunk]:
        tasks: dict[str, Callable[[], Mapping[str, str]]] = {"threads": lambda: {"threads.txt": _thread_stacks()}}
        if request.system.version:
            tasks["version"] = _versions
        if request.system.database or request.input_repos:
            tasks["versions of files"] = self._rows
        files: dict[str, str] = {}
        for number, (task, collect) in enumerate(tasks.items(), start=1):
            files.update(collect())
            yield debug_pb2.DumpChunk(progress=debug_pb2.DumpProgress(task=task, total=len(tasks), progress=number))
        for piece in _pieces(_archive(files)):
            yield debug_pb2.DumpChunk(content=debug_pb2.DumpContent(content=piece.value))

    def Dump(self, request: debug_pb2.DumpRequest, context: grpc.ServicerContext) -> Iterator[BytesValue]:
        """Answer as `DumpV2` of everything, without the progress; older clients ask for it."""
        everything = self.GetDumpV2Template(debug_pb2.GetDumpV2TemplateRequest(), context).request
        for chunk in self.DumpV2(everything, context):
            if chunk.HasField("content"):
                yield BytesValue(value=chunk.content.content)

    def _rows(self) -> Mapping[str, str]:
        with self._versioning.reading() as tx:
            found: dict[str, Sequence[Message]] = {
                "repos": [wire.repo_info(info, details=True) for info in repos.list_repos(tx)],
                "branches": [wire.branch_info(info) for info in branches.list_branches(tx)],
                "commits": [
                    wire.commit_info(info)
                    for info in commits.inspect_commits(tx, commits.list_commits(tx, None, number=_COMMITS_MAX))
                ],
            }
        return {
            f"{name}.json": json.dumps([MessageToDict(message) for message in messages], indent=1)
            for name, messages in found.items()
        }


def _versions() -> Mapping[str, str]:
    packages = sorted(f"{each.name}=={each.version}\n" for each in distributions())
    about = f"trunkline {__version__}\npython {sys.version}\n{platform.platform()}\n"
    return {"version.txt": about, "packages.txt": "".join(packages)}


def _thread_stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames()
    return "\n".join(
        f"{names.get(number, number)}\n{''.join(traceback.format_stack(frame))}" for number, frame in frames.items()
    )


def _seconds(duration: Duration, what: str) -> float:
    """Return a duration that something may take, or raise InvalidInputError."""
    seconds: float = duration.ToTimedelta().total_seconds()
    if seconds <= 0:
        raise InvalidInputError(f"validate request: duration: {what} takes more than 0 seconds")
    if seconds > _SECONDS_MAX:
        raise InvalidInputError(f"validate request: duration: {what} takes at most {_SECONDS_MAX:.0f} seconds")
    return seconds


def _archive(files: Mapping[str, str]) -> bytes:
    """Return texts as a gzipped tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _pieces(data: bytes) -> Iterator[BytesValue]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield BytesValue(value=data[start : start + _PIECE_BYTES])
