"""Texts of errors fit in a status, and what outside values lead to is a fault of the request."""

from urllib.parse import quote

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.errors import fitting, is_of_the_request


def caught(act: object) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011 - whatever it is
        act()  # type: ignore[operator]
    return found.value


def endless() -> None:
    endless()


@pytest.mark.parametrize(
    "act",
    [
        endless,
        lambda: int(float("inf")),
        "\ud800".encode,
        lambda: Timestamp(seconds=2**70),
        lambda: Timestamp(seconds=2**60).ToJsonString(),
    ],
)
def test_what_only_outside_values_lead_to_is_a_fault_of_the_request(act: object) -> None:
    assert is_of_the_request(caught(act))


@pytest.mark.parametrize("act", [lambda: {}["x"], lambda: int("x"), lambda: 1 / 0, lambda: next(iter(()))])
def test_our_own_slips_are_not(act: object) -> None:
    assert not is_of_the_request(caught(act))


@pytest.mark.parametrize("text", ["x" * 100_000, "é" * 100_000, "%" * 100_000, "a line\n" * 20_000])
def test_a_long_text_is_cut_to_what_a_header_holds(text: str) -> None:
    short = fitting(text)

    assert len(quote(short)) < 7000
    kept, _, rest = short.rpartition("\n[")
    assert text.startswith(kept)
    assert rest == f"{len(text) - len(kept)} more characters are left out]"
    assert kept[-1] == text[len(kept) - 1]


def test_a_short_text_is_sent_as_it_is() -> None:
    assert fitting("é\nb") == "é\nb"
