"""A little of what `python -m tests.fuzz` does, always the same; and all that it has found."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.doors import DOORS
from tests.fuzz.run import Finding, budget, check, fuzz
from tests.fuzz.world import World, fuzzed_server

_SEED = 1
_INPUTS = {"grpc": 100, "http": 50, "tar": 150, "template": 4, "filter": 6}
_INPUTS_OF_OTHERS = 15
_CORPUS = sorted(Path(__file__).with_name("corpus").glob("*.json"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with fuzzed_server(tmp_path_factory.mktemp("fuzz")) as found:
        yield found


@pytest.mark.parametrize("name", DOORS)
def test_a_door_stands_random_input(world: World, name: str) -> None:
    findings: list[Finding] = []

    fuzz(world, DOORS[name], seed=_SEED, go_on=budget(_INPUTS.get(name, _INPUTS_OF_OTHERS)), told=findings.append)

    assert [f"{each.problem} {json.dumps(each.sent)[:2000]}" for each in findings if each.is_fault] == []


@pytest.mark.parametrize("path", _CORPUS, ids=[path.stem for path in _CORPUS])
def test_what_was_found_once_does_no_harm_again(world: World, path: Path) -> None:
    kept = json.loads(path.read_text())

    problems = check(world, DOORS[kept["door"]], kept["sent"])

    assert [each for each in problems if Finding(kept["door"], each, kept["sent"]).is_fault] == []
