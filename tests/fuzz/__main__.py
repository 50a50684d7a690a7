"""``python -m tests.fuzz --seconds N --seed S [--door NAME]``: look for input that a server does not stand."""

import argparse
import faulthandler
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.doors import DOORS
from tests.fuzz.run import Finding, fuzz, until
from tests.fuzz.world import fuzzed_server


def main() -> int:
    """Run each door for its part of the time; return 1 if something was found."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--seconds", type=float, default=60, help="in all, over all doors")
    options.add_argument("--seed", type=int, default=int(time.time()))
    options.add_argument("--door", choices=DOORS, action="append", help="only this one; may be repeated")
    options.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="where inputs that hurt are kept")
    chosen = options.parse_args()
    faulthandler.enable()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server is left behind
    chosen.findings.mkdir(parents=True, exist_ok=True)
    found = 0

    def told(finding: Finding) -> None:
        nonlocal found
        found += 1
        print(
            f"\n--- {finding.kind}\n{finding.problem.strip()[:1500]}\n    input: {finding.save(chosen.findings)}",
            flush=True,
        )

    doors = [DOORS[name] for name in chosen.door or DOORS]
    print(f"seed {chosen.seed}: {len(doors)} doors, {chosen.seconds / len(doors):.0f} s each")
    for door in doors:
        with (
            tempfile.TemporaryDirectory(prefix="trunkline-fuzz-") as directory,
            fuzzed_server(Path(directory)) as world,
        ):
            tally = fuzz(world, door, seed=chosen.seed, go_on=until(chosen.seconds / len(doors)), told=told)
        slow = f", {tally.slow} took over a second (at most {tally.slowest_seconds:.1f} s)" if tally.slow else ""
        print(f"{door.name}: {tally.inputs} inputs, {len(tally.findings)} findings{slow}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
