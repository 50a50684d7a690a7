"""What the image quality example costs without Trunkline: with Make, and in a warm pool of processes.

Make is what the scripts' author has today: a fresh process for each target. The warm pool is the floor: processes that
have imported everything already call the same functions and write the same files, with no versions, no lineage and no
isolation.

    python benchmarks/image_quality_baselines.py --photos 100
"""

import argparse
import contextlib
import csv
import importlib.util
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import ModuleType

import cv2

EXAMPLE = Path(__file__).parents[1] / "examples" / "image-quality"
METRICS = ("vol", "sob", "fft")
SIZE = (640, 480)
TRAIN_PHOTOS_PER_CLASS = 4


@dataclass(frozen=True, slots=True)
class Measurement:
    """One timed run: photos/s is about the photos under test/, each of which takes four scripts."""

    name: str
    photos: int
    wall_seconds: float
    cpu_seconds: float

    def __str__(self) -> str:
        rate = self.photos / self.wall_seconds
        return f"{self.name:12} {self.wall_seconds:8.2f} s wall {self.cpu_seconds:8.2f} s CPU {rate:8.1f} photos/s"


# --- The photos


def prepare_example(directory: Path, *, photos: int) -> None:
    """Fill directory with the example's scripts and `photos` pictures of 640x480 under photos/test/.

    A dozen more under photos/train/ make the model. The same count gives the same bytes: each picture is a part of one
    of the example's photos, chosen by its number.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for file in [*EXAMPLE.glob("*.py"), EXAMPLE / "Makefile"]:
        shutil.copy(file, directory)
    originals = _labelled_photos()
    train = [o for label in ("blur", "moire", "sharp") for o in _first(originals, label, TRAIN_PHOTOS_PER_CLASS)]
    test = [originals[number % len(originals)] for number in range(photos)]
    chosen = [("train", number, *original) for number, original in enumerate(train)]
    chosen += [("test", number, *original) for number, original in enumerate(test)]
    rows = []
    for side, number, path, label in chosen:
        name = f"{side}/{number:06}.jpg"
        _write_part(EXAMPLE / "photos" / path, directory / "photos" / name, seed=number)
        rows.append((name, label))
    with (directory / "labels.csv").open("w", newline="") as labels:
        csv.writer(labels, lineterminator="\n").writerows([("path", "label"), *rows])


def _labelled_photos() -> list[tuple[str, str]]:
    with (EXAMPLE / "labels.csv").open(newline="") as file:
        return [(row["path"], row["label"]) for row in csv.DictReader(file)]


def _first(originals: Sequence[tuple[str, str]], label: str, count: int) -> list[tuple[str, str]]:
    return [original for original in originals if original[1] == label][:count]


def _write_part(source: Path, target: Path, *, seed: int) -> None:
    picture = cv2.imread(str(source))
    assert picture is not None
    height, width = picture.shape[:2]
    scale = min(width / SIZE[0], height / SIZE[1]) * random.Random(seed).uniform(0.6, 1)
    across, down = int(SIZE[0] * scale), int(SIZE[1] * scale)
    x = random.Random(seed + 1).randint(0, width - across)
    y = random.Random(seed + 2).randint(0, height - down)
    part = cv2.resize(picture[y : y + down, x : x + across], SIZE, interpolation=cv2.INTER_LINEAR)
    target.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(target), part, [cv2.IMWRITE_JPEG_QUALITY, 90])


# --- With Make


def run_make(directory: Path, *, jobs: int) -> Measurement:
    """Build everything in directory from nothing with `make -j jobs`."""
    shutil.rmtree(directory / "build", ignore_errors=True)
    command = ["make", f"-j{jobs}", f"PYTHON={sys.executable}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, cwd=directory, env=_without_outer_make(), stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measurement(f"make -j{jobs}", len(_photos(directory, "test")), wall, cpu)


def _without_outer_make() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}


# --- In a warm pool


class WarmPool:
    """Spawned processes, each with the scripts of directory imported and called once."""

    def __init__(self, directory: Path, *, jobs: int) -> None:
        self._directory = directory
        self._jobs = jobs
        context = multiprocessing.get_context("spawn")
        ready = context.Barrier(jobs + 1)
        with _one_thread_each():
            self._pool: Pool = context.Pool(jobs, _warm_up, (directory, ready))
        ready.wait()

    def __enter__(self) -> "WarmPool":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.terminate()
        self._pool.join()

    def run(self) -> Measurement:
        """Build everything in the directory from nothing: the files that the Makefile makes."""
        build = self._directory / "build"
        shutil.rmtree(build, ignore_errors=True)
        train, test = _photos(self._directory, "train"), _photos(self._directory, "test")
        started = time.perf_counter()
        cpu = sum(self._pool.imap_unordered(_measure, train + test))
        cpu += self._pool.apply(_train)
        cpu += sum(self._pool.imap_unordered(_classify, test))
        cpu += self._pool.apply(_report)
        wall = time.perf_counter() - started
        return Measurement(f"warm pool {self._jobs}", len(test), wall, cpu)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started inside use one thread each: as many processes as cores is the best that a pool can do."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1")
    before = {name: os.environ.get(name) for name in limits}
    os.environ.update(limits)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# What follows up to _report runs in the processes of the pool, each of which serves one directory.
_scripts: dict[str, ModuleType] = {}
_home = Path()


def _warm_up(directory: Path, ready: Barrier) -> None:
    global _home  # noqa: PLW0603 - a process of the pool serves one directory
    cv2.setNumThreads(1)
    for name in (*METRICS, "train", "cls", "report"):
        _scripts[name] = _load(directory / f"{name}.py")
    train, test = _photos(directory, "train"), _photos(directory, "test")[:1]
    with tempfile.TemporaryDirectory() as scratch:
        _home = Path(scratch)
        for name in ("photos", "labels.csv"):
            (_home / name).symlink_to(directory / name)
        for photo in train + test:
            _measure(photo)
        _train()
        _classify(test[0])
        _report()
    _home = directory
    ready.wait()


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _measure(photo: str) -> float:
    started = time.process_time()
    for metric in METRICS:
        _scripts[metric].measure(_home / "photos" / f"{photo}.jpg", _home / "build" / metric / f"{photo}.txt")
    return time.process_time() - started


def _train() -> float:
    started = time.process_time()
    metrics = [_home / "build" / metric for metric in METRICS]
    _scripts["train"].main(_home / "labels.csv", *metrics, target=_home / "build" / "model.json")
    return time.process_time() - started


def _classify(photo: str) -> float:
    started = time.process_time()
    build = _home / "build"
    metrics = [build / metric / f"{photo}.txt" for metric in METRICS]
    _scripts["cls"].main(build / "model.json", *metrics, target=build / "cls" / f"{photo}.txt")
    return time.process_time() - started


def _report() -> float:
    started = time.process_time()
    build = _home / "build"
    inputs = [build / name for name in ("cls", *METRICS)]
    _scripts["report"].main(_home / "labels.csv", *inputs, _home / "photos", build / "report")
    return time.process_time() - started


# --- Both


def results(directory: Path) -> dict[str, bytes]:
    """Every file that a run has written, by its path below build/, to compare two runs."""
    build = directory / "build"
    return {file.relative_to(build).as_posix(): file.read_bytes() for file in build.rglob("*") if file.is_file()}


def _photos(directory: Path, side: str) -> list[str]:
    return sorted(f"{side}/{file.stem}" for file in (directory / "photos" / side).glob("*.jpg"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the image quality example with Make and in a warm pool.")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "image-quality"
        prepare_example(directory, photos=options.photos)
        with WarmPool(directory, jobs=options.jobs) as pool:
            print(pool.run())
            print(pool.run())
        warm = results(directory)
        print(run_make(directory, jobs=options.jobs))
        assert results(directory) == warm


if __name__ == "__main__":
    main()
