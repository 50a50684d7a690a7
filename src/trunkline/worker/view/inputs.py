"""Which files a datum sees below ``/pfs``, from the file sets of its inputs."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from trunkline.errors import InvalidInputError
from trunkline.model.datums import Datum, DatumInput
from trunkline.storage.fileset import FileRow, FileSet, FileSets

_LISTINGS_MAX = 8
_LISTED_FILES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file that has to be there. With ``empty`` only its name counts; a ``lazy`` one is read when it is opened."""

    file_set: FileSet
    rows: tuple[FileRow, ...]
    empty: bool
    lazy: bool = False

    @property
    def key(self) -> bytes:
        """Equal for files of equal content."""
        return b"" if self.empty else b"".join(row.hash for row in self.rows)

    def read(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the content from offset on."""
        if self.empty:
            return
        for row in self.rows:
            if offset < row.size_bytes:
                yield from self.file_set.read(row, offset=offset)
            offset = max(0, offset - row.size_bytes)


@dataclass(slots=True)
class WantedTree:
    """Files and directories by their path below ``/pfs``; parents of what is there are implied."""

    files: dict[str, WantedFile] = field(default_factory=dict)
    dirs: set[str] = field(default_factory=set)


class Inputs:
    """Finds the files of datums. Keeps the last listings: a cross product asks for one directory again and again."""

    def __init__(self, file_sets: FileSets) -> None:
        self._file_sets = file_sets
        self._listings: OrderedDict[tuple[str, str], tuple[FileSet, dict[str, tuple[FileRow, ...]]]] = OrderedDict()

    def wanted(self, datum: Datum) -> WantedTree:
        """Return the tree of a datum. Raises InvalidInputError if two inputs put different files in one place."""
        tree = WantedTree()
        for match in datum.inputs:
            tree.dirs.update(_parents(f"{match.source.name}/"))
            if not match.source.s3:
                self._add(tree, match)
        return tree

    def _add(self, tree: WantedTree, match: DatumInput) -> None:
        source = match.source
        file_set, listing = self._listing(source.root, match.path)
        if match.path.endswith("/"):
            tree.dirs.update(_parents(f"{source.name}{match.path}"))
        for path, rows in listing.items():
            place = f"{source.name}{path}"
            wanted = WantedFile(file_set, rows, source.empty_files, source.lazy)
            known = tree.files.setdefault(place, wanted)
            if known.key != wanted.key:
                raise InvalidInputError(f"two inputs of one datum have different files at /pfs/{place}")
            tree.dirs.update(_parents(place))

    def _listing(self, root: str, path: str) -> tuple[FileSet, dict[str, tuple[FileRow, ...]]]:
        key = (root, path)
        if key in self._listings:
            self._listings.move_to_end(key)
            return self._listings[key]
        file_set = self._file_sets.open(root)
        listing: dict[str, tuple[FileRow, ...]] = {}
        for row in file_set.files(path):
            listing[row.path] = (*listing.get(row.path, ()), row)
        self._listings[key] = (file_set, listing)
        while len(self._listings) > 1 and self._are_too_many():
            self._listings.popitem(last=False)
        return file_set, listing

    def _are_too_many(self) -> bool:
        files = sum(len(listing) for _, listing in self._listings.values())
        return len(self._listings) > _LISTINGS_MAX or files > _LISTED_FILES_MAX


def _parents(place: str) -> Iterator[str]:
    end = place.rfind("/")
    while end > 0:
        yield place[:end]
        end = place.rfind("/", 0, end)
