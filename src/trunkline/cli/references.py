"""From arguments to messages: ``repo``, ``repo@branch``, ``repo@commit:path``, ``pipeline@job``."""

from __future__ import annotations

import re

import click

from trunkline import proto
from trunkline.model.ids import is_id
from trunkline.model.names import USER

_BRANCH = re.compile(r"[a-zA-Z0-9_-]+")


def project(name: str) -> proto.pfs_pb2.Project:
    """Return a project by name."""
    return proto.pfs_pb2.Project(name=name)


def repo(text: str, in_project: str) -> proto.pfs_pb2.Repo:
    """Return the repo that ``name``, ``name.type`` or ``project/name`` means."""
    named, slash, rest = text.partition("/")
    name, _, kind = (rest if slash else named).partition(".")
    if not name or "@" in text or ":" in text:
        raise click.BadArgumentUsage(f"{text!r} is not a repo: write its name only")
    return proto.pfs_pb2.Repo(project=project(named if slash else in_project), name=name, type=kind or USER)


def branch(text: str, in_project: str) -> proto.pfs_pb2.Branch:
    """Return the branch that ``repo@branch`` means."""
    before, at, name = text.partition("@")
    if not at or not name:
        raise click.BadArgumentUsage(f"{text!r} is not a branch: write repo@branch")
    return proto.pfs_pb2.Branch(repo=repo(before, in_project), name=name)


def commit(text: str, in_project: str) -> proto.pfs_pb2.Commit:
    """Return the commit that ``repo@branch``, ``repo@id`` or ``repo@branch=id`` means, ancestry suffixes included.

    What is no legal branch name, such as ``master^``, travels in the id and is resolved by the server.
    """
    before, at, reference = text.partition("@")
    if not at or not reference:
        raise click.BadArgumentUsage(f"{text!r} is not a commit: write repo@branch or repo@commit")
    found = repo(before, in_project)
    name, _, identifier = reference.partition("=")
    if not identifier and (is_id(name) or not _BRANCH.fullmatch(name)):
        name, identifier = "", name
    return proto.pfs_pb2.Commit(repo=found, branch=proto.pfs_pb2.Branch(repo=found, name=name), id=identifier)


def repo_picker(message: proto.pfs_pb2.Repo) -> proto.pfs_pb2.RepoPicker:
    """Return what picks a repo where the wire wants a picker."""
    in_project = proto.pfs_pb2.ProjectPicker(name=message.project.name)
    name = proto.pfs_pb2.RepoPicker.RepoName(project=in_project, name=message.name, type=message.type)
    return proto.pfs_pb2.RepoPicker(name=name)


def branch_picker(message: proto.pfs_pb2.Branch) -> proto.pfs_pb2.BranchPicker:
    """Return what picks a branch."""
    name = proto.pfs_pb2.BranchPicker.BranchName(repo=repo_picker(message.repo), name=message.name)
    return proto.pfs_pb2.BranchPicker(name=name)


def commit_picker(message: proto.pfs_pb2.Commit) -> proto.pfs_pb2.CommitPicker:
    """Return what picks a commit: by its branch, or by what stands in its id."""
    if message.branch.name and not message.id:
        return proto.pfs_pb2.CommitPicker(branch_head=branch_picker(message.branch))
    by_id = proto.pfs_pb2.CommitPicker.CommitByGlobalId(repo=repo_picker(message.repo), id=message.id)
    return proto.pfs_pb2.CommitPicker(id=by_id)


def file(text: str, in_project: str, *, need_path: bool = True) -> proto.pfs_pb2.File:
    """Return the file that ``repo@branch:path`` means."""
    before, _, path = text.partition(":")
    if need_path and not path:
        raise click.BadArgumentUsage(f"{text!r} is not a file: write repo@branch:path")
    return proto.pfs_pb2.File(commit=commit(before, in_project), path=path)


def pipeline(text: str, in_project: str) -> proto.pps_pb2.Pipeline:
    """Return the pipeline that ``name`` or ``project/name`` means."""
    before, slash, name = text.rpartition("/")
    if not name or "@" in name:
        raise click.BadArgumentUsage(f"{text!r} is not a pipeline: write its name only")
    return proto.pps_pb2.Pipeline(project=project(before if slash else in_project), name=name)


def job(text: str, in_project: str) -> proto.pps_pb2.Job:
    """Return the job that ``pipeline@id`` means."""
    before, at, identifier = text.partition("@")
    if not at or not identifier:
        raise click.BadArgumentUsage(f"{text!r} is not a job: write pipeline@job")
    return proto.pps_pb2.Job(pipeline=pipeline(before, in_project), id=identifier)


def show_commit(message: proto.pfs_pb2.Commit) -> str:
    """Return ``repo@id``, or an empty text for no commit."""
    if not message.id:
        return ""
    suffix = "" if message.repo.type in ("", USER) else f".{message.repo.type}"
    return f"{message.repo.name}{suffix}@{message.id}"
