"""Files that come from URLs and go to them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import grpc
import pytest

from trunkline.proto import pfs_pb2
from trunkline.testing.doors import Story, add, add_url, at

PAGES = {"/page": b"hello", "/bucket/data/a": b"1", "/bucket/data/deep/b": b"22", "/bucket/other": b"3"}
LARGE = bytes(range(256)) * 40_000


class Handler(BaseHTTPRequestHandler):
    """A few pages, one that ends too early, and as much of S3 as listing and getting take."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/cut":
            self._answer(200, LARGE, promised=len(LARGE) + 1)
        elif "list-type" in query:
            self._answer(200, listing(query["prefix"][0]))
        elif url.path in PAGES:
            self._answer(200, PAGES[url.path])
        else:
            self._answer(404, b"no such page")

    def do_PUT(self) -> None:
        PAGES[urlsplit(self.path).path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes, *, promised: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = promised is not None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


def listing(prefix: str) -> bytes:
    keys = [path.removeprefix("/bucket/") for path in PAGES if path.startswith(f"/bucket/{prefix}")]
    entries = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
        for key in keys
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode()


@contextmanager
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server that is also an S3."""
    with web() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield address


def test_a_page_becomes_a_file(story: Story, address: str) -> None:
    story.put(at("in"), add_url("/page.html", f"{address}/page"))

    assert story.read(at("in")) == {"/page.html": "hello"}


@pytest.mark.parametrize("page", ["absent", "cut"])
def test_a_page_that_is_missing_or_cut_short_leaves_the_commit_as_it_was(story: Story, address: str, page: str) -> None:
    commit = story.start()
    story.put(commit, add("/before", "1"))

    with pytest.raises(grpc.RpcError, match="error retrieving content from"):
        story.put(commit, add("/with", "it"), add_url("/page", f"{address}/{page}"))

    assert story.read(commit) == {"/before": "1"}


def test_a_server_that_does_not_answer_is_told_in_the_systems_words(story: Story) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/page"

        with pytest.raises(grpc.RpcError) as refused:
            story.put(at("in"), add_url("/page", url))

    assert refused.value.details() == f"error retrieving content from {url}: Connection refused"


def test_a_prefix_of_a_bucket_is_read_recursively_under_relative_names(story: Story, address: str) -> None:
    story.put(at("in"), add_url("/one", "s3://bucket/other"), add_url("/all", "s3://bucket/data", recursive=True))

    assert story.read(at("in")) == {"/one": "3", "/all/a": "1", "/all/deep/b": "22"}
    with pytest.raises(grpc.RpcError, match=r"error retrieving content from s3://bucket/absent"):
        story.put(at("in"), add_url("/none", "s3://bucket/absent", recursive=True))


def test_an_s3_of_ones_own_is_named_by_host_and_port(
    story: Story, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    place = address.replace("http://", "minio://")

    story.put(
        at("in"), add_url("/one", f"{place}/bucket/other"), add_url("/all", f"{place}/bucket/data", recursive=True)
    )
    out = pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=at("in"), path="/one"), URL=f"{place}/bucket/minio")
    assert not list(story.pfs.GetFile(out))

    assert story.read(at("in")) == {"/one": "3", "/all/a": "1", "/all/deep/b": "22"}
    assert PAGES["/bucket/minio/one"] == b"3"
    with pytest.raises(grpc.RpcError, match="and a bucket"):
        story.put(at("in"), add_url("/none", place))


def test_files_are_written_to_a_bucket(story: Story, address: str) -> None:
    story.put(at("in"), add("/d/a", "1"), add("/d/b", "2"))
    directory = pfs_pb2.File(commit=at("in"), path="/d")

    assert not list(story.pfs.GetFileTAR(pfs_pb2.GetFileRequest(file=directory, URL="s3://bucket/out")))

    assert (PAGES["/bucket/out/d/a"], PAGES["/bucket/out/d/b"]) == (b"1", b"2")


def test_directories_of_the_server_are_read_and_written(story: Story, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a b").write_text("1")
    (source / "deep" / "c").write_text("2")

    story.put(at("in"), add_url("/copy", f"file://{source}", recursive=True), add_url("/c", f"file://{source}/deep/c"))
    target = pfs_pb2.ObjectStorageEgress(url=f"file://{tmp_path}/target")
    written = story.pfs.Egress(pfs_pb2.EgressRequest(commit=at("in"), object_storage=target))
    only = pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=at("in"), path="/c"), URL=f"file://{tmp_path}/only")
    assert not list(story.pfs.GetFile(only))

    assert story.read(at("in")) == {"/c": "2", "/copy/a b": "1", "/copy/deep/c": "2"}
    assert written.object_storage.bytes_written == 3
    assert (tmp_path / "target" / "copy" / "a b").read_text() == "1"
    assert (tmp_path / "only" / "c").read_text() == "2"


@pytest.mark.parametrize(
    ("url", "phrase"),
    [
        ("ftp://host/file", "it takes http://"),
        ("file://elsewhere/file", "an absolute path of the server's machine"),
        ("file://{tmp_path}/absent/file", "error retrieving content from file:///.*/absent/file"),
        ("file://{tmp_path}", "ask for it recursively"),
    ],
)
def test_urls_that_name_nothing_readable_are_refused(story: Story, tmp_path: Path, url: str, phrase: str) -> None:
    with pytest.raises(grpc.RpcError, match=phrase):
        story.put(at("in"), add_url("/file", url.format(tmp_path=tmp_path)))
