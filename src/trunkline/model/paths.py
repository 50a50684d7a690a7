"""Paths inside a commit (reference, section 1.8): files ``/a/b``, directories ``/a/``, the root ``/``."""

import re

from trunkline.errors import InvalidInputError

GLOB_CHARACTERS = "*?[]{}!()@+^"
_NOT_PRINTABLE = re.compile(r"[^ -~]")
_GLOBBING = re.compile("[" + re.escape(GLOB_CHARACTERS) + "]")


def clean(path: str) -> str:
    """Return path with a leading slash, single slashes, and no trailing slash (but ``/`` for the root)."""
    parts = [part for part in path.split("/") if part]
    return "/" + "/".join(parts)


def clean_keeping_directory(path: str) -> str:
    """Return the clean path, with a trailing slash where path had one: that names a directory."""
    cleaned = clean(path)
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def check_writable(path: str) -> str:
    """Return the clean form of path, or raise InvalidInputError if no file may have it."""
    cleaned = clean_keeping_directory(path)

    def invalid(reason: str) -> InvalidInputError:
        return InvalidInputError(f"path ({path}) invalid: {reason}")

    if _NOT_PRINTABLE.search(path):
        raise invalid("only printable ASCII characters allowed")
    if found := _GLOBBING.search(path):
        raise invalid(f"globbing character ({found.group()}) not allowed in path")
    if any(part in (".", "..") for part in cleaned.split("/")):
        raise invalid("relative file paths are not allowed")
    return cleaned


def below(directory: str, path: str) -> str:
    """Return where below a local directory a path of a commit lies; the root is the directory itself.

    Raise InvalidInputError if it would lie elsewhere: what a server sends need not be what it should.
    """
    rest = path.strip("/")
    if "\0" in rest or ".." in rest.split("/"):
        raise InvalidInputError(
            f"path {path!r} leaves the directory that it should be in: the server is not to be trusted"
        )
    return f"{directory}/{rest}" if rest else directory


def parent(path: str) -> str:
    """Return the directory, with its trailing slash, that holds path; the root's parent is the root."""
    return path.rstrip("/").rpartition("/")[0] + "/"


def base_name(path: str) -> str:
    """Return the last element of path, without slashes."""
    return path.rstrip("/").rpartition("/")[2]
