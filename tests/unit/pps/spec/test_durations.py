"""Durations and amounts of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.sizes import nearest_quantity, parse_quantity
from trunkline.pps.spec.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1.5s", 1.5), ("10m", 600), ("1h30m", 5400), ("100ms", 0.1), ("-2s", -2)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "3", "3 s", "1d", "1h 3m", "\u0661s", "400000000000s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is"):
        parse_duration(text)


@given(seconds=st.integers(0, 10**12).map(lambda micros: micros / 1000))
def test_durations_lead_back(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("1k", 1000), ("1Ki", 1024), ("1.5Gi", 3 << 29), ("2G", 2 * 10**9), ("1e3", 1000), ("1500m", 2)],
)
def test_quantities_are_read(text: str, size: int) -> None:
    assert parse_quantity(text) == size


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("512MB", "512M"), ("2 gib", "2Gi"), ("10KB", "10k"), ("1 Ki", "1Ki"), ("5 bytes", "5"), ("x", None)],
)
def test_the_nearest_quantity_is_offered(text: str, nearest: str | None) -> None:
    assert nearest_quantity(text) == nearest
