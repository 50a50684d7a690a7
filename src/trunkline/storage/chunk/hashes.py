"""Names of chunks and of file contents."""

from collections.abc import Sequence

from blake3 import blake3

HASH_BYTES = 32
_SEVERAL_CHUNKS = "trunkline 2026 file content of several chunks"


def hash_chunk(data: bytes | bytearray | memoryview) -> bytes:
    """Return the name of a chunk: BLAKE3 of its plain bytes."""
    return blake3(data).digest()


EMPTY_HASH = hash_chunk(b"")


def hash_content(chunks: Sequence[bytes]) -> bytes:
    """Return the hash of the content that consists of these chunks.

    Equal content is always cut equally, so equal content has equal hashes. A single chunk lends its own name.
    """
    if len(chunks) == 1:
        return chunks[0]
    if not chunks:
        return EMPTY_HASH
    return blake3(b"".join(chunks), derive_key_context=_SEVERAL_CHUNKS).digest()
