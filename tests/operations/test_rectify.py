"""Slices that lean or lie unevenly: put on a regular grid, left where they are, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive.errors import GeometryError, UsageError
from derive.model.planes import planes_of
from derive.operations import apply, gaussian_blur, rectify, resample
from tests.helpers.asserting import every, raises_code
from tests.helpers.volumes import make_geometry, make_volume, rotation

#: Millimetres along the normal.
EVEN = (0.0, 2.0, 4.0, 6.0, 8.0)
PLACES = {"tilt": EVEN, "uneven": (0.0, 2.0, 3.5, 6.0, 8.4), "gap": (0.0, 2.0, 4.0, 7.0, 9.0)}
TILT = (0.0, -0.6)
TURNED = rotation(7)
CASES = [
    pytest.param(along, shift, id=f"{name} {shift}")
    for name, along in PLACES.items()
    for shift in ((0.0, 0.0), TILT, (0.45, 0.3))
]


def leaning(along, shift=TILT, shape=(9, 8), **fields):
    """A geometry whose slices lie at these places, and shift by so much for each mm."""
    geometry = make_geometry(shape=(len(along), *shape), row=TURNED[0], column=TURNED[1], **fields)
    aside = shift[0] * np.array(geometry.row_cosines) + shift[1] * np.array(geometry.column_cosines)
    first, normal = np.array(geometry.first_position), np.array(geometry.normal)
    positions = [tuple(map(float, first + mm * (normal + aside))) for mm in along]
    step = float(np.median(np.diff(along)))
    return replace(
        geometry,
        first_position=positions[0],
        slice_spacing=step,
        slice_shift=(shift[0] * step, shift[1] * step),
        measured_positions=tuple(positions),
    )


def linear(points):
    """What any interpolation that is linear gives back."""
    return 3.0 * points[..., 0] - 2.0 * points[..., 1] + 5.0 * points[..., 2] + 100.0


def points_of(geometry):
    """(slices, rows, columns, 3) mm: where the pixels are, plane by plane."""
    _, rows, columns = geometry.shape
    down, across = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    in_plane = down[..., None] * geometry.pixel_spacing[0] * np.array(geometry.column_cosines)
    in_plane = in_plane + across[..., None] * geometry.pixel_spacing[1] * np.array(geometry.row_cosines)
    return np.stack([np.array(geometry.position(k)) + in_plane for k in range(geometry.shape[0])])


def stack_of(along, shift=TILT):
    geometry = leaning(along, shift)
    values = linear(points_of(geometry)).astype(np.float32)
    return replace(make_volume(geometry), pull=lambda first, last: values[first:last].copy(), value_range=None)


def refusal(operation, volume, code):
    with raises_code(code, GeometryError) as caught:
        operation(volume)
    return caught.value


# --- rectified ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("along", "shift"), CASES)
def test_what_is_linear_in_space_is_where_it_was(along, shift):
    volume = stack_of(along, shift)
    result = rectify()(volume)
    planes = planes_of(result.geometry)
    assert planes.even
    assert planes.straight
    assert not result.geometry.tilted
    inside = result.array != volume.quantity.fill
    assert np.count_nonzero(inside) > 0.6 * volume.array.size
    np.testing.assert_allclose(result.array[inside], linear(points_of(result.geometry))[inside], atol=2e-3)


@pytest.mark.parametrize(("along", "shift"), CASES)
def test_every_pixel_of_a_slice_is_inside_of_the_grid(along, shift):
    volume = stack_of(along, shift)
    grid = rectify()(volume).geometry
    index = grid.index_of(points_of(volume.geometry))[..., 1:]
    assert index.min() > -1e-6
    assert every((index <= np.array(grid.shape[1:]) - 1 + 1e-6).ravel())


def test_the_grid_is_that_of_the_first_slice_with_the_usual_step():
    volume = stack_of(PLACES["gap"], (0.0, 0.5))
    grid = rectify()(volume).geometry
    assert grid.slice_spacing == pytest.approx(2.0)
    assert grid.pixel_spacing == volume.geometry.pixel_spacing
    np.testing.assert_allclose(grid.first_position, volume.geometry.position(0), atol=1e-9)


def test_a_slice_that_lies_on_the_grid_is_taken_as_it_is_and_others_name_both_neighbours():
    volume = stack_of(PLACES["gap"], (0.0, 0.0))
    result = rectify()(volume)
    np.testing.assert_array_equal(result.array[:3], volume.array[:3])
    frames = [[ref.frame for ref in result.contributors(k)] for k in range(result.shape[0])]
    assert frames == [[0], [1], [2], [2, 3], [3, 4]]


def test_it_is_recorded_how_much_lies_between_slices():
    volume = stack_of(PLACES["gap"])
    operation = rectify(max_gap_mm=5)
    step = operation.step(volume, operation(volume))
    degrees = np.degrees(np.arctan(0.6))
    assert step.description == f"rectify(max_gap_mm=5, found='{degrees:.2f} degrees, 2 of 5 planes between slices')"


def test_padding_stays_where_it_is_nearest():
    volume = stack_of(PLACES["gap"], (0.0, 0.0))
    values = volume.array.copy()
    values[2, 4:] = np.nan
    padded = replace(
        volume, pull=lambda first, last: values[first:last], quantity=replace(volume.quantity, padded=True)
    )
    result = rectify()(padded).array
    assert np.isnan(result[2, 4:]).all()
    assert not np.isnan(result[3]).any()  # 6 mm: nearer to the slice at 7 mm


def test_what_is_regular_stays_as_it_is():
    volume = make_volume(make_geometry())
    assert rectify()(volume) is volume


def test_values_do_not_depend_on_how_slices_are_asked_for():
    result = rectify()(stack_of(PLACES["uneven"]))
    one_by_one = np.concatenate([result.slab(k, k + 1) for k in range(result.shape[0])])
    np.testing.assert_array_equal(one_by_one, result.array)


# --- refused --------------------------------------------------------------------------------------------------------


def test_what_lies_across_a_gap_is_not_made_up():
    volume = stack_of((0.0, 2.0, 4.0, 10.0))
    error = refusal(rectify(), volume, "GEO-GAP")
    assert error.facts["gap_mm"] == pytest.approx(6.0)
    assert "max_gap_mm=6" in error.message
    assert rectify(max_gap_mm=6)(volume).shape[0] == 6


@pytest.mark.parametrize("length", [0, -1.0, float("nan"), float("inf")])
def test_a_gap_has_a_length(length):
    with pytest.raises(UsageError, match="OP-LENGTH"):
        rectify(max_gap_mm=length)(stack_of(PLACES["uneven"]))


@pytest.mark.parametrize(("along", "shift", "code"), [(EVEN, TILT, "GEO-TILT"), (PLACES["gap"], (0, 0), "GEO-SPACING")])
def test_who_looks_at_neighbours_takes_none_of_it(along, shift, code):
    for operation in (gaussian_blur(sigma_mm=1.0), resample(spacing_mm=1.0), apply(function=np.abs, code="Smoothing")):
        refusal(operation, stack_of(along, shift), code)
        assert not operation.takes(leaning(along, shift))


# --- left where they are --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("along", "shift"), CASES)
def test_slices_that_are_smoothed_each_by_itself_stay_where_they_are(along, shift):
    volume = stack_of(along, shift)
    result = gaussian_blur(sigma_mm=1.5, in_planes=True)(volume)
    assert result.geometry is volume.geometry
    even = replace(volume, geometry=make_geometry(shape=volume.shape))
    np.testing.assert_array_equal(result.array, gaussian_blur(sigma_mm=(1.5, 1.5, 0))(even).array)
    assert [ref.frame for ref in result.contributors(2)] == [2]


def test_no_width_through_the_slices_is_that_of_planes_too():
    volume = stack_of(EVEN)
    alike = [gaussian_blur(sigma_mm=(1, 2, 0)), gaussian_blur(sigma_mm=(1, 2, 0), in_planes=True)]
    np.testing.assert_array_equal(*[operation(volume).array for operation in alike])
    with pytest.raises(UsageError, match="OP-SIGMA"):
        gaussian_blur(sigma_mm=(1, 2, 3), in_planes=True)(volume)


def test_a_function_of_ones_own_that_looks_at_no_other_slice_takes_uneven_ones():
    def less_its_mean(values):
        return values - values.mean(axis=(1, 2), keepdims=True)

    volume = stack_of(PLACES["uneven"])
    result = apply(function=less_its_mean, code="Smoothing", halo_slices=0)(volume)
    assert result.geometry is volume.geometry
    assert np.abs(result.array.mean(axis=(1, 2))).max() < 1e-3
    with raises_code("GEO-TILT"):
        apply(function=less_its_mean, code="Smoothing", halo_slices=1)(volume)


def test_what_is_not_done_is_not_said():
    assert str(gaussian_blur(sigma_mm=1)) == "gaussian_blur(sigma_mm=1)"
    assert str(gaussian_blur(sigma_mm=1, in_planes=True)) == "gaussian_blur(sigma_mm=1, in_planes=True)"


def test_uneven_slices_get_a_step_that_readers_keep():
    """GDCM keeps three decimals of a spacing."""
    along = np.cumsum([0.0, 2.00037, 2.9, 1.7, 2.00037, 2.00037, 2.5])
    assert rectify()(stack_of(along, (0.0, 0.0))).geometry.slice_spacing == 2.0
    even = np.arange(6) * 2.00037
    assert rectify()(stack_of(even, (0.0, 0.5))).geometry.slice_spacing == pytest.approx(2.00037, abs=1e-9)
