"""Identity, plans, explanations and sizes of sets."""

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.model.datums import Datum, DatumInput, DatumState, InputSource
from trunkline.model.pipelines import DatumSetSpec
from trunkline.pps.datums.identity import (
    KnownDatum,
    KnownInput,
    Why,
    datum_hash,
    datum_id,
    explain,
    make_datums,
    next_set_size,
    plan,
    take_set,
)
from trunkline.pps.datums.index import DatumIndex

SALT = "salt"


def source(
    name: str = "images", *, repo: str = "photos", branch: str = "master", reference: bool = False
) -> InputSource:
    return InputSource(name, "default", repo, "user", branch, "commit", "root", reference=reference)


def one(path: str = "/a", content: bytes = b"content", *, of: InputSource | None = None, size: int = 0) -> DatumInput:
    return DatumInput(of or source(), path, content, size)


def datum(path: str = "/a", content: bytes = b"content", *, salt: str = SALT, size: int = 0) -> Datum:
    (made,) = make_datums([(one(path, content, size=size),)], salt=salt)
    return made


def as_base(made: Datum, state: DatumState = DatumState.SUCCESS) -> KnownDatum:
    inputs = tuple(KnownInput(each.source.name, each.path, each.hash) for each in made.inputs)
    return KnownDatum(made.id, made.hash, state, inputs)


def test_the_id_is_the_hash_of_each_string_with_its_length_behind_it() -> None:
    written = b"".join(
        text + length.to_bytes(8, "big")
        for text, length in ((b"images", 6), (b"photos", 6), (b"master", 6), (b"/d/", 3))
    )

    assert datum_id([one("/d/")]) == blake2b(written, digest_size=32).hexdigest()


def test_the_hash_is_of_id_contents_and_salt() -> None:
    inputs = (one("/a", b"one"), one("/b", b"two"))
    own_id = datum_id(inputs)

    assert datum_hash(own_id, inputs, SALT) == blake2b(own_id.encode() + b"onetwosalt", digest_size=32).hexdigest()


def test_lengths_count_bytes_not_characters() -> None:
    assert datum_id([one("/é")]) == blake2b(
        b"images" + (6).to_bytes(8, "big") + b"photos" + (6).to_bytes(8, "big") + b"master" + (6).to_bytes(8, "big")
        + "/é".encode() + (3).to_bytes(8, "big"),
        digest_size=32,
    ).hexdigest()  # fmt: skip


def test_project_commit_and_content_are_no_part_of_the_id() -> None:
    elsewhere = InputSource("images", "other", "photos", "user", "master", "another", "root2")

    assert datum_id([one("/a", b"x")]) == datum_id([one("/a", b"y", of=elsewhere)])


@pytest.mark.parametrize("of", [source("other"), source(repo="other"), source(branch="other")])
def test_name_repo_and_branch_are_part_of_the_id(of: InputSource) -> None:
    assert datum_id([one(of=of)]) != datum_id([one()])


def test_the_contents_of_a_reference_input_do_not_count() -> None:
    reference = source("model", reference=True)

    first, second = make_datums([(one(of=reference, content=b"1"),), (one(of=reference, content=b"2"),)], salt=SALT)

    assert first.hash == second.hash


sources = st.builds(
    InputSource,
    st.text(max_size=5),
    st.just("default"),
    st.text(max_size=5),
    st.just("user"),
    st.text(max_size=5),
    st.just("c"),
    st.just("r"),
    reference=st.booleans(),
)
inputs_strategy = st.lists(
    st.builds(DatumInput, sources, st.text(max_size=8), st.binary(min_size=32, max_size=32)), max_size=4
).map(tuple)


@given(tuples=st.lists(inputs_strategy, max_size=5), salt=st.text(max_size=8))
def test_made_datums_have_the_id_and_hash_of_their_inputs(tuples: list[tuple[DatumInput, ...]], salt: str) -> None:
    made = list(make_datums(tuples, salt=salt))

    assert [each.inputs for each in made] == tuples
    assert [each.id for each in made] == [datum_id(inputs) for inputs in tuples]
    assert [each.hash for each in made] == [datum_hash(each.id, each.inputs, salt) for each in made]


class Said:
    """What a plan said."""

    def __init__(self) -> None:
        self.all: dict[str, list[str]] = {"new": [], "changed": [], "skipped": [], "deleted": []}

    def new(self, datum: Datum) -> None:
        self.all["new"].append(datum.id)

    def changed(self, datum: Datum) -> None:
        self.all["changed"].append(datum.id)

    def skipped(self, datum: Datum) -> None:
        self.all["skipped"].append(datum.id)

    def deleted(self, id: str) -> None:  # noqa: A002 - the field's word
        self.all["deleted"].append(id)


def planned(datums: list[Datum], base: list[KnownDatum], **options: bool) -> dict[str, list[str]]:
    """Return the ids of what is new, changed, skipped and deleted."""
    index = DatumIndex()
    for each in sorted(base, key=lambda datum: datum.id):
        index.add([each.id], [each.hash], [each.state])
    said = Said()
    plan(datums, index, said, **options)
    return said.all


def test_plan_sorts_datums_by_what_the_base_has_of_them() -> None:
    same, was, is_now, fresh, gone = datum("/same"), datum("/x", b"1"), datum("/x", b"2"), datum("/new"), datum("/gone")

    assert planned([fresh, same, is_now], [as_base(each) for each in (same, was, gone)]) == {
        "new": [fresh.id],
        "changed": [is_now.id],
        "skipped": [same.id],
        "deleted": [gone.id],
    }


def test_plan_without_a_base_runs_everything() -> None:
    datums = [datum("/a"), datum("/b")]

    assert planned(datums, [])["new"] == [each.id for each in datums]


@pytest.mark.parametrize("state", [DatumState.FAILED, DatumState.RECOVERED])
def test_plan_runs_again_what_did_not_succeed(state: DatumState) -> None:
    made = datum()

    assert planned([made], [as_base(made, state)])["changed"] == [made.id]


def test_plan_keeps_what_an_earlier_job_skipped() -> None:
    made = datum()

    assert planned([made], [as_base(made, DatumState.SKIPPED)])["skipped"] == [made.id]


@pytest.mark.parametrize("option", [{"every_job": True}, {"s3_out": True}])
def test_plan_skips_nothing_where_skipping_is_off(option: dict[str, bool]) -> None:
    made = datum()

    assert planned([made], [as_base(made)], **option)["changed"] == [made.id]


@given(
    new=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([b"1", b"2"])),
    old=st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([b"1", b"2"])),
    states=st.lists(st.sampled_from(list(DatumState)), min_size=6, max_size=6),
)
def test_plan_accounts_for_every_datum_once(
    new: dict[str, bytes], old: dict[str, bytes], states: list[DatumState]
) -> None:
    datums = [datum(f"/{path}", content) for path, content in new.items()]
    before = [as_base(datum(f"/{path}", old[path]), states[index]) for index, path in enumerate(sorted(old))]

    made = planned(datums, before)

    assert sorted(made["new"] + made["changed"] + made["skipped"]) == sorted(each.id for each in datums)
    assert sorted(made["changed"] + made["skipped"] + made["deleted"]) == sorted(each.id for each in before)


def test_a_datum_without_a_past_is_new() -> None:
    assert str(explain(datum(), None)) == "new"


def test_a_changed_input_is_named() -> None:
    now = datum("/dir/", b"2")

    assert str(explain(now, as_base(datum("/dir/", b"1")))) == "changed input: images:/dir/"


def test_a_changed_salt_means_reprocessing() -> None:
    assert explain(datum(salt="new"), as_base(datum())).why is Why.REPROCESS


def test_a_change_whose_inputs_are_forgotten_is_still_a_change() -> None:
    old = datum("/a", b"1")

    assert str(explain(datum("/a", b"2"), KnownDatum(old.id, old.hash, DatumState.SUCCESS))) == "changed input"


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (DatumState.FAILED, Why.FAILED),
        (DatumState.RECOVERED, Why.RECOVERED),
        (DatumState.SUCCESS, Why.UNCHANGED),
    ],
)
def test_an_unchanged_datum_is_explained_by_its_state(state: DatumState, why: Why) -> None:
    assert explain(datum(), as_base(datum(), state)).why is why


def test_an_unchanged_datum_runs_in_every_job_where_asked_for() -> None:
    assert explain(datum(), as_base(datum()), every_job=True).why is Why.EVERY_JOB


def test_the_first_set_is_small() -> None:
    assert next_set_size(None, 100_000, 8) == 2


def test_sets_take_about_a_second() -> None:
    assert next_set_size(0.01, 100_000, 8) == 100


def test_a_datum_of_many_seconds_is_a_set_of_its_own() -> None:
    assert next_set_size(60.0, 1000, 8) == 1


def test_datums_that_take_no_time_at_all_still_come_in_bounded_sets() -> None:
    assert next_set_size(0.0, 10_000_000, 2) == 4096


@given(seconds=st.none() | st.floats(0, 1e6), count=st.integers(1, 5000), capacity=st.integers(1, 64))
def test_sets_use_up_all_datums_and_shrink_towards_the_end(seconds: float | None, count: int, capacity: int) -> None:
    sizes = []
    remaining = count
    while remaining:
        sizes.append(next_set_size(seconds, remaining, capacity))
        remaining -= sizes[-1]

    assert remaining == 0
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1 or sum(sizes[-2:]) * (seconds or 0) <= 0.2


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (DatumSetSpec(number=7), 7),
        (DatumSetSpec(number=7, per_worker=2), 7),
        (DatumSetSpec(per_worker=5), 20),
        (DatumSetSpec(per_worker=1000), 1),
        (DatumSetSpec(), 2),
    ],
)
def test_a_set_size_in_the_spec_holds(spec: DatumSetSpec, size: int) -> None:
    assert next_set_size(None, 200, 2, spec=spec) == size


def test_sets_per_worker_are_parts_of_all_datums_not_of_those_left() -> None:
    assert next_set_size(1.0, 50, 2, spec=DatumSetSpec(per_worker=5), total=200) == 20


def test_quick_datums_are_not_handed_out_one_by_one_at_the_end() -> None:
    assert next_set_size(0.001, 60, 8) == 50


def test_a_set_never_takes_more_than_there_is() -> None:
    assert next_set_size(0.001, 3, 1, spec=DatumSetSpec(number=10)) == 3


def test_a_set_of_bytes_ends_where_the_bytes_are_reached() -> None:
    datums = [datum(f"/{index}", size=40) for index in range(5)]
    spec = DatumSetSpec(size_bytes=100, number=1)

    left = iter(datums)

    assert take_set(left, len(datums), total=len(datums), seconds_per_datum=None, capacity=2, spec=spec) == datums[:3]
    rest = len(datums) - 3
    assert take_set(left, rest, total=len(datums), seconds_per_datum=None, capacity=2, spec=spec) == datums[3:]


def test_a_set_without_bytes_in_the_spec_is_sized_by_time() -> None:
    datums = [datum(f"/{index}") for index in range(50)]

    assert take_set(iter(datums[10:]), 40, total=50, seconds_per_datum=0.5, capacity=1) == datums[10:12]
