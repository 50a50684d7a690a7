"""Scripts that let a shell complete commands and options."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from trunkline.cli.options import command
from trunkline.cli.show.terminal import say

# Where each shell looks by itself. Zsh has no such place of the user's own.
_PLACES = {
    "bash": "~/.local/share/bash-completion/completions/{program}",
    "fish": "~/.config/fish/completions/{program}.fish",
}


def _completion(shell: str) -> click.Command:
    @command(shell)
    @click.option("--install", is_flag=True, help="Write the script to where the shell looks for it.")
    @click.option("--path", type=click.Path(path_type=Path, dir_okay=False), help="Where --install writes instead.")
    @click.pass_context
    def completion(context: click.Context, *, install: bool, path: Path | None) -> None:
        root = context.find_root()
        program = root.info_name or "pachctl"
        text = _script(root.command, shell, program)
        if not install:
            say(text)
            return
        if path is None and shell not in _PLACES:
            raise click.UsageError(f"say with --path where: a file _{program} in a directory of $fpath")
        place = path or Path(_PLACES[shell].format(program=program)).expanduser()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text + "\n")
        say(f"wrote {place}: shells that start from now on complete {program}", err=True)

    completion.help = f"""Print what lets {shell} complete commands and options.

    \b
      eval "$(pachctl completion {shell})"      for this shell
      pachctl completion {shell} --install      for all that start from now on
    """
    if shell == "fish":
        completion.help = completion.help.replace(
            'eval "$(pachctl completion fish)" ', "pachctl completion fish | source"
        )
    return completion


def _script(root: click.Command, shell: str, program: str) -> str:
    kind = get_completion_class(shell)
    assert kind is not None
    # Click reads this variable when the program starts.
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    return kind(root, {}, program, variable).source()


bash, zsh, fish = map(_completion, ("bash", "zsh", "fish"))
