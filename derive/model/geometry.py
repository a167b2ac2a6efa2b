"""Where the pixels of a frame, and the voxels of a stack of them, are: plane attributes as values (PS3.3 C.7.6.2).

Arrays are (slice, row, column). Slices are always ordered along the normal, the cross product of the
row and the column cosines, so the spacing between slices is positive and the frame right-handed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from derive.errors import GeometryError
from derive.model.orientation import COSINE_TOLERANCE, ROUNDED, orthonormal, skew_of
from derive.told.wording import counted

Triple = tuple[float, float, float]
Shape = tuple[int, int, int]

#: Letters towards which x, y and z fall and grow (LPS).
LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))
#: A direction has no letter of an axis to which it is nearly at a right angle: 3 degrees.
LEAST_COSINE = 0.05
#: Two grids are one when no voxel centre differs by more than this.
POSITION_TOLERANCE_MM = 1e-3
#: Two series are on one grid, as people mean it, within this: positions are decimal strings, and files have float32.
ONE_GRID_MM = 0.01


def triple(values: ArrayLike) -> Triple:
    """Return three finite floats, as plain Python numbers."""
    x, y, z = (float(v) for v in np.asarray(values, dtype=np.float64).reshape(3))
    return x, y, z


def letters_of(direction: ArrayLike, least: float = LEAST_COSINE) -> str:
    """Return one to three letters for a direction in the patient, the nearest first (PS3.3 C.7.6.1.1.1).

    Parameters
    ----------
    direction : (x, y, z)
    least : float
        Cosine from which on an axis is named.
    """
    cosines = np.asarray(direction, dtype=np.float64)
    order = sorted(range(3), key=lambda axis: -abs(cosines[axis]))
    return "".join(LETTERS[a][int(cosines[a] > 0)] for a in order if abs(cosines[a]) >= least)


def extent_of(geometry: Geometry, *, sized: bool = True) -> str:
    """How many voxels of what size, for people, x y z."""
    if geometry.own_plane is not None:
        return geometry.own_plane.extent_of(geometry)
    voxels = " x ".join(str(n) for n in geometry.shape[::-1])
    if not sized:
        return f"{voxels} voxels of unknown size"
    return f"{voxels} voxels of {' x '.join(f'{s:.4g}' for s in geometry.spacing[::-1])} mm"


def normal_of(row_cosines: ArrayLike, column_cosines: ArrayLike) -> Triple:
    """Return the unit vector at a right angle to rows and columns, right-handed; zeros where they are parallel."""
    normal = np.cross(np.asarray(row_cosines, dtype=np.float64), np.asarray(column_cosines, dtype=np.float64))
    return triple(normal / (np.linalg.norm(normal) or 1.0))


@dataclass(frozen=True)
class Plane:
    """Where the pixels of one frame are, in the patient's coordinates (LPS, mm), as it says (PS3.3 C.7.6.2).

    Parameters
    ----------
    position : (x, y, z) mm
        Image Position (Patient): centre of the first pixel.
    row_cosines, column_cosines : (x, y, z)
        Image Orientation (Patient): direction of increasing column index, of increasing row index.
    pixel_spacing : (between rows, between columns) mm
    thickness : float, optional
        Slice Thickness, mm; None where nobody says it.
    """

    position: Triple
    row_cosines: Triple
    column_cosines: Triple
    pixel_spacing: tuple[float, float]
    thickness: float | None = None

    @property
    def cosines(self) -> tuple[float, ...]:
        """Image Orientation (Patient): six numbers."""
        return *self.row_cosines, *self.column_cosines

    @property
    def normal(self) -> Triple:
        """Unit vector at a right angle to the plane."""
        return normal_of(self.row_cosines, self.column_cosines)

    @property
    def skew(self) -> float:
        """How far the cosines are off unit length and a right angle."""
        return skew_of(self.row_cosines, self.column_cosines)

    def corners(self, rows: int, columns: int) -> NDArray[np.float64]:
        """(4, 3) mm: the centres of the corner pixels of so many rows and columns."""
        last = np.array([(0, 0), (rows - 1, 0), (0, columns - 1), (rows - 1, columns - 1)])
        steps = last * self.pixel_spacing @ np.array([self.column_cosines, self.row_cosines])
        return np.asarray(steps + self.position)


@dataclass(frozen=True)
class OwnPlane:
    """What images without an Image Plane say of where their pixels are: no more than how far these are apart.

    Parameters
    ----------
    spacing_keyword : str
        Attribute that says it (PS3.3 10.7.1.3): Pixel Spacing, which is calibrated, or Imager Pixel Spacing, which is
        at the detector; empty where nobody does, and a pixel is as large as another one, of whatever size.
    calibration : str
        Pixel Spacing Calibration Type, where there is one.
    """

    spacing_keyword: str = ""
    calibration: str = ""

    @property
    def sized(self) -> bool:
        """Whether lengths in mm mean anything."""
        return bool(self.spacing_keyword)

    @property
    def told(self) -> str:
        """By what pixels are as far apart as they are, for people."""
        return f"{self.spacing_keyword} {self.calibration}".strip() or "no pixel spacing"

    def extent_of(self, geometry: Geometry) -> str:
        """How many pixels of what size, for people, x y."""
        pixels = " x ".join(str(n) for n in geometry.shape[:0:-1])
        if not self.sized:
            return f"{pixels} pixels of unknown size"
        return f"{pixels} pixels of {' x '.join(f'{s:.4g}' for s in geometry.pixel_spacing[::-1])} mm ({self.told})"


@dataclass(frozen=True, repr=False)
class Geometry:
    """An evenly spaced stack of planes in the patient's coordinates (LPS, mm).

    *2026-12-01.* An image without an Image Plane lies in no patient. It is a stack of one plane in coordinates of its
    own, x along a row and y down a column from the first pixel on, so that whoever stays in a plane need not know of
    it; `own_plane` says so, and who needs a place in the patient refuses it by that.

    Parameters
    ----------
    first_position : (x, y, z) mm
        Centre of voxel (0, 0, 0): Image Position (Patient) of the first slice.
    row_cosines, column_cosines : (x, y, z)
        Image Orientation (Patient): direction of increasing column index, of increasing row index. Rounded ones
        become the nearest of unit length at a right angle.
    pixel_spacing : (between rows, between columns) mm
        Pixel Spacing, in the order of the attribute.
    slice_spacing : float
        Distance between neighbouring slice centres along the normal, mm; above 0.
    shape : (slices, rows, columns)
    frame_of_reference_uid : str
        May be empty where a source has none.
    measured_positions : tuple of (x, y, z), optional
        Positions as read, one a slice, so that a grid that is kept is written as it was.
    slice_thickness : float, optional
        Nominal thickness in mm of planes that an operation made; None where it is the source's own.
    slice_shift : (along rows, along columns) mm
        How far a slice lies beside the one before it, towards increasing column and increasing row index;
        not 0 where the stack leans (gantry tilt), and its voxels are sheared.
    own_plane : OwnPlane, optional
        Of images that do not say where in the patient they lie, what they do say.
    """

    first_position: Triple
    row_cosines: Triple
    column_cosines: Triple
    pixel_spacing: tuple[float, float]
    slice_spacing: float
    shape: Shape
    frame_of_reference_uid: str = ""
    measured_positions: tuple[Triple, ...] | None = None
    slice_thickness: float | None = None
    slice_shift: tuple[float, float] = (0.0, 0.0)
    own_plane: OwnPlane | None = None

    @classmethod
    def in_own_plane(cls, own: OwnPlane, pixel_spacing: tuple[float, float], rows: int, columns: int) -> Geometry:
        """Return the geometry of images that lie in no patient."""
        x, y = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
        return cls((0.0, 0.0, 0.0), x, y, pixel_spacing, 1.0, (1, rows, columns), own_plane=own)

    def __post_init__(self) -> None:
        skew = skew_of(self.row_cosines, self.column_cosines)
        if not skew <= COSINE_TOLERANCE:
            raise GeometryError(
                "GEO-COSINES",
                f"row and column cosines {self.row_cosines}, {self.column_cosines} are off from unit length "
                f"and a right angle by {skew:.2g}; wanted at most {COSINE_TOLERANCE}",
            )
        if skew > ROUNDED:
            cosines = orthonormal((*self.row_cosines, *self.column_cosines))
            object.__setattr__(self, "row_cosines", triple(cosines[:3]))
            object.__setattr__(self, "column_cosines", triple(cosines[3:]))
        if not (min(self.pixel_spacing) > 0 and self.slice_spacing > 0 and min(self.shape) > 0):
            raise GeometryError(
                "GEO-SPACING",
                f"pixel spacing {self.pixel_spacing} mm, slice spacing {self.slice_spacing} mm, shape {self.shape}: "
                "all must be above 0",
            )
        if not np.isfinite(self.slice_shift).all():
            raise GeometryError("GEO-SPACING", f"slices shift by {self.slice_shift} mm; wanted finite lengths")
        if self.measured_positions is not None and len(self.measured_positions) != self.shape[0]:
            raise GeometryError(
                "GEO-POSITIONS",
                f"{counted(len(self.measured_positions), 'position')} for {counted(self.shape[0], 'slice')}",
            )

    def __repr__(self) -> str:
        """Return the fields; no more of a stack along its normal in a patient: it is one unless it is said."""
        unusual = {"slice_shift": self.tilted, "own_plane": not self.in_patient}
        shown = [f.name for f in fields(self) if unusual.get(f.name, True)]
        return f"Geometry({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    @cached_property
    def normal(self) -> Triple:
        """Unit vector at a right angle to the planes; from slice to slice, where the stack is not tilted."""
        return normal_of(self.row_cosines, self.column_cosines)

    @property
    def in_patient(self) -> bool:
        """Whether it lies somewhere in a patient, or at least in a space that others can lie in too."""
        return self.own_plane is None

    @property
    def tilted(self) -> bool:
        """Whether slices are stacked in another direction than their normal: its voxels are sheared."""
        return self.slice_shift != (0.0, 0.0)

    @property
    def slice_step(self) -> Triple:
        """From the centre of a voxel to that of the same voxel of the next slice, mm; with the shift of a tilted stack.

        The spacing and the shift are kept rather than this vector, so that a length is what it was read as, and a
        stack along its normal is told from one that is not without a tolerance.
        """
        step = self.slice_spacing * np.array(self.normal)
        if self.tilted:
            along_rows, along_columns = self.slice_shift
            step += along_rows * np.array(self.row_cosines) + along_columns * np.array(self.column_cosines)
        return triple(step)

    @property
    def spacing(self) -> Triple:
        """Spacing (slice, row, column) in mm, in the order of the array axes; of slices along their normal."""
        return self.slice_spacing, *self.pixel_spacing

    @property
    def directions(self) -> NDArray[np.float64]:
        """(3, 3): unit vectors of the slice, row and column index, one a matrix column."""
        step = np.array(self.slice_step) / np.linalg.norm(self.slice_step) if self.tilted else self.normal
        return np.stack([step, self.column_cosines, self.row_cosines], axis=1)

    @property
    def affine(self) -> NDArray[np.float64]:
        """(4, 4): (slice, row, column, 1) to patient coordinates (x, y, z, 1) in mm."""
        affine = np.eye(4)
        affine[:3, :3] = self.directions * self.spacing
        if self.tilted:
            affine[:3, 0] = self.slice_step
        affine[:3, 3] = self.first_position
        return affine

    def plane(self, index: int) -> Plane:
        """Return where slice `index` is, as read where it was read."""
        return Plane(
            self.position(index), self.row_cosines, self.column_cosines, self.pixel_spacing, self.slice_thickness
        )

    def position(self, index: int) -> Triple:
        """Image Position (Patient) of slice `index`, as read where it was read."""
        if self.measured_positions is not None:
            return self.measured_positions[index]
        if self.tilted:
            return triple(np.array(self.first_position) + index * np.array(self.slice_step))
        return triple(np.array(self.first_position) + index * self.slice_spacing * np.array(self.normal))

    @cached_property
    def uneven_mm(self) -> float:
        """How far a position as it was read lies from its place in the even grid, mm."""
        if self.measured_positions is None:
            return 0.0
        even = self.points_of([(index, 0, 0) for index in range(self.shape[0])])
        return float(np.linalg.norm(even - np.array(self.measured_positions), axis=1).max())

    def index_of(self, points: ArrayLike) -> NDArray[np.float64]:
        """Continuous (slice, row, column) indices of patient points.

        Parameters
        ----------
        points : (..., 3) mm
        """
        offset = np.asarray(points, dtype=np.float64) - self.first_position
        return np.asarray(np.linalg.solve(self.affine[:3, :3], offset.reshape(-1, 3).T).T.reshape(offset.shape))

    def points_of(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Patient points (..., 3) mm of continuous (slice, row, column) indices."""
        return np.asarray(np.asarray(indices, dtype=np.float64) @ self.affine[:3, :3].T + self.first_position)

    def corners(self) -> NDArray[np.float64]:
        """(8, 3) mm: the centres of the eight corner voxels."""
        last = np.array(self.shape) - 1
        return self.points_of(np.array(list(np.ndindex(2, 2, 2))) * last)

    def largest_distance(self, other: Geometry) -> float:
        """Largest distance in mm between equal voxel centres; infinite if the shapes differ."""
        if self.shape != other.shape:
            return float("inf")
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def same_grid(self, other: Geometry, tolerance_mm: float = POSITION_TOLERANCE_MM) -> bool:
        """Whether every voxel lies where it lies in `other`, in the same frame of reference."""
        one_space = (self.frame_of_reference_uid, self.in_patient) == (other.frame_of_reference_uid, other.in_patient)
        return one_space and self.largest_distance(other) <= tolerance_mm

    def same_plane(self, other: Geometry, tolerance: float = 1e-3) -> bool:
        """Whether the planes of both have one orientation (rows and columns may be scaled)."""
        pairs = ((self.row_cosines, other.row_cosines), (self.column_cosines, other.column_cosines))
        return all(float(np.abs(np.subtract(a, b)).max()) <= tolerance for a, b in pairs)

    def slices(self, first: int, last: int) -> Geometry:
        """Geometry of the slices `first` (included) to `last` (excluded)."""
        measured = self.measured_positions
        return replace(
            self,
            first_position=self.position(first),
            shape=(last - first, *self.shape[1:]),
            measured_positions=None if measured is None else measured[first:last],
        )
