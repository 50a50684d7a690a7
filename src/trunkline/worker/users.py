"""Who user code runs as."""

import functools
import grp
import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """The ids under which a command runs."""

    uid: int
    gid: int
    groups: tuple[int, ...]


class CommandError(Exception):
    """A command that cannot be started; the text is the reason for the user, and ``detail`` is for the log."""

    def __init__(self, reason: str, *, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


def _find_group(name: str, text: str) -> int:
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise CommandError(f"transform.user {text!r}: no such group on this machine") from None


@functools.lru_cache(maxsize=8)
def find_user(text: str) -> User | None:
    """Return whom to become for ``transform.user``: a user, or ``user:group``, each by name or number.

    None is who we are. Raises CommandError.
    """
    if not text:
        return None
    name, colon, group = text.partition(":")
    try:
        entry = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
        user = User(entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)))
    except KeyError:
        if not name.isdigit():
            raise CommandError(f"transform.user {text!r}: no such user on this machine") from None
        user = User(int(name), int(name), ())
    if colon:
        gid = _find_group(group, text)
        user = User(user.uid, gid, (gid,))
    if user.uid == os.geteuid() and (not colon or user.gid == os.getegid()):
        return None
    if os.geteuid() != 0:
        raise CommandError(f"transform.user {text!r}: only a server that runs as root can run commands as another user")
    return user
