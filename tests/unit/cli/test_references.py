import click
import pytest

from trunkline.cli import references as refer
from trunkline.proto import pfs_pb2

ID = "7cdc0d0a1b9a4e8ea1a9a0fbd2cc7b0a"


def test_repos_have_types_and_projects() -> None:
    assert refer.repo("images", "p") == pfs_pb2.Repo(project=refer.project("p"), name="images", type="user")
    assert refer.repo("edges.meta", "p").type == "meta"
    assert refer.repo("other/images", "p").project.name == "other"


@pytest.mark.parametrize(
    ("text", "branch", "identifier"),
    [
        ("images@master", "master", ""),
        (f"images@{ID}", "", ID),
        ("images@master^2", "", "master^2"),
        ("images@master.1", "", "master.1"),
        (f"images@{ID}~", "", f"{ID}~"),
        (f"images@master={ID}", "master", ID),
    ],
)
def test_what_is_no_branch_name_travels_in_the_id(text: str, branch: str, identifier: str) -> None:
    found = refer.commit(text, "p")

    assert (found.branch.name, found.id) == (branch, identifier)
    assert found.repo.name == found.branch.repo.name == "images"


def test_paths_follow_a_colon_and_may_hold_more_of_them() -> None:
    assert refer.file("images@master:/a:b", "p").path == "/a:b"
    assert refer.file("images@master", "p", need_path=False).path == ""


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (refer.repo, "a@b"),
        (refer.repo, ""),
        (refer.branch, "images"),
        (refer.branch, "images@"),
        (refer.commit, "images"),
        (refer.file, "images@master"),
        (refer.pipeline, "a@b"),
        (refer.job, "edges"),
    ],
)
def test_other_forms_are_refused_with_the_right_one(parse: object, text: str) -> None:
    with pytest.raises(click.BadArgumentUsage, match="write"):
        parse(text, "p")  # type: ignore[operator]


def test_jobs_are_of_pipelines() -> None:
    job = refer.job(f"edges@{ID}", "p")

    assert (job.pipeline.project.name, job.pipeline.name, job.id) == ("p", "edges", ID)
