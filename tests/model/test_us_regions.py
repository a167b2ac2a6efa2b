"""Ultrasound regions: the pixel spacing that they have in common, and where they are in a result."""

from __future__ import annotations

import pytest

from derive.model.us_regions import PixelAxis, moved, pixel_spacing_of
from tests.helpers.coloured import region

WHOLE = PixelAxis(0.0, 1.0, 14, 14), PixelAxis(0.0, 1.0, 12, 12)


def corners(found):
    return [(r.RegionLocationMinX0, r.RegionLocationMinY0, r.RegionLocationMaxX1, r.RegionLocationMaxY1) for r in found]


def value_at(item, axis, place):
    """The physical value of a pixel of the picture, by what a region says."""
    first = item[f"RegionLocationMin{axis}0"].value
    reference = first + item[f"ReferencePixel{axis}0"].value
    return item[f"ReferencePixelPhysicalValue{axis}"].value + (place - reference) * item[f"PhysicalDelta{axis}"].value


def test_one_region_in_centimetres_tells_the_distances_of_rows_and_columns():
    assert pixel_spacing_of([region(delta=(0.03, 0.05))]) == pytest.approx((0.5, 0.3))
    assert pixel_spacing_of([region(), region(first=(5, 5))]) == pytest.approx((0.5, 0.5))
    bar = region(RegionSpatialFormat=0, PhysicalUnitsXDirection=0, PhysicalUnitsYDirection=0, delta=(0.0, 0.0))
    assert pixel_spacing_of([bar, region()]) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    "items",
    [
        [],
        [region(), region(delta=(0.04, 0.05))],
        [region(), region(RegionSpatialFormat=2, PhysicalUnitsXDirection=4)],
        [region(PhysicalUnitsYDirection=4)],
        [region(delta=(0.0, 0.05))],
        [region(RegionSpatialFormat=0)],
    ],
    ids=["none", "two scales", "a curve", "seconds", "nothing", "no place"],
)
def test_regions_of_several_scales_and_of_time_tell_none(items):
    assert pixel_spacing_of(items) is None


def test_pixels_that_stay_leave_regions_as_they_were():
    item = region(RegionLocationMaxX1=900)
    assert moved([item], WHOLE) == [item]


def test_fewer_pixels_cut_a_region_from_the_first_one_on_too():
    axes = PixelAxis(0.0, 1.0, 5, 14), WHOLE[1]
    assert corners(moved([region((1, 1), (6, 6)), region((8, 0), (13, 3))], axes)) == [(1, 1, 4, 6)]


def test_a_crop_moves_cuts_or_takes_regions_out_and_values_stay_where_they_were():
    items = [region((1, 1), (6, 6)), region((8, 0), (13, 3), TMLinePositionX0=5), region((0, 10), (2, 11))]
    axes = PixelAxis(3.0, 1.0, 7, 14), PixelAxis(2.0, 1.0, 6, 12)
    found = moved(items, axes)
    assert corners(found) == [(0, 0, 3, 4), (5, 0, 6, 1)]
    for item, before in zip(found, items, strict=False):
        for axis, begin in (("X", 3), ("Y", 2)):
            assert value_at(item, axis, 1) == pytest.approx(value_at(before, axis, 1 + begin))
    assert found[1].TMLinePositionX0 == 5  # counted from the reference pixel


@pytest.mark.parametrize("step", [2.0, 0.5, 1.3])
def test_other_pixels_have_other_steps_and_the_same_value_at_a_place(step):
    begin = (step - 1) / 2
    axes = PixelAxis(begin, step, round(14 / step), 14), PixelAxis(begin, step, round(12 / step), 12)
    item = region((2, 3), (9, 10), TMLinePositionX0=1, DopplerSampleVolumeXPosition=4)
    (found,) = moved([item], axes)
    assert found.PhysicalDeltaX == pytest.approx(0.05 * step)
    for axis in "XY":
        for place in (0, 3):
            assert value_at(found, axis, place) == pytest.approx(value_at(item, axis, begin + step * place))
    low, high = found.RegionLocationMinX0, found.RegionLocationMaxX1
    assert 1.5 <= begin + step * low < 1.5 + step
    assert 9.5 - step <= begin + step * high < 9.5
    for name in ("TMLinePositionX0", "DopplerSampleVolumeXPosition"):
        there = item.RegionLocationMinX0 + item.ReferencePixelX0 + item[name].value
        place = (there - begin) / step
        assert (name in found) == (abs(place - round(place)) < 1e-6), name
        if name in found:
            assert low + found.ReferencePixelX0 + found[name].value == round(place), name


def test_what_is_counted_from_a_reference_that_is_rounded_is_where_it_was_or_gone():
    """The reference pixel goes to the nearest one, and half a pixel would be left between."""
    item = region((0, 0), (13, 11), ReferencePixelX0=11, DopplerSampleVolumeXPosition=2, TMLinePositionX0=1)
    (found,) = moved([item], (PixelAxis(0.0, 2.0, 7, 14), WHOLE[1]))
    assert found.ReferencePixelX0 in (5, 6)
    assert "DopplerSampleVolumeXPosition" not in found  # pixel 13: 6.5
    assert found.ReferencePixelX0 + found.TMLinePositionX0 == 6  # pixel 12


def test_what_is_counted_from_no_reference_goes():
    item = region((2, 3), (9, 10), TMLinePositionX0=1)
    del item.ReferencePixelX0
    (found,) = moved([item], (PixelAxis(0.0, 2.0, 7, 14), WHOLE[1]))
    assert "TMLinePositionX0" not in found


def test_a_reference_without_a_value_goes_where_it_would_lie_between_pixels():
    item = region((2, 3), (9, 10))
    del item.ReferencePixelPhysicalValueX
    (found,) = moved([item], (PixelAxis(0.5, 2.0, 7, 14), PixelAxis(0.0, 1.0, 12, 12)))
    assert "ReferencePixelX0" not in found
    assert found.ReferencePixelY0 == item.ReferencePixelY0
