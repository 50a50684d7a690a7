"""Commands that list commits and commit sets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import (
    ShowTime,
    all_projects_option,
    command,
    parse_duration,
    pass_session,
    project_option,
    raw_options,
    timestamps_option,
)
from trunkline.cli.pfs.repo import size_of
from trunkline.cli.session import Session
from trunkline.cli.show import human
from trunkline.cli.show.raw import print_messages, to_dict
from trunkline.cli.show.tables import print_table
from trunkline.cli.show.terminal import say
from trunkline.model.ids import is_id

ORIGINS = {1: "USER", 2: "AUTO", 3: "FSCK"}
_COMMIT_HEADER = ("PROJECT", "REPO", "COMMIT", "FINISHED", "SIZE", "ORIGIN", "CREATOR", "DESCRIPTION")

_origin_option = click.option(
    "--origin", type=click.Choice(["user", "auto", "fsck"], case_sensitive=False), help="Only those made this way."
)


@command("commit")
@click.argument("reference", metavar="[ID | REPO[@BRANCH]]", required=False)
@click.option("-f", "--from", "from_", default="", help="Only commits after this one.")
@click.option("-n", "--number", default=0, help="At most so many.")
@click.option("--all", "all_origins", is_flag=True, help="Whatever their origin; so it is without --origin, too.")
@click.option("-x", "--expand", is_flag=True, help="Show the commits of each set.")
@_origin_option
@all_projects_option
@project_option
@raw_options
@timestamps_option
@pass_session
def list_commit(
    session: Session,
    *,
    reference: str | None,
    from_: str,
    number: int,
    all_origins: bool,
    expand: bool,
    origin: str | None,
    all_projects: bool,
    project: str | None,
    raw: str | None,
    show_time: ShowTime,
) -> None:
    """List commit sets, or the commits of a set, repo or branch.

    Without an argument: commit sets, newest first. With an id: the commits of that set. With a repo or branch: its
    commits, newest first.
    """
    if not reference:
        in_project = "" if all_projects else session.project(project)
        _list_sets(session, in_project, number, raw, show_time, expand=expand)
        return
    if is_id(reference):
        request = proto.pfs_pb2.InspectCommitSetRequest(commit_set=proto.pfs_pb2.CommitSet(id=reference))
        print_commits(session.client.pfs.InspectCommitSet(request), raw, show_time)
        return
    kind = _origin(None if all_origins else origin)
    commits = session.client.pfs.ListCommit(_list_request(reference, from_, number, session.project(project), kind))
    print_commits(commits, raw, show_time)


def _list_request(
    reference: str, from_: str, number: int, in_project: str, origin_kind: str
) -> proto.pfs_pb2.ListCommitRequest:
    name, at, _ = reference.partition("@")
    request = proto.pfs_pb2.ListCommitRequest(
        repo=refer.repo(name, in_project), number=number, all=True, origin_kind=origin_kind
    )
    if at:
        request.to.CopyFrom(refer.commit(reference, in_project))
    if from_:
        start = refer.commit(from_ if "@" in from_ else f"{name}@{from_}", in_project)
        getattr(request, "from").CopyFrom(start)
    return request


def _origin(name: str | None) -> str:
    return name.upper() if name else "ORIGIN_KIND_UNKNOWN"


def _list_sets(
    session: Session, project: str, number: int, raw: str | None, show_time: ShowTime, *, expand: bool
) -> None:
    request = proto.pfs_pb2.ListCommitSetRequest()
    if project:
        request.project.name = project
    stream = session.client.pfs.ListCommitSet(request)
    sets = islice(stream, number) if number else stream
    if expand:
        print_commits((info for commit_set in sets for info in commit_set.commits), raw, show_time)
    elif raw:
        print_messages(sets, raw)
    else:
        rows = (_set_row(commit_set, show_time) for commit_set in sets)
        print_table(("ID", "SUBCOMMITS", "PROGRESS", "CREATED", "MODIFIED"), rows)


def _set_row(commit_set: proto.pfs_pb2.CommitSetInfo, show_time: ShowTime) -> list[str]:
    commits = commit_set.commits
    done = sum(info.HasField("finished") for info in commits)
    started = [info.started for info in commits if info.HasField("started")]
    changed = started + [info.finished for info in commits if info.HasField("finished")]
    nothing = proto.pfs_pb2.CommitInfo().started
    created = min(started, key=human.seconds_of, default=nothing)
    modified = max(changed, key=human.seconds_of, default=nothing)
    progress = f"{done} / {len(commits)}"
    return [commit_set.commit_set.id, str(len(commits)), progress, show_time(created), show_time(modified)]


def print_commits(commits: Iterable[proto.pfs_pb2.CommitInfo], raw: str | None, show_time: ShowTime) -> None:
    """Print commits as a table, or raw."""
    if raw:
        print_messages(commits, raw)
    else:
        print_table(_COMMIT_HEADER, (_row(info, show_time) for info in commits))


def _row(info: proto.pfs_pb2.CommitInfo, show_time: ShowTime) -> list[str]:
    kind = "" if info.commit.repo.type in ("", "user") else f".{info.commit.repo.type}"
    return [
        info.commit.repo.project.name,
        info.commit.repo.name + kind,
        info.commit.id,
        show_time(info.finished),
        size_of(info, info.size_bytes_upper_bound) if info.HasField("finished") else "-",
        ORIGINS.get(info.origin.kind, "-"),
        info.created_by or "-",
        info.description,
    ]


@command("commit")
@click.argument("reference", metavar="REPO[@BRANCH]")
@click.option("--from", "from_", default="", help="Only commits after this one.")
@click.option("--new", is_flag=True, help="Only commits made from now on.")
@click.option("--all", "all_origins", is_flag=True, help="Whatever their origin; so it is without --origin, too.")
@_origin_option
@project_option
@raw_options
@timestamps_option
@pass_session
def subscribe_commit(
    session: Session,
    *,
    reference: str,
    from_: str,
    new: bool,
    all_origins: bool,
    origin: str | None,
    project: str | None,
    raw: str | None,
    show_time: ShowTime,
) -> None:
    """Print commits as they come.

    First those that are there, oldest first, then new ones, until Ctrl-C.
    """
    if new and from_:
        raise click.UsageError("give either --new or --from")
    in_project = session.project(project)
    name, _, branch = reference.partition("@")
    request = proto.pfs_pb2.SubscribeCommitRequest(
        repo=refer.repo(name, in_project),
        branch=branch,
        state=proto.pfs_pb2.STARTED,
        all=True,
        origin_kind=_origin(None if all_origins else origin),
    )
    start = f"{name}@{branch}" if new and branch else from_
    if start:
        full = start if "@" in start else f"{name}@{start}"
        getattr(request, "from").CopyFrom(refer.commit(full, in_project))
    for info in session.client.pfs.SubscribeCommit(request):
        if raw:
            print_messages([info], raw)
        else:
            say("   ".join(_row(info, show_time)).rstrip())


@command("commit")
@click.argument("file", metavar="REPO@BRANCH-OR-COMMIT:PATH")
@click.option("--limit", default=0, help="At most so many.")
@click.option("--timeout", default="", help="Give up after this, e.g. 30s.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_option
@pass_session
def find_commit(session: Session, *, file: str, limit: int, timeout: str, as_json: bool, project: str | None) -> None:
    """List the commits that changed a file."""
    reference = refer.file(file, session.project(project))
    request = proto.pfs_pb2.FindCommitsRequest(start=reference.commit, file_path=reference.path, limit=limit)
    seconds = parse_duration(timeout) if timeout else None
    for response in session.client.pfs.FindCommits(request, timeout=seconds):
        if as_json:
            say(json.dumps(to_dict(response)))
        elif response.HasField("found_commit"):
            say(response.found_commit.id)
        else:
            say(f"searched {response.commits_searched} commits", err=True)
