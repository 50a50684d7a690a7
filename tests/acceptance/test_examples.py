"""The small examples: each README's commands are run as they stand, print what it says, and give what the data says."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from trunkline.testing.raw import read_objects
from trunkline.testing.server import ServerProcess, running_server
from trunkline.testing.waiting import eventually

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SDK_PYTHON = ROOT / ".venv-sdk" / "bin" / "python3"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
Shell = Callable[..., str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose python3 has what the scripts import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        home, allowed = tmp_path_factory.mktemp("examples") / "server", tmp_path_factory.getbasetemp()
        with running_server(home, "--allow-files", str(allowed)) as running:
            yield running


@pytest.fixture
def shell(server: ServerProcess, tmp_path: Path) -> Shell:
    """Runs a command in a copy of the directory of an example, and returns what it prints."""

    def run(example: str, command: str) -> str:
        directory = tmp_path / "examples" / example
        if not directory.exists():
            shutil.copytree(EXAMPLES / example, directory)
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=directory,
            env=server.environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def follow(shell: Shell) -> Callable[..., None]:
    """Runs the commands of a README's blocks, all or some; they print what the README shows, where it shows it."""

    def run(example: str, blocks: slice = slice(None)) -> None:
        text = "".join(BLOCK.findall((EXAMPLES / example / "README.md").read_text())[blocks])
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            first, *rest = step.splitlines()
            more = [line[2:] for line in rest if line.startswith("> ")]
            shown = [line for line in rest if not line.startswith("> ")]
            printed = shell(example, "\n".join([first, *more]))
            assert not shown or printed.splitlines() == shown

    return run


def counts(shell: Shell, pipeline: str) -> tuple[int, int]:
    """How many datums the newest job of a pipeline ran and skipped."""
    shell("cron", f"pachctl wait commit {pipeline}@master")
    job = next(read_objects(shell("cron", f"pachctl list job --pipeline {pipeline} --raw")))
    assert job["state"] == "JOB_SUCCESS"
    return int(job.get("data_processed", 0)), int(job.get("data_skipped", 0))


def files(shell: Shell, repo: str, directory: Path) -> dict[str, str]:
    shell("cron", f"pachctl get file -r {repo}@master:/ -o {directory}")
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_word_count_adds_up_and_a_text_runs_its_letters_only(
    shell: Shell, follow: Callable[..., None], tmp_path: Path
) -> None:
    follow("word-count", slice(0, 1))
    texts = [path.read_text() for path in (EXAMPLES / "word-count" / "texts").iterdir()]
    expected = Counter(word.lower() for text in texts for word in re.findall("[A-Za-z]+", text))
    counted = {}
    for content in files(shell, "reduce", tmp_path / "reduce").values():
        counted.update((word, int(count)) for word, count in (line.split() for line in content.splitlines()))
    assert counted == expected

    follow("word-count", slice(1, 2))

    others = {word[0] for word in expected} - {"z"}
    assert counts(shell, "map") == (1, 2)
    assert counts(shell, "reduce") == (1, len(others))
    assert "zebra 2\n" in shell("cron", "pachctl get file reduce@master:/z.txt")


def test_retail_joins_and_groups_what_belongs_together(
    shell: Shell, follow: Callable[..., None], tmp_path: Path
) -> None:
    follow("retail")

    assert [counts(shell, name)[0] for name in ("purchases_of_stores", "returns_of_stores", "revenue")] == [6, 7, 6]
    purchases = files(shell, "purchases_of_stores", tmp_path / "purchases")
    assert '"name":"hollywood bvd."' in purchases["ORDERW078929_STOREID2.txt"]
    assert "UNIT_PRICE|75.00" in purchases["ORDERW078929_STOREID2.txt"]
    returns = files(shell, "returns_of_stores", tmp_path / "returns")
    alone = {name: text for name, text in returns.items() if not text.startswith("{")}
    assert alone == {
        **{f"STOREID{number}.txt": "no returns\n" for number in "234"},
        "ORDERW261452_STOREID0.txt": "unknown store\n",
    }
    expected: dict[str, dict[str, float]] = defaultdict(lambda: {"purchases": 0.0, "returns": 0.0})
    for path in (EXAMPLES / "retail" / "stores").iterdir():
        expected[path.stem.removeprefix("STOREID")]["purchases"] += 0
    for kind in ("purchases", "returns"):
        for path in (EXAMPLES / "retail" / kind).iterdir():
            for line in path.read_text().splitlines():
                if line.startswith("SKU"):
                    _, _, _, quantity, _, price = line.split("|")
                    expected[path.stem.rpartition("STOREID")[2]][kind] += int(quantity) * float(price)
    assert files(shell, "revenue", tmp_path / "revenue") == {
        f"{store}.txt": f"purchases {sums['purchases']:.2f} returns {sums['returns']:.2f}\n"
        for store, sums in expected.items()
    }

    order = tmp_path / "ORDERW1_STOREID4.txt"
    order.write_text("ORDER_HEADER|W1|2020-11-11\nSKU|1|QTY|2|UNIT_PRICE|10.00\n")
    shell("cron", f"pachctl put file purchases@master:/{order.name} -f {order}")

    assert counts(shell, "purchases_of_stores") == (1, 6)
    assert counts(shell, "revenue") == (1, 5)
    assert shell("cron", "pachctl get file revenue@master:/4.txt") == "purchases 20.00 returns 0.00\n"


def test_lab_results_are_grouped_by_patient_and_by_hospital(
    shell: Shell, follow: Callable[..., None], tmp_path: Path
) -> None:
    follow("lab-results")

    assert counts(shell, "patients") == (4, 0)
    assert counts(shell, "hospitals") == (2, 0)
    patients = files(shell, "patients", tmp_path / "patients")
    results = [path.name for path in (EXAMPLES / "lab-results" / "results").iterdir()]
    assert {name: len(text.splitlines()) for name, text in patients.items()} == {
        f"{patient}.txt": count for patient, count in Counter(re.findall(r"PATID(\d)", " ".join(results))).items()
    }
    assert patients["2.txt"] == "212\n"
    assert files(shell, "hospitals", tmp_path / "hospitals") == {
        f"{hospital}.txt": f"{count}\n"
        for hospital, count in Counter(re.findall(r"CLIA(\w+)", " ".join(results))).items()
    }


def test_hyperparameters_are_tried_in_every_pair_and_never_twice(
    shell: Shell, follow: Callable[..., None], tmp_path: Path
) -> None:
    pytest.importorskip("sklearn", reason="the script of the example needs scikit-learn")
    follow("hyperparameters", slice(0, 1))
    assert counts(shell, "train") == (9, 0)

    follow("hyperparameters", slice(1, 2))

    assert counts(shell, "train") == (3, 9)
    tried = [json.loads(text) for text in files(shell, "train", tmp_path / "train").values()]
    assert {(result["C"], result["gamma"]) for result in tried} == {
        (c, gamma) for c in (0.031, 2.0, 8.0, 128.0) for gamma in (0.001, 0.016, 0.25)
    }
    best = json.loads(shell("cron", "pachctl get file best@master:/best.json"))
    assert best["accuracy"] == max(result["accuracy"] for result in tried) > 0.95


def test_deferred_commits_make_one_job_when_the_branch_moves(
    shell: Shell, follow: Callable[..., None], tmp_path: Path
) -> None:
    follow("deferred-processing", slice(0, 1))
    assert counts(shell, "count") == (3, 0)
    assert len(list(read_objects(shell("cron", "pachctl list job --pipeline count --raw")))) == 2

    shell("cron", "pachctl create branch notes@master --head staging^")

    assert counts(shell, "count") == (0, 2)
    assert files(shell, "count", tmp_path / "count") == {"a": "2\n", "b": "1\n"}

    follow("deferred-processing", slice(1, 2))
    before = shell("cron", "pachctl inspect commit notes@master --raw")
    # The branch is at the second commit, so d is the second that it lacks, and e the third.
    for name in "de":
        assert shell("cron", "pachctl inspect commit notes@master --raw") == before
        shell("cron", f"echo x | pachctl put file notes@staging:/{name}")

    assert counts(shell, "count") == (3, 2)


def test_a_cron_pipeline_runs_when_it_ticks_and_keeps_the_last_tick(shell: Shell, follow: Callable[..., None]) -> None:
    follow("cron")
    first = shell("cron", "pachctl get file heartbeat@master:/last.txt")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)\n", first)

    shell("cron", "pachctl run cron heartbeat")

    assert counts(shell, "heartbeat") == (1, 0)
    second = shell("cron", "pachctl get file heartbeat@master:/last.txt")
    assert second > first
    assert len(second.splitlines()) == 1


def test_egress_fills_the_table_again_after_each_job(shell: Shell, follow: Callable[..., None], tmp_path: Path) -> None:
    follow("egress-sqlite")

    shell("egress-sqlite", "echo 'mariposa st.,1,5.00' | pachctl put file sales@master:/2020-10-12.csv")

    assert counts(shell, "totals") == (1, 0)
    with closing(sqlite3.connect(tmp_path / "examples" / "egress-sqlite" / "shop.db")) as database:
        rows = database.execute("SELECT * FROM totals ORDER BY store").fetchall()
    assert rows == [("hollywood bvd.", 1, 75.0), ("mariposa st.", 1, 5.0), ("washington st.", 6, 480.0)]


def test_a_spout_goes_on_where_it_was_and_each_message_is_one_job(
    shell: Shell, follow: Callable[..., None], tmp_path: Path
) -> None:
    def messages() -> list[str]:
        lines = shell("spout", "pachctl list file messages@master").splitlines()[1:]
        return sorted(line.split()[1] for line in lines)

    follow("spout", slice(0, 1))
    eventually(lambda: len(messages()) >= 3)
    follow("spout", slice(1, 3))

    stopped_at = messages()
    assert shell("spout", "pachctl list job --pipeline messages --raw") == ""
    assert shell("spout", "pachctl logs --pipeline messages").splitlines()[0] == "sent message 1"
    shell("spout", "pachctl wait commit words@master")
    words = files(shell, "words", tmp_path / "words")
    assert {f"/{name}" for name in words} == set(stopped_at)
    assert {int(text) for text in words.values()} == {4}
    assert counts(shell, "words")[0] <= 1

    shell("spout", "pachctl start pipeline messages")

    eventually(lambda: len(messages()) > len(stopped_at))
    shell("spout", "pachctl stop pipeline messages")
    assert set(messages()) == {f"/message-{number}" for number in range(1, len(messages()) + 1)}


def test_what_is_posted_to_a_spout_is_committed(shell: Shell, follow: Callable[..., None]) -> None:
    follow("spout", slice(3, 4))

    shell("spout", "curl --silent --fail --data-binary shipped http://localhost:8762/orders/18")

    assert shell("spout", "pachctl get file webhook@master:/orders/18") == "shipped"
    shell("spout", "pachctl delete pipeline webhook")


@pytest.mark.sdk
def test_readings_of_the_sdk_come_in_pairs(shell: Shell, follow: Callable[..., None]) -> None:
    """The published client has a python3 of its own here, so that the spec names it."""
    shell("spout", f"sed -i 's|python3|{SDK_PYTHON}|' sensor.yaml")

    follow("spout", slice(4, 5))

    eventually(lambda: len(shell("spout", "pachctl list file sensor@master:/roof").splitlines()) > 2)
    shell("spout", "pachctl stop pipeline sensor")
    last = shell("spout", "pachctl glob file 'sensor@master:/*/*'").split()[1::2][1:]
    roof, cellar = (sorted(path.rpartition("/")[2] for path in last if place in path) for place in ("roof", "cellar"))
    assert roof == cellar


def test_a_website_shows_what_is_committed_and_goes_back(shell: Shell, follow: Callable[..., None]) -> None:
    def shown() -> str:
        return shell("service", "curl --silent http://localhost:8764/ || true")

    follow("service", slice(0, 1))
    follow("service", slice(1, 2))
    eventually(lambda: shown() == "second edition\n")
    assert [job["state"] for job in read_objects(shell("service", "pachctl list job --pipeline website --raw"))] == [
        "JOB_RUNNING",
        "JOB_SUCCESS",
    ]

    shell("service", "pachctl create branch pages@master --head master^")

    eventually(lambda: shown() == "first edition\n")
    shell("service", "pachctl stop pipeline website")
    assert shown() == ""


@pytest.mark.sdk
def test_a_batch_of_flowers_is_classified_by_one_process(
    shell: Shell, follow: Callable[..., None], tmp_path: Path
) -> None:
    """The published client has a python3 of its own here, so that the spec names it."""
    shell("datum-batching", f"sed -i 's|python3|{SDK_PYTHON}|' classify.yaml")

    follow("datum-batching")

    assert counts(shell, "classify") == (30, 0)
    kinds = files(shell, "classify", tmp_path / "kinds")
    right = [name for name, kind in kinds.items() if f"_{kind.strip()}.csv" in name]
    assert len(kinds) == 30
    assert len(right) > 25
    # Each worker has a process, and there are fewer of them than flowers.
    assert 1 <= shell("cron", "pachctl logs --pipeline classify").count("loaded a model") < 10
