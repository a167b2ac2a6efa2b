"""Stations of one scan as one series: whole-body MR, beds of PET, halves of a spine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.geometry import Geometry
from derive.model.reference import FrameRef
from derive.model.volume import Array, SliceBySlice, Volume
from derive.operations.declaration import operation
from derive.operations.kit.grids import GridMapping
from derive.operations.kit.lengths import filled_with
from derive.operations.kit.others import Align, Others, each, refuse_other_units, volume_of
from derive.operations.kit.sampling import KERNELS, Sampler
from derive.operations.kit.stations import Station, placed

Blend = Literal["feather", "first"]


def _short(given: Mapping[str, Any]) -> str:
    how = "" if given["blend"] == "feather" else " first"
    return f"stitched{how}"


@operation(
    "ImageStitching",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    short=_short,
    fixes={"VAL-PHASE": "{flag:blend first}"},
    mixes=lambda given: given["blend"] != "first" or given["align"] == "resample",
    agreeing=True,
)
def stitch(
    volume: Volume,
    series: Others,
    *,
    align: Align = "geometry",
    blend: Blend = "feather",
    fill: float | Literal["padding"] | None = None,
) -> Volume:
    """Put stations of one scan together: one series on the grid that holds them all.

    They lie in one frame of reference, in parallel planes, on the lattice of the first; with ``resample`` the others
    are interpolated on it. Where they overlap they go over into each other, each with a weight that falls to its edge
    along the axes in which the stations differ. Attributes are those on which all stations agree.

    Parameters
    ----------
    volume : Volume
    series : SourceSeries, or a sequence of them
        The other stations: of the same patient, and in the same frame of reference.
    align : {"geometry", "resample"}
        Whether their voxels have to lie on the lattice of the first within 0.01 mm, or are interpolated on it.
    blend : {"feather", "first"}
        What stands where they overlap: a mean whose weights fall to the edges, or the value of the one given first.
    fill : float or "padding", optional
        Value where no station is; without it -1000 in CT, 0 in MR and PET.

    Raises
    ------
    SourceError
        ``SRC-PATIENT`` for a series of another patient.
    GeometryError
        ``GEO-FOR`` for another frame of reference, ``GEO-PLANES`` for planes that are not parallel, ``GEO-GRID`` for
        another grid, ``GEO-GAP`` for stations that do not meet, ``GEO-4D`` for other volumes.
    ValuesError
        ``VAL-UNITS`` for other units.
    UsageError
        ``OP-ALIGN``, ``OP-BLEND``, ``OP-FILL``
    """
    if blend not in ("feather", "first"):
        raise UsageError("OP-BLEND", f"blend {blend!r}; wanted feather or first")
    if align not in ("geometry", "resample"):
        raise UsageError("OP-ALIGN", f"align {align!r}; wanted geometry or resample")
    outside = filled_with(volume, fill)
    others = tuple(volume_of(other, volume) for other in each(series))
    refuse_other_units("stitch", volume.quantity, others)
    volumes = (volume, *others)
    grid, stations = placed([v.geometry for v in volumes], interpolated=align == "resample")
    samplers = [
        Sampler(v, _mapping(grid, v.geometry, s, exact=align == "geometry" or not k), _kernel(v), math.nan)
        for k, (v, s) in enumerate(zip(volumes, stations, strict=True))
    ]
    made = _Stitched(grid, tuple(samplers), stations, blend, outside)
    padded = math.isnan(outside) or any(v.quantity.padded for v in volumes)
    known = [v.value_range for v in volumes]
    bounds = [r for r in known if r is not None]
    edges = [e for r in bounds for e in r] + ([] if math.isnan(outside) else [outside])
    span = (min(edges), max(edges)) if len(bounds) == len(known) else None
    quantity = replace(volume.quantity, padded=padded)
    return Volume(grid, SliceBySlice(made.pull), made.contributors, quantity, span)


def _kernel(volume: Volume) -> Any:
    return KERNELS["nearest" if volume.quantity.cyclic else "linear"]


def _mapping(grid: Geometry, source: Geometry, station: Station, *, exact: bool) -> GridMapping:
    """Return where the common grid lies in a station: a shift by whole voxels, or by what it is."""
    if not exact:
        return GridMapping.between(grid, source)
    return GridMapping(grid.shape, source.shape, np.eye(3), -np.array(station.first, np.float64))


@dataclass(frozen=True, eq=False)
class _Stitched:
    """Slices of stations on one grid, each NaN where it is not."""

    grid: Geometry
    samplers: tuple[Sampler, ...]
    stations: tuple[Station, ...]
    blend: Blend
    outside: float

    @property
    def _differing(self) -> list[int]:
        """Axes along which the stations are not all alike."""
        edges = [{(s.first[a], s.last[a]) for s in self.stations} for a in range(3)]
        return [axis for axis in range(3) if len(edges[axis]) > 1]

    def _there(self, index: int) -> list[int]:
        """Stations that have this slice; with ``first`` only those that no full one before them hides."""
        found: list[int] = []
        for k, station in enumerate(self.stations):
            whole = (f for f in found if not self.samplers[f].volume.quantity.padded)
            hidden = self.blend == "first" and any(self.stations[f].covers(station, (1, 2)) for f in whole)
            if station.first[0] <= index <= station.last[0] and not hidden:
                found.append(k)
        return found

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Frames of the stations that have the slice."""
        return tuple(sorted({ref for k in self._there(index) for ref in self.samplers[k].contributors(index)}))

    def pull(self, first: int, last: int) -> Array:
        """Compute slices `first` to `last`."""
        shape = (last - first, *self.grid.shape[1:])
        covered = np.zeros(shape, bool)
        sums, weights = np.zeros(shape), np.zeros(shape)
        for k in sorted({k for index in range(first, last) for k in self._there(index)}):
            weight = self._weight(self.stations[k], first, last)
            slab = self.samplers[k].pull(first, last)
            covered |= weight > 0
            known = np.where(np.isnan(slab), 0.0, weight)
            if self.blend == "first":
                known = np.where(weights > 0, 0.0, known > 0)
            sums += known * np.where(known > 0, slab, 0.0)
            weights += known
        result = np.divide(sums, weights, out=np.full(shape, np.nan), where=weights > 0)
        result[~covered] = self.outside
        return np.asarray(result, np.float32)

    def _weight(self, station: Station, first: int, last: int) -> NDArray[np.float64]:
        shape = self.grid.shape
        along: Sequence[NDArray[np.float64]] = [station.inside(first, last, a, shape) for a in range(3)]
        ramps = [w if axis in self._differing else (w > 0).astype(float) for axis, w in enumerate(along)]
        return np.asarray(ramps[0] * ramps[1] * ramps[2])
