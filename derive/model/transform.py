"""A registration as a value: how places of a moving space and of a fixed one belong together (PS3.3 C.20.2, C.20.3).

A matrix of DICOM leads from moving to fixed; a deformation, of DICOM and of ITK, from fixed to moving, since that is
what a value is sampled with. Points are (..., 3) x y z in mm of the patient (LPS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError, UsageError
from derive.model.geometry import Geometry
from derive.model.source_frame import Reference
from derive.told.secrecy import shown_uid
from derive.told.wording import flag

Points = NDArray[np.float64]

#: A matrix flattens space where the volume of a unit cube is less than this, of its longest edge cubed.
FLAT = 1e-9
#: How far a matrix may be off a rotation, for a plane to be moved without interpolation: 0.01 mm at 500 mm.
RIGID = 2e-5
#: A place this near to the border of a grid of vectors, in its steps, is on it.
_BORDER = 1e-6


class Deformation(Protocol):
    """Where the voxels of a fixed grid come from, one by one."""

    def moving_points(self, grid: Geometry) -> Points:
        """(slices, rows, columns, 3) mm of every voxel of a fixed grid; NaN where nothing is said."""


@dataclass(frozen=True, eq=False)
class VectorGrid:
    """A deformation as DICOM says it: a matrix, offsets at the points of a grid, a matrix (PS3.3 C.20.3.1.1).

    *2026-12-01.* The standard leaves open what holds beside the grid. To take it for no deformation would put values
    at places of which nobody said that they are right: it is as undefined as a vector of NaN, and gets the fill value.

    Parameters
    ----------
    before, after : (4, 4)
        From registered space to that of the grid, and from there to the source's.
    grid : Geometry
        Of the vectors: their planes, rows and columns.
    vectors : (slices, rows, columns, 3) mm
        NaN where undefined.
    """

    before: Points
    after: Points
    grid: Geometry
    vectors: NDArray[np.float32]

    def moving_points(self, grid: Geometry) -> Points:
        """(slices, rows, columns, 3) mm of every voxel of a fixed grid; NaN where nothing is said."""
        import scipy.ndimage

        points = moved(self.before, grid.points_of(np.moveaxis(np.indices(grid.shape), 0, -1)))
        places = np.moveaxis(self.grid.index_of(points), -1, 0)
        for axis, count in enumerate(self.grid.shape):
            places[axis] = np.where(np.abs(places[axis]) < _BORDER, 0, places[axis])
            places[axis] = np.where(np.abs(places[axis] - (count - 1)) < _BORDER, count - 1, places[axis])
        known, *vectors = self._components
        share = scipy.ndimage.map_coordinates(known, places, order=1, cval=0.0)
        found = [scipy.ndimage.map_coordinates(v, places, order=1) for v in vectors]
        result = moved(self.after, points + np.stack(found, axis=-1))
        result[share < 1 - _BORDER] = np.nan
        return result

    @cached_property
    def _components(self) -> tuple[Points, ...]:
        """Where vectors are known, 1 or 0; and their x, y and z, 0 where they are not."""
        known = ~np.isnan(self.vectors).any(axis=-1)
        components = (np.where(known, v, 0).astype(np.float64) for v in np.moveaxis(self.vectors, -1, 0))
        return np.asarray(known, np.float64), *components


@dataclass(frozen=True, eq=False)
class ItkDeformation:
    """A transform of ITK that is no matrix: it maps fixed points to moving ones.

    Parameters
    ----------
    transform : SimpleITK.Transform
    """

    transform: Any

    def moving_points(self, grid: Geometry) -> Points:
        """(slices, rows, columns, 3) mm of every voxel of a fixed grid."""
        import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

        filter_ = sitk.TransformToDisplacementFieldFilter()
        filter_.SetOutputPixelType(sitk.sitkVectorFloat64)
        filter_.SetSize(grid.shape[::-1])
        filter_.SetOutputOrigin(grid.first_position)
        filter_.SetOutputSpacing(grid.spacing[::-1])
        filter_.SetOutputDirection(grid.directions[:, ::-1].ravel().tolist())
        offsets = sitk.GetArrayFromImage(filter_.Execute(self.transform))
        return np.asarray(grid.points_of(np.moveaxis(np.indices(grid.shape), 0, -1)) + offsets)


class Part(NamedTuple):
    """How one space is registered.

    Parameters
    ----------
    frame_of_reference_uid : str
        Of the moving space; empty where a file does not say it.
    matrix : (4, 4), optional
        From it to the fixed space.
    deformation : Deformation, optional
        The other way, where it is no matrix.
    """

    frame_of_reference_uid: str
    matrix: Points | None
    deformation: Deformation | None = None


class Led(NamedTuple):
    """Where a transform leads: the fixed space, and how to get from one to the other; one of the two is None."""

    frame_of_reference_uid: str
    matrix: Points | None
    deformation: Deformation | None


@dataclass(frozen=True, eq=False)
class Transform:
    """A registration, as :func:`derive.read_transform` reads it.

    Parameters
    ----------
    recorded : str
        What the record of a step calls it: SOP Instance UID of a registration object, ``sha256:`` of a file.
    parts : tuple of Part
        One of a file; of a registration object one for each space that it registers.
    frame_of_reference_uid : str
        Of the fixed space, which a registration object establishes; empty of a file, which says none.
    reference : Reference, optional
        Identity of the registration object.
    patient : tuple of str
        Of the object: Patient ID, and its issuer.
    """

    recorded: str
    parts: tuple[Part, ...]
    frame_of_reference_uid: str = ""
    reference: Reference | None = None
    patient: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say what it is, and no number of it."""
        kind = "deformation" if self.deforms else "matrix"
        return f"<Transform: {kind}, {shown_uid(self.recorded) if self.reference else self.recorded}>"

    @property
    def deforms(self) -> bool:
        """Whether any of it is no matrix."""
        return any(part.deformation is not None for part in self.parts)

    def led(self, moving: str, fixed: str | None, *, inverse: bool = False) -> Led:
        """Return where it leads from a frame of reference.

        Parameters
        ----------
        moving : str
            Frame of Reference UID of what is moved.
        fixed : str, optional
            That of the series whose grid is taken, where one is.
        inverse : bool
            Whether a file maps the other way.

        Raises
        ------
        GeometryError
            ``GEO-FOR`` where the fixed frame of reference is not known, or is none of the registration's;
            ``GEO-INVERSE`` for a deformation the other way.
        UsageError
            ``OP-INVERSE`` for a registration object, whose frames of reference say the direction.
        """
        if self.reference is None:
            return self._of_file(fixed, inverse)
        if inverse:
            raise UsageError(
                "OP-INVERSE",
                "the frames of reference of a registration object say which way it leads; "
                f"{flag('inverse')} goes with a file that says none",
            )
        return self._of_object(moving, fixed)

    def _of_file(self, fixed: str | None, inverse: bool) -> Led:
        if not fixed:
            raise GeometryError(
                "GEO-FOR",
                "a file of a transform does not say in which frame of reference it leads, and that of the result has "
                f"to be known; give a series that lies there: {flag('reference', 'SERIES')}",
            )
        _, matrix, deformation = self.parts[0]
        if matrix is None and inverse:
            raise _no_inverse()
        return Led(fixed, inverted(matrix) if inverse and matrix is not None else matrix, deformation)

    def _of_object(self, moving: str, fixed: str | None) -> Led:
        known = dict.fromkeys([self.frame_of_reference_uid, *(p.frame_of_reference_uid for p in self.parts)])
        others = [uid for uid in known if uid and uid != moving]
        if fixed is None and moving == self.frame_of_reference_uid and len(others) == 1:
            fixed = others[0]
        fixed = self.frame_of_reference_uid if fixed is None else fixed
        # Images that are registered within their own space, as phases of one scan are: the fixed ones stay there.
        within = fixed == moving == self.frame_of_reference_uid
        there, here = self._registered(moving), Part(fixed, np.eye(4)) if within else self._registered(fixed)
        if there.deformation is None and here.deformation is None:
            assert there.matrix is not None  # a part has one or the other
            assert here.matrix is not None
            return Led(fixed, inverted(here.matrix) @ there.matrix, None)
        if here.matrix is None or not np.array_equal(here.matrix, np.eye(4)):
            raise _no_inverse()
        return Led(fixed, None, there.deformation)

    def _registered(self, uid: str) -> Part:
        """Return the part of a frame of reference; the registered one is where it is, unless something else is said."""
        found = [p for p in self.parts if uid and p.frame_of_reference_uid == uid]
        if not found and uid and uid == self.frame_of_reference_uid:
            return Part(uid, np.eye(4))
        if not found:
            named = ", ".join(dict.fromkeys(p.frame_of_reference_uid or "none" for p in self.parts))
            raise GeometryError(
                "GEO-FOR",
                f"the registration leads from frames of reference {named} to {self.frame_of_reference_uid}, and not "
                f"from or to {uid or 'an unknown one'}; wanted one that names that of the series",
            )
        first = found[0]
        alike = (p.matrix is not None and first.matrix is not None and _close(p.matrix, first.matrix) for p in found)
        if len(found) > 1 and not all(alike):
            raise GeometryError(
                "GEO-FOR",
                f"the registration moves images of frame of reference {uid} in {len(found)} ways, by image and not by "
                "space; give the matrix of these as a file",
            )
        return first


def _no_inverse() -> GeometryError:
    return GeometryError(
        "GEO-INVERSE",
        "a deformation leads one way, and what is asked for is the other; wanted one that maps points of the fixed "
        "series to those of the moving one",
    )


def _close(one: Points, other: Points) -> bool:
    return bool(np.allclose(one, other, rtol=0, atol=1e-9))


def matrix_of(numbers: Sequence[float], whose: str) -> Points:
    """Return a matrix of 16 numbers, row by row, checked.

    Parameters
    ----------
    numbers : sequence of 16 float
    whose : str
        Where they stand, for the error.

    Raises
    ------
    GeometryError
        ``GEO-MATRIX`` for other numbers, ``GEO-SINGULAR`` for one that flattens space.
    """
    if len(numbers) != 16 or not all(map(math.isfinite, numbers)):
        raise GeometryError("GEO-MATRIX", f"{whose}: {len(numbers)} numbers; wanted 16 finite ones, four rows of four")
    matrix = np.array(numbers, np.float64).reshape(4, 4)
    if not _close(matrix[3], np.array([0, 0, 0, 1])):
        last = " ".join(f"{n:g}" for n in matrix[3])
        raise GeometryError("GEO-MATRIX", f"{whose}: the last row is {last}; wanted 0 0 0 1 (PS3.3 C.20.2.1.2)")
    longest = np.linalg.norm(matrix[:3, :3], axis=0).max()
    if abs(np.linalg.det(matrix[:3, :3])) <= FLAT * longest**3:
        raise GeometryError(
            "GEO-SINGULAR", f"{whose}: the matrix is singular, it flattens space; wanted one with an inverse"
        )
    return matrix


def moved(matrix: Points, points: Points) -> Points:
    """Return points (..., 3) mm as a matrix (4, 4) maps them."""
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def inverted(matrix: Points) -> Points:
    """Return the way back of a matrix (4, 4)."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def is_rigid(matrix: Points) -> bool:
    """Whether a matrix turns and shifts, and neither mirrors nor stretches."""
    turn = matrix[:3, :3]
    return bool(np.abs(turn.T @ turn - np.eye(3)).max() <= RIGID and np.linalg.det(turn) > 0)
