"""Spouts and services: level-triggered, as jobs are (reference, section 4.9).

Each look reads from the database which processes there should be, and starts and stops what differs. How a process is
doing is a row, so a server that starts anew goes on with the same waits; what ran was killed with the old one.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from trunkline.errors import NotFoundError
from trunkline.model.datums import Datum
from trunkline.model.jobs import PipelineState, PipelineType
from trunkline.model.names import DEFAULT_BRANCH
from trunkline.model.pipelines import CronInput, PipelineSpec, Transform
from trunkline.model.residents import SPOUT_JOB, Place, Resident, ResidentEnd
from trunkline.model.versions import BranchKey, RepoKey
from trunkline.pfs.history.commits import abandon_head, open_head
from trunkline.pfs.queries import branches, commits, repos
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning, now
from trunkline.pps.datums.enumeration import Leaf
from trunkline.pps.datums.job_inputs import repo_of
from trunkline.pps.logs.resident_logs import ResidentLogs
from trunkline.pps.queries import jobs, pipelines, residents
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.queries.residents import ResidentRow
from trunkline.pps.residents.ports import claimed_ports, closed_port_problem, places_of
from trunkline.pps.residents.residence import Residence
from trunkline.pps.residents.restarts import after_begin, after_end
from trunkline.pps.residents.serving import Serving, judge, note_start
from trunkline.pps.secrets import Secrets
from trunkline.pps.spec.decode import decode_spec
from trunkline.supervision import Supervisor

_THREAD = "spouts and services"
"""What the supervisor knows them as."""
_GONE_SECONDS_MAX = 30.0
_ABANDONED = "the process of the spout ended before it had finished the commit"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A process that there should be; or the reason why it cannot be."""

    resident: Resident
    row: PipelineRow
    spec: PipelineSpec
    problem: str = ""


class Residents:
    """Keeps the processes of spouts and services as the database says. It is the `ResidentListener` of them all."""

    def __init__(
        self,
        versioning: Versioning,
        residence: Residence,
        logs: ResidentLogs,
        *,
        secrets: Secrets,
        supervisor: Supervisor,
    ) -> None:
        self._supervisor = supervisor
        self._versioning = versioning
        self._residence = residence
        self._logs = logs
        self._secrets = secrets
        self._serving = Serving(versioning)
        self._lives: dict[Place, Resident] = {}
        self._next_starts: list[int] = []
        self._closing = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Take over from a server that was: of what its rows say to run, nothing does."""
        with self._versioning.transaction() as tx:
            residents.end_running(tx.connection)

    def close(self) -> None:
        """End all processes; they start again with the next server."""
        self._closing = True
        self._residence.close()

    def next_starts(self) -> Sequence[int]:
        """Return when processes that wait are to be started, in microseconds since 1970."""
        return self._next_starts

    def wait_until_gone(self, pipeline: int) -> None:
        """Return when no process is left of a pipeline that was stopped or removed; at the latest after a while."""
        self._versioning.db.changes.poll(
            lambda: None if self._alive(pipeline) else True, give_up=lambda: self._closing, seconds=_GONE_SECONDS_MAX
        )

    def _alive(self, pipeline: int) -> bool:
        with self._lock:
            return any(place.pipeline == pipeline for place in self._lives)

    def look(self) -> None:
        """Start and stop what has to be."""
        if self._closing:
            return
        wanted, unknown = self._wanted()
        with self._lock:
            lives = dict(self._lives)
        for place, resident in lives.items():
            # What cannot be told of a pipeline ends nothing of it that runs.
            if place.pipeline not in unknown and (place not in wanted or wanted[place].resident.life != resident.life):
                self._residence.stop(place)
        ports, problems = claimed_ports((place, str(each.row), each.spec) for place, each in wanted.items())
        closed = self._residence.forward(ports)
        next_starts: list[int] = []
        for place, each in wanted.items():
            if place not in lives:
                problem = each.problem or problems.get(place, "") or closed_port_problem(each.spec, closed)
                bring_up = partial(self._bring_up, each, problem, next_starts)
                self._supervisor.attempt(_THREAD, _start_item(each), bring_up)
        self._serving.forget_ended()
        self._next_starts = next_starts

    def _bring_up(self, wanted: _Wanted, problem: str, next_starts: list[int]) -> None:
        """Start a process, or note when it is to be started."""
        place = wanted.resident.place
        if wanted.row.type is PipelineType.SPOUT and not self._alive(place.pipeline):
            self._close_abandoned(wanted)
        row = self._row(place)
        if row.next_start_at > now():
            next_starts.append(row.next_start_at)
        else:
            self._start(wanted, problem)

    # Which processes there should be

    def _wanted(self) -> tuple[dict[Place, _Wanted], set[int]]:
        """Return the processes, and the pipelines of which it cannot be told: each of them is a trouble of its own."""
        with self._versioning.reading() as tx:
            rows = pipelines.resident_pipelines(tx.connection)
        wanted: dict[Place, _Wanted] = {}
        unknown: set[int] = set()
        for row in rows:
            found = self._supervisor.attempt(_THREAD, str(row), partial(self._wanted_of, row))
            if found is None:
                unknown.add(row.key)
            else:
                wanted.update((each.resident.place, each) for each in found)
        self._supervisor.keep_only(_THREAD, {*map(str, rows), *map(_start_item, wanted.values())})
        return wanted, unknown

    def _wanted_of(self, row: PipelineRow) -> list[_Wanted]:
        spec = decode_spec(row.spec_json)
        if row.type is PipelineType.SPOUT:
            return list(self._wanted_of_spout(row, spec))
        found = self._serving.served(row, spec)
        if found is None:
            return []
        job, datum = found
        return [_Wanted(_resident(row, spec, number=0, life=f"job {job.key}", job=job.id, datum=datum), row, spec)]

    def _wanted_of_spout(self, row: PipelineRow, spec: PipelineSpec) -> Iterable[_Wanted]:
        datum, life, problem = None, f"version {row.version}", ""
        if spec.input is not None:
            inputs = self._heads(spec)
            if inputs is None:
                return
            verdict = judge(self._versioning, spec, inputs, salt=row.salt)
            datum, problem = verdict.datum, verdict.problem
            if datum is None and not problem:
                return
            life += " of " + " ".join(sorted(str(commit.key) for commit in inputs))
        for number in range(places_of(spec)):
            yield _Wanted(
                _resident(row, spec, number=number, life=life, job=SPOUT_JOB, datum=datum), row, spec, problem
            )

    def _heads(self, spec: PipelineSpec) -> list[CommitRow] | None:
        """Return the newest finished commits of what a spout reads; None where there is none yet."""
        assert spec.input is not None
        with self._versioning.reading() as tx:
            found = [_finished_head(tx, leaf) for leaf in spec.input.leaves()]
        heads = [commit for commit in found if commit is not None]
        return heads if len(heads) == len(found) else None

    # Starting, and what becomes of it

    def _start(self, wanted: _Wanted, problem: str) -> None:
        resident = wanted.resident
        if not problem:
            try:
                secrets = self._secrets.mounted(resident.transform.secrets)
            except NotFoundError as error:
                problem = str(error)
            else:
                resident = replace(resident, secrets=secrets)
        if problem:
            self._note_end(resident, ResidentEnd(problem, failed=True, began=False))
            return
        with self._lock:
            self._lives[resident.place] = resident
        # Whoever stops the pipeline from now on waits for this life; who did so before must not find it afterwards.
        if self._is_current(wanted.row):
            self._residence.start(resident, self)
        else:
            with self._lock:
                del self._lives[resident.place]

    def _is_current(self, row: PipelineRow) -> bool:
        with self._versioning.reading() as tx:
            return (row.key, row.version) in pipelines.running_versions(tx.connection)

    def _close_abandoned(self, wanted: _Wanted) -> None:
        """Close the commit that a spout's last process left open: the next one could begin none."""
        branch = BranchKey(RepoKey(wanted.row.project, wanted.row.name), wanted.spec.output_branch)
        try:
            with self._versioning.reading() as tx:
                is_open = open_head(tx, branch) is not None
            if is_open:
                with self._versioning.transaction() as tx:
                    abandon_head(tx, branch, _ABANDONED)
        except NotFoundError:
            return  # deleted meanwhile

    def began(self, resident: Resident) -> None:
        """Note that a command has been started."""
        with self._versioning.transaction() as tx:
            if not residents.has_pipeline(tx.connection, resident.place.pipeline):
                return
            row = _row(tx, resident.place)
            residents.keep_resident(tx.connection, after_begin(row, tx.now))
            job = _job_of(tx, resident)
            if job is not None and not job.state.is_terminal:
                note_start(tx, job)
        self._logs.note(resident, f"process {resident.place.number} started")

    def printed(self, resident: Resident, records: Sequence[str]) -> None:
        """Keep what a command printed."""
        self._logs.add(resident.place.pipeline, records)

    def gone(self, resident: Resident, end: ResidentEnd | None) -> None:
        """Note how a process ended, and have it looked at what comes next."""
        try:
            if end is not None:
                self._note_end(resident, end)
            elif not self._closing:
                with self._versioning.transaction() as tx:
                    residents.delete_resident(tx.connection, resident.place.pipeline, resident.place.number)
        finally:  # whatever the database says: the place is free
            with self._lock:
                del self._lives[resident.place]
        # For the loop, and for those who wait until nothing is left.
        self._versioning.work.announce()
        self._versioning.db.changes.announce()

    def _note_end(self, resident: Resident, end: ResidentEnd) -> None:
        with self._versioning.transaction() as tx:
            if not residents.has_pipeline(tx.connection, resident.place.pipeline):
                return
            row = after_end(_row(tx, resident.place), end, tx.now)
            residents.keep_resident(tx.connection, row)
            tx.makes_work = True
            wait = (row.next_start_at - tx.now) / 1_000_000
        self._logs.note(resident, f"process {row.number} ended: {end.reason}; it starts again in {wait:.2g} s")

    def _row(self, place: Place) -> ResidentRow:
        with self._versioning.reading() as tx:
            return _row(tx, place)


def _start_item(wanted: _Wanted) -> str:
    return f"process {wanted.resident.place.number} of {wanted.row}"


def _row(tx: Transaction, place: Place) -> ResidentRow:
    found = [row for row in residents.residents_of(tx.connection, place.pipeline) if row.number == place.number]
    return found[0] if found else ResidentRow(place.pipeline, place.number, PipelineState.STARTING)


def _job_of(tx: Transaction, resident: Resident) -> JobRow | None:
    return jobs.find_job(tx.connection, resident.place.pipeline, resident.job)


def _resident(
    row: PipelineRow, spec: PipelineSpec, *, number: int, life: str, job: str, datum: Datum | None
) -> Resident:
    env = {"PACH_JOB_ID": job, "PPS_SPEC_COMMIT": row.spec_commit}
    if row.type is PipelineType.SERVICE:
        env["PACH_OUTPUT_COMMIT_ID"] = job
    return Resident(
        place=Place(row.key, number),
        life=life,
        project=row.project,
        pipeline=row.name,
        transform=spec.transform or Transform(),
        job=job,
        datum=datum,
        job_env=env,
        internal_port=spec.served.internal_port if spec.served is not None else 0,
    )


def _finished_head(tx: Transaction, leaf: Leaf) -> CommitRow | None:
    repo = repos.find_repo(tx.connection, repo_of(leaf))
    name = DEFAULT_BRANCH if isinstance(leaf, CronInput) else leaf.branch
    branch = branches.find_branch(tx.connection, repo.key, name) if repo is not None else None
    key = branch.head if branch is not None else None
    while key is not None:
        commit = commits.commit_by_key(tx.connection, key)
        if commit.finished_at is not None and not commit.error:
            return commit
        key = commit.parent
    return None
