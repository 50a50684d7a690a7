"""Reads a line with a jq program, then a JSON value a line, and answers each with ``+`` or ``-``."""

import json
import sys

import jq  # type: ignore[import-not-found]  # compiled, without types

from trunkline.api.confined.limits import MEMORY_BYTES_MAX, confine


def _answer() -> None:
    confine()
    try:
        compiled = jq.compile(json.loads(sys.stdin.readline()))
        for line in sys.stdin:
            found = next(iter(compiled.input_text(line)), None)
            sys.stdout.write("-" if found is None or found is False else "+")
    except MemoryError:
        sys.exit(f"it took more than {MEMORY_BYTES_MAX // 2**20} MiB of memory")
    except RecursionError:
        sys.exit("it nests too deeply")
    except ValueError as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    _answer()
