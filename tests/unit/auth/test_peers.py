"""Whose a connection is. Real sockets; another user is played by giving a socket away, as only root can."""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest

from trunkline.auth import peers
from trunkline.auth.peers import Connection, parse_peer, tells_users_apart, uid_of, uid_of_accepted
from trunkline.testing.ordinary_user import NOBODY

ASKING = {"netlink": peers._ask_netlink, "table": peers._read_table}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give sockets away")


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as listening:
        yield listening


@pytest.fixture(params=list(ASKING))
def ask(request: pytest.FixtureRequest) -> Callable[[Connection], int | None]:
    return ASKING[request.param]


def named(client: socket.socket) -> Connection:
    """Return the connection of a client as the server's end names it."""
    (peer, peer_port, *_), (own, own_port, *_) = client.getsockname(), client.getpeername()
    found = ip_address(peer.removeprefix("::ffff:")), peer_port, ip_address(own.removeprefix("::ffff:")), own_port
    return Connection(*found)


def test_our_own_connection_is_ours(listener: socket.socket, ask: Callable[[Connection], int | None]) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as client:
        assert ask(named(client)) == os.geteuid()


def test_a_socket_of_ipv6_that_calls_an_address_of_ipv4_is_found(ask: Callable[[Connection], int | None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", listening.getsockname()[1]))

        assert ask(named(client)) == os.geteuid()


@needs_root
def test_another_users_connection_is_that_users(
    listener: socket.socket, ask: Callable[[Connection], int | None]
) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as client:
        os.fchown(client.fileno(), NOBODY, NOBODY)

        assert ask(named(client)) == NOBODY


def test_a_connection_that_its_user_has_closed_is_nobodys_and_not_roots(
    listener: socket.socket, ask: Callable[[Connection], int | None]
) -> None:
    client = socket.create_connection(listener.getsockname()[:2])
    connection = named(client)
    accepted, _ = listener.accept()
    client.close()

    assert ask(connection) is None  # it is closed at one end
    accepted.close()
    assert ask(connection) is None  # it lingers


def test_a_listener_at_the_far_end_is_not_taken_for_the_connection(
    listener: socket.socket, ask: Callable[[Connection], int | None]
) -> None:
    host, port, *_ = listener.getsockname()

    assert ask(Connection(ip_address(host), port, ip_address(host), port + 1)) is None


@needs_root
def test_who_comes_to_a_port_that_was_anothers_is_asked_for_anew(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as first:
        connection = named(first)
        assert uid_of(connection) == os.geteuid()
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no lingering: reset
    with socket.socket(listener.family) as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        second.bind((str(connection.peer), connection.peer_port))
        second.connect(listener.getsockname()[:2])
        os.fchown(second.fileno(), NOBODY, NOBODY)

        assert named(second) == connection
        assert uid_of(connection) == NOBODY


def test_an_accepted_connection_that_was_reset_is_nobodys(listener: socket.socket) -> None:
    client = socket.create_connection(listener.getsockname()[:2])
    accepted, _ = listener.accept()
    with closing(accepted):
        assert uid_of_accepted(accepted) == os.geteuid()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

        assert uid_of_accepted(accepted) is None


def test_where_netlink_is_refused_the_table_is_read_and_without_either_there_is_no_word(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as client:
        monkeypatch.setattr(peers, "_idle", [])
        monkeypatch.delattr(socket, "AF_NETLINK")

        assert uid_of(named(client)) == os.geteuid()
        monkeypatch.setattr(peers, "_TABLES", Path("/nowhere"))
        assert uid_of(named(client)) is None


def test_what_is_of_another_machine_has_no_user_here() -> None:
    assert uid_of(Connection(ip_address("192.0.2.7"), 4711, ip_address("192.0.2.1"), 30650)) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ipv4:127.0.0.1:4711", ("127.0.0.1", 4711)),
        ("ipv6:%5B::1%5D:4711", ("::1", 4711)),
        ("ipv6:[::1]:4711", ("::1", 4711)),
        ("ipv6:%5B::ffff:127.0.0.1%5D:4711", ("127.0.0.1", 4711)),
        ("unix:/tmp/x:1", None),
        ("ipv4:nonsense:1", None),
        ("ipv4:127.0.0.1:²", None),
        ("", None),
    ],
)
def test_peers_of_grpc_are_read(text: str, found: tuple[str, int] | None) -> None:
    assert parse_peer(text) == (found and (ip_address(found[0]), found[1]))


@pytest.mark.parametrize(
    ("own_uid", "uid_map", "overflow", "apart"),
    [
        (1000, "0 0 4294967295", "65534", True),
        (65534, "0 0 4294967295", "65534", True),
        (1000, "0 100000 65536", "65534", True),
        (65534, "0 100000 65536", "65534", False),
    ],
)
def test_in_a_user_namespace_the_number_of_all_others_tells_nothing(
    tmp_path: Path, own_uid: int, uid_map: str, overflow: str, apart: bool
) -> None:
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "sys/kernel/overflowuid").write_text(f"{overflow}\n")
    (tmp_path / "self/uid_map").write_text(f"         {uid_map}\n")

    assert tells_users_apart(own_uid, proc=tmp_path) is apart
