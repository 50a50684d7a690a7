"""``/pfs/<project>/<repo>/<branch or commit>/<path>``: read-only files and listings (reference, section 9)."""

import html
import mimetypes
from collections.abc import Iterator
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from trunkline.errors import Error, InvalidInputError, NotFoundError
from trunkline.model.ids import is_id
from trunkline.model.paths import base_name
from trunkline.model.versions import CommitReference, RepoKey
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.storage.fileset import FileInfo, FileSet
from trunkline.web.ranges import ByteRange, UnsatisfiableRangeError, read_range


class FileEndpoint:
    """Answers GET and HEAD for the files of all repos."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            return self._answer(request)
        except NotFoundError as error:
            return PlainTextResponse(f"{error}\n", 404)
        except InvalidInputError as error:
            return PlainTextResponse(f"{error}\n", 400)
        except Error as error:
            return PlainTextResponse(f"{error}\n", 500)

    def _answer(self, request: Request) -> Response:
        project, repo, ref = (request.path_params[name] for name in ("project", "repo", "ref"))
        path = "/" + request.path_params.get("path", "")
        reference = CommitReference(RepoKey(project, repo), id=ref)
        commit, files = self._versioning.open_files(reference)
        info = files.info(path)
        if info is None and path != "/":
            raise NotFoundError(f"file {path} not found in repo {reference.repo} at commit {ref}")
        if info is None or info.is_dir:
            if not request.url.path.endswith("/"):
                return RedirectResponse(request.url.path + "/", 308)
            return _listing(request, path, list(files.list(path)))
        return self._content(request, commit, files, info, cacheable=is_id(ref))

    def _content(
        self, request: Request, commit: CommitRow | None, files: FileSet, info: FileInfo, *, cacheable: bool
    ) -> Response:
        headers = {
            "etag": f'"{info.hash.hex()}"',
            "accept-ranges": "bytes",
            "cache-control": "public, max-age=31536000, immutable" if cacheable else "no-cache",
        }
        if commit is not None and commit.finishing_at is not None:
            headers["last-modified"] = formatdate(commit.finishing_at / 1_000_000, usegmt=True)
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        try:
            wanted = read_range(request.headers.get("range"), info.size_bytes)
        except UnsatisfiableRangeError:
            return Response(status_code=416, headers={"content-range": f"bytes */{info.size_bytes}"})
        part = wanted or ByteRange(0, info.size_bytes)
        if wanted is not None:
            headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{info.size_bytes}"
        headers["content-length"] = str(part.stop - part.start)
        media_type = mimetypes.guess_type(info.path)[0] or "application/octet-stream"
        status = 206 if wanted is not None else 200
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers, media_type=media_type)
        return StreamingResponse(_pieces(files, info, part), status, headers, media_type)


def _pieces(files: FileSet, info: FileInfo, part: ByteRange) -> Iterator[bytes]:
    row = files.find(info.path)
    assert row is not None
    left = part.stop - part.start
    for piece in files.read(row, offset=part.start):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _listing(request: Request, path: str, infos: list[FileInfo]) -> Response:
    names = [base_name(info.path) + ("/" if info.is_dir else "") for info in infos]
    if "text/html" not in request.headers.get("accept", ""):
        kinds = ["dir" if info.is_dir else "file" for info in infos]
        lines = [f"{kind}\t{info.size_bytes}\t{name}\n" for kind, info, name in zip(kinds, infos, names, strict=True)]
        return PlainTextResponse("".join(lines))
    items = "".join(f'<li><a href="{html.escape(name, quote=True)}">{html.escape(name)}</a></li>' for name in names)
    title = html.escape(path)
    return HTMLResponse(f"<!doctype html><title>{title}</title><h1>{title}</h1><ul>{items}</ul>")
