"""Reductions along a dimension: the volumes of a series that differ in time, echo, b-value or direction made one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.dimension import is_time
from derive.model.frames import Volumes
from derive.model.volume import Array
from derive.operations.declaration import operation_along
from derive.operations.kit.along import Along, Range, Reduce, reduced
from derive.operations.kit.scales import ON_A_SCALE, ON_NO_SCALE
from derive.told.wording import flag

F = TypeVar("F", bound=Callable[..., Volumes])
#: How many values there are that are no padding, their mean, and the sum of their squared distances from it, by pixel.
Moments = tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]
#: What holds for every reduction, behind the first line of its docstring.
ALONG = """
Volumes that differ in nothing but this dimension become one; where several dimensions tell volumes apart, one is made
of each set that is alike in the others. Pixel padding is left out; what is padding in all of them stays padding, and a
sum is padding where any value is.

Parameters
----------
volumes : Volumes
along : str, optional
    Keyword of the dimension, as ``inspect`` names it: ``DiffusionGradientOrientation``; not needed where there is one.
from_ : float, optional
    The least value of the dimension that enters.
to : float, optional
    The largest one.

Raises
------
UsageError
    ``OP-ALONG`` for a series of one volume, a dimension that it has not, or a range in which there are no two.
"""


#: What a reduction can do beside that.
RAISES = "\nRaises\n------\n"
WEIGHTS = """weights : {"duration", "equal"}, optional
    How much each volume counts: as long as its events were counted, or as much as any other. By default the first where
    the source says durations that differ (PET, Actual Frame Duration) and the dimension is a time; it is recorded.
"""


def _along(operation: F) -> F:
    more = WEIGHTS if "weights" in inspect.signature(operation).parameters else ""
    operation.__doc__ = f"{inspect.getdoc(operation) or ''}\n{ALONG.replace(RAISES, more + RAISES)}"
    return operation


def _by_pixel(_: Mapping[str, Any]) -> bool:
    """Every pixel is made of those at its place: no slice looks at another."""
    return True


def _weights(volumes: Volumes, said: Mapping[str, Any]) -> dict[str, Any]:
    """Say that durations weigh, where they are known and differ."""
    keywords = [said["along"]] if said["along"] else [d.keyword for d in volumes.dimensions]
    by_duration = said["weights"] is None and len(set(volumes.durations)) > 1 and all(map(is_time, keywords))
    return {"weights": "duration"} if by_duration else {}


@operation_along(
    "PixelByPixelMean",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    terms={"ImageType": "MEAN"},
    in_planes=_by_pixel,
    example={"along": "DiffusionGradientOrientation"},
    settles=_weights,
    by_sample=True,
)
@_along
def mean_over(
    volumes: Volumes,
    *,
    along: str | None = None,
    from_: float | None = None,
    to: float | None = None,
    weights: Literal["duration", "equal"] | None = None,
) -> Volumes:
    """Return the mean along a dimension."""
    chosen = weights or _weights(volumes, {"along": along, "weights": weights}).get("weights")
    if chosen == "duration" and not volumes.durations:
        raise UsageError(
            "OP-WEIGHTS",
            "the source does not say for how long the events of each volume were counted (Actual Frame Duration), and "
            f"so not what they weigh: {flag('weights', 'equal')}",
        )
    weigh = _weighted if chosen == "duration" else None
    return reduced(volumes, Along(along, from_, to), _mean, lambda span, _: span, volumes.quantity, weigh)


@operation_along(
    "PixelByPixelMaximum",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_VALUES,
    terms={"ImageType": "MAXIMUM"},
    in_planes=_by_pixel,
    example={"along": "TriggerTime"},
)
@_along
def maximum_over(
    volumes: Volumes, *, along: str | None = None, from_: float | None = None, to: float | None = None
) -> Volumes:
    """Return the largest value along a dimension."""
    return reduced(
        volumes, Along(along, from_, to), functools.partial(functools.reduce, np.fmax), lambda s, _: s, volumes.quantity
    )


@operation_along(
    "PixelByPixelMinimum",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_VALUES,
    terms={"ImageType": "MINIMUM"},
    in_planes=_by_pixel,
    example={"along": "EchoTime", "from_": 0, "to": 20},
)
@_along
def minimum_over(
    volumes: Volumes, *, along: str | None = None, from_: float | None = None, to: float | None = None
) -> Volumes:
    """Return the smallest value along a dimension."""
    return reduced(
        volumes, Along(along, from_, to), functools.partial(functools.reduce, np.fmin), lambda s, _: s, volumes.quantity
    )


@operation_along(
    "PixelByPixelAddition",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    terms={"ImageType": "ADDITION"},
    in_planes=_by_pixel,
    example={"along": "EchoTime"},
)
@_along
def sum_over(
    volumes: Volumes, *, along: str | None = None, from_: float | None = None, to: float | None = None
) -> Volumes:
    """Return the sum along a dimension, in the units of the values; sums of HU are in none (US)."""
    quantity = volumes.quantity
    units = ON_NO_SCALE if quantity.units in ON_A_SCALE else quantity.units
    return reduced(volumes, Along(along, from_, to), _sum, _of_a_sum, replace(quantity.unnamed(units), fill=0.0))


@operation_along(
    "DCM:113061",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    in_planes=_by_pixel,
    terms={"ImageType": "STD_DEVIATION"},
    example={"along": "TemporalPositionIdentifier"},
)
@_along
def standard_deviation_over(
    volumes: Volumes, *, along: str | None = None, from_: float | None = None, to: float | None = None
) -> Volumes:
    """Return the standard deviation along a dimension, of the sample (n - 1), in the units of the values."""
    quantity = replace(volumes.quantity.unnamed(), fill=0.0, step=None)
    return reduced(volumes, Along(along, from_, to), _standard_deviation, _of_a_deviation, quantity)


def _of_a_sum(span: Range, count: int) -> Range:
    """What a sum of up to so many values cannot leave."""
    return None if span is None else (min(span[0], span[0] * count), max(span[1], span[1] * count))


def _of_a_deviation(span: Range, _: int) -> Range:
    """What the deviation of a sample cannot leave: of two values it is at most their distance by the root of 2."""
    return None if span is None else (0.0, (span[1] - span[0]) * float(np.sqrt(0.5)) * (1 + 1e-6))


def _mean(slabs: Iterator[Array]) -> Array:
    counts, means, _ = _moments(slabs)
    return np.where(counts > 0, means, np.nan).astype(np.float32)


def _weighted(weights: Sequence[float]) -> Reduce:
    return functools.partial(_weighted_mean, weights=weights)


def _weighted_mean(slabs: Iterator[Array], weights: Sequence[float]) -> Array:
    """Return the mean of values that weigh differently; padding has no weight."""
    sums: list[NDArray[np.float64]] = []
    for slab, own in zip(slabs, weights, strict=True):
        native = ~np.isnan(slab)
        more = np.stack([np.where(native, slab, 0).astype(np.float64) * own, native * own])
        sums = [more if not sums else sums[0] + more]
    total, weight = sums[0]
    mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    return np.asarray(mean, dtype=np.float32)


def _sum(slabs: Iterator[Array]) -> Array:
    """Return the sum; padding where any value is: a sum that lacks one is another sum."""
    total = functools.reduce(lambda a, b: a + b, (slab.astype(np.float64) for slab in slabs))
    return np.asarray(total, dtype=np.float32)


def _standard_deviation(slabs: Iterator[Array]) -> Array:
    counts, _, squares = _moments(slabs)
    variance = np.divide(squares, counts - 1, out=np.zeros_like(squares), where=counts > 1)
    return np.where(counts > 0, np.sqrt(variance), np.nan).astype(np.float32)


def _moments(slabs: Iterator[Array]) -> Moments:
    """Return count, mean and sum of squared distances, value by value (Welford 1962)."""
    first = next(slabs)
    counts = (~np.isnan(first)).astype(np.int_)
    means = np.where(counts > 0, first, 0).astype(np.float64)
    squares = np.zeros_like(means)
    for slab in slabs:
        native = ~np.isnan(slab)
        counts += native
        off = np.where(native, slab - means, 0.0)
        means += np.divide(off, counts, out=np.zeros_like(means), where=counts > 0)
        squares += off * np.where(native, slab - means, 0.0)
    return counts, means, squares
