"""What files were made from, and what came of them: an output file's tag is the id of the datum that wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PurePosixPath

from trunkline.errors import NotFoundError
from trunkline.model.jobs import JobState
from trunkline.model.paths import clean
from trunkline.model.pipelines import Input, Transform
from trunkline.model.versions import CommitKey, CommitReference, RepoKey
from trunkline.pfs.history.good_ancestors import check_good, root_of
from trunkline.pfs.history.references import resolve_commit
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.changes import InputChange, enumerate_changes
from trunkline.pps.datums.datum_table import DatumRecord, DatumTables
from trunkline.pps.datums.enumeration import Leaf
from trunkline.pps.datums.identity import datum_id
from trunkline.pps.datums.job_inputs import JobInputs, repo_of
from trunkline.pps.lineage.code_inputs import command_lines, runs
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec
from trunkline.storage.fileset import FileSet

STEPS_MAX = 10_000
_DATUMS_AT_ONCE = 8192
_FILES_OF_DIRECTORY_MAX = 100


@dataclass(frozen=True, slots=True)
class Step:
    """A file on the way, and the datum that wrote it. Without a job, people did."""

    depth: int
    commit: CommitKey
    path: str
    project: str = ""
    pipeline: str = ""
    job: str = ""
    datum: str = ""
    ran_because: str = ""
    version: int = 0
    """Of the pipeline's specification, as the job ran it."""
    spec_commit: str = ""
    is_code: bool = False
    """Whether the command of the datum that read this file runs it."""


@dataclass(frozen=True, slots=True)
class _Ran:
    """What a job ran by."""

    version: int
    spec_commit: str
    command_lines: str
    """What it started, and what a shell was told to."""


class Lineage:
    """Answers one question from the records of finished jobs. What many files share is looked up once."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._records = DatumTables(versioning.file_sets.tables)
        self._commits: dict[CommitKey, CommitRow | None] = {}
        self._jobs: dict[int, JobRow | None] = {}
        self._readers: dict[RepoKey, list[_Reader]] = {}
        self._ran: dict[tuple[int, str], _Ran | None] = {}

    # What a file was made from

    def why(self, reference: CommitReference, path: str) -> Iterator[Step]:
        """Yield the file and what it was made from, depth first, down to files that people wrote."""
        with self._versioning.reading() as tx:
            commit = resolve_commit(tx, reference)
        check_good(commit)
        return islice(self._why(commit, clean(path), 0, set()), STEPS_MAX)

    def _why(self, commit: CommitRow, path: str, depth: int, seen: set[tuple[int, str]]) -> Iterator[Step]:
        files = self._versioning.file_sets.open(root_of(commit))
        row = files.find(path) if path != "/" else None
        job = self._job_behind(commit)
        if row is None:
            yield from self._why_below(commit, files, path, depth, seen, is_output=job is not None)
            return
        record = self._records.find(job.datums, row.tag) if job is not None else None
        if job is None or record is None:
            yield Step(depth, commit.commit, row.path)
            return
        ran = self._ran_by(job, record.job)
        yield _step(depth, commit.commit, row.path, job, record, ran=ran)
        if (commit.key, row.path) in seen:
            return
        seen.add((commit.key, row.path))
        for each in record.inputs:
            repo = RepoKey(each.project, each.repo, each.repo_type)
            upstream = self._find_commit(CommitKey(repo, each.commit))
            if upstream is None or upstream.forgotten_at is not None:
                steps = iter([Step(depth + 1, CommitKey(repo, each.commit), each.path)])
            else:
                steps = self._why(upstream, each.path, depth + 1, seen)
            is_code = ran is not None and runs(ran.command_lines, f"/pfs/{each.name}{each.path}")
            yield from (replace(step, is_code=is_code) if step.depth == depth + 1 else step for step in steps)

    def _why_below(
        self, commit: CommitRow, files: FileSet, path: str, depth: int, seen: set[tuple[int, str]], *, is_output: bool
    ) -> Iterator[Step]:
        """Yield a directory: of an output, the files below it; of what people wrote, the directory as such."""
        if files.directory(path) is None:
            raise NotFoundError(f"file {path} not found in {commit.commit}")
        if not is_output:
            yield Step(depth, commit.commit, path.rstrip("/") + "/")
            return
        for row in islice(files.files(path.rstrip("/") + "/"), _FILES_OF_DIRECTORY_MAX):
            yield from self._why(commit, row.path, depth, seen)

    def _ran_by(self, job: JobRow, id: str) -> _Ran | None:  # noqa: A002 - the field's word
        """Return what the job of that id, of the same pipeline, ran by; None if it was deleted."""
        key = job.pipeline_key, id
        if key not in self._ran:
            with self._versioning.reading() as tx:
                row = job if job.id == id else jobs.find_job(tx.connection, job.pipeline_key, id)
                version = None if row is None else pipelines.find_version(tx.connection, row.pipeline_key, row.version)
            transform = None if version is None else decode_spec(version.spec_json).transform
            lines = command_lines(transform or Transform())
            self._ran[key] = None if version is None else _Ran(version.version, version.spec_commit, lines)
        return self._ran[key]

    def _find_commit(self, key: CommitKey) -> CommitRow | None:
        if key not in self._commits:
            with self._versioning.reading() as tx:
                try:
                    self._commits[key] = resolve_commit(tx, CommitReference(key.repo, id=key.id))
                except NotFoundError:
                    self._commits[key] = None
        return self._commits[key]

    def _job_behind(self, commit: CommitRow) -> JobRow | None:
        """Return the job whose records account for the files of a commit: its own, or the last good one before."""
        if commit.key not in self._jobs:
            with self._versioning.reading() as tx:
                self._jobs[commit.key] = _good_job_at(tx, commit)
        return self._jobs[commit.key]

    # What has been made from a file

    def impact(self, reference: CommitReference, path: str) -> Iterator[Step]:
        """Yield what the newest good job of each pipeline downstream has made from a file, depth first, each once."""
        with self._versioning.reading() as tx:
            commit = resolve_commit(tx, reference)
        check_good(commit)
        if self._versioning.file_sets.open(root_of(commit)).info(path) is None:
            raise NotFoundError(f"file {path} not found in {commit.commit}")
        return islice(self._impact(commit.commit.repo, clean(path), 0, set()), STEPS_MAX)

    def _impact(self, repo: RepoKey, path: str, depth: int, seen: set[tuple[RepoKey, str]]) -> Iterator[Step]:
        for reader in self._readers_of(repo):
            for record in self._records_of(reader, repo, path):
                for written in record.outputs:
                    if (reader.output.repo, written) in seen:
                        continue  # told where another way led to it
                    seen.add((reader.output.repo, written))
                    ran = self._ran_by(reader.job, record.job)
                    yield _step(depth, reader.output, written, reader.job, record, ran=ran)
                    yield from self._impact(reader.output.repo, written, depth + 1, seen)

    def _readers_of(self, repo: RepoKey) -> list["_Reader"]:
        """Return the newest good job of each pipeline that reads a repo."""
        if repo not in self._readers:
            with self._versioning.reading() as tx:
                rows = pipelines.list_pipelines(tx.connection)
                found = [self._reader(tx, row) for row in rows if _reads(row, repo)]
            self._readers[repo] = [reader for reader in found if reader is not None]
        return self._readers[repo]

    def _reader(self, tx: Transaction, row: PipelineRow) -> "_Reader | None":
        job = jobs.newest_good_job(tx.connection, row.key)
        version = None if job is None else pipelines.find_version(tx.connection, row.key, job.version)
        node = None if version is None else decode_spec(version.spec_json).input
        if job is None or node is None:
            return None
        output = commits.commit_by_key(tx.connection, job.output_commit)
        inputs = commits.provenance_of(tx.connection, output.key)
        matches = None
        if all(commit.forgotten_at is None for commit in inputs):
            matches = JobInputs(self._versioning, inputs, buckets=job.buckets)
        return _Reader(job, output.commit, node, matches)

    def _records_of(self, reader: "_Reader", repo: RepoKey, path: str) -> Iterator[DatumRecord]:
        """Yield the records of the datums that read the file: those that would differ if only this file did."""
        inputs = reader.inputs

        def touched(leaf: Leaf) -> Iterator[InputChange]:
            for place in _places(path) if inputs is not None and repo_of(leaf) == repo else ():
                match = inputs.place(leaf, place) if inputs is not None else None
                if match is not None:
                    yield InputChange(match, match)

        changes = enumerate_changes(reader.node, inputs, touched) if inputs is not None else None
        if changes is not None:
            ids = (datum_id(change.new) for change in changes if change.new is not None)
            while block := list(islice(ids, _DATUMS_AT_ONCE)):
                yield from self._records.find_many(reader.job.datums, block)
            return
        places = set(_places(path))
        for record in self._records.scan(reader.job.datums):
            if any(i.path in places and RepoKey(i.project, i.repo, i.repo_type) == repo for i in record.inputs):
                yield record


@dataclass(frozen=True, slots=True)
class _Reader:
    """A job that has read a repo, with what its inputs were."""

    job: JobRow
    output: CommitKey
    node: Input
    inputs: JobInputs | None
    """None where files of theirs were forgotten."""


def _reads(row: PipelineRow, repo: RepoKey) -> bool:
    node = decode_spec(row.spec_json).input
    return node is not None and any(repo_of(leaf) == repo for leaf in node.leaves())


def _good_job_at(tx: Transaction, commit: CommitRow) -> JobRow | None:
    current: CommitRow | None = commit
    while current is not None:
        job = jobs.job_of_output(tx.connection, current.key)
        if job is not None and job.state is JobState.SUCCESS:
            return job
        current = None if current.parent is None else commits.commit_by_key(tx.connection, current.parent)
    return None


def _step(depth: int, commit: CommitKey, path: str, job: JobRow, record: DatumRecord, *, ran: _Ran | None) -> Step:
    step = Step(depth, commit, path, job.project, job.pipeline, record.job, record.id, record.why)
    return step if ran is None else replace(step, version=ran.version, spec_commit=ran.spec_commit)


def _places(path: str) -> list[str]:
    """Return the paths by which a glob can have matched a file: its own, and the directories above it."""
    above = [f"{str(parent).rstrip('/')}/" for parent in PurePosixPath(path).parents]
    return list(dict.fromkeys([path, f"{path.rstrip('/')}/", *above]))
