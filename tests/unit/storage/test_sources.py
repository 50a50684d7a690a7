"""Putting a local directory: the same files as one by one, whatever is remembered of it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.errors import Error, InvalidInputError
from trunkline.objects import open_object_store
from trunkline.storage.chunk import ChunkRef, MemoryChunkIndex
from trunkline.storage.fileset import FileSets, sources
from trunkline.storage.fileset.sources import SourceMemory, look_at

Put = Callable[..., dict[str, bytes]]


@pytest.fixture(autouse=True)
def _files_age_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_TIME_GRAIN_NANOSECONDS", -(10**12))


class ForgetfulIndex(MemoryChunkIndex):
    """An index that can be told to forget everything."""

    def forget(self) -> None:
        self._refs.clear()


@pytest.fixture
def index() -> ForgetfulIndex:
    return ForgetfulIndex()


@pytest.fixture
def memory(tmp_path: Path) -> SourceMemory:
    return SourceMemory(tmp_path / "memory")


@pytest.fixture
def file_sets(tmp_path: Path, index: ForgetfulIndex) -> FileSets:
    return FileSets(open_object_store("memory://"), index, sources=tmp_path / "memory")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with every kind of file."""
    directory = tmp_path / "source"
    (directory / "b" / "deep").mkdir(parents=True)
    (directory / "a").write_bytes(b"one")
    (directory / "b" / "c").write_bytes(b"two")
    (directory / "b.txt").write_bytes(b"sorts between b and b/")
    (directory / "b" / "empty").touch()
    (directory / "b" / "deep" / "large").write_bytes(bytes(range(256)) * 30_000)
    (directory / "link").symlink_to(directory / "a")
    (directory / "round").symlink_to(directory)
    (directory / "broken").symlink_to(directory / "nothing")
    return directory


def contents(file_sets: FileSets, root: str) -> dict[str, bytes]:
    files = file_sets.open(root)
    return {row.path: b"".join(files.read(row)) for row in files.files()}


def expected(source: Path, base: str = "") -> dict[str, bytes]:
    """What `Path.rglob` finds, by the path that it gets."""
    return {
        f"{base}/{path.relative_to(source)}": path.read_bytes()
        for path in source.rglob("*")
        if path.is_file() and "round" not in path.parts
    }


def put(file_sets: FileSets, source: Path, root: str = "", *, path: str = "/", **options: bool) -> str:
    layer = file_sets.edit()
    layer.add_tree(path, str(source), **{"replace": True, **options})
    return file_sets.compose(root, [layer.finish()])


def unread(memory: SourceMemory, source: Path, index: MemoryChunkIndex) -> set[str]:
    """Return the files that the next put will not read."""
    known, new = memory.split(look_at(str(source)), index)
    assert {*known.column("path").to_pylist(), *new.column("path").to_pylist()} == {
        path.removeprefix("/") for path in expected(source)
    }
    return set(known.column("path").to_pylist())


@pytest.mark.parametrize("path", ["/", "/in/here", "in//here/"])
def test_a_tree_gives_the_files_that_are_below_the_directory(file_sets: FileSets, source: Path, path: str) -> None:
    root = put(file_sets, source, path=path)

    assert contents(file_sets, root) == expected(source, "" if path == "/" else "/in/here")
    assert file_sets.collision(root) is None


def test_a_tree_that_was_put_before_is_not_read_again(
    file_sets: FileSets, source: Path, memory: SourceMemory, index: ForgetfulIndex
) -> None:
    first = put(file_sets, source)

    assert unread(memory, source, index) == {path.removeprefix("/") for path in expected(source)}
    assert put(file_sets, source, first) == first
    assert contents(file_sets, put(file_sets, source, path="/other")) == expected(source, "/other")


def test_whatever_changes_is_read_again(
    file_sets: FileSets, source: Path, memory: SourceMemory, index: ForgetfulIndex
) -> None:
    """Another content of the same length and time; another file of that name; a new and a lost one."""
    first = put(file_sets, source)
    before = (source / "a").stat()
    (source / "a").write_bytes(b"ONE")
    os.utime(source / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    (source / "b" / "other").write_bytes(b"TWO")
    os.utime(source / "b" / "other", ns=(before.st_atime_ns, (source / "b" / "c").stat().st_mtime_ns))
    (source / "b" / "other").replace(source / "b" / "c")
    (source / "new").write_bytes(b"new")
    (source / "b.txt").unlink()

    assert unread(memory, source, index) == {"b/deep/large", "b/empty"}
    second = put(file_sets, source, first)
    assert contents(file_sets, second) == {**expected(source), "/b.txt": b"sorts between b and b/"}


def test_files_that_changed_a_moment_ago_are_not_remembered(
    file_sets: FileSets,
    source: Path,
    memory: SourceMemory,
    index: ForgetfulIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "_TIME_GRAIN_NANOSECONDS", 10**12)

    put(file_sets, source)

    assert unread(memory, source, index) == set()


def test_what_the_index_forgot_is_read_and_stored_again(
    file_sets: FileSets, source: Path, memory: SourceMemory, index: ForgetfulIndex
) -> None:
    put(file_sets, source)
    index.forget()

    assert unread(memory, source, index) == {"b/empty"}  # which has no chunks
    assert contents(file_sets, put(file_sets, source)) == expected(source)


def test_chunks_that_lie_elsewhere_now_are_not_relied_on(
    file_sets: FileSets, source: Path, memory: SourceMemory, index: ForgetfulIndex
) -> None:
    """Whoever rewrites a pack moves its chunks in the index, and the old pack goes."""
    put(file_sets, source)
    moved = [ChunkRef(ref.chunk, b"m" * 32, 5, ref.stored_bytes, ref.length, ref.codec) for ref in index._refs.values()]
    index.forget()
    index.record(moved)

    assert unread(memory, source, index) == {"b/empty"}


def test_a_torn_memory_is_no_memory(
    file_sets: FileSets, source: Path, memory: SourceMemory, index: ForgetfulIndex, tmp_path: Path
) -> None:
    put(file_sets, source)
    (file,) = (tmp_path / "memory").iterdir()
    file.write_bytes(file.read_bytes()[:-9] + b"\0" * 9)

    assert unread(memory, source, index) == set()
    assert contents(file_sets, put(file_sets, source)) == expected(source)


def test_a_layer_that_holds_more_than_the_tree_teaches_nothing(
    file_sets: FileSets, source: Path, memory: SourceMemory, index: ForgetfulIndex
) -> None:
    """The file at a tree's path may then have another content than the one on disk."""
    layer = file_sets.edit()
    layer.add_tree("/", str(source), replace=True)
    layer.delete("/a")
    layer.add("/a", b"ONE")
    root = file_sets.compose("", [layer.finish()])

    assert contents(file_sets, root)["/a"] == b"ONE"
    assert unread(memory, source, index) == set()


def test_two_trees_on_one_place_leave_the_second(file_sets: FileSets, source: Path, tmp_path: Path) -> None:
    other = tmp_path / "second"
    (other / "b").mkdir(parents=True)
    (other / "b" / "c").write_bytes(b"second")
    put(file_sets, source)
    put(file_sets, other)
    layer = file_sets.edit()

    layer.add_tree("/", str(source), replace=True)
    layer.add_tree("/", str(other), replace=True)

    assert contents(file_sets, file_sets.compose("", [layer.finish()])) == {**expected(source), "/b/c": b"second"}


def test_without_replacing_a_tree_is_appended(file_sets: FileSets, source: Path) -> None:
    first = put(file_sets, source)

    second = put(file_sets, source, first, replace=False)

    assert contents(file_sets, second) == {path: data * 2 for path, data in expected(source).items()}


def test_reread_reads_everything(
    file_sets: FileSets, source: Path, memory: SourceMemory, index: ForgetfulIndex
) -> None:
    first = put(file_sets, source)

    known, new = memory.split(look_at(str(source)), index, reread=True)
    assert (known.num_rows, new.num_rows) == (0, len(expected(source)))
    assert put(file_sets, source, first, reread=True) == first


def test_the_directories_put_longest_ago_are_forgotten(
    file_sets: FileSets,
    source: Path,
    memory: SourceMemory,
    index: ForgetfulIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is room for what is remembered of one directory, but not for that of two."""
    put(file_sets, source)
    (file,) = (tmp_path / "memory").iterdir()
    monkeypatch.setattr(sources, "_REMEMBERED_BYTES_MAX", file.stat().st_size)

    put(file_sets, source / "b")

    assert unread(memory, source, index) == set()
    assert unread(memory, source / "b", index) == {"c", "empty", "deep/large"}


def test_a_name_that_no_file_may_have_refuses_the_tree(file_sets: FileSets, source: Path) -> None:
    (source / "what?").touch()

    with pytest.raises(InvalidInputError, match="globbing character"):
        put(file_sets, source)


def test_a_directory_that_is_gone_is_told(file_sets: FileSets, source: Path) -> None:
    with pytest.raises(Error, match=r"error retrieving content from .*/nowhere"):
        put(file_sets, source / "nowhere")


def test_a_name_that_is_no_text_refuses_the_tree(file_sets: FileSets, source: Path) -> None:
    (source / os.fsdecode(b"caf\xe9")).touch()

    with pytest.raises(InvalidInputError, match="only printable ASCII"):
        put(file_sets, source)
