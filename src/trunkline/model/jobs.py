"""States of jobs, pipelines and commits, with their legal moves (reference, sections 1.6, 4.6 and 4.8)."""

from enum import IntEnum


class CommitState(IntEnum):
    """How far a commit is; numbers are the wire's."""

    STARTED = 1
    READY = 2
    FINISHING = 3
    FINISHED = 4


class OriginKind(IntEnum):
    """Who made a commit; numbers are the wire's."""

    USER = 1
    AUTO = 2
    FSCK = 3


class JobState(IntEnum):
    """Numbers are the wire's."""

    CREATED = 1
    STARTING = 2
    RUNNING = 3
    FAILURE = 4
    SUCCESS = 5
    KILLED = 6
    EGRESSING = 7
    FINISHING = 8
    UNRUNNABLE = 9

    @property
    def is_terminal(self) -> bool:
        """Whether the job will never change again."""
        return self in _TERMINAL


_TERMINAL = frozenset({JobState.FAILURE, JobState.SUCCESS, JobState.KILLED, JobState.UNRUNNABLE})

JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.CREATED: frozenset({JobState.STARTING, JobState.KILLED}),
    JobState.STARTING: frozenset({JobState.RUNNING, JobState.UNRUNNABLE, JobState.FAILURE, JobState.KILLED}),
    JobState.RUNNING: frozenset({JobState.EGRESSING, JobState.FINISHING, JobState.FAILURE, JobState.KILLED}),
    JobState.EGRESSING: frozenset({JobState.FINISHING, JobState.FAILURE, JobState.KILLED}),
    JobState.FINISHING: frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.KILLED}),
    **{state: frozenset() for state in _TERMINAL},
}
"""Where a job may go from each state. A restarted server moves an unfinished job back to ``STARTING`` besides."""


class PipelineType(IntEnum):
    """What a pipeline does with its process; numbers are the wire's."""

    TRANSFORM = 1
    SPOUT = 2
    SERVICE = 3


class PipelineState(IntEnum):
    """Numbers are the wire's."""

    STARTING = 1
    RUNNING = 2
    RESTARTING = 3
    FAILURE = 4
    PAUSED = 5
    STANDBY = 6
    CRASHING = 7
