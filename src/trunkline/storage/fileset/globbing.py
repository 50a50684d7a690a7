"""Globs over a file set: seek by the literal prefix, match segment by segment in RE2, skip what is too deep.

RE2 works in time linear in the text. Negative groups, which it lacks, are matched one path at a time among those that
pass a looser expression, by `Glob.match`, whose work is bounded.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.model.globs import Glob, Match, compile_glob
from trunkline.storage.fileset.listing import directory_info, file_info_rows, opened_directories
from trunkline.storage.fileset.rows import FileInfo, after_directory, file_infos
from trunkline.storage.table import Key, Table


def glob_infos(table: Table, pattern: str, *, lower: str, upper: str) -> Iterator[FileInfo]:
    """Yield what matches, in path order, from lower up to upper (exclusive)."""
    for infos in _matching(table, compile_glob(pattern), lower):
        if upper and infos[-1].path >= upper:
            yield from (info for info in infos if lower <= info.path < upper)
            return
        if lower and infos[0].path < lower:
            yield from (info for info in infos if info.path >= lower)
        else:
            yield from infos


def glob_matches(table: Table, pattern: str) -> Iterator[tuple[FileInfo, Match]]:
    """Yield what matches, in path order, together with what the groups captured."""
    glob = compile_glob(pattern)
    for infos in _matching(table, glob, ""):
        for info, match in zip(infos, _captures(glob, infos), strict=True):
            assert match is not None
            yield info, match


def _captures(glob: Glob, infos: list[FileInfo]) -> Iterator[Match | None]:
    paths = [info.path.rstrip("/") or "/" for info in infos]
    if glob.has_negation:
        return map(glob.match, paths)
    if not glob.group_count:
        return map(Match, paths)
    groups = pc.extract_regex(pa.array(paths, pa.string()), glob.re2_captures).flatten()
    return map(Match, paths, zip(*(group.to_pylist() for group in groups), strict=True))


def _matching(table: Table, glob: Glob, lower: str) -> Iterator[list[FileInfo]]:
    """Yield the matches from about lower on, some at a time, never none."""
    found = iter([_literal(table, glob)]) if glob.is_literal else _scan(table, glob, lower)
    return filter(None, found)


def _literal(table: Table, glob: Glob) -> list[FileInfo]:
    path = glob.literal_prefix
    infos = list(file_info_rows(table, path)) if path != "/" else []
    directory = directory_info(table, path.rstrip("/") + "/")
    return [*infos, directory] if directory is not None else infos


def _scan(table: Table, glob: Glob, lower: str) -> Iterator[list[FileInfo]]:
    end = _after_prefix(glob.literal_prefix)
    before = ""
    skip_to: Key | None = (max(glob.literal_prefix, lower),)
    while skip_to is not None:
        skipping, skip_to = skip_to, None
        for batch in table.scan(skipping, end):
            yield _match_batch(table, glob, batch, before)
            before = batch.column("path")[batch.num_rows - 1].as_py()
            deep = _too_deep(glob, before)
            if deep and _reaches_beyond(table, before, deep):
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


def _reaches_beyond(table: Table, path: str, directory: str) -> bool:
    """Tell whether all of the segment after the one with path is in directory, too."""
    following = table.owner((path + "\0",)) + 1
    return following < len(table.entries) and table.entries[following].last[0].startswith(directory)


def _match_batch(table: Table, glob: Glob, batch: pa.RecordBatch, before: str) -> list[FileInfo]:
    """Return the matches among the rows of batch and the directories that open in it."""
    hits = pc.indices_nonzero(pc.match_substring_regex(batch.column("path"), glob.re2))
    infos = list(file_infos(batch.take(hits)))
    directories = _directories(table, glob, batch.column("path"), before)
    if glob.has_negation:
        infos = [info for info in infos if glob.match(info.path)]
    return sorted([*infos, *directories], key=_path) if directories else infos


def _path(info: FileInfo) -> str:
    return info.path


def _directories(table: Table, glob: Glob, paths: pa.Array, before: str) -> list[FileInfo]:
    """Return the directories that match and hold a row of paths, but not before."""
    inside = pc.indices_nonzero(pc.match_substring_regex(paths, glob.re2[:-1] + "/"))
    if not len(inside):
        return []
    first, last = inside[0].as_py(), inside[len(inside) - 1].as_py()
    if first:
        before = paths[first - 1].as_py()
    infos = []
    for path in _new_parents(paths.slice(first, last + 1 - first)):
        for directory in opened_directories(before, path):
            if directory != "/" and glob.match(directory):
                info = directory_info(table, directory)
                assert info is not None
                infos.append(info)
        before = path
    return infos


def _new_parents(paths: pa.Array) -> Iterator[str]:
    """Yield the first path of each run that lies in one directory; of some runs more than one."""
    depths = pc.count_substring(paths, "/")
    last = len(paths) - 1
    turns = pc.indices_nonzero(pc.not_equal(depths.slice(0, last), depths.slice(1))).to_pylist()
    texts = paths.to_pylist()
    for start, end in pairwise((0, *(turn + 1 for turn in turns), last + 1)):
        # Among sorted paths of one depth, those of one directory are neighbours.
        row = start
        while row < end:
            yield texts[row]
            row = bisect_left(texts, after_directory(texts[row][: texts[row].rfind("/") + 1]), row, end)
