"""Stations of one scan on one grid: where each lies, whether they meet, and how they go over into each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.model.geometry import Geometry, Shape, triple
from derive.operations.kit.grids import MOST_VOXELS
from derive.told.wording import flag

#: How far a station may lie beside the places of the first one's grid, mm.
BESIDE_MM = 0.01


@dataclass(frozen=True)
class Station:
    """Where a station lies on the common grid.

    Parameters
    ----------
    first, last : (slice, row, column)
        Of the common grid, both included.
    """

    first: Shape
    last: Shape

    def covers(self, other: Station, axes: Sequence[int]) -> bool:
        """Whether it reaches as far as another one along some axes."""
        return all(self.first[a] <= other.first[a] and self.last[a] >= other.last[a] for a in axes)

    def meets(self, other: Station) -> bool:
        """Whether no voxel would lie between them."""
        apart = [max(self.first[a], other.first[a]) - min(self.last[a], other.last[a]) for a in range(3)]
        return max(apart) <= 1 and sum(a == 1 for a in apart) <= 1

    def inside(self, first: int, last: int, axis: int, shape: Shape) -> NDArray[np.float64]:
        """Distance to its nearest edge along an axis of slices `first` to `last`, voxels; 0 where it is not."""
        start, stop = (first, last) if axis == 0 else (0, shape[axis])
        index = np.arange(start, stop)
        edge = np.minimum(index - self.first[axis], self.last[axis] - index) + 1.0
        sizes = [1, 1, 1]
        sizes[axis] = len(index)
        return np.maximum(edge, 0.0).reshape(sizes)


def placed(grids: Sequence[Geometry], *, interpolated: bool) -> tuple[Geometry, tuple[Station, ...]]:
    """Return the common grid of stations, on the lattice of the first one, and where each lies.

    Parameters
    ----------
    grids : sequence of Geometry
    interpolated : bool
        Whether one may lie between the places of the first; its places are those that lie within its outer edges.

    Raises
    ------
    GeometryError
        ``GEO-FOR`` for another frame of reference, ``GEO-PLANES`` for planes of another orientation, ``GEO-GRID`` for
        another spacing or places between those of the first, ``GEO-GAP`` for stations that do not meet, ``GEO-SIZE``
        for a grid that no image can have.
    """
    lattice = grids[0]
    for grid in grids[1:]:
        _refuse_other(lattice, grid, interpolated)
    boxes = [_box(lattice, grid, interpolated) for grid in grids]
    _refuse_gap(boxes)
    low = tuple(min(box.first[a] for box in boxes) for a in range(3))
    high = tuple(max(box.last[a] for box in boxes) for a in range(3))
    slices, rows, columns = (h - b + 1 for h, b in zip(high, low, strict=True))
    if max(slices, rows, columns) > MOST_VOXELS:
        raise GeometryError(
            "GEO-SIZE", f"the stations reach over {columns} x {rows} x {slices} voxels; wanted at most {MOST_VOXELS}"
        )
    thickness = {grid.slice_thickness for grid in grids}
    grid = replace(
        lattice,
        first_position=triple(lattice.points_of(low)),
        shape=(slices, rows, columns),
        measured_positions=None,
        slice_thickness=lattice.slice_thickness if len(thickness) == 1 else lattice.slice_spacing,
    )
    return grid, tuple(_moved(box, low) for box in boxes)


def _refuse_other(lattice: Geometry, grid: Geometry, interpolated: bool) -> None:
    uids = lattice.frame_of_reference_uid, grid.frame_of_reference_uid
    if uids[0] != uids[1] or not uids[0]:
        raise GeometryError(
            "GEO-FOR",
            f"stations have Frame of Reference UID (0020,0052) {uids[0] or 'absent'} and {uids[1] or 'absent'}; "
            "wanted the same: bring one into the space of the other first (transform)",
        )
    if not lattice.same_plane(grid):
        raise GeometryError("GEO-PLANES", "the planes of a station have another orientation; wanted parallel ones")
    if interpolated:
        return
    places = lattice.index_of(grid.corners())
    beside = float((np.abs(places - np.round(places)) * lattice.spacing).max())
    counts = np.ptp(np.round(places), axis=0) + 1
    if beside > BESIDE_MM or tuple(counts) != grid.shape:
        raise GeometryError(
            "GEO-GRID",
            f"a station lies {beside:.2f} mm beside the places of the first one's grid, of spacing "
            f"{lattice.spacing} and {grid.spacing} mm (slice, row, column); wanted one grid within {BESIDE_MM} mm: "
            f"{flag('align', 'resample')}",
        )


def _box(lattice: Geometry, grid: Geometry, interpolated: bool) -> Station:
    low, high = (f(lattice.index_of(grid.corners()), axis=0) for f in (np.min, np.max))
    if interpolated and grid is not lattice:
        half = np.array(grid.spacing) / np.array(lattice.spacing) / 2 - 1e-6
        low, high = np.ceil(low - half), np.floor(high + half)
    first, last = (tuple(int(n) for n in np.round(v)) for v in (low, high))
    return Station((first[0], first[1], first[2]), (last[0], last[1], last[2]))


def _refuse_gap(boxes: Sequence[Station]) -> None:
    """Refuse stations of which some meet none of the others."""
    reached, left = [boxes[0]], list(boxes[1:])
    while near := [box for box in left if any(box.meets(other) for other in reached)]:
        reached += near
        left = [box for box in left if box not in near]
    if left:
        gaps = [
            max(max(b.first[a], r.first[a]) - min(b.last[a], r.last[a]) - 1 for a in range(3))
            for b in left
            for r in reached
        ]
        raise GeometryError(
            "GEO-GAP",
            f"{len(left)} of {len(boxes)} stations meet none of the others: {min(gaps)} voxels lie between; wanted "
            "stations that overlap or adjoin",
        )


def _moved(box: Station, low: Sequence[int]) -> Station:
    first, last = (tuple(n - b for n, b in zip(edge, low, strict=True)) for edge in (box.first, box.last))
    return Station((first[0], first[1], first[2]), (last[0], last[1], last[2]))
