"""Projections from all around: against each voxel thrown on each image by the plane that the image has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive.errors import DeriveError
from derive.model.axes import patient_axes
from derive.model.volume import Volume
from derive.operations import minip, mip, reformat
from tests.helpers.contract import computed_too_early
from tests.helpers.volumes import SIGNED_PERMUTATIONS, around, indices, make_geometry, make_volume, rotation

CENTER = (3.0, -7.5, 101.25)
#: x, y and z of the patient.
AXES = ("left-right", "anterior-posterior", "head-feet")
PLACES = [
    *(pytest.param(SIGNED_PERMUTATIONS[k], id=f"axes{k}") for k in range(0, 48, 7)),
    pytest.param(rotation(4)[:2], id="oblique"),
]


def turned_volume(cosines, seed=0, padded=False, shape=(5, 6, 7)):
    geometry = around(CENTER, row=cosines[0], column=cosines[1], shape=shape, spacing=(2.5, 0.8, 0.9))
    return make_volume(geometry, seed, padded=padded)


def thrown(volume, plane, matrix, axis, better):
    """Throw each voxel on an image, one after another: on the pixels whose line of sight passes through it."""
    points = volume.geometry.points_of(indices(volume.shape)).reshape(-1, 3)
    result, met = np.full(matrix, np.nan), np.zeros(matrix, bool)
    sides = volume.geometry.directions * np.array(volume.geometry.spacing)
    beside, along = (np.array(c) for c in (plane.row_cosines, plane.column_cosines))
    beside_mm, along_mm = plane.pixel_spacing[::-1]
    upright = abs(along @ axis) > 0.5
    if not upright:
        beside, along, beside_mm, along_mm = along, beside, along_mm, beside_mm
    half = np.abs(beside @ sides).sum() / 2 / beside_mm
    fall = (points - plane.position) @ beside / beside_mm
    lines = np.round((points - plane.position) @ along / along_mm).astype(int)
    for value, line, at in zip(volume.array.ravel(), lines, fall, strict=True):
        for pixel in range(int(np.ceil(at - half + 1e-6)), int(np.floor(at + half - 1e-6)) + 1):
            place = (line, pixel) if upright else (pixel, line)
            met[place] = True
            result[place] = better(result[place], value)
    return np.where(met, result, volume.quantity.fill)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("cosines", PLACES)
def test_a_pixel_shows_the_voxels_that_its_line_of_sight_passes(cosines, axis):
    volume = turned_volume(cosines, padded=True)
    images = mip(rotate=5, axis=axis)(volume)
    near = volume.geometry.directions[:, patient_axes(volume.geometry)[AXES.index(axis)]]
    for place, plane in enumerate(images.planes):
        if place == 0:  # lines run along the borders of voxels there: the next test
            continue
        expected = thrown(volume, plane, images.matrix, near, np.fmax)
        np.testing.assert_array_equal(images.slab(place, place + 1)[0], expected.astype(np.float32))


@pytest.mark.parametrize("shape", [(5, 6, 7), (4, 7, 7), (5, 6, 6)])
def test_from_the_front_and_from_the_side_it_is_the_projection_that_is_known(shape):
    geometry = around(CENTER, shape=shape, spacing=(2.5, 0.8, 0.8))
    volume = make_volume(geometry)
    images = mip(rotate=4)(volume)
    front = mip(plane="coronal")(volume).array[0]
    shown = images.slab(0, 1)[0]
    left = (images.matrix[1] - shape[2]) // 2
    np.testing.assert_array_equal(shown[:, left : left + shape[2]], front)
    assert (np.delete(shown, range(left, left + shape[2]), axis=1) == -1000).all()
    np.testing.assert_array_equal(images.slab(2, 3)[0], shown[:, ::-1])
    side = mip(plane="sagittal")(volume).array[0]
    turned = images.slab(1, 2)[0]
    begins = [k for k in range(turned.shape[1] - shape[1] + 1) if (turned[:, k : k + shape[1]] == side).all()]
    assert len(begins) == 1
    assert images.planes[1].row_cosines == (0, 1, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("axis", AXES)
def test_no_voxel_is_missed_and_every_value_is_one(axis, seed):
    volume = turned_volume(rotation(seed)[:2], seed, shape=(9, 8, 11))
    images = mip(rotate=7, axis=axis)(volume).slab(0, 7)
    np.testing.assert_array_equal(images.max(axis=(1, 2)), volume.array.max())
    assert np.isin(images, np.append(volume.array.ravel(), np.float32(-1000))).all()
    bright = np.full(volume.shape, -900.0, np.float32)
    bright[3, 5, 2] = 700.0
    one = mip(rotate=24, axis=axis)(volume.with_array(bright)).slab(0, 24)
    assert (one.max(axis=(1, 2)) == 700.0).all()
    dark = minip(rotate=7, axis=axis)(replace(volume, quantity=replace(volume.quantity, fill=9e3))).slab(0, 7)
    np.testing.assert_array_equal(dark.min(axis=(1, 2)), volume.array.min())


def test_each_image_lies_on_a_plane_of_its_own_through_the_axis():
    volume = turned_volume(((1, 0, 0), (0, 1, 0)))
    images = mip(rotate=36)(volume)
    middle = volume.geometry.points_of((np.array(volume.shape) - 1) / 2)
    (rows, columns), looks = images.matrix, []
    for place, plane in enumerate(images.planes):
        center = np.array(plane.position) + (columns - 1) / 2 * plane.pixel_spacing[1] * np.array(plane.row_cosines)
        center += (rows - 1) / 2 * plane.pixel_spacing[0] * np.array(plane.column_cosines)
        np.testing.assert_allclose(center, middle, atol=1e-9)
        assert plane.column_cosines == (0, 0, -1)
        angle = np.radians(10 * place)
        np.testing.assert_allclose(plane.normal, (-np.sin(angle), np.cos(angle), 0), atol=1e-12)
        looks.append(plane.normal)
    assert len(set(looks)) == 36


def test_padding_is_nothing_and_stays_where_there_is_nothing_else():
    values = np.full((6, 5, 5), np.nan, np.float32)
    values[2, 2, 2] = 50.0
    volume = Volume.from_array(values, make_geometry(shape=values.shape))
    shown = mip(rotate=3)(volume).slab(0, 3)
    assert set(shown[~np.isnan(shown)].tolist()) == {0.0, 50.0}  # the fill value beside the volume
    assert np.isnan(shown[:, 3]).any()


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"rotate": 1}, "OP-ROTATE"),
        ({"rotate": 0}, "OP-ROTATE"),
        ({"rotate": -36}, "OP-ROTATE"),
        ({"rotate": 5000}, "OP-ROTATE"),
        ({"rotate": 36, "slab_mm": 5.0}, "OP-ROTATE"),
        ({"rotate": 36, "plane": "coronal"}, "OP-ROTATE"),
        ({"rotate": 36, "axis": "up"}, "OP-AXIS"),
        ({"rotate": 36, "axis": (0.0, 0.0, 0.0)}, "OP-AXIS"),
        ({"rotate": 36, "axis": (0.0, 0.7, 0.7)}, "OP-AXIS"),
        ({"axis": "head-feet"}, "OP-AXIS"),
    ],
)
def test_what_is_no_turn_is_refused_before_any_pixel_is_looked_at(parameters, code):
    with pytest.raises(DeriveError, match=code):
        mip(**parameters)(replace(make_volume(make_geometry()), pull=computed_too_early))


def test_another_axis_is_turned_about_after_a_reformat():
    volume = make_volume(around(CENTER, shape=(12, 14, 13), spacing=(1.0, 0.8, 0.8)))
    along = (0.0, 0.6, 0.8)
    images = mip(rotate=6, axis=along)(reformat(normal=along)(volume))
    assert images.count == 6
    for plane in images.planes:
        assert max(abs(np.dot(plane.row_cosines, along)), abs(np.dot(plane.column_cosines, along))) == pytest.approx(1)


def test_what_it_did_is_said_in_a_few_words():
    assert mip.short_of(mip(rotate=36).parameters) == "MIP 36 views head-feet"
    assert minip.short_of(minip(rotate=8, axis=(0, 0, 1.0)).parameters) == "MinIP 8 views 0/0/1"
    assert str(mip(rotate=36, axis="left-right")) == "mip(plane='native', rotate=36, axis='left-right')"
