from collections.abc import Iterator

import pytest

from trunkline.client.mount.files import FileEntry


class Content:
    """The rest of a file, in small pieces."""

    def __init__(self, data: bytes) -> None:
        self.pieces = iter([data[start : start + 3] for start in range(0, len(data), 3)])
        self.ended = False

    def __iter__(self) -> "Content":
        return self

    def __next__(self) -> bytes:
        return next(self.pieces)

    def cancel(self) -> None:
        self.ended = True


class Commit:
    """A commit in memory that tells what it was asked."""

    name = "default/letters@1"

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content = content
        self.asked: list[tuple[str, ...]] = []
        self.streams: list[Content] = []

    def entries(self, directory: str) -> Iterator[FileEntry]:
        self.asked.append(("entries", directory))
        prefix = directory.rstrip("/") + "/"
        names = {path[len(prefix) :].partition("/")[0] for path in self.content if path.startswith(prefix)}
        return (entry for name in names if (entry := self._entry(prefix + name)))

    def find(self, path: str) -> FileEntry | None:
        self.asked.append(("find", path))
        return self._entry(path)

    def stream(self, path: str, offset: int) -> Content:
        self.asked.append(("stream", path, str(offset)))
        self.streams.append(Content(self.content[path][offset:]))
        return self.streams[-1]

    def read_run(self, first: str, last: str) -> Iterator[tuple[str, bytes]]:
        self.asked.append(("read_run", first, last))
        return ((path, data) for path, data in self.content.items() if first <= path <= last)

    def _entry(self, path: str) -> FileEntry | None:
        if path in self.content:
            return FileEntry(path, len(self.content[path]), seconds=7.0)
        inside = any(each.startswith(path.rstrip("/") + "/") for each in self.content)
        return FileEntry(path, is_directory=True) if inside else None


@pytest.fixture
def commit() -> Commit:
    return Commit({"/a.txt": b"0123456789abcdef", "/d/b.txt": b"bb", "/d/e/c.txt": b"ccc"})
