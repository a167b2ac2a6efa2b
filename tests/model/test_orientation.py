"""Orientations: the nearest that is orthonormal, the one in the midst of several, and how far apart they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.errors import GeometryError
from derive.model.geometry import Geometry
from derive.model.orientation import (
    ORIENTATION_MM,
    ROUNDED,
    of_one_orientation,
    one_orientation,
    orientations,
    orthonormal,
    reach_mm,
    skew_of,
    turned_mm,
)

REACH = reach_mm(512, 512, (0.5, 0.5))
NUMBER = st.floats(-1, 1, allow_nan=False, width=32)


@st.composite
def frames(draw):
    """Rows and columns at a right angle, in any direction."""
    vectors = np.array([[draw(NUMBER) for _ in range(3)] for _ in range(2)])
    vectors += np.array([[0.01, 2, 0], [2, 0, 0.01]])
    row = vectors[0] / np.linalg.norm(vectors[0])
    column = vectors[1] - (vectors[1] @ row) * row
    return np.concatenate([row, column / np.linalg.norm(column)])


@given(frames(), st.integers(2, 8))
def test_what_is_rounded_becomes_orthonormal_and_moves_no_more_than_it_was_rounded(cosines, digits):
    rounded = np.round(cosines, digits)
    found = orthonormal(rounded)
    assert skew_of(found[:3], found[3:]) < 1e-14
    assert np.abs(found - rounded).max() <= 3 * 10.0**-digits
    np.testing.assert_allclose(orthonormal(found), found, atol=1e-15)


@given(frames())
def test_rows_and_columns_are_turned_by_the_same(cosines):
    leaning = cosines + np.concatenate([[0, 0, 0], 0.01 * cosines[:3]])
    off = orthonormal(leaning) - leaning
    assert np.linalg.norm(off[:3]) == pytest.approx(np.linalg.norm(off[3:]), rel=0.02)


@given(frames(), st.integers(1, 9))
def test_what_all_say_stays_as_it_is(cosines, count):
    said = np.round(cosines, 6)
    np.testing.assert_array_equal(one_orientation(np.array([said] * count)), said)


@given(st.lists(frames(), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_their_order_does_not_matter(several, random):
    shuffled = list(several)
    random.shuffle(shuffled)
    np.testing.assert_array_equal(one_orientation(np.array(several)), one_orientation(np.array(shuffled)))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, 1.01, 2.0, 50.0])
@pytest.mark.parametrize("rows", [16, 512])
def test_the_limit_is_in_millimetres_at_the_corners(share, rows):
    reach = reach_mm(rows, rows, (0.5, 0.5))
    axial = np.array([1.0, 0, 0, 0, 1.0, 0])
    turned = np.array([axial, axial])
    turned[1][2] = 2 * share * ORIENTATION_MM / reach[0]
    one = of_one_orientation(turned, reach)
    assert one is (share <= 1)
    assert len(orientations(turned, reach)) == (1 if share <= 1 else 2)
    assert turned_mm(turned, turned[0], reach)[1] == pytest.approx(2 * share * ORIENTATION_MM)


def test_rows_and_columns_that_move_together_move_the_far_corner_by_both():
    axial = np.array([1.0, 0, 0, 0, 1.0, 0])
    tipped = axial + np.array([0, 0, 1e-3, 0, 0, 1e-3])
    assert turned_mm(tipped, axial, (100.0, 50.0)) == pytest.approx([0.15])


def test_small_images_of_another_direction_are_of_another_orientation():
    axial = np.array([1.0, 0, 0, 0, 1.0, 0])
    assert not of_one_orientation(np.array([axial, axial + np.array([0, 0, 0.03, 0, 0, 0])]), reach_mm(1, 1, (1, 1)))


def test_what_nobody_says_of_the_size_is_taken_for_large():
    assert reach_mm(None, 512, (1, 1)) == reach_mm(512, 512, None) == (500.0, 500.0)


@pytest.mark.parametrize("off", [0.0, 1e-6, 1e-5, 9e-4])
def test_a_geometry_is_orthonormal_and_as_it_was_said_where_that_is_good(off):
    said = (1.0, off, 0.0)
    geometry = Geometry((0, 0, 0), said, (0.0, 1.0, 0.0), (1, 1), 1, (2, 3, 4))
    assert skew_of(geometry.row_cosines, geometry.column_cosines) <= ROUNDED
    assert (geometry.row_cosines == said) is (off <= ROUNDED)


def test_a_geometry_of_cosines_that_are_none_is_refused():
    with pytest.raises(GeometryError, match="GEO-COSINES"):
        Geometry((0, 0, 0), (1.0, 0.01, 0.0), (0.0, 1.0, 0.0), (1, 1), 1, (2, 3, 4))
