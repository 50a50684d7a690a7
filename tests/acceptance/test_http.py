"""Files by their address, as a browser or curl gets them."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any

import pytest

from trunkline.testing.server import ServerProcess

Get = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def get(server: ServerProcess) -> Get:
    base = json.loads((server.home / "server.json").read_text())["http_address"]

    def run(path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(base + path, headers=headers)
        try:
            response: HTTPResponse | urllib.error.HTTPError = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            found = {name.lower(): value for name, value in response.headers.items()}
            return int(response.status or 0), found, response.read()

    return run


def test_files_are_served_whole_in_ranges_and_only_when_they_changed(pachctl: Callable[..., Any], get: Get) -> None:
    pachctl("create", "repo", "pages", check=False)
    pachctl("put", "file", "pages@master:/notes/a.txt", stdin="0123456789")

    status, headers, body = get("/pfs/default/pages/master/notes/a.txt")
    assert (status, body, headers["content-type"].split(";")[0]) == (200, b"0123456789", "text/plain")
    assert headers["cache-control"] == "no-cache"

    status, part, body = get("/pfs/default/pages/master/notes/a.txt", Range="bytes=2-4")
    assert (status, body, part["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert get("/pfs/default/pages/master/notes/a.txt", Range="bytes=10-")[0] == 416
    assert get("/pfs/default/pages/master/notes/a.txt", **{"If-None-Match": headers["etag"]})[0] == 304


def test_directories_list_their_children(pachctl: Callable[..., Any], get: Get) -> None:
    pachctl("create", "repo", "shelves", check=False)
    pachctl("put", "file", "shelves@master:/top/a&b.txt", stdin="x")

    status, _, body = get("/pfs/default/shelves/master/")
    assert (status, body) == (200, b"dir\t1\ttop/\n")
    _, headers, page = get("/pfs/default/shelves/master/top/", Accept="text/html")
    assert headers["content-type"].startswith("text/html")
    assert b"a&amp;b.txt" in page


@pytest.mark.parametrize("path", ["/pfs/default/nothing/master/a", "/pfs/default/nothing/master/"])
def test_what_is_not_there_is_not_found(get: Get, path: str) -> None:
    status, _, body = get(path)
    assert status == 404
    assert b"repo default/nothing not found" in body


def test_the_server_says_that_it_is_well(get: Get) -> None:
    assert get("/healthz")[0] == 200
