"""Where a grid lies whose file does not say: as the caller states, and nothing that nobody stated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from derive.errors import GeometryError, UsageError
from derive.formats.samples import Samples
from derive.model.axes import DISPLAY
from derive.model.geometry import Geometry, Triple, triple
from derive.model.reorient import Matrix
from derive.wording import flag

#: Towards where an index grows, in LPS.
LETTERS = {
    "L": (1.0, 0.0, 0.0),
    "R": (-1.0, 0.0, 0.0),
    "P": (0.0, 1.0, 0.0),
    "A": (0.0, -1.0, 0.0),
    "S": (0.0, 0.0, 1.0),
    "H": (0.0, 0.0, 1.0),
    "I": (0.0, 0.0, -1.0),
    "F": (0.0, 0.0, -1.0),
}
#: Words for the directions of column, row and slice index.
REFERENCE = "reference"
Orientation: TypeAlias = str | Sequence[float]


def affine_of(
    samples: Samples,
    orientation: Orientation | None,
    spacing_xyz: Triple | None,
    origin_xyz: Triple | None,
    reference: Geometry | None,
) -> Matrix:
    """Affine of a file's indices to the patient (LPS, mm): the file's, else what the caller states.

    Parameters
    ----------
    samples : Samples
    orientation : str or six numbers, optional
        ``axial``, ``coronal``, ``sagittal``; three letters towards which x, y and z indices grow, e.g. ``LPS``;
        the cosines of the rows and of the columns; or ``reference`` for the reference's own grid.
    spacing_xyz, origin_xyz : (x, y, z) mm, optional
        Spacing, and the centre of the first voxel.
    reference : Geometry, optional

    Raises
    ------
    GeometryError
        ``GEO-UNPLACED`` if neither says enough, ``GEO-SHAPE`` if the reference has another shape.
    UsageError
        ``GEO-STATED`` if both say, ``GEO-ORIENTATION`` for words that are no orientation.
    """
    stated = {"orientation": orientation, "spacing_xyz": spacing_xyz, "origin_xyz": origin_xyz}
    if samples.affine is not None:
        said = [flag(keyword) for keyword, value in stated.items() if value is not None]
        if said:
            raise UsageError("GEO-STATED", f"{samples.name} says itself where its voxels lie; leave out {said[0]}")
        return samples.affine
    if orientation == REFERENCE:
        return _of_reference(samples, reference, spacing_xyz, origin_xyz)
    spacing = spacing_xyz or samples.spacing_mm
    if spacing_xyz is not None and samples.spacing_mm is not None and not np.allclose(spacing_xyz, samples.spacing_mm):
        raise UsageError("GEO-STATED", f"{samples.name} has a spacing of {samples.spacing_mm} mm itself")
    return _stated(samples, orientation, spacing, origin_xyz, reference)


def _stated(
    samples: Samples,
    orientation: Orientation | None,
    spacing: Triple | None,
    origin: Triple | None,
    reference: Geometry | None,
) -> Matrix:
    bare = not samples.placeable
    if spacing is None or min(spacing) <= 0 or not np.isfinite(spacing).all():
        raise GeometryError(
            "GEO-UNPLACED", f"{samples.name} does not say its spacing; give {flag('spacing_xyz', 'X Y Z')} above 0"
        )
    if orientation is None and (reference is not None or not bare):
        raise GeometryError(
            "GEO-UNPLACED",
            f"{samples.name} ({samples.format}) does not say how it lies in the patient; give {flag('orientation')}: "
            "three letters towards which its x, y and z run (RAS, LPS, ...), six cosines, or "
            "'reference' if its voxels are "
            "those of the reference, in the order of its positions",
        )
    if origin is None and reference is not None:
        raise GeometryError(
            "GEO-UNPLACED",
            f"{samples.name} does not say where its first voxel is; give {flag('origin_xyz', 'X Y Z')} (LPS)",
        )
    affine = np.eye(4)
    affine[:3, :3] = directions(orientation or "axial") * np.array(spacing)
    affine[:3, 3] = origin or (0.0, 0.0, 0.0)
    return affine


def directions(orientation: Orientation) -> Matrix:
    """(3, 3): unit vectors along which the x, y and z index grow, one a matrix column (LPS)."""
    if isinstance(orientation, str):
        if orientation in DISPLAY:
            row, column = (np.array(v, dtype=float) for v in DISPLAY[orientation])
            return np.stack([row, column, np.cross(row, column)], axis=1)
        letters = orientation.upper()
        found = np.array([LETTERS.get(letter, (0.0, 0.0, 0.0)) for letter in letters])
        if len(letters) == 3 and abs(np.linalg.det(found)) == 1:
            return found.T
    elif len(orientation) == 6:
        row, column = np.reshape(np.array(orientation, dtype=float), (2, 3))
        if abs(row @ row - 1) < 1e-3 and abs(column @ column - 1) < 1e-3 and abs(row @ column) < 1e-3:
            return np.stack([row, column, np.cross(row, column)], axis=1)
    raise UsageError(
        "GEO-ORIENTATION",
        f"{orientation!r} is no orientation; wanted axial, coronal, sagittal, three letters such as LPS (one of each "
        "pair RL, AP, SI), or six cosines at a right angle",
    )


def _of_reference(
    samples: Samples, reference: Geometry | None, spacing: Triple | None, origin: Triple | None
) -> Matrix:
    if reference is None or spacing is not None or origin is not None:
        raise UsageError(
            "GEO-ORIENTATION", f"orientation 'reference' goes with {flag('reference')}, and without spacing and origin"
        )
    shape = tuple(samples.array.shape[:3])
    wanted = reference.shape[::-1]
    if shape != wanted:
        raise GeometryError("GEO-SHAPE", f"{samples.name} is {shape} (x y z), and the reference {wanted}")
    affine = np.eye(4)
    affine[:3, :3] = (reference.directions * reference.spacing)[:, ::-1]
    affine[:3, 3] = triple(reference.first_position)
    return affine
