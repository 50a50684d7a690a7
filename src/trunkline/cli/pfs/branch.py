"""Commands for branches."""

from __future__ import annotations

import click

from trunkline import proto
from trunkline.cli import references as refer
from trunkline.cli.options import ShowTime, command, pass_session, project_option, raw_options, timestamps_option
from trunkline.cli.session import Session
from trunkline.cli.show.raw import print_messages
from trunkline.cli.show.tables import print_details, print_table


@command("branch")
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-p", "--provenance", multiple=True, help="A branch that this one is computed from; may be repeated.")
@click.option("--head", default="", help="The commit to point to: repo@branch or a commit of the repo.")
@click.option("-t", "--trigger", default="", help="The branch of the same repo whose commits this one follows.")
@click.option("--trigger-cron", default="", help="Follow at these times.")
@click.option("--trigger-size", default="", help="Follow when so much data has come, e.g. 100MB.")
@click.option("--trigger-commits", default=0, help="Follow when so many commits have come.")
@click.option("--trigger-all", is_flag=True, help="Follow only when all conditions hold, not any.")
@project_option
@pass_session
def create_branch(
    session: Session,
    *,
    branch: str,
    provenance: tuple[str, ...],
    head: str,
    trigger: str,
    trigger_cron: str,
    trigger_size: str,
    trigger_commits: int,
    trigger_all: bool,
    project: str | None,
) -> None:
    """Create a branch, or change one."""
    in_project = session.project(project)
    message = refer.branch(branch, in_project)
    request = proto.pfs_pb2.CreateBranchRequest(branch=message)
    request.provenance.extend(refer.branch(text, in_project) for texts in provenance for text in texts.split(","))
    if head:
        request.head.CopyFrom(refer.commit(head if "@" in head else f"{branch.partition('@')[0]}@{head}", in_project))
    if trigger:
        request.trigger.CopyFrom(
            proto.pfs_pb2.Trigger(
                branch=trigger,
                rate_limit_spec=trigger_cron,
                size=trigger_size,
                commits=trigger_commits,
                all=trigger_all,
            )
        )
    elif trigger_cron or trigger_size or trigger_commits or trigger_all:
        raise click.UsageError("trigger conditions need --trigger, the branch to follow")
    session.client.pfs.CreateBranch(request)
    session.report_transaction()


@command("branch")
@click.argument("repo")
@click.option("-r", "--reverse", is_flag=True, help="Oldest first.")
@project_option
@raw_options
@timestamps_option
@pass_session
def list_branch(
    session: Session, *, repo: str, reverse: bool, project: str | None, raw: str | None, show_time: ShowTime
) -> None:
    """List the branches of a repo."""
    message = refer.repo(repo, session.project(project))
    branches = session.client.pfs.ListBranch(proto.pfs_pb2.ListBranchRequest(repo=message, reverse=reverse))
    if raw:
        print_messages(branches, raw)
        return
    rows = (
        (info.branch.name, info.head.id or "-", _trigger(info), info.created_by or "-", show_time(info.created_at))
        for info in branches
    )
    print_table(("BRANCH", "HEAD", "TRIGGER", "CREATOR", "CREATED"), rows)


@command("branch")
@click.argument("branch", metavar="REPO@BRANCH")
@project_option
@raw_options
@timestamps_option
@pass_session
def inspect_branch(session: Session, *, branch: str, project: str | None, raw: str | None, show_time: ShowTime) -> None:
    """Show a branch."""
    message = refer.branch(branch, session.project(project))
    info = session.client.pfs.InspectBranch(proto.pfs_pb2.InspectBranchRequest(branch=message))
    if raw:
        print_messages([info], raw)
        return
    provenance = ", ".join(f"{source.repo.name}@{source.name}" for source in info.direct_provenance)
    print_details(
        [
            ("Name", f"{info.branch.repo.name}@{info.branch.name}"),
            ("Head", info.head.id),
            ("Provenance", provenance),
            ("Trigger", _trigger(info).removeprefix("-")),
            ("Creator", info.created_by),
            ("Created", show_time(info.created_at)),
        ]
    )


@command("branch")
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-f", "--force", is_flag=True, help="Even if other branches depend on it.")
@project_option
@pass_session
def delete_branch(session: Session, *, branch: str, force: bool, project: str | None) -> None:
    """Delete a branch; its commits stay."""
    message = refer.branch(branch, session.project(project))
    session.client.pfs.DeleteBranch(proto.pfs_pb2.DeleteBranchRequest(branch=message, force=force))
    session.report_transaction()


def _trigger(info: proto.pfs_pb2.BranchInfo) -> str:
    """Return ``branch on size 1K or commits 3``, or ``-``."""
    trigger = info.trigger
    if not trigger.branch:
        return "-"
    cron = trigger.cron_spec or trigger.rate_limit_spec
    conditions = {"cron": cron, "size": trigger.size, "commits": trigger.commits}
    text = (" and " if trigger.all else " or ").join(f"{name} {value}" for name, value in conditions.items() if value)
    return f"{trigger.branch} on {text}" if text else trigger.branch
