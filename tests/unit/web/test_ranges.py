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
    ],
)
def test_a_range_is_read_as_the_rfc_says(header: str | None, found: ByteRange | None) -> None:
    assert read_range(header, 10) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside_the_content_is_told(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        read_range(header, 10)
