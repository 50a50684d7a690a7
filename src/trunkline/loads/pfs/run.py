"""Runs load tests, and goes on with those that were cut off."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

from trunkline.errors import CorruptDataError, InvalidInputError, NotFoundError, UnavailableError
from trunkline.loads.pfs.files import LoadFile, Tally, Task, files_of, tally, tasks_of
from trunkline.loads.pfs.spec import LoadSpec, parse_load_spec
from trunkline.model.ids import new_id
from trunkline.model.jobs import CommitState
from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT, USER
from trunkline.model.versions import BranchKey, CommitReference, RepoKey
from trunkline.pfs.history.commits import clear_commit, finish_commit, start_commit
from trunkline.pfs.history.references import find_repo
from trunkline.pfs.history.walks import walk_commit_subvenance
from trunkline.pfs.queries import branches, commits, loads
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.repos import create_repo
from trunkline.pfs.temporary import create_file_set, find_file_set
from trunkline.pfs.transaction import Transaction
from trunkline.pfs.versioning import Versioning
from trunkline.telemetry import log

_TASKS_AT_ONCE = 32
_KEPT_MICROSECONDS = 30 * 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class LoadRun:
    """A load test, and how far it has come."""

    id: str
    spec: str
    seed: int
    project: str
    repo: str
    branch_name: str
    commits_done: int = 0
    hash: str = "0"
    """Of all files that the branch must hold after the commits that are done, with their number: see `Tally`."""
    files: int = 0
    commit: str = ""
    """The id of the commit that is being written."""

    @property
    def branch(self) -> BranchKey:
        """What it writes to."""
        return BranchKey(RepoKey(self.project, self.repo), self.branch_name)

    @property
    def expected(self) -> Tally:
        """Which files the branch must hold."""
        return Tally(int(self.hash, 16), self.files)


def begin(
    versioning: Versioning,
    spec: str,
    *,
    seed: int,
    branch: BranchKey | None = None,
    id: str = "",  # noqa: A002
) -> LoadRun:
    """Return a load test on a branch, or on one of a new repo. Raise InvalidInputError for a spec that is not sound.

    What the branch holds already must be there afterwards, too.
    """
    parse_load_spec(spec)
    id = id or new_id()  # noqa: A001 - the field's word
    key = branch or BranchKey(RepoKey(DEFAULT_PROJECT, f"load-test-{id[:8]}"), DEFAULT_BRANCH)
    run = LoadRun(id, spec, seed, key.repo.project, key.repo.name, key.name)
    with versioning.transaction() as tx:
        if branch is None:
            create_repo(tx, key.repo, description="made by a load test")
        found = branches.find_branch(tx.connection, find_repo(tx, key.repo).key, key.name)
        loads.delete_load_runs(tx.connection, older_than=tx.now - _KEPT_MICROSECONDS)
    if found is not None:
        run = _with(run, _tally_of(versioning, CommitReference(key.repo, branch=key.name)))
    with versioning.transaction() as tx:
        _keep(tx, run)
    return run


def resume(versioning: Versioning, id: str) -> LoadRun:  # noqa: A002
    """Return a load test that was begun before, or raise NotFoundError."""
    with versioning.reading() as tx:
        state = loads.find_load_run(tx.connection, id)
    if state is None:
        raise NotFoundError(f"load test {id} not found: it was never begun here, or a month ago")
    return LoadRun(**state)


def carry_out(versioning: Versioning, run: LoadRun, *, give_up: Callable[[], bool] = lambda: False) -> LoadRun:
    """Write and check the commits that are left; raise what goes wrong. `resume` goes on after the last good commit."""
    spec = parse_load_spec(run.spec)
    log("load").info("load test %s: %d commits on %s, seed %d", run.id, spec.count, run.branch, run.seed)
    while run.commits_done < spec.count:
        run = _write_commit(versioning, run, spec, give_up)
        if spec.validator is not None and run.commits_done % spec.validator.frequency.count == 0:
            _validate(versioning, run, give_up)
    return run


def _write_commit(versioning: Versioning, run: LoadRun, spec: LoadSpec, give_up: Callable[[], bool]) -> LoadRun:
    with versioning.transaction() as tx:
        commit = _open_commit(tx, run, spec)
        run = replace(run, commit=commit.commit.id)
        _keep(tx, run)
    target = CommitReference(run.branch.repo, id=commit.commit.id)

    def write(task: Task) -> Tally:
        with versioning.writes.short():
            return _write_files(versioning, target, files_of(spec, task, run.seed), give_up)

    tasks = tasks_of(spec, run.commits_done)
    with ThreadPoolExecutor(min(len(tasks), _TASKS_AT_ONCE)) as pool:
        written = sum(pool.map(write, tasks), run.expected)
    with versioning.transaction() as tx:
        finish_commit(tx, commits.commit_by_key(tx.connection, commit.key))
        run = _with(replace(run, commits_done=run.commits_done + 1), written)
        _keep(tx, run)
    return run


def _open_commit(tx: Transaction, run: LoadRun, spec: LoadSpec) -> CommitRow:
    """Return the commit to write: the one that was begun before, emptied, or a new one."""
    repo = find_repo(tx, run.branch.repo)
    begun = commits.find_commit(tx.connection, repo.key, run.commit) if run.commit else None
    if begun is not None and begun.finishing_at is None:
        clear_commit(tx, begun)
        return begun
    number = f"commit {run.commits_done + 1} of {spec.count}"
    return start_commit(tx, run.branch, description=f"load test {run.id}, {number}")


def _write_files(
    versioning: Versioning, target: CommitReference, files: Iterable[LoadFile], give_up: Callable[[], bool]
) -> Tally:
    """Write files to a file set and put that on the commit, as clients do that work in parallel."""
    writer = versioning.file_sets.edit()
    written = []
    try:
        for file in files:
            if give_up():
                raise UnavailableError("the load test was called off")
            writer.add(file.path, file.content())
            written.append((file.path, file.size_bytes))
        layer = writer.finish()
    except BaseException:
        writer.abort()
        raise
    with versioning.transaction() as tx:
        layers = find_file_set(tx, create_file_set(tx, [layer]))
    versioning.write_layer(target, versioning.file_sets.merge(layers))
    return tally(written)


def _validate(versioning: Versioning, run: LoadRun, give_up: Callable[[], bool]) -> None:
    """Raise unless the newest commit, and those of its set that are computed from it, hold just what was written."""
    newest = CommitReference(run.branch.repo, id=run.commit)
    row = versioning.wait(newest, CommitState.FINISHED, give_up=give_up)
    with versioning.reading() as tx:
        below = [
            each.commit
            for each in walk_commit_subvenance(tx, [row])
            if each.commit.id == row.commit.id and each.commit.repo.type == USER
        ]
    for key in (row.commit, *below):
        reference = CommitReference(key.repo, id=key.id)
        finished = versioning.wait(reference, CommitState.FINISHED, give_up=give_up)
        if finished.error:
            raise InvalidInputError(f"commit {key} finished with an error: {finished.error}")
        found = _tally_of(versioning, reference)
        if found != run.expected:
            raise CorruptDataError(
                f"commit {key} holds {found.files} files with hash {found.hash:064x}, and {run.expected.files} files "
                f"with hash {run.expected.hash:064x} were written"
            )


def _tally_of(versioning: Versioning, reference: CommitReference) -> Tally:
    _, files = versioning.open_files(reference)

    def sizes() -> Iterator[tuple[str, int]]:
        for row in files.files():
            yield row.path, row.size_bytes

    return tally(sizes())


def _with(run: LoadRun, expected: Tally) -> LoadRun:
    return replace(run, hash=f"{expected.hash:x}", files=expected.files)


def _keep(tx: Transaction, run: LoadRun) -> None:
    loads.replace_load_run(tx.connection, run.id, asdict(run), tx.now)
