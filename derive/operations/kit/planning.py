"""Where a stack of planes is put that cuts a volume anyhow: planned from headers alone, no pixel is looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.axes import DISPLAY, PlaneName, axis_order_of
from derive.model.geometry import Geometry, Triple, triple
from derive.model.orientation import ORIENTATION_MM
from derive.operations.kit.grids import MOST_VOXELS, SNAP

Vector = NDArray[np.float64]

#: A direction is shorter than this only if somebody wrote zeros.
SHORTEST = 1e-6
#: Sine of the angle below which two directions are taken for one: 0.06 degrees.
PARALLEL = 1e-3
#: Up on a display, where nobody says it: the head, and the front where the planes lie across the body.
HEAD, FRONT = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
#: Planes whose normal is nearer than 45 degrees to head-feet lie across the body.
ACROSS = math.sqrt(0.5)


@dataclass(frozen=True)
class Facing:
    """How planes are turned.

    Parameters
    ----------
    plane : str, optional
        A customary one of the patient, shown in the customary way.
    normal : (x, y, z), optional
        Else the direction in which they are looked at, and follow one another.
    up : (x, y, z), optional
        What is up on them.
    """

    plane: PlaneName | None
    normal: Triple | None
    up: Triple | None

    @property
    def cosines(self) -> tuple[Vector, Vector]:
        """Directions of the rows and of the columns.

        Raises
        ------
        UsageError
            ``OP-PLANE`` unless exactly one of a plane and a normal is said, or for one that is none; ``OP-NORMAL``;
            ``OP-UP``.
        """
        if (self.plane is None) == (self.normal is None):
            found = "neither" if self.plane is None else "both"
            raise UsageError("OP-PLANE", f"{found} of plane and normal given; wanted one of them")
        if self.plane is not None:
            if self.plane not in DISPLAY:
                raise UsageError("OP-PLANE", f"plane {self.plane!r}; wanted one of {', '.join(DISPLAY)}")
            if self.up is not None:
                raise UsageError("OP-UP", f"up goes with normal; what is up on {self.plane} planes is customary")
            row, column = DISPLAY[self.plane]
            return np.array(row, np.float64), np.array(column, np.float64)
        normal = unit(self.normal, "OP-NORMAL", "normal")
        up = unit(self.up, "OP-UP", "up") if self.up is not None else FRONT if abs(normal[2]) > ACROSS else HEAD
        within = up - float(up @ normal) * normal
        if np.linalg.norm(within) < PARALLEL:
            raise UsageError(
                "OP-UP", f"up {self.up} runs along the normal {self.normal}; wanted what is up on the plane"
            )
        down = -within / np.linalg.norm(within) + 0.0
        return np.cross(down, normal) + 0.0, down


def unit(direction: object, code: str, name: str) -> Vector:
    """Return a direction as a unit vector.

    Raises
    ------
    UsageError
        Under `code`, unless it is three finite numbers that are not all 0.
    """
    found = three(direction, code, name)
    length = float(np.linalg.norm(found))
    if not length > SHORTEST:
        raise UsageError(code, f"{name} {direction}; wanted a direction, x y z, not all 0")
    return found / length


def three(numbers: object, code: str, name: str) -> Vector:
    """Return three finite numbers.

    Raises
    ------
    UsageError
        Under `code`, for anything else.
    """
    try:
        found = np.asarray(numbers, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != (3,) or not np.isfinite(found).all():
        raise UsageError(code, f"{name} {numbers!r}; wanted three numbers, x y z")
    return found


@dataclass(frozen=True)
class StackWish:
    """What is said of a stack of planes, in mm; what is None follows from the volume.

    Parameters
    ----------
    through : (x, y, z), optional
        A point that one of the planes goes through; the middle of what has a size.
    spacing_mm : float, optional
        Between the pixels.
    thickness_mm : float, optional
        Of a plane.
    step_mm : float, optional
        Between the planes.
    size_mm : (along the rows, down the columns, along the normal), optional
    single : bool
        Whether one plane is all that is wanted.
    """

    through: Triple | None = None
    spacing_mm: float | None = None
    thickness_mm: float | None = None
    step_mm: float | None = None
    size_mm: Triple | None = None
    single: bool = False

    def checked(self, source: Geometry) -> StackWish:
        """Refuse what is no length, and a point that is not in the volume.

        Raises
        ------
        UsageError
            ``OP-SPACING``, ``OP-SLAB``, ``OP-SIZE``; ``OP-THROUGH`` for a point that lies outside.
        """
        for code, name in (("OP-SPACING", "spacing_mm"), ("OP-SLAB", "thickness_mm"), ("OP-SLAB", "step_mm")):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(code, f"{name} {value}; wanted above 0, in mm")
        if self.size_mm is not None and not (np.array(self.size_mm) > 0).all():
            raise UsageError("OP-SIZE", f"size_mm {self.size_mm}; wanted above 0, in mm")
        if self.through is None:
            return self
        point = three(self.through, "OP-THROUGH", "through")
        place = source.index_of(point)
        if ((place < -0.5 - SNAP) | (place > np.array(source.shape) - 0.5 + SNAP)).any():
            low, high = np.round(bounds_of(source, np.eye(3)), 2)
            raise UsageError(
                "OP-THROUGH",
                f"through {self.through} mm lies outside of the volume, which reaches from {tuple(low.tolist())} to "
                f"{tuple(high.tolist())} mm (x y z, towards left, back and head)",
            )
        return replace(self, through=triple(point))


def bounds_of(source: Geometry, axes: Vector) -> tuple[Vector, Vector]:
    """Return how far a volume reaches along directions, to the outer edges of its voxels: lowest and highest, mm.

    Parameters
    ----------
    source : Geometry
    axes : (n, 3)
    """
    corners = np.array(list(np.ndindex(2, 2, 2))) * np.array(source.shape) - 0.5
    along = source.points_of(corners) @ axes.T
    return along.min(axis=0), along.max(axis=0)


def breadth_of(source: Geometry, direction: Vector) -> float:
    """Return what a voxel measures along a direction: its spacing along an axis, and between those of two of them."""
    return float(1 / np.linalg.norm(source.directions.T @ direction / np.array(source.spacing)))


def stack_of(source: Geometry, facing: Facing, wish: StackWish) -> Geometry:
    """Plan a stack of planes.

    Customary planes of a volume whose axes are those of the patient are its own: without anything else said the voxels
    are the same, seen another way. All others reach, in steps from the outer edge, as far as the volume does; with a
    point one of them goes through it.

    Parameters
    ----------
    source : Geometry
        Even, and not tilted.
    facing : Facing
    wish : StackWish

    Raises
    ------
    UsageError
        As :attr:`Facing.cosines` and :meth:`StackWish.checked`; ``OP-SPACING`` for more pixels than an image has.
    """
    row, column = facing.cosines
    wish = wish.checked(source)
    own = _own_planes(source, facing, row, column)
    if own is not None and wish == StackWish():
        return own
    if own is not None:
        row, column = np.array(own.row_cosines), np.array(own.column_cosines)
    axes = np.array([row, column, np.cross(row, column)])
    spacing = _spacing(source, own, wish, axes[2])
    low, high = bounds_of(source, axes)
    through = axes @ (np.array(wish.through) if wish.through else _middle(source))
    first, counts = np.empty(3), [1, 1, 1]
    for axis in range(3):
        first[axis], counts[axis] = _laid(wish, axis, (low[axis], high[axis]), spacing[axis], through[axis])
    if max(counts) > MOST_VOXELS:
        raise UsageError("OP-SPACING", f"{max(counts)} pixels along an axis, which no image has; wanted larger ones")
    return Geometry(
        first_position=triple(axes.T @ first + 0.0),
        row_cosines=triple(row),
        column_cosines=triple(column),
        pixel_spacing=(spacing[1], spacing[0]),
        slice_spacing=spacing[2],
        shape=(counts[2], counts[1], counts[0]),
        frame_of_reference_uid=source.frame_of_reference_uid,
        slice_thickness=wish.thickness_mm or breadth_of(source, axes[2]),
    )


def _middle(source: Geometry) -> Vector:
    return source.points_of((np.array(source.shape) - 1) / 2)


def _laid(wish: StackWish, axis: int, ends: tuple[float, float], step: float, through: float) -> tuple[float, int]:
    """Return the first centre along an axis (rows, columns, normal), and how many there are."""
    if wish.single and axis == 2:
        return through, 1
    if wish.size_mm is not None:
        count = max(1, round(wish.size_mm[axis] / step))
        return through - (count - 1) / 2 * step, count
    low, high = ends
    if wish.through is not None and axis == 2:
        before = math.floor((through - low) / step + SNAP)
        return through - before * step, before + math.floor((high - through) / step + SNAP) + 1
    return low + step / 2, max(1, math.ceil((high - low) / step - 0.5 - SNAP))


def _spacing(source: Geometry, own: Geometry | None, wish: StackWish, normal: Vector) -> tuple[float, float, float]:
    """Return the spacing along the rows, down the columns, and between the planes."""
    fine = wish.spacing_mm or min(source.spacing)
    down, along = (fine, fine) if own is None or wish.spacing_mm else own.pixel_spacing
    return along, down, wish.step_mm or wish.thickness_mm or wish.spacing_mm or breadth_of(source, normal)


def _own_planes(source: Geometry, facing: Facing, row: Vector, column: Vector) -> Geometry | None:
    """Return the volume seen in a customary plane, where its axes are those of the patient; else None."""
    if facing.plane is None:
        return None
    order = axis_order_of(source, facing.plane)
    seen = order.geometry(source)
    turned = np.array([seen.row_cosines, seen.column_cosines]) - [row, column]
    spans = np.array(seen.shape[:0:-1]) * seen.pixel_spacing[::-1]
    if float((np.linalg.norm(turned, axis=1) * spans).sum()) > ORIENTATION_MM:
        return None
    return replace(seen, slice_thickness=source.slice_thickness if order.axes[0] == 0 else seen.slice_spacing)
