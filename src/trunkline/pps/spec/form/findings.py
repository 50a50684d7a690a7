"""What is told about a spec: where, what, and the text that would be right."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trunkline.errors import InvalidInputError
from trunkline.pps.spec.form.writing import to_json, to_yaml


class Severity(StrEnum):
    """How bad a finding is: an error is refused, a warning will surely disappoint, a note is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about one field of a spec.

    ``str(finding)`` is one line, ``vol.yaml:7: input.pfs.glob: input must specify a glob; write:  glob: "/*"``, with
    the corrected text on lines of its own where it needs several.
    """

    severity: Severity
    path: str
    """The field, such as ``input.cross[0].pfs.glob``; empty for the whole document."""
    message: str
    correction: object = None
    """What to write instead: a mapping for fields with their keys, any other value alone; None when we can't tell."""
    file: str = ""
    line: int = 0
    """Counts from 1; 0 when not known."""
    column: int = 0
    is_json: bool = False

    @property
    def fix(self) -> str:
        """The corrected text in the document's own syntax; empty when there is none."""
        if self.correction is None:
            return ""
        return to_json(self.correction) if self.is_json else to_yaml(self.correction)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        field = f"{self.path}: " if self.path else ""
        return f"{place}{field}{self.message}{_write(self.fix)}"


def _write(fix: str) -> str:
    if not fix:
        return ""
    lines = fix.splitlines()
    if len(lines) == 1:
        return f"; write:  {fix}"
    return "; write:\n" + "\n".join(f"    {line}" for line in lines)


class InvalidSpecError(InvalidInputError):
    """A spec cannot be used as it is. ``findings`` tell why, each with its field; ``str()`` has them all."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


def error(path: str, message: str, correction: object = None) -> Finding:
    """Return what is refused about a field."""
    return Finding(Severity.ERROR, path, message, correction)


def warning(path: str, message: str, correction: object = None) -> Finding:
    """Return what will surely disappoint about a field."""
    return Finding(Severity.WARNING, path, message, correction)


def note(path: str, message: str, correction: object = None) -> Finding:
    """Return what is good to know about a field."""
    return Finding(Severity.NOTE, path, message, correction)


def join_path(path: str, key: str | int) -> str:
    """Return the path of a member: ``input`` and ``pfs`` make ``input.pfs``, ``cross`` and 0 make ``cross[0]``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def parent_path(path: str) -> str:
    """Return the path of what holds the field; the whole document is ``""``."""
    if path.endswith("]"):
        return path[: path.rindex("[")]
    return path.rpartition(".")[0]
