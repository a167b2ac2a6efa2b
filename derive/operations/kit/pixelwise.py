"""Several volumes on one grid made one, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from derive.model.reference import FrameRef
from derive.model.volume import Array, Quantity, SliceBySlice, Volume

#: Makes a slab of those of all series, the first one first.
Combine = Callable[[Sequence[Array]], Array]


def by_pixel(given: Mapping[str, Any]) -> bool:
    """Every pixel is made of those at its place: no slice looks at another, unless a series is interpolated."""
    return bool(given["align"] != "resample")


def combined(
    volumes: Sequence[Volume],
    combine: Combine,
    quantity: Quantity,
    bounds: Callable[[Sequence[tuple[float, float]]], tuple[float, float]] | None,
) -> Volume:
    """Make one volume of several on one grid, slab by slab: padding of any of them is NaN, and stays it."""

    def pull(first: int, last: int) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return combine([volume.slab(first, last) for volume in volumes]).astype(np.float32, copy=False)

    def contributors(index: int) -> tuple[FrameRef, ...]:
        return tuple(sorted({ref for volume in volumes for ref in volume.contributors(index)}))

    known = [v.value_range for v in volumes if v.value_range is not None]
    span = bounds(known) if bounds and len(known) == len(volumes) else None
    padded = quantity.padded or any(volume.quantity.padded for volume in volumes)
    return Volume(volumes[0].geometry, SliceBySlice(pull), contributors, replace(quantity, padded=padded), span)
