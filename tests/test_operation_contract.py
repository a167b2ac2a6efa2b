"""What every operation of the registry promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive.derivation import GeometryEffect
from derive.errors import DeriveError, UsageError
from derive.operations import REGISTRY
from derive.volume import Volume
from tests.volumes import make_geometry, make_volume, rotation


def add_one(values: np.ndarray) -> np.ndarray:
    return values + 1


#: Ways to call each operation; a new operation without an entry fails the first test.
CALLS = {
    "gaussian_blur": [{"sigma_mm": 1.5}, {"sigma_mm": (0.0, 2.0, 4.0)}],
    "resample": [
        {"spacing_mm": 1.3},
        {"spacing_mm": (0.9, 0.7, 4.0), "interpolator": "nearest"},
        {"spacing_mm": (0.5, 1.1, 2.5), "interpolator": "bspline"},
        {"spacing_mm": 1.0, "interpolator": "lanczos"},
        {"spacing_mm": 2.0, "fill": "padding"},
    ],
    "mip": [{}, {"slab_mm": 6.0, "step_mm": 2.5}, {"slab_mm": 2.0, "plane": "coronal"}, {"plane": "sagittal"}],
    "minip": [{}, {"slab_mm": 6.0, "plane": "axial"}],
    "mean_projection": [{}, {"slab_mm": 5.0, "step_mm": 1.0}, {"slab_mm": 1.5, "plane": "sagittal"}],
    "apply": [
        {"function": add_one, "code": "Smoothing"},
        {"function": add_one, "code": "99DERIVE:T1:Test", "halo_slices": 1},
    ],
}
CASES = [pytest.param(n, c, id=f"{n}-{i}") for n, calls in CALLS.items() for i, c in enumerate(calls)]
LINEAR = [p for p in CASES if p.values[0] != "apply"]


def geometries():
    tilted = rotation(3)
    yield make_geometry(shape=(9, 8, 7))
    yield make_geometry(row=(0, 1, 0), column=(0, 0, -1), shape=(6, 9, 8))
    yield make_geometry(row=tilted[0], column=tilted[1], shape=(8, 7, 9))


@pytest.fixture(params=range(3), ids=["axial", "sagittal", "oblique"])
def geometry(request):
    return list(geometries())[request.param]


@pytest.fixture(params=[False, True], ids=["full", "padded"])
def volume(request, geometry):
    return make_volume(geometry, padded=request.param)


def test_every_operation_is_called_here():
    assert CALLS.keys() == REGISTRY.keys()


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_result_is_float32_of_the_declared_effect_and_the_input_is_unchanged(name, parameters, volume):
    before = np.array(volume.array)
    operation = REGISTRY[name](**parameters)
    result = operation(volume)
    step = operation.step(volume, result)
    assert result.array.dtype == np.float32
    assert result.array.shape == result.geometry.shape
    assert not np.isinf(result.array).any()
    np.testing.assert_array_equal(volume.array, before)
    assert result.geometry.frame_of_reference_uid == volume.geometry.frame_of_reference_uid
    if step.geometry_effect is GeometryEffect.KEEPS_GRID:
        assert result.geometry == volume.geometry
        np.testing.assert_array_equal(np.isnan(result.array), np.isnan(before))
    assert result.quantity.padded or not np.isnan(result.array).any()


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_values_stay_in_the_stated_range(name, parameters, volume):
    result = REGISTRY[name](**parameters)(volume)
    if result.value_range is not None:
        low, high = result.value_range
        assert np.nanmin(result.array) >= low - 1e-3
        assert np.nanmax(result.array) <= high + 1e-3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_slab_by_slab_equals_the_whole(name, parameters, volume, seed):
    whole = REGISTRY[name](**parameters)(volume).array
    sliced = REGISTRY[name](**parameters)(replace(volume))
    rng, first, parts = np.random.default_rng(seed), 0, []
    while first < len(whole):
        last = min(len(whole), first + int(rng.integers(1, 5)))
        parts.append(sliced.slab(first, last))
        first = last
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=2e-3)


@pytest.mark.parametrize(("name", "parameters"), LINEAR)
def test_a_constant_stays_constant(name, parameters, geometry):
    constant = Volume.from_array(np.full(geometry.shape, 137.0, np.float32), geometry)
    result = REGISTRY[name](**parameters)(constant).array
    np.testing.assert_allclose(result[~np.isnan(result)], 137.0, rtol=1e-6)


@pytest.mark.parametrize(("name", "parameters"), LINEAR)
def test_padding_does_not_bleed(name, parameters, geometry):
    """A constant with padding stays the constant wherever there is a value at all."""
    values = np.full(geometry.shape, 137.0, np.float32)
    values[0] = np.nan
    values[:, :2] = np.nan
    values[3, 4, 5] = np.nan
    result = REGISTRY[name](**parameters)(Volume.from_array(values, geometry)).array
    native = result[~np.isnan(result)]
    assert native.size
    np.testing.assert_allclose(native, 137.0, rtol=1e-6)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_only_listed_contributors_matter(name, parameters, geometry):
    """Change one source slice: exactly the slices that list it may change."""
    if name == "resample" and parameters.get("interpolator") == "bspline":
        pytest.skip("the prefilter of a B-spline has a tail in every slice; its four-slice support is what is listed")
    volume = make_volume(geometry)
    before = REGISTRY[name](**parameters)(volume)
    listed = before.contributors(before.shape[0] // 2)
    touched = listed[len(listed) // 2]
    changed = np.array(volume.array)
    changed[touched] += 5000
    other = replace(volume.with_array(changed), value_range=None)
    after = REGISTRY[name](**parameters)(other)
    for k in range(before.shape[0]):
        listed = before.contributors(k)
        assert set(listed) <= set(range(geometry.shape[0]))
        if touched not in listed:
            np.testing.assert_allclose(after.slab(k, k + 1), before.slab(k, k + 1), rtol=0, atol=1e-3)
    moved = np.abs(np.nan_to_num(after.array) - np.nan_to_num(before.array)).max(axis=(1, 2))
    assert moved[before.shape[0] // 2] > 1


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_an_operation_is_a_value(name, parameters):
    one, two = REGISTRY[name](**parameters), REGISTRY[name](**parameters)
    assert one == two
    assert str(one) == str(two)
    assert str(one).startswith(f"{name}(")


@pytest.mark.parametrize("name", REGISTRY)
def test_an_unknown_parameter_is_refused(name):
    with pytest.raises(UsageError, match="OP-PARAMETER"):
        REGISTRY[name](nonsense=1)


@pytest.mark.parametrize(
    ("name", "parameters", "code"),
    [
        ("gaussian_blur", {"sigma_mm": -1.0}, "OP-SIGMA"),
        ("gaussian_blur", {"sigma_mm": (1.0, 2.0)}, "OP-LENGTH"),
        ("resample", {}, "OP-GRID"),
        ("resample", {"spacing_mm": 0.0}, "OP-SPACING"),
        ("resample", {"spacing_mm": 1.0, "interpolator": "cubic"}, "OP-INTERPOLATOR"),
        ("resample", {"spacing_mm": 1.0, "fill": float("inf")}, "OP-FILL"),
        ("resample", {"reference": make_geometry(first=(5000, 0, 0))}, "GEO-OVERLAP"),
        ("resample", {"reference": replace(make_geometry(), frame_of_reference_uid="1.9")}, "GEO-FOR"),
        ("mip", {"slab_mm": 0.0}, "OP-SLAB"),
        ("mip", {"step_mm": 3.0}, "OP-SLAB"),
        ("apply", {"function": "no.such.module:f", "code": "Smoothing"}, "OP-FUNCTION"),
        ("apply", {"function": add_one, "code": "Smoothing", "parameters": {"x": 1}}, "OP-FUNCTION"),
        ("apply", {"function": add_one, "code": "Smoothing", "halo_slices": -1}, "OP-HALO"),
    ],
)
def test_what_cannot_be_done_is_refused(name, parameters, code):
    with pytest.raises(DeriveError, match=code):
        REGISTRY[name](**parameters)(make_volume(make_geometry()))
