"""Geometry: its affine, its inverse, and that two differ when any one field differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.errors import GeometryError
from tests.volumes import SIGNED_PERMUTATIONS, make_geometry, rotation


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS, ids=str)
def test_all_48_orientations_are_right_handed_and_invertible(cosines):
    geometry = make_geometry(row=cosines[0], column=cosines[1])
    assert np.linalg.det(geometry.directions[:, ::-1]) == pytest.approx(1)
    index = np.array([[0, 0, 0], [4, 5, 6], [1.5, 2.25, 3.0]])
    np.testing.assert_allclose(geometry.index_of(geometry.points_of(index)), index, atol=1e-9)


@given(st.integers(0, 10_000), st.lists(st.floats(0.05, 20), min_size=3, max_size=3), st.lists(st.floats(-500, 500), min_size=3, max_size=3))
def test_random_obliques_invert(seed, spacing, first):
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1], spacing=spacing, first=first)
    index = np.array([[3.25, 1.5, 6.0], [-2.0, 0, 9]])
    np.testing.assert_allclose(geometry.index_of(geometry.points_of(index)), index, atol=1e-6)
    np.testing.assert_allclose(geometry.affine[:3, 3], first)
    for k in range(geometry.shape[0]):
        np.testing.assert_allclose(geometry.position(k), geometry.points_of([k, 0, 0]), atol=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        {"first_position": (-20.5, 11.25, 30.01)},
        {"row_cosines": (np.cos(0.01), np.sin(0.01), 0.0), "column_cosines": (-np.sin(0.01), np.cos(0.01), 0.0)},
        {"pixel_spacing": (0.81, 0.7)},
        {"pixel_spacing": (0.8, 0.71)},
        {"slice_spacing": 2.51},
        {"shape": (6, 6, 7)},
        {"shape": (5, 7, 7)},
        {"shape": (5, 6, 8)},
        {"frame_of_reference_uid": "1.2.4"},
    ],
    ids=str,
)
def test_one_field_makes_another_grid(change):
    geometry = make_geometry()
    assert geometry.same_grid(make_geometry())
    assert not geometry.same_grid(replace(geometry, **change))
    assert not replace(geometry, **change).same_grid(geometry)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"row_cosines": (1.0, 0.1, 0.0)}, "GEO-COSINES"),
        ({"row_cosines": (0.0, 1.0, 0.0)}, "GEO-COSINES"),
        ({"slice_spacing": 0.0}, "GEO-SPACING"),
        ({"pixel_spacing": (-1.0, 1.0)}, "GEO-SPACING"),
        ({"slice_spacing": float("nan")}, "GEO-SPACING"),
        ({"measured_positions": ((0.0, 0.0, 0.0),)}, "GEO-POSITIONS"),
    ],
)
def test_what_is_no_grid_is_refused(change, code):
    with pytest.raises(GeometryError, match=code):
        replace(make_geometry(), **change)


def test_a_part_lies_where_it_lay():
    geometry = make_geometry()
    part = geometry.slices(2, 4)
    np.testing.assert_allclose(part.points_of([0, 3, 4]), geometry.points_of([2, 3, 4]))
    assert part.shape == (2, 6, 7)
