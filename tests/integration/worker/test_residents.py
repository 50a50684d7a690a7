"""Long-running processes on a worker, without a server: how they begin, end, and are told about."""

import json
import queue
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from trunkline.executors.local import LocalExecutor
from trunkline.executors.residents import LocalResidence
from trunkline.model.pipelines import Transform
from trunkline.model.residents import Place, Resident, ResidentEnd

PLACE = Place(1, 0)


class Told:
    """What was told, in order, to be taken as it comes."""

    def __init__(self) -> None:
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()

    def began(self, resident: Resident) -> None:
        self._events.put(("began", resident.place))

    def printed(self, resident: Resident, records: Sequence[str]) -> None:
        for record in records:
            self._events.put(("printed", json.loads(record)))

    def gone(self, resident: Resident, end: ResidentEnd | None) -> None:
        self._events.put(("gone", end))

    def next(self) -> tuple[str, Any]:
        return self._events.get(timeout=60)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def residence(lab: Any, tmp_path: Path) -> Iterator[LocalResidence]:
    executor = LocalExecutor(lab.url, lab.scratch, find_chunks=lab.index.find, working_dir=tmp_path)
    opened = LocalResidence(executor.settings)
    yield opened
    opened.close()
    assert list(lab.scratch.iterdir()) == []


def resident(*lines: str, **more: Any) -> Resident:
    transform = more.pop("transform", Transform(cmd=("sh",), stdin=lines))
    fields: dict[str, Any] = {"datum": None, "job_env": {}, "job": "spout", **more}
    return Resident(place=PLACE, life="1", project="default", pipeline="p", transform=transform, **fields)


def test_a_life_is_told_from_its_beginning_to_its_end(residence: LocalResidence, told: Told) -> None:
    residence.start(resident("echo out; echo err >&2; exit 4"), told)

    events = [told.next() for _ in range(4)]

    assert [kind for kind, _ in events] == ["began", "printed", "printed", "gone"]
    lines = {(event["stream"], event["message"]) for kind, event in events if kind == "printed"}
    assert lines == {("stdout", "out"), ("stderr", "err")}
    assert events[-1][1] == ResidentEnd("command exited with status 4: err", failed=True, began=True)


@pytest.mark.parametrize(
    ("transform", "reason"),
    [
        (Transform(cmd=("no-such-program",)), "command 'no-such-program' not found in PATH"),
        (Transform(cmd=("sh",), working_dir="/nowhere"), "working directory '/nowhere' does not exist"),
        (Transform(cmd=("sh",), user="no-such-user"), "transform.user 'no-such-user': no such user on this machine"),
    ],
)
def test_what_cannot_be_started_says_why(
    residence: LocalResidence, told: Told, transform: Transform, reason: str
) -> None:
    residence.start(resident(transform=transform), told)

    kind, end = told.next()

    assert (kind, end.failed, end.began) == ("gone", True, False)
    assert end.reason.startswith(reason)


def test_accepted_codes_and_zero_are_no_failures(residence: LocalResidence, told: Told) -> None:
    ends = []
    for transform in (Transform(cmd=("true",)), Transform(cmd=("sh", "-c", "exit 5"), accept_return_code=(5,))):
        residence.start(resident(transform=transform), told)
        assert told.next()[0] == "began"
        ends.append(told.next()[1])

    assert [(end.reason, end.failed) for end in ends] == [
        ("command ended with status 0", False),
        ("command ended with status 5", False),
    ]


def test_a_stop_kills_what_ignores_signals_and_what_was_forked(
    residence: LocalResidence, told: Told, tmp_path: Path
) -> None:
    lines = ("trap '' TERM INT HUP", "setsid sh -c 'trap \"\" TERM; echo $$; sleep 1000' &", "echo up; wait")
    residence.start(resident(*lines), told)
    assert told.next()[0] == "began"
    messages = [told.next()[1]["message"] for _ in range(2)]

    residence.stop(PLACE)

    assert told.next() == ("gone", None)
    daemon = next(message for message in messages if message != "up")
    assert not Path(f"/proc/{daemon}").exists()


def test_a_datum_is_staged_and_its_variables_are_set(residence: LocalResidence, told: Told, lab: Any) -> None:
    datum = lab.datum((lab.source("in", {"/d/a": b"alpha"}), "/"))
    residence.start(resident("cat /pfs/in/d/a; echo; echo $in $in_COMMIT $PACH_JOB_ID", datum=datum, job="j1"), told)
    told.next()

    lines = [told.next()[1]["message"] for _ in range(2)]

    assert lines == ["alpha", f"/pfs/in {'c' * 32} j1"]


def test_what_python_prints_is_not_held_back_in_its_buffer(residence: LocalResidence, told: Told) -> None:
    script = "import time; print('soon'); time.sleep(1000)"
    residence.start(resident(transform=Transform(cmd=("python3", "-c", script))), told)
    told.next()

    assert told.next()[1]["message"] == "soon"


def test_a_taken_port_is_the_reason(residence: LocalResidence, told: Told) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        residence.start(resident("sleep 1000", internal_port=port), told)

        assert told.next()[1].reason.startswith(f"service.internalPort: cannot listen at port {port} of this machine")


def test_a_flood_of_lines_keeps_no_stop_waiting(residence: LocalResidence, told: Told) -> None:
    residence.start(resident("yes"), told)
    told.next()
    assert told.next()[1]["message"] == "y"

    residence.stop(PLACE)

    while (event := told.next())[0] == "printed":
        pass
    assert event == ("gone", None)
