"""A series as a volume: slices are decoded when they are asked for (PS3.3 C.11.1, C.7.5.1.1.2)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from derive.rescale import quantity_of
from derive.source import SourceInstance, SourceSeries
from derive.volume import Array, Volume


def stack(series: SourceSeries) -> Volume:
    """Return the real-world values of a series; NaN is pixel padding.

    Nothing is decoded before a slab is asked for.

    Raises
    ------
    ValuesError
        ``VAL-UNITS`` if the images do not share their units; ``VAL-DECODE`` when a slab is pulled whose
        compressed pixels are damaged.
    """
    return Volume(
        geometry=series.geometry,
        pull=partial(_pull, series.instances, series.geometry.shape[1:]),
        contributors=lambda index: (index,),
        quantity=quantity_of(series),
        value_range=_value_range(series.instances),
    )


def real_world_values(instance: SourceInstance, stored: NDArray[np.integer]) -> Array:
    """Rescale stored values in float64 and round once; NaN where they are padding."""
    slope, intercept = instance.rescale
    values = (stored * np.float64(slope) + np.float64(intercept)).astype(np.float32)
    if instance.padding is not None:
        low, high = instance.padding
        values[(stored >= low) & (stored <= high)] = np.nan
    return values


def _pull(instances: tuple[SourceInstance, ...], shape: tuple[int, int], first: int, last: int) -> Array:
    slab = np.empty((last - first, *shape), dtype=np.float32)
    for values, instance in zip(slab, instances[first:last], strict=True):
        values[:] = real_world_values(instance, instance.stored_values())
    return slab


def _value_range(instances: tuple[SourceInstance, ...]) -> tuple[float, float]:
    """Bounds of what the bits of all images can mean, rounded as the values are."""
    ends = [
        np.float32(bound * np.float64(i.rescale[0]) + np.float64(i.rescale[1]))
        for i in instances
        for bound in i.stored_range
    ]
    return float(min(ends)), float(max(ends))
