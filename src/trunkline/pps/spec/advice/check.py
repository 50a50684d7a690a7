"""Everything there is to say about a spec in a file, before it is sent anywhere."""

from datetime import UTC, datetime

from trunkline.pps.spec.advice.lint import lint
from trunkline.pps.spec.decode import spec_of
from trunkline.pps.spec.defaults import fill_defaults
from trunkline.pps.spec.form.document import SpecDocument
from trunkline.pps.spec.form.findings import Finding
from trunkline.pps.spec.form.shape import canonical_spec
from trunkline.pps.spec.rules.validate import problems

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def check(document: SpecDocument, *, uses_images: bool = False) -> list[Finding]:
    """Return errors, warnings and notes about the spec, by line. Defaults that a server may have are not known here.

    Unknown fields and wrong types are corrected before the rules are applied, so that one slip is told once.
    """
    shaped = canonical_spec(document.data)
    spec = fill_defaults(spec_of(shaped.data), now=_ANY_TIME)
    later = [*problems(spec), *lint(spec, uses_images=uses_images)]
    corrected = {finding.path for finding in shaped.findings}
    lost = tuple(finding.path for finding in shaped.findings if finding.correction is None and finding.path)
    findings = [each for each in later if each.path not in corrected and not _is_in(each.path, lost)]
    return document.locate([*shaped.findings, *findings], original_path=shaped.original_path)


def _is_in(path: str, holders: tuple[str, ...]) -> bool:
    """Tell whether the field is one of holders, or lies in one."""
    return any(path == holder or path.startswith((f"{holder}.", f"{holder}[")) for holder in holders)
