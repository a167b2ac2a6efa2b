"""Palettes, and the ways from luminance and its differences to R G B."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from derive.errors import ValuesError
from derive.pixels.colour import Palette, PaletteTable, in_rgb, palette_of
from tests.helpers.asserting import raises_code

NAMES = ("Red", "Green", "Blue")
#: Discrete, linear and indirect segments of 16 bits (C.7.9.2): 2 entries, 4 more in a line to 5000, the first again.
SEGMENTS = [0, 2, 100, 200, 1, 4, 50000, 2, 1, 0, 0]


def tables(descriptor, data, **said):
    return {name: PaletteTable(descriptor, data, **said) for name in NAMES}


def entries(palette):
    return np.frombuffer(palette.entries, np.uint8).reshape(-1, 3)[:, 0].tolist()


def test_stored_values_below_the_first_and_above_the_last_have_their_colours():
    palette = palette_of(tables((3, 10, 8), bytes([1, 2, 3, 0])), "a.dcm")
    assert palette.of(np.array([[-5, 10, 11], [12, 13, 70000]]))[..., 2].tolist() == [[1, 1, 2], [3, 3, 3]]


def test_more_entries_than_a_byte_counts_are_told_apart():
    data = (np.arange(1000) // 4).astype(np.uint8).tobytes()
    palette = palette_of(tables((1000, 0, 8), data), "a.dcm")
    assert palette.of(np.array([300, 999]))[:, 0].tolist() == [75, 249]


@pytest.mark.parametrize(
    ("bits", "data", "wanted"),
    [
        (16, np.array([0x0000, 0xABAB, 0xFF00, 0xFFFF], "<u2").tobytes(), [0, 0xAB, 0xFF, 0xFF]),
        (16, np.array([0, 7, 200, 255], "<u2").tobytes(), [0, 7, 200, 255]),
        (8, np.array([0, 7, 200, 255], "<u2").tobytes(), [0, 7, 200, 255]),
        (8, bytes([0, 7, 200, 255]), [0, 7, 200, 255]),
        (16, bytes([0, 7, 200, 255]), [0, 7, 200, 255]),
    ],
    ids=["16 bits", "bytes in 16 bits", "bytes in words", "8 bits", "8 bits said 16"],
)
def test_of_16_bits_the_upper_8_are_taken_and_of_bytes_in_words_the_bytes(bits, data, wanted):
    assert entries(palette_of(tables((4, 0, bits), data), "a.dcm")) == wanted


def test_big_endian_words_and_bytes_in_words():
    words = np.array([0x0102, 0xABCD], ">u2").tobytes()
    assert entries(palette_of(tables((2, 0, 16), words, big=True), "a.dcm")) == [1, 0xAB]
    assert entries(palette_of(tables((4, 0, 8), bytes([2, 1, 4, 3]), big=True), "a.dcm")) == [1, 2, 3, 4]


def test_segments_are_expanded_as_pydicom_does():
    data = np.array(SEGMENTS, "<u2").tobytes()
    found = palette_of(tables((8, 5, 16), data, segmented=True), "a.dcm")
    dataset = Dataset()
    dataset.set_original_encoding(False, True)
    for name in NAMES:
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [8, 5, 16])
        setattr(dataset, f"Segmented{name}PaletteColorLookupTableData", data)
    wanted = apply_color_lut(np.arange(5, 13), dataset) >> 8
    assert found.first == 5
    assert found.of(np.arange(5, 13)).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {name: PaletteTable((4, 0, 8), bytes(4)) for name in NAMES[:2]},
        {**tables((4, 0, 8), bytes(4)), "Blue": PaletteTable((5, 0, 8), bytes(6))},
        tables((4, 0, 12), bytes(8)),
        tables((40, 0, 8), bytes(8)),
        tables((40, 0, 16), np.array([9, 9, 9], "<u2").tobytes(), segmented=True),
        tables((1000, 0, 8), bytes(8), segmented=True),
    ],
    ids=["none", "no blue", "unlike", "12 bits", "cut short", "no segments", "too many"],
)
def test_what_tells_no_colours_is_refused(wrong):
    with raises_code("VAL-PALETTE", ValuesError):
        palette_of(wrong, "a.dcm")


def test_the_partial_range_has_black_white_and_colours_where_the_standard_has_them():
    coefficients = np.array([[0.2568, 0.5041, 0.0979], [-0.1482, -0.2910, 0.4392], [0.4392, -0.3678, -0.0714]])
    rgb = np.random.default_rng(1).integers(0, 256, (20, 30, 3))
    stored = np.rint(rgb @ coefficients.T + (16, 128, 128)).astype(np.uint8)
    assert np.abs(in_rgb(stored, "YBR_PARTIAL_422").astype(int) - rgb).max() <= 2
    ends = np.array([[[16, 128, 128], [235, 128, 128]]], np.uint8)
    assert in_rgb(ends, "YBR_PARTIAL_422").tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_a_palette_is_a_value():
    assert Palette(1, b"abc") == Palette(1, b"abc")
    assert hash(Palette(1, b"abc")) == hash(Palette(1, b"abc"))
