"""What each operation computes, against a plain reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from scipy.ndimage import gaussian_filter

import derive.operations as operations
from derive.errors import ValuesError
from derive.geometry import Geometry
from derive.operations import apply, gaussian_blur, mean_projection, minip, mip, resample
from derive.operations._images import image_of
from derive.operations._projection import slabs_of
from derive.volume import Quantity, Volume
from tests.volumes import SIGNED_PERMUTATIONS, make_geometry, make_volume, rotation


def ramp(geometry, slope=(2.0, -1.0, 0.5), offset=7.0):
    """A volume whose value is a linear function of the place in the patient."""
    index = np.moveaxis(np.indices(geometry.shape), 0, -1)
    return Volume.from_array(geometry.points_of(index) @ slope + offset, geometry)


def value_at(points, slope=(2.0, -1.0, 0.5), offset=7.0):
    return points @ np.array(slope) + offset


def test_blur_agrees_with_scipy_away_from_the_border():
    geometry = make_geometry(shape=(30, 31, 32), spacing=(2.0, 1.0, 0.5))
    volume = make_volume(geometry, low=-32768, high=32767)
    sigma = np.array([2.0, 1.5, 1.0])
    found = gaussian_blur(sigma_mm=(1.0, 1.5, 2.0))(volume).array
    wanted = gaussian_filter(volume.array.astype(np.float64), sigma / geometry.spacing, truncate=4.0)
    inner = slice(5, -5), slice(8, -8), slice(10, -10)
    assert np.abs(found[inner] - wanted[inner]).max() < 1e-2


def test_blur_normalises_around_padding_and_border():
    geometry = make_geometry(shape=(6, 10, 11))
    volume = make_volume(geometry, padded=True)
    sigma = np.array([1.0, 1.0, 1.0]) / geometry.spacing
    values, mask = np.nan_to_num(volume.array.astype(np.float64)), ~np.isnan(volume.array)
    wanted = gaussian_filter(values, sigma, mode="constant") / gaussian_filter(mask.astype(float), sigma, mode="constant")
    found = gaussian_blur(sigma_mm=1.0)(volume).array
    np.testing.assert_allclose(found[mask], wanted[mask], atol=1e-2)
    assert np.isnan(found[~mask]).all()


@pytest.mark.parametrize("interpolator", ["linear", "bspline"])
@pytest.mark.parametrize("spacing_mm", [0.5, (0.7, 0.8, 1.0), (1.9, 2.3, 2.5)])
@pytest.mark.parametrize("seed", range(3))
def test_a_ramp_stays_where_it_is(interpolator, spacing_mm, seed):
    """No half-voxel shift: the value of each new voxel is that of its place, away from the border."""
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1], shape=(14, 15, 16))
    result = resample(spacing_mm=spacing_mm, interpolator=interpolator)(ramp(geometry))
    index = np.moveaxis(np.indices(result.shape), 0, -1)
    points = result.geometry.points_of(index)
    place = geometry.index_of(points)
    margin = 4 if interpolator == "bspline" else 0
    inside = ((place >= margin) & (place <= np.array(geometry.shape) - 1 - margin)).all(axis=-1)
    assert inside.any()
    tolerance = 0.05 if interpolator == "bspline" else 1e-3
    np.testing.assert_allclose(result.array[inside], value_at(points[inside]), atol=tolerance)


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS[::5], ids=str)
@pytest.mark.parametrize("spacing_mm", [0.6, (1.4, 0.4, 5.0)])
def test_a_new_spacing_keeps_the_extent(cosines, spacing_mm):
    geometry = make_geometry(row=cosines[0], column=cosines[1], shape=(20, 30, 28))
    grid = resample(spacing_mm=spacing_mm)(ramp(geometry)).geometry
    first = geometry.points_of([-0.5, -0.5, -0.5])
    np.testing.assert_allclose(grid.points_of([-0.5, -0.5, -0.5]), first, atol=1e-9)
    far = geometry.index_of(grid.points_of(np.array(grid.shape) - 0.5)) + 0.5
    assert (np.abs(far - geometry.shape) * geometry.spacing <= np.array(grid.spacing) / 2 + 1e-9).all()
    assert grid.slice_thickness == pytest.approx(grid.slice_spacing)


def test_the_same_spacing_changes_nothing():
    volume = make_volume(make_geometry())
    result = resample(spacing_mm=(0.7, 0.8, 2.5))(volume)
    assert result.geometry == volume.geometry
    np.testing.assert_allclose(result.array, volume.array, atol=1e-3)


@pytest.mark.parametrize("interpolator", ["nearest", "linear", "bspline"])
def test_a_reference_grid_agrees_with_simpleitk_on_the_whole_volume(interpolator):
    turned = rotation(5)
    volume = make_volume(make_geometry(shape=(20, 24, 22)))
    reference = make_geometry(row=turned[0], column=turned[1], shape=(9, 12, 10), first=(-14, 18, 40))
    result = resample(reference=reference, interpolator=interpolator, fill=-5.0)(volume)
    kind = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}[interpolator]
    grid = image_of(np.zeros(reference.shape, np.float32), reference)
    wanted = sitk.GetArrayFromImage(
        sitk.Resample(image_of(np.array(volume.array), volume.geometry), grid, sitk.Transform(), kind, -5.0)
    )
    assert result.geometry.same_grid(reference)
    assert (wanted != -5).any()
    assert (wanted == -5).any()
    difference = np.abs(result.array - wanted)
    assert np.quantile(difference, 0.99) < 0.05


def test_outside_is_filled_by_what_the_quantity_says_or_by_padding():
    volume = make_volume(make_geometry(), quantity=Quantity("[hnsf'U]", -1000.0))
    wider = replace(volume.geometry, first_position=volume.geometry.position(-3), shape=(9, 6, 7))
    result = resample(reference=wider)(volume)
    assert (result.array[0] == -1000).all()
    assert result.contributors(0) == ()
    assert result.value_range is not None
    assert result.value_range[0] == -1000
    padded = resample(reference=wider, fill="padding")(volume)
    assert np.isnan(padded.array[0]).all()
    assert padded.quantity.padded
    np.testing.assert_allclose(padded.array[3:8], volume.array, atol=1e-3)


@pytest.mark.parametrize(("operation", "reduce"), [(mip, np.max), (minip, np.min), (mean_projection, np.mean)])
def test_a_projection_of_everything(operation, reduce):
    volume = make_volume(make_geometry())
    result = operation()(volume)
    np.testing.assert_allclose(result.array[0], reduce(volume.array, axis=0), rtol=1e-5)
    assert result.contributors(0) == tuple(range(5))
    assert result.geometry.slice_thickness == pytest.approx(12.5)
    np.testing.assert_allclose(result.geometry.position(0), volume.geometry.points_of([2, 0, 0]))


def test_slabs_cover_everything_and_nothing_twice():
    layout = slabs_of(140, 1.0, 10.0, 5.0)
    assert len(layout.members) == 27
    assert layout.members[0] == (0, 10)
    assert layout.members[-1] == (130, 140)
    assert layout.centers_mm[:2] == (4.5, 9.5)
    cut = slabs_of(143, 1.0, 10.0, None)
    assert cut.members[-1] == (140, 143)
    assert sum(b - a for a, b in cut.members) == 143
    thin = slabs_of(4, 2.0, 0.5, 2.0)
    assert [b - a for a, b in thin.members] == [1, 1, 1, 1]


@pytest.mark.parametrize("count", [1, 5, 17])
@pytest.mark.parametrize("slab_mm", [0.3, 1.0, 2.7, 50.0])
@pytest.mark.parametrize("step_mm", [None, 0.4, 1.3])
def test_slabs_are_never_empty_and_reach_the_end(count, slab_mm, step_mm):
    layout = slabs_of(count, 1.25, slab_mm, step_mm)
    assert all(0 <= a < b <= count for a, b in layout.members)
    if step_mm is None or step_mm <= slab_mm:
        assert layout.members[-1][1] == count
        assert {i for a, b in layout.members for i in range(a, b)} == set(range(count))


DISPLAYED = {"axial": ((1, 0, 0), (0, 1, 0)), "coronal": ((1, 0, 0), (0, 0, -1)), "sagittal": ((0, 1, 0), (0, 0, -1))}


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS, ids=str)
@pytest.mark.parametrize("plane", DISPLAYED)
def test_planes_are_shown_as_is_the_custom_and_stay_in_the_patient(cosines, plane):
    geometry = make_geometry(row=cosines[0], column=cosines[1], shape=(6, 7, 8), spacing=(1.0, 1.0, 1.0))
    values = np.zeros(geometry.shape, np.float32)
    values[1, 2, 3] = 100
    place = geometry.points_of([1, 2, 3])
    result = mip(slab_mm=1.0, plane=plane)(Volume.from_array(values, geometry))
    assert result.geometry.row_cosines == DISPLAYED[plane][0]
    assert result.geometry.column_cosines == DISPLAYED[plane][1]
    found = np.unravel_index(np.argmax(result.array), result.shape)
    np.testing.assert_allclose(result.geometry.points_of(found), place, atol=1e-9)


def test_an_oblique_volume_stays_oblique():
    turned = rotation(2)
    geometry = make_geometry(row=turned[0], column=turned[1], shape=(6, 7, 8))
    result = mip(plane="coronal")(make_volume(geometry)).geometry
    cosines = np.abs(geometry.directions.T @ result.directions)
    np.testing.assert_allclose(np.sort(cosines, axis=0)[-1], 1, atol=1e-9)


def shift_image(image: sitk.Image) -> sitk.Image:
    return sitk.Shrink(image, [1, 2, 1])


def mirrored_image(image: sitk.Image) -> sitk.Image:
    return sitk.Flip(image, [False, False, True])


def doubled(volume: Volume, by: float = 2.0) -> Volume:
    return volume.with_array(volume.array * by)


def bad_shape(values: np.ndarray) -> np.ndarray:
    return values[1:]


def not_finite(values: np.ndarray) -> np.ndarray:
    return values / np.float32(0)


def raising(values: np.ndarray) -> np.ndarray:
    raise RuntimeError("something about the values")


def spoiling(values: np.ndarray) -> np.ndarray:
    values[:] = 0
    return values


def test_apply_takes_an_image_and_follows_its_grid():
    volume = ramp(make_geometry(shape=(6, 8, 10)))
    result = apply(function=shift_image, code="SpatialResampling")(volume)
    assert result.shape == (6, 4, 10)
    index = np.moveaxis(np.indices(result.shape), 0, -1)
    place = volume.geometry.index_of(result.geometry.points_of(index))
    np.testing.assert_allclose(place - np.round(place), 0, atol=0.51)
    assert result.contributors(2) == tuple(range(6))


def test_apply_reorders_a_left_handed_image_and_mirrors_nothing():
    volume = ramp(make_geometry(shape=(6, 8, 10)))
    result = apply(function=mirrored_image, code="Smoothing")(volume)
    index = np.moveaxis(np.indices(result.shape), 0, -1)
    np.testing.assert_allclose(result.array, value_at(result.geometry.points_of(index)), atol=1e-3)


def test_apply_takes_a_volume_and_parameters():
    volume = make_volume(make_geometry(), padded=True)
    result = apply(function=doubled, code="Smoothing", parameters={"by": 3.0})(volume)
    np.testing.assert_allclose(result.array, volume.array * 3)


def test_apply_imports_by_name():
    result = apply(function=f"{__name__}:spoiling", code="Smoothing")
    volume = make_volume(make_geometry())
    before = np.array(volume.array)
    assert (result(volume).array == 0).all()
    np.testing.assert_array_equal(volume.array, before)


@pytest.mark.parametrize(
    ("function", "code"), [(bad_shape, "OP-SHAPE"), (not_finite, "VAL-NONFINITE"), (raising, "OP-FAILED")]
)
def test_a_function_that_fails_is_named(function, code):
    result = apply(function=function, code="Smoothing")(make_volume(make_geometry()))
    with np.errstate(all="ignore"), pytest.raises(ValuesError, match=code) as caught:
        _ = result.array
    assert function.__name__ in str(caught.value)
    assert "about the values" not in str(caught.value)


def test_chained_steps_name_only_what_entered():
    volume = make_volume(make_geometry(shape=(20, 6, 6), spacing=(1.0, 1.0, 1.0)))
    chained = mip(slab_mm=2.0)(gaussian_blur(sigma_mm=0.5)(volume))
    assert chained.contributors(5) == tuple(range(8, 14))


def test_every_operation_is_exported():
    assert set(operations.REGISTRY) <= set(operations.__all__)
    assert isinstance(make_geometry(), Geometry)
