"""Runs commands: as processes, or, for Python scripts, in warm interpreters where that has not gone wrong before."""

from dataclasses import dataclass

from trunkline.model.datums import DatumSet, Runner
from trunkline.worker.commands.command_run import Finished, Output, run_command
from trunkline.worker.commands.deadlock import DeadlockWatch
from trunkline.worker.commands.interrupts import Interrupts
from trunkline.worker.commands.launcher import Command, LauncherLostError, Reuse
from trunkline.worker.commands.resolve import Script, as_script
from trunkline.worker.commands.shared_trials import SET_DATUMS_MIN, Trial, Trials
from trunkline.worker.commands.zygotes import WarmInterpreter, Zygotes

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


@dataclass(frozen=True, slots=True)
class WarmRun:
    """How a run in a warm interpreter ended, where, and whether it shared its process with other datums."""

    finished: Finished
    interpreter: WarmInterpreter
    runner: Runner


class CommandRunner:
    """The ways to run a command on this worker. Each raises LauncherLostError if the process between dies."""

    def __init__(self, starters: Zygotes, *, interrupts: Interrupts, deadlock_seconds: float) -> None:
        self._deadlock_seconds = deadlock_seconds
        self._starters = starters
        self._interrupts = interrupts
        self._cold: set[tuple[str, str, tuple[str, ...]]] = set()
        self._trials = Trials()

    def rest(self) -> None:
        """End the processes that wait for another datum."""
        self._starters.rest()

    def warm_script(self, datum_set: DatumSet, command: Command) -> Script | None:
        """Return the command as a Python script that may run in a warm interpreter, None where it is not."""
        if datum_set.runner is Runner.PROCESS:
            return None
        if any(name.startswith(_OF_THE_INTERPRETER) for name in datum_set.job_env):
            return None  # these matter at an interpreter's start, and are the job's, not the pipeline's
        insists = datum_set.runner in (Runner.WARM, Runner.REUSE)
        return as_script(command) if insists or _pipeline(datum_set) not in self._cold else None

    def trial(self, datum_set: DatumSet, script: Script) -> Trial:
        """Return what is known of whether datums may share a process for this script."""
        return self._trials.of(datum_set, self._starters.source(script.command.script))

    def may_share(self, datum_set: DatumSet, script: Script) -> bool:
        """Whether the script may run in a process that has run other datums, or is to find out."""
        if datum_set.runner is Runner.WARM or len(datum_set.datums) < 2:
            return False
        trial = self.trial(datum_set, script)
        return bool(trial.passed) or (trial.is_due and len(datum_set.datums) >= SET_DATUMS_MIN)

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
                memory_bytes_max=request.datum_set.memory_bytes_max,
            )
        except LauncherLostError:
            self._starters.lose(launcher)
            raise

    def run_warm(self, request: RunRequest, script: Script, *, share: bool) -> WarmRun:
        """Run a script in a child of an interpreter that has imported its modules.

        With share the child is one that has run other datums of the set, if the script's imports are known by then.
        """
        command, datum_set = script.command, request.datum_set
        turn = (datum_set.job, datum_set.index, datum_set.attempt)
        warm = self._starters.warm(
            script.interpreter, command, env=request.interpreter_env, learned=datum_set.imports, turn=turn
        )
        learn = not self._starters.has_learned(warm, command.script)
        share = share and not learn
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
                reuse=Reuse("/".join(map(str, turn)), lenient=datum_set.runner is Runner.REUSE) if share else None,
                watch=DeadlockWatch(warm.launcher.pid, seconds=self._deadlock_seconds),
                memory_bytes_max=request.datum_set.memory_bytes_max,
            )
        except LauncherLostError:
            self._starters.lose(warm.launcher)
            raise
        if learn and finished.ended.status == 0:
            self._starters.learn(warm, command.script, finished.ended.modules)
        return WarmRun(finished, warm, Runner.REUSE if share else Runner.WARM)


def _pipeline(datum_set: DatumSet) -> tuple[str, str, tuple[str, ...]]:
    return datum_set.project, datum_set.pipeline, datum_set.transform.cmd
