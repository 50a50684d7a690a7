"""Run every benchmark in turn and print what each has to say: ``make bench``. Takes some minutes."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = (
    ("image_quality.py", "--photos", "200"),
    ("one_photo.py", "--photos", "500", "5000"),
    ("access.py",),
    ("noop_job.py", "--datums", "1000", "100000"),
    ("many_datums.py",),
    ("storage.py",),
    ("file_system.py",),
    ("put_get.py",),
    ("worker.py", str(HERE.parent / "examples" / "image-quality" / "photos" / "test")),
)


def main() -> None:
    """Run them one after the other, so that none disturbs another."""
    for name, *arguments in BENCHMARKS:
        print(f"== {name} {' '.join(arguments)}", flush=True)
        subprocess.run([sys.executable, str(HERE / name), *arguments], check=True)


if __name__ == "__main__":
    main()
