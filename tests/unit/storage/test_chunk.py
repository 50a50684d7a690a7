from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import CorruptDataError
from trunkline.objects import ObjectStore, open_object_store
from trunkline.storage.chunk import ChunkRef, ChunkStore, MemoryChunkIndex, decode_refs, encode_refs, pack
from trunkline.storage.chunk.chunker import CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, Chunker, cut
from trunkline.storage.chunk.codec import Codec, decode, encode, encode_many
from trunkline.storage.chunk.hashes import EMPTY_HASH, hash_chunk, hash_content
from trunkline.storage.chunk.refs import pack_key
from trunkline.storage.chunk.writer import ChunkWriter, resolved


def noise(seed: int, length: int) -> bytes:
    return blake3(seed.to_bytes(4, "big")).digest(length)


def new_store() -> ChunkStore:
    return ChunkStore(open_object_store("memory://"), MemoryChunkIndex())


def store_all(store: ChunkStore, chunks: list[bytes]) -> list[ChunkRef]:
    writer = ChunkWriter(store)
    stored = [writer.add(chunk) for chunk in chunks]
    writer.seal()
    return list(resolved(stored))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 24_000_000), st.lists(st.integers(1, 9_000_000), min_size=1, max_size=9))
def test_chunks_do_not_depend_on_how_the_bytes_arrive(length: int, steps: list[int]) -> None:
    data = noise(1, length)
    chunker = Chunker()
    chunks: list[bytes] = []
    start = 0
    while start < length:
        step = steps[start % len(steps)]
        chunks.extend(bytes(chunk) for chunk in chunker.feed(data[start : start + step]))
        start += step

    chunks.extend(bytes(chunk) for chunk in chunker.finish())

    assert b"".join(chunks) == data
    assert [len(chunk) for chunk in chunks] == cut(data)
    assert all(CHUNK_BYTES_MIN <= len(chunk) <= CHUNK_BYTES_MAX for chunk in chunks[:-1])


def test_an_insertion_moves_the_borders_near_it_only() -> None:
    data = noise(2, 30_000_000)
    changed = data[:10_000_000] + b"inserted" + data[10_000_000:]

    def names(content: bytes) -> set[bytes]:
        chunker = Chunker()
        return {hash_chunk(chunk) for part in (chunker.feed(content), chunker.finish()) for chunk in part}

    assert len(names(changed) - names(data)) <= 3


def test_pinned_cuts_and_hashes_never_change() -> None:
    """They are part of the storage format: other values here mean that old repositories no longer deduplicate."""
    data = noise(0, 8_000_000)

    lengths = cut(data)

    assert lengths == PINNED_LENGTHS
    names = []
    start = 0
    for length in lengths:
        names.append(hash_chunk(data[start : start + length]))
        start += length
    assert hash_content(names).hex() == PINNED_HASH
    assert hash_content(names[:1]) == names[0]
    assert hash_content([]) == EMPTY_HASH == blake3(b"").digest()


PINNED_LENGTHS = [290691, 1068777, 1050782, 2100677, 1498747, 1172399, 817927]
PINNED_HASH = "254d56bb2622f96312926f4567924e46c6be1d19a3d9c343b4f3f59080a454fb"


@given(
    st.binary(max_size=300) | st.builds(lambda unit, count: unit * count, st.binary(max_size=9), st.integers(0, 9999))
)
def test_what_is_encoded_decodes(data: bytes) -> None:
    codec, stored = encode(data)

    assert len(stored) <= len(data)
    assert decode(codec, bytes(stored), len(data)) == data


def test_only_what_compresses_is_compressed() -> None:
    assert encode(noise(1, 100_000))[0] is Codec.RAW
    assert encode(b"text " * 20_000)[0] is Codec.ZSTD


def test_many_chunks_are_encoded_as_each_alone() -> None:
    chunks = [b"", b"x" * 63, *(noise(seed, 4000) for seed in range(5)), *(b"text " * n for n in (13, 800, 3000, 9000))]
    chunks += [b"more %d " % n * 100 for n in range(20)]

    encoded = [(codec, bytes(stored)) for codec, stored in encode_many(chunks)]

    assert encoded == [(codec, bytes(stored)) for codec, stored in map(encode, chunks)]


def test_an_unknown_codec_or_a_bomb_is_refused() -> None:
    with pytest.raises(CorruptDataError, match="unknown codec 9"):
        decode(9, b"", 0)
    with pytest.raises(CorruptDataError):
        decode(Codec.ZSTD, b"not zstd", 10)


def test_refs_survive_the_way_to_the_server() -> None:
    refs = store_all(new_store(), [b"one", noise(1, 1000), b""])

    assert decode_refs(encode_refs(refs)) == refs
    assert decode_refs(b"") == []


@given(st.lists(st.binary(max_size=50) | st.just(b"x" * 40_000), max_size=30), st.randoms())
def test_chunks_are_read_in_the_order_asked_for(chunks: list[bytes], random: object) -> None:
    store = new_store()
    refs = store_all(store, chunks[::2]) + store_all(store, chunks[1::2])
    random.shuffle(refs)  # type: ignore[attr-defined]

    assert [hash_chunk(data) for data in store.read_many(refs)] == [ref.chunk for ref in refs]
    assert [hash_chunk(store.read(ref)) for ref in refs] == [ref.chunk for ref in refs]


def test_a_pack_is_sealed_when_full_and_says_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "PACK_BYTES_MAX", 10_000)
    store = new_store()

    refs = store_all(store, [noise(seed, 3000) for seed in range(20)])

    packs = list(dict.fromkeys(ref.pack for ref in refs))
    assert len(packs) == 5
    assert [ref for name in packs for ref in pack.read_pack_entries(store.objects, name)] == refs
    assert {hash_chunk(store.objects.get(pack_key(name))) for name in packs} == set(packs)


def damaged(store: ChunkStore, ref: ChunkRef, position: int) -> None:
    key = pack_key(ref.pack)
    data = bytearray(store.objects.get(key))
    data[position] ^= 1
    store.objects.delete(key)
    store.objects.put(key, bytes(data))


def test_damage_is_noticed() -> None:
    store = new_store()
    ref = store_all(store, [noise(1, 1000)])[0]

    damaged(store, ref, ref.offset + 500)
    with pytest.raises(CorruptDataError, match="damaged"):
        store.read(ref)
    damaged(store, ref, ref.offset + 1010)
    with pytest.raises(CorruptDataError, match="damaged list"):
        list(pack.read_pack_entries(store.objects, ref.pack))
    damaged(store, ref, 0)
    with pytest.raises(CorruptDataError, match="no pack of format"):
        list(pack.read_pack_entries(store.objects, ref.pack))
    store.objects.delete(pack_key(ref.pack))
    for read in (lambda: store.read(ref), lambda: store.read_many([ref])):
        with pytest.raises(CorruptDataError, match="missing"):
            read()
    with pytest.raises(CorruptDataError, match="missing"):
        list(pack.read_pack_entries(store.objects, ref.pack))


class ForgetfulIndex(MemoryChunkIndex):
    def find(self, chunks: object) -> dict[bytes, ChunkRef]:
        return {}


def test_an_index_that_forgets_costs_space_only() -> None:
    objects: ObjectStore = open_object_store("memory://")
    store = ChunkStore(objects, ForgetfulIndex())

    refs = store_all(store, [b"same" * 100]) + store_all(store, [b"other", b"same" * 100])

    assert len({ref.pack for ref in refs}) == 2
    assert store.read_many(refs) == [b"same" * 100, b"other", b"same" * 100]


def test_a_file_is_cut_from_its_descriptor_as_from_its_bytes(tmp_path: Path) -> None:
    data = noise(3, 30_000_000)
    (tmp_path / "file").write_bytes(data)
    chunker = Chunker()
    chunks = [bytes(chunk) for chunk in chunker.feed(b"before")]
    chunks += [bytes(chunk) for chunk in chunker.finish()]

    with (tmp_path / "file").open("rb") as file:
        chunks += [bytes(chunk) for chunk in chunker.feed_from(file.fileno())]
    chunks += [bytes(chunk) for chunk in chunker.finish()]

    assert b"".join(chunks) == b"before" + data
    assert [len(chunk) for chunk in chunks] == [6, *cut(data)]


def test_chunks_that_are_held_stay_as_they_are_and_others_make_room() -> None:
    chunker = Chunker()
    held: list[tuple[memoryview, bytes]] = []
    for seed in range(12):
        for part in (chunker.feed(noise(seed, 9_000_000)), chunker.finish()):
            held += [(chunk, bytes(chunk)) for chunk in part]
        if seed % 3 == 2:
            held = held[::2]

    assert all(chunk == content for chunk, content in held)


def test_many_files_take_few_buffers() -> None:
    chunker = Chunker()

    for seed in range(20):
        for part in (chunker.feed(noise(seed, 9_000_000)), chunker.finish()):
            assert all(len(chunk) for chunk in part)

    assert len(chunker._buffers) <= 3


def test_a_writer_that_is_given_up_leaves_no_temporary_file(tmp_path: Path) -> None:
    writer = ChunkWriter(ChunkStore(open_object_store(f"file://{tmp_path}"), MemoryChunkIndex()))
    for seed in range(60):
        writer.add(noise(seed, 1_000_000))

    writer.close()

    assert [file for file in (tmp_path / ".tmp").iterdir() if file.is_file()] == []
