"""The process that keeps a mount: started in the background, and what it does until the mount ends."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline import proto
from trunkline.client.mount.blocks import BlockCache
from trunkline.client.mount.files import CommitFiles, NoFiles, has_branch, newest_finished
from trunkline.client.mount.filesystem import MountedFiles, Volume
from trunkline.client.mount.fuse import load_fuse, serve
from trunkline.client.mount.putting import put_changes
from trunkline.client.mount.records import MountState, Outcome, check_mountable
from trunkline.client.mount.targets import Target, name_directories
from trunkline.errors import ConflictError, Error, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from trunkline.client.connection import Client
    from trunkline.proto.pfs_pb2 import CommitInfo

_READY = b"ready\n"
READY_OPTION = "--ready-descriptor"


def start_in_background(arguments: Sequence[str], *, announce: Callable[[str], None]) -> None:
    """Run this program with arguments of `mount` as a process of its own; return when its mount answers.

    What it has to say before that is announced, and what keeps it from mounting is raised.
    """
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "trunkline", "mount", *arguments, READY_OPTION, str(writer)]
    # A session of its own: Ctrl-C and the end of the terminal are not for the mount.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, start_new_session=True, pass_fds=[writer]
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        lines: list[str] = []
        for line in said:
            if line == _READY:
                process.returncode = 0  # It outlives us: keep Popen from warning about a child that still runs.
                for each in lines:
                    announce(each)
                return
            lines.append(line.decode(errors="replace").strip())
    process.wait()
    raise UnavailableError(lines[-1].removeprefix("error: ") if lines else "the mount did not start, and said nothing")


def tell_ready(descriptor: int, log: Path) -> None:
    """Tell the process that waits for this one that the mount answers; what is printed from now on goes to log."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, _READY)
    for printed_to in (1, 2):
        os.dup2(target, printed_to)
    os.close(target)
    os.close(descriptor)


def run_mount(
    client: "Client",
    directory: Path,
    targets: Sequence[Target],
    *,
    ready: Callable[[MountState], None],
    announce: Callable[[str], None],
    told: bool = False,
    debug: bool = False,
) -> Outcome:
    """Mount targets on directory, and when it is unmounted put what was written; return what came of that.

    Branches are resolved once, now. What cannot be put is kept, and the outcome says where. Whoever unmounts is told,
    too, unless the caller tells the user: told.
    """
    binding = load_fuse()
    named = name_directories(targets)
    commits = {name: _resolve(client, target, announce) for name, target in named.items()}
    check_mountable(directory)
    state = MountState.create(directory)
    try:
        cache = BlockCache()
        volumes = {
            name: Volume(
                CommitFiles(client, info) if (info := commits[name]) else NoFiles(),
                state.changes / name if target.writable else None,
                cache=cache,
            )
            for name, target in named.items()
        }
        serve(binding, MountedFiles(volumes), directory, ready=lambda: ready(state), debug=debug)
    except BaseException:
        state.remove()
        raise
    outcome = _put_all(client, named, volumes)
    state.finish(outcome)
    if told:
        state.settle()
    return outcome


def all_targets(client: "Client", project: str, *, write: bool) -> list[Target]:
    """Return the repos of a project, each at its branch ``master``, those that people write to for writing."""
    request = proto.pfs_pb2.ListRepoRequest(type="user", projects=[proto.pfs_pb2.Project(name=project)])
    found = []
    for info in client.pfs.ListRepo(request):
        target = Target(project, info.repo.name)
        exists, is_computed = has_branch(client, target.repo, project, target.reference)
        if exists:
            found.append(Target(project, info.repo.name, writable=write and not is_computed))
    return found


def _resolve(client: "Client", target: Target, announce: Callable[[str], None]) -> "CommitInfo | None":
    pfs = proto.pfs_pb2
    repo = pfs.Repo(name=target.repo, type="user", project=pfs.Project(name=target.project))
    client.pfs.InspectRepo(pfs.InspectRepoRequest(repo=repo))
    exists, is_computed = has_branch(client, target.repo, target.project, target.reference)
    if target.writable and is_computed:
        raise ConflictError(f"{target} is the output of a pipeline: mount it without +w")
    branch = pfs.Branch(repo=repo, name=target.reference if exists else "")
    wanted = pfs.Commit(repo=repo, branch=branch, id="" if exists else target.reference)
    try:
        head = client.pfs.InspectCommit(pfs.InspectCommitRequest(commit=wanted)).commit
    except NotFoundError:
        if target.writable and not exists:
            return None  # The commit that is put will make the branch.
        raise
    commit = newest_finished(client, wanted)
    if commit is None or commit.commit.id != head.id:
        shown = f"what is shown is {commit.commit.id} before it" if commit else "nothing is shown"
        announce(f"{target}: its newest commit {head.id} is not finished; {shown}")
    return commit


def _put_all(client: "Client", named: Mapping[str, Target], volumes: Mapping[str, Volume]) -> Outcome:
    client.follow()
    put, failures = [], []
    for name, target in named.items():
        overlay = volumes[name].overlay
        if overlay is None:
            continue
        try:
            if line := put_changes(client, target, overlay):
                put.append(line)
            overlay.discard()
        except (Error, OSError) as error:
            failures.append(f"{target}: {error}; what was written is kept in {overlay.local('/')}")
    return Outcome(tuple(put), tuple(failures))
