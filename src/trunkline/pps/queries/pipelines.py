"""Pipelines and their versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from trunkline.db.tables import pipeline_versions, pipelines
from trunkline.model.jobs import PipelineState, PipelineType


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A pipeline at one of its versions."""

    key: int
    project: str
    name: str
    version: int
    state: PipelineState
    reason: str
    stopped: bool
    created_at: int
    metadata: dict[str, str]
    imports: tuple[str, ...]
    type: PipelineType
    spec_commit: str
    salt: str
    user_spec_json: str
    effective_spec_json: str
    spec_json: str
    updated_at: int

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"


def _select() -> Select[Any]:
    return select(
        pipelines.c.key,
        pipelines.c.project,
        pipelines.c.name,
        pipelines.c.state,
        pipelines.c.reason,
        pipelines.c.stopped,
        pipelines.c.created_at,
        pipelines.c.metadata,
        pipelines.c.imports,
        pipelines.c.type,
        pipeline_versions.c.version,
        pipeline_versions.c.spec_commit,
        pipeline_versions.c.salt,
        pipeline_versions.c.user_spec_json,
        pipeline_versions.c.effective_spec_json,
        pipeline_versions.c.spec_json,
        pipeline_versions.c.created_at.label("updated_at"),
    ).join(pipeline_versions, pipeline_versions.c.pipeline == pipelines.c.key)


def _pipeline(row: Row[Any]) -> PipelineRow:
    return PipelineRow(
        key=row.key,
        project=row.project,
        name=row.name,
        version=row.version,
        state=PipelineState(row.state),
        reason=row.reason,
        stopped=row.stopped,
        created_at=row.created_at,
        metadata=row.metadata,
        imports=tuple(row.imports),
        type=PipelineType(row.type),
        spec_commit=row.spec_commit,
        salt=row.salt,
        user_spec_json=row.user_spec_json,
        effective_spec_json=row.effective_spec_json,
        spec_json=row.spec_json,
        updated_at=row.updated_at,
    )


def insert_pipeline(connection: Connection, *, project: str, name: str, now: int) -> int:
    """Add a pipeline without versions; return its key."""
    result = connection.execute(
        insert(pipelines).values(
            project=project, name=name, version=0, state=int(PipelineState.STARTING), created_at=now
        )
    )
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def insert_version(connection: Connection, **values: object) -> None:
    """Add a version of a pipeline."""
    connection.execute(insert(pipeline_versions).values(**values))


def update_pipeline(connection: Connection, key: int, **values: object) -> None:
    """Set columns of a pipeline."""
    connection.execute(update(pipelines).where(pipelines.c.key == key).values(**values))


def find_pipeline(connection: Connection, project: str, name: str) -> PipelineRow | None:
    """Return the pipeline of that name at its newest version."""
    statement = _select().where(
        pipelines.c.project == project,
        pipelines.c.name == name,
        pipeline_versions.c.version == pipelines.c.version,
    )
    row = connection.execute(statement).first()
    return None if row is None else _pipeline(row)


def find_version(connection: Connection, key: int, version: int) -> PipelineRow | None:
    """Return a pipeline at one version."""
    statement = _select().where(pipelines.c.key == key, pipeline_versions.c.version == version)
    row = connection.execute(statement).first()
    return None if row is None else _pipeline(row)


def list_pipelines(connection: Connection, projects: Sequence[str] = ()) -> list[PipelineRow]:
    """Return pipelines at their newest versions, newest pipeline first; of some projects only, where given."""
    statement = _select().where(pipeline_versions.c.version == pipelines.c.version)
    if projects:
        statement = statement.where(pipelines.c.project.in_(projects))
    statement = statement.order_by(pipelines.c.created_at.desc(), pipelines.c.key.desc())
    return [_pipeline(row) for row in connection.execute(statement)]


def current_versions(connection: Connection) -> list[tuple[int, int]]:
    """Return (key, version) of every pipeline."""
    return [(row.key, row.version) for row in connection.execute(select(pipelines.c.key, pipelines.c.version))]


def running_versions(connection: Connection) -> list[tuple[int, int]]:
    """Return (key, version) of every pipeline that is neither stopped nor impossible to run."""
    statement = select(pipelines.c.key, pipelines.c.version).where(
        pipelines.c.stopped.is_(False), pipelines.c.state != int(PipelineState.FAILURE)
    )
    return [(row.key, row.version) for row in connection.execute(statement)]


def resident_pipelines(connection: Connection) -> list[PipelineRow]:
    """Return the spouts and services that are neither stopped nor impossible to run, at their newest versions."""
    statement = _select().where(
        pipeline_versions.c.version == pipelines.c.version,
        pipelines.c.type != int(PipelineType.TRANSFORM),
        pipelines.c.stopped.is_(False),
        pipelines.c.state != int(PipelineState.FAILURE),
    )
    return [_pipeline(row) for row in connection.execute(statement.order_by(pipelines.c.key))]


def delete_pipeline(connection: Connection, key: int) -> None:
    """Remove a pipeline with its versions; its jobs must be gone."""
    connection.execute(delete(pipeline_versions).where(pipeline_versions.c.pipeline == key))
    connection.execute(delete(pipelines).where(pipelines.c.key == key))
