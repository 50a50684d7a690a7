"""How a run learns, while it waits for a script, that nobody wants the result any more."""

from typing import Protocol

from trunkline.errors import Error


class CancelledError(Error):
    """The job was cancelled while one of its datum sets ran here."""


class Interrupts(Protocol):
    """The orders that may arrive during a run."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when an order may have arrived, or -1 if none ever does."""

    def check(self) -> None:
        """Take what has arrived; raise CancelledError if the present set is to be given up. Never blocks."""


class NoInterrupts:
    """A run that nothing interrupts."""

    def fileno(self) -> int:
        """Return -1."""
        return -1

    def check(self) -> None:
        """Do nothing."""
