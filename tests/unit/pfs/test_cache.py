from trunkline.pfs import cache
from trunkline.pfs.versioning import Versioning


def test_what_was_used_longest_ago_goes_first() -> None:
    entries = [("new", 10), ("middle", 10), ("old", 10)]

    assert cache.excess(entries) == []
    assert cache.excess(entries, entries_max=2) == ["old"]
    assert cache.excess(entries, size_bytes_max=25) == ["old"]
    assert cache.excess(entries, size_bytes_max=5) == ["middle", "old"]


def test_reading_counts_as_use(versioning: Versioning) -> None:
    for key in ("a", "b", "c"):
        with versioning.transaction() as tx:
            cache.put(tx, key, b"v")
    with versioning.transaction() as tx:
        cache.get(tx, "a")

    with versioning.reading() as tx:
        order = [key for key, _ in cache.queries.list_by_use(tx.connection)]

    assert order == ["a", "c", "b"]
