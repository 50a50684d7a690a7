"""A private mount namespace in which ``/pfs`` is a directory of ours, for root and for ordinary users.

Imports nothing but the standard library, for two reasons: a user namespace needs a process with one thread, and numeric
libraries start threads when they are imported; and an interpreter that cannot see our package can run this file as a
probe (see `probe`).
"""

import ctypes
import os
import platform
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

VIEW = "/pfs"

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_REMOUNT, _MS_BIND, _MS_REC = 1, 2, 32, 4096, 16384
_MS_UNBINDABLE, _MS_PRIVATE = 1 << 17, 1 << 18
_MNT_DETACH = 2
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_PR_SET_DUMPABLE = 4
_CAP_SYS_PTRACE, _CAP_SYS_ADMIN, _CAP_PERFMON = 19, 21, 38
_CAPABILITY_VERSION_3 = 0x20080522
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
_ROOT_OPTIONS = b"size=1m,mode=755"
_MASK_OPTIONS = b"size=1m,mode=711"
_ESCAPED = re.compile(r"\\([0-7]{3})")


class NamespaceError(Exception):
    """This host does not give us a mount namespace; the text says which step was refused."""


@dataclass(frozen=True, slots=True)
class _Capabilities:
    effective: int
    permitted: int
    inheritable: int


@dataclass(frozen=True, slots=True)
class Hiding:
    """A directory that programs in the view are not to see, and what lies in it that they are to see all the same."""

    directory: Path
    kept: Sequence[Path] = ()


def enter(scratch: Path, hiding: Hiding | None = None) -> int | None:
    """Put this process, and all that it starts from now on, into a view where ``/pfs`` is ``scratch/pfs``.

    Everything else of the file system stays as it was, but for what is hidden: there is an empty directory in its
    place, wherever it is mounted. Returns a descriptor by which this process alone gets to what is hidden. Afterwards
    nobody in the view can mount or unmount. Call it before anything has started a thread, and `check` before it: a
    failure half way leaves the process unusable.
    """
    pfs, root = scratch / "pfs", scratch / "root"
    pfs.mkdir(parents=True, exist_ok=True)
    root.mkdir(exist_ok=True)
    working_dir = os.getcwd()
    others = [] if hiding is None else list(_other_places(os.path.realpath(hiding.directory)))
    if not _may_mount():
        _enter_user_namespace()
    else:
        _call("unshare", _CLONE_NEWNS)
    _build_root(root, pfs)
    hidden = _hide(root, hiding, others, scratch) if hiding is not None else None
    _pivot(root)
    os.chdir(working_dir)
    _drop_mount_rights()
    return hidden


def check(scratch: Path, hiding: Hiding | None = None) -> str:
    """Return why `enter` would fail here, or "" if it works. Tries it in a forked child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _report(writer, lambda: enter(scratch, hiding))
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as report:
        reason = report.read()
    _, status = os.waitpid(child, 0)
    return reason or ("" if status == 0 else f"the attempt ended with status {status}")


def close_to_others() -> None:
    """Keep this process's memory, descriptors and environment from other processes of its user."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def probe(scratch: Path) -> str:
    """Return what `check` returns, from a process of its own: right for a caller that has threads."""
    command = [sys.executable, "-I", "-S", __file__, str(scratch)]
    attempt = subprocess.run(command, capture_output=True, text=True, check=False)
    return attempt.stdout.strip() if attempt.returncode == 0 else attempt.stderr.strip() or "the probe failed"


def _report(writer: int, attempt: Callable[[], object]) -> None:
    status = 1
    try:
        attempt()
        status = 0
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        os.write(writer, str(error).encode())
    finally:
        os._exit(status)


def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise NamespaceError("mount namespaces need Linux")
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *args: object) -> None:
    if getattr(_libc(), name)(*args) == -1:
        raise NamespaceError(f"{name}: {os.strerror(ctypes.get_errno())}")


def _mount(source: bytes | None, target: str, kind: bytes | None, flags: int, data: bytes | None = None) -> None:
    try:
        _call("mount", source, os.fsencode(target), kind, ctypes.c_ulong(flags), data)
    except NamespaceError as error:
        raise NamespaceError(f"{error} ({target})") from None


def _may_mount() -> bool:
    return bool(_capabilities().effective & (1 << _CAP_SYS_ADMIN))


def _enter_user_namespace() -> None:
    """Become the owner of a user namespace in which our ids keep their numbers, so that files stay ours."""
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    except OSError as error:
        raise NamespaceError(f"user namespace: {error}") from None


def _build_root(root: Path, pfs: Path) -> None:
    """Make root a tiny file system that shows every entry of the present ``/``, and pfs as ``/pfs``."""
    _mount(b"none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount(b"tmpfs", str(root), b"tmpfs", _MS_NOSUID, _ROOT_OPTIONS)
    # The new root lies below one of the directories that are bound into it: keep it out of its own copy.
    _mount(None, str(root), None, _MS_UNBINDABLE)
    for entry in os.scandir("/"):
        if entry.path != VIEW:
            _show(entry, root / entry.name)
    (root / "pfs").mkdir()
    _mount(os.fsencode(pfs), str(root / "pfs"), None, _MS_BIND)


def _show(entry: "os.DirEntry[str]", place: Path) -> None:
    if entry.is_symlink():
        place.symlink_to(os.readlink(entry.path))
        return
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        place.mkdir()
        _mount(os.fsencode(entry.path), str(place), None, _MS_BIND | _MS_REC)
    elif stat.S_ISREG(mode):
        place.touch()
        _mount(os.fsencode(entry.path), str(place), None, _MS_BIND)


def _hide(root: Path, hiding: Hiding, others: Sequence[str], scratch: Path) -> int:
    """Lay an empty directory over one in the new root, and over the other ways to it. Return a descriptor of it."""
    directory = os.path.realpath(hiding.directory)
    hidden = os.open(f"{root}{directory}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    places = [directory, *(place for place in others if os.path.isdir(f"{root}{place}"))]
    for place in places:
        _mount(b"tmpfs", f"{root}{place}", b"tmpfs", _MS_NOSUID, _MASK_OPTIONS)
    own = os.path.realpath(scratch)
    # What lies in the scratch directory is there with it: a mount of its own would keep things from being moved.
    others_kept = [kept for kept in map(os.path.realpath, hiding.kept) if not _is_within(kept, own)]
    for kept in (own, *others_kept):
        if kept.startswith(f"{directory}/"):
            os.makedirs(f"{root}{kept}", exist_ok=True)
            _mount(os.fsencode(kept), f"{root}{kept}", None, _MS_BIND | _MS_REC)
    for place in places:
        _mount(None, f"{root}{place}", None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID)
    return hidden


def _other_places(directory: str) -> Iterator[str]:
    """Yield where else a directory, or something below it, is mounted."""
    mounts = list(_mounts())
    above = [mount for mount in mounts if _is_within(directory, mount.place)]
    if not above:
        return
    holder = max(reversed(above), key=lambda mount: len(mount.place))  # of several in one place the last one counts
    inside = _joined(holder.inside, directory[len(holder.place.rstrip("/")) :])
    identity = _identity(directory)
    for mount in mounts:
        if mount.device != holder.device or _is_within(mount.place, directory):
            continue
        if _is_within(inside, mount.inside):
            place = _joined(mount.place, inside[len(mount.inside.rstrip("/")) :])
            if place != directory and _identity(place) == identity:
                yield place
        elif _is_within(mount.inside, inside) and os.path.isdir(mount.place):
            yield mount.place


@dataclass(frozen=True, slots=True)
class _Mount:
    """That a directory of a device's file system is seen at a place."""

    device: str
    inside: str
    place: str


def _mounts() -> Iterator[_Mount]:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, device, inside, place, *_ = line.split(" ")
        yield _Mount(device, _unescaped(inside), _unescaped(place))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def _is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _joined(directory: str, rest: str) -> str:
    return directory.rstrip("/") + rest or "/"


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _pivot(root: Path) -> None:
    os.chdir(root)
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise NamespaceError(f"pivot_root: its number is not known on {platform.machine()}")
    _call("syscall", number, b".", b".")
    # Both roots are stacked on "." now: this takes away the upper, old one.
    _call("umount2", b".", _MNT_DETACH)
    os.chdir("/")
    # A file written beside /pfs would go to memory and vanish: refuse it instead.
    _mount(None, "/", None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID)


def _drop_mount_rights() -> None:
    """Give up what could undo the view, for this process and for every program that it will execute."""
    libc = _libc()
    if os.geteuid() == 0:
        # Without the others, programs may look at what they start, but not at the server, nor at us, with the ways to
        # what is hidden.
        for capability in (_CAP_SYS_ADMIN, _CAP_SYS_PTRACE, _CAP_PERFMON):
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        _set_capabilities(_without(_capabilities(), _CAP_SYS_ADMIN))
    else:
        _set_capabilities(_Capabilities(0, 0, 0))
        _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _may_mount():
        raise NamespaceError("capset: CAP_SYS_ADMIN is still there")


def _without(caps: _Capabilities, number: int) -> _Capabilities:
    keep = ~(1 << number)
    return _Capabilities(caps.effective & keep, caps.permitted & keep, caps.inheritable & keep)


def _capabilities() -> _Capabilities:
    data = (ctypes.c_uint32 * 6)()
    _call("capget", _header(), data)
    return _Capabilities(data[0] | data[3] << 32, data[1] | data[4] << 32, data[2] | data[5] << 32)


def _set_capabilities(caps: _Capabilities) -> None:
    values = (caps.effective, caps.permitted, caps.inheritable)
    low, high = [value & 0xFFFFFFFF for value in values], [value >> 32 for value in values]
    _call("capset", _header(), (ctypes.c_uint32 * 6)(*low, *high))


def _header() -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)


if __name__ == "__main__":
    sys.stdout.write(check(Path(sys.argv[1])))
