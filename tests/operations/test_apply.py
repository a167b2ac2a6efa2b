"""Functions of the user's: what they get, what may come back, and what is said when they fail."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from numpy.typing import NDArray

import derive.model.volume
from derive.errors import DeriveError, GeometryError, UsageError, ValuesError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.reference import of_principal
from derive.model.volume import Array, Quantity, Volume
from derive.operations import apply, gaussian_blur, resample
from derive.operations.kit.functions import user_function
from tests.helpers.volumes import SIGNED_PERMUTATIONS, indices, make_geometry, make_volume, ramp, rotation, value_at


def is_ramp(volume):
    """Whether every value is that of its place in the patient."""
    wanted = value_at(volume.geometry.points_of(indices(volume.shape)))
    return np.allclose(volume.array, wanted, atol=1e-4)


def applied(function, volume, **parameters):
    return apply(function=function, code="Smoothing", **parameters)(volume)


def plain(values, by=2.0):
    return values * by


def of_array(values: np.ndarray) -> np.ndarray:
    return values


def of_typed_array(values: NDArray[np.float32]) -> Any:
    return values


def of_alias(values: Array) -> Array:
    return values


def of_optional(volume: Volume | None) -> Volume | None:
    return volume


def of_annotated(volume: Annotated[derive.model.volume.Volume, "ours"]) -> Volume:
    return volume


def of_image(image: sitk.Image, radius: int = 1) -> sitk.Image:
    return sitk.Median(image, [radius, 0, 0])


class Smoother:
    def __call__(self, image: sitk.Image) -> sitk.Image:
        return image

    def method(self, volume: Volume) -> Volume:
        return volume


def test_what_a_function_takes_is_told_by_its_first_parameter():
    """Annotations here are strings: this module has ``from __future__ import annotations``."""
    array = (
        plain,
        of_array,
        of_typed_array,
        of_alias,
        np.sqrt,
        math.sqrt,
        lambda v: v,
        functools.partial(plain, by=3),
    )
    assert {user_function(f, {}).takes for f in array} == {"array"}
    volumes = (of_optional, of_annotated, Smoother().method, functools.partial(of_optional))
    assert {user_function(f, {}).takes for f in volumes} == {"volume"}
    assert {user_function(f, {}).takes for f in (of_image, Smoother(), f"{__name__}:of_image")} == {"image"}
    assert user_function(f"{__name__}:Smoother.method", {"volume": 1}).takes == "array"


def of_frames(frames: list[int]) -> list[int]:
    return frames


def of_nothing_known(values: NoSuchName) -> None:  # type: ignore[name-defined]  # noqa: F821 - that is the test
    return values


@pytest.mark.parametrize(
    "function", [of_frames, of_nothing_known, lambda: 1, "json:no", f"{__name__}:SIGNED_PERMUTATIONS", "x:"]
)
def test_what_cannot_be_called_with_a_volume_is_refused(function):
    with pytest.raises(UsageError, match="OP-FUNCTION"):
        applied(function, make_volume(make_geometry()))


def test_a_module_that_fails_when_imported_is_named(tmp_path, monkeypatch):
    (tmp_path / "broken_filter.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"OP-FUNCTION.*broken_filter:f.*ZeroDivisionError"):
        applied("broken_filter:f", make_volume(make_geometry()))


def test_an_array_function_gets_the_fill_value_and_padding_comes_back():
    given = []

    def remember(values):
        given.append(np.array(values))
        values *= 2
        return values

    volume = make_volume(make_geometry(), padded=True)
    before, padding = np.array(volume.array), np.isnan(volume.array)
    result = applied(remember, volume)
    assert given == []
    np.testing.assert_array_equal(result.array, before * 2)
    np.testing.assert_array_equal(result.slab(1, 3), before[1:3] * 2)
    assert len(given) == 1
    assert given[0].dtype == np.float32
    assert (given[0][padding] == -1000).all()
    np.testing.assert_array_equal(volume.array, before)
    assert result.contributors(2) == of_principal(range(5))
    assert result.value_range is None
    assert result.geometry == volume.geometry


def test_a_function_may_keep_what_it_returned():
    kept = np.ones((5, 6, 7), np.float32)
    result = applied(lambda values: kept, make_volume(make_geometry(), padded=True))
    assert np.isnan(result.array).any()
    assert (kept == 1).all()


def test_a_halo_limits_what_a_function_sees_and_what_contributes():
    sizes = []

    def difference(values):
        sizes.append(len(values))
        return np.abs(np.diff(values, axis=0, append=values[-1:]))

    volume = make_volume(make_geometry(shape=(30, 4, 5)), padded=True)
    wanted = applied(difference, volume).array
    sizes.clear()
    limited = applied(difference, volume, halo_slices=1)
    parts = np.concatenate([limited.slab(k, min(30, k + 4)) for k in range(0, 30, 4)])
    np.testing.assert_array_equal(parts, wanted)
    assert max(sizes) == 10  # a block of eight, and one on either side
    assert [limited.contributors(k) for k in (0, 9)] == [of_principal([0, 1]), of_principal([8, 9, 10])]
    assert applied(difference, volume, halo_slices=0).contributors(9) == of_principal([9])


@pytest.mark.parametrize("halo_slices", [-1, 1.5])
def test_a_halo_is_a_number_of_slices(halo_slices):
    with pytest.raises(UsageError, match="OP-HALO"):
        applied(plain, make_volume(make_geometry()), halo_slices=halo_slices)


@pytest.mark.parametrize("cosines", [*SIGNED_PERMUTATIONS[::9], rotation(6)[:2]], ids=str)
def test_an_image_is_where_the_volume_is(cosines):
    volume = ramp(make_geometry(row=cosines[0], column=cosines[1]))
    seen = []

    def look(image: sitk.Image) -> sitk.Image:
        index = (3, 2, 4)
        seen.append((image[index], value_at(np.array(image.TransformIndexToPhysicalPoint(index)))))
        return image

    result = applied(look, volume)
    assert seen[0][0] == pytest.approx(seen[0][1], abs=1e-4)
    assert result.geometry == volume.geometry
    np.testing.assert_array_equal(result.array, volume.array)


def shrink(image: sitk.Image) -> sitk.Image:
    return sitk.Shrink(image, [1, 2, 1])


def flipped(axis, image: sitk.Image):
    return image[tuple(slice(None, None, -1 if i == axis else None) for i in range(3))]


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("seed", [None, 3])
def test_a_left_handed_image_is_reordered_and_nothing_is_mirrored(axis, seed):
    turned = np.eye(3) if seed is None else rotation(seed)
    volume = ramp(make_geometry(row=turned[0], column=turned[1]))

    def flip(image: sitk.Image) -> sitk.Image:
        result = flipped(axis, image)
        assert np.linalg.det(np.reshape(result.GetDirection(), (3, 3))) == pytest.approx(-1)
        return result

    result = applied(flip, volume)
    assert is_ramp(result)
    step = np.subtract(result.geometry.position(1), result.geometry.position(0))
    assert step @ result.geometry.normal == pytest.approx(2.5)


def test_an_image_may_come_back_on_another_grid():
    volume = ramp(make_geometry(shape=(6, 8, 10)))
    operation = apply(function=shrink, code="SpatialResampling")
    result = operation(volume)
    assert result.shape == (6, 4, 10)
    place = volume.geometry.index_of(result.geometry.points_of(indices(result.shape)))
    assert np.abs(place[..., 1] - np.arange(4)[:, None] * 2).max() <= 1
    assert result.contributors(2) == of_principal(range(6))
    assert operation.step(volume, result).geometry_effect is GeometryEffect.NEW_GRID


def test_padding_follows_an_image_to_its_new_grid():
    volume = make_volume(make_geometry(shape=(6, 8, 10)), padded=True)

    def finer(image: sitk.Image) -> sitk.Image:
        assert not np.isnan(sitk.GetArrayViewFromImage(image)).any()
        spacing = [s / 2 for s in image.GetSpacing()]
        origin = image.TransformContinuousIndexToPhysicalPoint([-0.25] * 3)
        size = [n * 2 for n in image.GetSize()]
        return sitk.Resample(
            image, size, sitk.Transform(), sitk.sitkNearestNeighbor, origin, spacing, image.GetDirection()
        )

    result = applied(finer, volume)
    wanted = np.kron(np.isnan(volume.array), np.ones((2, 2, 2)))
    np.testing.assert_array_equal(np.isnan(result.array), wanted.astype(bool))
    assert result.quantity.padded


def blurred_and_resampled(volume: Volume, sigma_mm: float) -> Volume:
    return resample(spacing_mm=1.0)(gaussian_blur(sigma_mm=sigma_mm)(volume))


def test_a_volume_function_may_chain_operations():
    volume = make_volume(make_geometry(), padded=True)
    result = applied(blurred_and_resampled, volume, parameters={"sigma_mm": 1.0})
    wanted = blurred_and_resampled(volume, 1.0)
    assert result.geometry == wanted.geometry
    np.testing.assert_array_equal(result.array, wanted.array)
    assert result.contributors(0) == of_principal(range(5))


def test_a_kept_grid_keeps_its_positions_as_read():
    geometry = make_geometry()
    read = tuple(tuple(v + 1e-5 * k for v in geometry.position(k)) for k in range(5))
    volume = make_volume(replace(geometry, first_position=read[0], measured_positions=read))

    def rebuilt(given: Volume) -> Volume:
        return given.with_array(given.array, replace(given.geometry, measured_positions=None, slice_thickness=4.0))

    for function, thickness in ((of_image, None), (rebuilt, 4.0)):
        result = applied(function, volume).geometry
        assert result == replace(volume.geometry, slice_thickness=thickness)


def test_other_units_are_another_quantity_and_have_to_be_said():
    volume = make_volume(make_geometry(), modality="MR")
    operation = apply(function=plain, code="PixelByPixelDivision", units="mm2/s")
    result = operation(make_volume(make_geometry()))
    assert result.quantity == Quantity("mm2/s", 0.0)
    assert operation.step(volume, result).values_effect is ValuesEffect.NEW_QUANTITY

    def to_times(given: Volume) -> Volume:
        return Volume.from_array(given.array, given.geometry, Quantity("ms"))

    with pytest.raises(UsageError, match=r"OP-UNITS.*units='ms'"):
        applied(to_times, volume)
    assert applied(to_times, volume, units="ms").quantity.units == "ms"


def bad_shape(values):
    return values[1:]


def infinite(values):
    values[1, 2, 3:5] = np.inf
    return values


def huge(values):
    return values.astype(np.float64) * 1e300


def imaginary(values):
    return values * 1j


def nothing(values):
    return None


def raising(values):
    raise RuntimeError("what it says of the patient")


def no_image(image: sitk.Image) -> Any:
    return sitk.GetArrayFromImage(image)


def flat_image(image: sitk.Image) -> sitk.Image:
    return image[:, :, 0]


def vectors(image: sitk.Image) -> sitk.Image:
    return sitk.Gradient(image)


def no_volume(volume: Volume) -> Any:
    return volume.array


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (bad_shape, "OP-SHAPE.*bad_shape.*4, 6, 7"),
        (infinite, "VAL-NONFINITE.*infinite returned 2 values"),
        (huge, "VAL-NONFINITE"),
        (imaginary, "OP-RESULT"),
        (nothing, "OP-RESULT.*NoneType"),
        (raising, "OP-FUNCTION.*raising raised RuntimeError"),
        (no_image, "OP-RESULT.*ndarray"),
        (flat_image, "OP-SHAPE"),
        (vectors, "OP-SHAPE"),
        (no_volume, "OP-RESULT"),
    ],
)
def test_a_function_that_fails_is_named_with_what_it_said_and_where(function, code):
    with pytest.raises(ValuesError, match=code) as caught:
        _ = applied(function, make_volume(make_geometry())).array
    line = function.__code__.co_firstlineno + 1
    assert (f"{__file__}:{line}" in str(caught.value)) == (function is raising)
    assert (function is raising) == isinstance(caught.value.__cause__, RuntimeError)


def test_values_in_padding_need_not_be_finite():
    volume = make_volume(make_geometry(), padded=True)
    padding = np.isnan(volume.array)
    result = applied(lambda values: np.where(padding, np.inf, 1.0), volume)
    np.testing.assert_array_equal(np.isnan(result.array), padding)


def test_our_own_errors_pass_as_they_are():
    def refused(volume: Volume) -> Volume:
        return resample(spacing_mm=-1.0)(volume)

    with pytest.raises(DeriveError, match="OP-SPACING"):
        applied(refused, make_volume(make_geometry()))


def test_another_frame_of_reference_is_refused():
    def elsewhere(volume: Volume) -> Volume:
        return volume.with_array(volume.array, replace(volume.geometry, frame_of_reference_uid="1.9"))

    with pytest.raises(GeometryError, match="GEO-FOR"):
        applied(elsewhere, make_volume(make_geometry()))


def test_a_skewed_image_is_refused():
    def skewed(image: sitk.Image) -> sitk.Image:
        image.SetDirection((1, 0, 0.1, 0, 1, 0, 0, 0, 1))
        return image

    with pytest.raises(GeometryError, match="GEO-COSINES"):
        applied(skewed, make_volume(make_geometry()))


def test_a_new_quantity_has_no_step_of_the_source():
    """What is filtered afterwards is filtered in double precision: how fine its stored values will be is not known."""
    volume = make_volume(make_geometry())
    volume = replace(volume, quantity=replace(volume.quantity, step=1.0))
    kept = apply(function=lambda values: values, code="Smoothing", description="x")(volume)
    other = apply(function=lambda values: values / 4096, code="Smoothing", description="x", units="1")(volume)
    assert (kept.quantity.step, other.quantity.step) == (1.0, None)


class Model:
    """An object that can be called, as trained models are."""

    def __call__(self, values):
        return values


def test_an_object_that_can_be_called_is_recorded_by_its_class(tmp_path):
    series = derive.build(derive.demo_series(), apply(function=Model(), code="Smoothing"))
    assert f"function='{__name__}:Model'" in series.derivation.description
    series.write(tmp_path / "out")
