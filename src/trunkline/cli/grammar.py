"""Groups that know their commands from a table and load a command's module only when it is run."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import click
from click.shell_completion import CompletionItem

from trunkline.cli.options import HELP_NAMES, Command, global_options, take_global_options, without_switch_values
from trunkline.cli.show.terminal import say


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is defined, and the first line of its help."""

    target: str
    """``module:function`` below trunkline.cli."""
    help: str

    def load(self) -> click.Command:
        """Return the command; this imports its module."""
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(importlib.import_module(f"trunkline.cli.{module}"), attribute)
        return command


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb and the nouns that it takes."""

    help: str
    nouns: Mapping[str, "Entry | Verb | Absent"] = field(default_factory=dict)

    def load(self) -> click.Command:
        """Return the verb as a group."""
        return TableGroup(self.nouns, about=self.help)


@dataclass(frozen=True, slots=True)
class Absent:
    """A command that clients of the field have, and that says why it is not offered, whatever its arguments."""

    name: str
    reason: str

    @property
    def help(self) -> str:
        """The first line of its help."""
        return f"Not offered: {self.reason}."

    def load(self) -> click.Command:
        """Return the command."""

        @click.pass_context
        def refuse(_: click.Context) -> None:
            raise click.ClickException(self.reason)

        settings = {**HELP_NAMES, "ignore_unknown_options": True, "allow_extra_args": True}
        return Command(self.name, callback=refuse, context_settings=settings, help=self.help)


class TableGroup(click.Group):
    """A group whose commands come from a table of entries. Nouns are found in the singular and the plural."""

    def __init__(self, table: Mapping[str, Entry | Verb | Absent], *, about: str) -> None:
        super().__init__(help=about, context_settings=HELP_NAMES)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, loaded, or None."""
        name = cmd_name if cmd_name in self.table else self._singular(cmd_name)
        return self.table[name].load() if name else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first argument; an unknown one is answered with the nearest known ones."""
        if args and self.get_command(ctx, args[0]) is None:
            near = get_close_matches(args[0], self.table)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"unknown command {args[0]!r} for {ctx.command_path!r}{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the table's names that start so, without loading their commands, else options."""
        names = [
            CompletionItem(name, help=entry.help) for name, entry in self.table.items() if name.startswith(incomplete)
        ]
        return names or click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table's own lines, so that help loads no command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.table.items()])

    def _singular(self, plural: str) -> str | None:
        for name in self.table:
            if plural in (plural_of(name), name.removesuffix("s"), name.lower()):
                return name
        return None


class RootGroup(TableGroup):
    """The program: verbs, and nouns that explain themselves."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the global options besides the group's own."""
        return [*super().get_params(ctx), *global_options()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options before the verb, in which switches may have a value."""
        return super().parse_args(ctx, without_switch_values(args, self.get_params(ctx)))

    def invoke(self, ctx: click.Context) -> object:
        """Take over what the global options said, then run."""
        take_global_options(ctx)
        return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, or for a noun a command that prints what can be done with it."""
        return super().get_command(ctx, cmd_name) or self._noun_help(cmd_name)

    def _noun_help(self, word: str) -> click.Command | None:
        lines = [
            (f"{verb} {noun}", entry.help)
            for verb, verb_entry in self.table.items()
            if isinstance(verb_entry, Verb)
            for noun, entry in verb_entry.nouns.items()
            if word in (noun, plural_of(noun))
        ]
        if not lines:
            return None

        def show() -> None:
            formatter = click.HelpFormatter()
            with formatter.section(f"Commands for {word}"):
                formatter.write_dl(lines)
            say(formatter.getvalue().rstrip())

        return click.Command(word, callback=show, help=f"What can be done with {word}.", context_settings=HELP_NAMES)


def plural_of(noun: str) -> str:
    """Return the plural: branches, repos."""
    return noun + ("es" if noun.endswith("ch") else "s")
