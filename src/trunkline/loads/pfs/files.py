"""The files of a load test: the same for the same spec and seed, whoever writes them and however often."""

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from random import Random

from trunkline.loads.pfs.spec import LoadSpec, RandomFiles

_NAME_LETTERS = 32
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Task:
    """One of the tasks of a commit, all numbered from 0, and the number of its first file in the whole test."""

    commit: int
    modification: int
    number: int
    first_file: int


@dataclass(frozen=True, slots=True)
class LoadFile:
    """A file to write."""

    path: str
    size_bytes: int
    seed: str

    def content(self) -> Iterator[bytes]:
        """Yield its bytes in pieces."""
        random = Random(self.seed)  # noqa: S311 - it must be repeatable, not secret
        left = self.size_bytes
        while left > 0:
            yield random.randbytes(min(left, _PIECE_BYTES))
            left -= _PIECE_BYTES


@dataclass(frozen=True, slots=True)
class Tally:
    """Which files there are, whatever their order: a hash of each path and size, all of them put together."""

    hash: int = 0
    files: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.hash ^ other.hash, self.files + other.files)


def tally(files: Iterable[tuple[str, int]]) -> Tally:
    """Return the tally of files, given by path and size."""
    hash_ = count = 0
    for path, size_bytes in files:
        hash_ ^= int.from_bytes(blake2b(f"{path}{size_bytes:016d}".encode(), digest_size=32).digest())
        count += 1
    return Tally(hash_, count)


def tasks_of(spec: LoadSpec, commit: int) -> list[Task]:
    """Return the tasks of a commit."""
    tasks = []
    first_file = commit * spec.files_per_commit
    for place, modification in enumerate(spec.modifications):
        for number in range(modification.count):
            tasks.append(Task(commit, place, number, first_file))
            first_file += modification.put_file.count
    return tasks


def files_of(spec: LoadSpec, task: Task, seed: int) -> Iterator[LoadFile]:
    """Yield the files that a task writes."""
    put = spec.modifications[task.modification].put_file
    source = spec.source(put.source)
    named = f"{seed}/{task.commit}/{task.modification}/{task.number}"
    random = Random(named)  # noqa: S311
    directory = ""
    for number in range(put.count):
        if source.directory is not None and number % source.directory.run == 0:
            depth = random.randint(source.directory.depth.min, source.directory.depth.max)
            directory = "".join(f"/{_name(random)}" for _ in range(depth))
        name = f"{task.first_file + number:016d}" if source.increment_path else _name(random)
        yield LoadFile(f"{directory}/{name}", _size(source, random), f"{named}/{number}")


def _name(random: Random) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=_NAME_LETTERS))


def _size(source: RandomFiles, random: Random) -> int:
    (sizes,) = random.choices(source.sizes, weights=[each.prob for each in source.sizes])
    return random.randint(sizes.min, sizes.max)
