"""Tables against plain dicts. Borders are made frequent, so that small tables have several segments and levels."""

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import CorruptDataError
from trunkline.objects import open_object_store
from trunkline.storage.table import (
    DropRange,
    Edits,
    Table,
    TableSpec,
    TableStore,
    apply_edits,
    changed_rows,
    table_key,
    write_table,
)

SPEC = TableSpec(
    schema=pa.schema([("path", pa.string()), ("tag", pa.string()), ("size", pa.int64()), ("note", pa.string())]),
    key=("path", "tag"),
    digest=("path", "size"),
    size="size",
)
Model = dict[tuple[str, str], int]


def batch_of(model: Model, note: str = "") -> pa.RecordBatch:
    rows = [{"path": path, "tag": tag, "size": size, "note": note} for (path, tag), size in sorted(model.items())]
    return pa.RecordBatch.from_pylist(rows, schema=SPEC.schema)


def keys_of(keys: set[tuple[str, str]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"path": path, "tag": tag} for path, tag in sorted(keys)], schema=SPEC.key_schema
    )


def model_of(batches: Iterator[pa.RecordBatch]) -> Model:
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["path"], row["tag"]) for row in rows] == sorted((row["path"], row["tag"]) for row in rows)
    return {(row["path"], row["tag"]): row["size"] for row in rows}


def store_of(model: Model, store: TableStore | None = None, note: str = "") -> Table:
    store = store or TableStore(open_object_store("memory://"))
    return Table(store, SPEC, write_table(store, SPEC, iter([batch_of(model, note)])))


paths = st.text("abc/", min_size=1, max_size=4).map(lambda text: "/" + text)
keys = st.tuples(paths, st.sampled_from(["s", "t"]))
models = st.dictionaries(keys, st.integers(0, 99), max_size=60)


@given(models, models, st.sets(keys, max_size=10), st.lists(st.tuples(paths, st.sampled_from([None, "s"])), max_size=2))
def test_editing_a_table_equals_writing_the_result_afresh(
    base: Model, upserts: Model, deletes: set[tuple[str, str]], drops: list[tuple[str, str | None]]
) -> None:
    """Down to the root: segments and nodes are where they would be had the table been written in one go."""
    table = store_of(base)
    ranges = [DropRange(path, path + "0", where) for path, where in drops]
    edits = Edits(batch_of(upserts), keys_of(deletes - upserts.keys()), ranges)

    root = apply_edits(table.store, SPEC, table.root, edits)

    expected = {
        key: size
        for key, size in base.items()
        if key not in deletes
        and not any(drop.lower <= key[0] < drop.upper and drop.where in (None, key[1]) for drop in ranges)
    } | upserts
    assert model_of(Table(table.store, SPEC, root).scan()) == expected
    assert root == store_of(expected, table.store).root


@given(models, keys, keys)
def test_points_ranges_and_sums_agree_with_the_model(base: Model, one: tuple[str, str], other: tuple[str, str]) -> None:
    table = store_of(base)
    lower, upper = sorted((one, other))
    inside = {key: size for key, size in base.items() if lower <= key < upper}

    summary = table.summary(lower, upper)

    assert (table.find(one) is not None) == (one in base)
    assert model_of(table.scan(lower, upper)) == inside
    assert model_of(reversed(list(table.scan_backwards(lower, upper)))) == inside
    assert (summary.rows, summary.size_bytes) == (len(inside), sum(inside.values()))
    assert (table.rows, table.size_bytes) == (len(base), sum(base.values()))
    assert summary.digest == store_of(inside).summary().digest


@given(models, models)
def test_the_digest_tells_logical_content_apart(one: Model, other: Model) -> None:
    def content(model: Model) -> list[tuple[str, int]]:
        return [(path, size) for (path, _), size in sorted(model.items())]

    digests = [store_of(model, note=note).summary().digest for model, note in ((one, "x"), (other, "y"))]

    assert (digests[0] == digests[1]) == (content(one) == content(other))


@given(models, models, st.sets(keys))
def test_find_many_returns_the_rows_of_known_keys(base: Model, more: Model, some: set[tuple[str, str]]) -> None:
    table = store_of(base)
    wanted = sorted(set(more) | some)

    hits, rows = table.find_many(keys_of(set(wanted)))

    assert [wanted[hit] for hit in hits] == [key for key in wanted if key in base]
    assert model_of(iter(rows)) == {key: base[key] for key in wanted if key in base}


@given(models, st.sets(paths))
def test_find_prefixes_returns_the_first_row_of_each_value(base: Model, some: set[str]) -> None:
    found = model_of(store_of(base).find_prefixes(sorted(some)))

    assert found == {
        key: size for key, size in base.items() if key == min(k for k in base if k[0] == key[0]) and key[0] in some
    }


@given(models, models, st.booleans())
def test_changed_rows_are_those_that_differ(one: Model, changes: Model, related: bool) -> None:
    """Without whole keys, segments of equal digest columns may be skipped that differ in the rest of the key."""
    other = one | changes if related else changes
    new = store_of(other)
    old = store_of(one, new.store)
    come = {key: size for key, size in other.items() if one.get(key) != size}
    gone = {key: size for key, size in one.items() if other.get(key) != size}

    exact = list(changed_rows(new, old, whole_keys=True))
    by_content = list(changed_rows(new, old))

    assert (model_of(pair[0] for pair in exact), model_of(pair[1] for pair in exact)) == (come, gone)
    found_come, found_gone = model_of(pair[0] for pair in by_content), model_of(pair[1] for pair in by_content)
    assert found_come.items() <= come.items()
    assert found_gone.items() <= gone.items()
    skipped = [
        sorted((path, size) for (path, tag), size in whole.items() if (path, tag) not in found)
        for whole, found in ((come, found_come), (gone, found_gone))
    ]
    assert skipped[0] == skipped[1]


def test_a_damaged_object_is_noticed() -> None:
    store = TableStore(open_object_store("memory://"), cache_bytes=0)
    table = store_of({("/a", "t"): 1}, store)
    store._objects.delete(table_key(bytes.fromhex(table.root)))
    store._objects.put(table_key(bytes.fromhex(table.root)), b"TLTB something else")

    with pytest.raises(CorruptDataError, match=table.root):
        Table(store, SPEC, table.root)


def test_an_empty_table_has_the_empty_root() -> None:
    table = store_of({})

    assert table.root == ""
    assert list(table.scan()) == []
    assert table.find(("/a", "t")) is None
    assert table.summary().rows == 0
