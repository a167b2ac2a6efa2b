"""A file of four gigabytes costs a frame: nothing of it is read, or held, but what is asked for."""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
import pytest

from derive.pixels.decode import PixelBytes, PixelLayout, check_decodable, decode
from derive.pixels.frames import frame_pixels
from derive.pixels.shared import SharedFile

ROWS = COLUMNS = 512
COUNT = 8000
BEFORE = 5000
LAYOUT = PixelLayout("1.2.840.10008.1.2.1", ROWS, COLUMNS, 16, 16, 15, True, "MONOCHROME2")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file that is nothing but holes, except for the frame before the last."""
    path = tmp_path_factory.mktemp("large") / "x"
    with path.open("wb") as stream:
        stream.truncate(BEFORE + COUNT * LAYOUT.native_length)
        stream.seek(BEFORE + (COUNT - 2) * LAYOUT.native_length)
        stream.write(np.arange(ROWS * COLUMNS, dtype="<i4").astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("inside", [False, True])
def test_a_frame_of_four_gigabytes_costs_a_frame(large, inside):
    end = large.stat().st_size
    assert end > 4e9
    shared = SharedFile(large.open("rb", buffering=0))
    opened = partial(shared.view, 0, end) if inside else partial(large.open, "rb", buffering=0)
    pixels = PixelBytes(opened, BEFORE, end - BEFORE, end)
    tracemalloc.start()
    try:
        found = frame_pixels(LAYOUT, pixels, COUNT, "x").frames
        for place in found[::500]:
            check_decodable(LAYOUT, place, "x")
            assert not decode(LAYOUT, None, place, "x").any()
        values = decode(LAYOUT, None, found[-2], "x")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(values.reshape(-1)[:1000], np.arange(1000))
    assert peak < 12 * LAYOUT.native_length
