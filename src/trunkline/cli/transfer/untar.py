"""Reading a tar stream of regular files and directories, as servers send it: a tenth of the work of `tarfile`.

Understood are names and sizes of any length in GNU, POSIX and PAX archives; links, devices and so on are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trunkline.errors import CorruptDataError

_BLOCK_BYTES = 512
_NAME, _SIZE, _CHECKSUM, _PREFIX = slice(0, 100), slice(124, 136), slice(148, 156), slice(345, 500)
_KIND = 156
_MAGIC = slice(257, 263)
_POSIX_MAGIC = b"ustar\0"
_FILES = b"0\0" + b"7"
_DIRECTORY, _GNU_NAME, _PAX, _SPARSE = b"5LxS"
_END = bytes(_BLOCK_BYTES)
_NAME_BYTES_MAX = 1 << 20
_CUT = "the tar stream ended in the middle of a file"


@dataclass(frozen=True, slots=True)
class Member:
    """A file or directory of the archive."""

    name: str
    size_bytes: int
    is_dir: bool


class TarReader:
    """Members of an archive that comes in pieces, one after the other."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        self._at = 0
        self._left = 0
        """How much of the present member was not read yet, without what fills its last block."""
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        """Yield each member; its `content` is to be had until the next one.

        Raise CorruptDataError for what is no archive, or breaks off in a member.
        """
        long_name, long_size = "", -1
        while True:
            self._skip(self._left + self._padding)
            header = self._header()
            if header is None:
                if long_name or long_size >= 0:
                    raise CorruptDataError(_CUT)
                return
            kind, size = header[_KIND], _size(header[_SIZE])
            if long_size >= 0 and kind not in (_PAX, _GNU_NAME):
                size = long_size
            self._left, self._padding = size, -size % _BLOCK_BYTES
            if kind == _GNU_NAME:
                long_name = self._small().rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif kind == _PAX:
                values = _pax_values(self._small())
                long_name = values.get(b"path", b"").decode("utf-8", "surrogateescape") or long_name
                long_size = _decimal(values[b"size"]) if b"size" in values else long_size
            else:
                if kind == _SPARSE:
                    raise CorruptDataError("the tar stream has a sparse file, which cannot be read")
                if kind in _FILES or kind == _DIRECTORY:
                    name = long_name or _name(header)
                    yield Member(name, size, is_dir=kind == _DIRECTORY or name.endswith("/"))
                long_name, long_size = "", -1

    def content(self) -> Iterator[memoryview]:
        """Yield the content of the member that was yielded last."""
        while self._left:
            piece = self._some(self._left)
            self._left -= len(piece)
            yield piece

    def _header(self) -> bytes | None:
        """Return the next header; None at the end of the archive, of which everything has come then."""
        if self._at == len(self._piece) and not self._next_piece():
            return None
        header = self._exactly(_BLOCK_BYTES)
        if header == _END:
            for _ in self._pieces:  # the stream may end with an error
                pass
            return None
        if sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" ") != _octal(header[_CHECKSUM]):
            raise CorruptDataError("the tar stream has a header with a wrong checksum")
        return header

    def _small(self) -> bytes:
        """Return the content of a member that describes the next one."""
        if self._left > _NAME_BYTES_MAX:
            raise CorruptDataError(f"the tar stream has a name of {self._left} bytes")
        content = self._exactly(self._left)
        self._left = 0
        return content

    def _exactly(self, count: int) -> bytes:
        piece = self._some(count)
        if len(piece) == count:
            return bytes(piece)
        parts = [bytes(piece)]
        while (count := count - len(parts[-1])) > 0:
            parts.append(bytes(self._some(count)))
        return b"".join(parts)

    def _skip(self, count: int) -> None:
        while count:
            count -= len(self._some(count))

    def _some(self, count_max: int) -> memoryview:
        """Return up to so many of the next bytes, and some in any case; nothing only if nothing is wanted."""
        if self._at == len(self._piece) and count_max and not self._next_piece():
            raise CorruptDataError(_CUT)
        piece = self._piece[self._at : self._at + count_max]
        self._at += len(piece)
        return piece

    def _next_piece(self) -> bool:
        for piece in self._pieces:
            if piece:
                self._piece, self._at = memoryview(piece), 0
                return True
        return False


def _name(header: bytes) -> str:
    name = header[_NAME].partition(b"\0")[0]
    if header[_MAGIC] == _POSIX_MAGIC and (prefix := header[_PREFIX].partition(b"\0")[0]):
        name = prefix + b"/" + name
    return name.decode("utf-8", "surrogateescape")


def _size(field: bytes) -> int:
    # Above 8 GB the first bit is set, and the rest is the number itself.
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:])
    return _octal(field)


def _octal(field: bytes) -> int:
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise CorruptDataError(f"the tar stream has a header with a number that is none: {field!r}") from None


def _decimal(text: bytes) -> int:
    if not text.isdigit():
        raise CorruptDataError(f"the tar stream has a PAX header with a number that is none: {text!r}")
    return int(text)


def _pax_values(content: bytes) -> dict[bytes, bytes]:
    """Return what lines of ``length key=value`` say; the length counts all of its line."""
    values: dict[bytes, bytes] = {}
    while content:
        digits = content.partition(b" ")[0]
        length = _decimal(digits)
        key, _, value = content[len(digits) + 1 : length - 1].partition(b"=")
        values[key] = value
        content = content[max(length, 1) :]
    return values
