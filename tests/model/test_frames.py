"""Frames of a result: volumes along a dimension, or pictures."""

import numpy as np
import pytest

from derive.errors import ValuesError
from derive.model.frames import TIME_NUMBER, Dimension, Frames, Pictures, Volumes
from derive.model.reference import of_principal
from derive.model.volume import Volume, slabs
from tests.helpers.volumes import make_geometry

SHAPE = (5, 3, 4)


@pytest.fixture
def arrays() -> list[np.ndarray]:
    return [np.random.default_rng(k).normal(size=SHAPE).astype(np.float32) for k in range(3)]


@pytest.fixture
def volumes(arrays) -> Volumes:
    geometry = make_geometry(shape=SHAPE)
    return Volumes(tuple(Volume.from_array(a, geometry) for a in arrays), (Dimension(TIME_NUMBER, (1, 2, 3)),))


def test_several_volumes_are_frames_one_volume_after_another(volumes, arrays):
    whole = np.concatenate(arrays)
    assert (volumes.shape, volumes.count, volumes.slices) == ((15, 3, 4), 15, 5)
    assert np.array_equal(volumes.slab(0, 15), whole)
    assert np.array_equal(np.concatenate([slab for _, slab in slabs(volumes)]), whole)


@pytest.mark.parametrize(("first", "last"), [(0, 5), (4, 6), (3, 13), (10, 15), (14, 15)])
def test_a_slab_may_be_of_several_volumes(first, last, volumes, arrays):
    assert np.array_equal(volumes.slab(first, last), np.concatenate(arrays)[first:last])


def test_a_slice_has_the_contributors_it_has_in_its_own_volume(volumes):
    assert [volumes.contributors(k) for k in (0, 4, 5, 14)] == [of_principal([k]) for k in (0, 4, 0, 4)]


def test_a_slice_is_where_it_is_in_every_volume(volumes):
    geometry = make_geometry(shape=SHAPE)
    assert [volumes.plane(k).position for k in (0, 4, 5, 14)] == [geometry.position(k) for k in (0, 4, 0, 4)]


def test_pages_are_where_their_geometry_is_or_nowhere():
    pages, geometry = np.zeros((2, 3, 4), np.uint8), make_geometry(shape=(2, 3, 4))
    assert Pictures(pages).plane(1) is None
    assert Pictures(pages, geometry).plane(1) == geometry.plane(1)


def test_a_range_is_known_where_it_is_known_of_every_volume(volumes):
    one = volumes.volumes[0]
    known = [Volume(v.geometry, v.pull, v.contributors, value_range=(-k, k)) for k, v in enumerate(volumes.volumes, 1)]
    assert Volumes(tuple(known), volumes.dimensions).value_range == (-3, 3)
    assert Volumes((one, *known[1:]), volumes.dimensions).value_range is None


@pytest.mark.parametrize(("count", "dimension"), [(2, None), (1, (1, 2)), (3, (1, 2))])
def test_several_volumes_are_told_apart_by_a_dimension(count, dimension, volumes):
    wanted = () if dimension is None else (Dimension(TIME_NUMBER, dimension),)
    with pytest.raises(ValuesError) as caught:
        Volumes(volumes.volumes[:count], wanted)
    assert caught.value.code == "VAL-SHAPE"


def test_pages_are_frames_of_what_they_hold():
    pages = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    frames: Frames = Pictures(pages)
    assert (frames.shape, frames.count, frames.slices, frames.volumes) == ((2, 3, 4), 2, 2, ())
    assert np.array_equal(frames.slab(1, 2), pages[1:])
    assert frames.contributors(1) == ()
