"""Short words for what tests of versioning do all the time."""

from trunkline.model.versions import BranchKey, CommitKey, CommitReference, RepoKey
from trunkline.pfs.history.branches import create_branch
from trunkline.pfs.history.commits import finish_commit, inspect_commits, start_commit
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.queries.commits import CommitRow, commits_of_set
from trunkline.pfs.repos import create_repo
from trunkline.pfs.versioning import Versioning


def repo(name: str) -> RepoKey:
    return RepoKey("default", name)


def branch(text: str) -> BranchKey:
    name, _, branch_name = text.partition("@")
    return BranchKey(repo(name), branch_name or "master")


def at(text: str) -> CommitReference:
    name, _, reference = text.partition("@")
    return CommitReference(repo(name), id=reference or "master")


def make_repos(versioning: Versioning, *names: str) -> None:
    with versioning.transaction() as tx:
        for name in names:
            create_repo(tx, repo(name))


def compute(versioning: Versioning, downstream: str, *upstream: str) -> None:
    """Make one branch be computed from others."""
    with versioning.transaction() as tx:
        create_branch(tx, branch(downstream), provenance=[branch(text) for text in upstream])


def put(versioning: Versioning, target: str, files: dict[str, str | None]) -> CommitKey:
    """Write files, or delete those that are None."""
    writer = versioning.file_sets.edit()
    for path, content in files.items():
        writer.delete(path)
        if content is not None:
            writer.add(path, content.encode())
    return versioning.write_layer(at(target), writer.finish())


def put_between(versioning: Versioning, target: str, files: dict[str, str | None]) -> None:
    """Write files into a commit that is opened before and closed after, so that it stays if they do not go together."""
    with versioning.transaction() as tx:
        start_commit(tx, branch(target))
    put(versioning, target, files)
    with versioning.transaction() as tx:
        finish_commit(tx, resolve_commit(tx, at(target)))


def read(versioning: Versioning, source: str) -> dict[str, str]:
    """Return path and content of every file."""
    _, files = versioning.open_files(at(source))
    return {row.path: b"".join(files.read(row)).decode() for row in files.files("/")}


def head(versioning: Versioning, text: str) -> CommitRow:
    with versioning.reading() as tx:
        return resolve_commit(tx, at(text))


def repos_of_set(versioning: Versioning, id: str) -> list[str]:  # noqa: A002
    with versioning.reading() as tx:
        return [row.commit.repo.name for row in commits_of_set(tx.connection, id)]


def provenance(versioning: Versioning, text: str) -> list[str]:
    with versioning.reading() as tx:
        info = next(iter(inspect_commits(tx, [resolve_commit(tx, at(text))])))
    return [f"{commit.repo.name}@{commit.id}" for commit in info.direct_provenance]
