"""How a lineage of any size is told in some lines."""

from trunkline.cli.show.lineage_tree import forest, tree_lines
from trunkline.proto import lineage_pb2, pfs_pb2

ID = "7cdc0d0a1b9a4e8ea1a9a0fbd2cc7b0a"


def step(depth: int, repo: str, path: str, *, datum: str = "") -> lineage_pb2.LineageStep:
    commit = pfs_pb2.Commit(repo=pfs_pb2.Repo(name=repo, type="user"), id=ID)
    found = lineage_pb2.LineageStep(depth=depth, file=pfs_pb2.File(commit=commit, path=path), datum_id=datum)
    if datum:
        found.job.pipeline.name = repo
        found.job.id = ID
    return found


def test_a_few_files_are_told_one_by_one_without_a_sum() -> None:
    steps = [step(0, "all", "/x", datum="5b"), *(step(1, "a", f"/{number}") for number in range(3))]

    assert tree_lines(forest(steps), whole=False, came="from") == [
        f"all@{ID}:/x  by all@{ID}, datum 5b",
        f"  a@{ID}:/0",
        f"  a@{ID}:/1",
        f"  a@{ID}:/2",
    ]


def test_files_of_one_datum_and_of_several_are_counted_apart_from_the_datums() -> None:
    steps = [each for number in range(4) for each in (step(0, "b", f"/{number}", datum="5b"), step(1, "a", "/same"))]

    first, *_, last = tree_lines(forest(steps), whole=False, came="from")

    assert first == f"b@{ID}: 4 files (/0, /1, ...)  by 1 datum of b, from 1 of a"
    assert last == "In all 5 files: 4 of b, 1 of a; --all shows each"


def test_a_wide_graph_ends_after_fifty_lines_and_says_how_much_more_there_is() -> None:
    steps = [step(0, f"repo{number:03d}", "/x") for number in range(200)]

    lines = tree_lines(forest(steps), whole=False, came="from")

    assert len(lines) == 53
    assert lines[50] == "... 150 more lines"
    assert lines[52].startswith("In all 200 files: 1 of repo000, ")
    assert lines[52].endswith("1 of repo009, ...; --all shows each")
    assert len(tree_lines(forest(steps), whole=True, came="from")) == 200
