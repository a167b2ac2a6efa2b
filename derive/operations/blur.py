"""Gaussian smoothing on the grid as it is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.volume import Volume
from derive.operations.declaration import Millimetres, Pixels, operation
from derive.operations.kit.correlation import Exact, banded, inside
from derive.operations.kit.correlation import in_planes as smoothed
from derive.operations.kit.lengths import stays_in_planes, width_told, width_tried, widths_of
from derive.operations.kit.separable import Separable

#: Where the kernel ends, in standard deviations.
TRUNCATE = 4.0


@operation(
    "GaussianBlur",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=partial(width_tried, "sigma", 1.0),
    example={"sigma_mm": 1.5},
    short=lambda given: f"blur {width_told('sigma', given)}",
    in_planes=partial(stays_in_planes, "sigma"),
    by_sample=True,
)
def gaussian_blur(
    volume: Volume, *, sigma_mm: Millimetres | None = None, sigma_px: Pixels | None = None, in_planes: bool = False
) -> Volume:
    """Smooth with a Gaussian of a width in millimetres, or in pixels.

    The kernel ends at 4 standard deviations. At the border of the volume and around pixel padding the
    weights that are left are normalised: nothing enters from outside, and padding stays padding.

    Parameters
    ----------
    volume : Volume
    sigma_mm : float or (x, y, z), optional
        Standard deviation in mm: one for all axes, or along a row, down a column and through the slices;
        0 leaves an axis as it is.
    sigma_px : float or (x, y, z), optional
        The same in pixels, for images of which nobody says how large one is.
    in_planes : bool
        Whether slices are smoothed each by itself, which leaves those that lean or lie unevenly where they are.

    Raises
    ------
    UsageError
        ``OP-SIGMA`` unless one width is given, if it is negative or not finite, or one through the slices is given
        where these stay by themselves; ``OP-LENGTH`` unless there are one or three.

    References
    ----------
    Knutsson, Westin, "Normalized and differential convolution", CVPR 1993.
    """
    said = {"sigma_mm": sigma_mm, "sigma_px": sigma_px, "in_planes": in_planes}
    sigmas = widths_of(volume, "sigma", said, code="OP-SIGMA")
    kernels = [
        _kernel(sigma / spacing, length)
        for sigma, spacing, length in zip(sigmas, volume.geometry.spacing, volume.shape, strict=True)
    ]
    geometry, count, reach = volume.geometry, volume.shape[0], len(kernels[0]) // 2

    def around(first: int, last: int) -> tuple[int, int]:
        return max(0, first - reach), min(count, last + reach)

    down, along = (inside(k, n) for k, n in zip(kernels[1:], geometry.shape[1:], strict=True))
    smooth = Separable(
        volume,
        in_planes=lambda planes, kind: smoothed(planes, kernels[1], kernels[2], kind=kind),
        reach=around,
        weights=lambda wanted, at_hand: banded(kernels[0], wanted, at_hand, count),
        padding=lambda planes: planes,
        nearest=lambda index: index,
        inside=(down, along),
    )
    return replace(
        volume,
        pull=smooth.pull,
        contributors=lambda index: volume.contributors_of(range(*around(index, index + 1))),
    )


def _kernel(sigma: float, length: int) -> Exact:
    """Weights of a Gaussian of `sigma` voxels, no longer than an axis of `length` voxels can use."""
    radius = int(min(TRUNCATE * sigma, length) + 0.5)
    if radius == 0:
        return np.ones(1)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.asarray(weights / weights.sum())
