"""Copying files to where other programs read them: plain objects by path, in any store that a URL names."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url
from obstore.store import ObjectStore as RemoteStore

from trunkline.errors import InvalidInputError, UnavailableError


class Export:
    """A place for copies: ``file:///directory``, ``s3://bucket/prefix``, ``gs://``, ``az://``. What is there goes.

    Credentials of remote stores come from the environment.
    """

    def __init__(self, url: str) -> None:
        """Raise InvalidInputError for a URL that names no store."""
        self._url = url
        self._store = _open(url)

    def put(self, path: str, pieces: Iterable[bytes]) -> None:
        """Store a file whole, or raise UnavailableError."""
        try:
            obstore.put(self._store, path.lstrip("/"), (piece for piece in pieces if piece))
        except (BaseError, OSError) as error:
            raise UnavailableError(f"cannot write {path} to {self._url}: {error}") from error


def _open(url: str) -> RemoteStore:
    parts = urlsplit(url)
    try:
        if parts.scheme == "file":
            directory = Path(unquote(parts.path))
            os.makedirs(directory, exist_ok=True)
            return LocalStore(directory)
        return from_url(url)
    except (BaseError, ValueError, OSError) as error:
        raise InvalidInputError(f"{url!r} cannot be opened: {error}") from error
