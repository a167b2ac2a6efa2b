"""The planes of a series: sorted along their normal, and refused by name where they make no even stack."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.model.geometry import Geometry, Triple, triple
from derive.reading.header import Header

Vectors = NDArray[np.float64]

#: Cosines that differ by less point the same way: 0.05 mm at 500 mm.
ORIENTATION_TOLERANCE = 1e-4
#: Pixel spacings that differ by less are one: 0.05 mm over 512 pixels of 1 mm.
SPACING_TOLERANCE = 1e-4
#: Images nearer to each other than this lie at one position.
SAME_POSITION_MM = 0.01
#: How far a slice may be off its place in the even grid. Scanners round positions, some to 0.1 mm; that is
#: noise, as long as it stays below this share of the slice spacing along the normal, and of the pixel
#: spacing across it. A missing slice, and a tilt of 0.05 degrees over 150 mm, are far above.
NOISE_MM = 0.1
ALONG_SHARE = 0.05
ACROSS_SHARE = 0.125
#: What no source is held to.
LEAST_TOLERANCE_MM = 0.01
#: A gap from this many spacings on is a slice that is missing.
GAP_SPACINGS = 1.5

#: Attributes that say by themselves that there is more than one volume; what is most telling first.
DIMENSIONS = (
    "TemporalPositionIdentifier",
    "TriggerTime",
    "EchoTime",
    "EchoNumbers",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "InversionTime",
    "FlipAngle",
    "FrameReferenceTime",
    "NominalPercentageOfCardiacPhase",
)
#: Attributes that may tell repeated images apart.
HINTS = ("ImageType", "SequenceName", "ConvolutionKernel", "KVP", "AcquisitionNumber", "AcquisitionTime", "ContentTime")


class Stack(NamedTuple):
    """Where the images lie: their order along the normal, and the geometry in that order."""

    order: tuple[int, ...]
    geometry: Geometry


def stack_of(headers: Sequence[Header]) -> Stack:
    """Sort images along their normal.

    Parameters
    ----------
    headers : sequence of Header
        In any order.

    Raises
    ------
    GeometryError
        ``GEO-MISSING``, ``GEO-MATRIX``, ``GEO-PIXELS``, ``GEO-ORIENTATION``, ``GEO-FOR``, ``GEO-4D``,
        ``GEO-DUPLICATE``, ``GEO-TILT``, ``GEO-SHIFT``, ``GEO-GAP``, ``GEO-SPACING``, ``GEO-SINGLE``.
    """
    positions = np.array([_plane(h, "ImagePositionPatient", 3) for h in headers])
    cosines = np.array([_plane(h, "ImageOrientationPatient", 6) for h in headers])
    spacings = np.array([_plane(h, "PixelSpacing", 2) for h in headers])
    matrix = np.array([(h.integer("Rows"), h.integer("Columns")) for h in headers], dtype=float)
    _same(headers, matrix, 0.5, "GEO-MATRIX", "Rows and Columns differ")
    _same(headers, spacings, SPACING_TOLERANCE * float(spacings[0].min()), "GEO-PIXELS", "Pixel Spacing differs")
    _same(headers, cosines, ORIENTATION_TOLERANCE, "GEO-ORIENTATION", "Image Orientation (Patient) differs")
    frame = _frame_of_reference(headers)
    row, column = triple(cosines[0][:3]), triple(cosines[0][3:])
    flat = Geometry(triple(positions[0]), row, column, _pair(spacings[0]), 1.0, (1, *_shape(matrix[0])), frame)
    order = _order(positions, flat.normal)
    ordered, sorted_headers = positions[order], [headers[i] for i in order]
    spacing = _slice_spacing(sorted_headers, ordered, flat)
    geometry = Geometry(
        triple(ordered[0]),
        row,
        column,
        flat.pixel_spacing,
        spacing,
        (len(headers), *flat.shape[1:]),
        frame,
        tuple(triple(p) for p in ordered),
    )
    return Stack(tuple(order), geometry)


def _order(positions: Vectors, normal: Triple) -> list[int]:
    """Sort along the normal; exact ties, which are refused later, by position, so that no order matters."""
    along = positions @ np.array(normal)
    return [int(i) for i in np.lexsort((*positions.T, along))]


def _slice_spacing(headers: Sequence[Header], positions: Vectors, flat: Geometry) -> float:
    if len(headers) == 1:
        return _single(headers[0])
    normal = np.array(flat.normal)
    along = positions @ normal
    _check_repeated(headers, positions)
    _check_tilt(headers, positions, normal, min(flat.pixel_spacing))
    spacing = float(along[-1] - along[0]) / (len(along) - 1)
    tolerance = _tolerance(ALONG_SHARE * spacing)
    if float(np.abs(along - along[0] - spacing * np.arange(len(along))).max()) > tolerance:
        _refuse_spacing(headers, along)
    return spacing


def _tolerance(share_mm: float) -> float:
    return max(LEAST_TOLERANCE_MM, min(NOISE_MM, share_mm))


def _single(header: Header) -> float:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = header.numbers(keyword)
        if found and found[0] > 0:
            return found[0]
    raise GeometryError(
        "GEO-SINGLE",
        f"{header.name} is the only image, and has neither Spacing Between Slices (0018,0088) nor Slice Thickness "
        "(0018,0050) above 0; the extent of its voxels is unknown",
    )


def _check_repeated(headers: Sequence[Header], positions: Vectors) -> None:
    places = _places(positions)
    counts = [len(p) for p in places]
    if max(counts) == 1:
        return
    varying = _varying(headers, places, DIMENSIONS)
    full = min(counts) == max(counts) and len(places) > 1
    if full or varying:
        each = str(counts[0]) if full else f"{min(counts)} to {max(counts)}"
        varying = varying | _varying(headers, places, HINTS) or {"InstanceNumber": max(counts)}
        named = ", ".join(f"{keyword} ({count} values)" for keyword, count in list(varying.items())[:4])
        raise GeometryError(
            "GEO-4D",
            f"{len(headers)} images lie at {len(places)} positions, {each} at each; they differ in {named}. "
            "One volume has one image a position: choose the files of one of them",
            positions=len(places),
            images=len(headers),
            varying=list(varying),
        )
    place = next(p for p in places if len(p) > 1)
    raise GeometryError(
        "GEO-DUPLICATE",
        f"{len(place)} images lie at {_point(positions[place[0]])} mm: {some([headers[i].name for i in place])}; "
        f"{sum(c > 1 for c in counts)} of {len(places)} positions are taken more than once. Take out what is too many",
        files=[headers[i].name for i in place],
    )


def _places(positions: Vectors) -> list[list[int]]:
    """Indices of images that lie at one position, in order along the normal."""
    places: list[list[int]] = []
    for index, position in enumerate(positions):
        for place in reversed(places[-8:]):
            if float(np.linalg.norm(position - positions[place[0]])) <= SAME_POSITION_MM:
                place.append(index)
                break
        else:
            places.append([index])
    return places


def _varying(headers: Sequence[Header], places: Sequence[Sequence[int]], keywords: Sequence[str]) -> dict[str, int]:
    """Attributes that differ between images of one position, with the most values there; full ones first."""
    apart, some_apart = {}, {}
    for keyword in keywords:
        values = [[str(headers[i].value(keyword)) for i in place] for place in places if len(place) > 1]
        most = max(len(set(v)) for v in values)
        if all(len(set(v)) == len(v) for v in values):
            apart[keyword] = most
        elif most > 1:
            some_apart[keyword] = most
    return apart | some_apart


def _check_tilt(headers: Sequence[Header], positions: Vectors, normal: Vectors, pixel: float) -> None:
    """Refuse slices that are not stacked along their normal."""
    offset = positions - positions[0]
    along = offset @ normal
    across = offset - np.outer(along, normal)
    tolerance = _tolerance(ACROSS_SHARE * pixel)
    if float(np.linalg.norm(across, axis=1).max()) <= tolerance:
        return
    drift = np.linalg.lstsq(along[:, None], across, rcond=None)[0][0]
    scatter = np.linalg.norm(across - np.outer(along, drift), axis=1)
    if float(np.linalg.norm(drift)) * float(along[-1]) > float(scatter.max()):
        degrees = float(np.degrees(np.arctan(np.linalg.norm(drift))))
        raise GeometryError(
            "GEO-TILT",
            f"the slices are stacked at {degrees:.2f} degrees to their normal (gantry tilt): from {headers[0].name} to "
            f"{headers[-1].name} they shift {float(np.linalg.norm(across[-1])):.2f} mm in plane; wanted at most "
            f"{tolerance:.2f} mm. Rectify the series first",
            degrees=degrees,
        )
    worst = int(scatter.argmax())
    raise GeometryError(
        "GEO-SHIFT",
        f"{headers[worst].name} lies {scatter[worst]:.2f} mm to the side of the other slices; wanted at most "
        f"{tolerance:.2f} mm. The series holds more than one stack",
        files=[headers[worst].name],
    )


def _refuse_spacing(headers: Sequence[Header], along: Vectors) -> None:
    gaps = np.diff(along)
    expected = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    wide = np.flatnonzero(gaps >= GAP_SPACINGS * expected)
    rest = np.delete(gaps, wide)
    even = len(rest) and float(np.abs(rest - expected).max()) <= 2 * _tolerance(ALONG_SHARE * expected)
    if len(wide) and even:
        first = int(wide[0])
        pair = headers[first].name, headers[first + 1].name
        more = f"; there are {len(wide)} such gaps" if len(wide) > 1 else ""
        raise GeometryError(
            "GEO-GAP",
            f"slices are missing: {gaps[first]:.3f} mm lie between {pair[0]} and {pair[1]}, and {expected:.3f} mm "
            f"between the others{more}. Add the missing files, or choose a run without a gap",
            files=list(pair),
            gap_mm=float(gaps[first]),
            expected_mm=expected,
        )
    near, far = int(gaps.argmin()), int(gaps.argmax())
    raise GeometryError(
        "GEO-SPACING",
        f"slices are spaced unevenly: from {gaps[near]:.3f} mm ({headers[near].name} to {headers[near + 1].name}) to "
        f"{gaps[far]:.3f} mm ({headers[far].name} to {headers[far + 1].name}); one volume needs one spacing",
        least_mm=float(gaps[near]),
        most_mm=float(gaps[far]),
    )


def _frame_of_reference(headers: Sequence[Header]) -> str:
    groups = distinct(headers, lambda h: h.text("FrameOfReferenceUID"))
    if len(groups) > 1:
        raise GeometryError(
            "GEO-FOR", f"Frame of Reference UID differs: {counted(groups)}; positions cannot be compared"
        )
    return str(next(iter(groups)))


def _plane(header: Header, keyword: str, count: int) -> tuple[float, ...]:
    found = header.numbers(keyword)
    if len(found) != count or (keyword == "PixelSpacing" and min(found) <= 0):
        what = "no" if not found else f"an unusable ({len(found)} values)"
        raise GeometryError(
            "GEO-MISSING",
            f"{header.name} has {what} {keyword}; wanted {count} numbers: where its voxels are cannot be told",
        )
    return found


def _same(headers: Sequence[Header], values: Vectors, tolerance: float, code: str, what: str) -> None:
    """Refuse values that are not the same for all images."""
    kinds = alike(values, tolerance)
    if len(kinds) > 1:
        named = counted({"\\".join(f"{v:.7g}" for v in values[k[0]]): [headers[i] for i in k] for k in kinds})
        raise GeometryError(code, f"{what}: {named}; one volume needs one. Choose the files of one of them")


def alike(rows: Sequence[Sequence[float]] | Vectors, tolerance: float) -> list[list[int]]:
    """Group rows of numbers that differ by no more than a tolerance from the first of their group."""
    groups: list[list[int]] = []
    for length in sorted({len(r) for r in rows}):
        left = np.array([i for i, r in enumerate(rows) if len(r) == length])
        values = np.array([rows[i] for i in left], dtype=np.float64).reshape(len(left), length)
        while len(left):
            near = np.abs(values - values[0]).max(axis=1, initial=0.0) <= tolerance
            near[0] = True
            groups.append([int(i) for i in left[near]])
            left, values = left[~near], values[~near]
    return groups


def distinct(headers: Sequence[Header], key: Callable[[Header], Hashable]) -> dict[Any, list[Header]]:
    """Group images by a value."""
    groups: dict[Any, list[Header]] = {}
    for header in headers:
        groups.setdefault(key(header), []).append(header)
    return groups


def counted(groups: dict[Any, list[Header]], shown: int = 4) -> str:
    """Say how many images have which value, and name one of each."""
    parts = [
        f"{value or 'none'} ({len(members)} images, e.g. {min(h.name for h in members)})"
        for value, members in list(groups.items())[:shown]
    ]
    more = f" and {len(groups) - shown} more" if len(groups) > shown else ""
    return ", ".join(parts) + more


def some(names: Sequence[str], shown: int = 4) -> str:
    """Name a few."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(sorted(names)[:shown]) + more


def _point(position: Vectors) -> str:
    return "({:.2f}, {:.2f}, {:.2f})".format(*position)


def _pair(values: Vectors) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _shape(values: Vectors) -> tuple[int, int]:
    return int(values[0]), int(values[1])
