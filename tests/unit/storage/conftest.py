"""Storage is tested with borders as users have them, and with small ones, at which each file meets another."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from trunkline.testing.small_borders import small_borders


@pytest.fixture(params=["usual", "small"], scope="module", autouse=True)
def borders(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run each test of a module with both."""
    with small_borders() if request.param == "small" else nullcontext():
        yield request.param
