"""What all tests share."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from trunkline.testing.postgres import PostgresDatabase, PostgresServer, running_postgres
from trunkline.testing.server import ServerProcess, running_server

# A shell has what it runs in the background ignore interrupts, and so would every command that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("TRUNKLINE_HYPOTHESIS_PROFILE", "ci"))

_COMMAND_SECONDS_MAX = 120  # far beyond any: a command that hangs fails its test, and says which it was

Pachctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of this module's own."""
    with running_server(tmp_path_factory.mktemp("server") / "home") as running:
        yield running


@pytest.fixture
def pachctl(server: ServerProcess, tmp_path: Path) -> Pachctl:
    """The command line, talking to the module's server. Fails the test where the command fails, unless told."""

    def run(*arguments: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [str(Path(sys.executable).parent / "pachctl"), *arguments],
            env=server.environment(tmp_path),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS_MAX,
        )
        if check:
            assert result.returncode == 0, f"pachctl {' '.join(arguments)}: {result.stderr}{result.stdout}"
        return result

    return run


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres server for all tests of this process."""
    with running_postgres() as running:
        yield running


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """An empty database of this test's own."""
    database = postgres_server.create_database()
    yield database
    postgres_server.drop_database(database)
