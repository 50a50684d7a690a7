"""Commands that mount commits as directories, and unmount them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline.cli.options import command, pass_session, project_option
from trunkline.cli.session import Session, announce
from trunkline.cli.show.terminal import say

if TYPE_CHECKING:
    from trunkline.client.mount.records import MountState, Outcome


@command("mount")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-r",
    "--repos",
    multiple=True,
    metavar="REPO[@BRANCH-OR-COMMIT][+w]",
    help="What to mount, separated by commas or repeated; by default every repo at master.",
)
@click.option("-w", "--write", is_flag=True, help="Allow writing; unmounting puts it as one commit for each repo.")
@click.option("--foreground", is_flag=True, help="Stay until it is unmounted, or until Ctrl-C.")
@click.option("-d", "--debug", is_flag=True, help="Print what the kernel asks for; with --foreground.")
@click.option("--ready-descriptor", type=int, hidden=True)
@project_option
@pass_session
def mount(
    session: Session,
    *,
    directory: Path,
    repos: Sequence[str],
    write: bool,
    foreground: bool,
    debug: bool,
    ready_descriptor: int | None,
    project: str | None,
) -> None:
    """Mount repos as directories.

    DIR gets a directory for each repo, called as the repo; or REPO@BRANCH, if a repo is mounted more than once.
    Branches are resolved once: the mount keeps showing these commits.
    """
    from trunkline.client.mount.fuse import load_fuse
    from trunkline.client.mount.process import all_targets, run_mount, start_in_background, tell_ready
    from trunkline.client.mount.records import check_mountable
    from trunkline.client.mount.targets import name_directories, parse_targets

    in_project = session.project(project)
    where = directory.absolute().parent.resolve() / directory.name if directory.name else directory.resolve()
    targets = parse_targets(repos, project=in_project, write=write)
    name_directories(targets)
    if not foreground and ready_descriptor is None:
        load_fuse()
        check_mountable(where)
        arguments = [str(where), "--project", in_project, *(["--write"] if write else [])]
        start_in_background([*arguments, *(f"--repos={text}" for text in repos)], announce=announce)
        return
    client = session.client_outside_transaction
    if not targets:
        targets = all_targets(client, in_project, write=write)

    def ready(state: MountState) -> None:
        if ready_descriptor is not None:
            tell_ready(ready_descriptor, state.path / "log")
        else:
            announce(f"mounted on {where}; `pachctl unmount {where}` or Ctrl-C ends it")

    told = ready_descriptor is None
    outcome = run_mount(client, where, targets, ready=ready, announce=announce, told=told, debug=debug)
    if told:
        _report(outcome)


@command("unmount")
@click.argument("directory", metavar="DIR", required=False, type=click.Path(path_type=Path))
@click.option("-a", "--all", "everything", is_flag=True, help="Unmount all, and clear mounts whose process was killed.")
def unmount(*, directory: Path | None, everything: bool) -> None:
    """Unmount a directory, and put what was written.

    What was written into the mount becomes one commit for each repo, before the command returns.
    """
    from trunkline.client.mount import records

    if (directory is None) != everything:
        raise click.UsageError("name the directory to unmount, or use --all")
    if directory is not None:
        # Nothing is asked of the directory itself: it does not answer if its mount is dead.
        where = directory.absolute().parent.resolve() / directory.name if directory.name else directory.resolve()
        _report(records.unmount(where))
        return
    failures: list[str] = []
    for each in records.mounts_to_end():
        outcome = records.unmount(each)
        say(f"unmounted {each}", err=True)
        for line in outcome.put:
            say(line, err=True)
        failures += outcome.failures
    if failures:
        raise click.ClickException("\n".join(failures))


def _report(outcome: Outcome) -> None:
    for line in outcome.put:
        say(line, err=True)
    if outcome.failures:
        raise click.ClickException("\n".join(outcome.failures))
