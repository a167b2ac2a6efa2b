"""Where the images of a stack lie, as far as they say: measured, and never refused (PS3.3 C.7.6.2).

:mod:`derive.reading.planes` refuses what is no volume; here the same is measured, of what is one and of what is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.elements.instance import spread
from derive.model.geometry import letters_of
from derive.model.orientation import one_orientation, orientations, reach_mm, skew_of
from derive.model.planes import (
    DIMENSIONS,
    HINTS,
    Planes,
    Vectors,
    alike,
    measured,
    spacing_of_one,
    spacing_tolerance,
    told_apart,
)
from derive.reading.cines import lies_in_patient, own_plane_of
from derive.reading.header import Header

#: Planes that are turned by less from a plane of the patient bear its name.
OBLIQUE_DEGREES = 1.0
_LEAST = float(np.sin(np.radians(OBLIQUE_DEGREES)))
#: Cosines that are further from a right angle, or from unit length, say no direction. Less skewed ones are refused
#: when they are read, and described all the same: it is seen how they lie.
SKEWED = 0.1
#: No length in a patient; numbers beyond it leave what can be computed with.
FARTHEST_MM = 1e9
#: So many different values are named one by one.
MOST_KINDS = 32
_OF_PLANE = ("ImageOrientationPatient", "Rows, Columns", "PixelSpacing")
_LOCALIZER = "LOCALIZER"
_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Gap:
    """Slices that are missing between two files."""

    after: str
    before: str
    mm: float
    expected_mm: float

    @property
    def missing(self) -> int:
        """How many slices would fit in."""
        return max(1, round(self.mm / self.expected_mm) - 1)


@dataclass(frozen=True)
class Repeats:
    """Several images at one position: times, echoes, diffusion weights, or plain duplicates.

    Parameters
    ----------
    positions : int
    least, most : int
        Images at a position.
    by : tuple of (keyword, number of values)
        Attributes that differ between the images of a position; those that tell all of them apart first.
    """

    positions: int
    least: int
    most: int
    by: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Odd:
    """Images that differ from most others of their series in something that one volume has one of.

    Parameters
    ----------
    attribute : str
        Keyword, or ``Rows, Columns``.
    usual, value : str
        What most have, and what these have.
    files : tuple of str
    """

    attribute: str
    usual: str
    value: str
    files: tuple[str, ...]

    @property
    def apart(self) -> bool:
        """Whether the images are of no stack with the others: they lie another way, or are localizers."""
        return self.attribute in _OF_PLANE or (self.attribute == "ImageType" and _LOCALIZER in self.value.split("\\"))


@dataclass(frozen=True)
class Grid:
    """Where the images of a stack lie: of those that are not odd.

    Parameters
    ----------
    columns, rows, slices : int, optional
        Slices are the positions along the normal.
    spacing_xyz_mm : (float, float, float), optional
        Between columns, rows and slices; None for what nobody says. Between slices it is the mean of an even
        stack, else the usual one; of a single image its Spacing Between Slices, or else Slice Thickness.
    steps_mm : (least, most), optional
        Distances of neighbouring slices.
    orientation : str
        axial, coronal, sagittal or oblique; empty where it is not known.
    nearest : str
        The plane of the patient that is nearest.
    oblique_degrees : float, optional
        How far rows and columns are turned from it.
    rows_towards, columns_towards : str
        As Patient Orientation has it (C.7.6.1.1.1): ``L``, or ``LP`` where they run between.
    thickness_mm : (least, most), optional
    extent_xyz_mm : (float, float, float), optional
        From outer edge to outer edge.
    tilt_degrees : float, optional
        Between the normal and the direction in which the slices are stacked.
    sideways_mm : float, optional
        How far a slice lies beside that direction, at most.
    gaps : tuple of Gap
    repeats : Repeats, optional
    odd : tuple of Odd
    spacing_by : str
        Of images that lie in no patient, what says their pixel spacing, with its calibration; empty of others.
    """

    columns: int | None = None
    rows: int | None = None
    slices: int | None = None
    spacing_xyz_mm: tuple[float | None, float | None, float | None] | None = None
    steps_mm: tuple[float, float] | None = None
    orientation: str = ""
    nearest: str = ""
    oblique_degrees: float | None = None
    rows_towards: str = ""
    columns_towards: str = ""
    thickness_mm: tuple[float, float] | None = None
    extent_xyz_mm: tuple[float, float, float] | None = None
    tilt_degrees: float | None = None
    sideways_mm: float | None = None
    gaps: tuple[Gap, ...] = ()
    repeats: Repeats | None = None
    odd: tuple[Odd, ...] = ()
    spacing_by: str = ""


def grid_of(headers: Sequence[Header]) -> Grid:
    """Measure where images lie, whatever they lack."""
    odd = _odd(headers)
    apart = {name for o in odd if o.apart for name in o.files}
    usual = [h for h in headers if h.name not in apart] or list(headers)
    columns, rows = (_whole(usual, k) for k in ("Columns", "Rows"))
    pixel = next((n for h in usual if (n := _lengths(h, "PixelSpacing", 2)) and min(n) > 0), None)
    flat: dict[str, Any] = {
        "columns": columns,
        "rows": rows,
        "thickness_mm": spread(usual, "SliceThickness"),
        "odd": odd,
    }
    x, y = (pixel[1], pixel[0]) if pixel else (None, None)
    if not lies_in_patient(usual[0]):
        own, (down, along) = own_plane_of(usual[0].lenient)
        spacing_of_pixels = (along, down, None) if own.sized else None
        return Grid(**flat, slices=1, spacing_xyz_mm=spacing_of_pixels, spacing_by=own.told)
    single = all((h.number("NumberOfFrames") or 1) == 1 for h in usual)  # of several, each has a place of its own
    placed = [h for h in usual if single and _cosines(h) is not None and _lengths(h, "ImagePositionPatient", 3)]
    if not placed:
        return Grid(**flat, spacing_xyz_mm=(x, y, None) if pixel else None)
    cosines = one_orientation(np.array([h.numbers("ImageOrientationPatient", 6) for h in placed])).reshape(2, 3)
    stacked = _stacked(placed, cosines, pixel)
    spacing = x, y, stacked.pop("z")
    between = stacked.pop("length")
    extent = [n * s for n, s in zip((columns, rows), (x, y), strict=True) if n and s]
    extent += [between + spacing[2]] if spacing[2] else []
    return Grid(
        **flat,
        **stacked,
        **_directions(cosines),
        spacing_xyz_mm=spacing,
        extent_xyz_mm=(extent[0], extent[1], extent[2]) if len(extent) == 3 else None,
    )


def _whole(headers: Sequence[Header], keyword: str) -> int | None:
    found = next((v for h in headers if (v := h.number(keyword)) is not None), None)
    return None if found is None else int(found)


def _lengths(header: Header, keyword: str, count: int) -> tuple[float, ...] | None:
    found = header.numbers(keyword, count)
    return found if found and max(map(abs, found)) < FARTHEST_MM else None


def _cosines(header: Header) -> Vectors | None:
    """Directions of a row and of a column, (2, 3); None where they are none."""
    found = header.numbers("ImageOrientationPatient", 6)
    if not found:
        return None
    pair = np.array(found).reshape(2, 3)
    return pair if skew_of(*pair) <= SKEWED else None


def _directions(cosines: Vectors) -> dict[str, Any]:
    axes = [int(np.abs(c).argmax()) for c in cosines]
    turned = max(float(np.degrees(np.arccos(min(1.0, np.abs(c).max() / np.linalg.norm(c))))) for c in cosines)
    (normal,) = {0, 1, 2} - set(axes) if len(set(axes)) == 2 else {int(np.abs(np.cross(*cosines)).argmax())}
    return {
        "orientation": "oblique" if turned > OBLIQUE_DEGREES else _PLANES[normal],
        "nearest": _PLANES[normal],
        "oblique_degrees": turned,
        "rows_towards": letters_of(cosines[0], _LEAST),
        "columns_towards": letters_of(cosines[1], _LEAST),
    }


def _stacked(headers: Sequence[Header], cosines: Vectors, pixel: tuple[float, ...] | None) -> dict[str, Any]:
    """Say how the images lie along the normal, and across it."""
    positions = [_lengths(h, "ImagePositionPatient", 3) or () for h in headers]
    planes = measured(np.array(positions), cosines, min(pixel) if pixel else None)
    found: dict[str, Any] = {"slices": len(planes.places), "length": planes.length_mm}
    if planes.repeated:
        found["repeats"] = _repeats(headers, planes)
    if len(planes.places) < 2:
        first = headers[planes.order[0]]
        return found | {"z": spacing_of_one(lambda keyword: _lengths(first, keyword, 1))}
    names = [headers[place[0]].name for place in planes.places]
    return found | {
        "z": planes.step_mm,
        "gaps": tuple(Gap(names[k], names[k + 1], planes.steps_mm[k], planes.usual_mm) for k in planes.gaps),
        "steps_mm": (min(planes.steps_mm), max(planes.steps_mm)),
        "tilt_degrees": planes.tilt_degrees,
        "sideways_mm": max(planes.scatter_mm),
    }


def _repeats(headers: Sequence[Header], planes: Planes) -> Repeats:
    counts = [len(p) for p in planes.places]
    by = told_apart(planes.places, (*DIMENSIONS, *HINTS), lambda keyword, image: headers[image].raw(keyword))
    by = by or {"InstanceNumber": max(counts)}
    return Repeats(len(counts), min(counts), max(counts), tuple(by.items()))


def _odd(headers: Sequence[Header]) -> tuple[Odd, ...]:
    """Find the images that have something else than most."""
    found: list[Odd] = []
    spacings = [pair for h in headers if (pair := h.numbers("PixelSpacing"))]
    found += _turned(headers)
    for attribute, keywords, tolerance in (
        ("Rows, Columns", ("Rows", "Columns"), 0.0),
        ("PixelSpacing", ("PixelSpacing",), spacing_tolerance(spacings)),
    ):
        rows = [tuple(v for k in keywords for v in h.numbers(k)) for h in headers]
        kinds = [(_shown(rows[kind[0]]), kind) for kind in alike(rows, tolerance)]
        found += _others(attribute, headers, kinds)
    for keyword in ("ImageType", "FrameOfReferenceUID"):
        named: dict[str, list[int]] = {}
        for index, header in enumerate(headers):
            named.setdefault("\\".join(header.texts(keyword)), []).append(index)
        found += _others(keyword, headers, list(named.items()))
    return tuple(found)


def _turned(headers: Sequence[Header]) -> list[Odd]:
    """Find the images that are of another orientation than most, or do not say it."""
    rows = [h.numbers("ImageOrientationPatient") for h in headers]
    says = [i for i, row in enumerate(rows) if len(row) == 6]
    kinds = [("", [i for i in range(len(headers)) if i not in set(says)])]
    if says:
        first = headers[says[0]]
        reach = reach_mm(first.number("Rows"), first.number("Columns"), _lengths(first, "PixelSpacing", 2))
        groups = orientations(np.array([rows[i] for i in says]), reach)
        kinds += [(_shown(rows[says[group[0]]]), [says[i] for i in group]) for group in groups]
    return _others("ImageOrientationPatient", headers, [kind for kind in kinds if kind[1]])


def _shown(row: Sequence[float]) -> str:
    return "\\".join(f"{v + 0.0:.6g}" for v in row)


def _others(attribute: str, headers: Sequence[Header], kinds: list[tuple[str, list[int]]]) -> list[Odd]:
    """Name all kinds but the one that most images are of; what is of very many kinds is named together."""
    usual, *others = sorted(kinds, key=lambda k: -len(k[1]))
    rest = [i for _, indices in others[MOST_KINDS:] for i in indices]
    others = others[:MOST_KINDS] + ([("other values", rest)] if rest else [])
    return [
        Odd(attribute, usual[0] or "none", value or "none", tuple(headers[i].name for i in indices))
        for value, indices in others
    ]
