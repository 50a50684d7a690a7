"""The service ``debug_v2.Debug``: what to send along with a report of a problem."""

import io
import json
import platform
import sys
import tarfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import distributions

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline import __version__
from trunkline.api import wire
from trunkline.api.load_tests import LoadTestMethods
from trunkline.errors import InvalidInputError
from trunkline.pfs import branches, commits, repos
from trunkline.pfs.versioning import Versioning
from trunkline.proto import debug_pb2, debug_pb2_grpc

_SAMPLES_PER_SECOND = 100
_SECONDS_MAX = 60.0
_COMMITS_MAX = 1000
_PIECE_BYTES = 1024 * 1024


class DebugService(LoadTestMethods, debug_pb2_grpc.DebugServicer):
    """Archives as streams of gzipped tar."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning

    def Profile(self, request: debug_pb2.ProfileRequest, context: grpc.ServicerContext) -> Iterator[BytesValue]:
        """Answer with the call stacks of all threads, sampled, in the folded form that flame graphs are drawn from."""
        seconds = request.profile.duration.ToTimedelta().total_seconds() or 1.0
        if seconds > _SECONDS_MAX:
            raise InvalidInputError(f"a profile takes at most {_SECONDS_MAX:.0f} seconds")
        stacks = _sample_stacks(seconds, context)
        lines = "".join(f"{stack} {count}\n" for stack, count in stacks.most_common())
        yield from _pieces(_archive({f"{request.profile.name or 'cpu'}.folded": lines}))

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


def _sample_stacks(seconds: float, context: grpc.ServicerContext) -> Counter[str]:
    stacks: Counter[str] = Counter()
    own = threading.get_ident()
    end = time.monotonic() + seconds
    while time.monotonic() < end and context.is_active():
        for number, frame in sys._current_frames().items():
            if number != own:
                calls = traceback.extract_stack(frame, limit=40)
                stacks[";".join(f"{call.name} {call.filename}:{call.lineno}" for call in calls)] += 1
        time.sleep(1 / _SAMPLES_PER_SECOND)
    return stacks


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
