"""Why things are as they are, from the records of jobs: an output file's tag is the id of the datum that wrote it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

from trunkline.errors import NotFoundError
from trunkline.model.datums import Datum
from trunkline.model.jobs import JobState
from trunkline.model.paths import clean
from trunkline.model.pipelines import Input
from trunkline.model.versions import CommitKey, CommitReference, RepoKey
from trunkline.pfs.commits import root_of
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.references import resolve_commit
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datum_index import DatumIndex
from trunkline.pps.datums import datum_id, explain, plan
from trunkline.pps.input_changes import InputChange, enumerate_changes
from trunkline.pps.inputs import Leaf
from trunkline.pps.job_inputs import JobInputs, repo_of
from trunkline.pps.pipelines import Definition
from trunkline.pps.planning import Base, JobPlan, base_datum
from trunkline.pps.preview import preview_datums
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.records import DatumRecord, DatumRecords
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.defaults import REPROCESS_EVERY_JOB
from trunkline.storage.fileset import FileSet

STEPS_MAX = 10_000
_DATUMS_AT_ONCE = 8192
_FILES_OF_DIRECTORY_MAX = 100


@dataclass(slots=True)
class Explanation:
    """How many datums run, and why: examples for each cause."""

    total: int
    to_run: int
    skipped: int
    deleted: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, why: str, inputs: Callable[[], str], *, examples: int) -> None:
        """Count one datum, ``why`` as `trunkline.pps.datums.explain` says it."""
        cause, _, detail = why.partition(": ")
        self.causes[cause] += 1
        if len(self.examples[cause]) < examples:
            self.examples[cause].append(detail or inputs())


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


class Lineage:
    """Answers from the records of finished jobs."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._records = DatumRecords(versioning.file_sets.tables)

    def explain_job(self, job: JobRow, *, examples: int) -> Explanation:
        """Return why the datums of a job ran, as far as it has come."""
        with self._versioning.reading() as tx:
            roots = [row.datums for row in jobs.datum_sets_of(tx.connection, job.key)]
        found = Explanation(job.data_total, job.data_total - job.data_skipped, job.data_skipped)
        for record in self._records.scan_many(roots):
            found.add(record.why, partial(_recorded_text, record), examples=examples)
        return found

    def plan_spec(self, definition: Definition, *, examples: int) -> Explanation:
        """Return what a job of this definition would run on its inputs as they are; nothing is created."""
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx.connection, definition.project, definition.name)
            base = None if row is None else jobs.newest_good_job(tx.connection, row.key)
        salt = row.salt if row is not None and not definition.reprocess else definition.spec.salt or "new"
        datums = preview_datums(self._versioning, definition.spec.input, salt=salt) if definition.spec.input else ()
        known = self._records.index(base.datums) if base is not None else DatumIndex()
        every_job = definition.spec.reprocess_spec == REPROCESS_EVERY_JOB
        planned = JobPlan(Base(base), salt)
        plan(datums, known, planned, every_job=every_job)
        to_run = len(planned.new_datums) + len(planned.changed_datums)
        found = Explanation(planned.total, to_run, planned.skipped_count, deleted=len(planned.deleted_ids))
        for datum in planned.new_datums:
            found.add(str(explain(datum, None)), partial(_inputs_text, datum), examples=examples)
        changed = iter(planned.changed_datums)
        while block := list(islice(changed, _DATUMS_AT_ONCE)):
            before = self._records.find_many(base.datums if base is not None else "", [datum.id for datum in block])
            records = {record.id: base_datum(record) for record in before}
            for datum in block:
                why = str(explain(datum, records.get(datum.id), every_job=every_job))
                found.add(why, partial(_inputs_text, datum), examples=examples)
        return found

    # What a file was made from

    def why(self, reference: CommitReference, path: str) -> Iterator[Step]:
        """Yield the file and what it was made from, depth first, down to files that people wrote."""
        with self._versioning.reading() as tx:
            commit = resolve_commit(tx, reference)
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
        yield _step(depth, commit.commit, row.path, job, record)
        if (commit.key, row.path) in seen:
            return
        seen.add((commit.key, row.path))
        for each in record.inputs:
            repo = RepoKey(each.project, each.repo, each.repo_type)
            upstream = self._find_commit(repo, each.commit)
            if upstream is None or upstream.forgotten_at is not None:
                yield Step(depth + 1, CommitKey(repo, each.commit), each.path)
            else:
                yield from self._why(upstream, each.path, depth + 1, seen)

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

    def _find_commit(self, repo: RepoKey, id: str) -> CommitRow | None:  # noqa: A002 - the field's word
        with self._versioning.reading() as tx:
            try:
                return resolve_commit(tx, CommitReference(repo, id=id))
            except NotFoundError:
                return None

    def _job_behind(self, commit: CommitRow) -> JobRow | None:
        """Return the job whose records account for the files of a commit: its own, or the last good one before."""
        with self._versioning.reading() as tx:
            current: CommitRow | None = commit
            while current is not None:
                job = jobs.job_of_output(tx.connection, current.key)
                if job is not None and job.state is JobState.SUCCESS:
                    return job
                current = None if current.parent is None else commits.commit_by_key(tx.connection, current.parent)
        return None

    # What has been made from a file

    def impact(self, reference: CommitReference, path: str) -> Iterator[Step]:
        """Yield what the newest good job of each pipeline downstream has made from a file, depth first."""
        with self._versioning.reading() as tx:
            commit = resolve_commit(tx, reference)
        if self._versioning.file_sets.open(root_of(commit)).info(path) is None:
            raise NotFoundError(f"file {path} not found in {commit.commit}")
        return islice(self._impact(commit.commit.repo, clean(path), 0, set()), STEPS_MAX)

    def _impact(self, repo: RepoKey, path: str, depth: int, seen: set[tuple[RepoKey, str]]) -> Iterator[Step]:
        for reader in self._readers(repo):
            for record in self._records_of(reader, repo, path):
                for written in record.outputs:
                    yield _step(depth, reader.output, written, reader.job, record)
                    if (reader.output.repo, written) not in seen:
                        seen.add((reader.output.repo, written))
                        yield from self._impact(reader.output.repo, written, depth + 1, seen)

    def _readers(self, repo: RepoKey) -> list["_Reader"]:
        """Return the newest good job of each pipeline that reads a repo."""
        found = []
        with self._versioning.reading() as tx:
            for row in pipelines.list_pipelines(tx.connection):
                node = decode_spec(row.spec_json).input
                if node is None or all(repo_of(leaf) != repo for leaf in node.leaves()):
                    continue
                job = jobs.newest_good_job(tx.connection, row.key)
                version = None if job is None else pipelines.find_version(tx.connection, row.key, job.version)
                node = None if version is None else decode_spec(version.spec_json).input
                if job is None or node is None:
                    continue
                output = commits.commit_by_key(tx.connection, job.output_commit)
                inputs = commits.provenance_of(tx.connection, output.key)
                matches = JobInputs(self._versioning.file_sets, inputs, buckets=job.buckets)
                found.append(_Reader(job, output.commit, node, matches))
        return found

    def _records_of(self, reader: "_Reader", repo: RepoKey, path: str) -> Iterator[DatumRecord]:
        """Yield the records of the datums that read the file: those that would differ if only this file did."""

        def touched(leaf: Leaf) -> Iterator[InputChange]:
            if repo_of(leaf) == repo:
                for place in _places(path):
                    match = reader.inputs.place(leaf, place)
                    if match is not None:
                        yield InputChange(match, match)

        changes = enumerate_changes(reader.node, reader.inputs, touched)
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
    inputs: JobInputs


def _step(depth: int, commit: CommitKey, path: str, job: JobRow, record: DatumRecord) -> Step:
    return Step(depth, commit, path, job.project, job.pipeline, record.job, record.id, record.why)


def _recorded_text(record: DatumRecord) -> str:
    return ", ".join(f"{each.name}:{each.path}" for each in record.inputs)


def _inputs_text(datum: Datum) -> str:
    return ", ".join(f"{each.source.name}:{each.path}" for each in datum.inputs)


def _places(path: str) -> list[str]:
    """Return the paths by which a glob can have matched a file: its own, and the directories above it."""
    above = [f"{str(parent).rstrip('/')}/" for parent in PurePosixPath(path).parents]
    return list(dict.fromkeys([path, f"{path.rstrip('/')}/", *above]))
