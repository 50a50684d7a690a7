"""Content at URLs that users name: web pages, buckets, directories of the server's machine."""

import http.client
import os
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit

from trunkline.errors import Error, InvalidInputError
from trunkline.objects.local_files import LocalFiles

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig
    from obstore.store import ObjectStore as RemoteStore

_PIECE_BYTES = 4 * 1024 * 1024
_TIMEOUT_SECONDS = 60.0
_SERVICES = {
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "azblob": "az",
    "wasb": "az",
    "minio": "s3",
}
_HTTPS_PORT = 443

_RETRIES: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}

Content: TypeAlias = tuple[str, Iterator[bytes]]
"""A path relative to what was asked for, empty for that itself, and the bytes in pieces."""


class UrlError(Error):
    """What a URL names could not be read."""


def read_url(url: str, local_files: LocalFiles, *, recursive: bool = False) -> Iterator[Content]:
    """Yield the one content at url, or with recursive everything below it; of this machine, what local_files allow.

    Each is to be read before the next is asked for. Raise UrlError, "error retrieving content from", as soon as
    something is missing or cut short.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        if recursive:
            raise InvalidInputError(f"{url}: web pages cannot be read recursively")
        yield "", _read_page(url)
    elif parts.scheme == "file":
        yield from _read_local(url, local_path(url, parts), local_files, recursive=recursive)
    else:
        yield from _read_bucket(url, parts, recursive=recursive)


def local_directory(url: str, local_files: LocalFiles) -> str | None:
    """Return the path of the directory of this machine that url names; None if it names something else."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = local_path(url, parts)
    local_files.check(path)
    return str(path) if path.is_dir() else None


def _unreadable(url: str, reason: object) -> UrlError:
    return UrlError(f"error retrieving content from {url}: {_line(reason)}")


def _line(reason: object) -> str:
    """Return the first line, as obstore's errors go on with details of its inside, without what Python puts around."""
    if isinstance(reason, URLError) and not isinstance(reason, HTTPError):
        reason = reason.reason
    if isinstance(reason, OSError) and not isinstance(reason, URLError) and reason.strerror:
        return reason.strerror
    return str(reason).strip().partition("\n")[0]


def _read_page(url: str) -> Iterator[bytes]:
    request = urllib.request.Request(url, headers={"User-Agent": "trunkline"})  # noqa: S310 - http and https only
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            expected = response.headers.get("Content-Length")
            received = 0
            while piece := response.read(_PIECE_BYTES):
                received += len(piece)
                yield piece
    except (URLError, http.client.HTTPException, OSError) as error:
        raise _unreadable(url, error) from error
    if expected is not None and received != int(expected):
        raise _unreadable(url, f"it ended after {received} of {expected} bytes")


def local_path(url: str, parts: SplitResult) -> Path:
    """Return the path that a file URL names, or raise InvalidInputError."""
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise InvalidInputError(f"{url}: write an absolute path of the server's machine: file:///directory/file")
    return Path(unquote(parts.path, errors="surrogateescape"))


def _read_local(url: str, path: Path, local_files: LocalFiles, *, recursive: bool) -> Iterator[Content]:
    local_files.check(path)
    if not path.is_dir():
        yield "", _read_file(url, str(path), local_files)
        return
    if not recursive:
        raise _unreadable(url, "it is a directory: ask for it recursively")
    for file in local_files.files_below(str(path)):
        yield os.path.relpath(file, path), _read_file(url, file, local_files)


def _read_file(url: str, path: str, local_files: LocalFiles) -> Iterator[bytes]:
    try:
        with os.fdopen(local_files.open(path), "rb", buffering=0) as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece
    except OSError as error:
        raise _unreadable(url, error) from error


def open_bucket(url: str, parts: SplitResult) -> "tuple[RemoteStore, str]":
    """Return the bucket that a URL names, and what it names in there, or raise InvalidInputError.

    ``minio://HOST:PORT/BUCKET/KEY`` is a bucket of an S3 of one's own, by plain HTTP unless the port is 443.
    """
    from obstore.exceptions import BaseError  # noqa: PLC0415
    from obstore.store import S3Store, from_url  # noqa: PLC0415

    service = _SERVICES.get(parts.scheme)
    path = unquote(parts.path).strip("/")
    bucket, _, key = path.partition("/") if parts.scheme == "minio" else (parts.netloc, "", path)
    if service is None or not parts.netloc or not bucket:
        raise InvalidInputError(
            f"{url}: it takes http://, https://, file://, s3://, gs://, az:// or minio://HOST:PORT/ and a bucket"
        )
    try:
        if parts.scheme != "minio":
            return from_url(f"{service}://{bucket}", retry_config=_RETRIES), key
        is_secure = parts.port == _HTTPS_PORT
        endpoint = f"http{'s' * is_secure}://{parts.netloc}"
        options: ClientConfig = {"allow_http": not is_secure}
        return S3Store(bucket, endpoint=endpoint, client_options=options, retry_config=_RETRIES), key
    except (BaseError, ValueError) as error:
        raise InvalidInputError(f"{url} cannot be opened: {_line(error)}") from error


def _read_bucket(url: str, parts: SplitResult, *, recursive: bool) -> Iterator[Content]:
    import obstore  # noqa: PLC0415
    from obstore.exceptions import BaseError  # noqa: PLC0415

    store, key = open_bucket(url, parts)
    if not recursive:
        yield "", _read_object(url, store, key)
        return
    found = False
    try:
        for page in obstore.list(store, prefix=key or None):
            for entry in page:
                found = True
                name = entry["path"]
                yield name[len(key) :].lstrip("/"), _read_object(url, store, name)
    except (BaseError, OSError) as error:
        raise _unreadable(url, error) from error
    if not found:
        raise _unreadable(url, "there is nothing below it")


def _read_object(url: str, store: "RemoteStore", key: str) -> Iterator[bytes]:
    import obstore  # noqa: PLC0415
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        for piece in obstore.get(store, key).stream(min_chunk_size=_PIECE_BYTES):
            yield bytes(piece)
    except (BaseError, OSError) as error:
        raise _unreadable(url, error) from error
