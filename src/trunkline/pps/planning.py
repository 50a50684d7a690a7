"""What a job has to do: its datums against those of the last good job, at the cost of the change where that can be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trunkline.errors import NotFoundError
from trunkline.model.datums import Datum, DatumInput, InputSource
from trunkline.model.globs import compile_glob
from trunkline.model.jobs import JobState
from trunkline.model.names import DEFAULT_BRANCH
from trunkline.model.pipelines import CronInput, PFSInput, PipelineSpec
from trunkline.model.versions import RepoKey
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums import BaseDatum, BaseInput, make_datums, plan, plan_changes
from trunkline.pps.inputs import InputChange, Leaf, datum_input, enumerate_changes, enumerate_datums, leaf_glob
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.records import DatumRecord, DatumRecords
from trunkline.pps.spec.decode import decode_spec


@dataclass(frozen=True, slots=True)
class Base:
    """What a job builds on: the last good job before it, or nothing."""

    job: JobRow | None = None
    root: str = ""
    """The file set of that job's output commit."""
    inputs: tuple[CommitRow, ...] = ()


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What a job does. Datums that are neither run nor deleted are skipped, and only counted."""

    base: Base
    to_process: list[Datum]
    total: int
    skipped: int
    changed: list[str] = field(default_factory=list)
    """Ids of datums that run anew: what they wrote in the base goes."""
    deleted: list[str] = field(default_factory=list)
    """Ids of datums that the base has and this job has not."""


class Planner:
    """Plans one job."""

    def __init__(self, versioning: Versioning, records: DatumRecords, pipeline: PipelineRow, output: CommitRow) -> None:
        self._versioning = versioning
        self._records = records
        self._pipeline = pipeline
        self._spec: PipelineSpec = decode_spec(pipeline.spec_json)
        self._output = output
        with versioning.reading() as tx:
            self._inputs = tuple(commits.provenance_of(tx.connection, output.key))

    def plan(self) -> JobPlan:
        """Return what the job has to do."""
        with self._versioning.reading() as tx:
            base = self._find_base(tx)
            counts_changes = self._builds_exactly_on(tx, base)
        if counts_changes:
            planned = self._plan_changes(base)
            if planned is not None:
                return planned
        return self._plan_all(base)

    def record_in(self, base: Base, datum_id: str) -> DatumRecord | None:
        """Return what the base knows of a datum."""
        return self._records.find(base.job.datums, datum_id) if base.job is not None else None

    def _find_base(self, tx: Transaction) -> Base:
        parent = self._output.parent
        while parent is not None:
            commit = commits.commit_by_key(tx.connection, parent)
            job = jobs.job_of_output(tx.connection, commit.key)
            if job is not None and job.state is JobState.SUCCESS and not commit.error:
                if commit.forgotten_at is not None:  # what its datums wrote is gone, so all of them run again
                    break
                return Base(job, commit.root or "", tuple(commits.provenance_of(tx.connection, commit.key)))
            parent = commit.parent
        return Base()

    def _builds_exactly_on(self, tx: Transaction, base: Base) -> bool:
        """Whether the base ran the same inputs under the same salt, with nothing left to do again."""
        if base.job is None or base.job.data_recovered or self._every_job or self._spec.input is None:
            return False
        if any(commit.forgotten_at is not None for commit in base.inputs):
            return False
        version = pipelines.find_version(tx.connection, base.job.pipeline_key, base.job.version)
        return (
            version is not None
            and version.salt == self._pipeline.salt
            and decode_spec(version.spec_json).input == self._spec.input
        )

    @property
    def _every_job(self) -> bool:
        return self._spec.reprocess_spec == "every_job"

    def _plan_changes(self, base: Base) -> JobPlan | None:
        assert self._spec.input is not None
        assert base.job is not None
        changes = enumerate_changes(
            self._spec.input, lambda leaf: self._matches(leaf, self._inputs), lambda leaf: self._changes(leaf, base)
        )
        if changes is None:
            return None
        planned = plan_changes(changes, _RecordedDatums(self._records, base.job.datums), salt=self._pipeline.salt)
        kept = self._records.count(base.job.datums) - len(planned.changed) - len(planned.deleted)
        return JobPlan(
            base=base,
            to_process=planned.to_process,
            total=kept + len(planned.to_process),
            skipped=kept,
            changed=[datum.id for datum in planned.changed],
            deleted=[datum.id for datum in planned.deleted],
        )

    def _plan_all(self, base: Base) -> JobPlan:
        known = self._records.base(base.job.datums) if base.job is not None else {}
        planned = plan(self._datums(), known, every_job=self._every_job)
        return JobPlan(
            base=base,
            to_process=planned.to_process,
            total=planned.total,
            skipped=len(planned.skipped),
            changed=[datum.id for datum in planned.changed],
            deleted=[datum.id for datum in planned.deleted],
        )

    def _datums(self) -> Iterator[Datum]:
        return datums_of(self._versioning, self._spec, self._inputs, salt=self._pipeline.salt)

    def _matches(self, leaf: Leaf, inputs: Iterable[CommitRow]) -> Iterator[DatumInput]:
        return _matches(self._versioning, leaf, inputs)

    def _changes(self, leaf: Leaf, base: Base) -> Iterator[InputChange]:
        new, old = (_source_of(self._versioning, leaf, inputs) for inputs in (self._inputs, base.inputs))
        if new.root == old.root:
            return
        glob = compile_glob(leaf_glob(leaf))
        opened = self._versioning.file_sets.open
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


def datums_of(versioning: Versioning, spec: PipelineSpec, inputs: Sequence[CommitRow], *, salt: str) -> Iterator[Datum]:
    """Yield the datums that a spec makes of finished commits, one for each repo that it reads."""
    if spec.input is None:
        return iter(())
    tuples = enumerate_datums(spec.input, lambda leaf: _matches(versioning, leaf, inputs))
    return make_datums(tuples, salt=salt)


def _matches(versioning: Versioning, leaf: Leaf, inputs: Iterable[CommitRow]) -> Iterator[DatumInput]:
    source = _source_of(versioning, leaf, inputs)
    files = versioning.file_sets.open(source.root)
    for info, match in files.glob_matches(leaf_glob(leaf)):
        yield datum_input(source, info.path, info.hash, info.size_bytes, match=match, leaf=leaf)


def _source_of(versioning: Versioning, leaf: Leaf, inputs: Iterable[CommitRow]) -> InputSource:
    commit = _commit_of(leaf, inputs)
    return source_of(leaf, replace(commit, root=versioning.root_of(commit)))


def failed_repos(inputs: Iterable[CommitRow]) -> list[tuple[str, str]]:
    """Return project and name of the repos whose commits ended with an error."""
    return [(each.commit.repo.project, each.commit.repo.name) for each in inputs if each.error]


class _RecordedDatums(Mapping[str, BaseDatum]):
    """The datums of a table of records, each looked up when it is asked for."""

    def __init__(self, records: DatumRecords, root: str) -> None:
        self._records = records
        self._root = root

    def __getitem__(self, datum_id: str) -> BaseDatum:
        record = self._records.find(self._root, datum_id)
        if record is None:
            raise KeyError(datum_id)
        return base_datum(record)

    def __iter__(self) -> Iterator[str]:
        return (record.id for record in self._records.scan(self._root))

    def __len__(self) -> int:
        return self._records.count(self._root)


def base_datum(record: DatumRecord) -> BaseDatum:
    """Return what planning and explaining need of a record."""
    inputs = tuple(BaseInput(each.name, each.path, bytes.fromhex(each.hash)) for each in record.inputs)
    return BaseDatum(record.id, record.hash, record.state, inputs)


def repo_of(leaf: Leaf) -> RepoKey:
    """Return the repo that a leaf reads."""
    return (
        RepoKey(leaf.project, leaf.repo, leaf.repo_type)
        if isinstance(leaf, PFSInput)
        else RepoKey(leaf.project, leaf.repo)
    )


def _commit_of(leaf: Leaf, inputs: Iterable[CommitRow]) -> CommitRow:
    for commit in inputs:
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
