"""Where a NIfTI grid lies: the sform and the qform of its header, of which either may be none.

NIfTI-1 has both in ``nifti1.h``: a code above 0 says that a form is there (method 2, the qform; method 3, the sform).
A code that is not known says nothing, and so does a quaternion that is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from derive.formats.place import Affine, Matrix, Place, point, stated

#: RAS to LPS.
TO_LPS = np.array([-1.0, -1.0, 1.0])
#: Codes of a form; those from the third on are spaces that all patients share.
CODES = {1: "scanner", 2: "aligned", 3: "Talairach", 4: "MNI 152", 5: "template"}
SHARED = (3, 4, 5)
#: Codes of xyzt_units: their name and how many mm one is.
LENGTHS = {1: ("meter", 1000.0), 2: ("mm", 1.0), 3: ("micron", 0.001)}
#: sform and qform whose corners lie further apart are told of.
FORMS_DIFFER_MM = 0.1
#: A quaternion is made of three numbers whose squares are 1 at most. Rounding puts them above it, and they are
#: normalised, as the library of the standard does; what is further off is none.
LARGEST_SQUARE = 1.02
ROUNDED_SQUARE = 1 + 1e-5
#: So near to 1 that the fourth number, in single precision, is nothing but rounding (nibabel's threshold).
HALF_A_TURN = 3 * float(np.finfo(np.float32).eps)

Notes = tuple[str, ...]


class Qform(NamedTuple):
    """What a qform says, RAS and in the unit of the header, and what is wrong with it."""

    place: Place
    notes: Notes = ()
    fault: str = ""


def place_of(header: Any, shape: Sequence[int], name: str) -> tuple[Place, Notes]:
    """Return where a grid lies (LPS, mm), and notes.

    Parameters
    ----------
    header : nibabel header
        As it is in the file.
    shape : sequence of int
        Of the numbers.
    name : str
        Of the file, for messages.

    Raises
    ------
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` where the form that is to be used spans no volume, ``GEO-LIMITS``.
    """
    axes = min(len(shape), 3)
    zooms = [float(z) for z in header["pixdim"][1 : 1 + axes]]
    if not hasattr(header, "get_sform"):
        return Place(stated(zooms)).checked(name), ()
    mm, notes = _unit(header)
    factor = 1.0 if mm is None else mm
    place, more = _formed(header, shape, zooms, factor, name)
    place = place.checked(name)
    return (place if mm is not None else place.without_lengths()), (*notes, *more)


def _unit(header: Any) -> tuple[float | None, Notes]:
    """Return mm per unit of length, None where it is of no unit that is known, and a note where it is not mm."""
    code = int(header["xyzt_units"]) & 0x07
    if code == 0:
        return 1.0, ("it does not say its unit of length; mm was taken",)
    if code not in LENGTHS:
        return None, (f"its unit of length has the code {code}, which is none: its lengths were not used",)
    unit, factor = LENGTHS[code]
    return factor, (f"its lengths are in {unit}; they were converted to mm",) if factor != 1.0 else ()


def _formed(header: Any, shape: Sequence[int], zooms: list[float], mm: float, name: str) -> tuple[Place, Notes]:
    """Take the sform, else the qform, else the distances alone."""
    codes = {form: int(header[f"{form}_code"]) for form in ("sform", "qform")}
    notes = [f"its {form}_code is {code}, which is none" for form, code in codes.items() if code not in (0, *CODES)]
    qform = _qform(header, zooms, mm) if codes["qform"] in CODES else None
    if codes["sform"] in CODES:
        with np.errstate(invalid="ignore"):  # of numbers that are none
            sform = _scaled(header.get_sform(), mm)
        place, more = _of_sform(sform, qform, name)
        if qform is not None and not more:
            more = _difference(place, qform, shape, name)
        used = "sform"
    elif qform is not None:
        place, used = qform.place, "qform"
        more = (*qform.notes, *([f"its qform {qform.fault}: what it does not say is open"] if qform.fault else []))
    else:
        return Place(stated(zooms, mm)), tuple(notes)
    if codes[used] in SHARED:
        notes.append(f"its {used} places it in a space that patients share ({CODES[codes[used]]}), not in the scanner")
    return place, (*notes, *more)


def _of_sform(sform: Affine, qform: Qform | None, name: str) -> tuple[Place, Notes]:
    """Take the sform; a qform that is none beside it is told of."""
    place = Place.of_affine(sform, name)
    if qform is not None and qform.fault:
        return place, (f"its qform {qform.fault}; the sform was used",)
    return place, ()


def _qform(header: Any, zooms: list[float], mm: float) -> Qform:
    spacing = stated(zooms, mm)
    offsets = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    origin = point((TO_LPS * offsets).tolist(), mm)
    directions, notes, fault = _rotation(header)
    faults = [fault] if fault else []
    if None in spacing:
        faults.append("has distances (pixdim) that are not above 0")
    if origin is None:
        faults.append("has no place for the first voxel")
    return Qform(Place(spacing, directions, origin), notes, " and ".join(faults))


def _rotation(header: Any) -> tuple[Matrix | None, Notes, str]:
    """Return directions (LPS), None where they are none; notes; and what is wrong."""
    from nibabel.quaternions import quat2mat

    b, c, d = (float(header[f"quatern_{letter}"]) for letter in "bcd")
    square, hand = b * b + c * c + d * d, float(header["pixdim"][0])
    if not np.isfinite(square) or square > LARGEST_SQUARE:
        return None, (), "has a quaternion that is none"
    if hand not in (-1.0, 0.0, 1.0):
        return None, (), f"has {hand:g} where 1 or -1 says the hand of its axes (pixdim[0])"
    notes = ("its quaternion was longer than 1 and was normalised",) if square > ROUNDED_SQUARE else ()
    fourth = np.sqrt(1 - square) if 1 - square > HALF_A_TURN else 0.0
    rotation = quat2mat([fourth, b, c, d])  # which makes its length 1
    # A hand of 0 is one of 1 (nifti1.h, method 2).
    return TO_LPS[:, None] * rotation * [1.0, 1.0, hand or 1.0], notes, ""


def _scaled(affine: Affine, mm: float) -> Affine:
    """Turn x and y about, and lengths to mm; what is not finite stays so, and is refused later."""
    return np.asarray(affine * np.array([*TO_LPS * mm, 1.0])[:, None])


def _difference(place: Place, qform: Qform, shape: Sequence[int], name: str) -> Notes:
    """Say where two good forms do not place the corners alike."""
    sform_affine, qform_affine = place.affine, qform.place.affine
    if sform_affine is None or qform_affine is None:
        return ()
    ends = [(0, max(n - 1, 0)) for n in (*shape, 1, 1, 1)[:3]]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)])
    with np.errstate(over="ignore", invalid="ignore"):  # of a qform that is beyond all bounds
        apart = float(np.linalg.norm(corners @ (sform_affine - qform_affine)[:3].T, axis=1).max())
    if apart <= FORMS_DIFFER_MM:
        return ()
    return (f"the sform and the qform of {name} place its corners up to {apart:.3g} mm apart; the sform was used",)


def place_of_affine(affine: Affine, name: str) -> Place:
    """Return the place of an affine to RAS mm, of a format that has one and no forms."""
    return Place.of_affine(_scaled(affine, 1.0), name)


def with_zooms_of(header: Any, raw: Any) -> Any:
    """Return a header with the distances of its file, where nibabel made them up when it opened it."""
    header = header.copy()
    for axis in range(1, 4):
        said, found = float(raw["pixdim"][axis]), float(header["pixdim"][axis])
        if not said > 0 and found in (1.0, abs(said)):
            header["pixdim"][axis] = said
    return header
