"""Which grey a value has, and which slices are shown."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import derive
from derive.display import Wishes, page_of, sight_of
from derive.display.cuts import cuts_of, values_of
from derive.errors import UsageError
from derive.model import grey
from derive.model.grey import Grey
from tests.helpers.asserting import every
from tests.helpers.shown import constant, numbered
from tests.helpers.sources import make_series
from tests.helpers.volumes import make_geometry


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
    source = derive.read(make_series("CT", **changes))
    found = grey.of_series(source, len(source.frames))
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
    assert every((p.image == 0).all() for row in page.rows for p in row)


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
    assert pulled == [(16, 24)]  # the block of eight that it is in: what is computed does not depend on who asks


def test_of_several_volumes_the_first_is_shown():
    geometry = make_geometry()
    volume = dataclasses.replace(numbered(geometry), pull=lambda a, b: np.full((b - a, 6, 7), a >= 5, np.float32))
    page = page_of(dataclasses.replace(sight_of(volume), of_volumes=2), Wishes(window=(0.5, 1)))
    assert every((p.image == 0).all() for p in page.rows[0])
    assert "first of 2 volumes" in " ".join(page.heading)
