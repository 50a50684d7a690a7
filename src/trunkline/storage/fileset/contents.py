"""Joins file contents by their chunks, reading only what has to be cut anew."""

from collections.abc import Sequence

from trunkline.storage.chunk import ChunkRef, ChunkStore
from trunkline.storage.chunk.chunker import CHUNK_BYTES_MAX, cut
from trunkline.storage.chunk.writer import ChunkWriter, StoredChunk

_BUFFER_BYTES = 2 * CHUNK_BYTES_MAX


class ContentJoiner:
    """Builds the content that consists of several contents, one after the other.

    The chunks come out as if the whole had been cut at once. Of each content only the last chunk and the first ones of
    what follows are read, up to where the old borders and the new ones meet again.
    """

    def __init__(self, store: ChunkStore, writer: ChunkWriter) -> None:
        self._store = store
        self._writer = writer
        self._done: list[StoredChunk] = []
        self._last: ChunkRef | None = None
        """The last chunk so far, if it need not be read unless more comes."""
        self._buffer = bytearray()
        """Otherwise the bytes that are not cut yet."""

    def add(self, refs: Sequence[ChunkRef]) -> None:
        """Append a content."""
        if not refs:
            return
        if self._last is not None:
            self._buffer += self._store.read(self._last)
            self._last = None
        borders: dict[int, int] = {}
        for position, ref in enumerate(refs):
            if not self._buffer:
                self._adopt(refs[position:])
                return
            borders[len(self._buffer)] = position
            self._buffer += self._store.read(ref)
            if len(self._buffer) >= _BUFFER_BYTES:
                consumed = self._cut_complete(borders)
                if (meeting := borders.get(consumed)) is not None:
                    self._buffer.clear()
                    self._adopt(refs[meeting:])
                    return
                borders = {offset - consumed: index for offset, index in borders.items() if offset > consumed}

    def finish(self) -> list[StoredChunk]:
        """Return all chunks; those that are new have refs once the writer is sealed."""
        if self._last is not None:
            self._done.append(_stored(self._last))
        start = 0
        for length in cut(self._buffer):
            self._done.append(self._writer.add(bytes(self._buffer[start : start + length])))
            start += length
        return self._done

    def _adopt(self, refs: Sequence[ChunkRef]) -> None:
        self._done.extend(_stored(ref) for ref in refs[:-1])
        self._last = refs[-1]

    def _cut_complete(self, borders: dict[int, int]) -> int:
        """Cut what can be cut already, but not beyond a place where an old border is met. Return how much that was."""
        consumed = 0
        for length in cut(self._buffer)[:-1]:
            self._done.append(self._writer.add(bytes(self._buffer[consumed : consumed + length])))
            consumed += length
            if consumed in borders:
                break
        del self._buffer[:consumed]
        return consumed


def _stored(ref: ChunkRef) -> StoredChunk:
    return StoredChunk(ref.chunk, ref.length, ref)
