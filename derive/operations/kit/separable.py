"""Weighted means of a volume, axis by axis, into which no padding enters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from derive import parallel
from derive.model.volume import Array, Volume
from derive.operations.kit.correlation import Exact, along_slices, has_padding, precision

#: Sums planes with weights, down and along: (slices, rows, columns) and a dtype to (slices, rows', columns').
InPlanes = Callable[[Array, DTypeLike], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Separable:
    """How the planes of a volume are summed, and then the slices.

    Parameters
    ----------
    volume : Volume
    in_planes : callable (planes, dtype) -> planes
    reach : callable (first, last) -> (start, stop)
        The slices of the volume from which slices of the result are made.
    weights : callable ((first, last), (start, stop)) -> (slices of the result, slices)
        With which they are; each row sums to 1.
    padding : callable (planes) -> bool planes
        Which voxels of the result are padding, from the NaN of the slices `nearest` to them.
    nearest : callable (slice of the result) -> slice of the volume
    inside : ((rows',), (columns',)), optional
        The sums of the weights that fall inside a plane, down and along; None where they are 1 everywhere.
    """

    volume: Volume
    in_planes: InPlanes
    reach: Callable[[int, int], tuple[int, int]]
    weights: Callable[[tuple[int, int], tuple[int, int]], Exact]
    padding: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]
    nearest: Callable[[int], int]
    inside: tuple[Exact, Exact] | None = None

    @property
    def scale(self) -> Exact | None:
        """One over the sum of the weights inside: (rows', columns'). A series of many volumes keeps none of them."""
        return None if self.inside is None else np.asarray(1 / (self.inside[0][:, None] * self.inside[1]))

    def pull(self, first: int, last: int) -> Array:
        """Compute slices `first` to `last` of the result."""
        start, stop = self.reach(first, last)
        weights = self.weights((first, last), (start, stop))
        source = self.volume.slab(start, stop) if self.volume.quantity.padded else None
        padded, scale = _meets_padding(source, weights), self.scale
        if source is None or not any(padded):
            return along_slices(weights, self._sums.slab(start, stop), scale).astype(np.float32, copy=False)
        sums = along_slices(weights, self._sums.slab(start, stop))
        totals = along_slices(weights, self._totals.slab(start, stop))
        inverse = np.ones((1, 1), sums.dtype) if scale is None else scale.astype(sums.dtype)
        result = np.empty(sums.shape, np.float32)

        def normalise(index: int) -> None:
            with np.errstate(invalid="ignore", divide="ignore"):  # deep in the padding there are no weights
                factor = 1 / totals[index] if padded[index] else inverse
                np.multiply(sums[index], factor, out=result[index], casting="same_kind")
            result[index][self.padding(np.isnan(source[self.nearest(first + index) - start]))] = np.nan

        parallel.each(normalise, range(last - first))
        return result

    @cached_property
    def _sums(self) -> Volume:
        """Sums of weight times value, over the planes only; padding counts nothing."""

        def pull(first: int, last: int) -> Array:
            source = self.volume.slab(first, last)
            planes = np.nan_to_num(source, nan=0.0) if self.volume.quantity.padded else source
            return self.in_planes(planes, precision(planes, self.volume.quantity.step))

        return replace(self.volume, pull=pull)

    @cached_property
    def _totals(self) -> Volume:
        """Sums of the weights that meet no padding, over the planes only."""

        def pull(first: int, last: int) -> Array:
            there = ~np.isnan(self.volume.slab(first, last))
            return self.in_planes(there.astype(np.float32), np.float64)

        return replace(self.volume, pull=pull)


def _meets_padding(source: Array | None, weights: Exact) -> list[bool]:
    """Whether padding has weight, for each slice of the result."""
    if source is None:
        return [False] * len(weights)
    return [bool(v) for v in (weights > 0) @ np.array(parallel.each(has_padding, list(source)))]
