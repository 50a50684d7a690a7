"""Lists and walks directories, which exist only as parts of paths.

Rows are decoded a few hundred at a time, and what a listing does not show is skipped by seeking. A child that lies in
one such piece is summed up from there, without looking for its rows again.
"""

from bisect import bisect_left
from collections.abc import Generator, Iterator

import pyarrow as pa

from trunkline.model.paths import clean
from trunkline.storage.fileset.rows import FileInfo, after_directory, after_path, bounds_below, file_infos
from trunkline.storage.table import Key, Table

_BLOCK_ROWS = 256


def directory_info(table: Table, directory: str) -> FileInfo | None:
    """Return the directory, given with its trailing slash, or None if no file is below it."""
    summary = table.summary(*bounds_below(directory))
    return FileInfo(directory, True, summary.size_bytes, summary.digest) if summary.rows else None


def file_info_rows(table: Table, path: str) -> Iterator[FileInfo]:
    """Yield the file at exactly that path, once for each tag."""
    for batch in table.scan((path,), (path + "\0",)):
        yield from file_infos(batch)


def list_directory(table: Table, path: str, *, after: str, reverse: bool) -> Iterator[FileInfo]:
    """Yield the children of a directory, or the file at path."""
    path = clean(path)
    found = list(file_info_rows(table, path))
    if found:
        return (info for info in found if not after or _is_beyond(info.path, after, reverse))
    directory = path.rstrip("/") + "/"
    return _children_backwards(table, directory, after) if reverse else _children(table, directory, after)


def walk_directory(table: Table, path: str, *, after: str, reverse: bool) -> Iterator[FileInfo]:
    """Yield a directory and all below it, or the file at path."""
    path = clean(path)
    found = list(file_info_rows(table, path))
    if found:
        return (info for info in found if not after or _is_beyond(info.path, after, reverse))
    directory = path.rstrip("/") + "/"
    return _walk_backwards(table, directory, after) if reverse else _walk(table, directory, after)


def opened_directories(before: str, path: str, base: str = "/") -> Iterator[str]:
    """Yield the directories from base down that hold path but not before, the outermost first."""
    if not path.startswith(base):
        return
    end = len(base)
    while end:
        directory = path[:end]
        if not before.startswith(directory):
            yield directory
        end = path.find("/", end) + 1


def _is_beyond(path: str, after: str, reverse: bool) -> bool:
    return path < after if reverse else path > after


def _children(table: Table, directory: str, after: str) -> Iterator[FileInfo]:
    lower, upper = bounds_below(directory)
    if after > directory:
        lower = (after_path(after),)
    while True:
        skip_to: Key | None = None
        for piece in _pieces(table, lower, upper):
            skip_to = yield from _children_in_piece(table, directory, piece, after)
            if skip_to is not None:
                break
        if skip_to is None:
            return
        lower = skip_to


def _children_in_piece(
    table: Table, directory: str, piece: tuple[int, int, int], after: str
) -> Generator[FileInfo, None, Key | None]:
    """Yield the children that begin in a piece; return where to go on if the last one reaches beyond it."""
    segment, start, end = piece
    block = table.segment(segment).slice(start, end - start)
    paths = block.column("path").to_pylist()
    position = 0
    while position < len(paths):
        first, slash = position, paths[position].find("/", len(directory))
        if slash < 0:
            position = next((p for p in range(position, len(paths)) if "/" in paths[p][len(directory) :]), len(paths))
            yield from file_infos(block.slice(first, position - first))
            continue
        child = paths[position][: slash + 1]
        beyond = after_directory(child)
        position = bisect_left(paths, beyond, position)
        is_whole = position < len(paths)
        if child > after:
            if is_whole:
                summary = table.summary_of([(segment, start + first, start + position)])
            else:
                summary = table.summary(*bounds_below(child))
            yield FileInfo(child, True, summary.size_bytes, summary.digest)
        if not is_whole:
            return (beyond,)
    return None


def _children_backwards(table: Table, directory: str, after: str) -> Iterator[FileInfo]:
    lower, upper = bounds_below(directory)
    slash = after.find("/", len(directory))
    if after.startswith(directory) and 0 <= slash < len(after) - 1:
        after = after_directory(after[: slash + 1])  # the child that holds the marker comes before it
    if after and (after,) < upper:
        upper = (after,)
    while True:
        skip_to: Key | None = None
        for block in _blocks_backwards(table, lower, upper):
            paths = block.column("path").to_pylist()
            position = len(paths)
            while position:
                slash = paths[position - 1].find("/", len(directory))
                if slash < 0:
                    position -= 1
                    yield from file_infos(block.slice(position, 1))
                    continue
                child = paths[position - 1][: slash + 1]
                info = directory_info(table, child)
                assert info is not None
                yield info
                position = bisect_left(paths, child, 0, position)
                if not position:
                    skip_to = (child,)
            if skip_to is not None:
                break
        if skip_to is None:
            return
        upper = skip_to


def _walk(table: Table, directory: str, after: str) -> Iterator[FileInfo]:
    lower, upper = bounds_below(directory)
    before = ""
    if after >= directory:
        lower, before = (after + "\0",), after
    for block in _blocks(table, lower, upper):
        for info in file_infos(block):
            for opened in opened_directories(before, info.path, directory):
                yield _existing_directory(table, opened)
            yield info
            before = info.path


def _walk_backwards(table: Table, directory: str, after: str) -> Iterator[FileInfo]:
    lower, upper = bounds_below(directory)
    current = ""
    if after and (after,) < upper:
        upper = (after,)
        current = after.rstrip("/")
    for block in _blocks_backwards(table, lower, upper):
        for info in reversed(list(file_infos(block))):
            yield from _closed_directories(table, info.path, current, directory)
            yield info
            current = info.path
    yield from _closed_directories(table, "", current, directory)


def _closed_directories(table: Table, before: str, path: str, base: str) -> Iterator[FileInfo]:
    for opened in reversed(list(opened_directories(before, path, base))):
        info = directory_info(table, opened)
        if info is not None:  # the page's marker may name a path that is not there
            yield info


def _existing_directory(table: Table, directory: str) -> FileInfo:
    info = directory_info(table, directory)
    assert info is not None
    return info


def _pieces(table: Table, lower: Key, upper: Key) -> Iterator[tuple[int, int, int]]:
    """Yield (segment, first row, row past the last), a few hundred rows at a time."""
    for segment, first, last in table.pieces(lower, upper):
        for start in range(first, last, _BLOCK_ROWS):
            yield segment, start, min(start + _BLOCK_ROWS, last)


def _blocks(table: Table, lower: Key, upper: Key) -> Iterator[pa.RecordBatch]:
    for segment, start, end in _pieces(table, lower, upper):
        yield table.segment(segment).slice(start, end - start)


def _blocks_backwards(table: Table, lower: Key, upper: Key) -> Iterator[pa.RecordBatch]:
    for batch in table.scan_backwards(lower, upper):
        for end in range(batch.num_rows, 0, -_BLOCK_ROWS):
            start = max(end - _BLOCK_ROWS, 0)
            yield batch.slice(start, end - start)
