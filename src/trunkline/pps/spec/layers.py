"""The layers of a spec: built in, of the cluster, of the project, of the user, each merged over the ones before."""

import json

from trunkline.pps.spec.decode import canonical_data, load_object, without_nulls
from trunkline.pps.spec.form.findings import InvalidSpecError, error
from trunkline.pps.spec.form.schema import JSON

DEFAULT_IMAGE = "ubuntu:20.04"
BUILT_IN_DEFAULTS = json.dumps(
    {
        "createPipelineRequest": {
            "transform": {"image": DEFAULT_IMAGE},
            "outputBranch": "master",
            "datumTries": "3",
            "reprocessSpec": "until_success",
        }
    }
)
"""What every spec starts from, in the form that clusters and projects give their defaults in."""

_WRAPPERS = ("createPipelineRequest", "create_pipeline_request")


def merge_patch(base: JSON, patch: JSON) -> JSON:
    """Return base with patch merged over it as RFC 7396 says: objects by key, null deletes, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def effective_spec(user_json: str, *, cluster_defaults: str = "{}", project_defaults: str = "{}") -> str:
    """Return the user's spec over all defaults, as canonical JSON text; InvalidSpecError for a layer that is wrong."""
    merged: JSON = {}
    for layer in (BUILT_IN_DEFAULTS, cluster_defaults, project_defaults):
        merged = merge_patch(merged, _defaults(layer))
    return _dump(without_nulls(merge_patch(merged, canonical_data(user_json))))


def canonical_defaults(json_text: str) -> str:
    """Return the defaults of a cluster or project in canonical form, or raise InvalidSpecError."""
    inner = _defaults(json_text)
    return _dump({"createPipelineRequest": inner} if inner else {})


def _defaults(json_text: str) -> dict[str, JSON]:
    wrapper = load_object(json_text or "{}")
    if unknown := set(wrapper) - set(_WRAPPERS):
        key = min(unknown)
        message = "unknown field; defaults of a spec's fields go into createPipelineRequest"
        raise InvalidSpecError([error(key, message, {"createPipelineRequest": {key: wrapper[key]}})])
    inner: JSON = next((wrapper[name] for name in _WRAPPERS if wrapper.get(name) is not None), {})
    return canonical_data(json.dumps(inner))


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
