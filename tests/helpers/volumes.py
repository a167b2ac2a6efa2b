"""Synthetic volumes and geometries: random, reproducible, in any orientation."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from derive.model.geometry import Geometry, triple
from derive.model.volume import Quantity, Volume

#: Row and column cosines along the axes of the patient: 48 signed permutations, two of each pair alike.
SIGNED_PERMUTATIONS = [
    (np.eye(3)[list(p)] * np.array(s)[:, None])[:2]
    for p in itertools.permutations(range(3))
    for s in itertools.product((1, -1), repeat=3)
]
#: Quantities as they are read, with values that they have.
QUANTITIES = {
    "CT": (Quantity("HU", -1000.0), (-1000.0, 3000.0)),
    "MR": (Quantity("1", 0.0), (0.0, 4095.0)),
    "PET": (Quantity("BQML", 0.0), (0.0, 32767.0)),
}


def rotation(seed):
    """Random rotation matrix."""
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def make_geometry(
    row=(1, 0, 0), column=(0, 1, 0), shape=(5, 6, 7), spacing=(2.5, 0.8, 0.7), first=(-20.5, 11.25, 30.0)
):
    """Geometry with (slice, row, column) spacing."""
    return Geometry(triple(first), triple(row), triple(column), (spacing[1], spacing[2]), spacing[0], shape, "1.2.3")


def around(center, **fields):
    """Geometry whose middle lies at a point."""
    geometry = make_geometry(**fields, first=(0, 0, 0))
    middle = geometry.points_of((np.array(geometry.shape) - 1) / 2)
    return replace(geometry, first_position=triple(center - middle))


def make_volume(geometry, seed=0, padded=False, modality="CT"):
    """Random values of a modality, with padding in a corner of all slices and in one voxel, where asked."""
    quantity, value_range = QUANTITIES[modality]
    values = np.random.default_rng(seed).uniform(*value_range, geometry.shape).astype(np.float32)
    if padded:
        values[:, : max(1, geometry.shape[1] // 3), : max(1, geometry.shape[2] // 3)] = np.nan
        values[0, -1, -1] = np.nan
    return replace(Volume.from_array(values, geometry, quantity), value_range=value_range)


def indices(shape):
    """(slices, rows, columns, 3): the index of every voxel."""
    return np.moveaxis(np.indices(shape), 0, -1)


def value_at(points):
    """A linear function of the place in the patient."""
    return points @ np.array([2.0, -1.0, 0.5]) + 7.0


def ramp(geometry):
    """A volume of that function: wherever its voxels go, their values say where they belong."""
    return Volume.from_array(value_at(geometry.points_of(indices(geometry.shape))), geometry)


def in_parts(volume, seed, largest=5):
    """All slices, asked for in runs of random length, in order."""
    rng, first, parts = np.random.default_rng(seed), 0, []
    while first < volume.shape[0]:
        last = min(volume.shape[0], first + int(rng.integers(1, largest)))
        parts.append(np.array(volume.slab(first, last)))
        first = last
    return np.concatenate(parts)
