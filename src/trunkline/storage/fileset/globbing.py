"""Globs over a file set: seek by the literal prefix, match segment by segment in RE2, skip what is too deep.

RE2 works in time linear in the text. It lacks negative groups: most become a second expression, which takes paths away
(`trunkline.model.globs.negation`). The others are matched one path at a time among those that pass a looser expression,
by `Glob.match`, whose work is bounded for each path, and here for all of them together.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from time import perf_counter

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.errors import InvalidInputError
from trunkline.model.globs.dialect import Glob, Match, compile_glob
from trunkline.storage.fileset.listing import directory_info, file_info_rows, opened_directories
from trunkline.storage.fileset.rows import FileInfo, after_directory, file_infos
from trunkline.storage.table import Key, Table

GLOB_SECONDS_MAX = 60
_PATHS_PER_LOOK_AT_THE_CLOCK = 64


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
    if glob.re2_rejections is None or (glob.group_count and glob.has_empty_iterations):
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
    matcher = _Matcher(glob)
    end = _after_prefix(glob.literal_prefix)
    before = ""
    skip_to: Key | None = (max(glob.literal_prefix, lower),)
    while skip_to is not None:
        skipping, skip_to = skip_to, None
        for batch in table.scan(skipping, end):
            yield _match_batch(table, matcher, batch, before)
            before = batch.column("path")[batch.num_rows - 1].as_py()
            deep = _too_deep(glob, before)
            if deep and _reaches_beyond(table, before, deep):
                skip_to = (after_directory(deep),)
                break


class _Matcher:
    """Matches single paths for one glob, and gives up when that has taken too long altogether."""

    def __init__(self, glob: Glob) -> None:
        try:
            for expression in (glob.re2, *(glob.re2_rejections or ())):
                pc.match_substring_regex(pa.array([""]), expression)
        except pa.ArrowInvalid as error:
            raise InvalidInputError(f"glob {glob.pattern!r} is too large: {error}") from None
        self.glob = glob
        self._seconds = 0.0

    def matches(self, path: str) -> bool:
        return self.glob.match(path) is not None

    def only(self, infos: list[FileInfo]) -> list[FileInfo]:
        """Return those of infos that match."""
        matched = []
        for start in range(0, len(infos), _PATHS_PER_LOOK_AT_THE_CLOCK):
            began = perf_counter()
            matched += [info for info in infos[start : start + _PATHS_PER_LOOK_AT_THE_CLOCK] if self.matches(info.path)]
            self._seconds += perf_counter() - began
            if self._seconds > GLOB_SECONDS_MAX:
                raise InvalidInputError(f"glob {self.glob.pattern!r} takes too long to match: simplify it")
        return matched


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


def _match_batch(table: Table, matcher: "_Matcher", batch: pa.RecordBatch, before: str) -> list[FileInfo]:
    """Return the matches among the rows of batch and the directories that open in it."""
    glob = matcher.glob
    hits = batch.filter(pc.match_substring_regex(batch.column("path"), glob.re2))
    for expression in glob.re2_rejections or ():
        hits = hits.filter(pc.invert(pc.match_substring_regex(hits.column("path"), expression)))
    infos = list(file_infos(hits))
    if glob.re2_rejections is None:
        infos = matcher.only(infos)
    directories = _directories(table, matcher, batch.column("path"), before)
    return sorted([*infos, *directories], key=_path) if directories else infos


def _path(info: FileInfo) -> str:
    return info.path


def _directories(table: Table, matcher: "_Matcher", paths: pa.Array, before: str) -> list[FileInfo]:
    """Return the directories that match and hold a row of paths, but not before."""
    inside = pc.indices_nonzero(pc.match_substring_regex(paths, matcher.glob.re2[:-1] + "/"))
    if not len(inside):
        return []
    first, last = inside[0].as_py(), inside[len(inside) - 1].as_py()
    if first:
        before = paths[first - 1].as_py()
    opened: list[str] = []
    for path in _new_parents(paths.slice(first, last + 1 - first)):
        opened.extend(directory for directory in opened_directories(before, path) if directory != "/")
        before = path
    infos = (directory_info(table, directory) for directory in opened if matcher.matches(directory))
    return [info for info in infos if info is not None]


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
