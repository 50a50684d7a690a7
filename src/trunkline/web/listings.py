"""Directories as pages for browsers, and as lines for programs; made while they are read."""

import html
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from trunkline.model.paths import base_name
from trunkline.storage.fileset import FileInfo

_PIECE_CHARACTERS = 64 * 1024


def as_lines(infos: Iterable[FileInfo]) -> Iterator[str]:
    """Yield a line for each file: type, size in bytes, name."""
    for info in infos:
        yield f"{'dir' if info.is_dir else 'file'}\t{info.size_bytes}\t{_name(info)}\n"


def as_page(path: str, infos: Iterable[FileInfo]) -> Iterator[str]:
    """Yield a page with a link for each file."""
    title = html.escape(path)
    yield f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>'
    for info in infos:
        yield f'<li><a href="{link(_name(info))}">{html.escape(_name(info))}</a></li>'
    yield "</ul>"


def link(name: str) -> str:
    """Return the reference from a directory to what is in it, whatever that is called.

    The dot keeps a name from being read as a scheme: ``javascript:…`` is a file, too.
    """
    return f"./{quote(name, safe='/')}"


def in_pieces(texts: Iterator[str]) -> Iterator[bytes]:
    """Yield texts many at a time: each piece costs a switch between threads."""
    held: list[str] = []
    count = 0
    for text in texts:
        held.append(text)
        count += len(text)
        if count >= _PIECE_CHARACTERS:
            yield "".join(held).encode()
            held, count = [], 0
    yield "".join(held).encode()


def _name(info: FileInfo) -> str:
    return base_name(info.path) + ("/" if info.is_dir else "")
