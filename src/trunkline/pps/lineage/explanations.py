"""Why a job ran what it ran, and what a spec would run: how many datums for each cause, with examples."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from trunkline.model.datums import Datum
from trunkline.model.names import DEFAULT_BRANCH
from trunkline.model.pipelines import PFSInput, PipelineSpec
from trunkline.model.versions import CommitReference
from trunkline.pfs.queries import commits
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.datum_table import DatumRecord, DatumTables
from trunkline.pps.datums.identity import explain, plan
from trunkline.pps.datums.index import DatumIndex
from trunkline.pps.datums.job_inputs import JobInputs, repo_of
from trunkline.pps.datums.plan import JobPlan, LastGoodJob, known_datum, plan_by_changes, repeats
from trunkline.pps.datums.preview import preview_datums
from trunkline.pps.pipelines import Definition
from trunkline.pps.queries import jobs, pipelines
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.spec.defaults import REPROCESS_EVERY_JOB

_DATUMS_AT_ONCE = 8192


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
        """Count one datum, ``why`` as `trunkline.pps.datums.identity.explain` says it."""
        cause, _, detail = why.partition(": ")
        self.causes[cause] += 1
        if len(self.examples[cause]) < examples:
            self.examples[cause].append(detail or inputs())


class Explainer:
    """Explains jobs and specs."""

    def __init__(self, versioning: Versioning) -> None:
        self._versioning = versioning
        self._records = DatumTables(versioning.file_sets.tables)

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
        spec = definition.spec
        with self._versioning.reading() as tx:
            row = pipelines.find_pipeline(tx.connection, definition.project, definition.name)
            base = None if row is None else jobs.newest_good_job(tx.connection, row.key)
            salt = definition.salt_after(row)
            is_repeated = base is not None and repeats(tx, base, spec, salt=salt)
            inputs = commits.provenance_of(tx.connection, base.output_commit) if base is not None else []
        planned = self._plan_by_changes(LastGoodJob(base, inputs=tuple(inputs)), spec, salt) if is_repeated else None
        return self._explain(planned or self._plan_all(LastGoodJob(base), spec, salt), spec, examples)

    def _plan_by_changes(self, base: LastGoodJob, spec: PipelineSpec, salt: str) -> JobPlan | None:
        assert base.job is not None
        before = JobInputs(self._versioning, base.inputs, buckets=base.job.buckets)
        now = JobInputs(self._versioning, self._heads(spec), base=before)
        return plan_by_changes(self._records, base, spec, before, now, salt=salt)

    def _heads(self, spec: PipelineSpec) -> list[CommitRow]:
        """Return the commits that a job would read, with the files that they have now."""
        heads = []
        for leaf in spec.input.leaves() if spec.input is not None else ():
            branch = leaf.branch if isinstance(leaf, PFSInput) else DEFAULT_BRANCH
            commit, files = self._versioning.open_files(CommitReference(repo_of(leaf), branch=branch))
            assert commit is not None
            heads.append(replace(commit, root=files.root))
        return heads

    def _plan_all(self, base: LastGoodJob, spec: PipelineSpec, salt: str) -> JobPlan:
        datums = preview_datums(self._versioning, spec.input, salt=salt) if spec.input else ()
        known = self._records.index(base.job.datums) if base.job is not None else DatumIndex()
        planned = JobPlan(base, salt)
        plan(datums, known, planned, every_job=spec.reprocess_spec == REPROCESS_EVERY_JOB)
        return planned

    def _explain(self, planned: JobPlan, spec: PipelineSpec, examples: int) -> Explanation:
        every_job = spec.reprocess_spec == REPROCESS_EVERY_JOB
        to_run = len(planned.new_datums) + len(planned.changed_datums)
        found = Explanation(planned.total, to_run, planned.skipped_count, deleted=len(planned.deleted_ids))
        for datum in planned.new_datums:
            found.add(str(explain(datum, None)), partial(_inputs_text, datum), examples=examples)
        changed, job = iter(planned.changed_datums), planned.base.job
        while job is not None and (block := list(islice(changed, _DATUMS_AT_ONCE))):
            before = self._records.find_many(job.datums, [datum.id for datum in block])
            records = {record.id: known_datum(record) for record in before}
            for datum in block:
                why = str(explain(datum, records.get(datum.id), every_job=every_job))
                found.add(why, partial(_inputs_text, datum), examples=examples)
        return found


def _recorded_text(record: DatumRecord) -> str:
    return ", ".join(f"{each.name}:{each.path}" for each in record.inputs)


def _inputs_text(datum: Datum) -> str:
    return ", ".join(f"{each.source.name}:{each.path}" for each in datum.inputs)
