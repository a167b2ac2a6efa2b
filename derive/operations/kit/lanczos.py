"""Interpolation with a windowed sinc along the axes: ten taps each, rows first, then columns, then slices.

The same as ITK's filter, whose kernel is the product of one along each axis, for a thirtieth of the time: it takes a
thousand voxels for one. Its weights are normalised here, and beyond the border the border goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.operations.kit.correlation import ALONE, Exact, along_slices, opencv

RADIUS = 5
#: Lines of the result that are made by one product: few, since the weights beside their taps are zeros.
TILE = 16


def weights_at(places: Exact, length: int) -> Exact:
    """Return with which voxels of an axis places on it are made: (places, length), each row sums to 1."""
    base = np.floor(places)
    matrix = np.zeros((len(places), length))
    rows = np.arange(len(places))
    for tap in range(1 - RADIUS, RADIUS + 1):
        away = places - base - tap
        share = np.where(np.abs(away) < RADIUS, np.sinc(away) * np.sinc(away / RADIUS), 0.0)
        np.add.at(matrix, (rows, np.clip(base + tap, 0, length - 1).astype(np.intp)), share)
    on_voxel = places == base  # the sinc of whole numbers is 0 but for its rounding
    matrix[on_voxel] = 0
    matrix[rows[on_voxel], np.clip(base[on_voxel], 0, length - 1).astype(np.intp)] = 1
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def product(weights: Exact, lines: NDArray[Any]) -> NDArray[Any]:
    """Sum lines with weights of which most are 0: (places, length) and (length, n) to (places, n)."""
    result = np.empty((len(weights), lines.shape[1]), lines.dtype)
    for first in range(0, len(weights), TILE):
        some = weights[first : first + TILE]
        used = np.flatnonzero(some.any(axis=0))
        low, high = int(used[0]), int(used[-1]) + 1
        matrix = np.ascontiguousarray(some[:, low:high], lines.dtype)
        width = max(1, ALONE // matrix.size)  # no call of BLAS is shared out among threads
        for start in range(0, lines.shape[1], width):
            part = slice(start, start + width)
            np.matmul(matrix, lines[low:high, part], out=result[first : first + TILE, part])
    return result


def lanczos(slab: NDArray[Any], places: Sequence[Exact]) -> NDArray[Any]:
    """Interpolate at places on the axes of a slab.

    Parameters
    ----------
    slab : (slices, rows, columns)
        Without padding.
    places : (slices', ), (rows', ), (columns', )
        Indices in the slab; beyond its ends the border goes on.

    Returns
    -------
    (slices', rows', columns') float64
    """
    slices, rows, columns = (weights_at(p, n) for p, n in zip(places, slab.shape, strict=True))
    cv, planes = opencv(), np.empty((len(slab), len(rows), len(columns)))

    def interpolate(index: int) -> None:
        across = cv.transpose(product(rows, slab[index].astype(np.float64)))
        cv.transpose(product(columns, across), dst=planes[index])

    parallel.each(interpolate, range(len(slab)))
    return along_slices(slices, planes)
