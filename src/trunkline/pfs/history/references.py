"""From what a caller wrote to the row that is meant (reference, section 1.6: referring to commits)."""

import re
from dataclasses import replace

from trunkline.errors import InvalidInputError, NotFoundError
from trunkline.model.ids import is_id
from trunkline.model.names import DEFAULT_PROJECT, SPEC, USER
from trunkline.model.versions import BranchKey, CommitReference, RepoKey
from trunkline.pfs.history.provenance import reachable
from trunkline.pfs.queries import branches, commits, repos
from trunkline.pfs.queries.branches import BranchRow
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.queries.repos import RepoRow
from trunkline.pfs.transaction import Transaction

_ANCESTRY = re.compile(r"(?P<base>[^\^~.]*)(?P<root>\.\d{1,9})?(?P<up>(?:\^\d{0,9})*|(?:~\d{0,9})*)", re.ASCII)


def with_defaults(repo: RepoKey) -> RepoKey:
    """Return repo with an absent project as ``default`` and an absent type as ``user``."""
    return replace(repo, project=repo.project or DEFAULT_PROJECT, type=repo.type or USER)


def find_repo(tx: Transaction, repo: RepoKey) -> RepoRow:
    """Return the repo, or raise NotFoundError."""
    repo = with_defaults(repo)
    row = repos.find_repo(tx.connection, repo)
    if row is None:
        raise NotFoundError(
            f"repo (id=0, project={repo.project}, name={repo.name}, type={repo.type}) not found: repo {repo} not found"
        )
    return row


def find_branch(tx: Transaction, branch: BranchKey) -> BranchRow:
    """Return the branch, or raise NotFoundError."""
    repo = find_repo(tx, branch.repo)
    row = branches.find_branch(tx.connection, repo.key, branch.name)
    if row is None:
        raise NotFoundError(f'branch "{branch.name}" not found in repo {repo.repo}')
    return row


def is_written_by_pipeline(tx: Transaction, repo: RepoKey) -> bool:
    """Return whether a pipeline writes the repo, its own or that of its records."""
    return any(row.repo.type == SPEC for row in repos.repos_beside(tx.connection, with_defaults(repo)))


def split_reference(reference: CommitReference) -> tuple[str, int | None, int]:
    """Return (branch or id, N of ``.N`` or None, how many parents up) of a reference, or raise InvalidInputError."""
    text = reference.id or reference.branch
    if reference.id and reference.branch and reference.id[0] in "^~.":
        text = reference.branch + reference.id
    if not text:
        raise InvalidInputError(f"cannot pick commit with no ID or branch: repo {reference.repo}")
    parsed = _ANCESTRY.fullmatch(text)
    if parsed is None:
        raise InvalidInputError(
            f"invalid commit reference {text[:300]!r}: ancestry is written ^N or ~N, not mixed, or .N, "
            "with N of at most nine digits"
        )
    ups = re.findall(r"[\^~](\d*)", parsed["up"] or "")
    up = sum(int(number) if number else 1 for number in ups)
    return parsed["base"], (int(parsed["root"][1:]) if parsed["root"] else None), up


def resolve_commit(tx: Transaction, reference: CommitReference) -> CommitRow:
    """Return the commit that is meant, or raise NotFoundError or InvalidInputError."""
    base, from_root, up = split_reference(reference)
    repo = find_repo(tx, reference.repo)
    commit = _find_by_id(tx, repo, base) if is_id(base) else _find_head(tx, repo, base)
    if from_root is not None:
        if up >= from_root:
            raise InvalidInputError(f"commit {reference}: there should be less ancestors than descendants")
        return _nth_from_root(tx, commit, from_root - up, reference)
    for _ in range(up):
        if commit.parent is None:
            raise NotFoundError(f"commit {reference} not found: it lies before the first commit")
        commit = commits.commit_by_key(tx.connection, commit.parent)
    return commit


def _find_head(tx: Transaction, repo: RepoRow, branch_name: str) -> CommitRow:
    branch = find_branch(tx, BranchKey(repo.repo, branch_name))
    if branch.head is None:
        raise NotFoundError(f"commit {branch.branch} not found: the branch has no head")
    return commits.commit_by_key(tx.connection, branch.head)


def _find_by_id(tx: Transaction, repo: RepoRow, id: str) -> CommitRow:  # noqa: A002 - the field's word
    commit = commits.find_commit(tx.connection, repo.key, id)
    if commit is not None:
        return commit

    # An id names a whole set: where this repo has no commit in it, the one that the set was computed from is meant.
    def upstream(key: int) -> list[int]:
        return [row.key for row in commits.provenance_of(tx.connection, key)]

    start = [row.key for row in commits.commits_of_set(tx.connection, id)]
    for row in commits.commits_by_key(tx.connection, reachable(start, upstream)):
        if row.repo_key == repo.key:
            return row
    raise NotFoundError(f"commit {repo.repo}@{id} not found")


def _nth_from_root(tx: Transaction, head: CommitRow, number: int, reference: CommitReference) -> CommitRow:
    line = [head]
    while line[-1].parent is not None:
        line.append(commits.commit_by_key(tx.connection, line[-1].parent))
    if not 1 <= number <= len(line):
        raise NotFoundError(f"commit {reference} not found: the branch has {len(line)} commits")
    return line[-number]
