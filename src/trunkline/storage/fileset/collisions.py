"""Finds what makes a file set invalid: one path from two datums, one path as file and directory."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import pyarrow.compute as pc

from trunkline.storage.fileset.rows import Op, bounds_below
from trunkline.storage.table import Table


def find_collision(table: Table, layers: Sequence[Table] | None) -> str | None:
    """Return a sentence on the first collision found, or None. With layers, only what they touch is looked at."""
    segments = range(len(table.entries)) if layers is None else _touched_segments(table, layers)
    for segment in segments:
        if found := _in_segment(table, segment):
            return found
    return _under_files(table, layers) if layers is not None else None


def _in_segment(table: Table, segment: int) -> str | None:
    """Look at each row of the segment and the one after it.

    Of rows with one path, and of a file and what is below it as a directory, the first two rows need not be
    neighbours, but the file's next neighbour then starts with the file's path.
    """
    batch = table.segment(segment)
    paths = batch.column("path").to_pylist()
    following = [*paths[1:], table.entries[segment + 1].first[0] if segment + 1 < len(table.entries) else ""]
    for row, (path, after) in enumerate(zip(paths, following, strict=True)):
        if after.startswith(path):
            if after == path:
                tags = [batch.column("tag")[row].as_py(), _tag_after(table, segment, row)]
                return f"duplicate path output by different datums ({path} from {tags[0]} and {path} from {tags[1]})"
            if table.summary(*bounds_below(path + "/")).rows:
                return _is_directory_too(path)
    return None


def _tag_after(table: Table, segment: int, row: int) -> str:
    if row + 1 < table.entries[segment].rows:
        return str(table.segment(segment).column("tag")[row + 1].as_py())
    return table.entries[segment + 1].first[1]


def _under_files(table: Table, layers: Sequence[Table]) -> str | None:
    """Look whether a directory that the layers write into is a file, too."""
    seen: set[str] = set()
    for path in _written(layers):
        end = path.rfind("/")
        while end > 0 and path[:end] not in seen:
            seen.add(path[:end])
            is_file = next(table.scan((path[:end],), (path[:end] + "\0",)), None) is not None
            if is_file and table.summary(*bounds_below(path[: end + 1])).rows:
                return _is_directory_too(path[:end])
            end = path.rfind("/", 0, end)
    return None


def _is_directory_too(path: str) -> str:
    return f"file / directory path collision ({path})"


def _written(layers: Sequence[Table]) -> Iterator[str]:
    """Yield the paths that layers write, those of each in order."""
    for layer in layers:
        for batch in layer.scan():
            adds = batch.filter(pc.less_equal(batch.column("op"), Op.REPLACE))
            yield from adds.column("path").to_pylist()


def _touched_segments(table: Table, layers: Sequence[Table]) -> Sequence[int]:
    """Return the segments that have rows of a written path."""
    firsts = [entry.first[0] for entry in table.entries]
    lasts = [entry.last[0] for entry in table.entries]
    touched: set[int] = set()
    for layer in layers:
        # The paths of one layer are in order: those below this one lie in segments that were found already.
        upper: str | None = ""
        for path in _written([layer]):
            if upper is None:
                break
            if path < upper:
                continue
            segment = bisect_left(lasts, path)
            while segment < len(firsts) and firsts[segment] <= path:
                touched.add(segment)
                segment += 1
            upper = firsts[segment] if segment < len(firsts) else None
    return sorted(touched)
