"""Between wire messages and values: pipelines, jobs, datums, log lines."""

from typing import Any, cast

from google.protobuf.duration_pb2 import Duration

from trunkline.api.wire import job_places
from trunkline.api.wire import pfs as wire
from trunkline.api.wire.definitions import shown_spec
from trunkline.errors import InvalidInputError
from trunkline.model.datums import AtWork, Datum, DatumInput, DatumState
from trunkline.model.jobs import JobState, PipelineState
from trunkline.model.names import DEFAULT_PROJECT, META, SPEC
from trunkline.model.versions import CommitKey, RepoKey
from trunkline.pps.datums.datum_table import DatumRecord, InputRecord
from trunkline.pps.jobs.meta import files_path
from trunkline.pps.jobs.resources import workers_wanted
from trunkline.pps.logs.lines import LogLine
from trunkline.pps.queries.jobs import JobRow
from trunkline.pps.queries.pipelines import PipelineRow
from trunkline.pps.residents.ports import places_of
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.status.condition import Condition
from trunkline.proto import pfs_pb2, pps_pb2

_DATUM_STATES = {
    DatumState.SUCCESS: pps_pb2.DatumState.SUCCESS,
    DatumState.FAILED: pps_pb2.DatumState.FAILED,
    DatumState.RECOVERED: pps_pb2.DatumState.RECOVERED,
    DatumState.SKIPPED: pps_pb2.DatumState.SKIPPED,
}


def read_pipeline(message: pps_pb2.Pipeline) -> tuple[str, str]:
    """Return (project, name) of a pipeline message."""
    if not message.name:
        raise InvalidInputError("pipeline name cannot be empty: name a pipeline")
    return message.project.name or DEFAULT_PROJECT, message.name


def read_job(message: pps_pb2.Job) -> tuple[str, str, str]:
    """Return (project, pipeline, id) of a job message."""
    if not message.id:
        raise InvalidInputError("job id cannot be empty: name a job as pipeline@id")
    return *read_pipeline(message.pipeline), message.id


def pipeline(project: str, name: str) -> pps_pb2.Pipeline:
    """Return the wire form."""
    return pps_pb2.Pipeline(project=pfs_pb2.Project(name=project), name=name)


def duration(seconds: float) -> Duration:
    """Return the wire form."""
    return Duration(seconds=int(seconds), nanos=int((seconds - int(seconds)) * 1_000_000_000))


def spec_message(row: PipelineRow) -> pps_pb2.CreatePipelineRequest:
    """Return the spec that jobs of this version run by."""
    return shown_spec(row.spec_json, str(row))


def pipeline_info(row: PipelineRow, *, condition: Condition, capacity: int, details: bool) -> pps_pb2.PipelineInfo:
    """Return the wire form. Capacity is how many workers the engine has."""
    spec_repo = RepoKey(row.project, row.name, SPEC)
    decoded = decode_spec(row.spec_json)
    info = pps_pb2.PipelineInfo(
        pipeline=pipeline(row.project, row.name),
        version=row.version,
        spec_commit=wire.commit(CommitKey(spec_repo, row.spec_commit)),
        stopped=row.stopped,
        state=pps_pb2.PipelineState.Name(int(condition.state)),
        reason=condition.reason,
        type=cast("pps_pb2.PipelineInfo.PipelineType", int(decoded.type)),  # numbers are the wire's
        user_spec_json=row.user_spec_json,
        effective_spec_json=row.effective_spec_json,
        metadata=row.metadata,
    )
    if condition.last_job is not None:
        info.last_job_state = _job_state(condition.last_job)
    is_resident = condition.processes is not None
    info.parallelism = places_of(decoded) if is_resident else workers_wanted(decoded, capacity)
    if details:
        info.details.CopyFrom(_pipeline_details(row))
        info.details.workers_requested = info.parallelism
        info.details.workers_available = min(info.parallelism, capacity)
        info.details.reason = condition.reason
        if condition.state in (PipelineState.STANDBY, PipelineState.PAUSED, PipelineState.FAILURE):
            info.details.workers_available = 0
        if (since := wire.timestamp(condition.busy_since)) is not None:
            info.details.workers_started_at.CopyFrom(since)
        if condition.processes is not None:
            info.details.workers_available = condition.processes
        if condition.state in (PipelineState.CRASHING, PipelineState.RESTARTING):
            info.details.recent_error = condition.reason
    return info


def unreadable_pipeline(row: PipelineRow, reason: str) -> pps_pb2.PipelineInfo:
    """Return the wire form of a pipeline of whose spec nothing can be told."""
    info = pps_pb2.PipelineInfo(
        pipeline=pipeline(row.project, row.name),
        version=row.version,
        spec_commit=wire.commit(CommitKey(RepoKey(row.project, row.name, SPEC), row.spec_commit)),
        stopped=row.stopped,
        state=pps_pb2.PipelineState.PIPELINE_FAILURE,
        reason=reason,
        metadata=row.metadata,
    )
    info.details.reason = reason
    return info


def _job_state(state: JobState) -> pps_pb2.JobState:
    return cast("pps_pb2.JobState", int(state))  # numbers are the wire's


def _pipeline_details(row: PipelineRow) -> pps_pb2.PipelineInfo.Details:
    details = pps_pb2.PipelineInfo.Details(
        created_at=wire.timestamp(row.created_at),
        updated_at=wire.timestamp(row.updated_at),
        salt=row.salt,
    )
    _copy_same_fields(spec_message(row), details)
    details.salt = row.salt
    return details


def _copy_same_fields(spec: pps_pb2.CreatePipelineRequest, details: Any) -> None:  # noqa: ANN401 - either Details
    """Copy what a spec and a details message call by the same name."""
    names = {field.name for field in details.DESCRIPTOR.fields}
    for field, value in spec.ListFields():
        if field.name not in names:
            continue
        if field.is_repeated:
            getattr(details, field.name).extend(value)
        elif field.message_type is not None:
            getattr(details, field.name).CopyFrom(value)
        else:
            setattr(details, field.name, value)


def job_info(
    job: JobRow, row: PipelineRow, output: CommitKey, *, details: bool, inputs: dict[RepoKey, str]
) -> pps_pb2.JobInfo:
    """Return the wire form. Inputs are the commits that the job read, by repo; they appear with details only."""
    info = pps_pb2.JobInfo(
        job=pps_pb2.Job(pipeline=pipeline(job.project, job.pipeline), id=job.id),
        pipeline_version=job.version,
        output_commit=wire.commit(output),
        restart=job.restart,
        data_processed=job.data_processed,
        data_skipped=job.data_skipped,
        data_total=job.data_total,
        data_failed=job.data_failed,
        data_recovered=job.data_recovered,
        stats=process_stats(job.stats),
        state=_job_state(job.state),
        reason=job.reason,
        created=job_places.created(job),
        started=wire.timestamp(job.started_at),
        finished=wire.timestamp(job.finished_at),
        runners=job.runners,
        warnings=job.warnings,
    )
    if details:
        spec = spec_message(row)
        _copy_same_fields(spec, info.details)
        info.details.salt = row.salt
        _fill_commits(info.details.input, inputs)
    return info


def _fill_commits(node: pps_pb2.Input, inputs: dict[RepoKey, str]) -> None:
    if node.HasField("pfs"):
        key = RepoKey(node.pfs.project, node.pfs.repo, node.pfs.repo_type or "user")
        node.pfs.commit = inputs.get(key, "")
    if node.HasField("cron"):
        node.cron.commit = inputs.get(RepoKey(node.cron.project, node.cron.repo), "")
    for children in (node.join, node.group, node.cross, node.union):
        for child in children:
            _fill_commits(child, inputs)


def process_stats(stats: dict[str, float]) -> pps_pb2.ProcessStats:
    """Return the wire form of summed seconds and bytes."""
    return pps_pb2.ProcessStats(
        download_time=duration(stats.get("download_seconds", 0)),
        process_time=duration(stats.get("process_seconds", 0)),
        upload_time=duration(stats.get("upload_seconds", 0)),
        download_bytes=int(stats.get("download_bytes", 0)),
        upload_bytes=int(stats.get("upload_bytes", 0)),
    )


def worker_status(at_work: AtWork, job: JobRow) -> pps_pb2.WorkerStatus:
    """Return the wire form of what a worker of a job is at."""
    status = pps_pb2.WorkerStatus(worker_id=at_work.worker, job_id=job.id)
    if at_work.datum is not None:
        data = [pps_pb2.InputFile(path=each.path, hash=each.hash) for each in at_work.datum.inputs]
        started = wire.timestamp(int(at_work.since * 1_000_000))
        status.datum_status.CopyFrom(pps_pb2.DatumStatus(started=started, data=data))
    return status


def datum_info(record: DatumRecord, job: JobRow) -> pps_pb2.DatumInfo:
    """Return the wire form. A record that an earlier job made is skipped in this one."""
    state = DatumState.SKIPPED if record.job != job.id else record.state
    wire_job = pps_pb2.Job(pipeline=pipeline(job.project, job.pipeline), id=job.id)
    return pps_pb2.DatumInfo(
        datum=pps_pb2.Datum(job=wire_job, id=record.id),
        state=_DATUM_STATES[state],
        stats=process_stats(record.stats),
        pfs_state=pfs_pb2.File(
            commit=wire.commit(CommitKey(RepoKey(job.project, job.pipeline, META), job.id)), path=files_path(record.id)
        ),
        data=[_file_info(RepoKey(i.project, i.repo, i.repo_type), i.commit, i) for i in record.inputs],
        runner=record.runner,
        why=record.why,
        reason=record.reason,
        tries=record.tries,
    )


def served_datum(datum: Datum, job: JobRow) -> pps_pb2.DatumInfo:
    """Return the wire form of the datum of a service's job; STARTING is the field's word for one at work."""
    info = previewed_datum(datum)
    info.datum.job.CopyFrom(pps_pb2.Job(pipeline=pipeline(job.project, job.pipeline), id=job.id))
    if not job.state.is_terminal:
        info.state = pps_pb2.DatumState.STARTING
    else:
        info.state = pps_pb2.DatumState.SUCCESS if job.state is JobState.SUCCESS else pps_pb2.DatumState.FAILED
    return info


def previewed_datum(datum: Datum) -> pps_pb2.DatumInfo:
    """Return the wire form of a datum that no job has run."""
    return pps_pb2.DatumInfo(
        datum=pps_pb2.Datum(id=datum.id),
        state=pps_pb2.DatumState.UNKNOWN,
        data=[
            _file_info(RepoKey(i.source.project, i.source.repo, i.source.repo_type), i.source.commit, i)
            for i in datum.inputs
        ],
    )


def _file_info(repo: RepoKey, commit: str, match: InputRecord | DatumInput) -> pfs_pb2.FileInfo:
    return pfs_pb2.FileInfo(
        file=pfs_pb2.File(commit=wire.commit(CommitKey(repo, commit)), path=match.path),
        file_type=pfs_pb2.FileType.DIR if match.path.endswith("/") else pfs_pb2.FileType.FILE,
        size_bytes=match.size_bytes,
        hash=bytes.fromhex(match.hash) if isinstance(match, InputRecord) else match.hash,
    )


def log_message(line: LogLine) -> pps_pb2.LogMessage:
    """Return the wire form."""
    return pps_pb2.LogMessage(
        project_name=line.project,
        pipeline_name=line.pipeline,
        job_id=line.job,
        worker_id=line.worker,
        datum_id=line.datum,
        master=line.master,
        user=line.user,
        ts=wire.timestamp(line.at),
        message=line.message,
        data=[pps_pb2.InputFile(path=path, hash=bytes.fromhex(hash_)) for path, hash_ in line.data],
    )
