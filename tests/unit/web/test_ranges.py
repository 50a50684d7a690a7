import pytest

from trunkline.web.ranges import ByteRange, UnsatisfiableRangeError, read_range


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-4", ByteRange(0, 5)),
        ("bytes=5-", ByteRange(5, 10)),
        ("bytes=-3", ByteRange(7, 10)),
        ("bytes=-99", ByteRange(0, 10)),
        ("bytes=8-99", ByteRange(8, 10)),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("BYTES=0-4", ByteRange(0, 5)),
        ("bytes=0-" + "9" * 5000, ByteRange(0, 10)),
        ("bytes=-" + "9" * 5000, ByteRange(0, 10)),
        ("bytes=" + "0" * 5000 + "1-2", ByteRange(1, 3)),
        ("bytes=٣-٤", None),
        ("bytes=0x1-2", None),
    ],
)
def test_a_range_is_read_as_the_rfc_says(header: str | None, found: ByteRange | None) -> None:
    assert read_range(header, 10) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0", "bytes=" + "9" * 5000 + "-"])
def test_a_range_outside_the_content_is_told(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        read_range(header, 10)


def test_the_end_of_nothing_is_the_whole_of_it() -> None:
    assert read_range("bytes=-5", 0) is None
    with pytest.raises(UnsatisfiableRangeError):
        read_range("bytes=0-", 0)
