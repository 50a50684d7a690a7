"""Running one datum: how often, by which runner, and what came of it (reference, section 4.5)."""

import time
from dataclasses import replace

from trunkline.model.datums import Datum, DatumResult, DatumSet, DatumState, Runner
from trunkline.storage.fileset import LayerWriter
from trunkline.worker.attempt import Attempt, DatumCommands
from trunkline.worker.commands.environment import datum_set_environment, map_values
from trunkline.worker.commands.shared_trials import digest
from trunkline.worker.context import WorkerContext
from trunkline.worker.logs import SetLog
from trunkline.worker.view.capture import OutputError, store


class SetRun:
    """One datum set on its way: what its datums share."""

    def __init__(self, datum_set: DatumSet, context: WorkerContext, writer: LayerWriter) -> None:
        self.datum_set = datum_set
        self.log = SetLog(datum_set, worker=context.worker)
        self.imports = dict.fromkeys(datum_set.imports)
        self.warnings = dict.fromkeys(context.warnings)
        self._context = context
        self.writer = writer
        env = datum_set_environment(datum_set, base=context.base_env, worker=context.worker)
        self._env = {**map_values(env, context.view.seen_as), "PFS": context.view.seen_as}

    def commands(self, datum: Datum) -> DatumCommands:
        """Return what runs the commands of one datum."""
        return DatumCommands(
            self.datum_set,
            datum,
            self._context,
            self.log.datum(datum),
            self._env,
            imports=self.imports,
            warnings=self.warnings,
        )

    def run(self, datum: Datum, place: int) -> DatumResult:
        """Run the datum at this place of the set to its end; add what it wrote to the layer if it succeeded."""
        self._context.progress.begin(place)
        commands = self.commands(datum)
        state, attempt, tries = self._run_tries(commands)
        written: tuple[str, ...] = ()
        if state is DatumState.SUCCESS:
            try:
                written = self._store(commands, attempt)
            except OutputError as error:
                commands.tell(error)
                state, attempt = DatumState.FAILED, replace(attempt, reason=str(error))
            else:
                self._watch(commands, attempt)
        commands.log.end()
        return DatumResult(
            id=datum.id,
            state=state,
            reason=attempt.reason,
            tries=tries,
            runner=attempt.runner,
            outputs=written,
            stats=commands.spent.stats(),
        )

    def _run_tries(self, commands: DatumCommands) -> tuple[DatumState, Attempt, int]:
        tries = max(1, self.datum_set.datum_tries)
        number = 0
        may_warm = True
        while True:
            number += 1
            attempt = self._try(commands, may_warm=may_warm, last=number == tries)
            if not attempt.reason:
                return DatumState.SUCCESS, attempt, number
            commands.log.note(f"try {number} of {tries} failed: {attempt.reason}")
            if self.datum_set.transform.err_cmd and commands.recovers():
                return DatumState.RECOVERED, attempt, number
            if number == tries:
                return DatumState.FAILED, attempt, number
            may_warm = may_warm and not attempt.timed_out

    def _try(self, commands: DatumCommands, *, may_warm: bool, last: bool) -> Attempt:
        """Try once, in a warm interpreter where that is possible.

        A warm run alone fails no datum, unless the pipeline insists on it: the last try is a process, an only try is
        confirmed by one, and after a crash or a silence the datum runs as a process and the pipeline stays with it.
        """
        insists = self.datum_set.runner in (Runner.WARM, Runner.REUSE)
        warm = insists or (may_warm and (not last or self.datum_set.datum_tries <= 1))
        attempt = commands.attempt(warm=warm)
        if attempt.reason and attempt.runner is Runner.REUSE:
            attempt = self._try_alone(commands, attempt)
        if not may_warm and not attempt.reason:
            self._context.runners.stop_warming(self.datum_set)
        if not attempt.reason or insists or attempt.runner is not Runner.WARM:
            return attempt
        if attempt.crashed:
            self._context.runners.stop_warming(self.datum_set)
        if attempt.crashed or last:
            commands.log.note(f"running the datum as a process, since in a warm interpreter the {attempt.reason}")
            return commands.attempt(warm=False)
        return attempt

    def _try_alone(self, commands: DatumCommands, shared: Attempt) -> Attempt:
        """Run a datum again that failed in a process which had run others: that alone fails no datum."""
        commands.log.note(f"running the datum in a process of its own, since in one that it shared the {shared.reason}")
        attempt = commands.attempt(warm=True, share=False)
        if shared.crashed or shared.timed_out or not attempt.reason:
            commands.trial().ended(passed=False)
        return attempt

    def _watch(self, commands: DatumCommands, attempt: Attempt) -> None:
        """Take in what a success tells about whether datums may share a process; conclude the trial if it is due."""
        if attempt.runner is Runner.PROCESS or self.datum_set.runner is Runner.WARM:
            return
        trial = commands.trial()
        if attempt.runner is Runner.WARM:
            trial.ran_alone(commands.datum, attempt.outputs)
        elif trial.is_due:
            trial.ended(passed=attempt.kept and all(self._repeats(*probe) for probe in trial.alone))
        elif not attempt.kept:
            trial.left_trace()

    def _repeats(self, datum: Datum, expected: bytes) -> bool:
        """Whether a datum writes the same again in a process that has run others. Nothing of the run is kept."""
        log = SetLog(self.datum_set, worker=self._context.worker).datum(datum)
        again = DatumCommands(self.datum_set, datum, self._context, log, self._env, imports={}, warnings={})
        attempt = again.attempt(warm=True)
        return not attempt.reason and attempt.kept and digest(attempt.outputs) == expected

    def _store(self, commands: DatumCommands, attempt: Attempt) -> tuple[str, ...]:
        started = time.monotonic()
        commands.spent.upload_bytes += store(attempt.outputs, self.writer, tag=commands.datum.id)
        commands.spent.upload_seconds += time.monotonic() - started
        return tuple(output.path for output in attempt.outputs)
