"""``/chunks/<reference>``: one chunk of a file, for clients that put files together themselves (reference, 6.8)."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from trunkline.errors import CorruptDataError
from trunkline.pfs.versioning import Versioning
from trunkline.storage.chunk import ChunkRef
from trunkline.storage.chunk.chunker import CHUNK_BYTES_MAX
from trunkline.storage.chunk.refs import decode_refs, encode_refs


def chunk_path(ref: ChunkRef) -> str:
    """Return the path at which a chunk is to be had."""
    return f"/chunks/{encode_refs([ref]).hex()}"


class ChunkEndpoint:
    """Answers GET with the plain bytes of a chunk. Its path names its hash, so nobody finds what he does not know."""

    def __init__(self, versioning: Versioning) -> None:
        self._chunks = versioning.file_sets.chunks

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        ref = _read_reference(request.path_params["reference"])
        if ref is None:
            return PlainTextResponse("this names no chunk\n", 404)
        try:
            content = self._chunks.read(ref)
        except CorruptDataError as error:
            return PlainTextResponse(f"{error}\n", 404)
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, media_type="application/octet-stream", headers=headers)


def _read_reference(text: str) -> ChunkRef | None:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    if len(data) != _REFERENCE_BYTES:
        return None
    (ref,) = decode_refs(data)
    return ref if max(ref.length, ref.stored_bytes) <= 2 * CHUNK_BYTES_MAX else None


_REFERENCE_BYTES = len(encode_refs([ChunkRef(bytes(32), bytes(32), 0, 0, 0, 0)]))
