"""Which jobs a listing is of, and from which place on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, literal, select, tuple_

from trunkline.db.tables import commit_provenance, jobs, pipelines


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs a listing is of, where it says, and in which order."""

    pipeline_key: int | None = None
    projects: Sequence[str] = ()
    input_commits: Sequence[int] = ()
    """The jobs that read all of these."""
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place between jobs: after that of this time and key, in either order. Without a key, after all of that time."""

    created_at: int
    key: int | None = None


def jobs_beyond(wanted: Wanted, beyond: Place | None) -> Select[Any]:
    """Return the statement for the jobs of a listing that lie beyond a place."""
    statement = select(jobs)
    if wanted.pipeline_key is not None:
        statement = statement.where(jobs.c.pipeline == wanted.pipeline_key)
    if wanted.projects:
        own = select(pipelines.c.key).where(pipelines.c.project.in_(wanted.projects))
        statement = statement.where(jobs.c.pipeline.in_(own))
    for upstream in wanted.input_commits:
        of_input = select(commit_provenance.c.commit).where(commit_provenance.c.upstream == upstream)
        statement = statement.where(jobs.c.output_commit.in_(of_input))
    if beyond is None:
        return statement
    if beyond.key is None:
        time = beyond.created_at
        return statement.where(jobs.c.created_at > time if wanted.oldest_first else jobs.c.created_at < time)
    place = tuple_(jobs.c.created_at, jobs.c.key)
    last = tuple_(literal(beyond.created_at), literal(beyond.key))
    return statement.where(place > last if wanted.oldest_first else place < last)
