import pytest
from pfs_story import branch, head, make_repos, put, repo

from trunkline.errors import ConflictError, InvalidInputError, NotFoundError
from trunkline.pfs import metadata, projects, repos
from trunkline.pfs.history import branches
from trunkline.pfs.versioning import Versioning


def test_each_operation_changes_pairs_as_its_name_says() -> None:
    assert metadata.add_key("a", "1")({}) == {"a": "1"}
    assert metadata.edit_key("a", "2")({"a": "1"}) == {"a": "2"}
    assert metadata.edit_key("a", "2")({}) == {"a": "2"}
    assert metadata.delete_key("a")({"a": "1", "b": "1"}) == {"b": "1"}
    assert metadata.delete_key("a")({}) == {}
    assert metadata.replace({"c": "3"})({"a": "1"}) == {"c": "3"}


def test_adding_does_not_overwrite_and_keys_are_not_empty() -> None:
    with pytest.raises(ConflictError, match="already exists; use edit_key instead"):
        metadata.add_key("a", "2")({"a": "1"})
    with pytest.raises(InvalidInputError, match="cannot be empty"):
        metadata.delete_key("")
    with pytest.raises(InvalidInputError, match="cannot be empty"):
        metadata.replace({"": "1"})


def test_everything_keeps_pairs_and_a_repo_keeps_them_through_an_update(versioning: Versioning) -> None:
    make_repos(versioning, "in")
    commit = put(versioning, "in", {"/a": "1"})
    change = metadata.add_key("owner", "ada")
    with versioning.transaction() as tx:
        metadata.edit_project(tx, "default", change)
        metadata.edit_repo(tx, repo("in"), change)
        metadata.edit_branch(tx, branch("in"), change)
        metadata.edit_commit(tx, head(versioning, "in"), change)
        metadata.edit_cluster(tx, change)
        repos.create_repo(tx, repo("in"), description="new", update=True)

    with versioning.reading() as tx:
        assert projects.inspect_project(tx, "default").metadata == {"owner": "ada"}
        assert repos.inspect_repo(tx, repo("in")).metadata == {"owner": "ada"}
        assert branches.inspect_branch(tx, branch("in")).metadata == {"owner": "ada"}
        assert metadata.cluster_metadata(tx) == {"owner": "ada"}
    assert head(versioning, f"in@{commit.id}").metadata == {"owner": "ada"}


def test_edits_that_fail_undo_those_before_them(versioning: Versioning) -> None:
    make_repos(versioning, "in")

    def edit_two_of_which_one_is_missing() -> None:
        with versioning.transaction() as tx:
            metadata.edit_cluster(tx, metadata.edit_key("a", "1"))
            metadata.edit_repo(tx, repo("absent"), metadata.edit_key("a", "1"))

    with pytest.raises(NotFoundError):
        edit_two_of_which_one_is_missing()

    with versioning.reading() as tx:
        assert metadata.cluster_metadata(tx) == {}
