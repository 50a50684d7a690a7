"""Reading ahead over small files: who reads them one after the other gets many with one call."""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeVar

from trunkline.client.mount.blocks import BlockCache
from trunkline.client.mount.files import FileEntry, Files
from trunkline.client.mount.tree import Tree, directory_of

Value = TypeVar("Value")
SMALL_BYTES = 64 << 10
_RUN_BYTES = 4 << 20
_RUN_FILES = 512
_NEAR = 16
_DIRECTORIES = 16


class SmallFiles:
    """The small files of a commit, loaded into a cache of blocks. Threads may share it."""

    def __init__(self, files: Files, tree: Tree, cache: BlockCache) -> None:
        self._files = files
        self._tree = tree
        self._cache = cache
        self._sorted: OrderedDict[str, list[str]] = OrderedDict()
        self._loaded_to: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, entry: FileEntry) -> bytes | None:
        """Return the content of a small file if it is read after its neighbours, else None.

        The files that follow it come with it. Only directories that were listed have neighbours: nothing is asked of
        the server in vain.
        """
        if entry.size > SMALL_BYTES:
            return None
        key = (self._files.name, entry.path, 0)
        with self._lock:
            # Somebody who reads its neighbour may have loaded it while this one waited.
            if (content := self._cache.get(key)) is not None:
                return content
            run = self._run_from(entry)
            if len(run) > 1:
                for path, content in self._files.read_run(run[0], run[-1]):
                    self._cache.put((self._files.name, path, 0), content)
            return self._cache.get(key)

    def _run_from(self, entry: FileEntry) -> list[str]:
        directory = directory_of(entry.path)
        listing = self._tree.known(directory)
        if listing is None:
            return []
        paths = self._sorted_paths(directory, listing.values())
        index = bisect_left(paths, entry.path)
        end, total = index, 0
        last = self._loaded_to.pop(directory, None)
        if last is not None and 0 < index - last <= _NEAR:
            while end < len(paths) and end - index < _RUN_FILES and total <= _RUN_BYTES:
                follower = listing.get(paths[end].rpartition("/")[2])
                if follower is None or follower.is_directory or follower.size > SMALL_BYTES:
                    break
                total += follower.size
                end += 1
        _remember(self._loaded_to, directory, max(index, end - 1))
        return paths[index:end]

    def _sorted_paths(self, directory: str, entries: Iterable[FileEntry]) -> list[str]:
        paths = self._sorted.pop(directory, None)
        if paths is None:
            # As the server sorts them: the slash of a directory counts.
            paths = sorted(entry.path + "/" if entry.is_directory else entry.path for entry in entries)
        _remember(self._sorted, directory, paths)
        return paths


def _remember(kept: "OrderedDict[str, Value]", directory: str, value: "Value") -> None:
    kept[directory] = value
    if len(kept) > _DIRECTORIES:
        kept.popitem(last=False)
