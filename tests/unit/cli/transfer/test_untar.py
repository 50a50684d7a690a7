"""The reader of tar streams finds what `tarfile` finds, however the stream is cut into pieces."""

import io
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.transfer.untar import Member, TarReader
from trunkline.errors import CorruptDataError

PARTS = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.lists(PARTS | st.integers(90, 160).map(lambda length: "n" * length), min_size=1, max_size=4).map("/".join)
FORMATS = st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
ENTRIES = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=1500)), max_size=6)


def archive(entries: list[tuple[str, bytes | None]], *, kind: int = tarfile.GNU_FORMAT) -> bytes:
    """Return an archive of files with their content, and of directories, which have None."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as opened:
        for name, content in entries:
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.size = len(content or b"")
            opened.addfile(member, io.BytesIO(content or b""))
    return buffer.getvalue()


def cut(data: bytes, piece_bytes: int) -> Iterator[bytes]:
    return (data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes))


def read(data: bytes, *, piece_bytes: int = 1 << 20) -> list[tuple[str, bytes | None]]:
    reader = TarReader(cut(data, piece_bytes))
    return [(each.name, None if each.is_dir else b"".join(reader.content())) for each in reader]


@given(entries=ENTRIES, kind=FORMATS, piece_bytes=st.integers(1, 3000))
def test_all_members_come_with_their_content(
    entries: list[tuple[str, bytes | None]], kind: int, piece_bytes: int
) -> None:
    found = read(archive(entries, kind=kind), piece_bytes=piece_bytes)

    assert [(name.rstrip("/"), content) for name, content in found] == [
        (name.rstrip("/"), content) for name, content in entries
    ]


@given(entries=ENTRIES, kind=FORMATS)
def test_content_that_nobody_wants_is_passed_over(entries: list[tuple[str, bytes | None]], kind: int) -> None:
    found = [each.name.rstrip("/") for each in TarReader(cut(archive(entries, kind=kind), 700))]

    assert found == [name.rstrip("/") for name, _ in entries]


@given(data=st.data(), piece_bytes=st.integers(1, 2000))
def test_a_stream_that_breaks_off_is_no_whole_archive(data: st.DataObject, piece_bytes: int) -> None:
    entries: list[tuple[str, bytes | None]] = [("a", b"1" * 700), ("n" * 200, b"2" * 600), ("last", b"3")]
    whole = archive(entries)
    with tarfile.open(fileobj=io.BytesIO(whole)) as opened:
        members = opened.getmembers()
    between = [each.offset for each in members]
    blocks = range(512, members[-1].offset_data, 512)
    lengths = st.sampled_from(blocks) | st.integers(1, members[-1].offset_data)
    length = data.draw(lengths.filter(lambda at: at not in between))

    with pytest.raises(CorruptDataError):
        read(whole[:length], piece_bytes=piece_bytes)


@given(at=st.integers(0, 511), value=st.integers(0, 255))
def test_a_header_with_a_wrong_byte_is_refused(at: int, value: int) -> None:
    whole = bytearray(archive([("a", b"1")]))
    changed = whole[at] != value
    whole[at] = value

    try:
        found = read(bytes(whole))
    except CorruptDataError:
        assert changed
    else:
        # In the field of the checksum itself, other bytes may say the same number.
        assert found == [("a", b"1")]


def test_names_of_posix_archives_have_two_parts() -> None:
    name = f"{'d' * 90}/{'f' * 90}"

    assert read(archive([(name, b"1")], kind=tarfile.USTAR_FORMAT)) == [(name, b"1")]


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_sizes_above_8_gb_are_understood(kind: int) -> None:
    member = tarfile.TarInfo("huge")
    member.size = (8 << 30) + 5

    reader = TarReader([member.tobuf(kind)])

    assert next(iter(reader)) == Member("huge", (8 << 30) + 5, is_dir=False)


def test_links_are_passed_over() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as opened:
        for name, kind in (("a", tarfile.SYMTYPE), ("b", tarfile.LNKTYPE), ("c", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            opened.addfile(member)
        opened.addfile(tarfile.TarInfo("file"))

    assert read(buffer.getvalue()) == [("file", b"")]


@pytest.mark.parametrize("content", [b"x" * 512, b"GIF89a" + bytes(600), b"short"])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(CorruptDataError):
        read(content)


def test_a_failure_after_the_end_is_not_overlooked() -> None:
    def pieces() -> Iterator[bytes]:
        yield archive([("a", b"1")])
        raise ConnectionError

    with pytest.raises(ConnectionError):
        list(TarReader(pieces()))
