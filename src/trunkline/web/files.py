"""``/pfs/<project>/<repo>/<branch or commit>/<path>``: read-only files and listings (reference, section 9)."""

import itertools
import mimetypes
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Scope

from trunkline.errors import (
    ConflictError,
    CorruptDataError,
    Error,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UnfinishedError,
)
from trunkline.model.ids import is_id
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileInfo, FileSet
from trunkline.telemetry import log
from trunkline.web.conditions import Validators, range_applies, status_of
from trunkline.web.listings import as_lines, as_page, in_pieces
from trunkline.web.ranges import ByteRange, UnsatisfiableRangeError, read_range

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Files are their users': what is in them runs nowhere, least of all as a page of this server.
_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_FOR_EVER = "public, max-age=31536000, immutable"
_ENCODED_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_STATUSES: tuple[tuple[type[Error], int], ...] = (
    (NotFoundError, 404),
    (InvalidInputError, 400),
    (UnfinishedError, 503),
    (ConflictError, 409),
    (UnavailableError, 503),
    (Error, 500),
)


class FileEndpoint:
    """Answers GET and HEAD for the files of all repos."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return self._answer(request)
        except Error as error:
            if isinstance(error, CorruptDataError):
                log("web").error(
                    "%s met damage: %s; `fsck --read-data` tells which files have it", request.url.path, error
                )
            status = next(status for kind, status in _STATUSES if isinstance(error, kind))
            return PlainTextResponse(f"{error}\n", status)

    def _answer(self, request: Request) -> Response:
        _, _, project, repo, ref, *rest = asked = _path_of(request.scope).split("/", 5)
        path = "/" + "".join(rest)
        reference = CommitReference(RepoKey(project, repo), id=ref)
        commit, files = self._versioning.open_files(reference)
        info = files.directory(path) if path.endswith("/") else files.info(path)
        is_root = path == "/"
        if not is_root and (info is None or info.path.rstrip("/") != path.removesuffix("/")):
            raise NotFoundError(f"file {path} not found in repo {reference.repo} at commit {ref}")
        if info is not None and not info.is_dir:
            return _content(request, commit, files, info, is_for_ever=is_id(ref))
        if not rest or not path.endswith("/"):
            return RedirectResponse(quote("/".join(asked), safe="/") + "/", 308)
        return _listing(request, path, files.list(path))


def _path_of(scope: Scope) -> str:
    """Return the path of a request as text; raise InvalidInputError where its escapes are none, or no UTF-8."""
    raw = scope["raw_path"].partition(b"?")[0]
    if _BAD_ESCAPE.search(raw):
        raise InvalidInputError("the path has a % that is not followed by two hexadecimal digits: write it %25")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise InvalidInputError("the path is not text in UTF-8") from None


def _content(
    request: Request, commit: CommitRow | None, files: FileSet, info: FileInfo, *, is_for_ever: bool
) -> Response:
    validators = Validators(f'"{info.hash.hex()}"', _modified(commit))
    headers = {
        **validators.headers,
        "accept-ranges": "bytes",
        "cache-control": _FOR_EVER if is_for_ever else "no-cache",
        "content-security-policy": _FILE_POLICY,
    }
    if status := status_of(request.headers, validators):
        return Response(status_code=status, headers=headers)
    wanted = None
    if request.method == "GET" and range_applies(request.headers, validators):
        try:
            wanted = read_range(request.headers.get("range"), info.size_bytes)
        except UnsatisfiableRangeError:
            return Response(status_code=416, headers={**headers, "content-range": f"bytes */{info.size_bytes}"})
    part = wanted or ByteRange(0, info.size_bytes)
    if wanted is not None:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{info.size_bytes}"
    headers["content-length"] = str(part.stop - part.start)
    status = 200 if wanted is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=_media_type(info.path))
    return StreamingResponse(_pieces(files, info, part), status, headers, _media_type(info.path))


def _modified(commit: CommitRow | None) -> datetime | None:
    if commit is None or commit.finishing_at is None:
        return None
    return datetime.fromtimestamp(commit.finishing_at // 1_000_000, UTC)


def _media_type(path: str) -> str:
    kind, encoding = mimetypes.guess_type(path)
    if encoding is not None:  # the bytes are those of the archive
        return _ENCODED_TYPES.get(encoding, "application/octet-stream")
    return kind or "application/octet-stream"


def _pieces(files: FileSet, info: FileInfo, part: ByteRange) -> Iterator[bytes]:
    row = files.find(info.path)
    assert row is not None
    left = part.stop - part.start
    for piece in files.read(row, offset=part.start):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _listing(request: Request, path: str, infos: Iterator[FileInfo]) -> Response:
    is_for_people = "text/html" in request.headers.get("accept", "")
    headers = {"cache-control": "no-cache", "vary": "accept"}
    media_type = "text/html" if is_for_people else "text/plain"
    if request.method == "HEAD":
        return Response(headers=headers, media_type=media_type)
    pieces = in_pieces(as_page(path, infos) if is_for_people else as_lines(infos))
    # The first is made here: what cannot be read is told as a status.
    return StreamingResponse(itertools.chain([next(pieces)], pieces), headers=headers, media_type=media_type)
