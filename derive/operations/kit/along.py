"""Several volumes at one place made one: which of them belong together, and their values slab by slab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from derive.errors import UsageError
from derive.model.dimension import Dimension, DimensionValue
from derive.model.frames import Volumes
from derive.model.reference import FrameRef
from derive.model.volume import Array, Quantity, SliceBySlice, Volume
from derive.told.wording import counted, flag

#: Makes one slab of those of several volumes, which come one after another.
Reduce = Callable[[Iterator[Array]], Array]
#: Returns the same for volumes of some weights.
Weigh = Callable[[Sequence[float]], Reduce]
Range = tuple[float, float] | None


class Along(NamedTuple):
    """Along what volumes are reduced, and which of them.

    Parameters
    ----------
    keyword : str, optional
        Of the dimension; None where there is one only.
    first, last : float, optional
        The least and the largest value that enters; None for no bound.
    """

    keyword: str | None
    first: float | None = None
    last: float | None = None


def reduced(
    volumes: Volumes,
    along: Along,
    reduce: Reduce,
    bounds: Callable[[Range, int], Range],
    quantity: Quantity,
    weigh: Weigh | None = None,
) -> Volumes:
    """Make one volume of all that differ in nothing but one dimension.

    Parameters
    ----------
    volumes : Volumes
    along : Along
    reduce : callable (slabs) -> slab
        (slices, rows, columns) float32 each; NaN is pixel padding.
    bounds : callable (range of a volume, how many) -> range
        What the values of the result cannot leave.
    quantity : Quantity
        What the values of the result are.
    weigh : callable (durations) -> reduce, optional
        What reduces instead, where volumes weigh as much as they were counted long.

    Raises
    ------
    UsageError
        ``OP-ALONG`` for a dimension that there is not, or that is not said where there are several; for bounds
        between which no two volumes are.
    """
    dimension = _dimension(volumes, along)
    others = tuple(d for d in volumes.dimensions if d is not dimension)
    groups = _groups(others, _within(dimension, along))
    if all(len(group) < 2 for group in groups):
        raise UsageError(
            "OP-ALONG",
            f"no two of {counted(len(volumes.volumes), 'volume')} differ in {dimension.keyword} alone"
            f"{_between(along)}; {_told(volumes)}",
        )
    counted_ms = [[volumes.durations[v] for v in group] for group in groups] if volumes.durations else []
    reduces = [weigh(each) for each in counted_ms] if weigh else [reduce] * len(groups)
    made = tuple(
        _one([volumes.volumes[v] for v in group], how, bounds, quantity)
        for group, how in zip(groups, reduces, strict=True)
    )
    kept = tuple(replace(d, values=tuple(d.values[group[0]] for group in groups)) for d in others)
    told_apart = tuple(d for d in kept if len(set(d.values)) > 1) if len(made) > 1 else ()
    return Volumes(made, told_apart, tuple(map(sum, counted_ms)), source=volumes.source)


def _dimension(volumes: Volumes, along: Along) -> Dimension:
    """Return the dimension that is meant."""
    found = [d for d in volumes.dimensions if along.keyword in (None, d.keyword)]
    if len(found) == 1:
        return found[0]
    if not volumes.dimensions:
        chosen = f"{flag('volumes', 'N')} or {flag('where', 'KEYWORD=VALUE')}"
        raise UsageError(
            "OP-ALONG",
            f"the series is one volume, or one was chosen of it ({chosen}); there is nothing along which values could "
            "be reduced",
        )
    if along.keyword is None:
        raise UsageError("OP-ALONG", f"along what? {_told(volumes)}; say it: {flag('along', 'KEYWORD')}")
    raise UsageError("OP-ALONG", f"no dimension is called {along.keyword!r:.64}; {_told(volumes)}")


def _told(volumes: Volumes) -> str:
    named = (f"{d.keyword} ({counted(len(set(d.values)), 'value')})" for d in volumes.dimensions)
    return f"the volumes are told apart by {', '.join(named)}"


def _between(along: Along) -> str:
    low, high = along.first, along.last
    if low is None and high is None:
        return ""
    return f" from {'any' if low is None else f'{low:g}'} to {'any' if high is None else f'{high:g}'}"


def _within(dimension: Dimension, along: Along) -> list[int]:
    """Return the volumes that enter: all, or those between the bounds."""
    low = -np.inf if along.first is None else along.first
    high = np.inf if along.last is None else along.last
    if (along.first, along.last) == (None, None):
        return list(range(len(dimension.values)))
    numbers = [v for v in dimension.values if isinstance(v, int | float)]
    if not numbers:
        raise UsageError("OP-ALONG", f"{dimension.keyword} has no numbers, and so no range")
    return [k for k, v in enumerate(dimension.values) if isinstance(v, int | float) and low <= v <= high]


def _groups(others: Sequence[Dimension], chosen: Sequence[int]) -> list[list[int]]:
    """Group the chosen volumes that are alike in all other dimensions, in their order."""
    groups: dict[tuple[DimensionValue, ...], list[int]] = {}
    for volume in chosen:
        groups.setdefault(tuple(d.values[volume] for d in others), []).append(volume)
    return list(groups.values())


def _one(
    volumes: Sequence[Volume], reduce: Reduce, bounds: Callable[[Range, int], Range], quantity: Quantity
) -> Volume:
    """Reduce volumes on one geometry; only a slab of one of them is at hand at a time."""
    first = volumes[0]

    def pull(begin: int, end: int) -> Array:
        return reduce(volume.slab(begin, end) for volume in volumes)

    def contributors(index: int) -> tuple[FrameRef, ...]:
        return tuple(sorted({ref for volume in volumes for ref in volume.contributors(index)}))

    ranges = [volume.value_range for volume in volumes]
    known = [r for r in ranges if r is not None]
    span = (min(r[0] for r in known), max(r[1] for r in known)) if len(known) == len(ranges) else None
    padded = any(volume.quantity.padded for volume in volumes)
    return Volume(
        first.geometry,
        SliceBySlice(pull),
        contributors,
        replace(quantity, padded=padded),
        bounds(span, len(volumes)),
    )
