"""A prompt that runs one command after the other."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from itertools import islice

import click
from click.shell_completion import ShellComplete

from trunkline.cli.options import command
from trunkline.cli.show.terminal import say

_ENDS = ("exit", "quit")
_WORD_BREAKS = " \t\n"


@command("shell")
@click.option("--max-completions", type=click.IntRange(min=1), default=64, show_default=True, help="Show no more.")
@click.pass_context
def shell(context: click.Context, *, max_completions: int) -> None:
    """Run commands from a prompt, without the program's name before each.

    Tab completes, and `exit` or Ctrl-D ends it. Lines that come from a file or pipe run without a prompt, and the exit
    code is that of the last one.
    """
    from trunkline.cli.main import run

    root = context.find_root()
    program = root.info_name or "pachctl"
    if sys.stdin.isatty():
        _complete_with(ShellComplete(root.command, {}, program, ""), max_completions)
    code = 0
    for words in _commands(f"{program}> " if sys.stdin.isatty() else ""):
        if words == ["shell"]:
            continue
        code = run(words, program=program)
    if not sys.stdin.isatty():
        context.exit(code)


def _commands(prompt: str) -> Iterator[list[str]]:
    """Yield the words of each line up to the end."""
    while True:
        try:
            words = shlex.split(input(prompt), comments=True)
        except EOFError:
            return
        except KeyboardInterrupt:
            say()
            continue
        except ValueError as error:
            say(f"error: {error}", err=True)
            continue
        if words in ([end] for end in _ENDS):
            return
        if words:
            yield words


def _complete_with(completer: ShellComplete, completions_max: int) -> None:
    import readline

    def complete(text: str, state: int) -> str | None:
        before = readline.get_line_buffer()[: readline.get_begidx()]
        try:
            found = completer.get_completions(shlex.split(before), text)
        except ValueError:  # a quote that is still open
            return None
        names = [item.value for item in islice(found, completions_max)]
        return f"{names[state]} " if state < len(names) else None

    readline.set_completer_delims(_WORD_BREAKS)
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
