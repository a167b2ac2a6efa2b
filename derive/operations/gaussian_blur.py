"""Gaussian smoothing on the grid as it is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from derive.derivation import GeometryEffect, ValuesEffect
from derive.errors import UsageError
from derive.operations._lengths import along_axes
from derive.operations.declaration import Millimetres, operation
from derive.volume import Array, Volume

#: Where the kernel ends, in standard deviations.
TRUNCATE = 4.0
#: Between the axes values are kept in double precision: float32 is rounded to once, at the end.
Exact = NDArray[np.float64]


@operation("GaussianBlur", GeometryEffect.KEEPS_GRID, ValuesEffect.KEEPS_QUANTITY)
def gaussian_blur(volume: Volume, sigma_mm: Millimetres) -> Volume:
    """Smooth with a Gaussian of a width in millimetres.

    The kernel ends at 4 standard deviations. At the border of the volume and around pixel padding the
    weights that are left are normalised: nothing enters from outside, and padding stays padding.

    Parameters
    ----------
    volume : Volume
    sigma_mm : float or (x, y, z)
        Standard deviation in mm: one for all axes, or along a row, down a column and through the slices;
        0 leaves an axis as it is.

    Raises
    ------
    UsageError
        ``OP-SIGMA`` if a width is negative or not finite, ``OP-LENGTH`` unless there are one or three.

    References
    ----------
    Knutsson, Westin, "Normalized and differential convolution", CVPR 1993.
    """
    sigmas = along_axes(sigma_mm)
    if not all(math.isfinite(s) and s >= 0 for s in sigmas):
        raise UsageError("OP-SIGMA", f"sigma_mm {sigma_mm}; wanted 0 or more, in mm")
    geometry, count = volume.geometry, volume.shape[0]
    kernels = [
        _kernel(sigma / spacing, length)
        for sigma, spacing, length in zip(sigmas, geometry.spacing, geometry.shape, strict=True)
    ]
    reach = len(kernels[0]) // 2

    def around(first: int, last: int) -> tuple[int, int]:
        return max(0, first - reach), min(count, last + reach)

    def pull(first: int, last: int) -> Array:
        start, stop = around(first, last)
        return _normalised(volume.slab(start, stop), slice(first - start, last - start), kernels)

    def contributors(index: int) -> tuple[int, ...]:
        return volume.contributors_of(range(*around(index, index + 1)))

    return replace(volume, pull=pull, contributors=contributors)


def _kernel(sigma: float, length: int) -> Exact:
    """Weights of a Gaussian of `sigma` voxels, no longer than an axis of `length` voxels can use."""
    radius = int(min(TRUNCATE * sigma, length) + 0.5)
    if radius == 0:
        return np.ones(1)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def _normalised(slab: Array, wanted: slice, kernels: list[Exact]) -> Array:
    """Weighted mean of what is inside the volume and no padding, of the slices `wanted` of a slab."""
    padding = np.isnan(slab)
    if not padding.any():
        result = _separable(slab, wanted, kernels)
        result /= _border_weights(slab.shape, wanted, kernels)
        return result.astype(np.float32)
    values = _separable(np.where(padding, np.float32(0), slab), wanted, kernels)
    weights = _separable((~padding).astype(np.float32), wanted, kernels)
    result = np.divide(values, weights, out=np.full_like(values, np.nan), where=~padding[wanted])
    return result.astype(np.float32)


def _separable(values: Array, wanted: slice, kernels: list[Exact]) -> Exact:
    """Sum along each axis in turn; the slices of the halo are gone after the first."""
    result = correlate1d(values, kernels[0], axis=0, output=np.float64, mode="constant")[wanted]
    for axis in (1, 2):
        if len(kernels[axis]) > 1:
            result = correlate1d(result, kernels[axis], axis=axis, mode="constant")
    return np.asarray(result)


def _border_weights(shape: tuple[int, ...], wanted: slice, kernels: list[Exact]) -> Exact:
    """Sum of the weights that fall inside; a product of one line an axis."""
    lines: list[Exact] = [correlate1d(np.ones(n), k, mode="constant") for n, k in zip(shape, kernels, strict=True)]
    return np.asarray(lines[0][wanted, None, None] * lines[1][:, None] * lines[2])
