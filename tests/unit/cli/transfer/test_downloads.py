import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from trunkline.cli.transfer.downloads import extract, write_file
from trunkline.errors import InvalidInputError


def tar_pieces(files: dict[str, bytes], *, piece_bytes: int = 700) -> Iterator[BytesValue]:
    """A tar stream as the server sends it: absolute names, directories too, cut anywhere."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    data = buffer.getvalue()
    return (BytesValue(value=data[start : start + piece_bytes]) for start in range(0, len(data), piece_bytes))


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_files_land_below_the_output_without_the_directory_that_was_asked_for(tmp_path: Path) -> None:
    files = {"/d/": b"", "/d/a": b"1", "/d/sub/": b"", "/d/sub/b": b"22" * 5000}

    extract(tar_pieces(files), prefix="/d/", into=tmp_path / "out")

    assert tree(tmp_path / "out") == {"a": b"1", "sub/b": b"22" * 5000}


def test_a_single_file_becomes_the_output(tmp_path: Path) -> None:
    extract(tar_pieces({"/d/a": b"1"}), prefix="/d/a", into=tmp_path / "out")

    assert (tmp_path / "out").read_bytes() == b"1"


def test_no_path_leaves_the_output(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="leaves the directory"):
        extract(tar_pieces({"/../../evil": b""}), prefix="/", into=tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")

    def pieces() -> Iterator[BytesValue]:
        yield BytesValue(value=b"new")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        write_file(pieces(), tmp_path / "f")

    assert tree(tmp_path) == {"f": b"old"}
