"""What is left of the commands about auth and licences, of which there are none here."""

from __future__ import annotations

import sys

import click

from trunkline.cli.options import command, pass_session
from trunkline.cli.session import Session
from trunkline.cli.show.terminal import say


@command("get-state")
def enterprise_state() -> None:
    """Print the state of the licence, which is that there is none."""
    say("NONE: everything is on without a licence")


@command("logout")
@pass_session
def logout(session: Session) -> None:
    """Forget the session token of the context in use."""
    session.change_context(session_token="")


@command("use-auth-token")
@pass_session
def use_auth_token(session: Session) -> None:
    """Read a session token from standard input, to send it with each call."""
    token = sys.stdin.readline().strip()
    if not token:
        raise click.UsageError("standard input has no token in its first line")
    session.change_context(session_token=token)
