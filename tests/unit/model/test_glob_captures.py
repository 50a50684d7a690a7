"""What groups capture hangs on the pattern and the path, and not on which engine looks."""

from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from trunkline.model.globs import match
from trunkline.model.globs.dialect import Glob, compile_glob


def pattern(random: Random, depth: int = 0) -> str:
    parts = []
    for _ in range(random.randint(0 if depth else 1, 3)):
        kind = random.choice("aab*?[g" if depth < 2 else "aab*?[")
        if kind == "g":
            options = [pattern(random, depth + 1) for _ in range(random.randint(1, 2))]
            parts.append(f"{random.choice(['', '@', '?', '*', '+'])}({'|'.join(options)})")
        else:
            parts.append("[ab]" if kind == "[" else kind)
    return "".join(parts)


def by_program(glob: Glob, path: str) -> tuple[str, ...] | None:
    return match.run(match.compile_program(glob.tree), path, glob.group_count)


def by_re2(glob: Glob, path: str) -> tuple[str, ...]:
    groups = pc.extract_regex(pa.array([path]), glob.re2_captures).flatten()
    return tuple(group[0].as_py() for group in groups)


@pytest.mark.parametrize("seed", range(40))
def test_all_engines_that_are_asked_capture_the_same(seed: int) -> None:
    random = Random(seed)
    for _ in range(25):
        glob = compile_glob("/" + pattern(random))
        path = "/" + "".join(random.choice("ab") for _ in range(random.randint(1, 6)))
        expected = by_program(glob, path)
        match = glob.match(path)

        assert (None if match is None else match.groups) == expected, (glob.pattern, path)
        if expected is not None and glob.group_count and not glob.has_empty_iterations:
            assert by_re2(glob, path) == expected, (glob.pattern, path)
