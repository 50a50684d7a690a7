"""Times the storage layer and prints a table: `python benchmarks/storage.py [directory]`."""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from blake3 import blake3

from trunkline.objects import open_object_store
from trunkline.storage.chunk import MemoryChunkIndex
from trunkline.storage.fileset import FileSet, FileSets
from trunkline.storage.fileset.rows import FILES, encode_row_refs
from trunkline.storage.table import write_table

SMALL_FILES = 20_000
SMALL_BYTES = 4096
ROWS = 1_000_000
BATCH_ROWS = 50_000
PIECE_BYTES = 2 * 1024 * 1024


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        file_sets = FileSets(open_object_store(f"file://{scratch}/objects"), MemoryChunkIndex())
        print(f"{'what':<58}{'median':>12}{'runs':>6}")
        time_small_files(file_sets)
        time_large_files(file_sets)
        roots = {rows: time_build(file_sets, rows) for rows in (1000, ROWS)}
        for rows, root in roots.items():
            time_edit(file_sets, root, rows)
        time_reads(file_sets, roots[ROWS])
        print(f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def report(what: str, run: Callable[[int], Any], *, runs: int = 5) -> float:
    """Print the median time of a number of runs, each given its number."""
    seconds = []
    for number in range(runs):
        start = time.perf_counter()
        run(number)
        seconds.append(time.perf_counter() - start)
    median = sorted(seconds)[len(seconds) // 2]
    print(f"{what:<58}{median * 1000:>9.2f} ms{runs:>6}", flush=True)
    return median


def time_small_files(file_sets: FileSets) -> None:
    contents = [blake3(number.to_bytes(4, "big")).digest(SMALL_BYTES // 2) * 2 for number in range(SMALL_FILES)]

    def write(_: int) -> None:
        layer = file_sets.edit()
        for number, data in enumerate(contents):
            path = f"/small/{number % 100:02}/{number:06}.bin"
            layer.delete(path)
            layer.add(path, data)
        layers.append(layer.finish())

    layers: list[str] = []
    report(f"put {SMALL_FILES} files of {SMALL_BYTES} B", write, runs=1)
    report("put them again, unchanged", write, runs=3)
    report("compose them over nothing", lambda _: file_sets.compose("", layers[:1]), runs=3)
    file_set = file_sets.open(file_sets.compose("", layers[:1]))
    report("read them all, one by one", lambda _: [list(file_set.read(row)) for row in file_set.files()], runs=3)


def time_large_files(file_sets: FileSets) -> None:
    block = blake3(b"large").digest(64 * 1024 * 1024)
    text = b"".join(b"%d: a line of text, number %d\n" % (n, n * 7919) for n in range(2_000_000))[: len(block)]

    def write(data: bytes) -> Callable[[int], None]:
        def run(number: int) -> None:
            layer = file_sets.edit()
            layer.add(
                "/large",
                [number.to_bytes(4, "big"), *(data[n : n + PIECE_BYTES] for n in range(0, len(data), PIECE_BYTES))],
            )
            layers.append(layer.finish())

        return run

    layers: list[str] = []
    report("put one file of 64 MiB, random", write(block), runs=3)
    report("put one file of 64 MiB, text", write(text), runs=3)
    file_set = file_sets.open(file_sets.compose("", layers[:1]))
    row = file_set.find("/large")
    assert row is not None
    report("read one file of 64 MiB, random", lambda _: [len(piece) for piece in file_set.read(row)], runs=5)


def rows_of(count: int) -> Iterator[pa.RecordBatch]:
    """Yield rows for files that nobody stored: ten directories, a hundred in each, files in those."""
    refs = encode_row_refs(())
    for start in range(0, count, BATCH_ROWS):
        numbers = range(start, min(start + BATCH_ROWS, count))
        per_directory = max(count // 1000, 1)
        paths = [
            f"/d{n // per_directory // 100:02}/e{n // per_directory % 100:02}/file-{n % per_directory:07}."
            + ("png" if n % 3 else "jpg")
            for n in numbers
        ]
        yield pa.RecordBatch.from_arrays(
            [
                pa.array(paths),
                pa.array(["default"] * len(paths)),
                pa.array([n % 9973 for n in numbers], pa.int64()),
                pa.array([blake3(path.encode()).digest() for path in paths], pa.binary(32)),
                pa.array([refs] * len(paths), pa.binary()),
            ],
            schema=FILES.schema,
        )


def time_build(file_sets: FileSets, rows: int) -> str:
    batches = list(rows_of(rows))
    roots: list[str] = []
    report(
        f"build a table of {rows} rows",
        lambda _: roots.append(write_table(file_sets.tables, FILES, iter(batches))),
        runs=1,
    )
    return roots[0]


def time_edit(file_sets: FileSets, root: str, rows: int) -> None:
    layers: list[str] = []

    def write(number: int) -> None:
        layer = file_sets.edit()
        layer.add(f"/d00/e00/new-{number}", b"%d" % number)
        layers.append(layer.finish())

    report(f"layer with one file (for {rows} rows)", write, runs=21)
    composed: list[str] = []
    report(f"compose it over {rows} rows", lambda n: composed.append(file_sets.compose(root, [layers[n]])), runs=21)
    new, old = file_sets.open(composed[0]), file_sets.open(root)
    report(f"diff of that change in {rows} rows", lambda _: list(new.diff(old)), runs=21)
    report(
        f"collision check of that change in {rows} rows",
        lambda n: file_sets.collision(composed[n], [layers[n]]),
        runs=21,
    )


def time_reads(file_sets: FileSets, root: str) -> None:
    file_set = file_sets.open(root)

    def cold(_: int) -> FileSet:
        return FileSets(file_sets.chunks.objects, MemoryChunkIndex()).open(root)

    report("open, nothing loaded", cold, runs=5)
    report("look-up, nothing loaded", lambda n: cold(n).find("/d04/e50/file-0000500.png"), runs=5)
    report(
        "look-up x 1000, segment loaded", lambda _: [file_set.find("/d04/e50/file-0000500.png") for _ in range(1000)]
    )
    report("list the root (10 directories of 100,000 files)", lambda _: list(file_set.list("/")), runs=9)
    report("list 100 directories", lambda _: list(file_set.list("/d05/")), runs=9)
    report("page of 100 files", lambda _: list(file_set.list("/d05/e05/", number=100)), runs=9)
    report("walk a page of 1000", lambda _: list(islice(file_set.walk("/"), 1000)), runs=9)
    report("size and hash of a directory of 100,000", lambda _: file_set.info("/d07/"), runs=9)
    report("glob /*", lambda _: list(file_set.glob("/*")), runs=5)
    report("glob /d0*/e1*", lambda _: list(file_set.glob("/d0*/e1*")), runs=5)
    report("glob /d03/e03/*.png", lambda _: list(file_set.glob("/d03/e03/*.png")), runs=5)
    report("glob /**0077*.png (about 1,000 hits)", lambda _: list(file_set.glob("/**0077*.png")), runs=3)
    report("glob /**.jpg (333,334 hits)", lambda _: list(file_set.glob("/**.jpg")), runs=3)
    report("glob /**/!(file-00007*).png", lambda _: sum(1 for _ in file_set.glob("/**/!(file-00007*).png")), runs=1)
    report("collision check of everything", lambda _: file_sets.collision(root), runs=1)


if __name__ == "__main__":
    main()
