"""File sets against plain dicts: whatever the operations, layers and borders, the same files come out."""

import contextlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import InvalidInputError, UnavailableError
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.paths import check_writable
from trunkline.objects import ObjectStore, open_object_store
from trunkline.objects.buffered import BufferedUpload
from trunkline.storage.chunk import ChunkRef, MemoryChunkIndex
from trunkline.storage.chunk.refs import pack_key
from trunkline.storage.fileset import FileInfo, FileSet, FileSets, LayerWriter, globbing
from trunkline.testing.object_keys import object_keys

Key = tuple[str, str]
Files = dict[Key, bytes]
Operation = Callable[[LayerWriter, Files], None]


def new_file_sets() -> FileSets:
    return FileSets(open_object_store("memory://"), MemoryChunkIndex())


def add(path: str, tag: str, data: bytes) -> Operation:
    def run(layer: LayerWriter, model: Files) -> None:
        layer.add(path, data, tag=tag)
        model[path, tag] = model.get((path, tag), b"") + data

    return run


def delete(path: str, tag: str) -> Operation:
    def run(layer: LayerWriter, model: Files) -> None:
        layer.delete(path, tag=tag)
        for key in list(model):
            if key[1] == tag and (key[0] == path or (path.endswith("/") and key[0].startswith(path))):
                del model[key]

    return run


def replace(path: str, tag: str, data: bytes) -> Operation:
    def run(layer: LayerWriter, model: Files) -> None:
        delete(path, tag)(layer, model)
        add(path, tag, data)(layer, model)

    return run


names = st.sampled_from(["a", "b", "a-", "a0", "ab"])
file_paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
directories = st.lists(names, max_size=2).map(lambda parts: "/" + "".join(part + "/" for part in parts))
tags = st.sampled_from(["s", "t"])
contents = st.sampled_from([b"", b"x", b"yy", b"zzz" * 100])
operations = st.one_of(
    st.builds(add, file_paths, tags, contents),
    st.builds(replace, file_paths, tags, contents),
    st.builds(delete, file_paths | directories, tags),
)
layers_of_operations = st.lists(st.lists(operations, max_size=12), max_size=4)


def files_of(file_set: FileSet) -> Files:
    rows = list(file_set.files())
    assert [(row.path, row.tag) for row in rows] == sorted((row.path, row.tag) for row in rows)
    assert file_set.file_count == len(rows)
    assert file_set.size_bytes == sum(row.size_bytes for row in rows)
    return {(row.path, row.tag): b"".join(file_set.read(row)) for row in rows}


def write_layers(file_sets: FileSets, layers: list[list[Operation]], model: Files) -> list[str]:
    roots = []
    for operations_of_layer in layers:
        layer = file_sets.edit()
        for operation in operations_of_layer:
            operation(layer, model)
        roots.append(layer.finish())
    return roots


def file_set_of(file_sets: FileSets, files: Files) -> FileSet:
    layer = file_sets.edit()
    for (path, tag), data in files.items():
        layer.add(path, data, tag=tag)
    return file_sets.open(file_sets.compose("", [layer.finish()]))


@given(layers_of_operations, st.integers(0, 4))
def test_composed_layers_equal_a_dict(layers: list[list[Operation]], split: int) -> None:
    """However the layers are composed: one after the other, some at a time, or merged before."""
    file_sets, model = new_file_sets(), Files()
    roots = write_layers(file_sets, layers, model)

    base = file_sets.compose("", roots[:split])
    results = {
        file_sets.compose(base, roots[split:]),
        file_sets.compose(base, [file_sets.merge(roots[split:])]),
    }
    one_by_one = ""
    for root in roots:
        one_by_one = file_sets.compose(one_by_one, [root])
    results.add(one_by_one)

    for root in results:
        assert files_of(file_sets.open(root)) == model


@given(layers_of_operations)
def test_hashes_do_not_tell_how_the_files_came_to_be(layers: list[list[Operation]]) -> None:
    file_sets, model = new_file_sets(), Files()
    file_set = file_sets.open(file_sets.compose("", write_layers(file_sets, layers, model)))

    fresh = file_set_of(new_file_sets(), model)

    assert list(file_set.walk("/")) == list(fresh.walk("/"))


untagged = st.dictionaries(file_paths, contents, max_size=40).map(
    lambda files: {
        (path, "t"): data for path, data in files.items() if not any(other.startswith(path + "/") for other in files)
    }
)


def entries_of(files: Files) -> dict[str, list[str]]:
    """Return each file and directory with the files in it, in path order."""
    found: dict[str, list[str]] = {}
    for path, _ in files:
        found[path] = [path]
        for end in [place for place, character in enumerate(path) if character == "/"]:
            found.setdefault(path[: end + 1], []).append(path)
    return dict(sorted(found.items()))


def paths_of(infos: Iterator[FileInfo]) -> list[str]:
    return [info.path for info in infos]


@given(untagged, directories, file_paths | directories | st.just(""), st.integers(0, 5), st.booleans())
def test_pages_of_list_and_walk_agree_with_the_model(
    files: Files, directory: str, after: str, number: int, reverse: bool
) -> None:
    file_set = file_set_of(new_file_sets(), files)
    below = [path for path in entries_of(files) if path.startswith(directory)]
    children = [path for path in below if path != directory and "/" not in path[len(directory) : -1]]
    if (directory.rstrip("/"), "t") in files:
        children = below = [directory.rstrip("/")]

    def page(paths: list[str]) -> list[str]:
        if after:
            paths = [path for path in paths if (path < after if reverse else path > after)]
        paths = paths[::-1] if reverse else paths
        return paths[:number] if number else paths

    options: dict[str, Any] = {"after": after, "number": number, "reverse": reverse}
    assert paths_of(file_set.list(directory, **options)) == page(children)
    assert paths_of(file_set.walk(directory, **options)) == page(below)


@given(untagged)
def test_infos_sum_up_what_is_below(files: Files) -> None:
    file_set = file_set_of(new_file_sets(), files)

    for path, members in entries_of(files).items():
        info = file_set.info(path)
        alone = file_set_of(new_file_sets(), {(member, "t"): files[member, "t"] for member in members}).info(path)

        assert info is not None
        assert info.is_dir == path.endswith("/")
        assert info.size_bytes == sum(len(files[member, "t"]) for member in members)
        assert info == alone
    assert file_set.info("/nothing") is None


patterns = st.lists(
    st.sampled_from(["a", "b", "*", "**", "?", "/", "(*)", "!(a)", "@(a|b)", "[ab]", "{a,ab}", "0", "-"]), max_size=5
).map(lambda parts: "/" + "".join(parts))


@given(untagged, patterns, file_paths | directories | st.just(""), file_paths | directories | st.just(""))
def test_globs_find_files_and_directories(files: Files, pattern: str, lower: str, upper: str) -> None:
    file_set = file_set_of(new_file_sets(), files)
    glob = compile_glob(pattern)
    expected = [(path, glob.match(path)) for path in entries_of(files)]

    found = list(file_set.glob_matches(pattern))
    within = paths_of(file_set.glob(pattern, lower=lower, upper=upper))

    assert [(info.path, match) for info, match in found] == [(path, match) for path, match in expected if match]
    assert within == [path for path, match in expected if match and path >= lower and (not upper or path < upper)]
    assert [info for info, _ in found] == [file_set.info(info.path) for info, _ in found]


@given(untagged, untagged, st.booleans(), directories)
def test_diff_yields_what_differs(one: Files, other: Files, related: bool, directory: str) -> None:
    if related:
        other = one | dict(list(other.items())[:3])
        other = {key: data for key, data in other.items() if not any(k[0].startswith(key[0] + "/") for k in other)}
    file_sets = new_file_sets()
    new, old = file_set_of(file_sets, one), file_set_of(file_sets, other)

    pairs = list(new.diff(old, directory))

    paths = sorted(path for path in {**entries_of(one), **entries_of(other)} if path.startswith(directory))
    both = [(here.get(path), there.get(path)) for here, there in [(by_path(new), by_path(old))] for path in paths]
    own = directory.rstrip("/")
    if own and (own in by_path(new) or own in by_path(old)):
        both.insert(0, (by_path(new).get(own), by_path(old).get(own)))
    assert pairs == [pair for pair in both if pair[0] != pair[1]]


def by_path(file_set: FileSet) -> dict[str, FileInfo]:
    return {info.path: info for info in file_set.walk("/")}


@given(layers_of_operations)
def test_collisions_are_found_in_the_whole_or_in_what_changed(layers: list[list[Operation]]) -> None:
    file_sets, model = new_file_sets(), Files()
    roots = write_layers(file_sets, layers, model)
    root, base = "", ""
    for layer in roots:
        base, root = root, file_sets.compose(root, [layer])

    found = file_sets.collision(root)

    bad = [path for path, _ in model if (path, "s") in model and (path, "t") in model]
    bad += [path for path, _ in model if any(other.startswith(path + "/") for other, _ in model)]
    assert (found is not None) == bool(bad)
    if found is not None:
        named = re.search(r"\((\S+?)( from s and \1 from t)?\)$", found)
        assert named
        assert named[1] in bad
    if file_sets.collision(base) is None and roots:
        assert (file_sets.collision(root, [roots[-1]]) is not None) == bool(bad)


flat_paths = st.sampled_from([f"/{letter}{number}" for letter in "abcdef" for number in range(4)])
one_add = st.lists(st.builds(add, flat_paths, st.sampled_from("sst"), st.just(b"1")), min_size=1, max_size=1)


@given(st.sets(flat_paths, min_size=12), st.lists(one_add, min_size=2, max_size=3))
def test_collisions_of_many_layers_over_a_large_table_are_found_in_what_they_touch(
    there: set[str], layers: list[list[Operation]]
) -> None:
    file_sets = new_file_sets()
    base = file_set_of(file_sets, {(path, "s"): b"" for path in sorted(there)}).root
    roots = write_layers(file_sets, layers, Files())
    root = file_sets.compose(base, roots)

    assert (file_sets.collision(root, roots) is None) == (file_sets.collision(root) is None)


def test_a_layer_that_writes_before_what_the_layer_below_it_wrote_collides() -> None:
    file_sets = new_file_sets()
    base = file_set_of(file_sets, {(f"/m{number}", "s"): b"" for number in range(40)}).root
    layers = write_layers(file_sets, [[add("/z", "s", b"1")], [add("/a", "t", b"2")], [add("/a", "u", b"3")]], Files())

    root = file_sets.compose(base, layers)

    found = "duplicate path output by different datums (/a from t and /a from u)"
    assert file_sets.collision(root, layers) == found


# Contents of several chunks, with cuts where a test can count them.

BLOCK = 100 * 1024


def noise(seed: int, length: int) -> bytes:
    return blake3(seed.to_bytes(4, "big")).digest(length)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60 * BLOCK)), min_size=1, max_size=5), st.data())
def test_appending_gives_the_same_chunks_as_writing_at_once(pieces: list[tuple[int, int]], data: st.DataObject) -> None:
    """Within a stream, across layers, and when other files come in between."""
    file_sets = new_file_sets()
    whole = b"".join(noise(seed, length) for seed, length in pieces)
    root = ""
    layer = file_sets.edit()
    layers = []
    for seed, length in pieces:
        layer.add("/f", noise(seed, length))
        match data.draw(st.sampled_from(["same", "other file", "layer", "compose"])):
            case "other file":
                layer.add("/g", b"")
            case "layer":
                layers.append(layer.finish())
                layer = file_sets.edit()
            case "compose":
                root = file_sets.compose(root, [*layers, layer.finish()])
                layer, layers = file_sets.edit(), []

    file_set = file_sets.open(file_sets.compose(root, [*layers, layer.finish()]))

    row = file_set.find("/f")
    at_once = file_set_of(new_file_sets(), {("/f", "default"): whole}).find("/f")
    assert row is not None
    assert at_once is not None
    assert (row.hash, row.size_bytes) == (at_once.hash, at_once.size_bytes)
    assert [ref.chunk for ref in row.refs] == [ref.chunk for ref in at_once.refs]
    assert b"".join(file_set.read(row)) == whole
    offset = data.draw(st.integers(0, len(whole)))
    assert b"".join(file_set.read(row, offset=offset)) == whole[offset:]


def test_a_read_yields_pieces_of_at_most_4_mib() -> None:
    file_set = file_set_of(new_file_sets(), {("/f", "t"): bytes(20 * 1024 * 1024)})
    row = file_set.find("/f")

    assert row is not None
    assert max(len(piece) for piece in file_set.read(row)) <= 4 * 1024 * 1024


def test_known_chunks_are_not_stored_again() -> None:
    file_sets = new_file_sets()
    first, second = file_sets.edit(), file_sets.edit()
    first.add("/a", noise(1, 3_000_000))
    first.finish()
    second.add("/b", noise(1, 3_000_000))
    second.add("/c", b"new")
    second.finish()

    assert sum(ref.length for ref in first.new_refs) == 3_000_000
    assert [ref.length for ref in second.new_refs] == [3]


def test_a_copy_shares_content_and_keeps_the_tree() -> None:
    file_sets = new_file_sets()
    source = file_set_of(file_sets, {("/d/a", "t"): b"1", ("/d/e/b", "t"): b"22", ("/f", "t"): b"333"})
    layer = file_sets.edit()
    layer.copy("/x", source.files("/d/"), src="/d/")
    layer.copy("/y", source.files("/f"))
    layer.copy("/y", source.files("/f"))
    layer.copy("/z/", source.files("/"), src="/")

    copied = file_sets.open(file_sets.compose("", [layer.finish()]))

    assert layer.new_refs == [] or sum(ref.length for ref in layer.new_refs) == 6  # "/y" is joined of two
    assert {path: data for (path, _), data in files_of(copied).items()} == {
        "/x/a": b"1",
        "/x/e/b": b"22",
        "/y": b"333333",
        "/z/d/a": b"1",
        "/z/d/e/b": b"22",
        "/z/f": b"333",
    }


@pytest.mark.parametrize("path", ["/a*", "/a/../b", "/ä", "/d/", "/"])
def test_paths_that_no_file_may_have_are_refused(path: str) -> None:
    with pytest.raises(InvalidInputError, match=r"path \(.*\) invalid"):
        new_file_sets().edit().add(path, b"")


@given(layers_of_operations)
def test_object_keys_are_all_that_a_file_set_needs(layers: list[list[Operation]]) -> None:
    objects = open_object_store("memory://")
    file_sets, model = FileSets(objects, MemoryChunkIndex()), Files()
    roots = write_layers(file_sets, layers, model)
    root = file_sets.compose("", roots)

    keys = list(object_keys(file_sets, [root, root]))

    needed = open_object_store("memory://")
    for key in keys:
        needed.put(key, objects.get(key))
    assert len(keys) == len(set(keys))
    assert files_of(FileSets(needed, MemoryChunkIndex()).open(root)) == model
    assert set(keys) <= set(object_keys(file_sets, [*roots, root])) <= set(objects.list(""))


def test_many_files_are_read_in_order() -> None:
    contents = {
        f"/{number:03}": noise(number, size) for number, size in enumerate([0, 10, 6_000_000, 7, 3_000_000] * 3)
    }
    file_set = file_set_of(new_file_sets(), {(path, "t"): data for path, data in contents.items()})

    read = [(row.path, b"".join(pieces)) for row, pieces in file_set.read_files(file_set.files())]

    assert read == list(contents.items())


def test_one_small_file_costs_one_pack_one_layer_and_one_segment() -> None:
    objects = open_object_store("memory://")
    file_sets = FileSets(objects, MemoryChunkIndex())
    layer = file_sets.edit()
    layer.add("/a", b"content")

    root = layer.finish()
    after_layer = list(objects.list(""))
    file_sets.compose("", [root])

    assert [key.split("/")[0] for key in after_layer] == ["packs", "tables"]
    assert len(list(objects.list(""))) == 3


def test_a_stream_without_operations_is_the_empty_layer() -> None:
    file_sets = new_file_sets()

    assert file_sets.edit().finish() == ""
    assert file_sets.compose("", [""]) == ""
    assert list(file_sets.open("").walk("/")) == []
    assert file_sets.open("").info("/") is None


def test_the_index_learns_of_chunks_after_their_pack_is_stored() -> None:
    """An index entry without its pack would be a lie; a pack without index entries only costs space."""
    objects = open_object_store("memory://")

    class CheckingIndex(MemoryChunkIndex):
        def record(self, refs: Any) -> None:
            refs = list[ChunkRef](refs)
            assert refs
            assert all(objects.size(f"packs/{ref.pack.hex()[:2]}/{ref.pack.hex()}") for ref in refs)
            super().record(refs)

    layer = FileSets(objects, CheckingIndex()).edit()
    layer.add("/a", noise(1, 5_000_000))

    layer.finish()

    assert len(layer.new_refs) > 1


class FailingStore:
    """An object store whose put or upload number n fails."""

    def __init__(self, objects: ObjectStore, fail_at: int) -> None:
        self._objects = objects
        self._left = fail_at

    def put(self, key: str, data: bytes | memoryview) -> None:
        self._left -= 1
        if self._left == 0:
            raise UnavailableError("no space left")
        self._objects.put(key, data)

    def begin(self) -> BufferedUpload:
        return BufferedUpload(self.put)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)


@pytest.mark.parametrize("fail_at", range(1, 16))
def test_a_failed_put_leaves_no_lie_in_the_index_and_may_be_repeated(fail_at: int) -> None:
    objects, index = open_object_store("memory://"), MemoryChunkIndex()
    contents = {f"/d/{number}": noise(number, 900_000) for number in range(60)}

    def run(store: Any) -> FileSet:
        file_sets = FileSets(store, index)
        layer = file_sets.edit()
        for path, data in contents.items():
            layer.add(path, data)
        return file_sets.open(file_sets.compose("", [layer.finish()]))

    with contextlib.suppress(UnavailableError):
        run(FailingStore(objects, fail_at))

    known = index._refs
    assert all(objects.size(pack_key(ref.pack)) for ref in known.values())
    assert {path: data for (path, _), data in files_of(run(objects)).items()} == contents


@given(st.text("ab./*-~é\x7f", max_size=8) | file_paths | directories)
def test_paths_are_accepted_as_the_model_says(path: str) -> None:
    try:
        expected = check_writable(path)
    except InvalidInputError:
        expected = "/"
    file_sets = new_file_sets()
    layer = file_sets.edit()

    with contextlib.nullcontext() if not expected.endswith("/") else pytest.raises(InvalidInputError):
        layer.add(path, b"")

    stored = [row.path for row in file_sets.open(file_sets.compose("", [layer.finish()])).files()]
    assert stored == ([] if expected.endswith("/") else [expected])


def test_many_threads_write_compose_and_read_at_once(tmp_path: Path) -> None:
    file_sets = FileSets(open_object_store(f"file://{tmp_path}"), MemoryChunkIndex())
    base = file_set_of(file_sets, {(f"/base/{number:04}", "t"): b"%d" % number for number in range(500)}).root

    def work(number: int) -> Files:
        layer = file_sets.edit()
        layer.add(f"/own/{number}", b"%d" % number)
        layer.add("/shared", b"the same")
        file_set = file_sets.open(file_sets.compose(base, [layer.finish()]))
        assert len(list(file_set.list("/base/"))) == 500
        assert len(list(file_set.glob("/base/*9"))) == 50
        return {key: data for key, data in files_of(file_set).items() if not key[0].startswith("/base")}

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(work, range(24)))

    assert results == [
        {(f"/own/{number}", "default"): b"%d" % number, ("/shared", "default"): b"the same"} for number in range(24)
    ]


def test_a_glob_that_would_match_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(globbing, "GLOB_SECONDS_MAX", 0)
    file_set = file_set_of(new_file_sets(), {("/a", "t"): b""})

    with pytest.raises(InvalidInputError, match="takes too long"):
        list(file_set.glob("/*!(b)"))


@given(layers_of_operations, layers_of_operations)
def test_the_layer_between_two_file_sets_turns_one_into_the_other(
    one: list[list[Operation]], more: list[list[Operation]]
) -> None:
    """With the tags, on which later deletions depend."""
    file_sets, model = new_file_sets(), Files()
    old = file_sets.compose("", write_layers(file_sets, one, model))
    new = file_sets.compose(old, write_layers(file_sets, more, model))
    other = file_sets.compose("", write_layers(file_sets, more, {}))

    assert files_of(file_sets.open(file_sets.compose(old, [file_sets.layer_between(new, old)]))) == model
    assert files_of(file_sets.open(file_sets.compose(other, [file_sets.layer_between(new, other)]))) == model
    assert files_of(file_sets.open(file_sets.compose("", [file_sets.layer_of(new)]))) == model
