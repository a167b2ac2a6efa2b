"""Pictures of planes: the right way round, with the right letters, in true millimetres."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from derive.display import (
    Wishes,
    image_of,
    page_of,
    sight_of,
)
from derive.display import draw as drawing
from derive.display.cuts import PLANES, cut_of, cuts_of, values_of
from derive.display.layout import SMALL, Style, layout_of
from derive.display.page import bar_for
from derive.model.geometry import letters_of
from derive.model.volume import Volume
from tests.helpers.asserting import each, every
from tests.helpers.shown import EDGES, constant
from tests.helpers.sources import OBLIQUE
from tests.helpers.volumes import SIGNED_PERMUTATIONS, make_geometry, ramp, rotation

#: In the patient (LPS): towards the right and bottom edge of a picture, by plane.
RIGHT = {"axial": (1, 0, 0), "coronal": (1, 0, 0), "sagittal": (0, 1, 0)}
DOWN = {"axial": (0, 1, 0), "coronal": (0, 0, -1), "sagittal": (0, 0, -1)}
CORNERS = list(product((-1, 1), repeat=3))


def panels(page, style=None):
    """Each picture as it stands in the drawn page, by plane."""
    image, layout = np.array(image_of(page, style).convert("L")), layout_of(page, style)
    crops = [image[p.top : p.top + p.height, p.left : p.left + p.width] for p in layout.panels]
    return dict(zip((cut.plane for cut in page.cuts), crops, strict=True)), layout


# --- which way round -------------------------------------------------------------------------------------------------


TURNED = [*SIGNED_PERMUTATIONS[::7], rotation(3)[:2], rotation(8)[:2], OBLIQUE]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("cosines", TURNED, ids=range(len(TURNED)))
def test_a_voxel_at_a_corner_of_the_patient_is_in_that_corner_of_the_picture(cosines, corner, plane):
    geometry = make_geometry(cosines[0], cosines[1], shape=(7, 8, 9), spacing=(2.0, 1.5, 1.0))
    index = [0, 0, 0]
    for patient, array in axes_of(geometry):
        grows = geometry.directions[patient, array] * corner[patient] > 0
        index[array] = geometry.shape[array] - 1 if grows else 0
    values = np.zeros(geometry.shape)
    values[tuple(index)] = 100.0
    across = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    number = index[dict(axes_of(geometry))[across]] + 1
    picture = panels(page_of(sight_of(Volume.from_array(values, geometry)), Wishes(plane, (50, 100), number)))[0][plane]
    row, column = np.unravel_index(int(picture.argmax()), picture.shape)
    assert picture.max() > 200
    assert (column > picture.shape[1] / 2) == (np.dot(corner, RIGHT[plane]) > 0)
    assert (row > picture.shape[0] / 2) == (np.dot(corner, DOWN[plane]) > 0)


def axes_of(geometry):
    """Axis of the patient and of the array, each once: found without the code that is tested."""
    patient, array = linear_sum_assignment(-np.abs(geometry.directions))
    return list(zip(patient.tolist(), array.tolist(), strict=True))


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS)
def test_straight_grids_have_the_letters_of_radiology_however_they_are_stored(cosines):
    for cut in each(cuts_of(make_geometry(*cosines))):
        assert tuple(cut.edges) == EDGES[cut.plane]
        assert cut.name == cut.plane


@pytest.mark.parametrize("seed", range(12))
def test_letters_are_those_of_the_way_from_the_middle_to_each_edge(seed):
    cosines = rotation(seed)
    geometry = make_geometry(cosines[0], cosines[1])
    for cut in each(cuts_of(geometry)):
        points = cut.points()
        down, right = points[-1, 0] - points[0, 0], points[0, -1] - points[0, 0]
        assert cut.edges == (
            letters_of(-unit(right)),
            letters_of(unit(right)),
            letters_of(-unit(down)),
            letters_of(unit(down)),
        )
        assert unit(right) @ RIGHT[cut.plane] > 0
        assert unit(down) @ DOWN[cut.plane] > 0


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0), "R"),
        ((0, 1, 0), "P"),
        ((0, -1, 0), "A"),
        ((0, 0, 1), "H"),
        ((0, 0, -1), "F"),
        ((0.96, -0.28, 0), "LA"),
        ((0.28, 0, -0.96), "FL"),
        ((-0.6, 0.7, 0.39), "PRH"),
        ((0.9995, 0.03, 0), "L"),
    ],
)
def test_letters_of_a_direction(direction, letters):
    assert letters_of(direction) == letters


def test_an_oblique_plane_says_by_how_much():
    turned = np.radians(16.26)
    geometry = make_geometry((np.cos(turned), np.sin(turned), 0), (-np.sin(turned), np.cos(turned), 0))
    assert [c.name for c in cuts_of(geometry)] == ["axial", "coronal, 16° oblique", "sagittal, 16° oblique"]


def test_a_plane_says_where_it_lies_along_its_normal():
    geometry = make_geometry(shape=(5, 6, 7), spacing=(2.5, 0.8, 0.7), first=(-20.5, 11.25, -30.0))
    assert cut_of(geometry, "axial", 1).place == "F 27.5 mm"
    assert cut_of(geometry, "coronal", 0).place == "P 11.2 mm"
    assert cut_of(geometry, "sagittal", 0).place == "R 20.5 mm"


@pytest.mark.parametrize("seed", range(4))
def test_the_pixels_of_a_plane_are_those_of_its_points(seed):
    cosines = rotation(seed)
    volume = ramp(make_geometry(cosines[0], cosines[1]))
    for cut, values in each(zip(cuts_of(volume.geometry), values_of(volume, cuts_of(volume.geometry)), strict=True)):
        assert values == pytest.approx(cut.points() @ np.array([2.0, -1.0, 0.5]) + 7.0, abs=1e-3)


# --- how large -------------------------------------------------------------------------------------------------------


def test_a_cube_of_the_patient_is_a_square_in_every_plane():
    geometry = make_geometry(shape=(20, 80, 160), spacing=(5.0, 1.0, 0.5))
    values = np.zeros(geometry.shape)
    values[6:14, 20:60, 40:120] = 100.0
    crops, layout = panels(page_of(sight_of(Volume.from_array(values, geometry)), Wishes(window=(50, 100))))
    for picture in each(crops.values()):
        bright = picture > 127
        sides = [int(bright.any(axis=a).sum()) for a in (0, 1)]
        assert sides == pytest.approx([40 * layout.pixels_per_mm] * 2, abs=2)


@pytest.mark.parametrize("style", [Style(), SMALL], ids=["page", "small"])
@pytest.mark.parametrize("spacing", [(5.0, 1.0, 0.5), (0.3, 0.3, 4.0)])
def test_pictures_are_as_large_as_they_are_in_mm(spacing, style):
    page = page_of(sight_of(constant(0.0, make_geometry(shape=(20, 80, 60), spacing=spacing))))
    layout = layout_of(page, style)
    for placed, cut in each(zip(layout.panels, page.cuts, strict=True)):
        wanted = [mm * layout.pixels_per_mm for mm in cut.size_mm]
        assert [placed.height, placed.width] == pytest.approx(wanted, abs=0.51)


def test_the_scale_bar_in_the_picture_is_as_long_as_it_says():
    geometry = make_geometry(shape=(30, 100, 120), spacing=(3.0, 1.0, 1.0))
    values = np.zeros(geometry.shape)
    values[:, :, 10] = values[:, :, 110] = 100.0  # 100 mm apart
    page = page_of(sight_of(Volume.from_array(values, geometry)), Wishes("axial", (50, 100)))
    picture, layout = np.array(image_of(page)), layout_of(page)
    (placed,) = layout.panels
    row = picture[placed.top + placed.height // 2, placed.left : placed.left + placed.width, 0].astype(int)
    middle = len(row) // 2
    apart = middle + int(row[middle:].argmax()) - int(row[:middle].argmax())
    line = (picture[placed.below + Style().line // 2] == drawing.INK).all(axis=-1)
    runs = [len(r) for r in "".join("x" if ink else " " for ink in line).split()]
    assert placed.panel.bar_mm == 20
    assert max(runs) == pytest.approx(20 * apart / 100, abs=1.5)
    assert max(runs) == placed.bar


@pytest.mark.parametrize(
    ("longest", "bar"), [(231.0, 50.0), (19.5, 2.0), (20.0, 5.0), (4.0, 1.0), (0.7, 0.1), (1900.0, 200.0)]
)
def test_a_scale_bar_is_a_round_length_of_at_most_a_quarter_of_the_longest_side(longest, bar):
    assert bar_for(longest) == bar


@pytest.mark.parametrize("shape", [(1, 2, 3), (3, 320, 220), (300, 4, 4), (1, 1, 1)])
@pytest.mark.parametrize("style", [Style(), SMALL], ids=["page", "small"])
def test_nothing_is_cut_off(shape, style, monkeypatch):
    page = page_of(sight_of(constant(1.0, make_geometry((0.8, 0.6, 0), (-0.48, 0.64, 0.6), shape))))
    ends = []
    image = image_of(page, style)
    pen = drawing.ImageDraw.ImageDraw
    written_text = pen.text

    def spy(self, place, text, **options):
        ends.append(self.textbbox(place, text, font=options["font"]))
        return written_text(self, place, text, **options)

    monkeypatch.setattr(pen, "text", spy)
    image_of(page, style)
    assert ends
    assert every(
        0 <= left <= right <= image.width and 0 <= top <= bottom <= image.height for left, top, right, bottom in ends
    )
    for one, other in ((a, b) for i, a in enumerate(ends) for b in ends[i + 1 :]):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, "texts lie over each other"
