"""What each operation computes, against a plain reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

import derive.operations as operations
from derive.model.geometry import Geometry
from derive.model.reference import of_principal
from derive.model.volume import Quantity, Volume
from derive.operations import gaussian_blur, mean_projection, minip, mip
from derive.operations.kit.projection import SlabLayout, slabs_of
from tests.helpers.asserting import every
from tests.helpers.volumes import SIGNED_PERMUTATIONS, indices, make_geometry, make_volume, ramp, rotation, value_at

#: Values of 12 bits are filtered in single precision, of 16 bits and of an unknown step in double.
RANGES = {"12 bit": (1.0, 1.0, -1024.0), "16 bit": (1.0, 16.0, -32000.0), "any step": (None, 16.0, -32000.0)}


def exact_volume(kind, padded):
    step, slope, intercept = RANGES[kind]
    volume = make_volume(make_geometry(shape=(21, 22, 23), spacing=(2.0, 1.0, 0.5)), padded=padded)
    values = np.rint(volume.array + 1000) * slope + intercept
    return Volume.from_array(values, volume.geometry, replace(volume.quantity, step=step))


@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("sigma_mm", [2.0, (1.0, 1.5, 2.5), (0.0, 1.1, 0.0), (0.9, 0.0, 3.3)])
def test_blur_agrees_with_scipy_in_double_precision(sigma_mm, padded, kind):
    volume = exact_volume(kind, padded)
    sigma = np.broadcast_to(sigma_mm, 3)[::-1] / volume.geometry.spacing
    native = ~np.isnan(volume.array)
    values = np.where(native, volume.array, 0).astype(np.float64)
    sums = gaussian_filter(values, sigma, mode="constant", truncate=4.0)
    weights = gaussian_filter(native.astype(np.float64), sigma, mode="constant", truncate=4.0)
    with np.errstate(invalid="ignore"):  # deep in the padding there are no weights
        wanted = sums / weights
    found = gaussian_blur(sigma_mm=sigma_mm)(volume).array
    assert np.abs(found[native] - wanted[native]).max() < 1e-3
    assert np.isnan(found[~native]).all()


@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("spacing_mm", [0.8, (0.5, 1.7, 2.0), (0.31, 0.9, 3.3)])
def test_linear_agrees_with_scipy_in_double_precision(spacing_mm, padded, kind):
    volume = exact_volume(kind, padded)
    result = operations.resample(spacing_mm=spacing_mm)(volume)
    places = volume.geometry.index_of(result.geometry.points_of(indices(result.shape)))
    places = np.moveaxis(np.clip(places, 0, np.array(volume.shape) - 1), -1, 0)
    native = ~np.isnan(volume.array)
    sums = map_coordinates(np.where(native, volume.array, 0).astype(float), places, order=1, mode="nearest")
    weights = map_coordinates(native.astype(float), places, order=1, mode="nearest")
    found = result.array
    inside = ~np.isnan(found)
    assert np.abs(found[inside] - sums[inside] / weights[inside]).max() < 1e-3
    assert inside.all() != padded
    nearest = tuple(np.floor(places + 0.5 + 1e-6).astype(int))
    np.testing.assert_array_equal(inside, native[nearest])


@pytest.mark.parametrize("axis", range(3))
def test_blur_widths_are_x_y_z_in_mm(axis):
    """The second moment of a blurred point is the square of the width, along the axis that was meant."""
    geometry = make_geometry(shape=(41, 41, 41), spacing=(2.0, 1.0, 0.5))
    values = np.zeros(geometry.shape)
    values[20, 20, 20] = 1
    sigma_mm = [0.0, 0.0, 0.0]
    sigma_mm[2 - axis] = 3.0 * geometry.spacing[axis]
    found = gaussian_blur(sigma_mm=tuple(sigma_mm))(Volume.from_array(values, geometry)).array
    line = found.sum(axis=tuple({0, 1, 2} - {axis}))
    assert np.count_nonzero(found) == np.count_nonzero(line) == 25
    assert (line @ (np.arange(41.0) - 20) ** 2) == pytest.approx(9, rel=0.01)


@pytest.mark.parametrize(("operation", "reduce"), [(mip, np.nanmax), (minip, np.nanmin), (mean_projection, np.nanmean)])
@pytest.mark.parametrize("plane", ["native", "axial", "coronal", "sagittal"])
@pytest.mark.filterwarnings("ignore:All-NaN slice", "ignore:Mean of empty slice")
def test_a_projection_of_everything(operation, reduce, plane):
    volume = make_volume(make_geometry(row=(0, 1, 0), column=(0, 0, -1), shape=(40, 6, 7)), padded=True)
    values = np.array(volume.array)
    values[0, -1, -1] = 5.0
    values[:, 0, 0] = values[0, :, 0] = values[0, 0, :] = 1.0
    result = operation(plane=plane)(volume.with_array(values))
    axis = {"native": 0, "sagittal": 0, "axial": 1, "coronal": 2}[plane]
    wanted = reduce(values.astype(np.float64), axis=axis)
    found = result.array[0]
    if plane == "axial":  # rows to the left: along -normal; columns to the back
        wanted = wanted.T[:, ::-1]
    if plane == "coronal":
        wanted = wanted.T[:, ::-1]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    extent = volume.shape[axis] * volume.geometry.spacing[axis]
    assert result.geometry.slice_thickness == result.geometry.slice_spacing == pytest.approx(extent)
    middle = volume.geometry.points_of((np.array(volume.shape) - 1) / 2)
    shown = np.append(0, (np.array(result.shape[1:]) - 1) / 2)
    np.testing.assert_allclose(result.geometry.points_of(shown), middle, atol=1e-9)
    assert result.contributors(0) == of_principal(range(40))


def members(layout):
    return [layout.members(k) for k in range(layout.count)]


def test_slabs_are_laid_from_the_outer_edge_to_the_end():
    layout = slabs_of(140, 1.0, 10.0, 5.0)
    assert members(layout)[:2] == [(0, 10), (5, 15)]
    assert members(layout)[-1] == (130, 140)
    assert (layout.count, layout.first_center_mm) == (27, 4.5)
    assert members(slabs_of(143, 1.0, 10.0, None))[-2:] == [(130, 140), (140, 143)]
    assert members(slabs_of(4, 2.0, 0.5, 2.0)) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert members(slabs_of(10, 1.0, 3.2, None)) == [(0, 3), (3, 6), (6, 10), (9, 10)]
    assert slabs_of(5, 2.5, None, None) == SlabLayout(5, 2.5, 12.5, 12.5)
    assert slabs_of(3, 1.0, 1e-9, None).count > 2e9  # not one of which is in memory


@pytest.mark.parametrize("count", [1, 5, 17])
@pytest.mark.parametrize("slab_mm", [0.3, 1.0, 1.25, 2.7, 50.0])
@pytest.mark.parametrize("step_mm", [None, 0.4, 1.3, 60.0])
def test_slabs_are_never_empty_and_nothing_is_lost(count, slab_mm, step_mm):
    layout = slabs_of(count, 1.25, slab_mm, step_mm)
    step = step_mm or slab_mm
    assert every(0 <= a < b <= count for a, b in members(layout))
    if step <= slab_mm:
        assert {i for a, b in members(layout) for i in range(a, b)} == set(range(count))
    extent = count * 1.25
    starts = [j * step for j in range(layout.count)]
    assert every(start < extent for start in starts)
    assert [start for start in starts[:-1] if start + slab_mm >= extent] == []
    assert starts[-1] + slab_mm >= extent - 1e-5 or starts[-1] + step >= extent - 1e-5
    for start, (a, b) in zip(starts, members(layout), strict=True):
        centers = (np.arange(count) + 0.5) * 1.25
        wanted = np.flatnonzero((centers >= start - 1e-5) & (centers < start + slab_mm - 1e-5))
        assert wanted.tolist() == list(range(a, b)) or (not wanted.size and b - a == 1)


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS[::7], ids=str)
@pytest.mark.parametrize("plane", ["native", "axial", "coronal", "sagittal"])
def test_slab_centers_are_where_their_planes_are(cosines, plane):
    """Slabs of two planes, ramps projected by their mean: the value is that of the place."""
    geometry = make_geometry(row=cosines[0], column=cosines[1], shape=(6, 8, 10), spacing=(1.0, 1.0, 1.0))
    result = mean_projection(slab_mm=2.0, step_mm=1.0, plane=plane)(ramp(geometry))
    points = result.geometry.points_of(indices(result.shape))
    assert result.shape[0] in (5, 7, 9)
    np.testing.assert_allclose(result.array, value_at(points), atol=1e-4)
    normal = np.subtract(result.geometry.position(1), result.geometry.position(0))
    np.testing.assert_allclose(normal, result.geometry.normal, atol=1e-9)


DISPLAYED = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS, ids=str)
@pytest.mark.parametrize("plane", DISPLAYED)
def test_planes_are_shown_as_is_the_custom_and_stay_in_the_patient(cosines, plane):
    geometry = make_geometry(row=cosines[0], column=cosines[1], shape=(6, 7, 8), spacing=(1.0, 1.0, 1.0))
    values = np.zeros(geometry.shape, np.float32)
    values[1, 2, 3] = 100
    result = mip(slab_mm=1.0, plane=plane)(Volume.from_array(values, geometry))
    assert result.geometry.row_cosines == DISPLAYED[plane][0]
    assert result.geometry.column_cosines == DISPLAYED[plane][1]
    assert "-0.0" not in repr(result.geometry)
    found = np.unravel_index(np.argmax(result.array), result.shape)
    np.testing.assert_allclose(result.geometry.points_of(found), geometry.points_of([1, 2, 3]), atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_an_oblique_volume_stays_oblique_and_each_plane_has_an_axis_of_its_own(seed):
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1], shape=(6, 7, 8))
    volume, projected = make_volume(geometry), []
    for plane, (row, column) in DISPLAYED.items():
        result = mip(slab_mm=1.0, plane=plane)(volume)
        cosines = np.abs(geometry.directions.T @ result.geometry.directions)
        np.testing.assert_allclose(np.sort(cosines, axis=0), [[0] * 3, [0] * 3, [1] * 3], atol=1e-9)
        projected.append(int(cosines[:, 0].argmax()))
        assert np.dot(result.geometry.row_cosines, row) > 0
        assert np.dot(result.geometry.column_cosines, column) > 0
        brightest = np.unravel_index(np.argmax(volume.array), volume.shape)
        shown = np.unravel_index(np.argmax(result.array), result.shape)
        offset = result.geometry.points_of(shown) - geometry.points_of(brightest)
        np.testing.assert_allclose(np.cross(offset, result.geometry.normal), 0, atol=1e-9)
    assert sorted(projected) == [0, 1, 2]


@pytest.mark.parametrize("sign", [1, -1])
def test_at_45_degrees_rounding_does_not_decide(sign):
    half = np.sqrt(0.5)
    first = make_geometry(row=(1, 0, 0), column=(0, half, sign * half))
    other = make_geometry(row=(1, 0, 0), column=(0, half * (1 + 1e-12), sign * half))
    for plane in DISPLAYED:
        one, two = (mip(plane=plane)(make_volume(g)).geometry for g in (first, other))
        assert one.same_grid(two)


def test_a_long_projection_looks_at_few_slices_at_a_time():
    asked = []
    volume = make_volume(make_geometry(shape=(200, 4, 4)))

    def pull(first, last):
        asked.append(last - first)
        return volume.slab(first, last)

    assert mip()(replace(volume, pull=pull)).array.shape == (1, 4, 4)
    assert mean_projection(plane="coronal")(replace(volume, pull=pull)).array.shape == (1, 200, 4)
    assert max(asked) <= 16
    assert sum(asked) == 400


def test_chained_steps_name_only_what_entered():
    volume = make_volume(make_geometry(shape=(20, 6, 6), spacing=(1.0, 1.0, 1.0)))
    chained = mip(slab_mm=2.0)(gaussian_blur(sigma_mm=0.5)(volume))
    assert chained.contributors(5) == of_principal(range(8, 14))


def test_every_operation_is_exported():
    assert set(operations.REGISTRY) <= set(dir(operations))
    assert isinstance(make_geometry(), Geometry)
    assert Quantity() == Quantity("1", 0.0, padded=False)
