"""The datums that an input makes of its branches as they are, without a job."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from trunkline.errors import InvalidInputError
from trunkline.model.datums import Datum, DatumInput
from trunkline.model.names import DEFAULT_BRANCH, DEFAULT_PROJECT
from trunkline.model.pipelines import CronInput, Input, PFSInput
from trunkline.model.versions import CommitReference
from trunkline.pfs.history.references import find_repo
from trunkline.pfs.queries.branches import find_branch
from trunkline.pfs.repos import exists
from trunkline.pfs.versioning import Versioning
from trunkline.pps.datums.enumeration import Leaf, ListedMatches, datum_input, enumerate_datums, leaf_glob
from trunkline.pps.datums.identity import make_datums
from trunkline.pps.datums.job_inputs import repo_of, source_of
from trunkline.pps.spec.decode import decode_spec
from trunkline.pps.spec.defaults import fill_defaults, map_leaves
from trunkline.pps.spec.form.findings import InvalidSpecError
from trunkline.pps.spec.rules.input_rules import input_problems


def read_input(input_json: str, *, project: str = DEFAULT_PROJECT) -> Input:
    """Return the input tree in JSON text, defaults filled in. Its commits may be set; cron inputs are refused."""
    spec = decode_spec(json.dumps({"pipeline": {"name": "preview"}, "input": json.loads(input_json)}))
    filled = fill_defaults(spec, now=datetime.now(UTC), project=project).input
    if filled is not None and any(isinstance(leaf, CronInput) for leaf in filled.leaves()):
        raise InvalidInputError("can't list datums with a cron input: its ticks are still to come")
    if findings := list(input_problems(filled and map_leaves(filled, pfs=_without_commit, cron=lambda leaf: leaf))):
        raise InvalidSpecError(findings)
    assert filled is not None
    return filled


def _without_commit(leaf: PFSInput) -> PFSInput:
    return replace(leaf, commit="")


def preview_datums(versioning: Versioning, node: Input, *, salt: str = "") -> Iterator[Datum]:
    """Yield the datums of an input in the order that a job would make them, each leaf at its commit or branch head."""

    def matches(leaf: Leaf) -> Iterator[DatumInput]:
        branch = leaf.branch if isinstance(leaf, PFSInput) else DEFAULT_BRANCH
        if not _is_there(versioning, leaf, branch):
            return
        reference = CommitReference(repo_of(leaf), branch=branch, id=leaf.commit)
        commit, files = versioning.open_files(reference)
        assert commit is not None
        source = source_of(leaf, dataclasses.replace(commit, root=files.root))
        for info, match in files.glob_matches(leaf_glob(leaf)):
            yield datum_input(source, info.path, info.hash, info.size_bytes, match=match, leaf=leaf)

    return make_datums(enumerate_datums(node, ListedMatches(matches)), salt=salt)


def _is_there(versioning: Versioning, leaf: Leaf, branch: str) -> bool:
    """Return whether a leaf has anything to read: what only its pipeline makes starts without files."""
    repo = repo_of(leaf)
    with versioning.reading() as tx:
        if isinstance(leaf, CronInput):
            return exists(tx, repo)
        if leaf.trigger is None or leaf.commit:
            return True
        return find_branch(tx.connection, find_repo(tx, repo).key, branch) is not None
