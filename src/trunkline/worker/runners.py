"""Runs commands: as processes, or, for Python scripts, in warm interpreters where that has not gone wrong before."""

from dataclasses import dataclass

from trunkline.model.datums import DatumSet, Runner
from trunkline.worker.commands import as_script
from trunkline.worker.deadlock import DeadlockWatch
from trunkline.worker.interrupts import Interrupts
from trunkline.worker.launcher import Command, LauncherLostError
from trunkline.worker.running import Finished, Output, run_command
from trunkline.worker.starters import Starters, WarmInterpreter

_OF_THE_INTERPRETER = ("PYTHON", "LD_")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a runner has to know besides the command."""

    datum_set: DatumSet
    interpreter_env: dict[str, str]
    """The transform's part of the environment."""
    stdin: bytes
    output: Output
    timeout_seconds: float | None


class Runners:
    """The two ways to run a command on this worker. Both raise LauncherLostError if the process between dies."""

    def __init__(self, starters: Starters, *, interrupts: Interrupts, deadlock_seconds: float) -> None:
        self._deadlock_seconds = deadlock_seconds
        self._starters = starters
        self._interrupts = interrupts
        self._cold: set[tuple[str, str, tuple[str, ...]]] = set()

    def can_warm(self, datum_set: DatumSet, command: Command) -> bool:
        """Whether the command is a Python script that may run in a warm interpreter."""
        if datum_set.runner is Runner.PROCESS or as_script(command) is None:
            return False
        if any(name.startswith(_OF_THE_INTERPRETER) for name in datum_set.job_env):
            return False  # these matter at an interpreter's start, and are the job's, not the pipeline's
        return datum_set.runner is Runner.WARM or _pipeline(datum_set) not in self._cold

    def stop_warming(self, datum_set: DatumSet) -> None:
        """Run the pipeline's command as a process from now on."""
        self._cold.add(_pipeline(datum_set))

    def run_process(self, request: RunRequest, command: Command) -> Finished:
        """Run the command as any program is run."""
        launcher = self._starters.plain()
        try:
            return run_command(
                launcher,
                command,
                stdin=request.stdin,
                output=request.output,
                timeout_seconds=request.timeout_seconds,
                interrupts=self._interrupts,
            )
        except LauncherLostError:
            self._starters.lose(launcher)
            raise

    def run_warm(self, request: RunRequest, command: Command) -> tuple[Finished, WarmInterpreter]:
        """Run a script in a child of an interpreter that has imported its modules."""
        script = as_script(command)
        assert script is not None
        interpreter, command = script
        warm = self._starters.warm(
            interpreter,
            command,
            env=request.interpreter_env,
            learned=request.datum_set.imports,
            turn=(request.datum_set.job, request.datum_set.index, request.datum_set.attempt),
        )
        learn = not self._starters.has_learned(warm, command.script)
        try:
            finished = run_command(
                warm.launcher,
                command,
                stdin=request.stdin,
                output=request.output,
                timeout_seconds=request.timeout_seconds,
                interrupts=self._interrupts,
                private=self._starters.private,
                learn=learn,
                watch=DeadlockWatch(warm.launcher.pid, seconds=self._deadlock_seconds),
            )
        except LauncherLostError:
            self._starters.lose(warm.launcher)
            raise
        if learn and finished.ended.status == 0:
            self._starters.learn(warm, command.script, finished.ended.modules)
        return finished, warm


def _pipeline(datum_set: DatumSet) -> tuple[str, str, tuple[str, ...]]:
    return datum_set.project, datum_set.pipeline, datum_set.transform.cmd
