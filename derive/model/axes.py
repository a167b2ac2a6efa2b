"""The planes that images are shown in, as permutations of the axes of a volume."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from derive.errors import GeometryError, UsageError
from derive.model.geometry import Geometry, Triple, triple
from derive.model.volume import Array

PlaneName = Literal["native", "axial", "coronal", "sagittal"]

#: Direction of the rows and of the columns on a display, in the patient (LPS), by plane.
DISPLAY: dict[str, tuple[Triple, Triple]] = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}


@dataclass(frozen=True)
class AxisOrder:
    """How array axes are taken for the slices, rows and columns of a plane.

    Parameters
    ----------
    axes : (int, int, int)
        Array axis that becomes the slice, row and column axis.
    flips : (bool, bool, bool)
        Whether it runs the other way.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def array(self, values: Array) -> Array:
        """Return the same values, seen this way."""
        steps = tuple(slice(None, None, -1 if flip else None) for flip in self.flips)
        return values.transpose(self.axes)[steps]

    def geometry(self, geometry: Geometry) -> Geometry:
        """Return the same voxels, seen this way; even spacing is taken for positions as read."""
        signs = np.where(self.flips, -1.0, 1.0)
        _, column, row = (geometry.directions[:, self.axes] * signs + 0.0).T  # no negative zeros
        first = np.zeros(3)
        for axis, flip in zip(self.axes, self.flips, strict=True):
            first[axis] = geometry.shape[axis] - 1 if flip else 0
        spacing = [geometry.spacing[a] for a in self.axes]
        slices, rows, columns = (geometry.shape[a] for a in self.axes)
        return Geometry(
            first_position=triple(geometry.points_of(first)),
            row_cosines=triple(row),
            column_cosines=triple(column),
            pixel_spacing=(spacing[1], spacing[2]),
            slice_spacing=spacing[0],
            shape=(slices, rows, columns),
            frame_of_reference_uid=geometry.frame_of_reference_uid,
        )


NATIVE = AxisOrder((0, 1, 2), (False, False, False))


def axis_order_of(geometry: Geometry, plane: PlaneName) -> AxisOrder:
    """Find the permutation and flips that come closest to a plane as it is shown; nothing is interpolated.

    Rows run to the left and columns to the back (axial), rows to the left and columns to the feet
    (coronal), rows to the back and columns to the feet (sagittal), as nearly as the axes of the volume
    do: an oblique volume stays oblique. Slices ascend along the normal.

    Raises
    ------
    UsageError
        ``OP-PLANE`` for a plane that has no name here.
    GeometryError
        ``GEO-TILT`` for planes across the slices of a tilted stack, which would be sheared.
    """
    if plane == "native":
        return NATIVE
    if plane not in DISPLAY:
        raise UsageError("OP-PLANE", f"plane {plane!r}; wanted one of {', '.join(get_args(PlaneName))}")
    if geometry.tilted:
        raise GeometryError("GEO-TILT", "planes across the slices of a tilted stack are sheared; rectify it first")
    row, column = np.array(DISPLAY[plane])
    axis = patient_axes(geometry)
    slices, rows, columns = (axis[int(np.abs(d).argmax())] for d in (np.cross(row, column), column, row))
    directions = geometry.directions
    row_flip = bool(directions[:, rows] @ column < 0)
    column_flip = bool(directions[:, columns] @ row < 0)
    normal = np.cross(directions[:, columns], directions[:, rows]) * (-1 if row_flip != column_flip else 1)
    return AxisOrder((slices, rows, columns), (bool(normal @ directions[:, slices] < 0), row_flip, column_flip))


def patient_axes(geometry: Geometry) -> tuple[int, ...]:
    """Array axis that stands for x, for y and for z of the patient: each once, as close as can be in all.

    Where two ways are equally close, as at 45 degrees, the first one is taken, in the order of the array.
    """
    likeness = np.abs(geometry.directions)
    return max(
        itertools.permutations(range(3)),
        key=lambda axes: round(float(likeness[(0, 1, 2), axes].sum()), 6),
    )
