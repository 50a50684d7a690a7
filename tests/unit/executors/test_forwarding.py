"""Ports that lead to others."""

import socket
import threading
from collections.abc import Iterator

import pytest

from trunkline.executors.forwarding import Forwarding


@pytest.fixture
def forwarding() -> Iterator[Forwarding]:
    opened = Forwarding()
    yield opened
    opened.close()


@pytest.fixture
def target() -> Iterator[socket.socket]:
    """A socket that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def port() -> int:
    """A port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def echo_once(listening: socket.socket, prefix: bytes) -> threading.Thread:
    """Answer one connection with what it sent, once it has sent all."""

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            data = bytearray()
            while piece := connection.recv(65536):
                data += piece
            connection.sendall(prefix + data)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def ask(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while piece := connection.recv(65536):
            answer += piece
        return bytes(answer)


def test_bytes_go_both_ways_and_each_way_ends_by_itself(
    forwarding: Forwarding, target: socket.socket, port: int
) -> None:
    assert forwarding.set({port: target.getsockname()[1]}) == {}
    answering = echo_once(target, b">")
    data = bytes(range(256)) * 10_000

    assert ask(port, data) == b">" + data
    answering.join()


def test_a_connection_waits_for_a_target_that_is_just_coming(forwarding: Forwarding, port: int) -> None:
    with socket.socket() as late:
        late.bind(("127.0.0.1", 0))
        forwarding.set({port: late.getsockname()[1]})
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"early")
            connection.shutdown(socket.SHUT_WR)
            late.listen()
            answering = echo_once(late, b"")

            assert connection.recv(100) == b"early"
            answering.join()


def test_a_port_that_is_taken_is_told_and_the_others_work(
    forwarding: Forwarding, target: socket.socket, port: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        problems = forwarding.set({taken: 1, port: target.getsockname()[1]})

        assert problems == {taken: "Address already in use"}
    answering = echo_once(target, b"")
    assert ask(port, b"x") == b"x"
    answering.join()
    assert forwarding.set({taken: target.getsockname()[1], port: target.getsockname()[1]}) == {}


def test_a_port_that_is_no_longer_wanted_is_free_and_its_connections_end(
    forwarding: Forwarding, target: socket.socket, port: int
) -> None:
    forwarding.set({port: target.getsockname()[1]})
    with socket.create_connection(("127.0.0.1", port)) as connection:
        inner, _ = target.accept()
        with inner:
            forwarding.set({})

            assert connection.recv(1) == b""
            assert inner.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_may_lead_elsewhere_from_now_on(forwarding: Forwarding, target: socket.socket, port: int) -> None:
    forwarding.set({port: 1})

    forwarding.set({port: target.getsockname()[1]})

    answering = echo_once(target, b"")
    assert ask(port, b"x") == b"x"
    answering.join()
