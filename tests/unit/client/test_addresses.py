import pytest

from trunkline.client.addresses import Address, parse_address
from trunkline.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("localhost", Address("localhost"), "grpc://localhost:30650"),
        ("localhost:1650", Address("localhost", 1650), "grpc://localhost:1650"),
        ("grpc://host:1", Address("host", 1), "grpc://host:1"),
        ("http://host:80/", Address("host", 80), "grpc://host:80"),
        ("grpcs://host", Address("host", secure=True), "grpcs://host:30650"),
        ("https://host:443", Address("host", 443, secure=True), "grpcs://host:443"),
        ("[::1]:5", Address("::1", 5), "grpc://[::1]:5"),
        ("unix:/run/t.sock", Address(socket="/run/t.sock"), "unix:/run/t.sock"),
        ("unix:///run/t.sock", Address(socket="/run/t.sock"), "unix:/run/t.sock"),
    ],
)
def test_address_forms_of_the_field_are_understood(text: str, address: Address, shown: str) -> None:
    assert parse_address(text) == address
    assert str(parse_address(text)) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ftp://host", "unknown scheme"),
        ("grpc://", "names no host"),
        ("grpc://user@host", "a host and a port only"),
        ("grpc://host/path", "a host and a port only"),
        ("grpc://host?x=1", "a host and a port only"),
        ("host:port", "is not understood"),
        ("unix:", "names no socket"),
    ],
)
def test_other_addresses_are_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_address(text)


def test_loopback_addresses_are_known() -> None:
    loopback = ["localhost", "127.0.0.1:1", "[::1]", "unix:/x"]
    others = ["10.0.0.1", "example.org"]

    assert [parse_address(text).is_loopback for text in loopback + others] == [True] * 4 + [False] * 2
