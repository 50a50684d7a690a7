import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore.store
import pytest

from trunkline.objects import ObjectNotFoundError, ObjectStore, open_object_store
from trunkline.objects.remote import RemoteObjectStore


class ObjectStoreContract:
    """Every object store passes this. Subclass it and provide the `store` fixture."""

    def test_get_returns_what_was_put(self, store: ObjectStore) -> None:
        store.put("packs/ab/cdef", b"bytes")
        store.put("packs/ab/view", memoryview(bytearray(b"viewed")))
        store.put("packs/empty", b"")

        assert store.get("packs/ab/cdef") == b"bytes"
        assert store.get("packs/ab/view") == b"viewed"
        assert store.get("packs/empty") == b""

    def test_putting_the_same_object_again_is_harmless(self, store: ObjectStore) -> None:
        store.put("k", b"bytes")
        store.put("k", b"bytes")

        assert store.get("k") == b"bytes"
        assert list(store.list("")) == ["k"]

    @pytest.mark.parametrize("by_upload", [False, True])
    def test_putting_an_object_again_heals_what_was_damaged(self, store: ObjectStore, by_upload: bool) -> None:
        store.put("packs/ab/cdef", b"d4mag3d")
        assert store.get_range("packs/ab/cdef", 0, 7) == b"d4mag3d"

        if by_upload:
            upload = store.begin()
            upload.write([b"damaged"])
            upload.store("packs/ab/cdef")
        else:
            store.put("packs/ab/cdef", b"damaged")

        assert store.get("packs/ab/cdef") == store.get_range("packs/ab/cdef", 0, 7) == b"damaged"

    def test_an_upload_becomes_the_object_whose_key_comes_last(self, store: ObjectStore) -> None:
        pieces = [b"first ", memoryview(bytearray(b"second")), b"", *(b"%d," % number for number in range(2000))]
        upload = store.begin()
        upload.write(pieces)
        upload.write([])
        upload.write([b"end"])
        assert list(store.list("")) == []

        upload.store("packs/ab/cdef")
        upload.discard()

        assert store.get("packs/ab/cdef") == b"".join([*pieces, b"end"])
        assert list(store.list("")) == ["packs/ab/cdef"]

    def test_an_upload_of_what_is_there_renews_it(self, store: ObjectStore) -> None:
        store.put("k", b"bytes")
        before = time.time_ns() // 1000 - 2_000_000

        upload = store.begin()
        upload.write([b"bytes"])
        upload.store("k")

        assert not store.delete_unless_renewed("k", before)
        assert store.get("k") == b"bytes"

    def test_an_upload_that_is_given_up_leaves_nothing(self, store: ObjectStore) -> None:
        given_up, dropped, empty = store.begin(), store.begin(), store.begin()
        given_up.write([b"bytes"])
        dropped.write([b"bytes"])

        given_up.discard()
        del dropped
        empty.store("empty")

        assert list(store.list("")) == ["empty"]
        assert store.get("empty") == b""

    def test_an_absent_object_is_not_found(self, store: ObjectStore) -> None:
        for read in (
            lambda: store.get("x/absent"),
            lambda: store.get_range("x/absent", 0, 1),
            lambda: store.get_ranges("x/absent", [(0, 1)]),
        ):
            with pytest.raises(ObjectNotFoundError, match="x/absent"):
                read()
        assert store.size("x/absent") is None

    def test_ranges_are_cut_from_the_object(self, store: ObjectStore) -> None:
        store.put("k", bytes(range(100)))

        assert store.get_range("k", 10, 5) == bytes(range(10, 15))
        assert store.get_range("k", 90, 50) == bytes(range(90, 100))
        assert store.get_ranges("k", [(50, 2), (0, 1), (7, 0)]) == [b"23", b"\0", b""]
        assert store.get_ranges("k", []) == []

    def test_size_is_the_length(self, store: ObjectStore) -> None:
        store.put("k", b"12345")

        assert store.size("k") == 5

    def test_what_nobody_has_put_since_is_deleted(self, store: ObjectStore) -> None:
        store.put("packs/old", b"bytes")
        later = time.time_ns() // 1000 + 2_000_000  # services tell times in seconds

        assert store.delete_unless_renewed("packs/old", later)
        assert store.delete_unless_renewed("packs/absent", later)
        assert list(store.list("")) == []

    def test_what_was_put_again_since_stays(self, store: ObjectStore) -> None:
        store.put("packs/k", b"bytes")
        before = time.time_ns() // 1000 - 2_000_000
        store.put("packs/k", b"bytes")

        assert not store.delete_unless_renewed("packs/k", before)
        assert store.get("packs/k") == b"bytes"
        assert list(store.list("")) == ["packs/k"]

    def test_list_yields_keys_under_a_prefix_in_byte_order(self, store: ObjectStore) -> None:
        keys = ["a/b", "a/b-c", "a/b/c", "a/b0", "ab", "b/a"]
        for key in keys:
            if key != "a/b":  # a file system has no file below a file
                store.put(key, b"")

        assert list(store.list("")) == sorted(keys[1:])
        assert list(store.list("a/")) == ["a/b-c", "a/b/c", "a/b0"]
        assert list(store.list("a/b/")) == ["a/b/c"]
        assert list(store.list("a")) == ["a/b-c", "a/b/c", "a/b0", "ab"]
        assert list(store.list("nothing/here")) == []

    def test_delete_removes_and_may_be_repeated(self, store: ObjectStore) -> None:
        store.put("a/k", b"bytes")
        assert store.get_range("a/k", 0, 2) == b"by"

        store.delete("a/k")
        store.delete("a/k")

        assert store.size("a/k") is None
        assert list(store.list("")) == []
        with pytest.raises(ObjectNotFoundError):
            store.get_range("a/k", 0, 1)

    def test_many_threads_may_put_and_read(self, store: ObjectStore) -> None:
        def work(number: int) -> bytes:
            store.put(f"shared/{number % 10}", b"%d" % (number % 10))
            return store.get_range(f"shared/{number % 10}", 0, 1)

        with ThreadPoolExecutor(8) as threads:
            results = list(threads.map(work, range(200)))

        assert results == [b"%d" % (number % 10) for number in range(200)]


class TestMemoryObjectStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return open_object_store("memory://")


class TestLocalObjectStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return open_object_store(f"file://{tmp_path}/a%20b/objects")


class TestRemoteObjectStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return RemoteObjectStore(obstore.store.MemoryStore())
