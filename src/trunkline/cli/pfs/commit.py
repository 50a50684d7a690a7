"""Commands for single commits and for commit sets as a whole."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import ShowTime, command, pass_session, project_option, raw_options, timestamps_option
from trunkline.cli.pfs.commit_list import ORIGINS, print_commits
from trunkline.cli.pfs.repo import size_of
from trunkline.cli.session import Session
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details
from trunkline.cli.show.terminal import say
from trunkline.errors import ConflictError
from trunkline.model.ids import is_id


@command("commit")
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-p", "--parent", default="", help="The commit to start from, instead of the branch's head.")
@click.option("-m", "--message", "--description", default="", help="What the commit is for.")
@project_option
@pass_session
def start_commit(session: Session, *, branch: str, parent: str, message: str, project: str | None) -> None:
    """Open a commit, to be written and finished."""
    in_project = session.project(project)
    request = proto.pfs_pb2.StartCommitRequest(branch=refer.branch(branch, in_project), description=message)
    if parent:
        full = parent if "@" in parent else f"{branch.partition('@')[0]}@{parent}"
        request.parent.CopyFrom(refer.commit(full, in_project))
    commit = session.client.pfs.StartCommit(request)
    session.report_transaction()
    say(commit.id)


@command("commit")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@click.option("-m", "--message", "--description", default="", help="What the commit is for.")
@click.option("-f", "--force", is_flag=True, help="Even if it is a pipeline's output.")
@project_option
@pass_session
def finish_commit(session: Session, *, commit: str, message: str, force: bool, project: str | None) -> None:
    """Close an open commit."""
    reference = refer.commit(commit, session.project(project))
    request = proto.pfs_pb2.FinishCommitRequest(commit=reference, description=message, force=force)
    session.client.pfs.FinishCommit(request)
    session.report_transaction()
    if not session.transaction:
        info = session.client.pfs.InspectCommit(proto.pfs_pb2.InspectCommitRequest(commit=reference))
        if info.error:
            raise ConflictError(f"commit {commit} finished with an error, and the next one leaves it out: {info.error}")


@command("commit")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@project_option
@raw_options
@timestamps_option
@pass_session
def inspect_commit(session: Session, *, commit: str, project: str | None, raw: str | None, show_time: ShowTime) -> None:
    """Show a commit."""
    _inspect(session, commit, project, raw, show_time, wait=False)


@command("commit")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT | ID")
@project_option
@raw_options
@timestamps_option
@pass_session
def wait_commit(session: Session, *, commit: str, project: str | None, raw: str | None, show_time: ShowTime) -> None:
    """Wait until a commit is finished, then show it.

    With an id alone, waits for all commits of the set.
    """
    _inspect(session, commit, project, raw, show_time, wait=True)


def _inspect(
    session: Session, commit: str, project: str | None, raw: str | None, show_time: ShowTime, *, wait: bool
) -> None:
    pfs = session.client.pfs
    if is_id(commit):
        commit_set = proto.pfs_pb2.CommitSet(id=commit)
        commits = pfs.InspectCommitSet(proto.pfs_pb2.InspectCommitSetRequest(commit_set=commit_set, wait=wait))
        print_commits(commits, raw, show_time)
        return
    state = proto.pfs_pb2.FINISHED if wait else proto.pfs_pb2.COMMIT_STATE_UNKNOWN
    reference = refer.commit(commit, session.project(project))
    info = pfs.InspectCommit(proto.pfs_pb2.InspectCommitRequest(commit=reference, wait=state))
    if raw:
        print_messages([info], raw)
        return
    print_details(
        [
            ("Commit", refer.show_commit(info.commit)),
            ("Description", info.description),
            ("Parent", info.parent_commit.id),
            ("Provenance", ", ".join(refer.show_commit(source) for source in info.direct_provenance)),
            ("Origin", ORIGINS.get(info.origin.kind, "")),
            ("Started", show_time(info.started)),
            ("Finished", show_time(info.finished)),
            ("Size", size_of(info, info.size_bytes_upper_bound)),
            ("Error", info.error),
        ]
    )


@command("commit")
@click.argument("commit_set", metavar="ID")
@pass_session
def squash_commit(session: Session, *, commit_set: str) -> None:
    """Merge a commit set into its children.

    The set goes, its data stays in the commits that follow it.
    """
    request = proto.pfs_pb2.SquashCommitSetRequest(commit_set=_commit_set(commit_set))
    session.client.pfs.SquashCommitSet(request)
    session.report_transaction()


@command("commit")
@click.argument("commit_set", metavar="ID")
@pass_session
def delete_commit(session: Session, *, commit_set: str) -> None:
    """Delete a commit set with its data.

    Only sets that nothing follows can be deleted.
    """
    session.client.pfs.DropCommitSet(proto.pfs_pb2.DropCommitSetRequest(commit_set=_commit_set(commit_set)))


@command("commitV2")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@click.option("-r", "--recursive", is_flag=True, help="With the commits that were computed from it.")
@project_option
@pass_session
def squash_commit_v2(session: Session, *, commit: str, recursive: bool, project: str | None) -> None:
    """Merge one commit into its children."""
    reference = refer.commit(commit, session.project(project))
    session.client.pfs.SquashCommit(proto.pfs_pb2.SquashCommitRequest(commit=reference, recursive=recursive))


@command("commitV2")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@click.option("-r", "--recursive", is_flag=True, help="With the commits that were computed from it.")
@project_option
@pass_session
def delete_commit_v2(session: Session, *, commit: str, recursive: bool, project: str | None) -> None:
    """Delete one commit with its data."""
    reference = refer.commit(commit, session.project(project))
    session.client.pfs.DropCommit(proto.pfs_pb2.DropCommitRequest(commit=reference, recursive=recursive))


@command("commit")
@click.argument("commit", metavar="REPO@BRANCH-OR-COMMIT")
@project_option
@pass_session
def forget_commit(session: Session, *, commit: str, project: str | None) -> None:
    """Drop the files of an output commit, and keep its record.

    For finished commits of pipelines that are no branch's head. Commits after it keep their files.
    """
    picker = refer.commit_picker(refer.commit(commit, session.project(project)))
    session.client.pfs.ForgetCommit(proto.pfs_pb2.ForgetCommitRequest(commit=picker))


def _commit_set(text: str) -> proto.pfs_pb2.CommitSet:
    if not is_id(text):
        raise click.BadArgumentUsage(f"{text!r} is not the id of a commit set; `list commit` shows ids")
    return proto.pfs_pb2.CommitSet(id=text)
