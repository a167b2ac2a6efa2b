"""Interpolation on another grid: against SimpleITK and scipy on the whole volume, and against ramps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from scipy.ndimage import map_coordinates

import derive
from derive.errors import GeometryError
from derive.model.reference import FrameRef, of_principal
from derive.model.volume import Volume
from derive.operations import resample
from derive.operations.kit.grids import GridMapping
from tests.helpers.asserting import each
from tests.helpers.volumes import (
    SIGNED_PERMUTATIONS,
    around,
    indices,
    make_geometry,
    make_volume,
    ramp,
    rotation,
    value_at,
)


def places(result, source):
    """Where the voxels of a result lie, as (slice, row, column) indices of the source."""
    return source.index_of(result.points_of(indices(result.shape)))


def inside(place, shape, margin=0.0):
    """Which places lie between the outermost centres of the source, by a margin of voxels."""
    return ((place >= margin - 1e-9) & (place <= np.array(shape) - 1 - margin + 1e-9)).all(axis=-1)


def sitk_image(volume):
    """The image that someone would make who writes SimpleITK by hand."""
    geometry = volume.geometry
    image = sitk.GetImageFromArray(np.array(volume.array))
    image.SetOrigin(geometry.first_position)
    image.SetSpacing((geometry.pixel_spacing[1], geometry.pixel_spacing[0], geometry.slice_spacing))
    columns = (geometry.row_cosines, geometry.column_cosines, geometry.normal)
    image.SetDirection(np.stack(columns, axis=1).ravel().tolist())
    return image


def sitk_resampled(volume, grid, interpolator, outside=np.nan):
    like = sitk_image(Volume.from_array(np.zeros(grid.shape), grid))
    kind = {
        "nearest": sitk.sitkNearestNeighbor,
        "linear": sitk.sitkLinear,
        "bspline": sitk.sitkBSpline,
        "lanczos": sitk.sitkLanczosWindowedSinc,
    }[interpolator]
    return sitk.GetArrayFromImage(sitk.Resample(sitk_image(volume), like, sitk.Transform(), kind, outside))


@pytest.mark.parametrize("interpolator", ["linear", "bspline", "lanczos"])
@pytest.mark.parametrize("spacing_mm", [0.5, (0.7, 0.8, 1.0), (1.9, 2.3, 2.5)])
@pytest.mark.parametrize("seed", range(3))
def test_a_ramp_stays_where_it_is(interpolator, spacing_mm, seed):
    """No half-voxel shift: the value of each new voxel is that of its place in the patient."""
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1], shape=(22, 23, 24))
    result = resample(spacing_mm=spacing_mm, interpolator=interpolator)(ramp(geometry))
    margin, tolerance = {"linear": (0, 2e-5), "bspline": (8, 2e-4), "lanczos": (5, 0.1)}[interpolator]
    within = inside(places(result.geometry, geometry), geometry.shape, margin)
    assert within.any()
    wanted = value_at(result.geometry.points_of(indices(result.shape)))
    np.testing.assert_allclose(result.array[within], wanted[within], rtol=0, atol=tolerance)


@pytest.mark.parametrize("seed", range(4))
def test_a_ramp_stays_where_it_is_on_another_series_grid(seed):
    turned, tilted = rotation(seed), rotation(seed + 50)
    geometry = around((5, 6, 7), row=turned[0], column=turned[1], shape=(12, 23, 24))
    grid = around((6, 4, 9), row=tilted[0], column=tilted[1], shape=(11, 12, 13), spacing=(0.9, 1.1, 1.3))
    result = resample(reference=grid)(ramp(geometry))
    within = inside(places(grid, geometry), geometry.shape)
    assert within.sum() > 100
    wanted = value_at(grid.points_of(indices(grid.shape)))
    np.testing.assert_allclose(result.array[within], wanted[within], rtol=0, atol=2e-5)


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS[::5], ids=str)
@pytest.mark.parametrize("spacing_mm", [0.6, (1.4, 0.4, 5.0), (0.7, 0.8, 2.4), 3.7])
def test_a_new_spacing_keeps_the_extent(cosines, spacing_mm):
    geometry = make_geometry(row=cosines[0], column=cosines[1], shape=(20, 30, 28))
    grid = resample(spacing_mm=spacing_mm)(ramp(geometry)).geometry
    assert grid.spacing == tuple(np.broadcast_to(spacing_mm, 3)[::-1])
    edge = geometry.points_of([-0.5, -0.5, -0.5])
    np.testing.assert_allclose(grid.points_of([-0.5, -0.5, -0.5]), edge, atol=1e-9)
    last = geometry.index_of(grid.points_of(np.array(grid.shape) - 1))
    assert (last < np.array(geometry.shape) - 0.5).all()
    beyond = geometry.index_of(grid.points_of(grid.shape))
    assert (beyond >= np.array(geometry.shape) - 0.5 - 1e-9).all()
    kept = grid.slice_spacing == geometry.slice_spacing
    assert grid.slice_thickness == (None if kept else grid.slice_spacing)


def test_an_axis_whose_spacing_stays_keeps_its_positions():
    geometry = make_geometry()
    read = tuple(tuple(v + 1e-4 * k for v in geometry.position(k)) for k in range(5))
    volume = make_volume(replace(geometry, first_position=read[0], measured_positions=read, slice_thickness=3.0))
    same = resample(spacing_mm=(0.7, 0.8, 2.5))(volume)
    assert same.geometry == volume.geometry
    np.testing.assert_allclose(same.array, volume.array, rtol=1e-7)
    finer = resample(spacing_mm=(0.35, 0.8, 2.5))(volume).geometry
    np.testing.assert_allclose(np.subtract(finer.measured_positions, read), [(-0.175, 0, 0)] * 5, atol=1e-12)
    assert finer.slice_thickness == 3.0
    thinner = resample(spacing_mm=(0.7, 0.8, 1.25))(volume).geometry
    assert thinner.measured_positions is None
    np.testing.assert_allclose(thinner.first_position, np.subtract(read[0], (0, 0, 0.625)))


def test_a_single_slice_is_resampled_in_its_plane_only():
    volume = ramp(make_geometry(shape=(1, 12, 14)))
    result = resample(spacing_mm=(1.4, 1.6, 2.5))(volume)
    assert result.shape == (1, 6, 7)
    np.testing.assert_allclose(result.array, value_at(result.geometry.points_of(indices(result.shape))), atol=1e-5)
    with pytest.raises(GeometryError, match=r"GEO-SINGLE.*give 2\.5 for z"):
        resample(spacing_mm=1.0)(volume)


@pytest.mark.parametrize("interpolator", ["nearest", "linear", "bspline", "lanczos"])
@pytest.mark.parametrize("turned", [np.eye(3), np.eye(3)[[1, 2, 0]], rotation(5)], ids=["same", "across", "oblique"])
def test_a_reference_grid_agrees_with_simpleitk_on_the_whole_volume(interpolator, turned):
    volume = make_volume(around((1, 2, 3), shape=(20, 24, 22)))
    grid = around((3.1, 1.3, 5.7), row=turned[0], column=turned[1], shape=(9, 12, 10), spacing=(1.9, 1.7, 1.3))
    reference = replace(grid, measured_positions=tuple(grid.position(k) for k in range(9)))
    result = resample(reference=reference, interpolator=interpolator, fill="padding")(volume)
    wanted = sitk_resampled(volume, grid, interpolator)
    if interpolator == "lanczos":
        wanted /= sitk_resampled(volume.with_array(np.ones(volume.shape)), grid, interpolator)
    assert replace(result.geometry, slice_thickness=None) == reference
    assert result.geometry.slice_thickness == 1.9
    np.testing.assert_allclose(result.array, wanted, rtol=0, atol=1e-3)
    assert np.isfinite(wanted).sum() > 300


@pytest.mark.parametrize("seed", range(20))
def test_bspline_agrees_with_scipy_down_to_a_single_voxel(seed):
    rng = np.random.default_rng(seed)
    geometry = make_geometry(shape=tuple(int(n) for n in rng.integers(1, 6, 3)))
    z = 2.5 if geometry.shape[0] == 1 else rng.uniform(0.7, 2.2)
    volume = make_volume(geometry, seed)
    result = resample(spacing_mm=(*rng.uniform(0.2, 0.9, 2), z), interpolator="bspline")(volume)
    place = np.moveaxis(places(result.geometry, geometry), -1, 0)
    wanted = map_coordinates(volume.array.astype(np.float64), place, order=3, mode="mirror")
    np.testing.assert_allclose(result.array, wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize("interpolator", ["linear", "bspline", "lanczos"])
def test_a_voxel_is_padding_if_its_nearest_source_voxel_is(interpolator):
    volume = make_volume(around((0, 0, 0), shape=(9, 10, 11)), padded=True)
    grid = around((0.5, 0.5, 0.5), row=rotation(1)[0], column=rotation(1)[1], shape=(12, 13, 14))
    grids = {"reference": grid}, {"spacing_mm": 0.9}, {"spacing_mm": (0.3, 0.5, 2.5)}
    for where in each(grids):
        result = resample(**where, interpolator=interpolator)(volume).array
        nearest = resample(**where, interpolator="nearest")(volume).array
        np.testing.assert_array_equal(np.isnan(result), np.isnan(nearest))
        assert np.isnan(result).any()
        assert not np.isnan(result).all()


def test_a_border_of_padding_is_like_the_border_of_the_volume():
    volume = make_volume(make_geometry(shape=(6, 7, 8)))
    wider = np.pad(volume.array, 1, constant_values=np.nan)
    padded = volume.with_array(wider, make_geometry(shape=(8, 9, 10), first=volume.geometry.points_of([-1, -1, -1])))
    grid = resample(spacing_mm=0.6)(volume).geometry
    for interpolator in ("nearest", "linear"):
        alone, among = (resample(reference=grid, interpolator=interpolator)(v).array for v in (volume, padded))
        np.testing.assert_allclose(among, alone, rtol=2e-7)


@pytest.mark.parametrize("interpolator", ["linear", "bspline", "lanczos"])
@pytest.mark.parametrize("seed", range(3))
def test_slices_that_stay_are_resampled_each_by_itself(interpolator, seed):
    """Whatever rounding does to the numbers of an oblique geometry, and wherever each slice has padding."""
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1], shape=(9, 10, 11), spacing=(0.7, 0.9, 0.3))
    values = np.array(make_volume(geometry, seed).array)
    values[np.random.default_rng(seed).random(geometry.shape) < 0.3] = np.nan
    values[4] = np.nan
    operation, asked = resample(spacing_mm=(0.4, 0.5, 0.7), interpolator=interpolator), []

    def pull(first, last):
        asked.append((first, last))
        return values[first:last]

    whole = operation(make_volume(geometry).with_array(values))
    single = operation(replace(make_volume(geometry).with_array(values), pull=pull))
    for k in (6, 2, 0, 8, 4):
        np.testing.assert_allclose(single.slab(k, k + 1), whole.array[k : k + 1], rtol=0, atol=2.5e-4)
        assert single.contributors(k) == of_principal([k])
    assert asked == [(0, 8), (8, 9), (0, 8)]  # in blocks, and of the slices that stay only
    assert np.isnan(whole.array[4]).all()


@pytest.mark.parametrize("interpolator", ["nearest", "linear", "lanczos"])
def test_the_outer_edge_belongs_to_the_volume(interpolator):
    """Centres exactly half a voxel beyond the outermost ones, at both ends, have the value of the border."""
    volume = make_volume(make_geometry(shape=(3, 4, 5), spacing=(1.0, 1.0, 1.0), first=(0, 0, 0)))
    constant = volume.with_array(np.full(volume.shape, 55.0))
    grid = make_geometry(shape=(4, 5, 6), spacing=(1.0, 1.0, 1.0), first=(-0.5, -0.5, -0.5))
    result = resample(reference=grid, interpolator=interpolator, fill="padding")
    np.testing.assert_allclose(result(constant).array, 55.0, rtol=2e-7)
    if interpolator != "lanczos":
        assert result(volume).array[0, 0, 0] == pytest.approx(volume.array[0, 0, 0])
        assert result(volume).array[-1, -1, -1] == pytest.approx(volume.array[-1, -1, -1])


def test_outside_is_filled_by_what_the_quantity_says_or_by_padding():
    volume = make_volume(make_geometry(), modality="CT")
    volume = replace(volume, value_range=(0.0, 3000.0))
    wider = replace(volume.geometry, first_position=volume.geometry.position(-3), shape=(9, 6, 7))
    result = resample(reference=wider)(volume)
    assert (result.array[:3] == -1000).all()
    assert (result.array[8] == -1000).all()
    assert [result.contributors(k) for k in (0, 2, 3, 7, 8)] == [(), (), of_principal([0]), of_principal([4]), ()]
    assert result.value_range == (-1000.0, 3000.0)
    assert not result.quantity.padded
    assert resample(reference=wider, fill=5000)(volume).value_range == (0.0, 5000.0)
    padded = resample(reference=wider, fill="padding")(volume)
    assert np.isnan(padded.array[[0, 1, 2, 8]]).all()
    assert padded.quantity.padded
    assert padded.value_range == (0.0, 3000.0)
    np.testing.assert_allclose(padded.array[3:8], volume.array, rtol=1e-7)
    assert resample(spacing_mm=1.0, fill=5000)(volume).value_range == (0.0, 3000.0)
    assert not resample(spacing_mm=1.0, fill="padding")(volume).quantity.padded
    assert resample(spacing_mm=1.0, interpolator="bspline")(volume).value_range is None


@pytest.mark.parametrize("seed", range(8))
def test_a_plane_spans_the_slices_that_its_voxels_lie_between(seed):
    turned = rotation(seed)
    source = around((0, 0, 0), shape=(12, 20, 25))
    grid = around((4, 4, 6), row=turned[0], column=turned[1], shape=(30, 40, 40), spacing=(2.0, 0.4, 0.4))
    mapping = GridMapping.between(grid, source)
    place = places(grid, source)
    within = inside(place, source.shape, margin=-0.5)
    np.testing.assert_array_equal(~mapping.outside(0, 30), within)
    for k in range(30):
        span = mapping.span(k)
        if not within[k].any():
            assert span is None or span[1] - span[0] < 1
            continue
        low, high = place[k, ..., 0][within[k]].min(), place[k, ..., 0][within[k]].max()
        assert span[0] - 1e-6 <= low <= span[0] + 1
        assert span[1] - 1 <= high <= span[1] + 1e-6


def test_a_reference_can_be_anything_that_has_a_geometry():
    volume = make_volume(make_geometry())
    other = make_volume(make_geometry(shape=(4, 5, 6)))
    np.testing.assert_array_equal(
        resample(reference=other)(volume).array, resample(reference=other.geometry)(volume).array
    )


@pytest.mark.parametrize(
    ("interpolator", "expected"),
    [("nearest", (6,)), ("linear", (5, 6)), ("bspline", (4, 5, 6, 7)), ("lanczos", tuple(range(1, 11)))],
)
def test_an_interpolated_slice_names_the_slices_of_its_kernel(interpolator, expected):
    volume = make_volume(make_geometry(shape=(20, 6, 6), spacing=(1.0, 1.0, 1.0)))
    for shift, wanted in ((5.75, expected), (6.0, (6,)), (6.0 + 1e-9, (6,)), (-0.25, None), (19.75, ())):
        first = tuple(volume.geometry.points_of([shift, 0, 0]))
        grid = replace(volume.geometry, first_position=first, shape=(1, 6, 6))
        if wanted == ():
            grid = replace(grid, first_position=volume.geometry.position(0), slice_spacing=shift, shape=(2, 6, 6))
        found = resample(reference=grid, interpolator=interpolator)(volume).contributors(grid.shape[0] - 1)
        assert found == of_principal(wanted) if wanted is not None else found[0] == FrameRef(0, 0)


@pytest.mark.parametrize("interpolator", ["nearest", "linear", "bspline", "lanczos"])
def test_a_plane_beside_the_source_names_no_slice(interpolator):
    """The plane passes every slice position, but not within the columns of the source."""
    volume = make_volume(make_geometry(shape=(20, 6, 6), spacing=(1.0, 1.0, 1.0)))
    beside = make_geometry(row=(0, 1, 0), column=(0, 0, 1), shape=(9, 20, 6), spacing=(1.0, 1.0, 1.0))
    result = resample(reference=beside, interpolator=interpolator)(volume)
    assert [len(result.contributors(k)) for k in range(9)] == [20] * 6 + [0] * 3
    assert (result.array[6:] == -1000).all()
    assert (result.array[:6] != -1000).all()


@pytest.mark.parametrize("name", ["ct_philips_ingenuity_140", "petctmr_ibsi_sts002/PET", "ct_varian_cbct_64"])
def test_a_real_series_pulled_in_slabs_agrees_with_simpleitk_on_all_of_it(name, real):
    volume = derive.stack(derive.read(real(name)))
    result = resample(spacing_mm=(2.1, 1.9, 1.7))(volume)
    parts = [result.slab(k, min(k + 16, result.shape[0])) for k in range(0, result.shape[0], 16)]
    wanted = sitk_resampled(volume, result.geometry, "linear")
    assert np.isfinite(wanted).all()
    largest = np.abs(wanted).max()
    np.testing.assert_allclose(np.concatenate(parts), wanted, rtol=0, atol=float(largest) * 2e-7)


def test_a_real_pet_lies_on_the_grid_of_its_ct(real):
    pet, ct = (derive.read(real(f"petctmr_ibsi_sts002/{kind}")) for kind in ("PET", "CT"))
    result = resample(reference=ct)(derive.stack(pet))
    assert result.geometry.same_grid(ct.geometry)
    wanted = sitk_resampled(derive.stack(pet), ct.geometry, "linear", outside=0.0)
    np.testing.assert_allclose(result.array, wanted, rtol=0, atol=float(wanted.max()) * 2e-7)
    assert result.array.max() > 5
