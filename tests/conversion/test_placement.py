"""Any grid at all: every voxel stays where it is, in a right-handed frame, or the grid is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive.conversion.placement import directions as directions_of
from derive.model.reorient import Wish, place
from tests.helpers import conversions as of
from tests.helpers.asserting import raises_code
from tests.helpers.conversions import Placed
from tests.helpers.placements import (
    ACROSS,
    directions,
    oblique_volume,
    units_of,
    written,
)

spacings = st.tuples(*[st.floats(0.2, 5.0)] * 3)
shapes = st.tuples(*[st.integers(2, 6)] * 3)
origins = st.tuples(*[st.floats(-500.0, 500.0)] * 3)
wishes = st.one_of(
    st.builds(Wish),
    st.builds(Wish, plane=st.sampled_from(sorted(ACROSS)), slice_axis=st.sampled_from([None, 0, 1, 2])),
    st.builds(Wish, slice_axis=st.integers(0, 2)),
)


@st.composite
def affines(draw):
    return of.affine_of(draw(directions()), draw(spacings), draw(origins))


def numbered(shape) -> np.ndarray:
    """(i, j, k, 1): the place of every voxel in the list of all."""
    return np.arange(int(np.prod(shape))).reshape(*shape, 1)


def distances(placing, affine, shape) -> np.ndarray:
    """How far each voxel is, by the position of its slice, from where the affine puts it."""
    geometry, ordered = placing.geometry, placing.of(numbered(shape))[0]
    assert ordered.shape == geometry.shape
    _, rows, columns = np.indices(geometry.shape)
    down, along = (np.array(c) for c in (geometry.column_cosines, geometry.row_cosines))
    starts = np.array([geometry.position(index) for index in range(geometry.shape[0])])
    found = starts[:, None, None] + (
        rows[..., None] * geometry.pixel_spacing[0] * down + columns[..., None] * geometry.pixel_spacing[1] * along
    )
    return np.linalg.norm(found - Placed(ordered, affine).points(of.grid(shape))[ordered], axis=-1)


@settings(max_examples=150, deadline=None)
@given(affine=affines(), shape=shapes, wish=wishes)
def test_any_grid_keeps_every_voxel_where_it_is_in_a_right_handed_frame(affine, shape, wish):
    placing = place(affine, shape, wish, "1.2.3")
    geometry = placing.geometry
    assert np.linalg.det(geometry.directions[:, ::-1]) == pytest.approx(1.0, abs=1e-6)
    assert np.dot(np.subtract(geometry.position(1), geometry.position(0)), geometry.normal) > 0
    assert distances(placing, affine, shape).max() <= 1e-4
    assert placing.error_mm <= 1e-4
    ordered = placing.of(numbered(shape))[0]
    assert sorted(ordered.ravel()) == list(range(ordered.size))
    wanted = Placed(ordered, affine).points(of.grid(shape))[ordered]
    found = geometry.points_of(np.moveaxis(np.indices(geometry.shape), 0, -1))
    assert np.linalg.norm(found - wanted, axis=-1).max() <= 1e-4


@settings(max_examples=60, deadline=None)
@given(affine=affines(), shape=shapes, like=directions())
def test_the_planes_of_a_reference_are_the_nearest_of_a_grid(affine, shape, like):
    frame = like * np.sign(np.linalg.det(like))
    there = derive.model.geometry.Geometry(
        (0, 0, 0), tuple(frame[:, 0]), tuple(frame[:, 1]), (1.0, 1.0), 1.0, (2, 2, 2), "1.2.3"
    )
    placing = place(affine, shape, Wish(like=there))
    assert distances(placing, affine, shape).max() <= 1e-4
    units = units_of(affine)
    alike = [abs(units[:, a] @ g) for a, g in zip(placing.axes, there.directions.T, strict=True)]
    others = [
        sum(abs(units[:, a] @ g) for a, g in zip(order, there.directions.T, strict=True))
        for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    ]
    assert sum(alike) >= max(others) - 1e-9
    assert np.dot(placing.geometry.row_cosines, there.row_cosines) > -1e-6
    assert np.dot(placing.geometry.column_cosines, there.column_cosines) > -1e-6


@settings(max_examples=60, deadline=None)
@given(affine=affines(), shape=shapes, wish=wishes, channels=st.sampled_from([(), (3,)]), times=st.integers(1, 3))
def test_times_and_colours_are_reordered_like_the_numbers_of_one_volume(affine, shape, wish, channels, times):
    placing = place(affine, shape, wish)
    one = placing.of(numbered(shape))[0]
    count = int(np.prod((times, *channels)))
    offsets = (np.arange(count) * numbered(shape).size).reshape(times, *channels)
    parts = numbered(shape)[..., *[None] * len(channels)] + offsets
    ordered = placing.of(parts)
    assert ordered.shape == (times, *one.shape, *channels)
    for time in range(times):
        for channel in np.ndindex(*channels):
            np.testing.assert_array_equal(ordered[(time, ..., *channel)], one + offsets[(time, *channel)])


@settings(max_examples=100, deadline=None)
@given(
    affine=affines(),
    shape=shapes,
    wish=wishes,
    axes=st.permutations(range(3)),
    lean=st.one_of(st.floats(0.0, 0.1), st.floats(0.1, 5.0)),
)
def test_shear_is_refused_where_a_voxel_would_lie_beyond_0_05_mm(affine, shape, wish, axes, lean):
    """The last voxel along one axis is moved by `lean` mm along another; a frame can lean with it halfway at most."""
    sheared, (along, towards, _) = affine.copy(), axes
    sheared[:3, along] += units_of(affine)[:, towards] * lean / (shape[along] - 1)
    extents = (np.array(shape) - 1) * np.linalg.norm(affine[:3, :3], axis=0)
    placing, refusal = placed_or_refused(sheared, shape, wish)
    if placing is None:
        assert refusal == "GEO-SHEAR"
        assert lean / extents[along] * max(extents[along], extents[towards]) > 0.05 - 1e-6
        return
    found = distances(placing, sheared, shape).max()
    assert found <= 0.05 + 1e-6
    assert placing.error_mm == pytest.approx(found, abs=1e-5)
    assert lean <= 2 * 0.05 + 1e-4


def placed_or_refused(affine, shape, wish):
    try:
        return place(affine, shape, wish), None
    except derive.GeometryError as error:
        return None, error.code


@pytest.mark.parametrize("plane", [None, *ACROSS])
@pytest.mark.parametrize(("along", "towards"), [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)])
def test_a_sheared_file_is_refused_and_nothing_is_written(along, towards, plane, tmp_path):
    affine = oblique_volume(3).affine
    affine[:3, along] += units_of(affine)[:, towards] * 0.5
    path = of.save(tmp_path / "v.nii", Placed(of.distinct(), affine))
    with pytest.raises(derive.GeometryError, match=r"^GEO-SHEAR: .* wanted at most 0\.05 mm"):
        written(path, tmp_path / "out", plane=plane)
    assert not (tmp_path / "out").exists()


FLAT = {
    "an axis of no length": lambda steps: steps * [1, 0, 1],
    "two axes alike": lambda steps: steps[:, [0, 0, 2]],
    "three axes in a plane": lambda steps: np.column_stack([steps[:, :2], steps[:, 0] - 2 * steps[:, 1]]),
    "no numbers": lambda steps: steps * np.nan,
    "infinite": lambda steps: steps * np.inf,
}


@pytest.mark.parametrize("fault", FLAT)
def test_an_affine_that_spans_no_volume_is_refused(fault, tmp_path):
    affine = oblique_volume(5).affine
    path = of.save(tmp_path / "v.nii", Placed(of.distinct(), affine))
    affine[:3, :3] = FLAT[fault](affine[:3, :3])
    with pytest.raises(derive.GeometryError, match=r"^GEO-DETERMINANT"):
        place(affine, (4, 5, 6), Wish())
    raw = bytearray(path.read_bytes())
    raw[280:328] = (affine[:3] * [[-1.0], [-1.0], [1.0]]).astype("<f4").tobytes()
    path.write_bytes(raw)
    with pytest.raises(derive.GeometryError, match=r"^GEO-DETERMINANT"):
        written(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("letters", ["LPX", "XPS", "LXS", "LRS", "LPP", "LP", "LPSA", "L", "", "L P", "ÄPS"])
def test_letters_of_which_some_are_wrong_are_refused(letters):
    with raises_code("GEO-ORIENTATION"):
        directions_of(letters)
