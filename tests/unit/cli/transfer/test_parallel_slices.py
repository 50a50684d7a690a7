from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from trunkline.cli.transfer.parallel_slices import slice_uploads
from trunkline.cli.transfer.uploads import Upload

MIB = 1 << 20


def flat(slices: list[list[Upload]]) -> list[Upload]:
    return [upload for each in slices for upload in each]


@given(count=st.integers(0, 200), parallelism=st.integers(1, 100))
def test_slices_in_order_are_all_uploads_and_none_is_empty(count: int, parallelism: int) -> None:
    uploads = [Upload(f"https://host/{number}", f"/{number}") for number in range(count)]

    slices = slice_uploads(uploads, parallelism)

    assert flat(slices) == uploads
    assert all(slices)
    assert len(slices) >= min(count, parallelism)


def test_small_files_travel_together_and_large_ones_alone(tmp_path: Path) -> None:
    sizes = [1] * 20 + [30 * MIB, 30 * MIB]
    uploads = []
    for number, size in enumerate(sizes):
        with (tmp_path / str(number)).open("wb") as file:
            file.truncate(size)
        uploads.append(Upload(str(tmp_path / str(number)), f"/{number}"))

    assert [len(each) for each in slice_uploads(uploads, 4)] == [20, 1, 1]


def test_a_source_that_is_not_there_is_left_to_be_told_when_it_is_read(tmp_path: Path) -> None:
    upload = Upload(str(tmp_path / "gone"), "/gone")

    assert slice_uploads([upload], 2) == [[upload]]
