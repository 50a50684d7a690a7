"""Levels change for a while and come back."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from trunkline.telemetry import OFF, LogLevels

NAME = "trunkline.test-of-levels"


@dataclass
class Appointment:
    seconds: float
    act: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class Schedule:
    """Time that passes when the test says so."""

    appointments: list[Appointment] = field(default_factory=list)

    def __call__(self, seconds: float, act: Callable[[], None]) -> Appointment:
        self.appointments.append(Appointment(seconds, act))
        return self.appointments[-1]


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger(NAME)
    logger.setLevel(logging.WARNING)
    yield logger
    logger.setLevel(logging.NOTSET)


def test_a_level_holds_until_its_time_has_passed(logger: logging.Logger) -> None:
    schedule = Schedule()

    LogLevels(schedule).change(NAME, logging.DEBUG, seconds=7)

    assert logger.level == logging.DEBUG
    (end,) = schedule.appointments
    assert end.seconds == 7
    end.act()
    assert logger.level == logging.WARNING


def test_a_second_change_replaces_the_first_and_ends_at_the_level_before_both(logger: logging.Logger) -> None:
    schedule = Schedule()
    levels = LogLevels(schedule)

    levels.change(NAME, logging.DEBUG, seconds=7)
    levels.change(NAME, OFF, seconds=3)

    first, second = schedule.appointments
    assert first.is_cancelled
    first.act()  # it was on its way already
    assert logger.level == OFF
    assert not logger.isEnabledFor(logging.CRITICAL)
    second.act()
    assert logger.level == logging.WARNING
    levels.change(NAME, logging.ERROR, seconds=1)
    schedule.appointments[-1].act()
    assert logger.level == logging.WARNING
