"""From a URL to an object store."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from trunkline.errors import InvalidInputError
from trunkline.objects.local import LocalObjectStore
from trunkline.objects.memory import MemoryObjectStore
from trunkline.objects.store import ObjectStore


def open_object_store(url: str) -> ObjectStore:
    """Return the store that url names: ``file:///directory``, ``memory://``, ``s3://bucket/prefix``, ``gs://``, ``az://``.

    A directory is created if need be. Credentials of remote stores come from the environment. Raise InvalidInputError
    for a URL that names no store.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryObjectStore()
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise InvalidInputError(f"object store {url!r} must be an absolute path: file:///directory")
        return LocalObjectStore(Path(unquote(parts.path)))
    return _open_remote(url)


def _open_remote(url: str) -> ObjectStore:
    # Late: only servers with a remote store pay for it.
    from obstore.exceptions import BaseError  # noqa: PLC0415
    from obstore.store import from_url  # noqa: PLC0415

    from trunkline.objects.remote import RemoteObjectStore  # noqa: PLC0415

    try:
        return RemoteObjectStore(from_url(url))
    except (BaseError, ValueError) as error:
        raise InvalidInputError(f"object store {url!r} cannot be opened: {error}") from error
