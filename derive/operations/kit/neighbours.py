"""The voxels around one, within lengths in millimetres, and a plane at a time made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.errors import UsageError
from derive.model.geometry import Shape, Triple
from derive.model.volume import Array, SliceBySlice, Volume

#: More voxels around one than this take minutes a slice.
MOST = 1 << 13
#: A length this little short of a voxel's distance reaches it.
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Which voxels around one enter, itself among them.

    Parameters
    ----------
    offsets : (n, 3) int
        (slice, row, column) from it; each with its opposite.
    distances : (n,) float64
        How far they are, squared, in parts of the length of each axis: 1 on the border.
    """

    offsets: NDArray[np.intp]
    distances: NDArray[np.float64]

    @classmethod
    def within(cls, radii: Triple, volume: Volume) -> Neighbours:
        """Return the voxels whose centres lie in an ellipsoid, as far as a volume can have them.

        Parameters
        ----------
        radii : (slice, row, column) mm
            0 for none along an axis.
        volume : Volume

        Raises
        ------
        UsageError
            ``OP-RADIUS`` for more than thousands.
        """
        steps = [
            int(min(radius / spacing + TOLERANCE, length - 1))
            for radius, spacing, length in zip(radii, volume.geometry.spacing, volume.shape, strict=True)
        ]
        box = float(np.prod([2 * n + 1.0 for n in steps]))
        if box > 4 * MOST:
            raise UsageError("OP-RADIUS", _too_many(box, radii))
        offsets = np.indices([2 * n + 1 for n in steps]).reshape(3, -1).T - steps
        lengths = [radius or 1.0 for radius in radii]
        distances = ((offsets * volume.geometry.spacing / lengths) ** 2).sum(axis=1)
        inside = distances <= (1 + TOLERANCE) ** 2
        if inside.sum() > MOST:
            raise UsageError("OP-RADIUS", _too_many(float(inside.sum()), radii))
        return cls(offsets[inside], distances[inside])

    @property
    def reach(self) -> Shape:
        """How many slices, rows and columns away the furthest are."""
        slices, rows, columns = (int(n) for n in self.offsets.max(axis=0))
        return slices, rows, columns


def _too_many(count: float, radii: Triple) -> str:
    return f"{count:.0f} voxels lie within {radii[::-1]} mm (x y z) of one; wanted at most {MOST}: smaller lengths"


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A plane and what lies around it: NaN beyond the borders of the volume, as in its padding.

    Parameters
    ----------
    values : (slices, rows, columns) float32
        The plane in the middle, with `reach` more at each side.
    reach : (slices, rows, columns)
    """

    values: Array
    reach: Shape

    def at(self, offset: NDArray[np.intp] | Shape) -> Array:
        """Return the plane whose every value lies at an offset (slice, row, column) from its own place."""
        slice_, row, column = (int(r + o) for r, o in zip(self.reach, offset, strict=True))
        rows, columns = (n - 2 * r for n, r in zip(self.values.shape[1:], self.reach[1:], strict=True))
        return self.values[slice_, row : row + rows, column : column + columns]

    @property
    def plane(self) -> Array:
        """The plane itself."""
        return self.at((0, 0, 0))

    def bands(self, pixels: int) -> Iterator[tuple[slice, Surroundings]]:
        """Cut it into bands of at most so many pixels, of a row at least: (rows of the plane, a band)."""
        (rows, columns), more = self.plane.shape, 2 * self.reach[1]
        step = max(1, pixels // columns)
        for first in range(0, rows, step):
            last = min(rows, first + step)
            yield slice(first, last), Surroundings(self.values[:, first : last + more], self.reach)


def plane_by_plane(volume: Volume, reach: Shape, plane: Callable[[Surroundings], Array]) -> Volume:
    """Return a volume of which every plane is made of the same plane and what lies around it.

    Parameters
    ----------
    volume : Volume
    reach : (slices, rows, columns)
        How far a value looks.
    plane : callable (Surroundings) -> (rows, columns) float32
    """
    slices, rows, columns = volume.shape
    deep, down, along = reach

    def around(first: int, last: int) -> tuple[int, int]:
        return max(0, first - deep), min(slices, last + deep)

    def pull(first: int, last: int) -> Array:
        start, stop = around(first, last)
        values = np.full((last - first + 2 * deep, rows + 2 * down, columns + 2 * along), np.nan, np.float32)
        begin = start - first + deep
        values[begin : begin + stop - start, down : down + rows, along : along + columns] = volume.slab(start, stop)
        each = [Surroundings(values[k : k + 2 * deep + 1], reach) for k in range(last - first)]
        return np.stack(parallel.each(plane, each))

    return replace(
        volume,
        pull=SliceBySlice(pull),
        contributors=lambda index: volume.contributors_of(range(*around(index, index + 1))),
    )
