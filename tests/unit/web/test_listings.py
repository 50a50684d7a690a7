import html.parser
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from trunkline.storage.fileset import FileInfo
from trunkline.web.listings import as_lines, as_page, in_pieces

HERE = "http://127.0.0.1:30600/pfs/default/in/master/d/"


def file(name: str) -> FileInfo:
    return FileInfo(f"/d/{name}", False, 3, b"", "")


class Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name == "href"]


@pytest.mark.parametrize(
    "name",
    [
        "javascript:alert`1`",
        "data:text,x",
        "a#b",
        "%41",
        "a?b",
        "x y",
        "'\"<>&",
        "http:",
        "a;b",
        "~",
        "a\\b",
        "$&=",
    ],
)
def test_a_link_leads_to_the_file_whatever_it_is_called(name: str) -> None:
    links = Links()
    links.feed("".join(as_page("/d/", [file(name)])))

    (link,) = links.found
    found = urlsplit(urljoin(HERE, link))
    assert (found.scheme, found.netloc, found.query, found.fragment) == ("http", "127.0.0.1:30600", "", "")
    assert unquote(found.path) == f"/pfs/default/in/master/d/{name}"


def test_names_and_titles_are_text_in_a_page() -> None:
    page = "".join(as_page("/<b>/", [file("<script>")]))

    assert "<b>" not in page
    assert "<script>" not in page


def test_a_listing_is_sent_before_it_is_read_to_its_end() -> None:
    read = 0

    def infos() -> "list[FileInfo]":
        nonlocal read
        for number in range(100_000):
            read += 1
            yield file(f"{number:06}")

    pieces = in_pieces(as_lines(infos()))
    first = next(pieces)

    assert first.startswith(b"file\t3\t000000\n")
    assert len(first) < 128 * 1024
    assert read < 10_000
    assert (first + b"".join(pieces)).count(b"\n") == 100_000


def test_a_listing_of_nothing_is_one_empty_piece() -> None:
    assert list(in_pieces(as_lines([]))) == [b""]
