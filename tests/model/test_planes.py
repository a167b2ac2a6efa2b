"""A stack is measured once: places, steps, gaps, tilt, whatever order and direction the images come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.model.planes import (
    NOISE_MM,
    SAME_POSITION_MM,
    SPACING_TOLERANCE,
    alike,
    measured,
    spacing_of_one,
    spacing_tolerance,
    told_apart,
)
from tests.helpers.volumes import rotation

STEPS = st.floats(0.3, 10)
COUNTS = st.integers(2, 12)
SEEDS = st.integers(0, 10_000)
AXIAL = (1, 0, 0, 0, 1, 0)


def stacked(along, seed=None, beside=0.0):
    """Positions at places along the normal of some orientation, and `beside` along its rows; and the cosines."""
    turned = np.eye(3) if seed is None else rotation(seed)
    along = np.asarray(along, dtype=float)
    return np.outer(along, turned[2]) + np.outer(np.broadcast_to(beside, len(along)), turned[0]), turned[:2].ravel()


@given(SEEDS, STEPS, COUNTS)
def test_even_images_in_any_order_are_one_straight_stack(seed, step, count):
    positions, cosines = stacked(step * np.arange(count), seed)
    shuffled = np.random.default_rng(seed).permutation(count)
    planes = measured(positions[shuffled], cosines, 0.5)
    assert [int(shuffled[i]) for i in planes.order] == list(range(count))
    assert planes.places == tuple((i,) for i in planes.order)
    assert planes.even
    assert planes.straight
    assert not planes.repeated
    assert not planes.tilted
    assert planes.gaps == ()
    assert planes.spacing_mm == pytest.approx(step)
    assert planes.usual_mm == pytest.approx(step)
    assert planes.length_mm == pytest.approx(step * (count - 1))
    assert planes.tilt_degrees == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(planes.normal, rotation(seed)[2], atol=1e-12)


@given(SEEDS, STEPS, st.integers(4, 12), st.data())
def test_missing_images_are_gaps_between_those_beside_them(seed, step, count, data):
    missing = data.draw(st.integers(1, count - 2))
    positions, cosines = stacked([step * k for k in range(count) if k != missing], seed)
    planes = measured(positions, cosines)
    assert planes.gaps == (missing - 1,)
    assert not planes.even
    assert planes.even_but_for_gaps
    assert planes.steps_mm[missing - 1] == pytest.approx(2 * step)
    assert planes.usual_mm == pytest.approx(step)


@given(SEEDS, st.floats(2.0, 10), st.floats(-1, 1))
def test_noise_is_even_up_to_its_limit_and_not_beyond(seed, step, share):
    along = step * np.arange(6.0)
    along[2] += share * 0.99 * NOISE_MM
    assert measured(*stacked(along, seed)).even
    along[2] = step * 2 + np.copysign(1.01 * NOISE_MM, share)
    planes = measured(*stacked(along, seed))
    assert not planes.even
    assert not planes.even_but_for_gaps


def test_no_gap_is_told_of_what_is_even():
    """Of slices nearer than 0.03 mm, noise alone makes a step half as long again."""
    planes = measured(*stacked([0, 0.02, 0.05, 0.07, 0.09]))
    assert planes.even
    assert planes.gaps == ()
    assert not planes.even_but_for_gaps


@given(SEEDS, STEPS, COUNTS, st.floats(0.5, 30))
def test_a_tilt_is_measured_and_what_is_off_one_line_is_none(seed, step, count, degrees):
    along = step * np.arange(count)
    leaning = np.tan(np.radians(degrees)) * (along + 10)
    planes = measured(*stacked(along, seed, leaning), 0.01)
    assert planes.tilt_degrees == pytest.approx(degrees)
    assert max(planes.scatter_mm) == pytest.approx(0, abs=1e-9)
    if max(planes.beside_mm) > planes.across_tolerance_mm:
        assert planes.tilted
        assert not planes.straight
    aside = np.zeros(count)
    aside[count // 2] = 5
    planes = measured(*stacked(along[:count], seed, aside), 0.5)
    assert not planes.straight
    if count > 2:
        assert not planes.tilted
        assert int(np.argmax(planes.scatter_mm)) == count // 2


@pytest.mark.parametrize(("pixel_mm", "tolerance"), [(0.01, 0.01), (0.4, 0.05), (2.0, 0.1), (None, 0.1)])
def test_how_far_beside_is_a_share_of_a_pixel_within_limits(pixel_mm, tolerance):
    for beside, straight in ((0.999 * tolerance, True), (1.001 * tolerance, False)):
        planes = measured(*stacked([0, 2, 4], beside=(0, beside, 0)), pixel_mm)
        assert planes.across_tolerance_mm == pytest.approx(tolerance)
        assert planes.straight is straight


@given(SEEDS, STEPS, st.lists(st.integers(1, 3), min_size=1, max_size=6))
def test_images_at_one_position_share_a_place(seed, step, counts):
    along = np.repeat(step * np.arange(len(counts)), counts)
    positions, cosines = stacked(along, seed)
    planes = measured(positions, cosines)
    assert [len(p) for p in planes.places] == counts
    assert sorted(i for p in planes.places for i in p) == list(range(len(along)))
    assert planes.repeated is (max(counts) > 1)
    for place, k in zip(planes.places, range(len(counts)), strict=True):
        np.testing.assert_allclose(along[list(place)], step * k)


def test_a_position_is_the_same_within_its_limit_only():
    assert measured(*stacked([0, 0.99 * SAME_POSITION_MM])).repeated
    assert not measured(*stacked([0, 1.01 * SAME_POSITION_MM])).repeated
    assert not measured(*stacked([0, 0, 0], beside=(0, 1, 2))).repeated


def test_a_position_is_found_again_among_many_that_lie_beside_it():
    """Images of one plane side by side, and each once more: more than any few that were seen last."""
    planes = measured(*stacked(np.zeros(40), beside=np.tile(np.arange(20.0), 2)))
    assert len(planes.places) == 20
    assert {len(p) for p in planes.places} == {2}


def test_a_single_image_has_one_place_and_no_step():
    planes = measured([(1, 2, 3)], AXIAL)
    assert (planes.order, planes.places, planes.along_mm) == ((0,), ((0,),), (3.0,))
    assert (planes.steps_mm, planes.spacing_mm, planes.usual_mm, planes.length_mm) == ((), 0.0, 0.0, 0.0)
    assert planes.even
    assert planes.straight


def test_numbers_that_are_no_lengths_make_no_even_stack_and_no_warning():
    planes = measured([(0, 0, 0), (1e300, 0, 1e300), (0, 0, 2)], AXIAL, 1)
    assert not planes.even
    assert not planes.straight


def test_planes_are_values():
    positions, cosines = stacked([0, 2, 4])
    assert measured(positions, cosines) == measured(positions.tolist(), tuple(cosines))
    assert hash(measured(positions, cosines)) == hash(measured(positions, cosines))


@pytest.mark.parametrize(
    ("said", "spacing"),
    [
        ({"SpacingBetweenSlices": (3.0,), "SliceThickness": (5.0,)}, 3.0),
        ({"SpacingBetweenSlices": (-3.0,), "SliceThickness": (5.0,)}, 5.0),
        ({"SpacingBetweenSlices": (0.0,)}, None),
        ({"SliceThickness": ()}, None),
        ({}, None),
    ],
)
def test_how_far_a_single_image_reaches(said, spacing):
    assert spacing_of_one(said.get) == spacing


def test_rows_are_alike_within_a_tolerance():
    rows = [(1.0, 2.0), (1.0, 2.05), (1.0, 2.2), (), (1.0, 2.0)]
    assert alike(rows, 0.1) == [[3], [0, 1, 4], [2]]
    assert alike(rows) == [[3], [0, 4], [1], [2]]


def test_the_tolerance_of_spacings_is_a_share_of_the_smallest():
    assert spacing_tolerance([(0.5, 2.0), (4.0, 0.25)]) == 0.25 * SPACING_TOLERANCE
    assert spacing_tolerance([(), ()]) == SPACING_TOLERANCE


def test_what_tells_all_images_of_a_position_apart_comes_first():
    said = {"EchoTime": "ab ab", "FlipAngle": "ab aa", "KVP": "aa aa"}
    places = ((0, 1), (2,), (3, 4))

    def value(keyword, image):
        return said[keyword][image]

    assert told_apart(places, ("FlipAngle", "EchoTime", "KVP"), value) == {"EchoTime": 2, "FlipAngle": 2}
