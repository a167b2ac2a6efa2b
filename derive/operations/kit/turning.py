"""Projections from all around an axis of a volume: each value is that of a voxel, and no voxel is missed.

A line of sight runs through the middle of each pixel, at a right angle to the axis. The pixel shows the largest (or the
smallest) of the voxels that it passes through. In a plane at a right angle to the axis a voxel is a rectangle, whose
shadow is as wide as its sides, seen from there, are together; which lines meet it follows from where its middle falls,
so nothing is interpolated. Pixels are as fine as the finer side of that rectangle, so that a line meets each voxel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.errors import UsageError
from derive.model.axes import patient_axes
from derive.model.geometry import Geometry, Plane, triple
from derive.model.views import ViewSet
from derive.model.volume import Array, Volume
from derive.operations.kit.parameters import Axis
from derive.operations.kit.planning import unit

Vector = NDArray[np.float64]

#: Which axis of the patient each is, in which direction: towards the head, the left, the back.
AXES: dict[str, int] = {"left-right": 0, "anterior-posterior": 1, "head-feet": 2}
#: Where to it is looked first, from the front or the feet, and whether the axis stands upright on the image.
FIRST_LOOK = {0: ((0.0, 1.0, 0.0), False), 1: ((0.0, 0.0, 1.0), True), 2: ((0.0, 1.0, 0.0), True)}
#: More images are no turn that anybody looks at.
MOST = 3600
#: Slices of the volume that are looked at together.
CHUNK = 16
#: A line that touches a voxel within this share of a pixel passes beside it.
TOUCHES = 1e-6


@dataclass(frozen=True, eq=False)
class Turn:
    """Views from all around an axis of a volume.

    Parameters
    ----------
    source : Geometry
    axis : int
        Array axis that is turned about.
    count : int
        How many views there are, over 360 degrees.
    """

    source: Geometry
    axis: int
    count: int

    @property
    def across(self) -> tuple[int, int]:
        """The two other array axes."""
        first, second = (a for a in range(3) if a != self.axis)
        return first, second

    @property
    def pixel_mm(self) -> float:
        """Between the lines of sight."""
        return min(self.source.spacing[a] for a in self.across)

    @cached_property
    def lines(self) -> int:
        """How many lines of sight lie beside one another: the volume is never wider, wherever it is seen from."""
        sides = [self.source.shape[a] * self.source.spacing[a] for a in self.across]
        count = math.ceil(math.hypot(*sides) / self.pixel_mm - TOUCHES)
        first = int(np.abs(self.beside(0) @ self.source.directions[:, list(self.across)]).argmax())
        return count + (count - self.source.shape[self.across[first]]) % 2  # lines through the middles of its voxels

    @cached_property
    def _patient_axis(self) -> int:
        return patient_axes(self.source).index(self.axis)

    @cached_property
    def direction(self) -> Vector:
        """The axis, towards the head, the left or the back."""
        along = self.source.directions[:, self.axis]
        return np.asarray(along * (1.0 if along[self._patient_axis] > 0 else -1.0))

    @cached_property
    def _look(self) -> Vector:
        """Where the first view looks to."""
        look = np.array(FIRST_LOOK[self._patient_axis][0])
        look = look - float(look @ self.direction) * self.direction
        return np.asarray(look / np.linalg.norm(look))

    @property
    def upright(self) -> bool:
        """Whether the axis runs down the columns of the images, and not along their rows."""
        return FIRST_LOOK[self._patient_axis][1]

    def sight(self, view: int) -> tuple[Vector, Vector]:
        """Return the directions of rows and columns of a view; it is turned to the right about the axis."""
        angle = 2 * math.pi * view / self.count
        cosine, sine = (round(f(angle), 15) for f in (math.cos, math.sin))
        look = cosine * self._look + sine * np.cross(self.direction, self._look)
        if not self.upright:
            return self.direction + 0.0, np.cross(look, self.direction) + 0.0
        down = self.direction * (-1.0 if self._patient_axis == AXES["head-feet"] else 1.0)
        return np.cross(down, look) + 0.0, down + 0.0

    def beside(self, view: int) -> Vector:
        """Return the direction in which the lines of sight of a view lie beside one another."""
        row, column = self.sight(view)
        return row if self.upright else column

    @property
    def backwards(self) -> bool:
        """Whether the images show the axis the other way round than the array has it."""
        row, column = self.sight(0)
        return bool((column if self.upright else row) @ self.source.directions[:, self.axis] < 0)

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns of a view."""
        along = self.source.shape[self.axis]
        return (along, self.lines) if self.upright else (self.lines, along)

    @cached_property
    def planes(self) -> tuple[Plane, ...]:
        """One a view, through the axis in the middle of the volume."""
        middle = self.source.points_of((np.array(self.source.shape) - 1) / 2)
        along_mm = self.source.spacing[self.axis]
        spacing = (along_mm, self.pixel_mm) if self.upright else (self.pixel_mm, along_mm)
        rows, columns = self.matrix
        planes = []
        for view in range(self.count):
            row, column = self.sight(view)
            first = middle - (columns - 1) / 2 * spacing[1] * row - (rows - 1) / 2 * spacing[0] * column
            thickness = self.lines * self.pixel_mm
            planes.append(Plane(triple(first + 0.0), triple(row), triple(column), spacing, thickness))
        return tuple(planes)

    def shadow(self, view: int) -> tuple[Vector, float]:
        """Return on which line the middle of a voxel falls, by steps along both axes, and half of its width in lines.

        Returns
        -------
        (2,), float
            Lines a step along each of :attr:`across`.
        """
        steps = self.source.directions[:, list(self.across)] * [self.source.spacing[a] for a in self.across]
        along = self.beside(view) @ steps / self.pixel_mm
        return np.asarray(along), float(np.abs(along).sum() / 2)

    def met(self, view: int, places: Vector) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """Return which of some voxels meet which lines.

        Parameters
        ----------
        view : int
        places : (n, 2)
            Of their middles, in voxels from the middle of the volume.

        Returns
        -------
        lines, begins, voxels
            The lines that meet any; where the voxels of each begin among those of all.
        """
        along, half = self.shadow(view)
        fall = places @ along + (self.lines - 1) / 2
        low = np.ceil(fall - half + TOUCHES).astype(np.intp)
        high = np.floor(fall + half - TOUCHES).astype(np.intp)
        none = high < low  # both of its borders lie on lines: the later one is its own
        low[none] = high[none] = np.floor(fall[none] + 0.5).astype(np.intp)
        found = [(low + k, np.flatnonzero(low + k <= high)) for k in range(int((high - low).max()) + 1)]
        line = np.concatenate([lines[there] for lines, there in found])
        voxel = np.concatenate([there for _, there in found])
        order = np.argsort(line, kind="stable")
        lines, begins = np.unique(line[order], return_index=True)
        return lines, begins, voxel[order]


def turn_of(source: Geometry, count: int, axis: Axis) -> Turn:
    """Plan views from all around the axis of a volume that is the nearest to one of the patient, or a direction.

    Raises
    ------
    UsageError
        ``OP-ROTATE`` unless there are 2 to 3,600; ``OP-AXIS`` for no axis, or a direction that is none of the volume's.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= MOST:
        raise UsageError("OP-ROTATE", f"rotate {count!r}; wanted 2 to {MOST} views over 360 degrees")
    if isinstance(axis, str):
        if axis not in AXES:
            raise UsageError("OP-AXIS", f"axis {axis!r}; wanted one of {', '.join(AXES)}, or x y z")
        return Turn(source, patient_axes(source)[AXES[axis]], count)
    likeness = np.abs(source.directions.T @ unit(axis, "OP-AXIS", "axis"))
    nearest = int(likeness.argmax())
    if likeness[nearest] < math.cos(math.radians(1)):
        raise UsageError(
            "OP-AXIS",
            f"axis {axis} is none of the volume's, the nearest is {triple(source.directions[:, nearest].round(4))}; "
            "nothing is interpolated here: reformat with that normal first, and turn what comes out",
        )
    return Turn(source, nearest, count)


def turned(volume: Volume, turn: Turn, better: np.ufunc) -> ViewSet:
    """Project a volume from all around.

    Parameters
    ----------
    volume : Volume
    turn : Turn
    better : ufunc
        ``numpy.fmax`` or ``numpy.fmin``; NaN is nothing.
    """
    outside = volume.quantity.fill

    @cache
    def whole() -> Array:
        return _projected(volume, turn, better, outside)

    @cache
    def everything() -> Any:
        return volume.contributors_of(range(volume.count))

    known = volume.value_range
    return ViewSet(
        turn.planes,
        turn.matrix,
        lambda first, last: whole()[first:last],
        lambda image: everything(),
        volume.quantity,
        None if known is None else (min(known[0], outside), max(known[1], outside)),
    )


def _projected(volume: Volume, turn: Turn, better: np.ufunc, outside: float) -> Array:
    """Return (views, rows, columns): the slices are walked through once, some at a time."""
    along, views = volume.shape[turn.axis], range(turn.count)
    result = np.full((turn.count, along, turn.lines), np.nan, np.float32)
    met = np.zeros((turn.count, turn.lines), bool)
    look = _along_slices(volume, turn) if turn.axis == 0 else _across_slices(volume, turn)
    for first, slab in _chunks(volume):
        parallel.each(partial(look, first=first, slab=slab, into=(result, met), better=better), views)
    result[np.broadcast_to(~met[:, None, :], result.shape)] = outside
    if turn.backwards:
        result = result[:, ::-1]
    return np.ascontiguousarray(result if turn.upright else result.transpose(0, 2, 1))


def _chunks(volume: Volume) -> Iterator[tuple[int, Array]]:
    for first in range(0, volume.count, CHUNK):
        yield first, volume.slab(first, min(first + CHUNK, volume.count))


#: Takes slices of a volume into the values of a view, and which of its lines met any.
Look = Callable[..., None]
#: (views, along, lines), (views, lines)
Into = tuple[Array, NDArray[np.bool_]]


def _along_slices(volume: Volume, turn: Turn) -> Look:
    """The axis runs through the slices: each makes one line of every view, and the same voxels of it meet a line."""
    _, rows, columns = volume.shape
    grid = np.moveaxis(np.indices((rows, columns)), 0, -1).reshape(-1, 2) - (np.array([rows, columns]) - 1) / 2

    @cache
    def meetings(view: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int32]]:
        lines, begins, voxels = turn.met(view, grid)
        return lines, begins, voxels.astype(np.int32)

    def look(view: int, *, first: int, slab: Array, into: Into, better: np.ufunc) -> None:
        result, met = (each[view] for each in into)
        lines, begins, voxels = meetings(view)
        met[lines] = True
        for index, plane in enumerate(slab, first):
            result[index, lines] = better.reduceat(plane.reshape(-1)[voxels], begins)

    return look


def _across_slices(volume: Volume, turn: Turn) -> Look:
    """The axis lies in the slices: lines of a slice along it meet lines of sight, those of other slices as well."""
    count, side = (volume.shape[a] for a in turn.across)
    beside = np.arange(side) - (side - 1) / 2

    def look(view: int, *, first: int, slab: Array, into: Into, better: np.ufunc) -> None:
        result, met = (each[view] for each in into)
        for index, plane in enumerate(slab, first):
            places = np.stack([np.full(side, index - (count - 1) / 2), beside], axis=1)
            lines, begins, voxels = turn.met(view, places)
            across = plane if turn.axis == 2 else plane.T
            found = better.reduceat(across[voxels], begins, axis=0)
            result[:, lines] = better(result[:, lines], found.T)
            met[lines] = True

    return look
