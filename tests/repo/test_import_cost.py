"""What a command loads is paid by every call of it: these lists are kept short on purpose."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "aiohttp",
    "asyncio",
    "cryptography",
    "google",
    "grpc",
    "hypothesis",
    "jinja2",
    "msgspec",
    "numpy",
    "obstore",
    "pyarrow",
    "rich",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "yaml",
}
HELP_MODULES = {
    "trunkline",
    "trunkline.cli",
    "trunkline.cli.catalogue",
    "trunkline.cli.grammar",
    "trunkline.cli.show",
    "trunkline.cli.show.human",
    "trunkline.cli.main",
    "trunkline.cli.options",
    "trunkline.cli.session",
    "trunkline.cli.show.terminal",
    "trunkline.client",
    "trunkline.client.config",
    "trunkline.errors",
    "trunkline.model",
    "trunkline.model.ids",
    "trunkline.model.names",
}


def imported_by(arguments: list[str], home: Path) -> set[str]:
    """Return the modules that a command line imports, as the interpreter tells it."""
    command = [sys.executable, "-X", "importtime", "-c", "from trunkline.cli.main import main; main()", *arguments]
    environment = {"PATH": "", "PACH_CONFIG": str(home / "config.json"), "TRUNKLINE_HOME": str(home)}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines() if line.startswith("import time:")}


def top_level(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_help_loads_the_table_of_commands_and_nothing_more(tmp_path: Path) -> None:
    modules = imported_by(["--help"], tmp_path)

    assert {module for module in modules if module.startswith("trunkline")} == HELP_MODULES
    assert top_level(modules) & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--help"],
        ["list", "repo", "--help"],
        ["put", "file", "--help"],
        ["create", "pipeline", "--help"],
        ["serve", "--help"],
        ["config", "get", "active-context"],
        ["version", "--client-only"],
    ],
    ids=" ".join,
)
def test_commands_without_a_server_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert top_level(imported_by(arguments, tmp_path)) & HEAVY == set()


def test_checking_a_specification_needs_neither_grpc_nor_arrow(tmp_path: Path) -> None:
    spec = tmp_path / "edges.yaml"
    spec.write_text(
        "pipeline: {name: edges}\ntransform: {cmd: [python3, /edges.py]}\ninput: {pfs: {repo: images, glob: /*}}\n"
    )

    modules = top_level(imported_by(["validate", "pipeline", "-f", str(spec)], tmp_path))

    assert modules & HEAVY == {"msgspec", "yaml"}
