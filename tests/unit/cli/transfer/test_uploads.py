import io
import tarfile
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from trunkline.cli.transfer.uploads import MESSAGE_BYTES, Upload, edit_requests, measure, plan_uploads


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory photos with x.png, b/y.png and b.png, seen from its parent."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "photos"
    (directory / "b").mkdir(parents=True)
    for name in ("x.png", "b/y.png", "b.png"):
        (directory / name).write_bytes(name.encode())
    return directory


def targets(*sources: str, path: str = "", recursive: bool = False, full_path: bool = False) -> list[str]:
    return [each.target for each in plan_uploads(sources, path, recursive=recursive, full_path=full_path)]


@pytest.mark.parametrize(
    ("sources", "path", "expected"),
    [
        (["photos/x.png"], "", ["/x.png"]),
        (["photos/x.png"], "/a", ["/a"]),
        (["photos/x.png"], "a", ["/a"]),
        (["photos/x.png"], "/a/", ["/a/x.png"]),
        (["photos/x.png", "photos/b.png"], "", ["/x.png", "/b.png"]),
        (["photos/x.png", "photos/b.png"], "/a", ["/a/x.png", "/a/b.png"]),
        (["http://h/d/f.txt?q=1"], "", ["f.txt"]),
        (["-"], "/a", ["/a"]),
    ],
)
def test_files_get_their_names(photos: Path, sources: list[str], path: str, expected: list[str]) -> None:
    assert targets(*sources, path=path) == expected


@pytest.mark.parametrize(
    ("source", "path", "below"),
    [
        ("photos", "", "/photos"),
        ("photos/", "", "/photos"),
        ("photos", "/raw", "/raw"),
        ("photos", "raw", "/raw"),
        ("photos", "/raw/", "/raw/photos"),
        ("photos", "/", ""),
        ("photos/.", "", ""),
    ],
)
def test_files_of_a_directory_go_below_where_it_goes(photos: Path, source: str, path: str, below: str) -> None:
    expected = [f"{below}/b/y.png", f"{below}/b.png", f"{below}/x.png"]

    assert targets(source, path=path, recursive=True) == expected


def test_full_path_keeps_the_whole_name_of_the_source(photos: Path) -> None:
    assert targets("photos/b/y.png", full_path=True) == ["/photos/b/y.png"]
    assert targets("photos/b", path="/raw", recursive=True, full_path=True) == ["/raw/photos/b/y.png"]


def test_a_directory_needs_recursive(photos: Path) -> None:
    with pytest.raises(click.ClickException, match="photos is a directory: use -r"):
        targets("photos")


def test_standard_input_needs_a_path() -> None:
    with pytest.raises(click.BadArgumentUsage, match="a path is needed"):
        targets("-")


def messages(*uploads: Upload, append: bool = False) -> list[str]:
    """What an edit says, one word and path a message."""
    return [
        f"delete {each.delete_file.path}"
        if each.HasField("delete_file")
        else f"add {each.add_file.path} {len(each.add_file.raw.value)}"
        for each in edit_requests(uploads, append=append, recursive=False)
    ]


def test_a_file_is_overwritten_in_messages_of_a_mebibyte(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * (2 * MESSAGE_BYTES + 5))

    sent = messages(Upload(str(file), "/f"))

    assert sent == ["delete /f", f"add /f {MESSAGE_BYTES}", f"add /f {MESSAGE_BYTES}", "add /f 5"]


def test_an_empty_file_is_added(tmp_path: Path) -> None:
    (tmp_path / "f").touch()

    assert messages(Upload(str(tmp_path / "f"), "/f")) == ["delete /f", "add /f 0"]


def test_appending_deletes_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")

    assert messages(Upload(str(tmp_path / "f"), "/f"), append=True) == ["add /f 3"]


def test_a_url_is_left_to_the_server() -> None:
    [delete, add] = edit_requests([Upload("s3://bucket/dir", "/d")], append=False, recursive=True)

    assert delete.delete_file.path == "/d"
    assert (add.add_file.path, add.add_file.url.URL, add.add_file.url.recursive) == ("/d", "s3://bucket/dir", True)


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"hello")))

    assert messages(Upload("-", "/f")) == ["delete /f", "add /f 5"]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz"])
def test_untar_puts_the_members_of_an_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / "member").write_bytes(b"abc")
    with tarfile.open(tmp_path / name, "w" if name == "a.tar" else "w:gz") as archive:
        archive.add(tmp_path / "member", "dir/member")

    uploads = list(plan_uploads([str(tmp_path / name)], "/below/", untar=True))

    assert messages(*uploads) == ["delete /below/dir/member", "add /below/dir/member 3"]


def test_what_is_sent_is_counted(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    counts: list[tuple[int, int]] = []

    upload = Upload(str(tmp_path / "f"), "/f")
    list(
        edit_requests(
            [upload, upload],
            append=False,
            recursive=False,
            sent=lambda bytes_sent, files_sent: counts.append((bytes_sent, files_sent)),
        )
    )

    assert [sum(each) for each in zip(*counts, strict=True)] == [6, 2]


def test_what_a_source_holds_is_measured_and_what_has_gone_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "deep" / "b").write_bytes(b"22")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")

    assert sorted(measure(Upload(str(tmp_path), "/"))) == [(1, 1), (2, 1)]
    assert list(measure(Upload(str(tmp_path / "a"), "/"))) == [(1, 1)]
    assert list(measure(Upload(str(tmp_path / "gone"), "/"))) == []
