"""Key-value pairs that users attach to things (reference, section 1.10)."""

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from trunkline.errors import ConflictError, InvalidInputError
from trunkline.model.versions import BranchKey, RepoKey
from trunkline.pfs.history.references import find_branch, find_repo
from trunkline.pfs.projects import inspect_project
from trunkline.pfs.queries import branches, commits, repos
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.queries.settings import find_setting, replace_setting
from trunkline.pfs.transaction import Transaction

Pairs: TypeAlias = Mapping[str, str]
Change: TypeAlias = Callable[[Pairs], dict[str, str]]
"""Returns the pairs as they shall be, given what they are."""

CHARACTERS_MAX = 64 * 1024
"""Of all keys and values of one thing together."""
_CLUSTER = "cluster_metadata"


def replace(pairs: Pairs) -> Change:
    """Return the change to exactly these pairs."""
    for key in pairs:
        _check(key)
    return lambda _: _bounded(dict(pairs))


def add_key(key: str, value: str) -> Change:
    """Return the change that adds a key; it raises ConflictError where the key is there already."""
    _check(key)

    def change(pairs: Pairs) -> dict[str, str]:
        if key in pairs:
            raise ConflictError(f"metadata key {key!r} already exists; use edit_key instead")
        return _bounded({**pairs, key: value})

    return change


def edit_key(key: str, value: str) -> Change:
    """Return the change that sets a key, new or not."""
    _check(key)
    return lambda pairs: _bounded({**pairs, key: value})


def delete_key(key: str) -> Change:
    """Return the change that removes a key, if it is there."""
    _check(key)
    return lambda pairs: {name: value for name, value in pairs.items() if name != key}


def _check(key: str) -> None:
    if not key:
        raise InvalidInputError("metadata keys cannot be empty")


def _bounded(pairs: dict[str, str]) -> dict[str, str]:
    """Return pairs that are little enough to be shown with each of many things, or raise InvalidInputError."""
    size = sum(len(key) + len(value) for key, value in pairs.items())
    if size > CHARACTERS_MAX:
        raise InvalidInputError(
            f"metadata would have {size} characters, and may have {CHARACTERS_MAX}: put more into files"
        )
    return pairs


def edit_project(tx: Transaction, name: str, change: Change) -> None:
    """Change a project's pairs."""
    info = inspect_project(tx, name)
    repos.update_project(tx.connection, info.name, metadata=change(info.metadata))


def edit_repo(tx: Transaction, repo: RepoKey, change: Change) -> None:
    """Change a repo's pairs."""
    row = find_repo(tx, repo)
    repos.update_repo(tx.connection, row.key, metadata=change(row.metadata))


def edit_branch(tx: Transaction, branch: BranchKey, change: Change) -> None:
    """Change a branch's pairs."""
    row = find_branch(tx, branch)
    branches.update_branch(tx.connection, row.key, metadata=change(row.metadata))


def edit_commit(tx: Transaction, row: CommitRow, change: Change) -> None:
    """Change a commit's pairs, finished or not."""
    commits.update_commit(tx.connection, row.key, metadata=change(row.metadata))


def edit_cluster(tx: Transaction, change: Change) -> None:
    """Change the pairs of the whole installation."""
    replace_setting(tx.connection, _CLUSTER, json.dumps(change(cluster_metadata(tx))))


def cluster_metadata(tx: Transaction) -> dict[str, str]:
    """Return the pairs of the whole installation."""
    pairs: dict[str, str] = json.loads(find_setting(tx.connection, _CLUSTER) or "{}")
    return pairs
