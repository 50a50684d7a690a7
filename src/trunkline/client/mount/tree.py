"""Lookups in a commit, remembered: what a commit holds never changes, so nothing is ever asked twice in vain."""

import threading
from collections import OrderedDict
from collections.abc import Mapping

from trunkline.client.mount.files import FileEntry, Files
from trunkline.model.paths import base_name, parent

ENTRIES_MAX = 2_000_000


class Tree:
    """The directories of a commit. Keeps listings and single lookups, the least used of them go first."""

    def __init__(self, files: Files, *, entries_max: int = ENTRIES_MAX) -> None:
        self._files = files
        self._entries_max = entries_max
        self._listings: OrderedDict[str, Mapping[str, FileEntry]] = OrderedDict()
        self._single: OrderedDict[str, FileEntry | None] = OrderedDict()
        self._kept = 0
        self._lock = threading.Lock()

    def find(self, path: str) -> FileEntry | None:
        """Return what is at a path, or None."""
        if path == "/":
            return self._files.find(path)
        with self._lock:
            if (listing := self._listings.get(directory_of(path))) is not None:
                self._listings.move_to_end(directory_of(path))
                return listing.get(base_name(path))
            if path in self._single:
                self._single.move_to_end(path)
                return self._single[path]
        entry = self._files.find(path)
        with self._lock:
            self._single[path] = entry
            self._forget()
        return entry

    def entries(self, directory: str) -> Mapping[str, FileEntry]:
        """Return what is directly in a directory, by name."""
        with self._lock:
            if (known := self._listings.get(directory)) is not None:
                self._listings.move_to_end(directory)
                return known
        listing = {base_name(entry.path): entry for entry in self._files.entries(directory)}
        with self._lock:
            if directory not in self._listings:
                self._kept += len(listing)
            self._listings[directory] = listing
            self._forget()
        return listing

    def known(self, directory: str) -> Mapping[str, FileEntry] | None:
        """Return what is directly in a directory, if it was listed; else None."""
        with self._lock:
            return self._listings.get(directory)

    def _forget(self) -> None:
        while len(self._single) > self._entries_max:
            self._single.popitem(last=False)
        # The newest listing stays, however long it is: somebody is about to use it.
        while self._kept > self._entries_max and len(self._listings) > 1:
            self._kept -= len(self._listings.popitem(last=False)[1])


def directory_of(path: str) -> str:
    """Return the directory that holds path, without a trailing slash."""
    return parent(path).rstrip("/") or "/"
