"""The README's first command."""

import os
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples" / "image-quality" / "demo.py"


def test_the_demo_tells_the_story_and_what_came_of_it(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(DEMO), "--stop"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    table = ended.stdout.partition("Datums that ran + datums that were skipped")[2]
    [changed] = [line for line in table.splitlines() if line.startswith("Change vol.py")]
    assert changed[42:].split()[:9] == ["90", "+", "0", "0", "+", "90", "0", "+", "90"]
    assert "90 photos, of which 31 classified: " in table
    assert "balanced accuracy 0.917" in table
    [home] = tmp_path.glob("trunkline-demo-*")
    assert (home / "report" / "sheet.png").read_bytes().startswith(b"\x89PNG")
