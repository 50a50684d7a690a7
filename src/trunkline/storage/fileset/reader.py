"""Reads one file set."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

from trunkline.model.globs.dialect import Match
from trunkline.model.paths import clean, clean_keeping_directory
from trunkline.storage.chunk import ChunkRef, ChunkStore
from trunkline.storage.fileset.checkout import CheckOut
from trunkline.storage.fileset.diffing import diff_tables, diff_walks
from trunkline.storage.fileset.globbing import glob_infos, glob_matches
from trunkline.storage.fileset.listing import directory_info, list_directory, walk_directory
from trunkline.storage.fileset.rows import FILES, FileInfo, FileRow, bounds_below, file_row, file_rows
from trunkline.storage.table import Table, TableStore

_READ_BYTES = 4 * 1024 * 1024


class FileSet:
    """The files of one root. Paths are cleaned; a trailing slash asks for a directory."""

    def __init__(self, chunks: ChunkStore, tables: TableStore, root: str) -> None:
        self._chunks = chunks
        self.table = Table(tables, FILES, root)
        self.root = root

    @property
    def size_bytes(self) -> int:
        """The bytes of all files."""
        return self.table.size_bytes

    @property
    def file_count(self) -> int:
        """How many files there are."""
        return self.table.rows

    def find(self, path: str, tag: str | None = None) -> FileRow | None:
        """Return the file, or None. Without a tag, of several the first."""
        if tag is None:
            return next(iter(self.rows(path)), None)
        found = self.table.find((clean(path), tag))
        return None if found is None else file_row(*found)

    def find_many(self, paths: Iterable[str]) -> dict[str, FileRow]:
        """Return those of the files that are there, by path; the paths have to be clean."""
        return {row.path: row for batch in self.table.find_prefixes(sorted(set(paths))) for row in file_rows(batch)}

    def rows(self, path: str) -> list[FileRow]:
        """Return the file under every tag that wrote it: in a valid file set at most one."""
        path = clean(path)
        return [row for batch in self.table.scan((path,), (path + "\0",)) for row in file_rows(batch)]

    def info(self, path: str) -> FileInfo | None:
        """Return what is at path, or None. ``/x`` and ``/x/`` find a file before a directory."""
        cleaned = clean(path)
        row = self.find(cleaned) if cleaned != "/" else None
        if row is not None:
            return FileInfo(row.path, False, row.size_bytes, row.hash, row.tag)
        return self.directory(cleaned)

    def directory(self, path: str) -> FileInfo | None:
        """Return the directory at path, or None if no file is below it."""
        return directory_info(self.table, clean(path).rstrip("/") + "/")

    def list(self, path: str, *, after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileInfo]:
        """Yield the direct children of a directory in path order; of a file, the file itself.

        ``after`` is exclusive: the last path of the page before. ``number`` ends the page; 0 is no limit.
        """
        return _page(list_directory(self.table, path, after=after, reverse=reverse), number)

    def walk(self, path: str, *, after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileInfo]:
        """Yield a directory and all that is below it, depth first in path order."""
        return _page(walk_directory(self.table, path, after=after, reverse=reverse), number)

    def glob(self, pattern: str, *, lower: str = "", upper: str = "") -> Iterator[FileInfo]:
        """Yield the files and directories that match, in path order, from lower up to upper (exclusive)."""
        return glob_infos(self.table, pattern, lower=lower, upper=upper)

    def glob_matches(self, pattern: str) -> Iterator[tuple[FileInfo, Match]]:
        """Yield what matches together with what the pattern's groups captured."""
        return glob_matches(self.table, pattern)

    def files(self, path: str = "/") -> Iterator[FileRow]:
        """Yield every file below a directory, or the file."""
        cleaned = clean_keeping_directory(path)
        if not cleaned.endswith("/"):
            yield from self.rows(cleaned)
            cleaned += "/"
        for batch in self.table.scan(*bounds_below(cleaned)):
            yield from file_rows(batch)

    def read(self, row: FileRow, *, offset: int = 0) -> Iterator[bytes]:
        """Yield the content from offset on, in pieces of at most 4 MiB."""
        if len(row.refs) == 1:
            yield self._chunks.read(row.refs[0])[offset:]
            return
        ends = []
        total = 0
        for ref in row.refs:
            total += ref.length
            ends.append(total)
        first = bisect_left(ends, offset + 1)
        skip = offset - (ends[first - 1] if first else 0)
        for run in _runs(row.refs[first:]):
            for piece in self._chunks.read_many(run):
                yield piece[skip:] if skip else piece
                skip = 0

    def read_files(self, rows: Iterable[FileRow]) -> Iterator[tuple[FileRow, Iterator[bytes]]]:
        """Yield each row with its content, in order. Small files that lie close together are read at once."""
        run: list[FileRow] = []
        size = 0
        for row in rows:
            if run and size + row.size_bytes > _READ_BYTES:
                yield from self._read_run(run)
                run, size = [], 0
            run.append(row)
            size += row.size_bytes
        yield from self._read_run(run)

    def _read_run(self, run: Sequence[FileRow]) -> Iterator[tuple[FileRow, Iterator[bytes]]]:
        small = [row.refs[0] for row in run if len(row.refs) == 1]
        contents = iter(self._chunks.read_many(small))
        for row in run:
            yield row, iter([next(contents)]) if len(row.refs) == 1 else self.read(row)

    def check_out(
        self,
        rows: Iterable[FileRow],
        directory: int,
        *,
        below: str,
        umask: int,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Write files into the directory of a descriptor, each under what its path has after ``below``."""
        CheckOut(self._chunks, directory, umask=umask, goes_on=goes_on).write(rows, below=below)

    def diff(
        self, other: "FileSet", path: str = "/", other_path: str | None = None
    ) -> Iterator[tuple[FileInfo | None, FileInfo | None]]:
        """Yield (here, in other) for each file and directory below path that differs, the directory itself included.

        With another path for the other file set, what is below both is compared by whole path: all the rest is on one
        side only.
        """
        if other_path is None or other_path == path:
            return diff_tables(self.table, other.table, path)
        return diff_walks(self.walk(path), other.walk(other_path))


def _page(infos: Iterator[FileInfo], number: int) -> Iterator[FileInfo]:
    if not number:
        yield from infos
        return
    for count, info in enumerate(infos, start=1):
        yield info
        if count == number:
            return


def _runs(refs: tuple[ChunkRef, ...]) -> Iterator[list[ChunkRef]]:
    """Yield refs in runs small enough to be read at once."""
    run: list[ChunkRef] = []
    size = 0
    for ref in refs:
        if run and size + ref.length > _READ_BYTES:
            yield run
            run, size = [], 0
        run.append(ref)
        size += ref.length
    if run:
        yield run
