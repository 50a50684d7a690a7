"""The program's entry: runs one command and turns its failure into a line and an exit code."""

import os
import sys
from collections.abc import Sequence

import click

from trunkline.cli.catalogue import COMMANDS
from trunkline.cli.grammar import RootGroup
from trunkline.cli.session import Session
from trunkline.cli.show.terminal import say
from trunkline.errors import Error

_HELP = """Data pipelines over versioned data.

Commands are a verb and a noun: `list repo`, `create pipeline`. Without an address in the configuration they talk to
the local server, which starts when it is needed.
"""
_INTERRUPTED = 130


def main() -> None:
    """Run the command of the process's arguments and exit."""
    code = run(sys.argv[1:])
    if code == _INTERRUPTED:
        # gRPC's orderly end may wait for the call that was cut short.
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str], *, program: str | None = None) -> int:
    """Run one command and return the exit code: 0, 1 after an error, 130 after Ctrl-C."""
    session = Session()
    root = RootGroup(COMMANDS, about=_HELP)
    was_interrupted = False
    try:
        code = root.main(list(arguments), prog_name=program, standalone_mode=False, obj=session)
    except (click.Abort, KeyboardInterrupt):
        was_interrupted = True
        return _INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as asked:
        say(asked.format_message())
        return 0
    except (Error, click.ClickException, OSError, UnicodeEncodeError) as error:
        if session.verbose:
            import traceback  # late: every command would pay for it

            say(traceback.format_exc(), err=True, nl=False)
        _report(error)
        return 1
    finally:
        if not was_interrupted:  # else a call that was cut short may hold what closing waits for
            session.close()
    return code if isinstance(code, int) else 0


def _report(error: Exception) -> None:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        say(error.ctx.get_usage(), err=True)
    for line in _lines(error):
        say(f"error: {line}", err=True)


def _lines(error: Exception) -> list[str]:
    if isinstance(error, click.ClickException):
        return [error.format_message()]
    if isinstance(error, OSError) and error.strerror:
        return [f"{error.filename}: {error.strerror}" if error.filename else error.strerror]
    if isinstance(error, UnicodeEncodeError):  # an argument or the name of a file, on its way to the server
        return [f"{error.object!r} is not text in UTF-8"]
    return [str(error)]
