"""Switches take a value, as pachctl's do: --raw=true, --raw=false."""

import click
import pytest

from trunkline.cli.options import command


@command("thing")
@click.argument("words", nargs=-1)
@click.option("-r", "--raw", is_flag=True)
@click.option("--progress/--no-progress", default=None)
@click.option("-m", "--message", default="")
def thing(*, words: tuple[str, ...], raw: bool, progress: bool | None, message: str) -> None:
    click.echo(f"{raw} {progress} {message!r} {words}")


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        ("--raw=true", "True None '' ()"),
        ("--raw=1", "True None '' ()"),
        ("--raw=false", "False None '' ()"),
        ("--raw --raw=F", "False None '' ()"),
        ("-r=true", "True None '' ()"),
        ("-r -r=0", "False None '' ()"),
        ("--progress=true", "False True '' ()"),
        ("--progress=false", "False False '' ()"),
        ("--no-progress=false", "False True '' ()"),
        ("--message --raw=true", "False None '--raw=true' ()"),
        ("--message=--raw=true", "False None '--raw=true' ()"),
        ("--raw=true word -- --raw=false", "True None '' ('word', '--raw=false')"),
        ("--verbose=false --no-color=true", "False None '' ()"),
    ],
)
def test_a_switch_may_have_a_value(arguments: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    thing.main(arguments.split(), standalone_mode=False)

    assert capsys.readouterr().out == f"{printed}\n"


def test_a_value_that_is_neither_is_refused() -> None:
    with pytest.raises(click.UsageError, match="--raw"):
        thing.main(["--raw=maybe"], standalone_mode=False)
