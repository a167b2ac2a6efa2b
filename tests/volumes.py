"""Synthetic volumes and geometries: random, reproducible, in any orientation."""

from __future__ import annotations

import itertools

import numpy as np

from derive.geometry import Geometry, triple
from derive.volume import Quantity, Volume

#: Every right-handed way to put rows, columns and slices along the axes of the patient, and its mirror images.
SIGNED_PERMUTATIONS = [
    (np.eye(3)[list(p)] * np.array(s)[:, None])[:2]
    for p in itertools.permutations(range(3))
    for s in itertools.product((1, -1), repeat=3)
]


def rotation(seed):
    """Random rotation matrix."""
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def make_geometry(row=(1, 0, 0), column=(0, 1, 0), shape=(5, 6, 7), spacing=(2.5, 0.8, 0.7), first=(-20.5, 11.25, 30.0)):
    """Geometry with (slice, row, column) spacing."""
    return Geometry(triple(first), triple(row), triple(column), (spacing[1], spacing[2]), spacing[0], shape, "1.2.3")


def make_volume(geometry, seed=0, padded=False, quantity=None, low=-1000, high=2000):
    """Smooth-ish random values, with a padded corner where asked."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(low, high, geometry.shape).astype(np.float32)
    if padded:
        values[:, : max(1, geometry.shape[1] // 3), : max(1, geometry.shape[2] // 3)] = np.nan
        values[0, -1, -1] = np.nan
    volume = Volume.from_array(values, geometry, quantity or Quantity("1", 0.0))
    native = values[~np.isnan(values)]
    object.__setattr__(volume, "value_range", (float(native.min()), float(native.max())))
    return volume
