"""Enumeration of datums: known counts of the field's examples, the reference's table, and naive models."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trunkline.model.datums import DatumInput, DatumState, InputSource
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.pipelines import CronInput, Input, PFSInput
from trunkline.pps.datums.changes import InputChange, enumerate_changes
from trunkline.pps.datums.enumeration import (
    DatumInputs,
    KeyedBy,
    Leaf,
    ListedMatches,
    datum_input,
    enumerate_datums,
    identity,
    leaf_glob,
    sort_input,
)
from trunkline.pps.datums.identity import make_datums, plan, plan_changes
from trunkline.pps.datums.index import DatumIndex
from trunkline.pps.datums.plan import JobPlan, LastGoodJob
from trunkline.pps.datums.products import DatumChange

STORES = [f"/STOREID{number}.txt" for number in (1, 2, 3, 4, 5)]
PURCHASES = [
    "/ORDERW078929_STOREID2.txt",
    "/ORDERW080231_STOREID5.txt",
    "/ORDERW080520_STOREID1.txt",
    "/ORDERW080521_STOREID1.txt",
    "/ORDERW080528_STOREID5.txt",
    "/ORDERW598471_STOREID3.txt",
]
RETURNS = [
    "/ORDERW080231_STOREID5.txt",
    "/ORDERW080520_STOREID1.txt",
    "/ORDERW080528_STOREID5.txt",
    "/ORDERW261452_STOREID0.txt",
]
LABRESULTS = [
    "/T1606331395-LIPID-PATID2-CLIA24D9871327.txt",
    "/T1606707557-LIPID-PATID1-CLIA24D9871327.txt",
    "/T1606707579-LIPID-PATID3-CLIA24D9871327.txt",
    "/T1606707597-LIPID-PATID4-CLIA24D9871327.txt",
    "/T1606707613-LIPID-PATID1-CLIA24D9871328.txt",
    "/T1606707635-LIPID-PATID3-CLIA24D9871328.txt",
]
RETAIL = {"stores": STORES, "purchases": PURCHASES, "returns": RETURNS}


class Files(ListedMatches):
    """Repos as lists of paths, matched as a commit's files would be."""

    def __init__(self, repos: Mapping[str, Sequence[str]], *, versions: Mapping[tuple[str, str], int] | None = None):
        super().__init__(self.__call__)
        self._repos = repos
        self._versions = versions or {}

    def __call__(self, leaf: Leaf) -> Iterator[DatumInput]:
        source = source_of(leaf)
        glob = compile_glob(leaf_glob(leaf))
        for path in sorted(self._repos[leaf.repo]):
            if match := glob.match(path):
                content = f"{path} {self._versions.get((leaf.repo, path), 0)}".encode()
                yield datum_input(source, path, content, len(content), match=match, leaf=leaf)


def source_of(leaf: Leaf) -> InputSource:
    branch = leaf.branch if isinstance(leaf, PFSInput) else "master"
    return InputSource(leaf.name, "default", leaf.repo, "user", branch, "commit", "root")


def pfs(repo: str, glob: str = "/*", *, name: str = "", **fields: object) -> Input:
    return Input(pfs=PFSInput(name=name or repo, repo=repo, branch="master", glob=glob, **fields))


def named(datums: Iterable[DatumInputs]) -> list[tuple[str, ...]]:
    return [tuple(f"{each.source.name}:{each.path}" for each in inputs) for inputs in datums]


def join_by_store(*repos: str, outer: Sequence[str] = ()) -> Input:
    children = (pfs(repo, "/*STOREID(*).txt", join_on="$1", outer_join=repo in outer) for repo in repos)
    return Input(join=tuple(children))


@pytest.mark.parametrize(
    ("repos", "outer", "count"),
    [
        (("stores", "purchases"), (), 6),
        (("stores", "returns"), (), 3),
        (("stores", "returns"), ("stores", "returns"), 7),
        (("stores", "returns"), ("stores",), 6),
        (("stores", "returns"), ("returns",), 4),
    ],
)
def test_joins_of_the_retail_files_have_their_known_counts(
    repos: tuple[str, ...], outer: tuple[str, ...], count: int
) -> None:
    assert len(named(enumerate_datums(join_by_store(*repos, outer=outer), Files(RETAIL)))) == count


def test_an_outer_join_yields_what_has_no_partner_alone() -> None:
    datums = named(enumerate_datums(join_by_store("stores", "returns", outer=["stores"]), Files(RETAIL)))

    assert [datum for datum in datums if len(datum) == 1] == [
        ("stores:/STOREID2.txt",),
        ("stores:/STOREID3.txt",),
        ("stores:/STOREID4.txt",),
    ]


def test_the_retail_files_make_six_groups_by_store() -> None:
    children = tuple(pfs(repo, "/*STOREID(*).txt", group_by="$1") for repo in RETAIL)

    datums = named(enumerate_datums(Input(group=children), Files(RETAIL)))

    assert len(datums) == 6
    assert datums[0] == ("returns:/ORDERW261452_STOREID0.txt",)
    assert datums[1] == (
        "purchases:/ORDERW080520_STOREID1.txt",
        "purchases:/ORDERW080521_STOREID1.txt",
        "returns:/ORDERW080520_STOREID1.txt",
        "stores:/STOREID1.txt",
    )


@pytest.mark.parametrize(("template", "count"), [("$1", 4), ("$2", 2), ("${2}", 2), ("$1-$2", 6), ("", 1)])
def test_laboratory_results_group_by_patient_and_by_hospital(template: str, count: int) -> None:
    group = Input(group=(pfs("labresults", "/*-PATID(*)-CLIA(*).txt", group_by=template),))

    datums = named(enumerate_datums(group, Files({"labresults": LABRESULTS})))

    assert len(datums) == count
    assert sum(map(len, datums)) == len(LABRESULTS)


def test_a_group_of_a_join_has_each_input_once() -> None:
    def child(repo: str) -> Input:
        return pfs(repo, "/*STOREID(*).txt", join_on="$1", group_by="$1")

    group = Input(group=(Input(join=(child("stores"), child("purchases"))),))

    datums = named(enumerate_datums(group, Files(RETAIL)))

    assert len(datums) == 4
    assert datums[0] == (
        "purchases:/ORDERW080520_STOREID1.txt",
        "stores:/STOREID1.txt",
        "purchases:/ORDERW080521_STOREID1.txt",
    )


def test_a_pfs_input_yields_one_datum_per_match_in_path_order() -> None:
    files = Files({"r": ["/b", "/a/", "/a/x", "/c"]})

    assert named(enumerate_datums(pfs("r"), files)) == [("r:/a/",), ("r:/b",), ("r:/c",)]


def test_a_cron_input_yields_one_datum_per_tick() -> None:
    node = Input(cron=CronInput(name="tick", repo="p_tick", spec="@hourly"))

    assert named(enumerate_datums(node, Files({"p_tick": ["/t1", "/t2"]}))) == [("tick:/t1",), ("tick:/t2",)]


def test_a_cross_is_sorted_by_name_and_its_last_input_varies_fastest() -> None:
    files = Files({"x": ["/1", "/2"], "y": ["/1", "/2"]})

    datums = named(enumerate_datums(Input(cross=(pfs("y"), pfs("x"))), files))

    assert datums == [("x:/1", "y:/1"), ("x:/1", "y:/2"), ("x:/2", "y:/1"), ("x:/2", "y:/2")]


def test_a_cross_with_an_empty_input_has_no_datums() -> None:
    files = Files({"x": ["/1"], "y": [], "z": ["/1"]})

    assert named(enumerate_datums(Input(cross=(pfs("x"), pfs("y"), pfs("z"))), files)) == []


def test_a_cross_streams_its_first_input() -> None:
    def matches(leaf: Leaf) -> Iterator[DatumInput]:
        source = source_of(leaf)
        yield DatumInput(source, "/1", b"")
        if leaf.name == "a":
            raise AssertionError("read further than asked for")

    datums = enumerate_datums(Input(cross=(pfs("a"), pfs("b"))), ListedMatches(matches))

    assert [each.path for each in next(datums)] == ["/1", "/1"]


def test_a_union_yields_overlapping_matches_of_one_input_once() -> None:
    files = Files({"r": ["/a.txt", "/b.txt", "/b.csv"]})
    union = Input(union=(pfs("r", "/*.txt"), pfs("r", "/b*")))

    assert named(enumerate_datums(union, files)) == [("r:/a.txt",), ("r:/b.txt",), ("r:/b.csv",)]


def test_a_union_keeps_equal_paths_of_different_inputs() -> None:
    union = Input(union=(pfs("r"), pfs("r", name="again")))

    assert named(enumerate_datums(union, Files({"r": ["/a"]}))) == [("again:/a",), ("r:/a",)]


def test_a_join_takes_paths_of_directories_without_their_slash() -> None:
    node = Input(join=(pfs("a", "/(*)", join_on="$1"), pfs("b", "/(*)", join_on="$1")))

    assert named(enumerate_datums(node, Files({"a": ["/x/"], "b": ["/x"]}))) == [("a:/x/", "b:/x")]


def test_a_join_of_a_cross_keeps_its_datums_together() -> None:
    inner = Input(cross=(pfs("a", "/(*)", join_on="$1"), pfs("b")))
    files = Files({"a": ["/1", "/2"], "b": ["/x"], "c": ["/2"]})

    datums = named(enumerate_datums(Input(join=(inner, pfs("c", "/(*)", join_on="$1"))), files))

    assert datums == [("a:/2", "b:/x", "c:/2")]


def test_three_way_outer_join_drops_required_inputs_of_incomplete_buckets() -> None:
    def child(repo: str, *, outer: bool = False) -> Input:
        return pfs(repo, "/(*)", join_on="$1", outer_join=outer)

    node = Input(join=(child("a", outer=True), child("b", outer=True), child("c")))
    files = Files({"a": ["/1", "/2"], "b": ["/1", "/2"], "c": ["/1", "/3"]})

    assert named(enumerate_datums(node, files)) == [("a:/1", "b:/1", "c:/1"), ("a:/2", "b:/2")]


def test_inputs_are_sorted_by_their_first_leaf_at_every_depth() -> None:
    tree = Input(cross=(Input(union=(pfs("z"), pfs("c"))), pfs("b")))

    assert [leaf.name for leaf in sort_input(tree).leaves()] == ["b", "c", "z"]


def test_templates_are_filled_in_without_a_match_at_hand() -> None:
    leaf = pfs("r", "/(*)-(*).json", join_on="$2", group_by="$1").pfs
    assert leaf is not None

    made = datum_input(source_of(leaf), "/eu-17.json", b"h", 3, leaf=leaf)

    assert (made.join_on, made.group_by) == ("17", "eu")


# Against naive models

REPOS = ("a", "b", "c")
files_strategy = st.fixed_dictionaries(
    {repo: st.lists(st.sampled_from(["/1", "/2", "/3", "/12"]), unique=True).map(sorted) for repo in REPOS}
)
leaves = [
    Input(pfs=PFSInput(name=repo, repo=repo, branch="master", glob="/(?)*", join_on="$1", group_by="$1"))
    for repo in REPOS
]


@st.composite
def trees(draw: st.DrawFn) -> Input:
    """Trees whose leaves have distinct names below a cross, join or group."""
    order = draw(st.permutations(leaves))
    outer = [replace(leaf, pfs=replace(leaf.pfs, outer_join=draw(st.booleans()))) for leaf in order]
    kinds = st.sampled_from(["cross", "union", "join", "group"])
    kind, inner = draw(kinds), draw(kinds)
    match draw(st.sampled_from(["flat", "nested", "union of overlapping"])):
        case "flat":
            return Input(**{kind: tuple(outer)})
        case "nested":
            return Input(**{kind: (Input(**{inner: tuple(outer[:2])}), outer[2])})
        case _:
            shared = replace(outer[0], pfs=replace(outer[0].pfs, glob="/(1)*"))
            below = tuple(outer[:2]) if inner == "union" else (Input(**{inner: tuple(outer[:2])}),)
            return Input(union=(*below, shared))


def naive(node: Input, files: Files) -> list[DatumInputs]:
    if node.pfs is not None:
        return [(each,) for each in files(node.pfs)]
    below = [naive(child, files) for child in sort_input(node).children]
    if node.union:
        return list({identity(inputs): inputs for each in reversed(below) for inputs in reversed(each)}.values())[::-1]
    if node.cross:
        return [sum(choice, ()) for choice in product(*below)]
    if node.join:
        return naive_join(node, below)
    keys = sorted({each.group_by for child in below for inputs in child for each in inputs})
    made = []
    for key in keys:
        members = [each for child in below for inputs in child if inputs[0].group_by == key for each in inputs]
        made.append(tuple(dict.fromkeys(members)))
    return [inputs for inputs in made if inputs]


def naive_join(node: Input, below: list[list[DatumInputs]]) -> list[DatumInputs]:
    outer = [any(leaf.outer_join for leaf in child.leaves()) for child in sort_input(node).children]
    made = []
    for key in sorted({inputs[0].join_on for child in below for inputs in child}):
        bucket = [[inputs for inputs in child if inputs[0].join_on == key] for child in below]
        if not all(bucket):
            bucket = [found for found, stays in zip(bucket, outer, strict=True) if stays and found]
        made += [sum(choice, ()) for choice in product(*bucket) if choice]
    return made


@given(tree=trees(), repos=files_strategy)
def test_enumeration_equals_the_naive_model(tree: Input, repos: dict[str, list[str]]) -> None:
    files = Files(repos)

    assert list(enumerate_datums(tree, files)) == naive(tree, files)


@given(tree=trees(), repos=files_strategy)
def test_no_datum_is_enumerated_twice(tree: Input, repos: dict[str, list[str]]) -> None:
    counts = Counter(named(enumerate_datums(tree, Files(repos))))

    assert all(count == 1 for count in counts.values())


@given(tree=trees(), repos=files_strategy)
def test_the_order_in_which_the_user_lists_inputs_does_not_matter(tree: Input, repos: dict[str, list[str]]) -> None:
    def reversed_tree(node: Input) -> Input:
        def turn(children: tuple[Input, ...] | None) -> tuple[Input, ...] | None:
            return None if children is None else tuple(reversed_tree(child) for child in reversed(children))

        return replace(
            node, cross=turn(node.cross), union=turn(node.union), join=turn(node.join), group=turn(node.group)
        )

    files = Files(repos)

    assert list(enumerate_datums(reversed_tree(tree), files)) == list(enumerate_datums(tree, files))


def differences(leaf: Leaf, before: Files, after: Files) -> Iterator[InputChange]:
    was = {each.path: each for each in before(leaf)}
    is_now = {each.path: each for each in after(leaf)}
    for path in sorted(was.keys() | is_now.keys()):
        if was.get(path) != is_now.get(path):
            yield InputChange(was.get(path), is_now.get(path))


@given(
    tree=trees(),
    old=files_strategy,
    new=files_strategy,
    kept=st.sets(st.sampled_from(REPOS)),
    rewritten=st.dictionaries(st.tuples(st.sampled_from(REPOS), st.sampled_from(["/1", "/12"])), st.just(1)),
)
def test_changes_lead_from_the_old_datums_to_the_new_ones(
    tree: Input,
    old: dict[str, list[str]],
    new: dict[str, list[str]],
    kept: set[str],
    rewritten: dict[tuple[str, str], int],
) -> None:
    """The datums of the old inputs, with the changes applied, are the datums of the new inputs."""
    new = {repo: old[repo] if repo in kept else paths for repo, paths in new.items()}
    before = Files(old)
    after = Files(new, versions={key: version for key, version in rewritten.items() if key[0] not in kept})

    found = enumerate_changes(tree, after, lambda leaf: differences(leaf, before, after))

    if found is not None:
        datums = set(enumerate_datums(tree, before))
        for change in found:
            if change.old is not None:
                assert change.old in datums
                datums.remove(change.old)
            if change.new is not None:
                assert change.new not in datums
                datums.add(change.new)
        assert datums == set(enumerate_datums(tree, after))


def test_a_plan_of_the_changes_is_the_plan_of_everything() -> None:
    node = Input(cross=(pfs("a"), pfs("b")))
    before = Files({"a": ["/1", "/2", "/3"], "b": ["/x", "/y"]})
    after = Files({"a": ["/2", "/3", "/4"], "b": ["/x", "/y"]}, versions={("a", "/3"): 1})
    full, part = JobPlan(LastGoodJob(), "s"), JobPlan(LastGoodJob(), "s")
    plan(make_datums(enumerate_datums(node, after), salt="s"), index_of(node, before), full)

    found = enumerate_changes(node, after, lambda leaf: differences(leaf, before, after))
    assert found is not None
    plan_changes(found, index_of(node, before), part, salt="s")

    assert {each.id for each in part.new_datums} == {each.id for each in full.new_datums}
    assert {each.id for each in part.changed_datums} == {each.id for each in full.changed_datums}
    assert set(part.deleted_ids) == set(full.deleted_ids)
    assert (len(part.new_datums), len(part.changed_datums), len(part.deleted_ids), part.skipped_count) == (2, 2, 2, 0)


def index_of(node: Input, files: Files) -> DatumIndex:
    index = DatumIndex()
    for each in sorted(make_datums(enumerate_datums(node, files), salt="s"), key=lambda datum: datum.id):
        index.add([each.id], [each.hash], [DatumState.SUCCESS])
    return index


def test_changes_of_one_leaf_are_told_without_reading_its_matches() -> None:
    def unread(leaf: Leaf) -> Iterator[DatumInput]:
        raise AssertionError(f"read the matches of {leaf.name}")

    leaf = pfs("r").pfs
    assert leaf is not None
    added = DatumInput(source_of(leaf), "/new", b"h")

    found = enumerate_changes(pfs("r"), ListedMatches(unread), lambda _: [InputChange(None, added)])

    assert found is not None
    assert [change.new for change in found] == [(added,)]


def keyed(repo: str, **fields: object) -> Input:
    return pfs(repo, "/(*)-*", join_on="$1", group_by="$1", **fields)


class BucketsAlone(Files):
    """Matches of which only buckets may be read; remembers which were."""

    def __init__(self, repos: Mapping[str, Sequence[str]], **options: Mapping[tuple[str, str], int]) -> None:
        super().__init__(repos, **options)
        self.read: set[tuple[str, str]] = set()

    def listed(self, leaf: Leaf) -> Iterator[DatumInput]:
        raise AssertionError(f"listed {leaf.name}")

    def bucket(self, leaf: Leaf, keyed_by: KeyedBy, key: str) -> Sequence[DatumInput]:
        self.read.add((leaf.name, key))
        return [each for each in self(leaf) if keyed_by.key(each) == key]


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("join", [("a:/y-2", "b:/y-1"), ("a:/y-2", "b:/y-2")]),
        ("group", [("a:/y-1", "b:/y-1", "b:/y-2"), ("a:/y-1", "a:/y-2", "b:/y-1", "b:/y-2")]),
    ],
)
def test_of_joins_and_groups_only_the_keys_that_changed_are_read(kind: str, changed: list[tuple[str, ...]]) -> None:
    before = Files({"a": ["/x-1", "/y-1"], "b": ["/x-1", "/y-1", "/y-2"]})
    after = BucketsAlone({"a": ["/x-1", "/y-1", "/y-2"], "b": ["/x-1", "/y-1", "/y-2"]})

    found = enumerate_changes(
        Input(**{kind: (keyed("a"), keyed("b"))}), after, lambda leaf: differences(leaf, before, after)
    )

    assert found is not None
    assert named([change.old or change.new or () for change in found]) == changed
    assert after.read == {("a", "y"), ("b", "y")}


def test_of_an_outer_join_a_first_partner_changes_all_datums_of_its_key() -> None:
    node = Input(join=(keyed("a", outer_join=True), keyed("b")))
    before, after = Files({"a": ["/x-1", "/x-2"], "b": []}), Files({"a": ["/x-1", "/x-2"], "b": ["/x-1"]})

    found = list(enumerate_changes(node, after, lambda leaf: differences(leaf, before, after)) or ())

    assert named([change.old for change in found if change.old]) == [("a:/x-1",), ("a:/x-2",)]
    assert named([change.new for change in found if change.new]) == [("a:/x-1", "b:/x-1"), ("a:/x-2", "b:/x-1")]


def test_of_a_cross_only_pairs_with_a_changed_side_are_told() -> None:
    node = Input(cross=(pfs("a"), pfs("b")))
    before = Files({"a": ["/1", "/2", "/3"], "b": ["/1", "/2", "/3"]})
    after = Files({"a": ["/1", "/2", "/4"], "b": ["/1", "/2", "/3"]}, versions={("b", "/1"): 1})

    found = list(enumerate_changes(node, after, lambda leaf: differences(leaf, before, after)) or ())

    assert len(found) == 3 + 3 + 2
    assert all("/1" in {each.path for each in (change.new or ())[1:]} or is_of(change, "/3", "/4") for change in found)


def is_of(change: DatumChange, *paths: str) -> bool:
    return (change.new or change.old or ())[0].path in paths


def test_much_on_one_side_of_a_cross_streams() -> None:
    def added() -> Iterator[InputChange]:
        for number in range(1_002):
            yield InputChange(None, DatumInput(source_of(many), f"/{number}", b"h"))
        raise AssertionError("read further than asked for")

    many, one = pfs("many").pfs, pfs("one")
    assert many is not None

    found = enumerate_changes(
        Input(cross=(pfs("many"), one)),
        Files({"many": [], "one": ["/a", "/b"]}),
        lambda leaf: added() if leaf == many else [],
    )

    assert found is not None
    assert named(next(found).new or () for _ in range(2)) == [("many:/0", "one:/a"), ("many:/0", "one:/b")]


@pytest.mark.parametrize(
    "node",
    [
        Input(join=(Input(join=(keyed("a"), keyed("b"))), keyed("c"))),
        Input(group=(Input(cross=(keyed("a"), keyed("b"))), keyed("c"))),
        Input(union=(Input(join=(keyed("a", outer_join=True), keyed("b"))), keyed("a"))),
        Input(union=(pfs("a"), pfs("a", "/?*", project="other"))),
    ],
)
def test_some_shapes_take_looking_at_everything(node: Input) -> None:
    assert enumerate_changes(node, Files({"a": [], "b": [], "c": []}), lambda _: []) is None
