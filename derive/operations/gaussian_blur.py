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
Kernel = NDArray[np.float64]


@operation("GaussianBlur", GeometryEffect.KEEPS_GRID, ValuesEffect.KEEPS_QUANTITY)
def gaussian_blur(volume: Volume, sigma_mm: Millimetres) -> Volume:
    """Smooth with a Gaussian of a width in millimetres.

    The kernel ends at 4 standard deviations. At the border of the volume and around pixel padding the
    weights that are left are normalised: nothing enters from outside, and padding stays padding.

    Parameters
    ----------
    volume : Volume
    sigma_mm : float or (x, y, z)
        Standard deviation in mm: one for all axes, or along a row, down a column and through the slices.

    Raises
    ------
    UsageError
        ``OP-SIGMA`` if a width is negative or not a number.
    """
    sigmas = along_axes(sigma_mm)
    if not all(math.isfinite(s) and s >= 0 for s in sigmas):
        raise UsageError("OP-SIGMA", f"sigma_mm {sigma_mm}; wanted 0 or more, in mm")
    kernels = [_kernel(s / step) for s, step in zip(sigmas, volume.geometry.spacing, strict=True)]
    reach, count = len(kernels[0]) // 2, volume.shape[0]

    def around(first: int, last: int) -> tuple[int, int]:
        return max(0, first - reach), min(count, last + reach)

    def pull(first: int, last: int) -> Array:
        start, stop = around(first, last)
        return _normalised(volume.slab(start, stop), kernels)[first - start : last - start]

    def contributors(index: int) -> tuple[int, ...]:
        return volume.contributors_of(range(*around(index, index + 1)))

    return replace(volume, pull=pull, contributors=contributors)


def _kernel(sigma: float) -> Kernel:
    """Weights of a Gaussian of `sigma` voxels, summing to 1."""
    radius = int(TRUNCATE * sigma + 0.5)
    if radius == 0:
        return np.ones(1)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def _normalised(slab: Array, kernels: list[Kernel]) -> Array:
    """Weighted mean of what is inside the volume and no padding (normalised convolution, Knutsson 1993)."""
    padding = np.isnan(slab)
    if not padding.any():
        return np.asarray(_separable(slab, kernels) / _border_weights(slab.shape, kernels), dtype=np.float32)
    values = _separable(np.where(padding, np.float32(0), slab), kernels)
    weights = _separable((~padding).astype(np.float32), kernels)
    result = np.divide(values, weights, out=np.full_like(values, np.nan), where=~padding)
    return np.asarray(result, dtype=np.float32)


def _separable(values: Array, kernels: list[Kernel]) -> Array:
    for axis, kernel in enumerate(kernels):
        if len(kernel) > 1:
            values = correlate1d(values, kernel, axis=axis, mode="constant")
    return values


def _border_weights(shape: tuple[int, ...], kernels: list[Kernel]) -> Array:
    """Sum of the weights that fall inside; a product of one line an axis."""
    lines = [correlate1d(np.ones(n), k, mode="constant") for n, k in zip(shape, kernels, strict=True)]
    product = lines[0][:, None, None] * lines[1][:, None] * lines[2]
    return product.astype(np.float32)
