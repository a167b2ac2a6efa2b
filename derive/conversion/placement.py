"""Where a grid lies whose file does not say: as the caller states, and nothing that nobody stated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from derive.errors import GeometryError, UsageError
from derive.formats.place import Place
from derive.formats.samples import Samples
from derive.model.axes import DISPLAY
from derive.model.geometry import Geometry, Triple, triple
from derive.model.reorient import Matrix
from derive.told.wording import flag

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


#: How far the words of a caller may be from those of a file: a share of a length, mm, and cosines.
LENGTHS_AGREE, PLACES_AGREE_MM, COSINES_AGREE = 1e-4, 1e-3, 1e-3


class Stated(NamedTuple):
    """What a caller says of where a grid lies: each of it, or None."""

    orientation: Orientation | None = None
    spacing_xyz: Triple | None = None
    origin_xyz: Triple | None = None

    @property
    def flags(self) -> list[str]:
        """Names of what is said."""
        return [flag(name) for name, value in self._asdict().items() if value is not None]


def affine_of(samples: Samples, said: Stated, reference: Geometry | None) -> Matrix:
    """Affine of a file's indices to the patient (LPS, mm): of each part what the file says, else what the caller says.

    Parameters
    ----------
    samples : Samples
    said : Stated
        The orientation is ``axial``, ``coronal``, ``sagittal``; three letters towards which x, y and z indices grow,
        e.g. ``LPS``; the cosines of the rows and of the columns; or ``reference`` for the reference's own grid. The
        origin is the centre of the first voxel.
    reference : Geometry, optional

    Raises
    ------
    GeometryError
        ``GEO-UNPLACED`` if neither says enough, ``GEO-SHAPE`` if the reference has another shape, ``GEO-LIMITS``.
    UsageError
        ``GEO-STATED`` if both say, ``GEO-ORIENTATION`` for words that are no orientation.
    """
    if samples.affine is not None:
        if said.flags:
            raise UsageError(
                "GEO-STATED", f"{samples.name} says itself where its voxels lie; leave out {said.flags[0]}"
            )
        return samples.affine
    if said.orientation == REFERENCE:
        return _of_reference(samples, reference, said)
    place = samples.place
    given = None if said.orientation is None else directions(said.orientation)
    _refuse_contradiction(samples.name, place, said, given)
    found = Place(
        said.spacing_xyz or place.spacing,
        place.directions if given is None else given,
        said.origin_xyz or place.origin,
    )
    whole = _completed(samples, found, reference, own_space=in_own_space(samples, said, reference))
    affine = whole.checked(samples.name).affine
    assert affine is not None, "what is open was asked for"
    return affine


def _refuse_contradiction(name: str, place: Place, said: Stated, given: Matrix | None) -> None:
    """Refuse what the file says otherwise: its words are the evidence, and not those of who calls."""
    if said.spacing_xyz is not None:
        for length, other in zip(place.spacing, said.spacing_xyz, strict=True):
            if length is not None and abs(length - other) > LENGTHS_AGREE * length:
                shown = " ".join("?" if s is None else f"{s:g}" for s in place.spacing)
                raise UsageError(
                    "GEO-STATED", f"{name} has a spacing of {shown} mm itself; {flag('spacing_xyz')} says otherwise"
                )
    own = place.origin
    if said.origin_xyz is not None and own and np.abs(np.subtract(said.origin_xyz, own)).max() > PLACES_AGREE_MM:
        shown = " ".join(f"{v:g}" for v in own)
        raise UsageError(
            "GEO-STATED", f"{name} has its first voxel at {shown} mm itself; {flag('origin_xyz')} says otherwise"
        )
    if given is not None and place.directions is not None and np.abs(given - place.directions).max() > COSINES_AGREE:
        raise UsageError("GEO-STATED", f"{name} says itself how it lies; {flag('orientation')} says otherwise")


def in_own_space(samples: Samples, said: Stated, reference: Geometry | None) -> bool:
    """Whether the first voxel may be at 0 0 0: of a space that begins with it, of which no file says anything else.

    That is so of formats that have no words for a place, and of a file without one that the caller turns. A file that
    says how it lies, and not where, belongs into a space that exists: there it is asked for.
    """
    nowhere = samples.place.directions is None and said.orientation is not None
    return reference is None and said.origin_xyz is None and (not samples.placeable or nowhere)


def _completed(samples: Samples, found: Place, reference: Geometry | None, *, own_space: bool) -> Place:
    """Ask for what nobody says; of formats that have no words for a place, axial is what nobody else says."""
    bare = not samples.placeable and reference is None
    if found.whole_spacing is not None and min(found.whole_spacing) <= 0:
        raise GeometryError(
            "GEO-UNPLACED", f"the spacing of {samples.name}; give {flag('spacing_xyz', 'X Y Z')} above 0"
        )
    missing = []
    if found.whole_spacing is None:
        missing.append(("its spacing", flag("spacing_xyz", "X Y Z")))
    if found.directions is None and not bare:
        missing.append(
            (
                "how it lies in the patient",
                f"{flag('orientation')}: three letters towards which its x, y and z run (RAS, LPS, ...), six cosines, "
                "or 'reference' if its voxels are those of the reference, in the order of its positions",
            )
        )
    if found.origin is None and not own_space:
        missing.append(("where its first voxel is", f"{flag('origin_xyz', 'X Y Z')} (LPS)"))
    if missing:
        whats, flags = ([m[n] for m in missing] for n in (0, 1))
        raise GeometryError(
            "GEO-UNPLACED",
            f"{samples.name} ({samples.format}) does not say {' and '.join(whats)}; give {' and '.join(flags)}",
        )
    axial = directions("axial") if found.directions is None else found.directions
    return Place(found.spacing, axial, found.origin or (0.0, 0.0, 0.0))


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


def _of_reference(samples: Samples, reference: Geometry | None, said: Stated) -> Matrix:
    if reference is None or said.spacing_xyz is not None or said.origin_xyz is not None:
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
