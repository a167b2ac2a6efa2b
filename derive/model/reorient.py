"""A grid in any of the 48 orientations, or oblique, as a stack of planes: re-ordered, never mirrored.

Indices (i, j, k) of a file become (slice, row, column). Which axis becomes the slices, and which way the rows
and columns run, is a choice; where each voxel lies is none, and stays as the file says.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.model.axes import DISPLAY
from derive.model.geometry import Geometry, Shape, triple

Matrix = NDArray[np.float64]
#: How far a voxel may lie from where the file puts it, since DICOM knows no shear.
SHEAR_TOLERANCE_MM = 0.05
#: Spacings are as coarse as each other within this; and float32 is as exact as this.
SAME_SPACING = 0.01
SINGLE = 6e-8


@dataclass(frozen=True)
class Placing:
    """How the axes of a file become slices, rows and columns.

    Parameters
    ----------
    axes : (slice, row, column)
        The file's axes.
    flipped : (slice, row, column)
        Whether each runs the other way.
    geometry : Geometry
        Of the re-ordered grid.
    error_mm : float
        Largest distance of a voxel from where the file puts it.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    geometry: Geometry
    error_mm: float

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view (times, slice, row, column[, 3]) of numbers (i, j, k, times[, 3])."""
        moved = array.transpose(3, *self.axes, *range(4, array.ndim))
        return moved[(slice(None), *(slice(None, None, -1 if f else 1) for f in self.flipped))]


@dataclass(frozen=True)
class Wish:
    """What is asked of the planes.

    Parameters
    ----------
    plane : str, optional
        ``axial``, ``coronal`` or ``sagittal``: the one of the file's planes that is nearest to it.
    like : Geometry, optional
        Planes of a reference, where no plane is asked for.
    slice_axis : int, optional
        The axis that the file names, where there is neither.
    """

    plane: str | None = None
    like: Geometry | None = None
    slice_axis: int | None = None


def place(affine: Matrix, shape_ijk: Sequence[int], wish: Wish, frame_of_reference_uid: str = "") -> Placing:
    """Choose slices, rows and columns.

    Parameters
    ----------
    affine : (4, 4)
        Index (i, j, k, 1) to patient coordinates (x, y, z, 1), LPS, mm.
    shape_ijk : (i, j, k)
    wish : Wish
        Without one the slices run along the coarsest spacing, of equal ones the nearest to head-feet.
    frame_of_reference_uid : str

    Raises
    ------
    GeometryError
        ``GEO-DETERMINANT`` for an affine that is no grid, ``GEO-SHEAR`` for axes that are not at right angles.
    """
    steps = np.asarray(affine, dtype=np.float64)[:3, :3]
    if not np.isfinite(affine).all() or abs(np.linalg.det(steps)) < 1e-12:
        raise GeometryError("GEO-DETERMINANT", "the affine is not finite, or its determinant is 0: it places no grid")
    units = steps / np.linalg.norm(steps, axis=0)
    axes = _axes(units, np.linalg.norm(steps, axis=0), wish)
    row, column = _goal(units, axes[0], wish)
    flip_row, flip_column = bool(units[:, axes[1]] @ column < 0), bool(units[:, axes[2]] @ row < 0)
    hand = np.linalg.det(np.stack([units[:, axes[2]], units[:, axes[1]], units[:, axes[0]]], axis=1))
    flipped = (bool(hand < 0) ^ flip_row ^ flip_column, flip_row, flip_column)
    shape = tuple(int(shape_ijk[a]) for a in axes)
    ordered = _reordered(np.asarray(affine, dtype=np.float64), axes, flipped, shape)
    geometry, error = _geometry(ordered, (shape[0], shape[1], shape[2]), frame_of_reference_uid)
    return Placing(axes, flipped, geometry, error)


def _axes(units: Matrix, spacing: Matrix, wish: Wish) -> tuple[int, int, int]:
    """Axes of the file for (slice, row, column)."""
    fixed = None if wish.plane or wish.like else wish.slice_axis
    if fixed is None and not (wish.plane or wish.like):
        coarsest = [a for a in range(3) if spacing[a] >= spacing.max() * (1 - SAME_SPACING)]
        fixed = max(coarsest, key=lambda a: abs(units[2, a]))
    candidates = [p for p in itertools.permutations(range(3)) if fixed is None or p[0] == fixed]

    def likeness(axes: tuple[int, ...]) -> float:
        row, column = _goal(units, axes[0], wish)
        goal = (np.cross(row, column), column, row)
        return float(sum(abs(units[:, a] @ g) for a, g in zip(axes, goal, strict=True)))

    slices, rows, columns = max(candidates, key=likeness)
    return slices, rows, columns


def _goal(units: Matrix, slice_axis: int, wish: Wish) -> tuple[Matrix, Matrix]:
    """Direction that rows and columns should have."""
    if wish.like is not None and wish.plane is None:
        return np.array(wish.like.row_cosines), np.array(wish.like.column_cosines)
    if wish.plane is not None:
        row, column = DISPLAY[wish.plane]
    else:
        nearest = int(np.abs(units[:, slice_axis]).argmax())
        row, column = DISPLAY[("sagittal", "coronal", "axial")[nearest]]
    return np.array(row, dtype=float), np.array(column, dtype=float)


def _reordered(affine: Matrix, axes: Sequence[int], flipped: Sequence[bool], shape: Sequence[int]) -> Matrix:
    """Affine of the indices (slice, row, column)."""
    ordered = affine.copy()
    for place_, (axis, flip) in enumerate(zip(axes, flipped, strict=True)):
        step = affine[:3, axis]
        ordered[:3, place_] = -step if flip else step
        if flip:
            ordered[:3, 3] += (shape[place_] - 1) * step
    return ordered


def _geometry(affine: Matrix, shape: Shape, frame_of_reference_uid: str) -> tuple[Geometry, float]:
    """Geometry of an affine of (slice, row, column), and how far a voxel is from where the affine puts it."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing)
    normal, column, row = (_clean(v) for v in (left @ right).T)
    slices, rows, columns = (_shorter(float(s)) for s in spacing)
    positions = np.round(affine[:3, 3] + np.arange(shape[0])[:, None] * affine[:3, 0], 6)
    ideal = positions[0] + np.arange(shape[0])[:, None] * slices * normal
    end = [(r, c) for r in (0, shape[1] - 1) for c in (0, shape[2] - 1)]
    aside = [r * (rows * column - affine[:3, 1]) + c * (columns * row - affine[:3, 2]) for r, c in end]
    leaning = float(np.linalg.norm(ideal - positions, axis=1).max())
    error = float(np.linalg.norm(aside, axis=1).max())
    if not max(error, leaning) <= SHEAR_TOLERANCE_MM:
        raise GeometryError(
            "GEO-SHEAR",
            f"the axes of the grid are not at right angles: a voxel would lie {max(error, leaning):.3g} mm from where "
            f"the file puts it; wanted at most {SHEAR_TOLERANCE_MM} mm. Resample it to a grid without shear or tilt",
        )
    geometry = Geometry(
        triple(positions[0]),
        triple(row),
        triple(column),
        (rows, columns),
        slices,
        shape,
        frame_of_reference_uid,
        tuple(triple(p) for p in positions),
    )
    return geometry, error


def _clean(cosines: Matrix) -> Matrix:
    """Direction without the noise of single precision: what is along an axis is so exactly."""
    cleaned = np.where(np.abs(cosines) < SINGLE * 2, 0.0, cosines)
    return np.asarray(cleaned / np.linalg.norm(cleaned)) + 0.0


def _shorter(value: float) -> float:
    """0.7 for 0.699999988, which is what single precision makes of it; as it is, where more digits mean something."""
    rounded = float(f"{value:.7g}")
    return rounded if abs(rounded - value) <= SINGLE * abs(value) else value
