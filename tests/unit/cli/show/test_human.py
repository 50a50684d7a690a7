import pytest

from trunkline.cli.show import human


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0B"), (1023, "1023B"), (1024, "1KiB"), (1500, "1.465KiB"), (5 << 20, "5MiB"), (3 << 40, "3TiB")],
)
def test_sizes_have_up_to_four_digits(count: int, text: str) -> None:
    assert human.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "less than a second ago"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (180, "3 minutes ago"),
        (3600, "1 hour ago"),
        (36 * 3600, "36 hours ago"),
        (3 * 86400, "3 days ago"),
        (15 * 86400, "2 weeks ago"),
        (90 * 86400, "3 months ago"),
        (800 * 86400, "2 years ago"),
    ],
)
def test_ages_are_rough(seconds: float, text: str) -> None:
    assert human.age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.085, "85ms"), (2.314, "2.31s"), (59.9, "59.9s"), (65, "1m05s"), (3600 * 3 + 120, "3h02m")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert human.duration(seconds) == text


def test_full_times_are_rfc_3339() -> None:
    assert human.full_time(1_700_000_000.5) == "2023-11-14T22:13:20.500000Z"
    assert human.full_time(1_700_000_000) == "2023-11-14T22:13:20Z"
