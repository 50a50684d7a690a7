from pathlib import Path

import pytest

from trunkline.testing.console import Step, blocks

PAGE = """Text.

<!-- before:
make ready
-->
```console
$ echo one
one
$ cat <<END
> two
> END
two
```

<!-- not run: it never ends -->
```console
$ yes
```

```text
$ no command
```
"""


def test_blocks_have_their_commands_what_they_show_and_why_they_are_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    first, second = blocks(page)

    assert list(first.steps()) == [
        Step("make ready"),
        Step("echo one", ("one",)),
        Step("cat <<END\ntwo\nEND", ("two",)),
    ]
    assert (first.reason, second.reason) == ("", "it never ends")


@pytest.mark.parametrize(
    ("shown", "printed", "matches"),
    [
        ((), "anything", True),
        (("one",), "one\n", True),
        (("one",), "two\n", False),
        (("one",), "one\ntwo\n", False),
        (("a   b",), "a        b\n", True),
        (("one", "..."), "one\ntwo\nthree\n", True),
        (("one", "..."), "one\n", True),
        (("a ... z",), "a b c z\n", True),
        (("x@4c1f...:/a",), "x@673aa30f52064f7cb6f7b1462e200234:/a\n", True),
        (("x@4c1f...:/a",), "x@673aa30f52064f7cb6f7b1462e200234:/b\n", False),
        (("6 seconds ago   5.04s",), "less than a second ago   157ms\n", True),
        (("1 + 2 / 3",), "2 + 2 / 3\n", False),
        (("34B",), "35B\n", False),
    ],
)
def test_what_is_printed_is_what_is_shown_but_for_ids_and_times(
    shown: tuple[str, ...], printed: str, *, matches: bool
) -> None:
    assert Step("command", shown).matches(printed) is matches
