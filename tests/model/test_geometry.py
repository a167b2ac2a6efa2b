"""Geometry: its affine, its inverse, and that two differ when any one field differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.errors import GeometryError
from derive.model.geometry import Plane, normal_of
from derive.model.orientation import skew_of
from tests.helpers.volumes import SIGNED_PERMUTATIONS, indices, make_geometry, rotation

SPACINGS = st.lists(st.floats(0.05, 20), min_size=3, max_size=3)
POINTS = st.lists(st.floats(-500, 500), min_size=3, max_size=3)


@pytest.mark.parametrize("cosines", SIGNED_PERMUTATIONS, ids=str)
def test_all_orientations_are_right_handed_and_invertible(cosines):
    geometry = make_geometry(row=cosines[0], column=cosines[1])
    row, column, normal = geometry.row_cosines, geometry.column_cosines, geometry.normal
    np.testing.assert_array_equal(np.cross(row, column), normal)
    index = np.array([[0, 0, 0], [4, 5, 6], [1.5, 2.25, 3.0]])
    np.testing.assert_allclose(geometry.index_of(geometry.points_of(index)), index, atol=1e-12)
    step = geometry.points_of([[1, 0, 0], [0, 1, 0], [0, 0, 1]]) - geometry.first_position
    np.testing.assert_allclose(step, [np.multiply(2.5, normal), np.multiply(0.8, column), np.multiply(0.7, row)])


@given(st.integers(0, 10_000), SPACINGS, POINTS)
def test_random_obliques_invert(seed, spacing, first):
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1], spacing=spacing, first=first)
    index = np.array([[3.25, 1.5, 6.0], [-2.0, 0, 9]])
    np.testing.assert_allclose(geometry.index_of(geometry.points_of(index)), index, atol=1e-9)
    points = np.array([first, [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(geometry.points_of(geometry.index_of(points)), points, atol=1e-9)
    np.testing.assert_allclose(geometry.affine[:3, 3], first)
    for k in range(geometry.shape[0]):
        np.testing.assert_allclose(geometry.position(k), geometry.points_of([k, 0, 0]), atol=1e-9)


def test_points_keep_the_shape_of_the_indices():
    geometry = make_geometry()
    points = geometry.points_of(indices(geometry.shape))
    assert points.shape == (5, 6, 7, 3)
    np.testing.assert_allclose(geometry.index_of(points), indices(geometry.shape), atol=1e-12)
    np.testing.assert_allclose(geometry.corners(), points[::4, ::5, ::6].reshape(-1, 3))


@pytest.mark.parametrize(
    "change",
    [
        {"first_position": (-20.51, 11.25, 30.0)},
        {"first_position": (-20.5, 11.26, 30.0)},
        {"first_position": (-20.5, 11.25, 30.01)},
        {
            "row_cosines": (np.cos(0.01), np.sin(0.01), 0.0),
            "column_cosines": (-np.sin(0.01), np.cos(0.01), 0.0),
        },
        {"row_cosines": (-1.0, 0.0, 0.0)},
        {"column_cosines": (0.0, -1.0, 0.0)},
        {"pixel_spacing": (0.81, 0.7)},
        {"pixel_spacing": (0.8, 0.71)},
        {"slice_spacing": 2.51},
        {"slice_shift": (0.0, 0.01)},
        {"shape": (6, 6, 7)},
        {"shape": (5, 7, 7)},
        {"shape": (5, 6, 8)},
        {"frame_of_reference_uid": "1.2.4"},
        {"frame_of_reference_uid": ""},
    ],
    ids=str,
)
def test_one_field_makes_another_grid(change):
    geometry = make_geometry()
    assert geometry.same_grid(make_geometry())
    assert not geometry.same_grid(replace(geometry, **change))
    assert not replace(geometry, **change).same_grid(geometry)


@pytest.mark.parametrize("change", [{"slice_thickness": 9.0}, {"measured_positions": ((0.0, 0.0, 0.0),) * 5}], ids=str)
def test_what_is_not_where_the_voxels_are_makes_no_other_grid(change):
    assert make_geometry().same_grid(replace(make_geometry(), **change))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"row_cosines": (1.0, 0.1, 0.0)}, "GEO-COSINES"),
        ({"row_cosines": (0.0, 1.0, 0.0)}, "GEO-COSINES"),
        ({"row_cosines": (float("nan"), 0.0, 0.0)}, "GEO-COSINES"),
        ({"slice_spacing": 0.0}, "GEO-SPACING"),
        ({"slice_spacing": float("nan")}, "GEO-SPACING"),
        ({"pixel_spacing": (-1.0, 1.0)}, "GEO-SPACING"),
        ({"slice_shift": (float("nan"), 0.0)}, "GEO-SPACING"),
        ({"slice_shift": (0.0, float("inf"))}, "GEO-SPACING"),
        ({"shape": (0, 6, 7)}, "GEO-SPACING"),
        ({"measured_positions": ((0.0, 0.0, 0.0),)}, "GEO-POSITIONS"),
    ],
    ids=str,
)
def test_what_is_no_grid_is_refused(change, code):
    with pytest.raises(GeometryError) as error:
        replace(make_geometry(), **change)
    assert error.value.code == code


@pytest.mark.parametrize("seed", range(3))
def test_a_part_lies_where_it_lay(seed):
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1])
    part = geometry.slices(2, 4)
    np.testing.assert_allclose(part.points_of([0, 3, 4]), geometry.points_of([2, 3, 4]))
    assert part.shape == (2, 6, 7)


def test_positions_as_read_are_given_back_as_they_were():
    geometry = make_geometry()
    read = tuple(tuple(v + 1e-5 * k for v in geometry.position(k)) for k in range(5))
    measured = replace(geometry, measured_positions=read)
    assert [measured.position(k) for k in range(5)] == list(read)
    assert measured.slices(2, 4).measured_positions == read[2:4]
    assert measured.slices(2, 4).first_position == read[2]


def test_planes_are_the_same_whatever_their_spacing():
    geometry = make_geometry()
    assert geometry.same_plane(replace(geometry, pixel_spacing=(3.0, 3.0), slice_spacing=1.0, shape=(1, 2, 3)))
    assert not geometry.same_plane(make_geometry(row=(0, 1, 0), column=(0, 0, -1)))
    assert not geometry.same_plane(make_geometry(row=(-1, 0, 0)))


SHIFTS = st.tuples(st.floats(-5, 5), st.floats(-5, 5))


@given(st.integers(0, 10_000), SPACINGS, POINTS, SHIFTS)
def test_a_tilted_stack_is_sheared_along_its_rows_and_columns(seed, spacing, first, shift):
    turned = rotation(seed)
    even = make_geometry(row=turned[0], column=turned[1], spacing=spacing, first=first)
    geometry = replace(even, slice_shift=shift)
    step = spacing[0] * np.array(even.normal) + shift[0] * turned[0] + shift[1] * turned[1]
    np.testing.assert_allclose(geometry.slice_step, step, atol=1e-12)
    np.testing.assert_allclose(geometry.affine[:3, 0], step, atol=1e-12)
    np.testing.assert_array_equal(geometry.affine[:, 1:], even.affine[:, 1:])
    for k in range(geometry.shape[0]):
        wanted = np.add(even.position(k), np.multiply(k, np.subtract(geometry.slice_step, even.slice_step)))
        np.testing.assert_allclose(geometry.position(k), wanted, atol=1e-9)
        np.testing.assert_allclose(geometry.position(k), geometry.points_of([k, 0, 0]), atol=1e-9)
    index = np.array([[3.25, 1.5, 6.0], [-2.0, 0, 9]])
    np.testing.assert_allclose(geometry.index_of(geometry.points_of(index)), index, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(geometry.directions, axis=0), 1)
    np.testing.assert_allclose(np.dot(geometry.slice_step, geometry.normal), geometry.slice_spacing)


@given(st.integers(0, 10_000), SPACINGS)
def test_a_stack_without_a_shift_is_to_the_bit_what_it_was_without_the_word(seed, spacing):
    turned = rotation(seed)
    geometry = make_geometry(row=turned[0], column=turned[1], spacing=spacing)
    assert geometry == replace(geometry, slice_shift=(0.0, 0.0))
    assert not geometry.tilted
    assert "slice_shift" not in repr(geometry)
    np.testing.assert_array_equal(geometry.directions[:, 0], geometry.normal)
    np.testing.assert_array_equal(geometry.affine[:3, 0], np.multiply(geometry.normal, spacing[0]))
    np.testing.assert_array_equal(geometry.slice_step, geometry.affine[:3, 0])


def test_a_tilted_stack_says_its_shift_and_its_parts_keep_it():
    geometry = replace(make_geometry(), slice_shift=(0.0, -0.5))
    assert geometry.tilted
    assert "slice_shift=(0.0, -0.5)" in repr(geometry)
    part = geometry.slices(2, 4)
    assert part.slice_shift == geometry.slice_shift
    np.testing.assert_allclose(part.points_of([1, 3, 4]), geometry.points_of([3, 3, 4]))


def test_the_plane_of_a_slice_is_where_the_slice_is():
    geometry = replace(make_geometry(), slice_thickness=3.0)
    assert [geometry.plane(k).position for k in range(5)] == [geometry.position(k) for k in range(5)]
    plane = geometry.plane(2)
    assert plane.cosines == (1, 0, 0, 0, 1, 0)
    assert (plane.pixel_spacing, plane.thickness) == ((0.8, 0.7), 3.0)
    assert plane.normal == geometry.normal
    assert plane.skew == 0
    np.testing.assert_allclose(plane.corners(6, 7), geometry.points_of([(2, r, c) for c in (0, 6) for r in (0, 5)]))


@pytest.mark.parametrize(
    ("row", "column", "skew"),
    [((1, 0, 0), (0, 1.01, 0), 0.01), ((0.9, 0, 0), (0, 1, 0), 0.1), ((1, 0, 0), (0.1, np.sqrt(0.99), 0), 0.1)],
)
def test_the_skew_of_cosines(row, column, skew):
    assert skew_of(row, column) == pytest.approx(skew)
    assert Plane((0, 0, 0), row, column, (1, 1)).skew == skew_of(row, column)


def test_parallel_cosines_have_no_normal():
    assert normal_of((1, 0, 0), (1, 0, 0)) == (0, 0, 0)
