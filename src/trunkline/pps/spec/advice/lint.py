"""What a spec says that will surely disappoint, though nothing forbids it."""

from collections.abc import Iterator
from itertools import chain

from trunkline.errors import InvalidInputError
from trunkline.model.globs.dialect import compile_glob
from trunkline.model.pipelines import Input, PFSInput, PipelineSpec, ResourceSpec
from trunkline.pps.spec.advice.command_lint import command_findings
from trunkline.pps.spec.advice.mount_lint import mount_findings
from trunkline.pps.spec.form.findings import Finding, note, warning
from trunkline.pps.spec.layers import DEFAULT_IMAGE
from trunkline.pps.spec.rules.globs import groups_needed, starred_group, with_groups
from trunkline.pps.spec.rules.input_rules import walk


def lint(spec: PipelineSpec, *, uses_images: bool = False) -> list[Finding]:
    """Return warnings and notes about a spec whose defaults are filled in.

    ``uses_images`` tells whether the pipeline's image will be used, that is, whether a container engine is at hand.
    """
    return list(
        chain(
            command_findings(spec),
            _image_findings(spec, uses_images),
            _input_findings(spec.input),
            mount_findings(spec),
            _unused_findings(spec),
            _secret_findings(spec),
        )
    )


def _image_findings(spec: PipelineSpec, uses_images: bool) -> Iterator[Finding]:
    image = spec.transform.image if spec.transform else ""
    if image in ("", DEFAULT_IMAGE):
        return
    if not uses_images:
        message = "no container engine is used: cmd runs on this machine, with the programs installed on it"
        yield note("transform.image", message)
        return
    name, _, tag = image.rpartition("/")[2].partition(":")
    if "@" not in image and tag in ("", "latest"):
        message = "an image without a fixed tag may change behind your back"
        repository = image.removesuffix(":latest")
        yield warning("transform.image", message, {"image": f"{repository}:VERSION"} if name else None)


def _input_findings(root: Input | None) -> Iterator[Finding]:
    if root is None:
        return
    for node, path, above in walk(root):
        if node.pfs is not None:
            leaf_path = f"{path}.pfs"
            yield from _glob_findings(node.pfs, leaf_path)
            yield from _join_findings(node.pfs, leaf_path, above)
            yield from _group_findings(node.pfs, leaf_path, above)
        for kind in ("join", "group"):
            children = getattr(node, kind)
            if kind == "join" and children is not None and len(children) == 1:
                yield warning(f"{path}.{kind}", "a join of one input joins nothing; it takes two or more")


def _glob_findings(leaf: PFSInput, path: str) -> Iterator[Finding]:
    if meant := starred_group(leaf.glob):
        message = f"in {leaf.glob!r}, *( means zero or more of what is in the parentheses, not a star and then a group"
        yield warning(f"{path}.glob", message, {"glob": meant})
    if leaf.glob in ("/**", "/**/*"):
        message = f"{leaf.glob} matches directories besides the files in them, so files are processed more than once"
        yield warning(f"{path}.glob", message, {"glob": "/*"})


def _groups(leaf: PFSInput) -> int:
    try:
        return compile_glob(leaf.glob).group_count
    except InvalidInputError:
        return 0


def _join_findings(leaf: PFSInput, path: str, above: tuple[str, ...]) -> Iterator[Finding]:
    if "join" not in above:
        if leaf.join_on:
            yield warning(f"{path}.joinOn", "joinOn has no effect outside of a join", None)
        if leaf.outer_join:
            yield warning(f"{path}.outerJoin", "outerJoin has no effect outside of a join", None)
        return
    if not leaf.join_on:
        yield _no_template(leaf, path, "joinOn", "joins every file with every other")
    elif not groups_needed(leaf.join_on) and "$0" not in leaf.join_on:
        message = f"joinOn {leaf.join_on!r} is the same for every file; $1 is what the glob's first group captures"
        yield warning(f"{path}.joinOn", message, {"glob": with_groups(leaf.glob or "/*", 1), "joinOn": "$1"})


def _no_template(leaf: PFSInput, path: str, key: str, consequence: str) -> Finding:
    correction = {"glob": with_groups(leaf.glob or "/*", 1), key: "$1"}
    return warning(f"{path}.{key}", f"is missing, which {consequence}", correction)


def _group_findings(leaf: PFSInput, path: str, above: tuple[str, ...]) -> Iterator[Finding]:
    if "group" not in above:
        if leaf.group_by:
            yield warning(f"{path}.groupBy", "groupBy has no effect outside of a group", None)
    elif not leaf.group_by and above[-1] == "group":
        yield _no_template(leaf, path, "groupBy", "puts all files into one group")


def _unused_findings(spec: PipelineSpec) -> Iterator[Finding]:
    """Yield a note on each field that is there and that the engine of this machine does not go by."""
    ignored = (
        ("schedulingSpec", spec.scheduling_spec),
        ("podSpec", spec.pod_spec),
        ("podPatch", spec.pod_patch),
        ("tolerations", spec.tolerations),
        ("determined", spec.determined),
        ("sidecarResourceRequests", spec.sidecar_resource_requests),
        ("sidecarResourceLimits", spec.sidecar_resource_limits),
        ("transform.imagePullSecrets", spec.transform is not None and spec.transform.image_pull_secrets),
    )
    for key, value in ignored:
        if value:
            yield note(key, "is for Kubernetes; it is accepted and not used here")
    if spec.transform is not None and spec.transform.dockerfile:
        yield note("transform.dockerfile", "is obsolete and not used")
    yield from _unused_amounts("resourceRequests", spec.resource_requests, used=("cpu",))
    yield from _unused_amounts("resourceLimits", spec.resource_limits, used=("memory", "cpu"))


def _unused_amounts(path: str, resources: ResourceSpec | None, *, used: tuple[str, ...]) -> Iterator[Finding]:
    for key in ("cpu", "memory", "disk", "gpu"):
        if key not in used and resources is not None and getattr(resources, key):
            yield note(f"{path}.{key}", "is accepted and not enforced on this machine")
    if path == "resourceLimits" and resources is not None and resources.cpu:
        yield note(f"{path}.cpu", "sets the threads of numeric libraries; nothing else is held to it on this machine")


def _secret_findings(spec: PipelineSpec) -> Iterator[Finding]:
    for index, secret in enumerate(spec.transform.secrets if spec.transform else ()):
        if not secret.env_var and not secret.mount_path:
            message = f"secret {secret.name} is given to nobody: it takes a mountPath or an envVar"
            yield warning(f"transform.secrets[{index}]", message, {"mountPath": "/secrets"})
