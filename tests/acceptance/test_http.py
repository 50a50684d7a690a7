"""Files by their address, as a browser or curl gets them."""

import http.client
import json
import urllib.error
import urllib.parse
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


Raw = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def raw(server: ServerProcess) -> Raw:
    """Send a request line and headers just as they are given."""
    place = json.loads((server.home / "server.json").read_text())["http_address"].removeprefix("http://")

    def run(target: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(place)
        connection.putrequest(method, target, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        body = response.read()
        connection.close()
        return response.status, found, body

    return run


def test_what_users_put_never_runs_on_the_servers_origin(pachctl: Callable[..., Any], get: Get) -> None:
    pachctl("create", "repo", "active", check=False)
    for name in ("page.html", "drawing.svg", "page.xhtml", "unknown"):
        pachctl("put", "file", f"active@master:/{name}", stdin="<script>alert(1)</script>")
        _, headers, _ = get(f"/pfs/default/active/master/{name}")
        assert headers["x-content-type-options"] == "nosniff"
        assert {"sandbox", "default-src 'none'"} <= set(headers["content-security-policy"].split("; "))
        assert headers["cross-origin-resource-policy"] == "same-origin"
    for path in ("/pfs/default/active/master/", "/pfs/default/nothing/master/<script>", "/healthz", "/chunks/00", "/"):
        _, headers, _ = get(path.replace("<", "%3C").replace(">", "%3E"), Accept="text/html")
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_odd_names_are_listed_and_found_by_their_links(pachctl: Callable[..., Any], get: Get) -> None:
    pachctl("create", "repo", "odd", check=False)
    names = ["javascript:alert`1`", "a#b", "%41", "x y"]
    for name in names:
        pachctl("put", "file", f"odd@master:/d#/{name}", stdin=name)

    page = get("/pfs/default/odd/master/d%23/", Accept="text/html")[2].decode()
    for name in names:
        link = f"./{urllib.parse.quote(name, safe='')}"
        assert f'href="{link}"' in page
        assert get(f"/pfs/default/odd/master/d%23/{link.removeprefix('./')}")[2].decode() == name
    assert get("/pfs/default/odd/master/d%23")[0] == 200  # by way of a redirect


def test_conditions_and_ranges_are_the_rfcs(pachctl: Callable[..., Any], raw: Raw) -> None:
    pachctl("create", "repo", "ranged", check=False)
    pachctl("put", "file", "ranged@master:/a.txt", stdin="0123456789")
    path = "/pfs/default/ranged/master/a.txt"
    etag = raw(path)[1]["etag"]

    assert raw(path, Range="bytes=" + "9" * 5000 + "-")[0] == 416
    assert raw(path, Range="bytes=2-4", **{"If-Range": etag})[::2] == (206, b"234")
    assert raw(path, Range="bytes=2-4", **{"If-Range": '"older"'})[::2] == (200, b"0123456789")
    assert raw(path, **{"If-None-Match": "*"})[::2] == (304, b"")
    assert raw(path, **{"If-None-Match": '"x"'})[0] == 200
    assert raw(path, **{"If-Match": '"x"'})[0] == 412
    assert raw(path, Range="bytes=0-1,3-4")[::2] == (200, b"0123456789")
    status, headers, body = raw(path, "HEAD", Range="bytes=2-4")
    assert (status, headers["content-length"], body) == (200, "10", b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("a.txt/", 404),
        ("/a.txt", 404),
        ("d//b", 404),
        ("d/b/", 404),
        ("d", 308),
        ("%2e%2e/a.txt", 404),
        ("../../../../../etc/passwd", 404),
        ("a%00.txt", 404),
        ("%zz", 400),
        ("%", 400),
        ("%ff", 400),
        ("%ed%a0%80", 400),
        ("n" * 5000, 404),
        ("a.txt?x=%zz", 200),
    ],
)
def test_a_path_names_one_file_or_none(pachctl: Callable[..., Any], raw: Raw, path: str, status: int) -> None:
    pachctl("create", "repo", "paths", check=False)
    pachctl("put", "file", "paths@master:/a.txt", stdin="x")
    pachctl("put", "file", "paths@master:/d/b", stdin="x")

    assert raw(f"/pfs/default/paths/master/{path}")[0] == status


@pytest.mark.parametrize("ref", ["%00", "master^999999999999999999999999", "%20", "a%0Ab", "x" * 3000])
@pytest.mark.parametrize("repo", ["paths", "%00", "a%2Fb", ".."])
def test_no_reference_is_too_odd_for_an_answer(raw: Raw, repo: str, ref: str) -> None:
    assert raw(f"/pfs/default/{repo}/{ref}/a.txt")[0] in (400, 404)


def test_other_methods_are_not_allowed(raw: Raw) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "NONSENSE"):
        status, headers, _ = raw("/pfs/default/paths/master/a.txt", method)
        assert (status, set(headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


def test_pages_of_other_sites_get_nothing(raw: Raw) -> None:
    assert raw("/healthz", Host="rebound.example:30600")[0] == 421
    assert raw("/healthz", Origin="https://evil.example")[0] == 403
    assert raw("/healthz", Host="localhost")[0] == 200


def test_head_of_a_listing_has_no_lines(raw: Raw) -> None:
    assert raw("/pfs/default/paths/master/", "HEAD")[::2] == (200, b"")
