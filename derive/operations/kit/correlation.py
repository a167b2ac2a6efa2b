"""Correlation with short kernels: in the planes by OpenCV's separable filter, along the slices by a matrix product.

Chosen by measurement (2026-11-21, two cores and two threads, 512 x 512, 13 taps each way in the planes and 9 along
the slices, the best of several runs in ms a slice):

==================================  =========  ============  ===========================================
what                                in planes  along slices  its price
==================================  =========  ============  ===========================================
scipy.ndimage.correlate1d, float64  3.0        1.8           import 0.17 s
SimpleITK.DiscreteGaussian          11.2 in all              import 0.10 s
SimpleITK.SmoothingRecursive...     6.3 in all               another kernel: it has no end
numba loops, float32                1.2        0.95          import 0.10 s, 208 MB, 0.8 s to compile at first
OpenCV sepFilter2D, float32         0.26       0.30          import 0.02 s, 150 MB, Python 3.7 on
OpenCV sepFilter2D, float64         0.67       0.65
numpy matmul, float32               -          0.20          nothing: numpy is there
numpy matmul, float64               -          0.52
==================================  =========  ============  ===========================================

What BLAS sums must not depend on how many threads it has (2026-11-30): that number is a setting of the whole process,
so it cannot be set for one call while others run, and a call that is shared out sums in another order. Calls are so
small here that none is shared out, which is also twice as fast as large ones; tests/operations/test_threads.py holds
it for the BLAS at hand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from derive import parallel
from derive.model.volume import Array

Exact = NDArray[np.float64]
#: Values of at most so many steps are filtered in float32: its error then stays below 1e-3 of a step.
FEW_STEPS = 1 << 12
#: Voxels of a plane that a thread sums along the slices before it takes the next ones.
BAND = 1 << 14
#: Products of one call of BLAS: OpenBLAS shares out a call from 2**18 on among threads, which sum in another order.
ALONE = 1 << 17


def precision(values: Array, step: float | None) -> DTypeLike:
    """Single precision where its 24 bits are enough for the values; a step that is not known may be any."""
    if step is None:
        return np.float64
    largest = max(parallel.each(_magnitude, list(values)))
    return np.float32 if largest <= FEW_STEPS * step else np.float64


def _magnitude(plane: Array) -> float:
    return max(abs(float(plane.min())), abs(float(plane.max())))


def in_planes(planes: Array, down: Exact, along: Exact, *, kind: DTypeLike) -> NDArray[Any]:
    """Correlate each plane down its columns and along its rows; beyond its border there is 0.

    Parameters
    ----------
    planes : (slices, rows, columns) float32
    down, along : (odd number,)
    kind : dtype
        float32 or float64, of the sums and of the result.

    Returns
    -------
    (slices, rows, columns) of `kind`
    """
    if len(down) == len(along) == 1:
        return planes.astype(kind, copy=False)
    cv = opencv()
    result = np.empty(planes.shape, kind)
    depth = cv.CV_32F if result.itemsize == 4 else cv.CV_64F
    kernels = along.astype(kind), down.astype(kind)

    def filtered(index: int) -> None:
        cv.sepFilter2D(planes[index], depth, *kernels, dst=result[index], borderType=cv.BORDER_CONSTANT)

    parallel.each(filtered, range(len(planes)))
    return result


def along_slices(weights: Exact, planes: NDArray[Any], scale: Exact | None = None) -> NDArray[Any]:
    """Sum slices with weights.

    Parameters
    ----------
    weights : (slices of the result, slices)
    planes : (slices, rows, columns) float32 or float64
    scale : (rows, columns), optional
        What each sum is multiplied by.

    Returns
    -------
    (slices of the result, rows, columns) of the kind of the planes
    """
    if len(weights) == len(planes) and scale is None and np.array_equal(weights, np.eye(len(planes))):
        return planes
    matrix, source = weights.astype(planes.dtype), planes.reshape(len(planes), -1)
    sums = np.empty((len(weights), *planes.shape[1:]), planes.dtype)
    target = sums.reshape(len(weights), -1)
    factors = None if scale is None else scale.astype(planes.dtype).ravel()

    width = max(1, ALONE // matrix.size)

    def product(first: int) -> None:
        last = min(first + BAND, source.shape[1])
        for start in range(first, last, width):
            part = slice(start, min(start + width, last))
            np.matmul(matrix, source[:, part], out=target[:, part])
        if factors is not None:
            target[:, first:last] *= factors[first:last]

    parallel.each(product, range(0, source.shape[1], BAND))
    return sums


def banded(kernel: Exact, wanted: tuple[int, int], at_hand: tuple[int, int], count: int) -> Exact:
    """Weights with which slices make the slices `wanted`, a row each; what falls inside the volume sums to 1.

    Parameters
    ----------
    kernel : (odd number,)
    wanted, at_hand : (first, last)
        `at_hand` has all that the kernel reaches inside the volume.
    count : int
        Slices of the volume.
    """
    weights = np.zeros((wanted[1] - wanted[0], at_hand[1] - at_hand[0]))
    radius = len(kernel) // 2
    for row, index in zip(weights, range(*wanted), strict=True):
        first, last = max(0, index - radius), min(count, index + radius + 1)
        reached = kernel[first - index + radius : last - index + radius]
        row[first - at_hand[0] : last - at_hand[0]] = reached / reached.sum()
    return weights


def inside(kernel: Exact, length: int) -> Exact:
    """Sum of the weights that fall inside, for each place of an axis."""
    return np.convolve(np.ones(length), kernel)[len(kernel) // 2 :][:length]


def has_padding(plane: Array) -> bool:
    """Whether any value is NaN."""
    return bool(np.isnan(plane.min()))


def opencv() -> Any:
    """Return OpenCV, which is imported when it is first needed."""
    import cv2

    return cv2
