"""What the inputs of a job match: its commits, read through the globs of its leaves."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trunkline.errors import NotFoundError
from trunkline.model.datums import DatumInput, InputSource
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.names import DEFAULT_BRANCH
from trunkline.model.pipelines import CronInput, Input, PFSInput
from trunkline.model.versions import RepoKey
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.changes import InputChange
from trunkline.pps.datums.enumeration import KeyedBy, Leaf, Matches, datum_input, keyed_leaves, leaf_glob
from trunkline.pps.datums.join_tables import JoinTables


class JobInputs(Matches):
    """The matches of leaves in given commits, all of them finished. For one thread."""

    def __init__(
        self,
        versioning: Versioning,
        commits: Sequence[CommitRow],
        *,
        buckets: Mapping[str, str] | None = None,
        base: "JobInputs | None" = None,
    ) -> None:
        """``buckets`` are the tables by key that a job left of these commits; the others are made of those of base."""
        self._file_sets = versioning.file_sets
        self._root_of = versioning.root_of
        self._commits = commits
        self._tables = JoinTables(versioning.file_sets.tables)
        self._buckets = dict(buckets or {})
        self._base = base
        self._sources: dict[Leaf, InputSource] = {}

    def listed(self, leaf: Leaf) -> Iterator[DatumInput]:
        """Yield the matches in path order."""
        source = self._source(leaf)
        for info, match in self._file_sets.open(source.root).glob_matches(leaf_glob(leaf)):
            yield datum_input(source, info.path, info.hash, info.size_bytes, match=match, leaf=leaf)

    def by_key(self, leaf: Leaf, keyed_by: KeyedBy) -> Iterator[DatumInput]:
        """Yield the matches by key."""
        return self._tables.scan(self._bucket_table(leaf, keyed_by), self._source(leaf))

    def bucket(self, leaf: Leaf, keyed_by: KeyedBy, key: str) -> Sequence[DatumInput]:
        """Return the matches of one key."""
        return list(self._tables.scan(self._bucket_table(leaf, keyed_by), self._source(leaf), key=key))

    def place(self, leaf: Leaf, path: str) -> DatumInput | None:
        """Return the match of one path: of a file, or of a directory, which ends with a slash; None if it is none."""
        source = self._source(leaf)
        files = self._file_sets.open(source.root)
        match = compile_glob(leaf_glob(leaf)).match(path)
        if match is None:
            return None
        info = files.directory(path) if path.endswith("/") else files.info(path)
        if info is None or info.path != path:
            return None
        return datum_input(source, info.path, info.hash, info.size_bytes, match=match, leaf=leaf)

    def changes(self, leaf: Leaf, base: "JobInputs") -> Iterator[InputChange]:
        """Yield what the leaf matches otherwise than in base."""
        new, old = self._source(leaf), base._source(leaf)
        if new.root == old.root:
            return
        glob = compile_glob(leaf_glob(leaf))
        opened = self._file_sets.open
        for here, there in opened(new.root).diff(opened(old.root)):
            info = here or there
            assert info is not None
            match = glob.match(info.path)
            if match is None:
                continue
            inputs = [
                None
                if each is None
                else datum_input(source, each.path, each.hash, each.size_bytes, match=match, leaf=leaf)
                for source, each in ((old, there), (new, here))
            ]
            yield InputChange(*inputs)

    def join_tables(self, node: Input) -> dict[str, str]:
        """Return the tables by key of a tree, for the next job to go on from."""
        return {_name(*keyed): self._bucket_table(*keyed) for keyed in keyed_leaves(node)}

    def _bucket_table(self, leaf: Leaf, keyed_by: KeyedBy) -> str:
        name = _name(leaf, keyed_by)
        found = self._buckets.get(name)
        if found is None:
            found = self._buckets[name] = self._make_bucket_table(name, leaf, keyed_by)
        return found

    def _make_bucket_table(self, name: str, leaf: Leaf, keyed_by: KeyedBy) -> str:
        base = self._base
        before = base._buckets.get(name) if base is not None else None
        if base is None or before is None:
            return self._tables.write(self.listed(leaf), keyed_by)
        return self._tables.apply(before, self.changes(leaf, base), keyed_by)

    def _source(self, leaf: Leaf) -> InputSource:
        if leaf not in self._sources:
            commit = commit_of(leaf, self._commits)
            self._sources[leaf] = source_of(leaf, replace(commit, root=self._root_of(commit)))
        return self._sources[leaf]


def _name(leaf: Leaf, keyed_by: KeyedBy) -> str:
    """Return what a table by key is found under: all that its rows follow from, but the commit."""
    templates = () if isinstance(leaf, CronInput) else (leaf.join_on, leaf.group_by)
    return json.dumps([str(repo_of(leaf)), leaf_glob(leaf), keyed_by, *templates])


def repo_of(leaf: Leaf) -> RepoKey:
    """Return the repo that a leaf reads."""
    return (
        RepoKey(leaf.project, leaf.repo, leaf.repo_type)
        if isinstance(leaf, PFSInput)
        else RepoKey(leaf.project, leaf.repo)
    )


def commit_of(leaf: Leaf, commits: Iterable[CommitRow]) -> CommitRow:
    """Return the commit that a leaf reads."""
    for commit in commits:
        if commit.commit.repo == repo_of(leaf):
            return commit
    raise NotFoundError(f"no commit of input {leaf.name!r} in the provenance of the job")


def source_of(leaf: Leaf, commit: CommitRow) -> InputSource:
    """Return what the matches of a leaf in a finished commit have in common."""
    assert commit.root is not None
    common = InputSource(
        name=leaf.name,
        project=leaf.project,
        repo=leaf.repo,
        repo_type=commit.commit.repo.type,
        branch=leaf.branch if isinstance(leaf, PFSInput) else DEFAULT_BRANCH,
        commit=commit.commit.id,
        root=commit.root,
    )
    if isinstance(leaf, CronInput):
        return common
    return replace(
        common,
        lazy=leaf.lazy,
        empty_files=leaf.empty_files,
        s3=leaf.s3,
        reference=leaf.reference,
        outer_join=leaf.outer_join,
    )
