"""How what `put file` sends is cut into slices that can be sent at the same time."""

from __future__ import annotations

import os
from collections.abc import Sequence

from trunkline.cli.transfer.uploads import STANDARD_INPUT, Upload

# What opening and naming a file costs, in bytes that could be sent instead.
_FILE_BYTES = 64 * 1024
_UNKNOWN_BYTES = 8 * 1024 * 1024
_SLICE_BYTES_MIN = 4 * 1024 * 1024
_SLICES_EACH = 4  # more slices than are sent at once, so that a slow one does not leave the others idle at the end


def slice_uploads(uploads: Sequence[Upload], parallelism: int) -> list[list[Upload]]:
    """Cut uploads into runs of about equal size, in order: one run after the other is the same as all of them."""
    costs = [_cost(upload) for upload in uploads]
    slice_bytes = max(sum(costs) / (_SLICES_EACH * parallelism), _SLICE_BYTES_MIN)
    slices: list[list[Upload]] = []
    room = 0.0
    for upload, cost in zip(uploads, costs, strict=True):
        if room < cost:
            slices.append([])
            room = slice_bytes
        slices[-1].append(upload)
        room -= cost
    return slices


def _cost(upload: Upload) -> int:
    if upload.is_remote or upload.source == STANDARD_INPUT:
        return _UNKNOWN_BYTES
    try:
        return _FILE_BYTES + os.path.getsize(upload.source)
    except OSError:  # told when it is read
        return _FILE_BYTES
