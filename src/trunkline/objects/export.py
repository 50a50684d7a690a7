"""Copying files to where other programs read them: plain objects by path, in any place that a URL names."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from trunkline.errors import UnavailableError
from trunkline.objects.local_files import LocalFiles
from trunkline.objects.urls import local_path, open_bucket

_WHOLE_BYTES_MAX = 8 * 1024 * 1024


class Export:
    """A place for copies: ``file:///directory``, ``s3://bucket/prefix``, ``gs://``, ``az://``. What is there goes.

    Credentials of remote stores come from the environment.
    """

    def __init__(self, url: str, local_files: LocalFiles) -> None:
        """Raise InvalidInputError for a URL that names no place, or one of this machine that may not be named."""
        self._url = url.rstrip("/")
        parts = urlsplit(url)
        self._directory = local_path(url, parts) if parts.scheme == "file" else None
        self._local_files = local_files
        if self._directory is not None:
            local_files.check(self._directory)
        else:
            self._store, self._prefix = open_bucket(url, parts)

    def put(self, path: str, pieces: Iterable[bytes]) -> int:
        """Store a file whole below the place and return its length, or raise UnavailableError.

        Nothing is there if the pieces end with an error.
        """
        counted = _Counted(pieces)
        try:
            if self._directory is not None:
                self._write_file(self._directory / path.lstrip("/"), counted)
            else:
                self._write_object(f"{self._prefix}/{path.lstrip('/')}".lstrip("/"), counted)
        except OSError as error:
            raise UnavailableError(f"cannot write {path} to {self._url}: {error}") from error
        return counted.size_bytes

    def _write_file(self, path: Path, pieces: Iterable[bytes]) -> None:
        directory = self._local_files.make_directory(path.parent)
        temporary = f".{path.name}.part"
        try:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)  # of a server that has ended meanwhile
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(temporary, flags, 0o666, dir_fd=directory), "wb") as file:
                    for piece in pieces:
                        file.write(piece)
                os.replace(temporary, path.name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=directory)
                raise
        finally:
            os.close(directory)

    def _write_object(self, key: str, pieces: Iterable[bytes]) -> None:
        import obstore  # noqa: PLC0415 - late: only those who use buckets pay for it
        from obstore.exceptions import BaseError  # noqa: PLC0415

        rest = iter(pieces)
        first = b""
        # Several parts are worth their calls only for what is large.
        while len(first) < _WHOLE_BYTES_MAX and (piece := next(rest, None)) is not None:
            first += piece
        is_whole = len(first) < _WHOLE_BYTES_MAX
        try:
            obstore.put(self._store, key, first if is_whole else chain([first], rest), use_multipart=not is_whole)
        except BaseError as error:
            # The first line, as obstore's errors go on with details of its inside.
            raise OSError(str(error).strip().partition("\n")[0]) from error


class _Counted(Iterable[bytes]):
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size_bytes += len(piece)
            if piece:
                yield piece
