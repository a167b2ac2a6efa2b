"""Where a new grid lies: planned from headers alone, no pixel is looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError, UsageError
from derive.model.geometry import POSITION_TOLERANCE_MM, Geometry, Shape, Triple, triple

Points = NDArray[np.float64]

#: An index this near to a voxel centre, or to a border half-way between two, is taken to be there.
TOLERANCE = 1e-6
#: The same for the numbers of a mapping, which are multiplied by indices.
SNAP = 1e-9
#: Rows and columns are 16 bits (PS3.3 C.7.6.3.1.2); as many slices are more than anybody looks at.
MOST_VOXELS = 65535


def spaced_grid(source: Geometry, spacing: Triple) -> Geometry:
    """Return the grid of another spacing over the same extent.

    The first outer edges stay, so the first centre moves by half the difference; counts are rounded, a
    half down, so that the last centre lies inside. An axis whose spacing stays keeps its positions as
    they are.

    Parameters
    ----------
    source : Geometry
    spacing : (slice, row, column) mm

    Raises
    ------
    UsageError
        ``OP-SPACING`` if one is not above 0, or is so large that no centre would lie inside.
    GeometryError
        ``GEO-SINGLE`` if a single slice is asked for another slice spacing.
    """
    if not all(math.isfinite(s) and s > 0 for s in spacing):
        raise UsageError("OP-SPACING", f"spacing {spacing[::-1]} mm (x y z); wanted above 0")
    kept = [
        abs(new - old) * count < POSITION_TOLERANCE_MM
        for new, old, count in zip(spacing, source.spacing, source.shape, strict=True)
    ]
    if source.shape[0] == 1 and not kept[0]:
        raise GeometryError(
            "GEO-SINGLE",
            f"a single slice can be resampled in its plane only, but spacing {spacing[::-1]} mm (x y z) was "
            f"asked; give {source.slice_spacing:.10g} for z",
        )
    new = [old if keep else s for keep, old, s in zip(kept, source.spacing, spacing, strict=True)]
    shift = [0.0 if keep else (n / s - 1) / 2 for keep, n, s in zip(kept, new, source.spacing, strict=True)]
    offset = source.points_of(shift) - source.first_position
    measured = source.measured_positions
    return replace(
        source,
        first_position=triple(offset + source.first_position),
        pixel_spacing=(new[1], new[2]),
        slice_spacing=new[0],
        shape=_counts(source, new),
        measured_positions=tuple(triple(offset + p) for p in measured) if measured and kept[0] else None,
        slice_thickness=source.slice_thickness if kept[0] else new[0],
    )


def _counts(source: Geometry, spacing: list[float]) -> Shape:
    extent = [n * s for n, s in zip(source.shape, source.spacing, strict=True)]
    if max(e / s for e, s in zip(extent, spacing, strict=True)) > MOST_VOXELS:
        raise UsageError(
            "OP-SPACING",
            f"spacing {tuple(spacing[::-1])} mm (x y z) of a volume of {tuple(extent[::-1])} mm: "
            f"more than {MOST_VOXELS} voxels along an axis, which an image cannot have; wanted a larger one",
        )
    slices, rows, columns = (math.ceil(e / s - 0.5 - SNAP) for e, s in zip(extent, spacing, strict=True))
    if min(slices, rows, columns) < 1:
        raise UsageError(
            "OP-SPACING",
            f"spacing {tuple(spacing[::-1])} mm (x y z) of a volume of {tuple(extent[::-1])} mm: "
            "no voxel centre would lie inside; wanted less than twice the extent",
        )
    return slices, rows, columns


@dataclass(frozen=True, eq=False)
class GridMapping:
    """Where the voxels of a grid lie among those of a source, as (slice, row, column) indices of both.

    Parameters
    ----------
    grid, source : Shape
    matrix : (3, 3)
    offset : (3,)
        Index in the source = `matrix` @ index in the grid + `offset`.
    """

    grid: Shape
    source: Shape
    matrix: Points
    offset: Points

    @classmethod
    def between(cls, grid: Geometry, source: Geometry, to_source: Points | None = None) -> GridMapping:
        """Return the mapping of one grid into another, both taken as evenly spaced.

        Parameters
        ----------
        grid, source : Geometry
        to_source : (4, 4), optional
            From the space of the grid to that of the source, mm, where they are two.
        """
        affine = grid.affine if to_source is None else to_source @ grid.affine
        matrix = np.linalg.solve(source.affine[:3, :3], affine[:3, :3])
        offset = source.index_of(affine[:3, 3])
        return cls(grid.shape, source.shape, _snapped(matrix), _snapped(offset))

    @property
    def on_slices(self) -> bool:
        """Whether every slice of the grid lies on a slice of the source."""
        row = np.array([*self.matrix[0], self.offset[0]])
        return bool((row == np.round(row)).all() and (row[1:3] == 0).all())

    @property
    def aligned(self) -> bool:
        """Whether the axes of the grid are those of the source, none of them turned or exchanged."""
        return not np.count_nonzero(self.matrix - np.diag(np.diag(self.matrix)))

    @property
    def keeps_slices(self) -> bool:
        """Whether the slices of the grid are slices of the source, one by one."""
        return self.on_slices and bool(self.matrix[0, 0] == 1)

    @property
    def inside(self) -> bool:
        """Whether every voxel centre of the grid lies within the outer edges of the source."""
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(self.grid) - 1)
        places = corners @ self.matrix.T + self.offset
        return not any(self._beyond(places[:, axis], axis).any() for axis in range(3))

    def places(self, first: int, last: int) -> list[Points]:
        """Indices in the source of the voxels of grid slices, one array an axis, that broadcast together."""
        _, rows, columns = self.grid
        index = np.ogrid[first:last, :rows, :columns]
        used = [[m * i for m, i in zip(line, index, strict=True) if m] or [np.zeros((1, 1, 1))] for line in self.matrix]
        return [np.asarray(sum(terms[1:], terms[0]) + o) for terms, o in zip(used, self.offset, strict=True)]

    def outside(self, first: int, last: int) -> NDArray[np.bool_]:
        """Which voxels of grid slices lie beyond the outer edges of the source."""
        beyond = [self._beyond(p, axis) for axis, p in enumerate(self.places(first, last))]
        return np.broadcast_to(beyond[0] | beyond[1] | beyond[2], (last - first, *self.grid[1:]))

    def itk(self, first: int, start: int, shift: float) -> Any:
        """Return the transform of ITK from indices of a slab of the grid to those of a slab of the source, x y z.

        Parameters
        ----------
        first, start : int
            First slice of the grid, and of the source.
        shift : float
            Added to the places, voxels.
        """
        import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

        offset = self.offset + self.matrix[:, 0] * first - (start, 0, 0) + shift
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(self.matrix[::-1, ::-1].ravel().tolist())
        transform.SetTranslation(offset[::-1].tolist())
        return transform

    def _beyond(self, places: Points, axis: int) -> NDArray[np.bool_]:
        edge = 0.5 + TOLERANCE
        return np.asarray((places < -edge) | (places > self.source[axis] - 1 + edge))

    def span(self, index: int) -> tuple[float, float] | None:
        """Lowest and highest slice index of the source where slice `index` of the grid cuts it.

        None where it does not. The rectangle of the voxel centres is clipped by the six outer edges
        (Sutherland and Hodgman, 1974).
        """
        _, rows, columns = self.grid
        bottom, right = rows - 1, columns - 1
        corners = [(index, r, c) for r, c in ((0, 0), (0, right), (bottom, right), (bottom, 0))]
        polygon = np.array(corners) @ self.matrix.T + self.offset
        for axis, count in enumerate(self.source):
            polygon = _clipped(polygon, polygon[:, axis] + 0.5 + TOLERANCE)
            polygon = _clipped(polygon, count - 0.5 + TOLERANCE - polygon[:, axis])
        if not len(polygon):
            return None
        return float(polygon[:, 0].min()), float(polygon[:, 0].max())


def _snapped(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Take away the rounding of numbers that are a whole or a half."""
    values = np.asarray(values, dtype=np.float64)
    halves = np.round(2 * values) / 2 + 0.0  # no negative zeros
    return np.where(np.abs(values - halves) < SNAP, halves, values)


def _clipped(polygon: Points, depth: Points) -> Points:
    """Part of a polygon, of (n, 3) corners, whose depth is not below 0."""
    kept = []
    for i in range(len(polygon)):
        before, here = depth[i - 1], depth[i]
        if (before < 0) != (here < 0):
            kept.append(polygon[i - 1] + (polygon[i] - polygon[i - 1]) * (before / (before - here)))
        if here >= 0:
            kept.append(polygon[i])
    return np.array(kept).reshape(-1, 3)


def checked_reference(source: Geometry, grid: Geometry) -> GridMapping:
    """Return the mapping of the grid of another series.

    Raises
    ------
    GeometryError
        ``GEO-FOR`` unless both are known to be in one frame of reference, ``GEO-OVERLAP`` if they do
        not meet.
    """
    uids = source.frame_of_reference_uid, grid.frame_of_reference_uid
    if uids[0] != uids[1] or not uids[0]:
        raise GeometryError(
            "GEO-FOR",
            f"source and reference have Frame of Reference UID (0020,0052) {uids[0] or 'absent'} and "
            f"{uids[1] or 'absent'}; wanted the same: bring one into the space of the other first (derive transform), "
            "or choose another",
        )
    mapping = GridMapping.between(grid, source)
    if all(mapping.span(k) is None for k in range(grid.shape[0])):
        raise GeometryError(
            "GEO-OVERLAP",
            f"no slice of the reference (first at {grid.position(0)} mm) cuts the source "
            f"(first at {source.position(0)} mm), though both have one frame of reference",
        )
    return mapping
