"""Stored values are judged alike whether all are at hand or wait aside, frame by frame."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from derive.checking import SeriesChecker
from derive.checking.stored import Ends, Words, ends_of, frames_in
from derive.elements.datasets import from_dataset
from derive.elements.element import Element, tag_of
from derive.pixels.spool import Spool
from tests.helpers.multi_frame import multi_frame

SHAPE = (12, 14)


@pytest.fixture(scope="module")
def dataset():
    return multi_frame("CT", slices=5, shape=SHAPE)


def spooled(dataset, frames=None):
    waiting = Spool()
    for frame in dataset.pixel_array[:frames]:
        waiting.add(frame)
    return waiting.close()


def us(keyword, value, vr="US"):
    return Element(tag_of(keyword), vr, struct.pack("<H" if vr == "US" else "<h", value))


def ends(dataset):
    values = dataset.pixel_array
    return us("SmallestImagePixelValue", int(values.min())), us("LargestImagePixelValue", int(values.max()))


def changes(dataset):
    low, high = ends(dataset)
    return {
        "as it is": (),
        "ends": (low, high),
        "smaller": (us("SmallestImagePixelValue", 3), high),
        "padding": (us("PixelPaddingValue", low.value[0] | low.value[1] << 8), low, us("LargestImagePixelValue", 3)),
        "bits": (us("BitsStored", 5), us("HighBit", 4)),
        "rows": (us("Rows", 13),),
        "bytes": (us("BitsAllocated", 8),),
    }


@pytest.mark.parametrize("change", ["as it is", "ends", "smaller", "padding", "bits", "rows", "bytes"])
def test_what_waits_aside_is_judged_like_what_is_at_hand(dataset, change):
    elements = from_dataset(dataset) | {e.tag: e for e in changes(dataset)[change]}
    pixels = spooled(dataset)
    whole = elements | {(tag := tag_of("PixelData")): Element(tag, pixels.vr, pixels.value())}
    aside = SeriesChecker().add(elements, None, "x", pixels=pixels)
    assert aside == SeriesChecker().add(whole, None, "x")
    found = {f.code for f in aside} & {"CHK-MINMAX", "CHK-PIXEL-BITS", "CHK-PIXEL-LENGTH"}
    wanted = {"smaller": "CHK-MINMAX", "padding": "CHK-MINMAX", "bits": "CHK-PIXEL-BITS", "rows": "CHK-PIXEL-LENGTH"}
    assert wanted.get(change) in (*found, None)
    assert bool(found) == (change in {*wanted, "bytes"})


def test_frames_that_are_not_there_are_noticed(dataset):
    found = SeriesChecker().add(from_dataset(dataset), None, "x", pixels=spooled(dataset, 4))
    assert "CHK-PIXEL-LENGTH" in {f.code for f in found}


def test_ends_of_blocks():
    blocks = [np.array([3, 9, -5]), np.array([], int), np.array([7, 100])]
    assert ends_of(blocks, None) == Ends(-5, 100, None)
    assert ends_of(blocks, (-5, 5)) == Ends(-5, 100, (7, 100))
    assert ends_of(blocks, (-5, 100)).telling == (-5, 100)
    assert ends_of([], None) is None


@pytest.mark.parametrize(("bits", "signed"), [(12, False), (12, True), (16, True), (16, False)])
def test_words(bits, signed):
    low = -(1 << bits - 1) if signed else 0
    values = np.linspace(low, low + (1 << bits) - 1, 60).astype(np.int64).reshape(3, 20)
    (*frames,) = frames_in(values.astype("<i2" if signed else "<u2").tobytes(), 2, 20)
    words = Words(bits, bits - 1, signed)
    assert np.array_equal([words.values(f) for f in frames], values)
    assert sum(map(words.strays, frames)) == 0
    if bits < 16:
        frames[1] = frames[1] ^ np.uint16(1 << bits)
        assert sum(map(words.strays, frames)) == 20
