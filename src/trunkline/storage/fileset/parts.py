"""Parts of a file set: shards to share out, and the files that filters let through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from trunkline.errors import InvalidInputError
from trunkline.storage.fileset.reader import FileSet
from trunkline.storage.fileset.rows import FileRow, file_rows

SHARD_FILES = 1_000_000
SHARD_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PathRange:
    """Paths from lower up to upper (exclusive); an empty one is no bound."""

    lower: str = ""
    upper: str = ""


def shards(files: FileSet, *, file_count: int = SHARD_FILES, size_bytes: int = SHARD_BYTES) -> list[PathRange]:
    """Return ranges that cover everything, each with at most so many files and about so many bytes."""
    borders = [""]
    count = size = 0
    before = ""
    for batch in files.table.scan():
        for path, own in zip(batch.column("path").to_pylist(), batch.column("size").to_pylist(), strict=True):
            # The files of several tags at one path stay together.
            if count and path != before and (count >= file_count or size + own > size_bytes):
                borders.append(path)
                count = size = 0
            count += 1
            size += own
            before = path
    return [PathRange(*pair) for pair in zip(borders, [*borders[1:], ""], strict=True)]


def filtered_rows(files: FileSet, ranges: Sequence[PathRange], patterns: Sequence[str]) -> Iterator[FileRow]:
    """Yield the files that lie in every range and match every regular expression (RE2, anywhere in the path)."""
    lower = max((each.lower for each in ranges), default="")
    upper = min((each.upper for each in ranges if each.upper), default=None)
    for batch in files.table.scan((lower,), None if upper is None else (upper,)):
        yield from file_rows(_matching(batch, patterns))


def _matching(batch: pa.RecordBatch, patterns: Sequence[str]) -> pa.RecordBatch:
    for pattern in patterns:
        try:
            hits = pc.match_substring_regex(batch.column("path"), pattern)
        except pa.ArrowInvalid as error:
            raise InvalidInputError(f"{pattern!r} is no regular expression: {error}") from None
        batch = batch.filter(hits)
    return batch
