"""A width is said in mm or in pixels: once, as one number or three, and never below 0."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive import operations
from derive.errors import UsageError
from tests.helpers.asserting import raises_code
from tests.helpers.projections import make_projection

#: Operations with a width, its name, what else they want, and the code of their refusals.
OPERATIONS = {
    "bilateral": ("sigma", {"sigma_values": 500.0}, "OP-SIGMA"),
    "gaussian_blur": ("sigma", {}, "OP-SIGMA"),
    "median": ("radius", {}, "OP-RADIUS"),
    "unsharp_mask": ("sigma", {}, "OP-SIGMA"),
}
REFUSED = {
    "none": ({}, "no width is given"),
    "both": ({"_mm": 1.0, "_px": 1.0}, "both widths are given"),
    "negative": ({"_px": -1.0}, "wanted 0 or more, in pixels"),
    "not finite": ({"_px": float("nan")}, "wanted 0 or more, in pixels"),
    "negative, mm": ({"_mm": -1.0}, "wanted 0 or more, in mm"),
    "through slices": ({"_px": (1.0, 1.0, 1.0), "in_planes": True}, "through the slices 0 is wanted"),
}


def step(name, **widths):
    parameter, others, _ = OPERATIONS[name]
    said = {f"{parameter}{key}" if key.startswith("_") else key: value for key, value in widths.items()}
    return getattr(operations, name)(**said, **others)


def test_these_are_all_operations_that_take_pixels():
    kinds = operations.REGISTRY.items()
    found = {name for name, kind in kinds if any(p.endswith("_px") for p in kind.signature.parameters)}
    assert found == {*OPERATIONS, "pad"}


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({}, "OP-BOX", "nothing is given; wanted by_mm=MM, by_px=N"),
        ({"by_mm": 1.0, "by_px": 1.0}, "OP-BOX", "more than one of them is given"),
        ({"by_px": -1.0}, "OP-LENGTH", "wanted 0 or more, in pixels"),
    ],
    ids=["none", "both", "negative"],
)
def test_space_is_said_once_too(said, code, words):
    with pytest.raises(UsageError, match=words) as refusal:
        operations.pad(**said)(derive.demo_series().volume)
    assert refusal.value.code == code


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_width_that_is_none_is_refused(name, case):
    said, words = REFUSED[case]
    with pytest.raises(UsageError, match=words) as refusal:
        step(name, **said)(derive.demo_series().volume)
    assert refusal.value.code == OPERATIONS[name][2]


@pytest.mark.parametrize("name", OPERATIONS)
def test_two_numbers_are_no_width(name):
    with raises_code("OP-LENGTH", UsageError):
        step(name, _px=(1.0, 2.0))(derive.demo_series().volume)


@pytest.mark.parametrize("name", OPERATIONS)
def test_pixels_are_as_many_millimetres_as_the_spacing_says(name):
    volume = derive.read([make_projection("CR")]).volume
    down, along = volume.geometry.spacing[1:]
    one, other = (
        step(name, **said)(volume).array for said in ({"_px": (1.5, 2.0, 0.0)}, {"_mm": (1.5 * along, 2.0 * down, 0.0)})
    )
    assert not np.array_equal(one, volume.array)
    np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("name", OPERATIONS)
def test_pixels_are_taken_where_they_have_no_size(name, tmp_path):
    source = derive.read([make_projection("CR", ImagerPixelSpacing=None)])
    with pytest.raises(derive.GeometryError, match=f"GEO-SIZE.*{OPERATIONS[name][0]}_px"):
        derive.build(source, step(name, _mm=1.0))
    report = derive.build(source, step(name, _px=1.0)).write(tmp_path / "out")
    assert derive.read(report.files[0]).volume.geometry.own_plane.sized is False
