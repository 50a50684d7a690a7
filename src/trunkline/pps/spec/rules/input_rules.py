"""What makes an input tree unusable (reference, section 3.5)."""

import re
from collections.abc import Callable, Iterator

from trunkline.errors import InvalidInputError
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.names import (
    NAME_CHARS_MAX,
    REPO_TYPES,
    USER,
    check_branch_name,
    check_project_name,
    check_repo_name,
)
from trunkline.model.pipelines import CronInput, Input, PFSInput, Trigger
from trunkline.model.schedules import parse_schedule
from trunkline.model.sizes import parse_size
from trunkline.pps.spec.form.findings import Finding, error
from trunkline.pps.spec.form.shape import COMBINATIONS
from trunkline.pps.spec.rules.globs import groups_needed, with_groups

_TAKEN_NAMES = ("out", ".env")
_FILE_NAME = re.compile(r"[a-zA-Z0-9_.-]+")


def combination(node: Input) -> str:
    """Return which of cross, union, join and group the node is; empty for a leaf."""
    return next((name for name in COMBINATIONS if getattr(node, name) is not None), "")


def walk(node: Input, path: str = "input", above: tuple[str, ...] = ()) -> Iterator[tuple[Input, str, tuple[str, ...]]]:
    """Yield every node with its path and the combinations that it is in, outermost first."""
    yield node, path, above
    kind = combination(node)
    for index, child in enumerate(node.children):
        yield from walk(child, f"{path}.{kind}[{index}]", (*above, kind))


def input_problems(root: Input | None) -> Iterator[Finding]:
    """Yield every error of an input tree whose defaults are filled in."""
    if root is None:
        yield error("input", "no input set", {"input": {"pfs": {"repo": "REPO", "glob": "/*"}}})
        return
    for node, path, above in walk(root):
        yield from _node_problems(node, path)
        if node.pfs is not None:
            yield from _pfs_problems(node.pfs, f"{path}.pfs", above)
        if node.cron is not None:
            yield from _cron_problems(node.cron, f"{path}.cron")
    yield from _name_problems(root, "input", {})


def _node_problems(node: Input, path: str) -> Iterator[Finding]:
    kinds = [name for name in ("pfs", "cron", *COMBINATIONS) if getattr(node, name) is not None]
    if not kinds:
        yield error(path, "no input set; an input is one of pfs, cron, cross, union, join and group")
    elif len(kinds) > 1:
        yield error(path, f"multiple input types set ({', '.join(kinds)}); combine them in one list, such as cross")
    elif kinds[0] in COMBINATIONS and not node.children:
        yield error(f"{path}.{kinds[0]}", f"no input set; {kinds[0]} takes a list of inputs")


def _pfs_problems(leaf: PFSInput, path: str, above: tuple[str, ...]) -> Iterator[Finding]:
    if not leaf.repo:
        yield error(f"{path}.repo", "input must specify a repo", {"repo": leaf.name or "REPO"})
    else:
        yield from checked(check_repo_name, leaf.repo, f"{path}.repo")
    yield from _mount_name_problems(leaf.name, path)
    yield from checked(check_project_name, leaf.project, f"{path}.project")
    yield from checked(check_branch_name, leaf.branch, f"{path}.branch")
    if leaf.repo_type not in ("", *REPO_TYPES):
        yield error(f"{path}.repoType", f"must be one of {', '.join(REPO_TYPES)}", {"repoType": USER})
    if leaf.commit:
        yield error(f"{path}.commit", "input cannot come from a commit; give a branch")
    yield from _glob_problems(leaf, path, above)
    if leaf.s3:
        yield from _s3_problems(leaf, path, above)
    if leaf.trigger is not None:
        yield from trigger_problems(leaf.trigger, f"{path}.trigger")


def checked(check: Callable[[str], None], name: str, path: str) -> Iterator[Finding]:
    """Yield what a check of a name raises; an absent name is no matter of this."""
    if not name:
        return
    try:
        check(name)
    except InvalidInputError as problem:
        corrected = re.sub(r"[^a-zA-Z0-9_-]+", "-", name).strip("-")[:NAME_CHARS_MAX]
        key = path.rpartition(".")[2]
        helps = corrected and corrected != name and len(corrected) <= len(name)
        yield error(path, str(problem), {key: corrected} if helps else None)


def _mount_name_problems(name: str, path: str) -> Iterator[Finding]:
    if name in _TAKEN_NAMES:
        message = f'input cannot be named "{name}": /pfs/{name} has another use; give it another name'
        yield error(f"{path}.name", message, {"name": "source"})
    elif name and (not _FILE_NAME.fullmatch(name) or name in (".", "..")):
        yield error(
            f"{path}.name", f"{name!r} cannot name a directory below /pfs: use letters, digits, dash, underscore"
        )


def _glob_problems(leaf: PFSInput, path: str, above: tuple[str, ...]) -> Iterator[Finding]:
    if not leaf.glob:
        yield error(f"{path}.glob", "input must specify a glob", {"glob": "/" if leaf.s3 else _missing_glob(leaf)})
        return
    try:
        groups = compile_glob(leaf.glob).group_count
    except InvalidInputError as problem:
        yield error(f"{path}.glob", str(problem))
        return
    for key, template, combined in (("joinOn", leaf.join_on, "join"), ("groupBy", leaf.group_by, "group")):
        needed = groups_needed(template)
        if combined in above and needed > groups:
            count = f"only {groups}" if groups else "none"
            message = f"{key} {template!r} takes a capture group in parentheses, but glob {leaf.glob!r} has {count}"
            yield error(f"{path}.glob", message, {"glob": with_groups(leaf.glob, needed)})


def _missing_glob(leaf: PFSInput) -> str:
    return with_groups("/*", max(groups_needed(leaf.join_on), groups_needed(leaf.group_by)))


def _s3_problems(leaf: PFSInput, path: str, above: tuple[str, ...]) -> Iterator[Finding]:
    if leaf.glob and leaf.glob != "/":
        yield error(f"{path}.glob", "an input with s3 must have the glob /", {"glob": "/"})
    if leaf.lazy or leaf.empty_files:
        key = "lazy" if leaf.lazy else "emptyFiles"
        yield error(f"{path}.{key}", f"{key} and s3 exclude each other", {key: False})
    if combined := next((kind for kind in above if kind != "cross"), ""):
        yield error(f"{path}.s3", f"an input with s3 cannot be in a {combined}")


def trigger_problems(trigger: Trigger, path: str) -> Iterator[Finding]:
    """Yield every error of a trigger."""
    if not trigger.branch:
        yield error(f"{path}.branch", "triggers must specify a branch to trigger on", {"branch": "master"})
    for key, text, name in (
        ("rateLimitSpec", trigger.rate_limit_spec, "rate limit spec"),
        ("cronSpec", trigger.cron_spec, "cron spec"),
    ):
        if text and (reason := schedule_problem(text)):
            yield error(f"{path}.{key}", f"invalid trigger {name}: {reason}")
    if trigger.size:
        try:
            parse_size(trigger.size)
        except ValueError as problem:
            yield error(f"{path}.size", f"invalid trigger size {problem}; sizes are such as 100K, 20M, 1G")
    if trigger.commits < 0:
        yield error(f"{path}.commits", "can't trigger on a negative number of commits")
    if trigger.cron_spec and (trigger.rate_limit_spec or trigger.size or trigger.commits):
        yield error(f"{path}.cronSpec", "cronSpec excludes the other conditions of a trigger")


def _cron_problems(leaf: CronInput, path: str) -> Iterator[Finding]:
    if not leaf.name:
        yield error(f"{path}.name", "cron input must specify a name", {"name": "tick"})
    else:
        yield from _mount_name_problems(leaf.name, path)
        yield from checked(check_repo_name, leaf.repo, f"{path}.repo")
    yield from checked(check_project_name, leaf.project, f"{path}.project")
    if leaf.commit:
        yield error(f"{path}.commit", "input cannot come from a commit")
    if not leaf.spec:
        yield error(f"{path}.spec", "cron input must specify a spec", {"spec": "@daily"})
    elif reason := schedule_problem(leaf.spec):
        yield error(f"{path}.spec", reason)


def schedule_problem(text: str) -> str:
    """Return what is wrong with a schedule; empty when nothing is."""
    try:
        parse_schedule(text)
    except InvalidInputError as problem:
        return str(problem)
    return ""


def _name_problems(node: Input, path: str, used: dict[str, str]) -> Iterator[Finding]:
    """Yield names given twice, adding those below node to used. Branches of a union may share names."""
    leaf = node.pfs or node.cron
    if leaf is not None and leaf.name:
        own_path = f"{path}.{'pfs' if node.pfs else 'cron'}"
        if first := used.get(leaf.name):
            message = f'name "{leaf.name}" was used more than once, first at {first}'
            yield error(f"{own_path}.name", message, {"name": f"{leaf.name}-2"})
        used.setdefault(leaf.name, own_path)
    kind = combination(node)
    if kind != "union":
        for index, child in enumerate(node.children):
            yield from _name_problems(child, f"{path}.{kind}[{index}]", used)
        return
    branches = [dict(used) for _ in node.children]
    for index, (child, own) in enumerate(zip(node.children, branches, strict=True)):
        yield from _name_problems(child, f"{path}.{kind}[{index}]", own)
    for own in branches:
        used.update(own)
