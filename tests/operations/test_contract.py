"""What every operation of the registry promises, on CT, MR and PET volumes in several orientations.

The promises stand in :mod:`tests.helpers.contract`, each with its assertions; here each is asked of each way to
call an operation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codes import context_group
from derive.errors import DeriveError
from derive.model.geometry import triple
from derive.model.transform import Part, Transform, VectorGrid
from derive.model.volume import Volume
from derive.operations import REGISTRY, apply, gaussian_blur, mean_projection, minip, mip, resample
from derive.operations.kit.codes_by import of_apply, of_operations
from tests.helpers import contract
from tests.helpers.asserting import each
from tests.helpers.contract import GEOMETRIES, REFERENCE, VOLUMES, Call, computed_too_early
from tests.helpers.registrations import small_turn
from tests.helpers.volumes import make_geometry, make_volume


def add_one(values: np.ndarray) -> np.ndarray:
    return values + 1


def above_and_below(values: np.ndarray) -> np.ndarray:
    """Mean of a slice and its two neighbours; a function that looks one slice away."""
    padded = np.pad(values, ((1, 1), (0, 0), (0, 0)), mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def unchanged_volume(volume: Volume) -> Volume:
    return volume


_BENT_GRID = replace(REFERENCE, shape=(14, 14, 14), first_position=triple(REFERENCE.points_of((-3, -3, -3))))
_VECTORS = np.random.default_rng(5).uniform(-1, 1, (14, 14, 14, 3)).astype(np.float32)
TURN = Transform("sha256:turn", (Part("", small_turn(5, (1.0, -0.5, 0.5))),))
BEND = Transform("sha256:bend", (Part("", None, VectorGrid(np.eye(4), np.eye(4), _BENT_GRID, _VECTORS)),))
#: Ways to call each operation on a volume; a new one without an entry fails the first test. What takes several volumes
#: together keeps the promises of test_over.py, what takes several series those of test_arithmetic.py.
CALLS = {
    "anisotropic_diffusion": [
        {"conductance": 100.0, "iterations": 2},
        {"conductance": 1000.0, "iterations": 1, "in_planes": True},
    ],
    "bilateral": [
        {"sigma_mm": 1.0, "sigma_values": 800.0},
        {"sigma_mm": (1.0, 0.5, 0.0), "sigma_values": 2000.0},
        {"sigma_mm": 0.8, "sigma_values": 1e9, "in_planes": True},
        {"sigma_px": 0.8, "sigma_values": 500.0, "in_planes": True},
    ],
    "clip": [{"low": -200.0}, {"low": 10.0, "high": 2000.5}],
    "compress": [
        {"jpeg2000": True, "ratio": 4.5},
        {"jpeg": True, "quality": 90},
        {"jpeg_ls": True, "error": 2, "padding": "drop"},
    ],
    "crop": [
        {"from_voxel": (1, 2, 1), "to_voxel": (5, 6, 4)},
        {"from_mm": (1.5, -9.0, 99.0), "to_mm": (5.0, -4.0, 104.0)},
        {"from_voxel": (2, 3, 3), "to_voxel": (2, 3, 3), "margin_mm": (1.0, 1.0, 2.0)},
    ],
    "gaussian_blur": [
        {"sigma_mm": 1.5},
        {"sigma_mm": (0.0, 2.0, 4.0)},
        {"sigma_mm": 1e6},
        {"sigma_mm": 0},
        {"sigma_mm": 2.0, "in_planes": True},
        {"sigma_px": (0.0, 1.5, 2.0)},
    ],
    "median": [
        {"radius_mm": 1.0},
        {"radius_mm": (1.5, 0.8, 3.0)},
        {"radius_mm": 1.7, "in_planes": True},
        {"radius_mm": 0},
        {"radius_px": 1.0},
    ],
    "pad": [
        {"by_mm": 2.0},
        {"by_mm": (0.0, 3.0, 0.0), "fill": 137.0},
        {"from_mm": (-20.0, -9.0, 90.0), "to_mm": (5.0, 4.0, 104.0), "fill": "padding"},
    ],
    "rectify": [{}, {"max_gap_mm": 4.0}],
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
    "reformat": [
        {"plane": "axial"},
        {"plane": "coronal", "spacing_mm": 1.3},
        {"plane": "sagittal", "thickness_mm": 4.0, "step_mm": 2.0, "fill": -77.5},
        {"normal": (0.3, -0.5, 0.8), "spacing_mm": 1.1},
        {"normal": (0.0, 0.7, 0.7), "up": (0.0, -1.0, 0.2), "thickness_mm": 3.0, "combine": "mip", "fill": "padding"},
        {"normal": (1.0, 0.2, 0.0), "thickness_mm": 2.5, "step_mm": 1.0, "combine": "minip"},
        {"normal": (0.1, 0.9, 0.1), "through": (3.5, -7.0, 101.0), "size_mm": (3.0, 4.0, 6.0)},
        {"plane": "coronal", "through": (3.0, -7.0, 101.0), "single": True},
        {"along_curve": ((2.5, -8.0, 100.0), (3.5, -7.2, 100.6), (4.5, -7.0, 101.0)), "width_mm": 2.5},
    ],
    "sharpen": [{}, {"amount": 0.25, "in_planes": True}],
    "threshold": [
        {"low": 100.0},
        {"low": -500.0, "high": 2000.0, "outside": "padding"},
        {"low": 1000.0, "high": 1500.0, "inside": -7.25, "outside": "keep"},
    ],
    "unsharp_mask": [
        {"sigma_mm": 1.5},
        {"sigma_mm": (0.7, 0.7, 0.0), "amount": 0.3, "threshold": 200.0},
        {"sigma_mm": 1.0, "in_planes": True},
        {"sigma_px": 1.5},
    ],
    "transform": [
        {"by": TURN, "reference": REFERENCE},
        {"by": TURN, "reference": REFERENCE, "inverse": True, "interpolator": "nearest", "fill": -77.5},
        {"by": TURN, "reference": REFERENCE, "interpolator": "bspline"},
        {"by": BEND, "reference": REFERENCE},
        {"by": BEND, "reference": REFERENCE, "interpolator": "nearest"},
        {"by": BEND, "reference": REFERENCE, "interpolator": "lanczos", "fill": "padding"},
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
CASES = [pytest.param(Call(REGISTRY[n], c), id=f"{n}-{i}") for n, calls in CALLS.items() for i, c in enumerate(calls)]
DECLARED = [c for c in CASES if c.values[0].declared]
PADDED = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])


@pytest.fixture(params=VOLUMES)
def volume(request):
    return replace(VOLUMES[request.param])


@pytest.fixture(params=GEOMETRIES)
def geometry(request):
    return GEOMETRIES[request.param]


def test_every_operation_is_called_here():
    assert CALLS.keys() == {name for name, kind in REGISTRY.items() if not kind.along and not kind.others}
    assert 0 < len(DECLARED) < len(CASES)


def test_every_code_of_a_derivation_is_an_operations_or_in_the_list_of_what_apply_takes():
    """An operation whose code stands in ``codes_of_apply.tsv`` takes its row out there."""
    codes_there = {code.keyword for code in context_group(7203)}
    own = set(of_operations()) & codes_there
    assert set(of_apply()) & own == set()
    assert set(of_apply()) | own == codes_there
    assert len(own) > 15
    assert set(of_apply().values()) == {"values", "pictures"}


@pytest.mark.parametrize("keyword", of_apply())
def test_apply_takes_the_codes_that_no_operation_has(keyword):
    volume = replace(VOLUMES["MR"])
    operation = apply(function=add_one, code=keyword)
    assert operation.step(volume, operation(volume)).code == context_group(7203).find(keyword)


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda k: k.name)
def test_it_is_declared_in_full(kind):
    """The helper asserts."""
    contract.is_declared_in_full(kind)


@pytest.mark.parametrize("promise", contract.OF_A_VOLUME, ids=lambda p: p.__name__)
@pytest.mark.parametrize("call", CASES)
def test_on_volumes_it(call, promise, volume):
    """The promise asserts."""
    promise(call, volume)


@pytest.mark.parametrize("call", DECLARED)
def test_nothing_is_computed_before_a_slab_is_asked_for(call, volume):
    """The helper asserts."""
    contract.computes_nothing_early(call, volume)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("call", CASES)
def test_slab_by_slab_equals_the_whole(call, volume, seed):
    """The helper asserts."""
    contract.is_the_same_in_parts(call, volume, seed)


@PADDED
@pytest.mark.parametrize("call", CASES)
def test_slab_by_slab_equals_the_whole_where_a_slab_is_a_small_part(call, padded):
    """The helper asserts."""
    contract.is_the_same_in_small_parts(call, padded)


@pytest.mark.parametrize("promise", contract.OF_A_GEOMETRY, ids=lambda p: p.__name__)
@pytest.mark.parametrize("call", DECLARED)
def test_on_constants_it(call, promise, geometry):
    """The promise asserts."""
    promise(call, geometry)


def unlisted(call, padded):
    """Whether the prefilter, or the neighbours of padding, bring in from afar what is not listed."""
    interpolator = call.parameters.get("interpolator")
    return interpolator == "bspline" or (interpolator == "lanczos" and padded)


LISTED = [
    pytest.param(call.values[0], padded, id=f"{call.id}-{'padded' if padded else 'full'}")
    for call in CASES
    for padded in (False, True)
    if not unlisted(call.values[0], padded)
]


@pytest.mark.parametrize(("call", "padded"), LISTED)
def test_only_listed_contributors_matter_and_they_do(call, padded, geometry):
    """The helper asserts."""
    contract.lists_its_contributors(call, geometry, padded)


@pytest.mark.parametrize("call", CASES)
def test_an_operation_is_a_value(call):
    contract.is_a_value(call)
    others = [c.values[0] for c in CASES if c.values[0] is not call]
    assert len(others) == len(CASES) - 1
    assert call() not in [other() for other in others]


@pytest.mark.parametrize("call", CASES)
def test_an_operation_says_what_it_did_in_a_few_words(call):
    """The helper asserts."""
    contract.says_what_it_did_in_a_few_words(call)


@pytest.mark.parametrize("name", CALLS)
def test_other_parameters_are_other_words(name):
    words = [REGISTRY[name].short_of(REGISTRY[name](**call).parameters) for call in each(CALLS[name], 2)]
    assert len(set(words)) == len(words)


def test_the_words_of_the_operations_here():
    said = {
        "blur 1.5 mm": gaussian_blur(sigma_mm=1.5),
        "blur 1/1/2 mm": gaussian_blur(sigma_mm=(1, 1, 2.0)),
        "MIP": mip(),
        "MIP cor 10/5 mm": mip(slab_mm=10, step_mm=5, plane="coronal"),
        "MinIP sag 3.25 mm": minip(slab_mm=3.25, plane="sagittal"),
        "mean ax 5 mm": mean_projection(slab_mm=5, step_mm=5.0, plane="axial"),
        "resample 0.8/0.8/2 mm": resample(spacing_mm=(0.8, 0.8, 2)),
        "resample 1 mm lanczos fill 0": resample(spacing_mm=1.0, interpolator="lanczos", fill=0.0),
        "resample to grid 0.7/0.8/2.5 mm": resample(reference=make_geometry()),
        "bilateral, 3 mm": apply(function="a.b:c", code="Smoothing", description="bilateral, 3 mm"),
        "c width=3": apply(function="a.b:c", code="Smoothing", parameters={"width": 3, "kernel": None}),
        "Smoothing": apply(function=lambda values: values, code="Smoothing"),
    }
    assert {op.kind.short_of(op.parameters) for op in said.values()} == said.keys()


WRONG = [
    ("gaussian_blur", {"sigma_mm": -1.0}, "OP-SIGMA"),
    ("gaussian_blur", {"sigma_mm": (1.0, 1.0, float("nan"))}, "OP-SIGMA"),
    ("gaussian_blur", {"sigma_mm": float("inf")}, "OP-SIGMA"),
    ("gaussian_blur", {"sigma_mm": (1.0, 2.0)}, "OP-LENGTH"),
    ("gaussian_blur", {"sigma_mm": "123"}, "OP-LENGTH"),
    ("gaussian_blur", {"sigma_mm": None}, "OP-SIGMA"),
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
    ("reformat", {}, "OP-PLANE"),
    ("reformat", {"plane": "coronal", "normal": (0, 1, 0)}, "OP-PLANE"),
    ("reformat", {"plane": "frontal"}, "OP-PLANE"),
    ("reformat", {"normal": (0, 0, 0)}, "OP-NORMAL"),
    ("reformat", {"normal": (0, float("nan"), 1)}, "OP-NORMAL"),
    ("reformat", {"normal": (0, 1)}, "OP-NORMAL"),
    ("reformat", {"normal": "ap"}, "OP-NORMAL"),
    ("reformat", {"normal": (0, 0.7, 0.7), "up": (0, -0.7, -0.7)}, "OP-UP"),
    ("reformat", {"normal": (0, 0.7, 0.7), "up": (0, 0, 0)}, "OP-UP"),
    ("reformat", {"plane": "axial", "up": (0, 1, 0)}, "OP-UP"),
    ("reformat", {"plane": "axial", "through": (500, 0, 0)}, "OP-THROUGH"),
    ("reformat", {"plane": "axial", "through": (0, 0)}, "OP-THROUGH"),
    ("reformat", {"plane": "axial", "spacing_mm": 0.0}, "OP-SPACING"),
    ("reformat", {"plane": "axial", "spacing_mm": 1e-6}, "OP-SPACING"),
    ("reformat", {"plane": "axial", "thickness_mm": -1.0}, "OP-SLAB"),
    ("reformat", {"plane": "axial", "step_mm": float("inf")}, "OP-SLAB"),
    ("reformat", {"plane": "axial", "combine": "mip"}, "OP-SLAB"),
    ("reformat", {"plane": "axial", "thickness_mm": 3.0, "combine": "median"}, "OP-SLAB"),
    ("reformat", {"plane": "axial", "size_mm": (30, 0, 30)}, "OP-SIZE"),
    ("reformat", {"plane": "axial", "size_mm": (30, 30)}, "OP-LENGTH"),
    ("reformat", {"plane": "axial", "fill": "air"}, "OP-FILL"),
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
    with pytest.raises(DeriveError, match=code):
        REGISTRY[name](**parameters)(replace(make_volume(make_geometry()), pull=computed_too_early))
