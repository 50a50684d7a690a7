"""Whose the other end of a TCP connection on this machine is, by the kernel's word.

A connection is named by both ends' addresses and ports. Those of a connection that was closed may be another user's
a moment later, so nothing is kept: the kernel is asked each time (10 to 30 microseconds).
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import unquote

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_ANY = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_BODY_HEAD = struct.Struct("=BBBxI")
_PORTS = struct.Struct("!HH")
_BODY_TAIL = struct.Struct("=III")
# Of the answer: family, state; ports, addresses; interface, cookie; expires, queues; uid, inode.
_ANSWER = struct.Struct("=BBBB4s16s16s12s12sII")
_ANSWER_BYTES_MAX = 8192
_LISTENING = 10
_TABLES = Path("/proc/self/net")
_MAPPED = bytes(10) + b"\xff\xff"

Ip = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP connection as its far end sees it: from the caller's address and port to ours."""

    peer: Ip
    peer_port: int
    own: Ip
    own_port: int


class UnansweredError(Exception):
    """The kernel cannot be asked this way."""


def parse_peer(text: str) -> tuple[Ip, int] | None:
    """Return address and port of what gRPC calls a peer, such as ``ipv6:%5B::1%5D:4711``, or None."""
    kind, _, rest = text.partition(":")
    host, _, port = unquote(rest).rpartition(":")
    if kind not in ("ipv4", "ipv6") or not port.isdecimal():
        return None
    try:
        return _parsed(host.strip("[]")), int(port)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _parsed(host: str) -> Ip:
    return _plain(ip_address(host))


def loopback_addresses(host: str) -> dict[int, Ip]:
    """Return where a server that listens on host is called from this machine, by version of IP."""
    if host == "localhost":
        return {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}
    try:
        address = ip_address(host)
    except ValueError:
        return {}
    return {address.version: address}


def uid_of(connection: Connection) -> int | None:
    """Return the uid of the user whose socket is the far end, or None if the system gives no clear word on it.

    That is so for what is not of this machine, for a socket that is closed already, and away from Linux.
    """
    if not (connection.peer.is_loopback and connection.own.is_loopback):
        return None
    for ask in (_ask_netlink, _read_table):
        try:
            return ask(connection)
        except UnansweredError:
            continue
    return None


def uid_of_accepted(accepted: socket.socket) -> int | None:
    """Return the uid of the user at the far end of a connection that we accepted, or None, as `uid_of` does."""
    try:
        peer, own = accepted.getpeername(), accepted.getsockname()
        connection = Connection(_plain(ip_address(peer[0])), peer[1], _plain(ip_address(own[0])), own[1])
        uid = uid_of(connection)
        # It is still there, so that nobody else can have had these ports meanwhile.
        accepted.getpeername()
    except (OSError, ValueError):
        return None
    return uid


def tells_users_apart(own_uid: int, *, proc: Path = Path("/proc")) -> bool:
    """Return whether another user's uid can be told from own_uid.

    In a user namespace all users outside of it have one number, which may be ours.
    """
    try:
        overflow = int((proc / "sys/kernel/overflowuid").read_text())
        is_initial = (proc / "self/uid_map").read_text().split() == ["0", "0", str(_ANY)]
    except (OSError, ValueError):
        return True
    return is_initial or own_uid != overflow


def _plain(address: Ip) -> Ip:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _ask_netlink(connection: Connection) -> int | None:
    family = socket.AF_INET if connection.peer.version == 4 else socket.AF_INET6
    ports = _PORTS.pack(connection.peer_port, connection.own_port)
    addresses = connection.peer.packed.ljust(16, b"\0"), connection.own.packed.ljust(16, b"\0")
    body = _BODY_HEAD.pack(family, socket.IPPROTO_TCP, 0, _ANY) + ports + b"".join(addresses)
    body += _BODY_TAIL.pack(0, _ANY, _ANY)
    question = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + body
    answer = _answer(question)
    if len(answer) < _HEADER.size + _ANSWER.size:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number == errno.ENOENT:
            return None
        raise UnansweredError(os.strerror(number))
    family, state, _, _, *named, _, _, uid, inode = _ANSWER.unpack_from(answer, _HEADER.size)
    found = named[0], _address(family, named[1]), _address(family, named[2])
    # Where there is no such connection, the kernel looks for a listener at that end. Nor has what is closed an owner:
    # it is told as root's, without an inode.
    is_it = state != _LISTENING and found == (ports, connection.peer, connection.own) and inode != 0
    return int(uid) if is_it else None


_idle: list[socket.socket] = []
_IDLE_MAX = 32


def _answer(question: bytes) -> bytes:
    """Ask by a socket that nobody else uses meanwhile; the kernel has answered when it has taken the question."""
    try:
        netlink = _idle.pop()
    except IndexError:
        netlink = _open_netlink()
    try:
        netlink.send(question)
        answer = netlink.recv(_ANSWER_BYTES_MAX)
    except OSError as error:
        netlink.close()
        raise UnansweredError from error
    if len(_idle) < _IDLE_MAX:
        _idle.append(netlink)
    else:
        netlink.close()
    return answer


def _open_netlink() -> socket.socket:
    try:
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG)
    except (OSError, AttributeError) as error:  # a sandbox, or no Linux
        raise UnansweredError from error
    netlink.setblocking(False)
    netlink.connect((0, 0))
    return netlink


def _address(family: int, packed: bytes) -> Ip:
    return IPv4Address(packed[:4]) if family == socket.AF_INET else _plain(IPv6Address(packed))


def _read_table(connection: Connection) -> int | None:
    """Look the connection up in the kernel's table of all, for where netlink is closed to us."""
    ends = (connection.peer, connection.peer_port), (connection.own, connection.own_port)
    wanted = [" ".join(_in_table(packed, port) for packed, port in each) for each in _spellings(ends)]
    try:
        lines = [line for name in ("tcp", "tcp6") for line in (_TABLES / name).read_text().splitlines()[1:]]
    except OSError as error:
        raise UnansweredError from error
    for line in lines:
        fields = line.split()
        if " ".join(fields[1:3]) in wanted and fields[9] != "0":
            return int(fields[7])
    return None


def _spellings(ends: tuple[tuple[Ip, int], ...]) -> Iterator[list[tuple[bytes, int]]]:
    """Yield the ends as sockets have them: sockets of IPv6 write addresses of IPv4 in their own way."""
    yield [(address.packed, port) for address, port in ends]
    if ends[0][0].version == 4:
        yield [(_MAPPED + address.packed, port) for address, port in ends]


def _in_table(packed: bytes, port: int) -> str:
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
