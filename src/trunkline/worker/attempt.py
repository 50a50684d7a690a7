"""One attempt at a datum: stage its inputs, run a command, see how it ended and what it wrote."""

import signal
import time
from dataclasses import dataclass, field

from trunkline.errors import CorruptDataError, InvalidInputError, NotFoundError
from trunkline.model.datums import Datum, DatumSet, DatumStats, Runner
from trunkline.model.pipelines import Transform
from trunkline.worker.commands.command_run import Finished
from trunkline.worker.commands.environment import datum_environment, map_pfs, map_values
from trunkline.worker.commands.launcher import Command, Ended, LauncherLostError
from trunkline.worker.commands.memory import describe
from trunkline.worker.commands.resolve import Script, resolve
from trunkline.worker.commands.runner import RunRequest
from trunkline.worker.commands.shared_trials import Trial
from trunkline.worker.context import WorkerContext
from trunkline.worker.logs import DatumLog
from trunkline.worker.users import CommandError, find_user
from trunkline.worker.view.capture import Output, OutputError, outputs

_PIPES_NAMED = 5
PIPES_WARNING = "named pipes in /pfs/out are not kept; the logs say which"
NOT_WARM_WARNING = "a warm runner was asked for, but only commands of the form 'python script.py ...' can run warm"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended. Without a reason it was a success, and ``outputs`` are in the view, not stored yet."""

    runner: Runner
    reason: str = ""
    crashed: bool = False
    """Whether the command did not end by itself, nor by our hand."""
    timed_out: bool = False
    kept: bool = False
    """Whether the command left no trace in a process that is to run other datums."""
    outputs: tuple[Output, ...] = ()


@dataclass(slots=True)
class Spent:
    """What a datum has cost so far, over all attempts."""

    download_seconds: float = 0.0
    process_seconds: float = 0.0
    upload_seconds: float = 0.0
    download_bytes: int = 0
    upload_bytes: int = 0
    cpu_seconds: float = 0.0

    def stats(self) -> DatumStats:
        """Return the statistics as they go into the result."""
        return DatumStats(
            self.download_seconds,
            self.process_seconds,
            self.upload_seconds,
            self.download_bytes,
            self.upload_bytes,
            self.cpu_seconds,
        )


@dataclass(slots=True)
class DatumCommands:
    """Runs the commands of one datum.

    ``imports`` collects what its scripts were seen to import, ``warnings`` what the user should know.
    """

    datum_set: DatumSet
    datum: Datum
    context: WorkerContext
    log: DatumLog
    set_env: dict[str, str]
    imports: dict[str, None]
    warnings: dict[str, None]
    spent: Spent = field(default_factory=Spent)
    script: Script | None = None
    """What the last attempt ran in a warm interpreter."""

    def attempt(self, *, warm: bool, share: bool = True) -> Attempt:
        """Run ``cmd`` on a fresh view, in a warm interpreter if that is wanted and possible.

        With share it may be in a process that has run other datums, where the script is known not to mind, or is tried.
        """
        transform = self.datum_set.transform
        runner = Runner.PROCESS
        try:
            self.context.clear_working_dir(find_user(transform.user))
            self.stage()
            command = self.command(transform.cmd)
            runners = self.context.runners
            self.script = runners.warm_script(self.datum_set, command) if warm else None
            if self.script is not None:
                share = share and runners.may_share(self.datum_set, self.script)
                runner = Runner.REUSE if share else Runner.WARM
            elif self.datum_set.runner in (Runner.WARM, Runner.REUSE):
                self.warnings[NOT_WARM_WARNING] = None
            finished, runner = self._run(command, transform.stdin, runner)
            kept = finished.ended.kept
            self.context.view.check_streamed()
            if reason := self.reason(finished):
                crashed = not (finished.timed_out or finished.over_memory_bytes) and finished.ended.status < 0
                return Attempt(runner, reason, crashed, finished.timed_out, kept)
            return Attempt(runner, kept=kept, outputs=self.outputs())
        except (CommandError, OutputError) as error:
            self.tell(error)
            return Attempt(runner, str(error))
        except (InvalidInputError, NotFoundError, CorruptDataError) as error:
            return Attempt(runner, str(error))
        except LauncherLostError as error:
            return Attempt(runner, f"command was lost: {error}", crashed=True)

    def outputs(self) -> tuple[Output, ...]:
        """Return what is to be kept of ``/pfs/out``, and say what is not. Raises OutputError."""
        found = outputs(self.context.view)
        if found.pipes:
            named = ", ".join(f"/pfs/out{place}" for place in found.pipes[:_PIPES_NAMED])
            more = f" and {len(found.pipes) - _PIPES_NAMED} more" if len(found.pipes) > _PIPES_NAMED else ""
            self.log.tell(f"not kept, as they are named pipes: {named}{more}")
            self.warnings[PIPES_WARNING] = None
        return found.files

    def tell(self, error: CommandError | OutputError) -> None:
        """Log what only whoever wrote the specification or the code can mend, and the code has not printed itself."""
        detail = f" ({error.detail})" if isinstance(error, CommandError) and error.detail else ""
        self.log.tell(f"{error}{detail}")

    def trial(self) -> Trial:
        """Return what is known of whether datums may share a process; after a warm attempt."""
        assert self.script is not None
        return self.context.runners.trial(self.datum_set, self.script)

    def recovers(self) -> bool:
        """Run ``errCmd`` on the view as it is; return whether it makes up for the failure."""
        transform = self.datum_set.transform
        try:
            command = self.command(transform.err_cmd)
            reason = self.reason(self._run(command, transform.err_stdin, Runner.PROCESS)[0])
        except (CommandError, LauncherLostError) as error:
            reason = str(error)
        self.log.note(f"errCmd failed too: {reason}" if reason else "errCmd succeeded: the datum is recovered")
        return not reason

    def stage(self) -> None:
        """Put the inputs of the datum into the view, and empty its output. Raises CommandError."""
        started = time.monotonic()
        view = self.context.view
        lines = "".join(f"{name}={value}\n" for name, value in self.own_env().items())
        owner = find_user(self.datum_set.transform.user)
        try:
            tree = self.context.inputs.wanted(self.datum)
            self.spent.download_bytes += view.stage(tree, env_file=lines, owner=owner)
        except OSError as error:
            raise CommandError(f"cannot stage the inputs: {error}") from error
        finally:
            self.spent.download_seconds += time.monotonic() - started

    def own_env(self) -> dict[str, str]:
        """Return the variables of this datum."""
        return map_values(datum_environment(self.datum), self.context.view.seen_as)

    def command(self, argv: tuple[str, ...]) -> Command:
        """Return an argv of the transform as a command for this datum. Raises CommandError."""
        transform = self.datum_set.transform
        mapped = tuple(map_pfs(text, self.context.view.seen_as) for text in argv)
        cwd = map_pfs(transform.working_dir, self.context.view.seen_as) or self.context.working_dir
        user = find_user(transform.user)
        return resolve(mapped, env=self.set_env, own_env=self.own_env(), cwd=cwd, user=user)

    def _run(self, command: Command, stdin: tuple[str, ...], runner: Runner) -> tuple[Finished, Runner]:
        text = map_pfs("".join(f"{line}\n" for line in stdin), self.context.view.seen_as)
        request = RunRequest(
            self.datum_set,
            map_values(self.datum_set.transform.env, self.context.view.seen_as),
            text.encode(errors="surrogateescape"),
            self.log.feed,
            self.datum_set.datum_timeout_seconds,
        )
        started = time.monotonic()
        try:
            if runner is Runner.PROCESS or self.script is None:
                finished = self.context.runners.run_process(request, command)
            else:
                run = self.context.runners.run_warm(request, self.script, share=runner is Runner.REUSE)
                finished, runner = run.finished, run.runner
                self.imports.update(run.interpreter.learned)
        finally:
            self.log.end_of_command()
            self.spent.process_seconds += time.monotonic() - started
            self.spent.download_bytes += self.context.view.take_streamed()
        self.spent.cpu_seconds += finished.ended.cpu_seconds
        return finished, runner

    def reason(self, finished: Finished) -> str:
        """Return why a command that ended so counts as failed; "" if it does not."""
        ended = finished.ended
        ended_well = ended.status in (0, *self.datum_set.transform.accept_return_code)
        if not ended.error and not ended_well and (killed := self._killed_for(finished)):
            return killed
        return end_reason(ended, self.datum_set.transform, last_error_line=self.log.last_error_line)

    def _killed_for(self, finished: Finished) -> str:
        """Return why we have killed a command; "" if we have not."""
        if finished.timed_out:
            return f"command timed out after {self.datum_set.datum_timeout_seconds:g} s (datumTimeout)"
        if finished.over_memory_bytes:
            used, limit = describe(finished.over_memory_bytes), describe(self.datum_set.memory_bytes_max)
            return f"command used {used} of memory, more than the {limit} that it may (resourceLimits.memory)"
        if finished.deadlocked:
            return "command came to a standstill, each of its threads waiting for a lock"
        return ""


def end_reason(ended: Ended, transform: Transform, *, last_error_line: str) -> str:
    """Return why a command that ended so, by itself, counts as failed; "" if it does not."""
    if ended.error:
        return f"command cannot be started: {ended.error}"
    if ended.status in (0, *transform.accept_return_code):
        return ""
    last = f": {last_error_line}" if last_error_line else ""
    if ended.status > 0:
        return f"command exited with status {ended.status}{last}"
    return f"command was killed by signal {-ended.status} ({_signal_name(-ended.status)}){last}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "real-time"
