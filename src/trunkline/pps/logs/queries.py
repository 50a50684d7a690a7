"""Questions to the logs of all pipelines by page: of which time and kind, and which page of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import re2

from trunkline.errors import InvalidInputError
from trunkline.pfs.versioning import now
from trunkline.pps.logs.lines import LogLine
from trunkline.pps.logs.reading import LogQuery, Logs

LOOK_BACK_MICROSECONDS = 24 * 3600 * 1_000_000


class Pattern(Protocol):
    """A compiled regular expression over the bytes of a line."""

    def search(self, text: bytes, /) -> object | None:
        """Return the first match, None if there is none."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which of the lines: from start on up to stop, which is left out, in microseconds since 1970.

    A stop before start turns the order around: from start, which is taken in, back to stop.
    """

    start: int
    stop: int
    offset: int = 0
    """How many lines at exactly start were seen already."""
    limit: int = 0
    pattern: Pattern | None = None
    negate: bool = False
    only_errors: bool = False
    only_user: bool = False

    @property
    def newest_first(self) -> bool:
        """Whether the order is turned around."""
        return self.stop < self.start

    @property
    def ends(self) -> tuple[int, int]:
        """The two ends of the time, the older one first."""
        return min(self.start, self.stop), max(self.start, self.stop)

    def accepts(self, line: LogLine) -> bool:
        """Tell whether a line is wanted; the offset and the limit aside."""
        is_in_time = self.start <= line.at < self.stop or self.stop <= line.at <= self.start
        return (
            is_in_time
            and (line.user or not self.only_user)
            and (line.is_error or not self.only_errors)
            and (
                self.pattern is None
                or bool(self.pattern.search(line.message.encode(errors="replace"))) is not self.negate
            )
        )


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines in the order asked for, and where the lines before and after them begin: a time and an offset at it."""

    lines: Sequence[LogLine]
    older: tuple[int, int]
    newer: tuple[int, int]


def read_pattern(text: str) -> Pattern | None:
    """Return a filter's pattern, None for an empty one, or raise InvalidInputError.

    RE2 takes time in proportion to the line, whatever the pattern; it has no look-around and no references back.
    """
    if not text:
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        pattern: Pattern = re2.compile(text.encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0].decode(errors="replace") if isinstance(error, re2.error) else "it is no text"
        raise InvalidInputError(
            f"filter.regex.pattern: {text[:200]!r} is no regular expression of RE2 (which has no look-around and no "
            f"references back): {why}"
        ) from None
    return pattern


def default_filter(query: LogQuery) -> LogFilter:
    """Return the time that is meant where none is given: all of a job, else the last day."""
    current = now()
    return LogFilter(0 if query.job else current - LOOK_BACK_MICROSECONDS, current + 1)


def read_page(logs: Logs, query: LogQuery, wanted: LogFilter) -> LogPage:
    """Return one page, or raise NotFoundError if what the query names does not exist."""
    lines = sorted(_accepted(next(logs.rounds(query, *wanted.ends)), wanted), key=lambda line: line.at)
    if wanted.newest_first:
        seen = min(wanted.offset, _count_at(lines, wanted.start))
        stop = len(lines) - seen
        start = max(0, stop - wanted.limit) if wanted.limit else 0
        page = lines[start:stop]
        return LogPage(page[::-1], *_borders(lines, start, stop, wanted))
    start = min(wanted.offset, _count_at(lines, wanted.start))
    stop = min(len(lines), start + wanted.limit) if wanted.limit else len(lines)
    return LogPage(lines[start:stop], *_borders(lines, start, stop, wanted))


def follow(logs: Logs, query: LogQuery, wanted: LogFilter, *, is_over: Callable[[], bool]) -> Iterator[LogLine]:
    """Yield the lines that there are, then those that come, until it is over."""
    # The lines of a datum set come all at once, maybe after younger ones of another.
    for lines in logs.rounds(query, *wanted.ends, goes_on=lambda: not is_over()):
        yield from sorted(_accepted(lines, wanted), key=lambda line: line.at)


def _accepted(lines: Iterable[LogLine], wanted: LogFilter) -> Iterator[LogLine]:
    return (line for line in lines if wanted.accepts(line))


def _count_at(lines: Sequence[LogLine], at: int) -> int:
    return sum(line.at == at for line in lines)


def _borders(lines: Sequence[LogLine], start: int, stop: int, wanted: LogFilter) -> tuple[tuple[int, int], ...]:
    if start == stop:
        low, high = sorted((wanted.start, wanted.stop))
        return (low, 0), (high, 0)
    first, last = lines[start].at, lines[stop - 1].at
    return (first, _count_at(lines[start:], first)), (last, _count_at(lines[:stop], last))
