"""A result beside its source: differences at the same places."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from derive.display import (
    Wishes,
    comparison_of,
    sight_of,
)
from derive.display.compare import planes_of
from derive.display.cuts import values_of
from derive.display.sampling import sample
from derive.errors import GeometryError, UsageError
from derive.model.grey import Grey
from derive.model.volume import Volume
from derive.operations import mip, resample
from tests.helpers.shown import constant
from tests.helpers.volumes import around, make_geometry, ramp, rotation


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
