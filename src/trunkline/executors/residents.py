"""Runs residents on this machine: a worker process for each life, beside the slots for datum sets."""

import itertools
import shutil
import threading
from collections.abc import Callable, Mapping

from trunkline.executors.forwarding import Forwarding
from trunkline.executors.worker_process import TurnCancelledError, WorkerLostError, WorkerProcess, WorkerSettings
from trunkline.model.residents import Place, Resident, ResidentEnd
from trunkline.pps.residents.residence import ResidentListener
from trunkline.telemetry import log

_SCRATCH_PREFIX = "resident-"

_log = log("executors")


class LocalResidence:
    """A `Residence` of worker processes and of ports on the loopback interface."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._names = itertools.count(1)
        self._lives: dict[Place, _Life] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._forwarding = Forwarding()
        for leftover in settings.scratch_root.glob(f"{_SCRATCH_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def start(self, resident: Resident, tenancy: ResidentListener) -> None:
        """Start a life."""
        with self._lock:
            assert resident.place not in self._lives
            life = _Life(resident, tenancy, f"{_SCRATCH_PREFIX}{next(self._names)}", self._settings, gone=self._forget)
            self._lives[resident.place] = life
            if self._closing:
                life.stop()
        life.begin()

    def stop(self, place: Place) -> None:
        """Kill what lives there."""
        with self._lock:
            life = self._lives.get(place)
        if life is not None:
            life.stop()

    def forward(self, ports: Mapping[int, int]) -> dict[int, str]:
        """Make ports lead to others."""
        return self._forwarding.set(ports)

    def close(self) -> None:
        """Stop everything; return when every process and scratch directory is gone."""
        with self._lock:
            self._closing = True
            lives = list(self._lives.values())
        for life in lives:
            life.stop()
        for life in lives:
            life.join()
        self._forwarding.close()

    def _forget(self, place: Place) -> None:
        with self._lock:
            del self._lives[place]


class _Life:
    """A thread with one worker, which lives as long as that does: see `WorkerProcess`."""

    def __init__(
        self,
        resident: Resident,
        tenancy: ResidentListener,
        name: str,
        settings: WorkerSettings,
        *,
        gone: Callable[[Place], None],
    ) -> None:
        self._resident = resident
        self._tenancy = tenancy
        self._name = name
        self._settings = settings
        self._gone = gone
        self._worker: WorkerProcess | None = None
        self._stopping = False
        self._began = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._live, name="trunkline-resident", daemon=True)

    def begin(self) -> None:
        """Start it."""
        self._thread.start()

    def stop(self) -> None:
        """Kill it."""
        with self._lock:
            self._stopping = True
            if self._worker is not None:
                self._worker.cancel()

    def join(self) -> None:
        """Return when it is over."""
        self._thread.join()

    def _live(self) -> None:
        end: ResidentEnd | None
        try:
            end = self._run()
        except TurnCancelledError:
            end = None
        except WorkerLostError as error:
            end = ResidentEnd(str(error), failed=True, began=self._began)
        except Exception as error:  # noqa: BLE001 - the other residents go on, and whoever decides about this one is told
            _log.exception("cannot run a process of %s/%s", self._resident.project, self._resident.pipeline)
            end = ResidentEnd(f"{type(error).__name__}: {error}", failed=True, began=self._began)
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()
        self._gone(self._resident.place)
        self._tenancy.gone(self._resident, None if self._stopping else end)

    def _run(self) -> ResidentEnd:
        with self._lock:
            if self._stopping:
                raise TurnCancelledError
            worker = self._worker = WorkerProcess(self._name, self._settings)
        worker.wait_until_ready()
        return worker.host(
            self._resident,
            began=self._begin,
            printed=lambda records: self._tenancy.printed(self._resident, records),
            is_cancelled=lambda: self._stopping,
        )

    def _begin(self) -> None:
        self._began = True
        self._tenancy.began(self._resident)
