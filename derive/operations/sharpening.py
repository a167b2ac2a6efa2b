"""Edges made steeper: by what a wide blur takes away, or by the second differences of neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.volume import Array, Volume
from derive.operations.blur import gaussian_blur
from derive.operations.declaration import Millimetres, Pixels, operation
from derive.operations.kit.lengths import stays_in_planes, width_told, width_tried
from derive.operations.kit.neighbours import Surroundings, plane_by_plane

Range = tuple[float, float] | None


def _width(given: Mapping[str, Any]) -> Any:
    return width_told("sigma", given) if given["sigma_mm"] is None else given["sigma_mm"]


@operation(
    "UnsharpMask",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: width_tried("sigma", max(geometry.pixel_spacing), geometry),
    example={"sigma_mm": 2, "amount": 0.8},
    short=lambda given: f"unsharp mask {short_text_of([_width(given), given['amount'], given['threshold']])}",
    in_planes=partial(stays_in_planes, "sigma"),
    by_sample=True,
)
def unsharp_mask(
    volume: Volume,
    *,
    sigma_mm: Millimetres | None = None,
    sigma_px: Pixels | None = None,
    amount: float = 1.0,
    threshold: float = 0.0,
    in_planes: bool = False,
) -> Volume:
    """Add to each value what a Gaussian blur takes from it.

    What is added can leave the range of the values: nothing is cut off. The blur is that of `gaussian_blur`, at
    borders and around pixel padding too; padding stays padding.

    Parameters
    ----------
    volume : Volume
    sigma_mm : float or (x, y, z), optional
        Standard deviation of the blur in mm: one for all axes, or along a row, down a column and through the slices.
    sigma_px : float or (x, y, z), optional
        The same in pixels, for images of which nobody says how large one is.
    amount : float
        How much of the difference is added.
    threshold : float
        Differences that are not larger are left alone, in the units of the values: they are noise.
    in_planes : bool
        Whether slices are sharpened each by itself, which leaves those that lean or lie unevenly where they are.

    Raises
    ------
    UsageError
        ``OP-SIGMA``, ``OP-LENGTH`` as `gaussian_blur`; ``OP-AMOUNT`` unless the amount is above 0 and the threshold 0
        or more.
    """
    _check("amount", amount, amount > 0)
    _check("threshold", threshold, threshold >= 0)
    blurred = gaussian_blur(sigma_mm=sigma_mm, sigma_px=sigma_px, in_planes=in_planes)(volume)

    def pull(first: int, last: int) -> Array:
        values = volume.slab(first, last)
        detail = values - blurred.slab(first, last)
        detail[np.abs(detail) <= threshold] = 0
        detail *= np.float32(amount)
        detail += values
        return detail

    return replace(volume, pull=pull, contributors=blurred.contributors, value_range=_wider(volume.value_range, amount))


@operation(
    "EdgeEnhancement",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    example={"amount": 0.5},
    short=lambda given: f"sharpen {short_text_of(given['amount'])}{' in planes' if given['in_planes'] else ''}",
    in_planes=lambda given: given["in_planes"],
    by_sample=True,
)
def sharpen(volume: Volume, *, amount: float = 1.0, in_planes: bool = False) -> Volume:
    """Take away from each value the second differences from its neighbours (Laplacian).

    Of pixels as long as they are wide, in planes and with an amount of 1, it is the kernel 0 -1 0, -1 5 -1, 0 -1 0. A
    difference along an axis of larger voxels counts less, by the square of the ratio of their lengths. What comes out
    can leave the range of the values: nothing is cut off. Beyond the border of the volume and in pixel padding there is
    no neighbour, and no difference; padding stays padding.

    Parameters
    ----------
    volume : Volume
    amount : float
        How much of it is taken away.
    in_planes : bool
        Whether slices are sharpened each by itself, which leaves those that lean or lie unevenly where they are.

    Raises
    ------
    UsageError
        ``OP-AMOUNT`` unless the amount is above 0.
    """
    _check("amount", amount, amount > 0)
    axes = [axis for axis in range(3) if volume.shape[axis] > 1 and not (axis == 0 and in_planes)]
    spacing = volume.geometry.spacing
    finest = min((spacing[axis] for axis in axes), default=1.0)
    weights = [amount * (finest / spacing[axis]) ** 2 if axis in axes else 0.0 for axis in range(3)]

    def plane(values: Surroundings) -> Array:
        own = values.plane
        result = np.array(own)
        for axis, weight in enumerate(weights):
            for step in (-1, 1) if weight else ():
                offset = np.eye(3, dtype=np.intp)[axis] * step
                result += np.nan_to_num(own - values.at(offset), nan=0.0) * np.float32(weight)
        return result

    slices, rows, columns = (int(weight > 0) for weight in weights)
    sharp = plane_by_plane(volume, (slices, rows, columns), plane)
    return replace(sharp, value_range=_wider(volume.value_range, 2 * sum(weights)))


def _check(name: str, value: float, right: bool) -> None:
    if not (right and math.isfinite(value)):
        least = "above" if name == "amount" else "from"
        raise UsageError("OP-AMOUNT", f"{name} {value}; wanted a finite number {least} 0")


def _wider(known: Range, factor: float) -> Range:
    """Return what values cannot leave to which up to `factor` times their distance from another one is added."""
    if known is None:
        return None
    more = factor * (known[1] - known[0]) * (1 + 1e-6)
    return known[0] - more, known[1] + more
