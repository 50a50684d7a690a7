"""The pages of the reference of commands: one for each noun, one for what takes no noun."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

import click

from trunkline.cli.catalogue import COMMANDS
from trunkline.cli.grammar import Absent, Entry, RootGroup, Verb
from trunkline.cli.options import global_options

DIRECTORY = "reference/commands"
PROGRAM = "pachctl"
GROUPS = {"config", "debug", "auth", "enterprise", "completion"}
"""Verbs whose commands belong together more than their nouns do."""
OTHERS = "server"


@dataclass(frozen=True)
class Listed:
    """One command: the words that call it, its page, and itself."""

    words: tuple[str, ...]
    page: str
    command: click.Command


def pages() -> dict[str, str]:
    """Return the Markdown of each page by its name."""
    commands = [*_walk(COMMANDS, ())]
    named = sorted({listed.page for listed in commands})
    made = {f"{DIRECTORY}/{page}.md": _page(page, [each for each in commands if each.page == page]) for page in named}
    return {f"{DIRECTORY}/index.md": _index(commands, named), **made}


def _walk(table: object, words: tuple[str, ...]) -> Iterator[Listed]:
    assert isinstance(table, dict)
    for name, entry in table.items():
        if isinstance(entry, Verb):
            yield from _walk(entry.nouns, (*words, name))
        elif isinstance(entry, Entry):
            yield Listed((*words, name), _page_of((*words, name)), entry.load())


def _page_of(words: tuple[str, ...]) -> str:
    if words[0] in GROUPS:
        return words[0]
    if len(words) == 1:
        return OTHERS
    noun = words[-1].removesuffix("V2")
    verbs = [verb for verb, entry in COMMANDS.items() if isinstance(entry, Verb) and noun in entry.nouns]
    return noun if len(verbs) > 1 and noun not in GROUPS else OTHERS


def _index(commands: list[Listed], named: list[str]) -> str:
    lines = [
        "# Commands",
        "",
        "`pachctl` and `trunkline` are one program. A command is a verb and a noun; nouns may stand in the plural.",
        "These pages are made from the program itself.",
        "",
    ]
    for page in named:
        words = sorted(each.words for each in commands if each.page == page)
        links = ", ".join(f"[`{' '.join(each)}`]({page}.md#{'-'.join(each).lower()})" for each in words)
        lines += [f"**[{_title(page)}]({page}.md)**: {links}", ""]
    lines += ["## Options that every command takes", "", *_options(global_options()), ""]
    absent = [*_absent(COMMANDS, ())]
    lines += [
        "## Commands that are not offered",
        "",
        "Clients of the field have them. Here each of them ends with the reason, whatever its arguments.",
        "",
        "| command | reason |",
        "|---|---|",
        *(f"| `{' '.join(words)}` | {reason} |" for words, reason in absent),
        "",
        "```{toctree}",
        ":hidden:",
        "",
        *named,
        "```",
        "",
    ]
    return "\n".join(lines)


def _absent(table: object, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    assert isinstance(table, dict)
    for name, entry in table.items():
        if isinstance(entry, Verb):
            yield from _absent(entry.nouns, (*words, name))
        elif isinstance(entry, Absent):
            yield (*words, name), entry.reason


def _title(page: str) -> str:
    return "The server, and what has no noun" if page == OTHERS else page.capitalize()


def _page(page: str, commands: list[Listed]) -> str:
    lines = [f"# {_title(page)}", ""]
    for listed in sorted(commands, key=lambda each: each.words):
        lines += _section(listed)
    return "\n".join(lines)


def _section(listed: Listed) -> list[str]:
    root = click.Context(RootGroup({}, about=""), info_name=PROGRAM, terminal_width=110)
    context = click.Context(listed.command, info_name=" ".join(listed.words), parent=root, terminal_width=110)
    usage = listed.command.get_usage(context).removeprefix("Usage: ")
    options = [each for each in listed.command.params if isinstance(each, click.Option)]
    table = [*_options(options)] if any(not each.hidden for each in options) else []
    return [f"## {' '.join(listed.words)}", "", "```text", usage, "```", "", *_help(listed.command), "", *table, ""]


def _help(command: click.Command) -> list[str]:
    r"""Return the paragraphs; one that starts with ``\b`` keeps its lines."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b"):
            lines += ["```text", *inspect.cleandoc("\n" + paragraph.removeprefix("\b\n")).split("\n"), "```", ""]
        else:
            lines += [_cell(paragraph), ""]
    return lines


def _options(options: list[click.Option]) -> list[str]:
    rows = []
    for option in options:
        if option.hidden:
            continue
        names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        value = "" if option.is_flag or option.count else f" `{_value(option)}`"
        more = [*(["repeatable"] if option.multiple else []), *(["required"] if option.required else [])]
        about = _cell(option.help or "") + (f" ({', '.join(more)})" if more else "")
        rows.append(f"| {names}{value} | {about} |")
    return ["| option | meaning |", "|---|---|", *rows]


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(map(str, option.type.choices))
    return option.metavar or option.type.name.upper()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")
