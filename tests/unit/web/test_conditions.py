from datetime import UTC, datetime

import pytest

from trunkline.web.conditions import Validators, range_applies, status_of

FILE = Validators('"abc"', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
THEN, BEFORE, AFTER = (f"Fri, 02 Jan 2026 03:04:0{second} GMT" for second in (5, 4, 6))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"if-none-match": '"abc"'}, 304),
        ({"if-none-match": 'W/"abc"'}, 304),
        ({"if-none-match": '"x", "abc"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, None),
        ({"if-none-match": '"xx"abc"'}, None),
        ({"if-none-match": "abc"}, None),
        ({"if-none-match": '"x"', "if-modified-since": AFTER}, None),
        ({"if-modified-since": THEN}, 304),
        ({"if-modified-since": AFTER}, 304),
        ({"if-modified-since": BEFORE}, None),
        ({"if-modified-since": "yesterday"}, None),
        ({"if-modified-since": "Fri, 02 Jan 99999999999 03:04:05 GMT"}, None),
        ({"if-match": '"abc"'}, None),
        ({"if-match": "*"}, None),
        ({"if-match": 'W/"abc"'}, 412),
        ({"if-match": '"x"'}, 412),
        ({"if-match": '"abc"', "if-unmodified-since": BEFORE}, None),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": THEN}, None),
        ({"if-match": '"x"', "if-none-match": '"abc"'}, 412),
    ],
)
def test_conditions_are_weighed_as_the_rfc_says(headers: dict[str, str], status: int | None) -> None:
    assert status_of(headers, FILE) == status


def test_content_without_a_date_is_never_unmodified() -> None:
    assert status_of({"if-modified-since": AFTER}, Validators('"abc"')) is None


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        (None, True),
        ('"abc"', True),
        ('W/"abc"', False),
        ('"x"', False),
        (THEN, True),
        (AFTER, False),
        (BEFORE, False),
        ("nonsense", False),
    ],
)
def test_a_range_is_for_the_state_that_the_client_has(condition: str | None, applies: bool) -> None:
    headers = {} if condition is None else {"if-range": condition}

    assert range_applies(headers, FILE) is applies
