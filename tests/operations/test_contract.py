"""What every operation of the registry promises, on CT, MR and PET volumes in several orientations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive.errors import DeriveError, UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.source import FrameRef, of_principal
from derive.model.volume import Volume
from derive.operations import REGISTRY
from tests.helpers.volumes import around, in_parts, make_geometry, make_volume, rotation

TURNED, TILTED = rotation(3), rotation(4)
#: The grid of another series: oblique to all volumes here, partly outside them.
CENTER = np.array([3.0, -7.5, 101.25])
REFERENCE = around(
    np.add(CENTER, (1.5, -1.0, 2.0)),
    row=TURNED[0],
    column=TURNED[1],
    shape=(7, 9, 8),
    spacing=(1.1, 0.9, 0.9),
)


def add_one(values: np.ndarray) -> np.ndarray:
    return values + 1


def above_and_below(values: np.ndarray) -> np.ndarray:
    """Mean of a slice and its two neighbours; a function that looks one slice away."""
    padded = np.pad(values, ((1, 1), (0, 0), (0, 0)), mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def unchanged_volume(volume: Volume) -> Volume:
    return volume


#: Ways to call each operation; a new operation without an entry fails the first test.
CALLS = {
    "gaussian_blur": [{"sigma_mm": 1.5}, {"sigma_mm": (0.0, 2.0, 4.0)}, {"sigma_mm": 1e6}, {"sigma_mm": 0}],
    "resample": [
        {"spacing_mm": 1.3},
        {"spacing_mm": (0.9, 0.7, 4.0), "interpolator": "nearest"},
        {"spacing_mm": (0.5, 1.1, 2.5), "interpolator": "bspline"},
        {"spacing_mm": 1.1, "interpolator": "bspline"},
        {"spacing_mm": (1.1, 0.8, 1.7), "interpolator": "lanczos"},
        {"spacing_mm": (1.4, 1.6, 5.0)},
        {"reference": REFERENCE},
        {"reference": REFERENCE, "interpolator": "nearest", "fill": -77.5},
        {"reference": REFERENCE, "interpolator": "lanczos", "fill": "padding"},
    ],
    "mip": [
        {},
        {"slab_mm": 6.0, "step_mm": 2.5},
        {"slab_mm": 2.0, "plane": "coronal"},
        {"plane": "sagittal"},
    ],
    "minip": [{}, {"slab_mm": 6.0, "plane": "axial"}],
    "mean_projection": [{}, {"slab_mm": 5.0, "step_mm": 1.0}, {"slab_mm": 1.5, "plane": "sagittal"}],
    "apply": [
        {"function": add_one, "code": "Smoothing"},
        {"function": above_and_below, "code": "99DERIVE:T1:Test", "halo_slices": 1},
        {"function": unchanged_volume, "code": "Smoothing"},
    ],
}
CASES = [pytest.param(n, c, id=f"{n}-{i}") for n, calls in CALLS.items() for i, c in enumerate(calls)]
OURS = [c for c in CASES if c.values[0] != "apply"]
GEOMETRIES = {
    "axial": around(CENTER, shape=(9, 8, 7)),
    "sagittal": around(CENTER, row=(0, 1, 0), column=(0, 0, -1), shape=(6, 9, 8)),
    "oblique": around(CENTER, row=TILTED[0], column=TILTED[1], shape=(8, 7, 9)),
}
VOLUMES = {
    "CT": make_volume(GEOMETRIES["axial"], modality="CT"),
    "CT padded": make_volume(GEOMETRIES["axial"], modality="CT", padded=True),
    "MR": make_volume(GEOMETRIES["sagittal"], modality="MR"),
    "PET": make_volume(GEOMETRIES["oblique"], modality="PET"),
    "PET padded": make_volume(GEOMETRIES["oblique"], modality="PET", padded=True),
}


@pytest.fixture(params=VOLUMES)
def volume(request):
    return replace(VOLUMES[request.param])


@pytest.fixture(params=GEOMETRIES)
def geometry(request):
    return GEOMETRIES[request.param]


def changed_slice(volume, index):
    """The same volume with other values in one slice, its padding where it was."""
    values = np.array(volume.array)
    values[index] = values[index] * -0.5 + 5000
    return replace(volume, pull=lambda first, last: values[first:last])


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
    assert result.quantity == replace(volume.quantity, padded=result.quantity.padded)
    assert result.quantity.padded or not np.isnan(result.array).any()
    if step.geometry_effect is GeometryEffect.KEEPS_GRID:
        assert result.geometry == volume.geometry
        np.testing.assert_array_equal(np.isnan(result.array), np.isnan(before))
    if step.values_effect is ValuesEffect.KEEPS_VALUES:
        assert np.isin(result.array, before).sum() == np.count_nonzero(~np.isnan(result.array))


@pytest.mark.parametrize(("name", "parameters"), OURS)
def test_nothing_is_computed_before_a_slab_is_asked_for(name, parameters, volume):
    def pull(first, last):
        raise AssertionError("computed too early")

    result = REGISTRY[name](**parameters)(replace(volume, pull=pull))
    assert len([result.contributors(k) for k in range(result.shape[0])]) == result.shape[0]


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_it_is_deterministic(name, parameters, volume):
    one, two = (REGISTRY[name](**parameters)(replace(volume)).array for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_values_stay_in_the_stated_range(name, parameters, volume):
    result = REGISTRY[name](**parameters)(volume)
    if result.value_range is not None:
        assert np.nanmin(result.array) >= result.value_range[0]
        assert np.nanmax(result.array) <= result.value_range[1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_slab_by_slab_equals_the_whole(name, parameters, volume, seed):
    whole = REGISTRY[name](**parameters)(volume).array
    np.testing.assert_array_equal(in_parts(REGISTRY[name](**parameters)(replace(volume)), seed), whole)


@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_slab_by_slab_equals_the_whole_where_a_slab_is_a_small_part(name, parameters, padded):
    volume = make_volume(around(CENTER, shape=(120, 6, 5), spacing=(1.5, 0.8, 0.7)), padded=padded)
    if padded:
        values = np.array(volume.array)
        values[50:53] = np.nan
        values[70:, 2] = np.nan
        volume = volume.with_array(values)
    whole = REGISTRY[name](**parameters)(volume).array
    parts = in_parts(REGISTRY[name](**parameters)(replace(volume)), 7, largest=9)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=2.5e-4)  # an ulp of the largest value, 3000


@pytest.mark.parametrize(("name", "parameters"), OURS)
def test_a_constant_stays_constant(name, parameters, geometry):
    constant = Volume.from_array(np.full(geometry.shape, 137.0), geometry)
    inside = {**parameters, "fill": 137.0} if "reference" in parameters else parameters
    result = REGISTRY[name](**inside)(constant).array
    np.testing.assert_allclose(result, 137.0, rtol=2e-7)


@pytest.mark.parametrize(("name", "parameters"), OURS)
def test_padding_does_not_bleed(name, parameters, geometry):
    """A constant with padding stays the constant wherever there is a value at all."""
    values = np.full(geometry.shape, 137.0, np.float32)
    values[0] = np.nan
    values[:, :2] = np.nan
    values[3, 4, 5] = np.nan
    inside = {**parameters, "fill": 137.0} if "reference" in parameters else parameters
    result = REGISTRY[name](**inside)(Volume.from_array(values, geometry)).array
    native = result[~np.isnan(result)]
    assert native.size
    np.testing.assert_allclose(native, 137.0, rtol=2e-7)


@pytest.mark.parametrize(("name", "parameters"), OURS)
def test_all_padding_stays_padding(name, parameters, geometry):
    empty = Volume.from_array(np.full(geometry.shape, np.nan), geometry)
    inside = {**parameters, "fill": "padding"} if "reference" in parameters else parameters
    assert np.isnan(REGISTRY[name](**inside)(empty).array).all()


@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_only_listed_contributors_matter_and_they_do(name, parameters, padded, geometry):
    """Change one source slice: slices that do not list it stay, and one that lists it changes."""
    interpolator = parameters.get("interpolator")
    if interpolator == "bspline" or (interpolator == "lanczos" and padded):
        pytest.skip("what the prefilter, or the neighbours of padding, bring in from afar is not listed")
    volume = make_volume(geometry, padded=padded)
    before = REGISTRY[name](**parameters)(volume)
    listed = [set(before.contributors(k)) for k in range(before.shape[0])]
    assert set().union(*listed) <= set(of_principal(range(geometry.shape[0])))
    for touched in range(geometry.shape[0]):
        after = REGISTRY[name](**parameters)(changed_slice(volume, touched)).array
        moved = [not np.array_equal(a, b, equal_nan=True) for a, b in zip(after, before.array, strict=True)]
        assert not any(m for m, names in zip(moved, listed, strict=True) if FrameRef(0, touched) not in names)
        assert any(moved) == any(FrameRef(0, touched) in names for names in listed)


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_an_operation_is_a_value(name, parameters):
    one, two = REGISTRY[name](**parameters), REGISTRY[name](**parameters)
    assert one == two
    assert str(one) == str(two)
    assert str(one).startswith(f"{name}(")
    for other in (c.values for c in CASES if c.values[1] is not parameters):
        assert one != REGISTRY[other[0]](**other[1])


@pytest.mark.parametrize("name", REGISTRY)
def test_an_unknown_parameter_is_refused(name):
    with pytest.raises(UsageError, match="OP-PARAMETER"):
        REGISTRY[name](nonsense=1)


WRONG = [
    ("gaussian_blur", {"sigma_mm": -1.0}, "OP-SIGMA"),
    ("gaussian_blur", {"sigma_mm": (1.0, 1.0, float("nan"))}, "OP-SIGMA"),
    ("gaussian_blur", {"sigma_mm": float("inf")}, "OP-SIGMA"),
    ("gaussian_blur", {"sigma_mm": (1.0, 2.0)}, "OP-LENGTH"),
    ("gaussian_blur", {"sigma_mm": "123"}, "OP-LENGTH"),
    ("gaussian_blur", {"sigma_mm": None}, "OP-LENGTH"),
    ("resample", {}, "OP-GRID"),
    ("resample", {"spacing_mm": 1.0, "reference": make_geometry()}, "OP-GRID"),
    ("resample", {"spacing_mm": 0.0}, "OP-SPACING"),
    ("resample", {"spacing_mm": (1.0, float("nan"), 1.0)}, "OP-SPACING"),
    ("resample", {"spacing_mm": (1.0, 1.0, 25.5)}, "OP-SPACING"),
    ("resample", {"spacing_mm": 1.0, "interpolator": "cubic"}, "OP-INTERPOLATOR"),
    ("resample", {"spacing_mm": 1.0, "fill": float("inf")}, "OP-FILL"),
    ("resample", {"spacing_mm": 1.0, "fill": "air"}, "OP-FILL"),
    ("resample", {"reference": make_geometry(first=(5000, 0, 0))}, "GEO-OVERLAP"),
    ("resample", {"reference": make_geometry(first=(-20.5 + 7 * 0.7, 11.25, 30))}, "GEO-OVERLAP"),
    ("resample", {"reference": replace(make_geometry(), frame_of_reference_uid="1.9")}, "GEO-FOR"),
    ("resample", {"reference": replace(make_geometry(), frame_of_reference_uid="")}, "GEO-FOR"),
    *[(name, {"slab_mm": 0.0}, "OP-SLAB") for name in ("mip", "minip", "mean_projection")],
    ("mip", {"slab_mm": float("nan")}, "OP-SLAB"),
    ("mip", {"slab_mm": 5.0, "step_mm": -1.0}, "OP-SLAB"),
    ("mip", {"step_mm": 3.0}, "OP-SLAB"),
    ("mip", {"plane": "frontal"}, "OP-PLANE"),
    ("apply", {"function": "no.such.module:f", "code": "Smoothing"}, "OP-FUNCTION"),
    ("apply", {"function": "no_colon", "code": "Smoothing"}, "OP-FUNCTION"),
    ("apply", {"function": "math:pi", "code": "Smoothing"}, "OP-FUNCTION"),
    ("apply", {"function": add_one, "code": "Smoothing", "parameters": {"x": 1}}, "OP-FUNCTION"),
    ("apply", {"function": add_one, "code": "NoSuchCode"}, "OP-CODE"),
    ("apply", {"function": add_one, "code": "Smoothing", "halo_slices": -1}, "OP-HALO"),
    ("apply", {"function": unchanged_volume, "code": "Smoothing", "halo_slices": 1}, "OP-HALO"),
]


@pytest.mark.parametrize(("name", "parameters", "code"), WRONG)
def test_what_cannot_be_done_is_refused_before_any_pixel_is_looked_at(name, parameters, code):
    def pull(first, last):
        raise AssertionError("computed too early")

    with pytest.raises(DeriveError, match=code):
        REGISTRY[name](**parameters)(replace(make_volume(make_geometry()), pull=pull))
