"""Copying files to where other programs read them: plain objects by path, in any place that a URL names."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from trunkline.errors import UnavailableError
from trunkline.objects.urls import local_path, open_bucket

_WHOLE_BYTES_MAX = 8 * 1024 * 1024


class Export:
    """A place for copies: ``file:///directory``, ``s3://bucket/prefix``, ``gs://``, ``az://``. What is there goes.

    Credentials of remote stores come from the environment.
    """

    def __init__(self, url: str) -> None:
        """Raise InvalidInputError for a URL that names no place."""
        self._url = url.rstrip("/")
        parts = urlsplit(url)
        self._directory = local_path(url, parts) if parts.scheme == "file" else None
        if self._directory is None:
            self._store, self._prefix = open_bucket(url, parts)

    def put(self, path: str, pieces: Iterable[bytes]) -> int:
        """Store a file whole below the place and return its length, or raise UnavailableError.

        Nothing is there if the pieces end with an error.
        """
        counted = _Counted(pieces)
        try:
            if self._directory is not None:
                _write_file(self._directory / path.lstrip("/"), counted)
            else:
                self._write_object(f"{self._prefix}/{path.lstrip('/')}".lstrip("/"), counted)
        except OSError as error:
            raise UnavailableError(f"cannot write {path} to {self._url}: {error}") from error
        return counted.size_bytes

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


def _write_file(path: Path, pieces: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
