"""One spec as it stands in a file: its data, and where each field of it is."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trunkline.pps.spec.form.findings import Finding, parent_path

_WORKING_DIR = ("workingDir", "working_dir")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; both count from 1, and 0 means not known."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class SpecDocument:
    """One spec of a file, as written."""

    file: str
    index: int
    """Counts the specs of the file from 0."""
    data: dict[str, Any]
    """The fields as written, less ``$schema``."""
    is_json: bool = False
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The spec as JSON text, to send to a server."""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))

    @property
    def name(self) -> str:
        """The pipeline's name; empty when the spec gives none."""
        return _text(self._pipeline.get("name"))

    @property
    def project(self) -> str:
        """The pipeline's project; empty when the spec gives none."""
        project = self._pipeline.get("project")
        return _text(project.get("name")) if isinstance(project, dict) else ""

    @property
    def _pipeline(self) -> dict[str, Any]:
        pipeline = self.data.get("pipeline")
        return pipeline if isinstance(pipeline, dict) else {}

    def with_project(self, project: str) -> "SpecDocument":
        """Return the document with its pipeline in project, unless it names one itself or has no pipeline at all."""
        if self.project or not self._pipeline or not project:
            return self
        pipeline = {**self._pipeline, "project": {"name": project}}
        return replace(self, data={**self.data, "pipeline": pipeline})

    @property
    def working_dir(self) -> str:
        """Where the code is to start; empty when the spec does not say."""
        transform = self.data.get("transform")
        given = (_text(transform.get(key)) for key in _WORKING_DIR) if isinstance(transform, dict) else iter(())
        return next((text for text in given if text), "")

    def with_working_dir(self, directory: str) -> "SpecDocument":
        """Return the document with another place for its code to start."""
        transform = {key: value for key, value in self.data["transform"].items() if key not in _WORKING_DIR}
        return replace(self, data={**self.data, "transform": {**transform, "workingDir": directory}})

    def position(self, path: str) -> Position:
        """Return where the field is, or else what would hold it. Paths are in camelCase, or as the file spells them."""
        while True:
            if found := self.positions.get(path):
                return found
            if not path:
                return Position()
            path = parent_path(path)

    def locate(
        self, findings: Iterable[Finding], *, original_path: Callable[[str], str] = lambda path: path
    ) -> list[Finding]:
        """Return findings with file, line and column, in the order of the file.

        ``original_path`` tells where a field stood before it was put where it belongs.
        """
        located = []
        for finding in findings:
            at = self.position(original_path(finding.path))
            located.append(replace(finding, file=self.file, line=at.line, column=at.column, is_json=self.is_json))
        return sorted(located, key=lambda finding: (finding.line, finding.column))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
