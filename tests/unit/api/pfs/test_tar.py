import io
import tarfile

from hypothesis import example, given
from hypothesis import strategies as st

from trunkline.api.pfs.tar import header, joined, tar_stream
from trunkline.objects import open_object_store
from trunkline.storage.chunk import MemoryChunkIndex
from trunkline.storage.fileset import FileSets


def test_an_archive_holds_every_entry_with_its_content() -> None:
    """More entries than are read at once, empty files, one of several chunks, a long path, directories."""
    file_sets = FileSets(open_object_store("memory://"), MemoryChunkIndex())
    writer = file_sets.edit()
    content = {f"/many/{number:04}": b"x" * number for number in range(600)}
    content |= {"/large": bytes(range(256)) * 40_000, "/" + "long/" * 40 + "name": b"deep"}
    for path, data in content.items():
        writer.add(path, data)
    files = file_sets.open(file_sets.compose("", [writer.finish()]))

    entries = ((info, None if info.is_dir else files.find(info.path)) for info in files.walk("/"))
    pieces = list(joined(tar_stream(files, entries), bytes_max=100_000))

    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        read = {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}
        directories = {m.name.strip("/") for m in archive.getmembers() if m.isdir()}
    assert {"/" + name.lstrip("/"): data for name, data in read.items()} == content
    assert {"many", "long"} <= directories
    assert len(pieces) > 3


@given(
    path=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), min_size=1, max_size=110),
    size_bytes=st.integers(0, 10**6) | st.integers(8**11 - 2, 8**12),
    is_dir=st.booleans(),
)
@example(path="n" * 100, size_bytes=0, is_dir=False)
@example(path="n" * 101, size_bytes=0, is_dir=True)
def test_a_header_is_what_tarfile_writes(path: str, size_bytes: int, is_dir: bool) -> None:
    path = f"/{path}/" if is_dir else f"/{path}"
    entry = tarfile.TarInfo(path)
    entry.mode, entry.size = 0, size_bytes
    entry.type = tarfile.DIRTYPE if is_dir else tarfile.REGTYPE

    assert header(path, size_bytes, is_dir=is_dir) == entry.tobuf(tarfile.GNU_FORMAT)
