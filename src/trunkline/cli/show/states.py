"""States as lists show them: short, and coloured by whether someone should look."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import click

from trunkline import proto
from trunkline.cli.show.tables import Cell, Coloured

_REASON_CHARS = 100
_DATUM_ID = re.compile(r"\bdatum [0-9a-f]{64}\b")
_INPUTS = re.compile(r" \[[^]]*\]\Z")
"""Ends the reason of a job in which a datum failed: `inspect job` tells it."""
_COLOURS = {
    "success": "green",
    "running": "green",
    "recovered": "yellow",
    "failure": "red",
    "failed": "red",
    "crashing": "red",
    "unrunnable": "red",
    "killed": "red",
    "paused": "yellow",
    "starting": "yellow",
    "created": "yellow",
    "finishing": "yellow",
    "egressing": "yellow",
    "restarting": "yellow",
}


def job_state(state: proto.pps_pb2.JobState) -> Cell:
    """Return ``success`` for JOB_SUCCESS; empty for none."""
    name = proto.pps_pb2.JobState.Name(state).removeprefix("JOB_").lower()
    return "" if name == "state_unknown" else _coloured(name)


def job_outcome(job: proto.pps_pb2.JobInfo) -> Cell:
    """Return the state of a job, and the beginning of its reason: ``failure: datum failed: ...``."""
    state = job_state(job.state)
    if not job.reason:
        return state
    first_line, *more = _DATUM_ID.sub("datum", _INPUTS.sub("", job.reason)).splitlines()
    short = first_line[:_REASON_CHARS]
    outcome = f"{text(state)}: {short}{'...' if more or short != first_line else ''}"
    return replace(state, text=outcome) if isinstance(state, Coloured) else outcome


def pipeline_state(state: proto.pps_pb2.PipelineState) -> Cell:
    """Return ``running`` for PIPELINE_RUNNING."""
    name = proto.pps_pb2.PipelineState.Name(state).removeprefix("PIPELINE_").lower()
    return "" if name == "state_unknown" else _coloured(name)


def datum_state(state: proto.pps_pb2.DatumState) -> Cell:
    """Return ``skipped`` for SKIPPED."""
    return _coloured(proto.pps_pb2.DatumState.Name(state).lower())


def job_states(given: Iterable[str]) -> set[str]:
    """Return the states of ``--state``, written as ``success`` or with ``JOB_``, as `job_state` shows them."""
    return _known(given, proto.pps_pb2.JobState.keys(), "JOB_")


def pipeline_states(given: Iterable[str]) -> set[str]:
    """Return the states of ``--state``, written as ``paused`` or with ``PIPELINE_``, as `pipeline_state` shows them."""
    return _known(given, proto.pps_pb2.PipelineState.keys(), "PIPELINE_")


def _known(given: Iterable[str], names: Iterable[str], prefix: str) -> set[str]:
    wanted = {state.lower().removeprefix(prefix.lower()) for state in given}
    known = [name.removeprefix(prefix).lower() for name in names if not name.endswith("STATE_UNKNOWN")]
    if unknown := sorted(wanted.difference(known)):
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(known)}", param_hint="--state")
    return wanted


def text(cell: Cell) -> str:
    """Return a cell's text without its colour."""
    return cell.text if isinstance(cell, Coloured) else cell


def _coloured(name: str) -> Cell:
    colour = _COLOURS.get(name)
    return Coloured(name, colour) if colour else name
