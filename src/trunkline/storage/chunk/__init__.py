"""Pieces of files: cut, named by hash, compressed, packed."""

from trunkline.storage.chunk.refs import ChunkIndex, ChunkRef, MemoryChunkIndex, decode_refs, encode_refs
from trunkline.storage.chunk.store import ChunkStore

__all__ = ["ChunkIndex", "ChunkRef", "ChunkStore", "MemoryChunkIndex", "decode_refs", "encode_refs"]
