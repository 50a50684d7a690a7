"""Differences between two file sets, with the directories that differ on the way."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, groupby

from trunkline.model.paths import clean
from trunkline.storage.fileset.listing import directory_info, opened_directories
from trunkline.storage.fileset.rows import FileInfo, bounds_below, file_infos
from trunkline.storage.table import Key, Table, changed_rows

Pair = tuple[FileInfo | None, FileInfo | None]


def diff_tables(new: Table, old: Table, path: str) -> Iterator[Pair]:
    """Yield (new, old) for each path that differs, in path order, directories before what is in them."""
    path = clean(path)
    directory = path.rstrip("/") + "/"
    own = _changed_files(new, old, (path,), (path + "\0",)) if path != "/" else iter(())
    before = ""
    for pair in chain(own, _changed_files(new, old, *bounds_below(directory))):
        changed = pair[0] or pair[1]
        assert changed is not None
        for opened in opened_directories(before, changed.path, directory):
            infos = directory_info(new, opened), directory_info(old, opened)
            if infos[0] != infos[1]:
                yield infos
        yield pair
        before = changed.path


def diff_walks(new: Iterable[FileInfo], old: Iterable[FileInfo]) -> Iterator[Pair]:
    """Yield (new, old) for each path that only one of two walks has, or that differs, in path order."""
    for infos in _side_by_side(new, old):
        if not _is_same(*infos):
            yield infos


def _changed_files(new: Table, old: Table, lower: Key, upper: Key) -> Iterator[Pair]:
    for new_rows, old_rows in changed_rows(new, old, lower=lower, upper=upper):
        yield from diff_walks(file_infos(new_rows), file_infos(old_rows))


def _side_by_side(new: Iterable[FileInfo], old: Iterable[FileInfo]) -> Iterator[Pair]:
    sides = merge(
        ((info.path, 0, info) for info in new), ((info.path, 1, info) for info in old), key=lambda side: side[:2]
    )
    for _, group in groupby(sides, key=lambda side: side[0]):
        infos: list[FileInfo | None] = [None, None]
        for _, side, info in group:
            infos[side] = info
        yield infos[0], infos[1]


def _is_same(new: FileInfo | None, old: FileInfo | None) -> bool:
    """Tell whether only the tag differs: that is who wrote the file, not what is in it."""
    return new is not None and old is not None and (new.size_bytes, new.hash) == (old.size_bytes, old.hash)
