"""A part of a grid, or more than it: boxes of voxels, as places in the patient or values say them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.geometry import Geometry, Shape, triple
from derive.model.volume import Volume, slabs
from derive.operations.kit.grids import MOST_VOXELS

Place = NDArray[Any]
#: A place this near to a voxel's centre, in voxels, is there.
TOLERANCE = 1e-4


class VoxelBox(NamedTuple):
    """Voxels from one corner to the other: (slice, row, column), those of the last corner left out.

    They may lie outside of the grid.
    """

    first: Shape
    last: Shape

    @classmethod
    def of(cls, shape: Shape) -> VoxelBox:
        """Return all voxels of a grid."""
        return cls((0, 0, 0), shape)

    @classmethod
    def between(cls, geometry: Geometry, corners: tuple[Any, Any]) -> VoxelBox:
        """Return the voxels whose centres lie between two places in the patient: opposite corners of a box, mm.

        Of a grid that is turned, those of the smallest box of voxels that holds it.

        Raises
        ------
        UsageError
            ``OP-BOX`` unless both are x y z.
        """
        ends = np.array([_three("from_mm, to_mm", corner) for corner in corners])
        eight = np.where(np.array(list(np.ndindex(2, 2, 2))) > 0, ends[1], ends[0])
        indices = geometry.index_of(eight)
        first = np.ceil(indices.min(axis=0) - TOLERANCE)
        last = np.floor(indices.max(axis=0) + TOLERANCE) + 1
        return cls(_whole(first), _whole(last))

    @classmethod
    def of_voxels(cls, first: Any, last: Any) -> VoxelBox:
        """Return the voxels from x y z to x y z, both of them included.

        Raises
        ------
        UsageError
            ``OP-BOX`` unless both are whole numbers.
        """
        corners = [_three("from_voxel, to_voxel", corner)[::-1] for corner in (first, last)]
        if any(n != int(n) for corner in corners for n in corner):
            raise UsageError("OP-BOX", f"from_voxel {first}, to_voxel {last}; wanted whole numbers, x y z")
        return cls(_whole(corners[0]), _whole(np.add(corners[1], 1)))

    @classmethod
    def around(cls, volume: Volume, above: float | None) -> VoxelBox | None:
        """Return the smallest box of all values above one, or of all that are no padding; None where there are none."""
        ends: list[tuple[Place, Place]] = []
        for first, slab in slabs(volume):
            found = ~np.isnan(slab) if above is None else slab > above
            if found.any():
                places = [np.flatnonzero(found.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
                before = np.array([first, 0, 0])
                ends.append((before + [p[0] for p in places], before + [p[-1] for p in places]))
        if not ends:
            return None
        return cls(_whole(np.min([e[0] for e in ends], axis=0)), _whole(np.max([e[1] for e in ends], axis=0) + 1))

    def joined(self, other: VoxelBox) -> VoxelBox:
        """Return the smallest box that holds both."""
        return VoxelBox(_whole(np.minimum(self.first, other.first)), _whole(np.maximum(self.last, other.last)))

    def wider(self, geometry: Geometry, lengths: tuple[float, float, float]) -> VoxelBox:
        """Return the box with as many voxels more at each side as (slice, row, column) lengths in mm ask for."""
        more = [math.ceil(length / s - TOLERANCE) for length, s in zip(lengths, geometry.spacing, strict=True)]
        return VoxelBox(_whole(np.subtract(self.first, more)), _whole(np.add(self.last, more)))

    def within(self, shape: Shape) -> VoxelBox:
        """Return what of it lies in a grid; nothing, with a last corner that is not behind the first, if none does."""
        return VoxelBox(_whole(np.maximum(self.first, 0)), _whole(np.minimum(self.last, shape)))

    @property
    def shape(self) -> Shape:
        """How many slices, rows and columns; 0 or less where it is empty."""
        return _whole(np.subtract(self.last, self.first))

    def geometry(self, whole: Geometry) -> Geometry:
        """Return where its voxels are: each where it was, as it was read; others in even steps from the outermost.

        Raises
        ------
        UsageError
            ``OP-BOX`` for one that is larger than an image can be.
        """
        if max(self.shape) > MOST_VOXELS:
            raise UsageError(
                "OP-BOX", f"{self.shape} slices, rows and columns; an axis has at most {MOST_VOXELS} voxels"
            )
        directions = np.array([whole.column_cosines, whole.row_cosines]) * np.array(whole.pixel_spacing)[:, None]
        beside = np.array(self.first[1:]) @ directions
        positions = [triple(_position(whole, k) + beside) for k in range(self.first[0], self.last[0])]
        measured = whole.measured_positions is not None
        return replace(
            whole,
            first_position=positions[0],
            shape=self.shape,
            measured_positions=tuple(positions) if measured else None,
        )


def _position(geometry: Geometry, index: int) -> Place:
    """Return where a slice is, or would be beyond the first or the last one."""
    nearest = min(max(index, 0), geometry.shape[0] - 1)
    beyond = (index - nearest) * np.array(geometry.slice_step)
    return np.asarray(geometry.position(nearest) + beyond)


def _three(names: str, corner: Any) -> tuple[float, float, float]:
    try:
        values = np.asarray(corner)
    except ValueError:
        values = np.empty(0)
    if values.shape != (3,) or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise UsageError("OP-BOX", f"{names}: {corner!r:.80}; wanted both, and three finite numbers of each, x y z")
    return triple(values)


def _whole(values: Any) -> Shape:
    slices, rows, columns = (int(v) for v in values)
    return slices, rows, columns
