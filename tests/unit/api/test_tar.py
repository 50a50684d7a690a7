import io
import tarfile

from trunkline.api.tar import joined, tar_stream
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
