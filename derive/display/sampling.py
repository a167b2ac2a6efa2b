"""Values of a volume at any points, linearly, with a few slices in memory at a time."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from derive.display.cuts import SLAB, Progress
from derive.model.volume import Array, Volume

#: Of a voxel: nearer to its centre than this, a point has its value and nothing of a neighbour's.
CENTRE = 4


def clamped(volume: Volume, indices: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return indices within the centres of the grid, and which of them were within its voxels."""
    last = np.array(volume.shape) - 1.0
    rounded = np.round(indices, CENTRE)
    inside: NDArray[np.bool_] = np.all((rounded >= -0.5) & (rounded <= last + 0.5), axis=-1)
    return np.clip(rounded, 0.0, last), inside


def sample(volume: Volume, indices: NDArray[np.float64], progress: Progress | None = None) -> Array:
    """Interpolate between the eight neighbours of each point.

    Parameters
    ----------
    volume : Volume
    indices : (..., 3)
        Continuous (slice, row, column).
    progress : callable (done, all), optional

    Returns
    -------
    (...) float32
        NaN outside the voxels of the volume, and where a neighbour that counts is padding.
    """
    points, inside = clamped(volume, indices.reshape(-1, 3))
    result = np.full(len(points), np.nan, dtype=np.float32)
    below = np.minimum(np.floor(points[:, 0]).astype(int), max(0, volume.shape[0] - 2))
    order = np.flatnonzero(inside)
    order = order[np.argsort(below[order], kind="stable")]
    first = int(below[order[0]]) if len(order) else 0
    last = int(below[order[-1]]) + 1 if len(order) else 0
    for start in range(first, last, SLAB):
        part = order[np.searchsorted(below[order], start) : np.searchsorted(below[order], start + SLAB)]
        if len(part):
            stop = min(volume.shape[0], int(below[part[-1]]) + 2)
            result[part] = _between(volume.slab(start, stop), points[part] - (start, 0, 0))
        if progress:
            progress(min(start + SLAB, last) - first, last - first)
    return result.reshape(indices.shape[:-1])


def _between(slab: Array, points: NDArray[np.float64]) -> Array:
    low = np.minimum(np.floor(points).astype(int), np.maximum(np.array(slab.shape) - 2, 0))
    share = points - low
    total = np.zeros(len(points))
    for corner in product((0, 1), repeat=3):
        weight = np.prod(np.where(corner, share, 1 - share), axis=1)
        place = np.minimum(low + corner, np.array(slab.shape) - 1)
        # A neighbour that does not count may be padding, and 0 times NaN is NaN.
        total += np.where(weight > 0, weight * slab[tuple(place.T)], 0.0)
    return total.astype(np.float32)
