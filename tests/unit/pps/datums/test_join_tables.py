"""Tables of matches by key: against lists that are sorted anew."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.datums import DatumInput, InputSource
from trunkline.objects import open_object_store
from trunkline.pps.datums.changes import InputChange
from trunkline.pps.datums.enumeration import KeyedBy
from trunkline.pps.datums.join_tables import JoinTables
from trunkline.storage.table.store import TableStore

SOURCE = InputSource("in", "default", "in", "user", "master", "commit", "root")
Content = dict[str, bytes]
contents = st.dictionaries(st.text("ab/-", min_size=1, max_size=4).map("/{}".format), st.sampled_from([b"1", b"2"]))


def matches(content: Content) -> list[DatumInput]:
    """Return a match for each path, in path order; the key is its last letter."""
    return [DatumInput(SOURCE, path, data, 1, path[-1], path[1]) for path, data in sorted(content.items())]


def by_key(content: Content, keyed_by: KeyedBy) -> list[DatumInput]:
    return sorted(matches(content), key=keyed_by.key)


def changes(old: Content, new: Content) -> Iterator[InputChange]:
    was, is_now = ({each.path: each for each in matches(content)} for content in (old, new))
    for path in sorted(was.keys() | is_now.keys()):
        if was.get(path) != is_now.get(path):
            yield InputChange(was.get(path), is_now.get(path))


@pytest.mark.parametrize("keyed_by", list(KeyedBy))
@given(old=contents, new=contents)
def test_changes_applied_to_a_table_make_the_table_of_what_is_new(
    keyed_by: KeyedBy, old: Content, new: Content
) -> None:
    tables = JoinTables(TableStore(open_object_store("memory://")))

    root = tables.apply(tables.write(matches(old), keyed_by), changes(old, new), keyed_by)

    assert list(tables.scan(root, SOURCE)) == by_key(new, keyed_by)
    assert root == tables.write(matches(new), keyed_by)


@given(content=contents)
def test_a_bucket_has_the_matches_of_its_key_alone_in_path_order(content: Content) -> None:
    tables = JoinTables(TableStore(open_object_store("memory://")))
    root = tables.write(matches(content), KeyedBy.JOIN)

    for key in ("a", "b", "-", "/", "ab", ""):
        assert list(tables.scan(root, SOURCE, key=key)) == [m for m in matches(content) if m.join_on == key]
