"""What the projections share: slabs, the grid of the result, and how values are looked at in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from derive import parallel
from derive.errors import UsageError
from derive.model.axes import AxisOrder, PlaneName, axis_order_of
from derive.model.geometry import Geometry, triple
from derive.model.reference import FrameRef
from derive.model.volume import Array, Volume

#: Makes one image of the planes of a slab, which come some at a time: (planes, rows, columns) each.
#: NaN is ignored, and is the result where there is nothing else.
Reduce = Callable[[Iterator[Array]], Array]

#: How many slices of the source are looked at together.
CHUNK = 16
#: Lengths that differ by less, in plane spacings, are equal.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class SlabLayout:
    """Which planes go into which slab.

    Slabs start at the outer edge of the first plane, one step after another, while they start inside
    and the one before has not reached the end; the last may be cut short by the end, so nothing is lost.

    Parameters
    ----------
    planes : int
    spacing_mm : float
        Distance between the planes.
    thickness_mm, step_mm : float
        Of the slabs, and between their centres.
    """

    planes: int
    spacing_mm: float
    thickness_mm: float
    step_mm: float

    @property
    def count(self) -> int:
        """Number of slabs."""
        extent = (self.planes - TOLERANCE) * self.spacing_mm
        reaching = 1 + max(0, math.ceil((extent - self.thickness_mm) / self.step_mm))
        return min(reaching, math.ceil(extent / self.step_mm))

    @property
    def first_center_mm(self) -> float:
        """Centre of the first nominal slab, from the centre of the first plane."""
        return (self.thickness_mm - self.spacing_mm) / 2

    @property
    def overlap(self) -> bool:
        """Whether a plane can be in two slabs."""
        return self.step_mm < self.thickness_mm

    def members(self, index: int) -> tuple[int, int]:
        """First plane, and the one after the last, whose centres lie in a slab; the nearest if none does."""
        start = index * self.step_mm / self.spacing_mm
        stop = start + self.thickness_mm / self.spacing_mm
        first = math.ceil(start - 0.5 - TOLERANCE)
        last = min(self.planes, math.ceil(stop - 0.5 - TOLERANCE))
        if first < last:
            return max(0, first), last
        nearest = min(math.floor((start + stop) / 2), self.planes - 1)
        return nearest, nearest + 1


def slabs_of(planes: int, spacing_mm: float, slab_mm: float | None, step_mm: float | None) -> SlabLayout:
    """Lay slabs of a thickness, one a step; without a thickness one slab is everything.

    Raises
    ------
    UsageError
        ``OP-SLAB`` if a length is not above 0, or a step comes without a slab.
    """
    for name, value in (("slab_mm", slab_mm), ("step_mm", step_mm)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError("OP-SLAB", f"{name} {value}; wanted above 0, in mm")
    if slab_mm is None:
        if step_mm is not None:
            raise UsageError("OP-SLAB", f"step_mm {step_mm} without slab_mm makes one image only; give both")
        slab_mm = planes * spacing_mm
    return SlabLayout(planes, spacing_mm, slab_mm, slab_mm if step_mm is None else step_mm)


def project(volume: Volume, slabs_mm: tuple[float | None, float | None], plane: PlaneName, reduce: Reduce) -> Volume:
    """Project a volume.

    Parameters
    ----------
    volume : Volume
    slabs_mm : (slab_mm, step_mm)
    plane : PlaneName
    reduce : callable

    Raises
    ------
    UsageError
        ``OP-SLAB`` if a length is not above 0, or a step comes without a slab; ``OP-PLANE``.
    """
    view = axis_order_of(volume.geometry, plane)
    seen = view.geometry(volume.geometry)
    slabs = slabs_of(seen.shape[0], seen.slice_spacing, *slabs_mm)
    geometry = replace(
        seen,
        first_position=triple(np.array(seen.first_position) + slabs.first_center_mm * np.array(seen.normal)),
        slice_spacing=slabs.step_mm,
        slice_thickness=slabs.thickness_mm,
        shape=(slabs.count, *seen.shape[1:]),
    )
    make = _along_slices if view.axes[0] == 0 else _across_slices
    return make(volume, geometry, view, slabs, reduce)


def _along_slices(volume: Volume, geometry: Geometry, view: AxisOrder, slabs: SlabLayout, reduce: Reduce) -> Volume:
    """The planes are the source's slices: some are in memory, or a slab of them where slabs overlap."""
    count = volume.shape[0]

    def members(index: int) -> tuple[int, int]:
        first, last = slabs.members(index)
        return (count - last, count - first) if view.flips[0] else (first, last)

    def planes(index: int) -> Iterator[Array]:
        start, stop = members(index)
        for first in range(start, stop, CHUNK):
            yield view.array(volume.slab(first, min(first + CHUNK, stop)))

    def overlapping(first: int, last: int) -> Array:
        spans = [members(k) for k in range(first, last)]
        start = min(s[0] for s in spans)
        slab = volume.slab(start, max(s[1] for s in spans))
        made = parallel.each(lambda span: reduce(iter([view.array(slab[span[0] - start : span[1] - start])])), spans)
        return np.stack(made)

    def pull(first: int, last: int) -> Array:
        if slabs.overlap:
            return overlapping(first, last)
        return np.stack([reduce(planes(k)) for k in range(first, last)])

    return replace(
        volume,
        geometry=geometry,
        pull=pull,
        contributors=lambda index: volume.contributors_of(range(*members(index))),
    )


def _across_slices(volume: Volume, geometry: Geometry, view: AxisOrder, slabs: SlabLayout, reduce: Reduce) -> Volume:
    """The planes cut the source's slices, which are looked at in turn; the result is kept whole."""
    count, axis = volume.shape[0], view.axes.index(0)

    @cache
    def whole() -> Array:
        result = np.empty(geometry.shape, np.float32)
        along = np.moveaxis(result, axis, 0)[:: -1 if view.flips[axis] else 1]
        for first in range(0, count, CHUNK):
            last = min(first + CHUNK, count)
            seen, part = view.array(volume.slab(first, last)), along[first:last]
            made = np.stack([reduce(iter([seen[slice(*slabs.members(k))]])) for k in range(slabs.count)])
            part[:] = np.moveaxis(made, axis, 0)[:: -1 if view.flips[axis] else 1]
        return result

    @cache
    def everything() -> tuple[FrameRef, ...]:
        return volume.contributors_of(range(count))

    return replace(
        volume,
        geometry=geometry,
        pull=lambda first, last: whole()[first:last],
        contributors=lambda index: everything(),
    )
