"""Globs over a file set: seek by the literal prefix, match segment by segment in RE2, skip what is too deep.

RE2 works in time linear in the text. Negative groups, which it lacks, are matched one path at a time among those that
pass a looser expression, by `Glob.match`, whose work is bounded.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.model.globs import Glob, Match, compile_glob
from trunkline.storage.fileset.listing import directory_info, file_info_rows, opened_directories
from trunkline.storage.fileset.rows import FileInfo, after_directory, file_infos
from trunkline.storage.table import Key, Table

Found = tuple[FileInfo, Match]


def glob_matches(table: Table, pattern: str, *, lower: str, upper: str, captures: bool) -> Iterator[Found]:
    """Yield what matches, in path order, with the captures if asked for."""
    glob = compile_glob(pattern)
    found = _literal(table, glob) if glob.is_literal else _scan(table, glob, lower, captures=captures)
    for info, match in found:
        if upper and info.path >= upper:
            return
        if info.path >= lower:
            yield info, match


def _literal(table: Table, glob: Glob) -> Iterator[Found]:
    path = glob.literal_prefix
    match = Match(path)
    if path != "/":
        yield from ((info, match) for info in file_info_rows(table, path))
    info = directory_info(table, path.rstrip("/") + "/")
    if info is not None:
        yield info, match


def _scan(table: Table, glob: Glob, lower: str, *, captures: bool) -> Iterator[Found]:
    start, end = (glob.literal_prefix,), _after_prefix(glob.literal_prefix)
    if lower > start[0]:
        start = (lower,)
    before = ""
    skip_to: Key | None = start
    while skip_to is not None:
        skipping, skip_to = skip_to, None
        for batch in table.scan(skipping, end):
            yield from _match_batch(table, glob, batch, before, captures=captures)
            before = batch.column("path")[batch.num_rows - 1].as_py()
            deep = _too_deep(glob, before)
            if deep and _reaches_beyond(table, batch, deep):
                skip_to = (after_directory(deep),)
                break


def _after_prefix(prefix: str) -> Key:
    return (prefix[:-1] + chr(ord(prefix[-1]) + 1),)


def _too_deep(glob: Glob, path: str) -> str:
    """Return the directory around path below which nothing can match, or nothing."""
    if glob.depth_max is None:
        return ""
    parts = path.split("/")
    return "/".join(parts[: glob.depth_max + 1]) + "/" if len(parts) > glob.depth_max + 1 else ""


def _reaches_beyond(table: Table, batch: pa.RecordBatch, directory: str) -> bool:
    """Tell whether directory goes on in more segments than the one after batch."""
    following = table.owner((batch.column("path")[batch.num_rows - 1].as_py() + "\0",)) + 1
    return following < len(table.entries) and table.entries[following].last[0].startswith(directory)


def _match_batch(table: Table, glob: Glob, batch: pa.RecordBatch, before: str, *, captures: bool) -> Iterator[Found]:
    """Yield the matches among the rows of batch and the directories that open in it."""
    paths = batch.column("path")
    hits = pc.indices_nonzero(pc.match_substring_regex(paths, glob.re2))
    rows = batch.take(hits)
    files = zip(hits.to_pylist(), file_infos(rows), _matches(glob, rows.column("path"), captures), strict=True)
    directories = _directories(glob, paths, before, captures)
    place, directory, directory_match = next(directories, (batch.num_rows, "", None))
    for row, info, match in files:
        while place <= row:
            yield from _directory(table, directory, directory_match)
            place, directory, directory_match = next(directories, (batch.num_rows, "", None))
        if match is not None:
            yield info, match
    while place < batch.num_rows:
        yield from _directory(table, directory, directory_match)
        place, directory, directory_match = next(directories, (batch.num_rows, "", None))


def _directory(table: Table, directory: str, match: Match | None) -> Iterator[Found]:
    if match is not None:
        info = directory_info(table, directory)
        assert info is not None
        yield info, match


def _directories(glob: Glob, paths: pa.Array, before: str, captures: bool) -> Iterator[tuple[int, str, Match | None]]:
    """Yield (row in which it opens, directory, match or None) for those directories that match."""
    opened = [
        (row, directory)
        for row, path in _new_parents(paths, before)
        for directory in opened_directories(before if row == 0 else paths[row - 1].as_py(), path)
        if directory != "/"
    ]
    if not opened:
        return
    names = pa.array([directory[:-1] for _, directory in opened], pa.string())
    hits = pc.indices_nonzero(pc.match_substring_regex(names, glob.re2))
    matches = _matches(glob, names.take(hits), captures)
    for hit, match in zip(hits.to_pylist(), matches, strict=True):
        row, directory = opened[hit]
        yield row, directory, match


def _new_parents(paths: pa.Array, before: str) -> Iterator[tuple[int, str]]:
    """Yield (row, path) for each row that lies in another directory than the row before it."""
    first, last = paths[0].as_py(), paths[len(paths) - 1].as_py()
    parent = first[: first.rfind("/") + 1]
    if last.startswith(parent) and "/" not in last[len(parent) :]:
        depths = pc.min_max(pc.count_substring(paths, "/")).as_py()
        if depths["min"] == depths["max"]:
            yield 0, first
            return
    parent = before[: before.rfind("/") + 1]
    for row, path in enumerate(paths.to_pylist()):
        if not path.startswith(parent) or path.find("/", len(parent)) >= 0:
            parent = path[: path.rfind("/") + 1]
            yield row, path


def _matches(glob: Glob, paths: pa.Array, captures: bool) -> Iterator[Match | None]:
    if glob.has_negation:
        return map(glob.match, paths.to_pylist())
    if not captures or not glob.group_count:
        return map(Match, paths.to_pylist())
    groups = pc.extract_regex(paths, glob.re2_captures).flatten()
    captured = zip(*(group.to_pylist() for group in groups), strict=True)
    return map(Match, paths.to_pylist(), captured)
