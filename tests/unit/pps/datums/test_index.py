"""Datums by id, and datums to run, both packed."""

import pytest

from trunkline.model.datums import DatumInput, DatumState, InputSource
from trunkline.pps.datums.identity import KnownDatum, make_datums
from trunkline.pps.datums.index import DatumIndex, IdList
from trunkline.pps.datums.packed import PackedDatums

IDS = ["00" * 32, "00" * 8 + "11" * 24, "00" * 8 + "22" * 24, "ff" * 32]
"""Three of them begin alike, as only chance forbids."""


def an_index() -> DatumIndex:
    index = DatumIndex()
    index.add(IDS[:1], ["aa" * 32], [DatumState.SUCCESS])
    index.add(IDS[1:], ["bb" * 32, "cc" * 32, "dd" * 32], [DatumState.FAILED, DatumState.RECOVERED, DatumState.SUCCESS])
    return index


def test_datums_are_found_by_their_whole_id() -> None:
    index = an_index()

    assert [index.find(each) for each in IDS] == [
        KnownDatum(IDS[0], "aa" * 32, DatumState.SUCCESS),
        KnownDatum(IDS[1], "bb" * 32, DatumState.FAILED),
        KnownDatum(IDS[2], "cc" * 32, DatumState.RECOVERED),
        KnownDatum(IDS[3], "dd" * 32, DatumState.SUCCESS),
    ]
    assert index.states() == {DatumState.SUCCESS: 2, DatumState.FAILED: 1, DatumState.RECOVERED: 1}


@pytest.mark.parametrize("absent", ["00" * 8 + "33" * 24, "7f" * 32, "default", "", "00" * 33])
def test_other_ids_and_tags_are_not_found(absent: str) -> None:
    assert an_index().find(absent) is None


def test_what_nobody_asked_for_is_left() -> None:
    index = an_index()

    index.find(IDS[1])
    index.find("7f" * 32)

    assert list(index.never_asked_for()) == [IDS[0], IDS[2], IDS[3]]


def test_an_empty_index_finds_nothing() -> None:
    assert DatumIndex().find(IDS[0]) is None
    assert list(DatumIndex().never_asked_for()) == []


def test_a_list_of_ids_gives_them_back_in_order() -> None:
    ids = IdList()
    for each in reversed(IDS):
        ids.append(each)

    assert len(ids) == 4
    assert list(ids) == IDS[::-1]


def test_a_worklist_gives_back_what_was_added_as_often_as_it_is_read() -> None:
    sources = [
        InputSource(name, "default", name, "user", "master", "commit", "root", reference=name == "b") for name in "ab"
    ]
    tuples = [
        tuple(
            DatumInput(source, f"/{number}", bytes([number % 256]) * 32, number, f"j{number}", "g")
            for source in sources
        )
        for number in range(2500)
    ]
    datums = list(make_datums(tuples, salt="salt"))
    worklist = PackedDatums("salt")
    for each in datums:
        worklist.append(each)

    assert len(worklist) == len(datums)
    assert list(worklist) == datums
    assert list(worklist) == datums
