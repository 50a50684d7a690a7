"""Looking at files with the rights of the user that a command runs as, whoever the worker itself is.

What a script of another user may have put anywhere below ``/pfs`` is found, opened and changed with that user's rights.
So the kernel refuses what the script could not have reached itself, also where names are swapped while we look.
"""

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from trunkline.worker.users import User

_SET_GROUPS = {"x86_64": 116, "aarch64": 159, "riscv64": 159}
_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG = 1, 2
_NOBODY_ELSE = -1
"""What setfsuid takes for a question."""


@contextmanager
def acting_as(user: User | None) -> Iterator[None]:
    """Give this thread, and no other one, the user's rights to files; None is who we are.

    Raises PermissionError if the system does not grant it. Nothing may be yielded to a caller inside.
    """
    if user is None:
        yield
        return
    groups = tuple(os.getgroups())
    signal_number = ctypes.c_int(0)
    _prctl(_PR_GET_PDEATHSIG, ctypes.byref(signal_number))
    try:
        _become(user.uid, user.gid, user.groups)
        yield
    finally:
        _become(os.geteuid(), os.getegid(), groups)
        if signal_number.value:
            # The system forgets it whenever a thread changes its rights.
            _prctl(_PR_SET_PDEATHSIG, signal.Signals(signal_number.value))


def _become(uid: int, gid: int, groups: tuple[int, ...]) -> None:
    # By the bare system calls, which are for one thread: what the C library makes of setgroups is for all of them.
    libc = _libc()
    libc.setfsuid(os.geteuid())  # only who we are may change the others
    known = (ctypes.c_uint32 * len(groups))(*groups)
    if libc.syscall(_set_groups_number(), ctypes.c_long(len(groups)), known) == -1:
        raise PermissionError(ctypes.get_errno(), "the rights of another user cannot be taken")
    libc.setfsgid(gid)
    libc.setfsuid(uid)
    if (libc.setfsuid(_NOBODY_ELSE), libc.setfsgid(_NOBODY_ELSE)) != (uid, gid):
        raise PermissionError("the rights of another user cannot be taken")


def _set_groups_number() -> int:
    number = _SET_GROUPS.get(platform.machine())
    if number is None or sys.platform != "linux":
        raise PermissionError(f"commands cannot run as another user on {sys.platform} {platform.machine()}")
    return number


def _prctl(option: int, argument: object) -> None:
    if sys.platform == "linux":
        _libc().prctl(option, argument, 0, 0, 0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
