"""Pictures of series: the right way round, in true millimetres, with the right window, and without the patient."""

from __future__ import annotations

import argparse
import base64
import dataclasses
import io
import json
import re
import shutil
import sys
from itertools import product
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image
from scipy.optimize import linear_sum_assignment

import derive
from derive.cli import showing
from derive.display import (
    Wishes,
    comparison_of,
    fonts,
    grey,
    html_of_derived,
    html_of_report,
    html_of_source,
    html_of_volume,
    image_of,
    page_of,
    repr_of_derived,
    repr_of_report,
    repr_of_source,
    repr_of_volume,
    show,
    sight_of,
)
from derive.display import draw as drawing
from derive.display.compare import planes_of
from derive.display.cuts import PLANES, cut_of, cuts_of, values_of
from derive.display.grey import Grey
from derive.display.layout import SMALL, Style, layout_of
from derive.display.page import bar_for
from derive.display.sampling import sample
from derive.display.sight import Sight
from derive.errors import DeriveError, GeometryError, OutputError, UsageError, ValuesError
from derive.model.geometry import letters_of
from derive.model.volume import Volume
from derive.operations import apply, gaussian_blur, mip, resample
from tests.helpers.sources import OBLIQUE, make_series
from tests.helpers.volumes import SIGNED_PERMUTATIONS, around, make_geometry, ramp, rotation

SCHEMA = json.loads((Path(derive.__file__).parent / "cli" / "schemas" / "show.json").read_text())
#: In the patient (LPS): towards the right and bottom edge of a picture, by plane.
RIGHT = {"axial": (1, 0, 0), "coronal": (1, 0, 0), "sagittal": (0, 1, 0)}
DOWN = {"axial": (0, 1, 0), "coronal": (0, 0, -1), "sagittal": (0, 0, -1)}
EDGES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "H", "F"), "sagittal": ("A", "P", "H", "F")}
CORNERS = list(product((-1, 1), repeat=3))


def run(*arguments):
    parser = argparse.ArgumentParser()
    showing.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["show", *map(str, arguments)])
    return parsed.run(parsed)


def written(folder, datasets):
    folder.mkdir()
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def constant(value, geometry=None, units="HU"):
    geometry = geometry or make_geometry()
    return Volume.from_array(np.full(geometry.shape, value), geometry, derive.Quantity(units))


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
    for cut in cuts_of(make_geometry(*cosines)):
        assert tuple(cut.edges) == EDGES[cut.plane]
        assert cut.name == cut.plane


@pytest.mark.parametrize("seed", range(12))
def test_letters_are_those_of_the_way_from_the_middle_to_each_edge(seed):
    cosines = rotation(seed)
    geometry = make_geometry(cosines[0], cosines[1])
    for cut in cuts_of(geometry):
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
    for cut, values in zip(cuts_of(volume.geometry), values_of(volume, cuts_of(volume.geometry)), strict=True):
        assert values == pytest.approx(cut.points() @ np.array([2.0, -1.0, 0.5]) + 7.0, abs=1e-3)


# --- how large -------------------------------------------------------------------------------------------------------


def test_a_cube_of_the_patient_is_a_square_in_every_plane():
    geometry = make_geometry(shape=(20, 80, 160), spacing=(5.0, 1.0, 0.5))
    values = np.zeros(geometry.shape)
    values[6:14, 20:60, 40:120] = 100.0
    crops, layout = panels(page_of(sight_of(Volume.from_array(values, geometry)), Wishes(window=(50, 100))))
    for picture in crops.values():
        bright = picture > 127
        sides = [int(bright.any(axis=a).sum()) for a in (0, 1)]
        assert sides == pytest.approx([40 * layout.pixels_per_mm] * 2, abs=2)


@pytest.mark.parametrize("style", [Style(), SMALL], ids=["page", "small"])
@pytest.mark.parametrize("spacing", [(5.0, 1.0, 0.5), (0.3, 0.3, 4.0)])
def test_pictures_are_as_large_as_they_are_in_mm(spacing, style):
    page = page_of(sight_of(constant(0.0, make_geometry(shape=(20, 80, 60), spacing=spacing))))
    layout = layout_of(page, style)
    for placed, cut in zip(layout.panels, page.cuts, strict=True):
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
    pen = drawing.importlib.import_module("PIL.ImageDraw").ImageDraw
    written_text = pen.text

    def spy(self, place, text, **options):
        ends.append(self.textbbox(place, text, font=options["font"]))
        return written_text(self, place, text, **options)

    monkeypatch.setattr(pen, "text", spy)
    image_of(page, style)
    assert ends
    assert all(
        0 <= left <= right <= image.width and 0 <= top <= bottom <= image.height for left, top, right, bottom in ends
    )
    for one, other in ((a, b) for i, a in enumerate(ends) for b in ends[i + 1 :]):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, "texts lie over each other"


# --- which grey ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "center", "width", "values", "levels"),
    [
        # The examples of PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2, at their ends.
        ("LINEAR", 2048, 4096, (-1, 0, 2047.5, 4095, 4096), (0, 0, 128, 255, 255)),
        ("LINEAR", 2048, 1, (2047, 2047.5, 2047.51, 2048), (0, 0, 255, 255)),
        ("LINEAR", 0, 100, (-50, -50.5, 49, 48), (0, 0, 255, 252)),
        ("LINEAR", 40, 400, (-160, -159, 239, 238), (0, 1, 255, 254)),
        ("LINEAR_EXACT", 2048, 4096, (0, 16, 2048, 4096, 4080), (0, 1, 128, 255, 254)),
        ("LINEAR_EXACT", 0.5, 1, (0, 0.5, 1, 1.1), (0, 128, 255, 255)),
        ("LINEAR_EXACT", 0, 100, (-50, 50), (0, 255)),
        ("SIGMOID", 100, 50, (100, 50, 150, -1e6, 1e6), (128, 5, 250, 0, 255)),
    ],
)
def test_window_functions_are_those_of_the_standard(function, center, width, values, levels):
    found = Grey(center, width, function, "").levels(np.array(values, dtype=np.float64))
    assert tuple(found.tolist()) == levels
    assert tuple((255 - found).tolist()) == tuple(
        Grey(center, width, function, "").levels(np.array(values, dtype=np.float64), inverted=True).tolist()
    )


def test_padding_has_the_grey_of_the_least_value():
    gray = Grey(50, 100, "LINEAR_EXACT", "")
    assert gray.levels(np.array([np.nan, 0.0])).tolist() == [0, 0]
    assert gray.levels(np.array([np.nan, 0.0]), inverted=True).tolist() == [255, 255]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, (40, 400, "LINEAR", grey.STATED)),
        ({"WindowCenter": [40, -600], "WindowWidth": [400, 1500]}, (40, 400, "LINEAR", grey.STATED)),
        ({"VOILUTFunction": "SIGMOID"}, (40, 400, "SIGMOID", grey.STATED)),
        ({"VOILUTFunction": "LINEAR_EXACT", "WindowWidth": 0.5}, (40, 0.5, "LINEAR_EXACT", grey.STATED)),
        ({"WindowCenter": lambda k: 40 + 10 * k}, (65, 400, "LINEAR", grey.MEDIAN)),
        ({"WindowCenter": None, "WindowWidth": None}, None),
        ({"WindowWidth": 0}, None),
    ],
)
def test_the_window_is_that_of_the_series(changes, wanted):
    found = grey.of_series(derive.read(make_series("CT", **changes)))
    assert (found and (found.center, found.width, found.function, found.origin)) == wanted


def test_without_a_window_nearly_all_values_are_in_it():
    sight = sight_of(derive.read(make_series("CT", shape=(30, 40), WindowCenter=None, WindowWidth=None)))
    window = page_of(sight).grey
    values = np.concatenate([v.ravel() for v in values_of(sight.volume, cuts_of(sight.geometry))])
    assert window.origin == grey.FROM_VALUES
    assert 0.98 <= (np.abs(values - window.center) <= window.width / 2).mean() < 1


@pytest.mark.parametrize("value", [0.0, -1000.0, 7.25])
def test_a_volume_of_one_value_has_a_window(value):
    page = page_of(sight_of(constant(value)))
    assert page.grey.width == 1.0
    assert page.grey.center == value


def test_a_volume_of_padding_alone_is_dark():
    page = page_of(sight_of(constant(np.nan)))
    assert all((p.image == 0).all() for row in page.rows for p in row)


@pytest.mark.parametrize(
    ("modality", "photometric", "white", "says"),
    [
        ("CT", "MONOCHROME2", False, ""),
        ("CT", "MONOCHROME1", True, "MONOCHROME1"),
        ("PT", "MONOCHROME2", True, "PET in inverted grey"),
        ("PT", "MONOCHROME1", True, "MONOCHROME1"),
    ],
)
def test_the_least_value_is_white_where_the_series_says_so_and_in_pet(modality, photometric, white, says):
    series = derive.read(make_series(modality, PhotometricInterpretation=photometric))
    page = page_of(sight_of(series), Wishes(window=(1e6, 10)))
    assert (page.rows[0][0].image == (255 if white else 0)).all()
    assert says in page.heading[-1]


@pytest.mark.parametrize("window", [(40, 0), (40, -1), (float("nan"), 5), (1,)])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(UsageError, match="SHOW-WINDOW"):
        page_of(sight_of(constant(0.0)), Wishes(window=window))


# --- which slices ----------------------------------------------------------------------------------------------------


def numbered(geometry):
    """A volume whose values are the index of the slice."""
    return Volume.from_array(np.broadcast_to(np.arange(geometry.shape[0])[:, None, None], geometry.shape), geometry)


def test_a_slice_is_counted_from_one_and_the_others_stay_in_the_middle():
    volume = numbered(make_geometry())
    chosen = cuts_of(volume.geometry, slice_number=1)
    assert [c.index for c in chosen] == [0, 3, 3]
    assert (values_of(volume, chosen)[0] == 0).all()
    assert [c.index for c in cuts_of(volume.geometry, "coronal", 6)] == [5]


@pytest.mark.parametrize(("plane", "number"), [(None, 0), (None, 6), ("axial", 6), ("coronal", 7), ("sagittal", -1)])
def test_a_slice_that_is_not_there_is_refused(plane, number):
    with pytest.raises(UsageError, match="SHOW-SLICE"):
        cuts_of(make_geometry(), plane, number)


def test_a_plane_without_a_name_is_refused():
    with pytest.raises(UsageError, match="SHOW-PLANE"):
        cuts_of(make_geometry(), "transverse")


def test_slices_are_pulled_once_and_a_few_at_a_time():
    geometry, pulled = make_geometry(shape=(50, 4, 5)), []
    volume = numbered(geometry)

    def pull(first, last):
        pulled.append((first, last))
        return volume.slab(first, last)

    counted = dataclasses.replace(volume, pull=pull)
    told = []
    planes = values_of(counted, cuts_of(geometry), lambda done, count: told.append((done, count)))
    assert sum(last - first for first, last in pulled) == 50
    assert max(last - first for first, last in pulled) <= 8
    assert told[-1] == (50, 50)
    assert planes[1][:, 0].tolist() == list(range(49, -1, -1))
    pulled.clear()
    values_of(counted, cuts_of(geometry, "axial", 20))
    assert pulled == [(19, 20)]


def test_of_several_times_the_first_is_shown():
    geometry = make_geometry()
    volume = dataclasses.replace(
        numbered(geometry), times=2, pull=lambda a, b: np.full((b - a, 6, 7), a >= 5, np.float32)
    )
    page = page_of(sight_of(volume), Wishes(window=(0.5, 1)))
    assert all((p.image == 0).all() for p in page.rows[0])
    assert "first of 2 times" in " ".join(page.heading)


# --- compared --------------------------------------------------------------------------------------------------------


def test_a_known_difference_on_the_same_grid_is_shown_where_it_is():
    source = ramp(make_geometry())
    changed = np.array(source.array)
    changed[2, 1, 5] += 25.0
    page = comparison_of(sight_of(source.with_array(changed)), sight_of(source))
    assert page.difference.largest == pytest.approx(25, abs=1e-4)
    assert 0 < page.difference.shown <= 25
    assert "on the same grid" in page.difference.method
    source_panel, result_panel, apart = page.rows[0]
    assert (source_panel.image != result_panel.image).sum() <= 1
    assert apart.image[1, 5].tolist() == [178, 24, 43]
    apart.image[1, 5] = (247, 247, 247)
    assert (apart.image == 247).all()


def test_no_difference_says_so():
    volume = ramp(make_geometry())
    page = comparison_of(sight_of(volume), sight_of(volume))
    assert page.difference.largest == 0
    assert "difference: none in these planes" in page.heading


def apart_of(cut, result, source):
    """Largest difference in the middle of a plane, where nothing is beyond the last voxel of the source."""
    values = values_of(result, [cut])[0] - planes_of(sight_of(source), [cut]).values[0]
    rows, columns = (slice(n // 4, n - n // 4) for n in values.shape)
    return float(np.abs(values[rows, columns]).max())


@pytest.mark.parametrize("operation", [resample(spacing_mm=(1.0, 1.5, 4.0)), mip(slab_mm=4.0, plane="coronal")])
def test_other_grids_are_compared_at_the_same_places(operation):
    """Of a linear function of the place, linear resampling in the plane leaves the way to the nearest slice."""
    geometry = make_geometry(shape=(12, 20, 24), spacing=(2.5, 0.8, 0.7))
    source = ramp(geometry)
    result = ramp(operation(source).geometry)
    page = comparison_of(sight_of(result), sight_of(source))
    assert "nearest slices" in page.difference.method
    for cut, row in zip(page.cuts, page.rows, strict=True):
        away = re.search(r", ([0-9.]+) mm away", row[0].caption[-1])
        slope = abs(np.array([2.0, -1.0, 0.5]) @ cut.geometry.directions[:, cut.axis])
        wanted = slope * float(away[1]) if away else 0.0
        interior = apart_of(cut, result, source)
        assert interior == pytest.approx(wanted, abs=0.011 * slope + 1e-3)
    assert page.difference.largest <= 2.5 / 2 * 0.5 + 0.8 / 2 * 1.0 + 0.7 / 2 * 2.0


def test_a_grid_at_an_angle_is_compared_along_the_planes_of_the_result():
    cosines = rotation(5)
    result = ramp(around(np.zeros(3), row=cosines[0], column=cosines[1], shape=(5, 6, 7), spacing=(1.0, 1.0, 1.0)))
    source = ramp(around(np.zeros(3), shape=(21, 21, 21), spacing=(1.0, 1.0, 1.0)))
    page = comparison_of(sight_of(result), sight_of(source))
    assert "cut along the planes of the result" in page.difference.method
    assert page.difference.largest < 1e-3


def test_places_outside_the_source_have_no_difference():
    geometry = make_geometry(shape=(5, 20, 20), spacing=(2.0, 1.0, 1.0))
    source = ramp(dataclasses.replace(geometry, shape=(5, 20, 10)))
    page = comparison_of(sight_of(ramp(geometry)), sight_of(source), Wishes("axial"))
    apart = page.rows[0][2].image
    assert (apart[:, 10:] == 0).all()
    assert (apart[:, :10] == 247).all()


def test_both_are_shown_in_one_window_unless_their_units_differ():
    source, result = constant(0.0), constant(50.0)
    looked = (
        dataclasses.replace(sight_of(source), grey=Grey(500, 10, "LINEAR", "")),
        dataclasses.replace(sight_of(result), grey=Grey(50, 100, "LINEAR_EXACT", "")),
    )
    page = comparison_of(looked[1], looked[0], Wishes("axial"))
    assert [int(p.image[0, 0]) for p in page.rows[0][:2]] == [0, 128]
    other = dataclasses.replace(sight_of(constant(0.0, units="BQML")), grey=Grey(0, 10, "LINEAR_EXACT", ""))
    apart = comparison_of(looked[1], other, Wishes("axial"))
    assert len(apart.rows[0]) == 2
    assert apart.difference is None
    assert int(apart.rows[0][0].image[0, 0]) == 128
    assert "no difference is shown: the source is in BQML, the result in HU" in apart.heading


def test_other_frames_and_places_are_refused():
    geometry = make_geometry()
    here = sight_of(ramp(geometry))
    with pytest.raises(GeometryError, match="SHOW-FRAME"):
        comparison_of(here, sight_of(ramp(dataclasses.replace(geometry, frame_of_reference_uid="1.9"))))
    far = dataclasses.replace(geometry, first_position=(500.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="SHOW-APART"):
        comparison_of(here, sight_of(ramp(far)))
    with pytest.raises(UsageError, match="SHOW-PLACE"):
        comparison_of(here, dataclasses.replace(here, placed=False))
    unstated = comparison_of(here, sight_of(ramp(dataclasses.replace(geometry, frame_of_reference_uid=""))))
    assert any("Frame of Reference" in line for line in unstated.heading)


@pytest.mark.parametrize("seed", range(3))
def test_samples_of_a_linear_function_are_exact_in_any_order(seed):
    volume = ramp(make_geometry(shape=(30, 6, 7)))
    indices = np.random.default_rng(seed).uniform(0, 1, (200, 3)) * (29, 5, 6)
    wanted = volume.geometry.points_of(indices) @ np.array([2.0, -1.0, 0.5]) + 7.0
    assert sample(volume, indices) == pytest.approx(wanted, abs=2e-3)


def test_padding_beside_a_voxel_is_not_mixed_in():
    values = np.zeros((2, 2, 2))
    values[0, 0, 1] = np.nan
    volume = Volume.from_array(values, make_geometry(shape=(2, 2, 2)))
    found = sample(volume, np.array([[0, 0, 0], [0, 0, 0.5], [0, 1, 0.5], [0, 0, -0.4], [0, 0, -0.6]]))
    assert np.isnan(found).tolist() == [False, True, False, False, True]


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ct(tmp_path):
    return written(tmp_path / "ct", make_series("CT", count=8))


def test_the_command_writes_a_png_and_says_what_is_on_it(ct, tmp_path, capsys):
    assert run(ct, "-o", tmp_path / "a.png") == 0
    out = capsys.readouterr().out
    with Image.open(tmp_path / "a.png") as image:
        image.verify()
        assert image.format == "PNG"
        assert f"{image.width} x {image.height}" in out
    assert "axial 5 of 8" in out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "ct"]


@pytest.mark.parametrize("more", [[], ["--plane", "sagittal", "--slice", "2"], ["--window", "-60", "150.5"]])
@pytest.mark.parametrize("compare", [False, True])
def test_the_json_fits_its_schema_and_the_picture(ct, tmp_path, capsys, more, compare):
    blurred = tmp_path / "blurred"
    derive.build(derive.read(ct), gaussian_blur(sigma_mm=1.0)).write(blurred)
    arguments = [blurred, "--compare", ct] if compare else [ct]
    assert run(*arguments, "-o", tmp_path / "a.png", "--json", *more) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    with Image.open(tmp_path / "a.png") as image:
        assert list(image.size) == said["size_px"]
    assert (said["difference"] is not None) == compare
    assert len(said["planes"]) == (1 if "--plane" in more else 3)
    assert said["window"]["center"] == (-60 if "--window" in more else 40)


def test_a_zip_and_files_can_be_shown(ct, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "ct"), "zip", ct)
    run(archive, "-o", tmp_path / "a.png")
    run(*sorted(ct.iterdir()), "-o", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("name", ["volume.nii.gz", "volume.nrrd", "volume.mha", "volume.npy"])
def test_a_volume_in_another_format_shows_the_same_as_the_series(ct, tmp_path, name):
    derive.export(derive.read(ct), tmp_path / name)
    ours = page_of(sight_of(derive.read(ct)), Wishes(window=(40, 400)))
    theirs = page_of(sight_of(tmp_path / name), Wishes(window=(40, 400)))
    for one, other in zip(ours.rows[0], theirs.rows[0], strict=True):
        assert (one.image == other.image).all()
        assert one.edges == other.edges
    assert run(tmp_path / name, "-o", tmp_path / "a.png", "--quiet") == 0


def test_an_array_that_lies_nowhere_has_neither_letters_nor_a_scale(tmp_path, capsys):
    np.save(tmp_path / "bare.npy", np.arange(4 * 5 * 6).reshape(4, 5, 6))
    page = page_of(sight_of(tmp_path / "bare.npy"))
    assert all(p.edges is None and p.bar_mm == 0 for p in page.rows[0])
    assert "does not say how it lies" in " ".join(page.heading)
    run(tmp_path / "bare.npy", "-o", tmp_path / "a.png", "--json")
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    assert not said["placed"]


def test_what_cannot_be_shown_is_refused(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "colour.png")
    with pytest.raises(ValuesError, match="SHOW-COLOUR"):
        sight_of(tmp_path / "colour.png")
    for odd in (5, [], [3]):
        with pytest.raises(UsageError, match="SHOW-INPUT"):
            sight_of(odd)


def test_targets_that_cannot_be_are_refused_before_anything_is_read(ct, tmp_path):
    picture = tmp_path / "a.png"
    picture.write_text("mine")
    with pytest.raises(OutputError, match="OUT-EXISTS"):
        run(ct, "-o", picture)
    assert picture.read_text() == "mine"
    assert run(ct, "-o", picture, "--overwrite", "--quiet") == 0
    with pytest.raises(OutputError, match="OUT-SOURCE"):
        run(picture, "-o", picture, "--overwrite")
    with pytest.raises(UsageError, match="SHOW-FORMAT"):
        run(tmp_path / "missing", "-o", tmp_path / "a.jpg")
    with pytest.raises(OutputError, match="OUT-WRITE"):
        run(tmp_path / "missing", "-o", tmp_path / "nowhere" / "a.png")


# --- whose it is -----------------------------------------------------------------------------------------------------


def test_no_patient_is_in_a_picture_unless_asked_for(tmp_path, capsys):
    jane = written(tmp_path / "jane", make_series("CT"))
    nobody = written(tmp_path / "nobody", make_series("CT", PatientName="", PatientID="", PatientBirthDate=""))
    for folder, more, name in ((jane, [], "a"), (nobody, [], "b"), (jane, ["--show-patient"], "c")):
        run(folder, "-o", tmp_path / f"{name}.png", *more)
        run(folder, "-o", tmp_path / f"{name}2.png", "--json", *more)
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert not re.search("Doe|Jane|P1\\b|1970", capsys.readouterr().out)
    assert not Image.open(io.BytesIO(a)).info
    page = page_of(sight_of(derive.read(jane)), Wishes(show_patient=True))
    assert "patient: Doe^Jane, P1" in page.heading


def test_nothing_a_notebook_shows_names_the_patient(tmp_path):
    source = derive.read(make_series("CT"))
    series = derive.build(source, gaussian_blur(sigma_mm=1.0))
    report = series.write(tmp_path / "out")
    shown = [
        html_of_source(source),
        html_of_volume(series.volume),
        html_of_derived(series),
        html_of_report(report),
        repr_of_source(source),
        repr_of_volume(series.volume),
        repr_of_derived(series),
        repr_of_report(report),
    ]
    for text in shown:
        assert not re.search("Doe|Jane|\\bP1\\b|1970|Ref.Erring", re.sub('base64,[^"]*', "", text))
    assert all(len(text) < 200 + len(str(tmp_path)) and "\n" not in text for text in shown[4:])


# --- in a notebook ---------------------------------------------------------------------------------------------------


def picture_in(text):
    found = re.search('base64,([^"]*)"', text)
    return Image.open(io.BytesIO(base64.b64decode(found[1]))) if found else None


def test_html_holds_a_small_picture_and_a_table(tmp_path):
    source = derive.read(make_series("MR"))
    series = derive.build(source, gaussian_blur(sigma_mm=1.0), series_description="smooth <b>")
    report = series.write(tmp_path / "out")
    for text in (
        html_of_source(source),
        html_of_volume(series.volume),
        html_of_derived(series),
        html_of_report(report),
    ):
        image = picture_in(text)
        image.load()
        assert image.format == "PNG"
        assert image.width < 700
        assert "<table>" in text
        assert "LINEAR" in text
    assert "smooth &lt;b&gt;" in html_of_derived(series)


def test_html_escapes_what_the_series_says():
    evil = "<script>alert(1)</script>\"'&"
    text = html_of_source(derive.read(make_series("CT", SeriesDescription=evil)))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.filterwarnings("ignore:Invalid value for VR TM")  # of the helper: it counts seconds
def test_html_of_a_long_series_decodes_few_images():
    series, decoded = derive.read(make_series("CT", count=150)), []

    def counting(instance):
        def stored():
            decoded.append(instance.name)
            return instance.stored_values()

        return dataclasses.replace(instance, stored_values=stored)

    counted = dataclasses.replace(series, frames=tuple(map(counting, series.frames)))
    assert picture_in(html_of_source(counted))
    assert len(decoded) == len(set(decoded)) <= 64
    decoded.clear()
    assert repr_of_source(counted)
    assert not decoded


def test_html_says_why_there_is_no_picture_and_never_raises(tmp_path):
    series = derive.read(make_series("CT"))

    def fail():
        raise RuntimeError("Doe^Jane")

    broken = dataclasses.replace(
        series, frames=tuple(dataclasses.replace(i, stored_values=fail) for i in series.frames)
    )
    text = html_of_source(broken)
    assert picture_in(text) is None
    assert "none: RuntimeError" in text
    assert "Doe" not in text
    assert "14 x 12 x 6 voxels" in text

    def wrong(values):
        return values[0]

    derived = derive.build(series, apply(function=wrong, code="Smoothing"))
    assert "OP-RESULT" in html_of_derived(derived) or "OP-SHAPE" in html_of_derived(derived)
    report = derive.build(series, gaussian_blur(sigma_mm=1.0)).write(tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        file.unlink()
    assert "SRC-MISSING" in html_of_report(report)
    assert "voxels" in html_of_volume(dataclasses.replace(derive.stack(series), pull=lambda a, b: fail()))
    assert "AttributeError" in html_of_volume(None)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, bool, "colour"])
def test_html_of_pictures_shows_a_page(kind):
    pages = np.zeros((2, 6, 8, 3) if kind == "colour" else (2, 6, 8), dtype=np.uint8 if kind == "colour" else kind)
    pages[:, 2:4] = 1
    series = derive.convert(
        pages if kind != "colour" else pages[0, :, :, 0],
        kind="secondary-capture",
        set={"BurnedInAnnotation": "NO"},
        patient=derive.Patient("P1", "Doe^Jane"),
    )
    assert picture_in(html_of_derived(series))
    assert "pictures" in repr_of_derived(series)
    with pytest.raises(UsageError, match="SHOW-PICTURES"):
        sight_of(series)


# --- with matplotlib -------------------------------------------------------------------------------------------------


@pytest.fixture
def pyplot(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_a_figure_has_the_planes_in_millimetres(pyplot):
    series = derive.read(make_series("CT", SeriesDescription="5 $ and $x^"))
    figure = show(series)
    figure.canvas.draw()
    assert [tuple(round(v, 3) for v in (*a.get_xlim(), *a.get_ylim())) for a in figure.axes] == [
        (0, 14, 15, 0),
        (0, 14, 12, 0),
        (0, 15, 12, 0),
    ]
    for axes, plane in zip(figure.axes, PLANES, strict=True):
        texts = [t.get_text() for t in axes.texts]
        assert tuple(texts[1:5]) == EDGES[plane]
        box = axes.get_window_extent()
        assert box.width / box.height == pytest.approx(axes.get_xlim()[1] / axes.get_ylim()[0], rel=1e-3)
        (bar,) = axes.lines
        assert f"{np.ptp(bar.get_xdata()):g} mm" == bar.get_label()
    assert "5 $ and $x^" in figure.texts[0].get_text()


def test_a_figure_compares(pyplot):
    source = derive.demo_series()
    series = derive.build(source, gaussian_blur(sigma_mm=1.5))
    figure = show(series, compare=source, plane="coronal", slice_number=3)
    figure.canvas.draw()
    assert len(figure.axes) == 3
    renderer = figure.canvas.get_renderer()
    for text in (*figure.texts, *(t for a in figure.axes for t in a.texts)):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1


def test_without_matplotlib_the_line_that_installs_it_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(UsageError, match=r"SHOW-PACKAGE.*pip install"):
        show(constant(0.0))


STUBS = {
    "ipywidgets.py": """
class IntSlider:
    made = []
    def __init__(self, value, least, most, step, **options):
        self.value, self.most = value, most
        IntSlider.made.append(self)
    def observe(self, function, names):
        self.changed = function
""",
    "IPython/__init__.py": """
class Shell:
    kernel = object()
def get_ipython():
    return Shell()
""",
    "IPython/display.py": """
pictures = []
class Image:
    def __init__(self, data):
        pictures.append(data)
class Handle:
    def update(self, value):
        pass
def display(value, display_id=False):
    return Handle()
""",
}


@pytest.fixture
def notebook(tmp_path, monkeypatch, pyplot):
    """Stand-ins for IPython and ipywidgets that record what they are asked for."""
    for name, text in STUBS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in [n for n in sys.modules if n.partition(".")[0] in ("IPython", "ipywidgets")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    import IPython
    import IPython.display
    import ipywidgets

    yield IPython.display, ipywidgets
    for name in ("IPython", "IPython.display", "ipywidgets"):
        sys.modules.pop(name, None)


def test_in_a_notebook_a_slider_draws_the_slice_anew_in_the_same_window(notebook, pyplot):
    display, widgets = notebook
    volume = numbered(make_geometry(shape=(9, 6, 7)))
    figure = show(volume, plane="axial")
    assert not pyplot.get_fignums()
    figure._ipython_display_()
    (slider,) = widgets.IntSlider.made
    assert (slider.value, slider.most) == (5, 9)
    slider.changed({"new": 2})
    assert len(display.pictures) == 2
    assert display.pictures[0].startswith(b"\x89PNG")
    assert display.pictures[0] != display.pictures[1]
    assert "2 of 9" in figure.axes[0].texts[0].get_text()
    assert (figure.axes[0].images[0].get_array() == 0).all()


# --- text ------------------------------------------------------------------------------------------------------------


def test_text_without_a_glyph_keeps_its_letters(monkeypatch):
    monkeypatch.setattr(fonts, "SYSTEM_FONTS", ())
    assert fonts.lettered("Schädel 頭\x00", 14)[0] == "Schadel ? "
    assert fonts.lettered("16° · a", 14)[0] == "16° · a"


def test_long_texts_are_broken_and_lose_nothing():
    text = "one two three " + "x" * 200 + " four"
    lines = fonts.wrapped(text, 14, 150)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(fonts.width_of(line, 14) <= 150 for line in lines)


# --- real data -------------------------------------------------------------------------------------------------------

REAL = {
    "ct_philips_ingenuity_140": None,
    "ct_varian_cbct_64": None,
    "ct_small_ge_3": None,
    "mr_ge_axial_20": None,
    "mr_philips_classic24_and_enhanced": None,
    "mr_siemens_obliques": "#2",
    "petctmr_ibsi_sts002": "#2",
    "legacy_converted_ct": None,
    "nifti_ct_totalseg/example_ct.nii.gz": None,
    "nifti_ct_totalseg/example_mr_sm.nii.gz": None,
}


@pytest.mark.parametrize("name", REAL)
def test_real_series_of_many_kinds_are_shown(name, real, tmp_path):
    which = ["--series", REAL[name]] if REAL[name] else []
    assert run(real(name), "-o", tmp_path / "a.png", "--quiet", *which) == 0
    with Image.open(tmp_path / "a.png") as image:
        picture = np.array(image.convert("L"))
    page = page_of(sight_of(real(name), REAL[name]))
    for placed in layout_of(page).panels:
        assert np.ptp(picture[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width]) > 100


def test_the_letters_of_a_real_oblique_series_are_those_of_its_cosines(real):
    series = derive.read(real("mr_siemens_obliques"), series="#2")
    cosines = np.array(series.value("ImageOrientationPatient", 0), dtype=float)
    cut = cut_of(series.geometry, "sagittal")
    assert cut.axis == 0
    assert cut.edges.right == letters_of(cosines[:3]) == "PL"
    assert cut.edges.bottom == letters_of(cosines[3:]) == "FL"


def test_pet_and_ct_of_one_patient_are_laid_side_by_side(real):
    folder = real("petctmr_ibsi_sts002")
    page = comparison_of(sight_of(folder, "#2"), sight_of(folder, "#1"))
    assert page.difference is None
    assert [len(row) for row in page.rows] == [2, 2, 2]
    assert any("no difference" in line for line in page.heading)


@pytest.mark.parametrize(
    "folder", ["ct_philips_scout", "enhanced_mr", "malformed_cornerstone", "mr_ge_4d_fmri_15x10", "pydicom_test_files"]
)
def test_what_is_no_volume_is_refused_by_name(folder, real, tmp_path):
    with pytest.raises(DeriveError):
        run(real(folder), "-o", tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_sights_of_all_kinds_of_input_agree(ct):
    series = derive.read(ct)
    by_path, by_series = sight_of(str(ct)), sight_of(series)
    assert isinstance(by_path, Sight)
    assert (by_path.name, by_path.grey, by_path.units) == (by_series.name, by_series.grey, by_series.units)
    derived = sight_of(derive.build(series, gaussian_blur(sigma_mm=1.0)))
    assert (derived.grey, derived.units) == (by_series.grey, "HU")
    assert sight_of(derive.stack(series)).grey is None
