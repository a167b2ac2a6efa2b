"""Overlays without their letters, and texts of annotations."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset

from derive.pixels.bitmap import without_small_shapes
from tests.helpers.asserting import each
from tests.helpers.methods import changed
from tests.helpers.texts import patient, read

SIDE = 512


def drawn(text: str = "YAMADA") -> tuple[np.ndarray, np.ndarray]:
    """An overlay with a name, and what should be left of it."""
    graphics = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(graphics, (250, 300), 90, 1, 2)
    cv2.line(graphics, (10, 480), (500, 482), 1, 1)
    cv2.rectangle(graphics, (300, 100), (500, 190), 1, -1)
    named = graphics.copy()
    for scale, row in ((0.4, 20), (1.0, 60)):
        cv2.putText(named, text, (20, row), cv2.FONT_HERSHEY_SIMPLEX, scale, 1, 1)
    cv2.putText(named, text, (310, 160), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2)
    return named, graphics


def packed(planes: np.ndarray) -> bytes:
    return np.packbits(planes.reshape(-1), bitorder="little").tobytes()


def with_overlay(planes: np.ndarray, group: int = 0x6000) -> Dataset:
    dataset = patient()
    frames = 1 if planes.ndim == 2 else planes.shape[0]
    said = {0x10: ("US", SIDE), 0x11: ("US", SIDE), 0x15: ("IS", frames), 0x22: ("LO", "ROI of Yamada"),
            0x40: ("CS", "R"), 0x50: ("SS", [1, 1]), 0x100: ("US", 1), 0x102: ("US", 0), 0x1500: ("LO", "lesion"),
            0x3000: ("OW", packed(planes))}  # fmt: skip
    for number, (vr, value) in said.items():
        dataset.add_new(group << 16 | number, vr, value)
    return dataset


def cleaned(dataset: Dataset, group: int = 0x6000) -> dict[int, bytes]:
    instance = read(dataset)
    elements = [e for tag, e in instance.elements.items() if tag >> 16 == group]
    after = [changed("cleanGraphics", element, instance=instance) for element in each(elements)]
    return {e.tag & 0xFFFF: e.value for e in after if e is not None}


@pytest.mark.parametrize("group", [0x6000, 0x601E])
def test_letters_go_and_regions_and_lines_stay(group):
    named, graphics = drawn()
    left = cleaned(with_overlay(named, group), group)
    assert left[0x3000] == packed(graphics) != packed(named)
    assert left[0x22].strip() == b"ROI of"
    assert left[0x1500].strip() == b"lesion"
    assert left.keys() == {0x10, 0x11, 0x15, 0x22, 0x40, 0x50, 0x100, 0x102, 0x1500, 0x3000}


#: Letters of several strokes run together where these are thick: they are no letters for anybody then.
FONTS = {cv2.FONT_HERSHEY_SIMPLEX: 3, cv2.FONT_HERSHEY_TRIPLEX: 2, cv2.FONT_HERSHEY_SCRIPT_COMPLEX: 2}


@pytest.mark.parametrize("scale", [0.4, 0.7, 1.0, 1.5, 2.0])
@pytest.mark.parametrize(("font", "thickness"), [(f, t + 1) for f, most in FONTS.items() for t in range(most)])
def test_no_letter_stays_alone_on_a_line_or_blank_in_an_area(scale, thickness, font):
    lines = np.zeros((1, SIDE, SIDE), np.uint8)
    lines[0, 100, 5:500] = lines[0, 20:480, 30] = 1
    lines[0, 330:470, 10:505] = 1
    named = lines.copy()
    for row, ink in ((100, 1), (230, 1), (430, 0)):
        cv2.putText(named[0], "Yamada 7", (40, row), font, scale, ink, thickness)
    assert named.sum() != lines.sum()
    assert without_small_shapes(packed(named), lines.shape, 64) == packed(lines)


def test_a_grid_stays_and_its_cells_stay_empty():
    grid = np.zeros((1, 300, 300), np.uint8)
    grid[0, ::40] = grid[0, :, ::40] = 1
    assert without_small_shapes(packed(grid), grid.shape, 64) == packed(grid)


def test_every_frame_is_cleaned():
    named, graphics = drawn()
    left = cleaned(with_overlay(np.stack([named, graphics, named])))
    assert left[0x3000] == packed(np.stack([graphics] * 3))


def test_bytes_in_the_plane_and_behind_it_do_not_stay():
    plane = np.zeros((SIDE, SIDE), np.uint8)
    dataset = with_overlay(plane)
    dataset[0x60003000].value = b"YAMADA" + packed(plane)[6:] + b"TAROU."
    assert set(cleaned(dataset)[0x3000]) == {0}


@pytest.mark.parametrize("spoiled", [(0x10, "US", 0), (0x11, "US", 4096), (0x15, "IS", 70000), (0x100, "US", 16)])
def test_an_overlay_that_cannot_be_read_goes_as_a_whole(spoiled):
    number, vr, value = spoiled
    dataset = with_overlay(drawn()[0])
    dataset.add_new(0x60000000 | number, vr, value)
    assert cleaned(dataset) == {}


def test_curves_go_and_texts_of_annotations_are_cleaned():
    dataset = patient()
    dataset.add_new(0x50000022, "LO", "curve")
    dataset.add_new(0x50003000, "OW", b"YAMADA")
    assert cleaned(dataset, 0x5000) == {}


@pytest.mark.parametrize("side", [33, 65, 100, 200])
def test_what_is_a_letter_depends_on_nothing_but_its_size(side):
    plane = np.zeros((1, 300, 300), np.uint8)
    plane[0, 20 : 20 + side, 30 : 30 + side] = 1
    assert (without_small_shapes(packed(plane), plane.shape, 64) == packed(plane)) is (side > 64)
    with pytest.raises(ValueError, match="bits"):
        without_small_shapes(packed(plane)[:-2], plane.shape, 64)
