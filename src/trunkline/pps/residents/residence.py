"""Where residents live, as the control side sees it: what `Executor` is for datum sets, and beside it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from trunkline.model.residents import Place, Resident, ResidentEnd


class ResidentListener(Protocol):
    """Told what becomes of residents, each from a thread of its own."""

    def began(self, resident: Resident) -> None:
        """Its command has been started."""

    def printed(self, resident: Resident, records: Sequence[str]) -> None:
        """Its command printed this, as log records: JSON objects."""

    def gone(self, resident: Resident, end: ResidentEnd | None) -> None:
        """Nothing is left of it, and its place is free; without an end it was stopped."""


class Residence(Protocol):
    """Runs residents, each until it ends or is stopped; what comes next is not its business. For any thread."""

    def start(self, resident: Resident, tenancy: ResidentListener) -> None:
        """Start a life, at once; its place must be free. ``tenancy.gone`` is told in any case, once."""

    def stop(self, place: Place) -> None:
        """Kill what lives there, if anything does, without waiting for its end."""

    def forward(self, ports: Mapping[int, int]) -> dict[int, str]:
        """Make these ports of this machine, and no others, lead to the given ones.

        Return those that cannot be had, each with the reason; asking again tries again.
        """

    def close(self) -> None:
        """Stop everything and return when no process is left behind."""
