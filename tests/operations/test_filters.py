"""Filters on the grid as it is: against scipy, SimpleITK and numpy, on random and on real volumes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from scipy.ndimage import binary_dilation, gaussian_filter, generic_filter, laplace, median_filter

import derive
from derive.errors import UsageError, ValuesError
from derive.model.volume import Quantity, Volume
from derive.operations import (
    REGISTRY,
    anisotropic_diffusion,
    bilateral,
    clip,
    gaussian_blur,
    median,
    sharpen,
    threshold,
    unsharp_mask,
)
from derive.operations.kit.neighbours import Neighbours
from tests.helpers.asserting import raises_code
from tests.helpers.volumes import in_parts, make_geometry, make_volume

#: Stored values are whole numbers in these volumes: within half of one is within half a stored step.
HALF_A_STEP = 0.5
SHAPE, SPACING = (17, 22, 23), (2.0, 1.0, 0.5)
PADDED = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])


def volume(padded=False, shape=SHAPE, spacing=SPACING, seed=0):
    return make_volume(make_geometry(shape=shape, spacing=spacing), seed, padded=padded)


def footprint(radius_mm, spacing):
    """Which voxels lie within an ellipsoid, as somebody would write it who has scipy."""
    radii = np.broadcast_to(radius_mm, 3)[::-1]
    steps = [int(r / s) for r, s in zip(radii, spacing, strict=True)]
    places = np.indices([2 * n + 1 for n in steps]).T - steps
    inside = np.zeros(places.shape[:3])
    for radius, s, place in zip(radii, spacing, np.moveaxis(places, -1, 0), strict=True):
        inside += (place * s / (radius or 1.0)) ** 2
    return (inside <= 1 + 1e-9).T


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
@PADDED
@pytest.mark.parametrize("radius_mm", [0.5, 1.0, 2.1, (1.5, 0.0, 2.0), (0.0, 2.0, 0.0)])
def test_the_median_is_that_of_scipy(radius_mm, padded):
    source = volume(padded)
    shape = footprint(radius_mm, SPACING)
    around = [int(n) // 2 for n in shape.shape]
    values = np.pad(source.array, [(n, n) for n in around], constant_values=np.nan)
    wanted = generic_filter(values, np.nanmedian, footprint=shape, mode="constant", cval=np.nan)
    wanted = wanted[tuple(slice(n, -n or None) for n in around)]
    found = median(radius_mm=radius_mm)(source).array
    native = ~np.isnan(source.array)
    np.testing.assert_allclose(found[native], wanted[native], rtol=1e-6)
    assert np.isnan(found[~native]).all()


def test_the_median_of_a_whole_neighbourhood_is_that_of_simpleitk():
    """Its neighbourhoods are boxes; in one line both are the same."""
    source = volume()
    found = median(radius_mm=(1.0, 0.0, 0.0))(source).array
    wanted = sitk.GetArrayFromImage(sitk.Median(sitk.GetImageFromArray(np.array(source.array)), [2, 0, 0]))
    np.testing.assert_array_equal(found[:, :, 2:-2], wanted[:, :, 2:-2])


def test_the_median_takes_a_speck_and_leaves_an_edge():
    values = np.zeros(SHAPE, np.float32)
    values[:, :, 12:] = 1000
    values[8, 10, 4] = 3000
    source = Volume.from_array(values, make_geometry(shape=SHAPE, spacing=SPACING))
    wanted = values.copy()
    wanted[8, 10, 4] = 0
    np.testing.assert_array_equal(median(radius_mm=1.0)(source).array, wanted)


def by_hand(source, sigma_mm, sigma_values):
    """The bilateral mean of every voxel, one after the other, in double precision."""
    sigmas = np.broadcast_to(sigma_mm, 3)[::-1]
    values, spacing = source.array.astype(np.float64), source.geometry.spacing
    places = np.indices(values.shape).reshape(3, -1).T * spacing
    result = np.full(values.size, np.nan)
    flat = values.ravel()
    for index in np.flatnonzero(~np.isnan(flat)):
        away = ((places - places[index]) / np.where(sigmas > 0, sigmas, 1e-9)) ** 2
        squared = away.sum(axis=1)
        enters = (squared <= 9 + 1e-9) & ~np.isnan(flat)
        weights = np.exp(-0.5 * squared[enters] - 0.5 * ((flat[enters] - flat[index]) / sigma_values) ** 2)
        result[index] = (weights * flat[enters]).sum() / weights.sum()
    return result.reshape(values.shape)


@PADDED
@pytest.mark.parametrize(("sigma_mm", "sigma_values"), [(0.8, 500.0), ((0.4, 1.0, 0.0), 100.0), (1.2, 1e9)])
def test_the_bilateral_filter_is_that_by_hand(sigma_mm, sigma_values, padded):
    source = volume(padded, shape=(7, 9, 10))
    found = bilateral(sigma_mm=sigma_mm, sigma_values=sigma_values)(source).array
    np.testing.assert_allclose(found, by_hand(source, sigma_mm, sigma_values), rtol=0, atol=2e-3)


def test_the_bilateral_filter_of_any_values_is_a_gaussian():
    source = volume()
    wide = bilateral(sigma_mm=1.0, sigma_values=1e9)(source).array
    wanted = gaussian_filter(source.array.astype(float), 1 / np.array(SPACING), mode="constant", truncate=3.0)
    inner = np.s_[2:-2, 3:-3, 6:-6]
    assert np.abs(wide - wanted)[inner].max() < 0.03 * np.ptp(source.array)  # an ellipsoid for a box


def test_the_bilateral_filter_leaves_a_high_edge():
    values = np.random.default_rng(1).normal(0, 10, SHAPE).astype(np.float32)
    values[:, :, 12:] += 1000
    source = Volume.from_array(values, make_geometry(shape=SHAPE, spacing=SPACING))
    found = bilateral(sigma_mm=1.5, sigma_values=40)(source).array
    for side in (np.s_[:, :, :12], np.s_[:, :, 12:]):
        assert abs(found[side].mean() - values[side].mean()) < 1
        assert found[side].std() < 0.3 * values[side].std()


@PADDED
@pytest.mark.parametrize(("amount", "least"), [(1.0, 0.0), (0.6, 0.0), (2.0, 300.0)])
def test_unsharp_masking_is_what_scipy_makes_of_it(amount, least, padded):
    source = volume(padded)
    native = ~np.isnan(source.array)
    values = np.where(native, source.array, 0).astype(np.float64)
    sigma = 1.5 / np.array(SPACING)
    blurred = gaussian_filter(values, sigma, mode="constant", truncate=4.0)
    blurred /= gaussian_filter(native.astype(float), sigma, mode="constant", truncate=4.0)
    detail = values - blurred
    wanted = np.where(np.abs(detail) > least, values + amount * detail, values)
    found = unsharp_mask(sigma_mm=1.5, amount=amount, threshold=least)(source).array
    differs = np.abs(found - wanted)[native] > 1e-2
    near = np.abs(np.abs(detail[native]) - least) < 1e-2
    assert not (differs & ~near).any()
    assert np.isnan(found[~native]).all()


@pytest.mark.parametrize("amount", [1.0, 0.35])
def test_sharpening_of_even_voxels_is_the_laplacian_of_scipy(amount):
    source = volume(spacing=(0.7, 0.7, 0.7))
    wanted = source.array - amount * laplace(source.array.astype(np.float64), mode="nearest")
    found = sharpen(amount=amount)(source).array
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-2)


def test_sharpening_of_uneven_voxels_is_the_laplacian_of_simpleitk_in_mm():
    source = volume()
    image = sitk.GetImageFromArray(source.array.astype(np.float64))
    image.SetSpacing(SPACING[::-1])
    laplacian = sitk.GetArrayFromImage(sitk.Laplacian(image, useImageSpacing=True))
    wanted = source.array - min(SPACING) ** 2 * laplacian
    inner = np.s_[1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(sharpen()(source).array[inner], wanted[inner], rtol=0, atol=1e-2)


def test_sharpening_in_planes_is_the_kernel_that_its_help_names():
    values = np.zeros((3, 5, 5), np.float32)
    values[1, 2, 2] = 100
    source = Volume.from_array(values, make_geometry(shape=values.shape, spacing=(3.0, 0.8, 0.8)))
    wanted = np.zeros_like(values)
    wanted[1, 1:4, 1:4] = np.array([[0, -100, 0], [-100, 500, -100], [0, -100, 0]])
    np.testing.assert_array_equal(sharpen(in_planes=True)(source).array, wanted)


def itk_diffusion(values, conductance, steps, time_step):
    """SimpleITK's filter, told the conductance in its own way: in parts of the root mean square of the gradient."""
    image = sitk.GetImageFromArray(values)
    slopes = [np.zeros(values.shape) for _ in range(values.ndim)]
    for axis in range(values.ndim):
        padded = np.pad(values.astype(np.float64), [(int(a == axis),) * 2 for a in range(values.ndim)], mode="edge")
        ahead = np.take(padded, range(2, padded.shape[axis]), axis=axis)
        behind = np.take(padded, range(padded.shape[axis] - 2), axis=axis)
        slopes[axis] = (ahead - behind) / 2
    mean = np.mean(sum(s**2 for s in slopes))
    made = sitk.CurvatureAnisotropicDiffusionImageFilter()
    made.SetConductanceParameter(conductance / math.sqrt(mean))
    made.SetConductanceScalingUpdateInterval(1000)
    made.SetNumberOfIterations(steps)
    made.SetTimeStep(time_step)
    return sitk.GetArrayFromImage(made.Execute(image))


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("conductance", [60.0, 400.0])
def test_diffusion_is_that_of_simpleitk(conductance, steps):
    """Of voxels of 1 mm, where its lengths are those of ours."""
    source = volume(spacing=(1.0, 1.0, 1.0))
    smooth = gaussian_blur(sigma_mm=1.2)(source).array
    source = Volume.from_array(smooth, source.geometry)
    found = anisotropic_diffusion(conductance=conductance, iterations=steps)(source).array
    wanted = itk_diffusion(np.array(smooth), conductance, steps, 1 / 16)
    assert np.abs(wanted - smooth).max() > 20 * HALF_A_STEP
    np.testing.assert_allclose(found, wanted, rtol=0, atol=HALF_A_STEP / 10)


def test_diffusion_in_planes_is_that_of_simpleitk_in_each():
    source = volume(spacing=(3.0, 1.0, 1.0))
    found = anisotropic_diffusion(conductance=300.0, iterations=3, in_planes=True)(source).array
    assert not np.array_equal(found, source.array)
    for plane, values in zip(found, source.array, strict=True):
        wanted = itk_diffusion(np.array(values), 300.0, 3, 1 / 16)
        np.testing.assert_allclose(plane, wanted, rtol=0, atol=HALF_A_STEP / 10)


@pytest.mark.parametrize("scale", [0.25, 3.0])
def test_diffusion_goes_by_millimetres(scale):
    """The same numbers on a grid of another size, with edges as steep in proportion, come out the same."""
    one = volume(spacing=(2.0, 1.0, 0.5))
    other = volume(spacing=(2.0 * scale, 1.0 * scale, 0.5 * scale))
    found = [
        anisotropic_diffusion(conductance=c, iterations=3)(v).array for v, c in ((one, 90.0), (other, 90.0 / scale))
    ]
    np.testing.assert_allclose(*found, rtol=0, atol=1e-2)


@PADDED
def test_no_value_leaves_the_range_of_its_neighbours(padded):
    source = volume(padded)
    found = anisotropic_diffusion(conductance=500.0, iterations=1)(source).array
    around = Neighbours.within((2.0, 1.0, 0.5), source)
    values = np.pad(np.array(source.array), 1, constant_values=np.nan)
    each = np.stack([np.roll(values, -offset, (0, 1, 2))[1:-1, 1:-1, 1:-1] for offset in around.offsets])
    native = ~np.isnan(source.array)
    low, high = np.fmin.reduce(each), np.fmax.reduce(each)
    assert (found[native] >= low[native] - 1e-3).all()
    assert (found[native] <= high[native] + 1e-3).all()


BOUNDS = [(100.0, None), (None, 100.0), (-500.25, 1500.5)]


@PADDED
@pytest.mark.parametrize(("low", "high"), BOUNDS)
@pytest.mark.parametrize("kept", ["inside", "outside"])
@pytest.mark.parametrize("other", ["fill", "padding", 7.5])
def test_what_lies_beyond_a_threshold_is_replaced(low, high, kept, other, padded):
    source = volume(padded)
    values = source.array
    inside = (values >= (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
    stays = (inside if kept == "inside" else ~inside) | np.isnan(values)
    value = {"fill": -1000.0, "padding": np.nan}.get(other, other)
    said = {"inside": "keep", "outside": other} if kept == "inside" else {"inside": other, "outside": "keep"}
    found = threshold(low=low, high=high, **said)(source)
    np.testing.assert_array_equal(found.array, np.where(stays, values, value))
    assert 0 < stays.sum() < stays.size
    assert found.quantity.padded == (padded or other == "padding")


@PADDED
@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_values_are_clipped(low, high, padded):
    source = volume(padded)
    found = clip(low=low, high=high)(source)
    np.testing.assert_array_equal(found.array, np.clip(source.array, low, high))
    assert found.value_range == (-1000.0 if low is None else low, 3000.0 if high is None else high)


CALLS = {
    "median": {"radius_mm": 1.0},
    "bilateral": {"sigma_mm": 0.8, "sigma_values": 300.0},
    "unsharp_mask": {"sigma_mm": 1.0},
    "sharpen": {},
    "anisotropic_diffusion": {"conductance": 100.0, "iterations": 3},
    "threshold": {"low": 0.0, "outside": "padding"},
    "clip": {"low": 0.0},
}
MIXING = ("median", "bilateral", "unsharp_mask", "sharpen", "anisotropic_diffusion")


@PADDED
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CALLS)
def test_borders_of_slabs_are_nowhere_to_be_seen(name, seed, padded):
    source = volume(padded, shape=(41, 70, 9), seed=seed)
    whole = REGISTRY[name](**CALLS[name])(source).array
    np.testing.assert_array_equal(in_parts(REGISTRY[name](**CALLS[name])(replace(source)), seed, largest=11), whole)


@pytest.mark.parametrize("name", [n for n in CALLS if n in MIXING])
def test_in_planes_no_slice_looks_at_another(name):
    source = volume(padded=True)
    alone = [
        REGISTRY[name](**CALLS[name], in_planes=True)(
            Volume.from_array(source.array[k : k + 1], source.geometry.slices(k, k + 1), source.quantity)
        ).array[0]
        for k in range(SHAPE[0])
    ]
    result = REGISTRY[name](**CALLS[name], in_planes=True)(source)
    np.testing.assert_allclose(result.array, np.stack(alone), rtol=0, atol=1e-3)
    assert [len(result.contributors(k)) for k in range(SHAPE[0])] == [1] * SHAPE[0]


@pytest.mark.parametrize("name", CALLS)
def test_phases_are_taken_only_where_no_neighbours_are_mixed(name):
    source = replace(volume(), quantity=Quantity("1", cyclic=True))
    if name in MIXING:
        with raises_code("VAL-PHASE", ValuesError):
            REGISTRY[name](**CALLS[name])(source)
    else:
        assert REGISTRY[name](**CALLS[name])(source).array.shape == SHAPE


@pytest.mark.parametrize("name", CALLS)
def test_a_leaning_stack_is_taken_in_its_planes(name):
    leaning = replace(make_geometry(shape=SHAPE, spacing=SPACING), slice_shift=(0.0, 0.75))
    planes = {"in_planes": True} if name in MIXING else {}
    result = REGISTRY[name](**CALLS[name], **planes)(Volume.from_array(volume().array, leaning))
    assert result.geometry == leaning


def test_more_voxels_than_can_be_looked_at_are_refused():
    source = make_volume(make_geometry(shape=(40, 41, 42), spacing=(1.0, 1.0, 1.0)))
    for operation in (median(radius_mm=15.0), bilateral(sigma_mm=5.0, sigma_values=1.0), median(radius_mm=1e9)):
        with raises_code("OP-RADIUS", UsageError):
            operation(source)


@pytest.mark.parametrize("radius_mm", [1.0, 2.0])
def test_a_real_ct_is_filtered_as_scipy_does_it(radius_mm, real):
    source = derive.read(real("ct_small_ge_3"))
    values = np.asarray(source)
    spacing = source.geometry.spacing
    found = np.asarray(derive.build(source, median(radius_mm=radius_mm, in_planes=True)))
    shape = footprint((radius_mm, radius_mm, 0.0), spacing)
    assert shape.shape[0] == 1
    wanted = median_filter(values, footprint=shape, mode="nearest")
    edge = shape.shape[1] // 2 + 1
    whole = ~binary_dilation(np.isnan(values), shape)
    whole[:, :edge] = whole[:, -edge:] = whole[:, :, :edge] = whole[:, :, -edge:] = False
    assert whole.sum() > whole.size // 3
    np.testing.assert_array_equal(found[whole], wanted[whole])
