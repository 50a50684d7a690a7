"""The command for the key-value pairs attached to objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session

if TYPE_CHECKING:
    from trunkline.proto.metadata_pb2 import Edit

_KINDS = ("cluster", "project", "repo", "branch", "commit", "pipeline")
_OPERATIONS = ("add", "edit", "delete", "replace")


@command("metadata")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("name")
@click.argument("operation", type=click.Choice(_OPERATIONS))
@click.argument("data", required=False)
@project_option
@pass_session
def edit_metadata(
    session: Session, *, kind: str, name: str, operation: str, data: str | None, project: str | None
) -> None:
    r"""Change the key-value pairs of an object.

    \b
      edit metadata repo images add owner=ada        a new key
      edit metadata repo images edit owner=grace     a key, new or not
      edit metadata repo images delete owner
      edit metadata repo images replace '{"a": "b"}'
      edit metadata cluster . add site=north
    """
    edit = proto.metadata_pb2.Edit()
    _pick(edit, kind, name, session.project(project))
    _operate(edit, operation, data or "")
    session.client.metadata.EditMetadata(proto.metadata_pb2.EditMetadataRequest(edits=[edit]))


def _pick(edit: Edit, kind: str, name: str, in_project: str) -> None:
    if kind == "cluster":
        edit.cluster.SetInParent()
    elif kind == "project":
        edit.project.name = name
    elif kind == "pipeline":
        pipeline = refer.pipeline(name, in_project)
        edit.pipeline.name.project.name = pipeline.project.name
        edit.pipeline.name.name = pipeline.name
    elif kind == "repo":
        edit.repo.CopyFrom(refer.repo_picker(refer.repo(name, in_project)))
    elif kind == "branch":
        edit.branch.CopyFrom(refer.branch_picker(refer.branch(name, in_project)))
    else:
        edit.commit.CopyFrom(refer.commit_picker(refer.commit(name, in_project)))


def _operate(edit: Edit, operation: str, data: str) -> None:
    if operation == "replace":
        edit.replace.SetInParent()
        edit.replace.replacement.update(_pairs(data))
        return
    if operation == "delete":
        edit.delete_key.key = data
        return
    key, equals, value = data.partition("=")
    if not equals or not key:
        raise click.BadArgumentUsage(f"{data!r} is not a pair: write key=value")
    target = edit.add_key if operation == "add" else edit.edit_key
    target.key, target.value = key, value


def _pairs(text: str) -> dict[str, str]:
    try:
        pairs = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise click.BadArgumentUsage(f"{text!r} is not JSON: {error}") from None
    if not isinstance(pairs, dict) or not all(isinstance(value, str) for value in pairs.values()):
        raise click.BadArgumentUsage(f"{text!r} is not a JSON object of strings")
    return pairs
