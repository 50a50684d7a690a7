"""Writes files of a file set into a directory, several at a time."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TypeAlias

from trunkline.errors import UnavailableError
from trunkline.objects.durable import write_all
from trunkline.storage.chunk import ChunkRef, ChunkStore
from trunkline.storage.fileset.rows import FileRow

_THREADS = 2
_RUN_BYTES = 4 * 1024 * 1024
_RUN_FILES = 512
_RUNS_AHEAD = 2 * _THREADS
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_Work: TypeAlias = Callable[[], None]


class CheckOut:
    """Writes files below a new directory that nobody else writes to, given by its descriptor.

    After an error some of the files are there, and some may be cut short: whoever made the directory takes it away. So
    it goes, too, once ``goes_on`` says no.
    """

    def __init__(
        self, chunks: ChunkStore, directory: int, *, umask: int, goes_on: Callable[[], bool] = lambda: True
    ) -> None:
        self._chunks = chunks
        self._directory = directory
        self._file_mode = 0o666 & ~umask
        self._directory_mode = 0o777 & ~umask
        self._goes_on = goes_on
        self._made: set[str] = set()
        # The umask of this process, which is not to be changed while other threads run, may take more away.
        self._is_masked = not _keeps_mode(directory, self._directory_mode)

    def write(self, rows: Iterable[FileRow], *, below: str = "/") -> None:
        """Write files under what their paths have after ``below``, a directory with its slash."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="checkout") as threads:
            under_way: set[Future[None]] = set()
            try:
                for work in self._works(rows, len(below)):
                    if not self._goes_on():
                        raise UnavailableError("the files are not wanted any more")
                    under_way.add(threads.submit(work))
                    if len(under_way) > _RUNS_AHEAD:
                        under_way = _take_finished(under_way)
                while under_way:
                    under_way = _take_finished(under_way)
            finally:
                threads.shutdown(cancel_futures=True)

    def _works(self, rows: Iterable[FileRow], skip: int) -> Iterator[_Work]:
        """Yield pieces of work that may be done in any order; their directories are made."""
        run: list[tuple[str, FileRow]] = []
        size = 0
        for row in rows:
            name = row.path[skip:]
            self._make_parents(name)
            if len(row.refs) > 1:
                yield from self._pieces(name, row)
                continue
            if run and (size + row.size_bytes > _RUN_BYTES or len(run) >= _RUN_FILES):
                yield partial(self._write_small, run)
                run, size = [], 0
            run.append((name, row))
            size += row.size_bytes
        if run:
            yield partial(self._write_small, run)

    def _pieces(self, name: str, row: FileRow) -> Iterator[_Work]:
        # Its own descriptor for each piece: whichever comes last has nothing to close for the others.
        os.close(self._create(name))
        offset = 0
        for run in _runs(row.refs):
            yield partial(self._write_piece, name, offset, run)
            offset += sum(ref.length for ref in run)

    def _write_small(self, run: Sequence[tuple[str, FileRow]]) -> None:
        contents = iter(self._chunks.read_many([row.refs[0] for _, row in run if row.refs]))
        for name, row in run:
            descriptor = self._create(name)
            try:
                if row.refs:
                    write_all(descriptor, next(contents))
            finally:
                os.close(descriptor)

    def _write_piece(self, name: str, offset: int, refs: Sequence[ChunkRef]) -> None:
        descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory)
        try:
            os.lseek(descriptor, offset, os.SEEK_SET)
            for ref in refs:
                write_all(descriptor, self._chunks.read(ref))
        finally:
            os.close(descriptor)

    def _create(self, name: str) -> int:
        descriptor = os.open(name, _NEW_FILE, self._file_mode, dir_fd=self._directory)
        if self._is_masked:
            os.fchmod(descriptor, self._file_mode)
        return descriptor

    def _make_parents(self, name: str) -> None:
        end = name.rfind("/")
        if end < 0 or (parent := name[:end]) in self._made:
            return
        self._make_parents(parent)
        os.mkdir(parent, self._directory_mode, dir_fd=self._directory)
        if self._is_masked:
            os.chmod(parent, self._directory_mode, dir_fd=self._directory)
        self._made.add(parent)


def _keeps_mode(directory: int, mode: int) -> bool:
    probe = ".mode"
    os.mkdir(probe, mode, dir_fd=directory)
    try:
        return stat.S_IMODE(os.stat(probe, dir_fd=directory).st_mode) & 0o777 == mode
    finally:
        os.rmdir(probe, dir_fd=directory)


def _take_finished(works: set[Future[None]]) -> set[Future[None]]:
    """Wait until some work is finished, raise what it raised, and return the rest."""
    finished, rest = wait(works, return_when=FIRST_COMPLETED)
    for work in finished:
        work.result()
    return rest


def _runs(refs: Sequence[ChunkRef]) -> Iterator[Sequence[ChunkRef]]:
    start = size = 0
    for position, ref in enumerate(refs):
        if size and size + ref.length > _RUN_BYTES:
            yield refs[start:position]
            start, size = position, 0
        size += ref.length
    yield refs[start:]
