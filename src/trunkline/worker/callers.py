"""Whether a connection on this machine comes from a process below another one, by the kernel's word."""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from trunkline.config import LOOPBACK
from trunkline.worker.commands.processes import descendants

_TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
_MAPPED = bytes(10) + b"\xff\xff"


def is_from_below(pid: int, *, peer_port: int, own_port: int) -> bool:
    """Whether who is connected from one loopback port to another is a process below pid.

    True also where the system does not tell, away from Linux.
    """
    if sys.platform != "linux":
        return True
    wanted = {f"socket:[{inode}]" for inode in _sockets(peer_port, own_port)}
    return bool(wanted) and any(not wanted.isdisjoint(_open_files(each)) for each in descendants(pid))


def _sockets(peer_port: int, own_port: int) -> Iterator[str]:
    """Yield the inodes of the sockets at the far end of a connection; one, unless the tables are changing."""
    ends = [{f"{each}:{port:04X}" for each in _LOOPBACKS} for port in (peer_port, own_port)]
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[1] in ends[0] and fields[2] in ends[1] and fields[9] != "0":
                yield fields[9]


def _open_files(pid: str) -> Iterator[str]:
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(f"{directory}/{name}")
        except OSError:
            continue


def _in_table(packed: bytes) -> str:
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))


# Sockets of IPv6 write an address of IPv4 in their own way.
_LOOPBACKS = tuple(_in_table(prefix + socket.inet_aton(LOOPBACK)) for prefix in (b"", _MAPPED))
