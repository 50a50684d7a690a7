from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from trunkline.cli.catalogue import COMMANDS
from trunkline.cli.grammar import Absent, Entry, Verb, plural_of

Pachctl = Callable[..., Any]


def entries(
    table: Mapping[str, Entry | Verb | Absent], words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Entry | Absent]]:
    for word, each in table.items():
        if isinstance(each, Verb):
            yield from entries(each.nouns, (*words, word))
        else:
            yield (*words, word), each


ENTRIES = dict(entries(COMMANDS))


@pytest.mark.parametrize("words", ENTRIES, ids=" ".join)
def test_a_command_is_what_the_table_says(words: tuple[str, ...]) -> None:
    entry = ENTRIES[words]

    command = entry.load()

    assert command.name == words[-1]
    assert (command.help or "").replace("\b", "").strip().splitlines()[0] == entry.help


@pytest.mark.parametrize("words", ENTRIES, ids=" ".join)
def test_every_command_has_help_in_the_singular_and_plural(words: tuple[str, ...], pachctl: Pachctl) -> None:
    *before, last = words

    for word in {last, plural_of(last)} if before else {last}:
        outcome = pachctl(*before, word, "--help")
        assert outcome.code == 0
        assert outcome.out.startswith(f"Usage: pachctl {' '.join([*before, word])} ")
        assert "\\b" not in outcome.out


@pytest.mark.parametrize("noun", ["repo", "repos", "branches", "datum", "pipelines"])
def test_a_noun_alone_says_what_can_be_done_with_it(noun: str, pachctl: Pachctl) -> None:
    outcome = pachctl(noun)

    assert outcome.code == 0
    assert f"Commands for {noun}:" in outcome.out
    assert "  list " in outcome.out


@pytest.mark.parametrize("words", [(), ("list",), ("config", "get")], ids=" ".join)
def test_a_verb_alone_prints_its_help_once(words: tuple[str, ...], pachctl: Pachctl) -> None:
    outcome = pachctl(*words)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == pachctl(*words, "--help").out


def test_an_unknown_command_is_answered_with_the_nearest(pachctl: Pachctl) -> None:
    outcome = pachctl("list", "rpo")

    assert (outcome.code, outcome.out) == (1, "")
    assert "error: unknown command 'rpo' for 'pachctl list'; did you mean repo?" in outcome.err


def test_wrong_arguments_print_usage_and_fail_with_one(pachctl: Pachctl) -> None:
    outcome = pachctl("create", "repo")

    assert outcome.code == 1
    assert outcome.err.startswith("Usage: pachctl create repo [OPTIONS] REPO")
    assert "error: Missing argument 'REPO'" in outcome.err


def test_output_needs_raw(pachctl: Pachctl) -> None:
    outcome = pachctl("list", "repo", "-o", "json")

    assert outcome.code == 1
    assert "cannot set --output (-o) without --raw" in outcome.err
