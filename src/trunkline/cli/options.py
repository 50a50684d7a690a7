"""Options that many commands share, and the command class that all of them are."""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trunkline.cli.session import Session
from trunkline.cli.show import human
from trunkline.cli.show.terminal import say

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration

Function = TypeVar("Function", bound=Callable[..., Any])
HELP_NAMES = {"help_option_names": ["-h", "--help"]}

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))

pass_session = click.make_pass_decorator(Session)


class Command(click.Command):
    """A command that also takes the global options after its name, as pachctl does."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters and the global ones that do not clash with them."""
        own = super().get_params(ctx)
        taken = {option for parameter in own for option in parameter.opts}
        return own + [option for option in global_options(hidden=True) if not taken & set(option.opts)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, in which switches may have a value."""
        return super().parse_args(ctx, without_switch_values(args, self.get_params(ctx)))

    def invoke(self, ctx: click.Context) -> object:
        """Take over what the global options said, then run."""
        take_global_options(ctx)
        return super().invoke(ctx)


def without_switch_values(arguments: Sequence[str], parameters: Sequence[click.Parameter]) -> list[str]:
    """Return the arguments with ``--raw=true`` as ``--raw``, and without ``--raw=false`` and what it takes back.

    Clients of the field write switches so. What follows an option that needs a value is that value, whatever it looks
    like, and so is all after ``--``. What is neither true nor false is left for click to refuse.
    """
    switches: dict[str, click.Option] = {}
    valued: set[str] = set()
    for option in parameters:
        if isinstance(option, click.Option):
            if option.is_flag:
                switches |= dict.fromkeys((*option.opts, *option.secondary_opts), option)
            elif not option.count:
                valued |= set(option.opts)
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, _, value = argument.partition("=")
        switch = switches.get(name)
        if argument == "--":
            return [*kept, argument, *rest]
        if switch is None or value not in _TRUE | _FALSE:
            kept.append(argument)
            if argument in valued:
                kept += islice(rest, 1)
        elif (value in _TRUE) == (name in switch.opts):
            kept.append(switch.opts[-1])
        else:
            kept = [each for each in kept if each not in switch.opts] + list(switch.secondary_opts[:1])
    return kept


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    r"""Make a command of a function; the docstring is its help.

    A paragraph of the docstring that starts with a line ``\b`` keeps its lines. Click wants a backspace there,
    which a raw docstring cannot hold.
    """

    def make(function: Callable[..., Any]) -> Command:
        about = inspect.cleandoc(function.__doc__ or "").replace("\\b\n", "\b\n")
        made: Command = click.command(name, cls=Command, context_settings=HELP_NAMES, help=about)(function)
        return made

    return make


def global_options(*, hidden: bool = False) -> list[click.Option]:
    """Return new instances of the options that every command takes."""
    return [
        click.Option(["-v", "--verbose"], is_flag=True, hidden=hidden, help="Show where errors come from."),
        click.Option(["--no-color", "no_color"], is_flag=True, hidden=hidden, help="Print without colours."),
        click.Option(["--rpc-timeout", "rpc_timeout"], hidden=hidden, help="Give up on calls after this, e.g. 30s."),
        click.Option(["--no-pager", "no_pager"], is_flag=True, hidden=True),
    ]


def take_global_options(context: click.Context) -> None:
    """Move the values of global options from a command's parameters to the session."""
    session = context.find_object(Session)
    values = {name: context.params.pop(name, None) for name in ("verbose", "no_color", "rpc_timeout", "no_pager")}
    if session is None:
        return
    session.verbose = session.verbose or bool(values["verbose"])
    if values["no_color"]:
        context.color = False
    if values["rpc_timeout"]:
        session.rpc_timeout_seconds = parse_duration(values["rpc_timeout"])


def confirm(question: str) -> None:
    """Ask on standard error and read the answer from standard input; anything but yes ends the command."""
    say(f"{question} [y/N]: ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise click.ClickException("nothing was done")


def parse_duration(text: str) -> float:
    """Return seconds, from ``30s``, ``1h30m`` or plain seconds."""
    from trunkline.errors import InvalidInputError
    from trunkline.pps.spec.durations import parse_duration as parse

    try:
        return float(text) if text.replace(".", "", 1).isdigit() else parse(text)
    except (InvalidInputError, ValueError) as error:
        raise click.BadParameter(f"{text!r} is not a duration such as 30s or 1h30m") from error


def wire_duration(text: str) -> Duration:
    """Return what `parse_duration` reads, as the wire has it."""
    from google.protobuf.duration_pb2 import Duration

    duration = Duration()
    duration.FromNanoseconds(int(parse_duration(text) * 1e9))
    return duration


def project_option(function: Function) -> Function:
    """Add ``--project``."""
    return click.option("--project", metavar="NAME", help="The project; by default that of the context.")(function)


def all_projects_option(function: Function) -> Function:
    """Add ``-A``."""
    return click.option("-A", "--all-projects", is_flag=True, help="In all projects.")(function)


def raw_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--raw`` and ``--output``; the function gets ``raw``: "json", "yaml", or None for text."""

    @click.option("--raw", is_flag=True, help="Print JSON, with all there is.")
    @click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="What --raw prints.")
    @functools.wraps(function)
    def wrapped(*args: object, raw: bool, output: str | None, **kwargs: object) -> None:
        if output and not raw:
            raise click.UsageError("cannot set --output (-o) without --raw")
        function(*args, raw=(output or "json") if raw else None, **kwargs)

    return wrapped


def timestamps_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--full-timestamps``; the function gets ``show_time``, which turns a protobuf Timestamp into text."""

    @click.option("--full-timestamps", is_flag=True, help="Print times as RFC 3339.")
    @functools.wraps(function)
    def wrapped(*args: object, full_timestamps: bool, **kwargs: object) -> None:
        function(*args, show_time=time_printer(full=full_timestamps, now=time.time()), **kwargs)

    return wrapped


ShowTime = Callable[[human.Stamp], str]


def time_printer(*, full: bool, now: float) -> ShowTime:
    """Return a function that turns a protobuf Timestamp into text; an unset one is ``-``."""

    def show(stamp: human.Stamp) -> str:
        if not stamp.seconds and not stamp.nanos:
            return "-"
        seconds = human.seconds_of(stamp)
        return human.full_time(seconds) if full else human.age(max(0.0, now - seconds))

    return show
