"""Jobs: how they come to be, are found, and end early (reference, sections 4.6 and 4.7)."""

from collections.abc import Iterable, Mapping, Sequence

from trunkline.errors import NotFoundError
from trunkline.model.jobs import JOB_MOVES, JobState
from trunkline.model.names import META, USER
from trunkline.model.pipelines import PipelineSpec
from trunkline.model.versions import RepoKey
from trunkline.pfs.history.commits import finish_commit
from trunkline.pfs.queries import commits, repos
from trunkline.pfs.queries.commits import CommitRow
from trunkline.pfs.transaction import Transaction
from trunkline.pps.inputs.wiring import join_again
from trunkline.pps.queries import jobs, pipelines, residents
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.spec.decode import decode_spec

TIMED_OUT = "jobtimed out"
"""The reason of a job whose time was up, in the words of the field."""


class JobMaker:
    """Makes one job for each commit that is opened on the output branch of a pipeline; a `pfs` listener."""

    def branches_made(self, tx: Transaction, keys: Iterable[int]) -> None:
        """Join the pipelines that read such branches to them, where they are not: the input was gone."""
        join_again(tx, keys)

    def commits_opened(self, tx: Transaction, opened: Sequence[CommitRow]) -> None:
        """Add the jobs, in the transaction that opened the commits."""
        for commit in opened:
            repo = commit.commit.repo
            if repo.type != USER:
                continue
            pipeline = pipelines.find_pipeline(tx.connection, repo.project, repo.name)
            if pipeline is not None and decode_spec(pipeline.spec_json).output_branch == commit.branch_name:
                self._add(tx, pipeline, commit)

    def _add(self, tx: Transaction, pipeline: PipelineRow, commit: CommitRow) -> None:
        meta_repo = repos.find_repo(tx.connection, RepoKey(pipeline.project, pipeline.name, META))
        meta = None if meta_repo is None else commits.find_commit(tx.connection, meta_repo.key, commit.commit.id)
        jobs.insert_job(
            tx.connection,
            pipeline=pipeline.key,
            id=commit.commit.id,
            version=pipeline.version,
            output_commit=commit.key,
            meta_commit=None if meta is None else meta.key,
            created_at=tx.now,
        )

    def commit_finished(self, tx: Transaction, commit: CommitRow) -> None:
        """End the job that wrote the commit, if it was waiting for that."""
        job = jobs.job_of_output(tx.connection, commit.key)
        if job is not None and job.state is JobState.FINISHING:
            state = JobState.FAILURE if commit.error else JobState.SUCCESS
            move_job(tx, job, state, reason=commit.error)

    def commit_forgotten(self, tx: Transaction, commit: CommitRow) -> None:
        """Forget what the datums of the job wrote, too."""
        job = jobs.job_of_output(tx.connection, commit.key)
        if job is not None:
            jobs.forget_layers(tx.connection, job.key)

    def commits_deleted(self, tx: Transaction, deleted: Sequence[CommitRow]) -> None:
        """Remove the jobs whose output goes."""
        for commit in deleted:
            job = jobs.job_of_output(tx.connection, commit.key)
            if job is not None:
                jobs.delete_jobs(tx.connection, [job.key])

    def used_objects(self, tx: Transaction) -> tuple[list[str], list[str]]:
        """Return the tables of datums and layers of jobs, and the logs of jobs and of residents."""
        logs = [*jobs.used_logs(tx.connection), *residents.used_logs(tx.connection)]
        return jobs.used_roots(tx.connection), logs

    def objects_replaced(self, tx: Transaction, new: Mapping[str, str]) -> None:
        """Point at the layers by their new roots."""
        jobs.replace_layers(tx.connection, new)


def find_job(tx: Transaction, project: str, pipeline: str, id: str) -> JobRow:  # noqa: A002 - the field's word
    """Return the job, or raise NotFoundError."""
    row = pipelines.find_pipeline(tx.connection, project, pipeline)
    if row is None:
        raise NotFoundError(f'job {project}/{pipeline}@{id} not found: pipeline "{project}/{pipeline}" not found')
    job = jobs.find_job(tx.connection, row.key, id)
    if job is None:
        raise NotFoundError(f"jobs {project}/{pipeline}@{id} not found")
    return job


def move_job(tx: Transaction, job: JobRow, state: JobState, **values: object) -> bool:
    """Move a job to another state; return False, and change nothing, if it has ended meanwhile."""
    current = jobs.job_by_key(tx.connection, job.key)
    if current is None or current.state.is_terminal:
        return False
    assert state in JOB_MOVES[current.state], f"{current.state.name} to {state.name}"
    if state.is_terminal:
        values["finished_at"] = tx.now
        tx.makes_work = True
    return jobs.update_job(tx.connection, job.key, state=int(state), **values)


def kill_job(tx: Transaction, job: JobRow, reason: str) -> None:
    """End a job that runs or waits, and close its commits with that reason."""
    if move_job(tx, job, JobState.KILLED, reason=reason):
        close_commits(tx, job, error=reason)


def close_commits(tx: Transaction, job: JobRow, *, error: str = "") -> None:
    """Close a job's output and meta commits. With an error, nothing that the job made becomes visible."""
    for commit in commits.commits_by_key(tx.connection, _commit_keys(job)):
        if commit.finishing_at is not None:
            continue
        if commit.commit.repo.type == META:
            # It holds no files of its own, so it can be finished at once.
            values = {"finishing_at": tx.now, "finished_at": tx.now, "root": "", "error": error}
            commits.update_commit(tx.connection, commit.key, **values)
            continue
        if error:
            commits.delete_layers(tx.connection, commit.key)
        finish_commit(tx, commit, error=error, force=True)


def _commit_keys(job: JobRow) -> list[int]:
    return [key for key in (job.output_commit, job.meta_commit) if key is not None]


def stop_job(tx: Transaction, job: JobRow, reason: str) -> None:
    """End a job on request. One that has ended by itself in the meantime stays as it is."""
    kill_job(tx, job, reason or "job stopped")


def delete_job(tx: Transaction, job: JobRow) -> None:
    """Remove a job's record; its commits stay, closed."""
    kill_job(tx, job, "job deleted")
    jobs.delete_jobs(tx.connection, [job.key])


def unrunnable_reason(spec: PipelineSpec, failed_repos: Iterable[tuple[str, str]]) -> str:
    """Return why a job cannot run, by the names of the inputs whose repos (project, name) failed; empty when it can."""
    failed = set(failed_repos)
    leaves = spec.input.leaves() if spec.input is not None else ()
    names = sorted({leaf.name for leaf in leaves if (leaf.project, leaf.repo) in failed})
    return f"unrunnable because the following upstream pipelines failed: {', '.join(names)}" if names else ""
