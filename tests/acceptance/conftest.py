"""The published client of the field, in an environment of its own."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trunkline.testing.server import ServerProcess

ROOT = Path(__file__).parents[2]
Story = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def sdk_story(server: ServerProcess) -> Story:
    """Run a story of that client in a project of the module's server; return what it saw."""

    def run(name: str, project: str) -> dict[str, Any]:
        script = ROOT / "tests" / "acceptance" / "sdk" / f"{name}.py"
        command = [str(ROOT / ".venv-sdk" / "bin" / "python"), str(script), server.address, project]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr + server.log()
        seen: dict[str, Any] = json.loads(result.stdout)
        return seen

    return run
