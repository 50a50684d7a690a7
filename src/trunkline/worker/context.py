"""What a worker has at hand for every datum set."""

from dataclasses import dataclass
from pathlib import Path

from trunkline.objects.store import ObjectStore
from trunkline.storage.fileset import FileSets
from trunkline.worker.commands.deadlock import DEADLOCK_SECONDS
from trunkline.worker.commands.environment import base_environment
from trunkline.worker.commands.interrupts import Interrupts
from trunkline.worker.commands.runner import CommandRunner
from trunkline.worker.commands.zygotes import Zygotes
from trunkline.worker.progress import Progress
from trunkline.worker.users import User
from trunkline.worker.view.inputs import Inputs
from trunkline.worker.view.tree import View
from trunkline.worker.view.working_dir import OWN_WORKING_DIR, clear


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The store, the view of ``/pfs`` and the runners of one worker. Runs one datum set at a time."""

    worker: str
    objects: ObjectStore
    file_sets: FileSets
    view: View
    inputs: Inputs
    starters: Zygotes
    runners: CommandRunner
    interrupts: Interrupts
    progress: Progress
    base_env: dict[str, str]
    working_dir: str
    warnings: tuple[str, ...]

    def clear_working_dir(self, owner: User | None) -> None:
        """Empty the directory that commands start in, if it is of this worker's own; it belongs to owner, or to us."""
        if Path(self.working_dir) == self.view.directory.parent / OWN_WORKING_DIR:
            clear(Path(self.working_dir), owner)

    def close(self) -> None:
        """End the processes of this worker and empty the view."""
        self.starters.close()
        self.view.empty()
        self.progress.close()


def open_context(
    *,
    worker: str,
    objects: ObjectStore,
    file_sets: FileSets,
    view: View,
    environ: dict[str, str],
    working_dir: Path,
    interrupts: Interrupts,
    alive_fd: int,
    owns_children: bool = False,
    warnings: tuple[str, ...] = (),
    deadlock_seconds: float = DEADLOCK_SECONDS,
) -> WorkerContext:
    """Return the context of a worker. No process is started yet.

    ``alive_fd`` is kept open by all that the worker starts; see `Zygotes` for owns_children. A warm script that stands
    still for deadlock_seconds is run again as a process.
    """
    base_env = base_environment(environ)
    starters = Zygotes(
        base_env=base_env,
        alive_fd=alive_fd,
        working_dir=str(working_dir),
        interrupts=interrupts,
        private=(view.seen_as,),
        owns_children=owns_children,
    )
    return WorkerContext(
        worker=worker,
        objects=objects,
        file_sets=file_sets,
        view=view,
        inputs=Inputs(file_sets),
        starters=starters,
        runners=CommandRunner(starters, interrupts=interrupts, deadlock_seconds=deadlock_seconds),
        interrupts=interrupts,
        progress=Progress(view.directory.parent),
        base_env=base_env,
        working_dir=str(working_dir),
        warnings=warnings,
    )
