"""Planes to one geometry: order along the normal, even spacing, and refusals (PS3.3 C.7.6.2.1.1).

How far off a plane may lie. Positions are decimal strings, and vendors round them: a thousandth of a
millimetre is common noise, and where less than a hundredth of a slice spacing is off, interpolation between
slices is off by less than a hundredth of the difference between them. So a plane may lie
``max(0.01 mm, 1 % of the spacing)`` off the even grid. The smallest thing that has to be found, one slice
missing, is a hundred times that. Orientations are rounded as well, to a few ten-thousandths at worst, so a
plane may lie a further ten-thousandth of its distance from the first off to the side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.geometry import Geometry, triple
from derive.header import Header
from derive.repeats import check_repeats

TOLERANCE_MM = 0.01
TOLERANCE_OF_SPACING = 0.01
#: Cosines, and the direction of stacking, may be off by this.
TOLERANCE_OF_DIRECTION = 1e-4
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Planes:
    """The plane attributes of some images, one row an image.

    Parameters
    ----------
    names : tuple of str
    positions : (n, 3) mm
        Image Position (Patient).
    orientations : (n, 6)
        Image Orientation (Patient).
    spacings : (n, 2) mm
        Pixel Spacing.
    shapes : (n, 2)
        Rows, Columns.
    """

    names: tuple[str, ...]
    positions: Floats
    orientations: Floats
    spacings: Floats
    shapes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def at(self, order: Sequence[int] | NDArray[np.int64]) -> Planes:
        """Return the planes in another order."""
        order = np.asarray(order)
        names = tuple(self.names[i] for i in order)
        return Planes(
            names, self.positions[order], self.orientations[order], self.spacings[order], self.shapes[order]
        )

    @property
    def normal(self) -> Floats:
        """Unit vector across the planes, by their mean orientation."""
        mean = self.orientations.mean(axis=0)
        normal = np.cross(mean[:3], mean[3:])
        return np.asarray(normal / np.linalg.norm(normal))

    @property
    def heights(self) -> Floats:
        """Distance (n,) of every plane from the patient's origin, along the normal, mm."""
        return np.asarray(self.positions @ self.normal)


def geometry_of(headers: Sequence[Header]) -> tuple[Geometry, list[int]]:
    """Work out the grid on which images lie.

    Parameters
    ----------
    headers : sequence of Header

    Returns
    -------
    geometry : Geometry
        Of the images in spatial order.
    order : list of int
        The image of each slice.

    Raises
    ------
    GeometryError
        ``GEO-MISSING``, ``GEO-MATRIX``, ``GEO-PIXEL-SPACING``, ``GEO-ORIENTATION``, ``GEO-FOR``, ``GEO-4D``,
        ``GEO-DUPLICATE``, ``GEO-TILT``, ``GEO-SHIFT``, ``GEO-GAP``, ``GEO-SPACING``, ``GEO-SINGLE``,
        ``GEO-COSINES``.
    """
    planes = _planes(headers)
    frame_of_reference = _frame_of_reference(headers)
    _check_matrix(planes)
    _check_pixel_spacing(planes)
    _check_orientation(planes)
    order = [int(i) for i in np.argsort(planes.heights, kind="stable")]
    planes = planes.at(order)
    check_repeats([headers[i] for i in order], planes.positions, planes.heights, TOLERANCE_MM)
    spacing = _slice_spacing(planes) if len(planes) > 1 else _lone_spacing(headers[0])
    row, column = planes.orientations[0, :3], planes.orientations[0, 3:]
    geometry = Geometry(
        first_position=triple(planes.positions[0]),
        row_cosines=triple(row),
        column_cosines=triple(column),
        pixel_spacing=(float(planes.spacings[0, 0]), float(planes.spacings[0, 1])),
        slice_spacing=spacing,
        shape=(len(planes), int(planes.shapes[0, 0]), int(planes.shapes[0, 1])),
        frame_of_reference_uid=frame_of_reference,
        measured_positions=tuple(triple(p) for p in planes.positions),
    )
    return geometry, order


def _planes(headers: Sequence[Header]) -> Planes:
    return Planes(
        tuple(h.name for h in headers),
        np.array([_numbers(h, "ImagePositionPatient", 3) for h in headers]),
        np.array([_numbers(h, "ImageOrientationPatient", 6) for h in headers]),
        np.array([_numbers(h, "PixelSpacing", 2) for h in headers]),
        np.array([[int(h.number("Rows") or 0), int(h.number("Columns") or 0)] for h in headers]),
    )


def _numbers(header: Header, keyword: str, count: int) -> tuple[float, ...]:
    values = header.numbers(keyword)
    if len(values) == count and (keyword != "PixelSpacing" or min(values) > 0):
        return values
    found = f"{len(values)} usable numbers" if values else "absent, empty or no numbers"
    raise GeometryError(
        "GEO-MISSING",
        f"{header.name}: {keyword} is {found}; wanted {count}, and nothing stands in for them",
        file=header.name,
        keyword=keyword,
    )


def _frame_of_reference(headers: Sequence[Header]) -> str:
    by_uid = {h.text("FrameOfReferenceUID"): h.name for h in headers}
    if len(by_uid) > 1:
        raise GeometryError(
            "GEO-FOR",
            f"{len(by_uid)} Frame of Reference UIDs in one series: "
            f"{'; '.join(f'{uid or None} in {name}' for uid, name in sorted(by_uid.items())[:3])}; positions in "
            "different frames of reference are not comparable",
            uids=sorted(by_uid),
        )
    return next(iter(by_uid))


def _check_matrix(planes: Planes) -> None:
    shapes, which = np.unique(planes.shapes, axis=0, return_inverse=True)
    if len(shapes) > 1:
        raise GeometryError("GEO-MATRIX", f"Rows and Columns differ: {_groups(planes, shapes, which)}")


def _check_pixel_spacing(planes: Planes) -> None:
    """See that no pixel would lie off by more than the tolerance because spacings differ."""
    off = np.ptp(planes.spacings, axis=0) * planes.shapes[0]
    if off.max() > TOLERANCE_MM:
        spacings, which = np.unique(planes.spacings, axis=0, return_inverse=True)
        raise GeometryError("GEO-PIXEL-SPACING", f"Pixel Spacing differs: {_groups(planes, spacings, which)}")


def _check_orientation(planes: Planes) -> None:
    if np.ptp(planes.orientations, axis=0).max() > TOLERANCE_OF_DIRECTION:
        rounded = np.round(planes.orientations, 3) + 0.0
        orientations, which = np.unique(rounded, axis=0, return_inverse=True)
        raise GeometryError(
            "GEO-ORIENTATION",
            f"Image Orientation (Patient) differs: {_groups(planes, orientations, which)}; give the images of "
            "one orientation",
        )


def _groups(planes: Planes, values: NDArray[np.generic], which: NDArray[np.intp]) -> str:
    """Tell how many images have each value, and name one of them."""
    which = which.reshape(-1)
    said = [
        f"{'\\'.join(f'{v:g}' for v in value)} in {np.count_nonzero(which == i)} "
        f"({planes.names[int(np.flatnonzero(which == i)[0])]})"
        for i, value in enumerate(values[:3])
    ]
    more = f"; and {len(values) - 3} more" if len(values) > 3 else ""
    return "; ".join(said) + more


def _lone_spacing(header: Header) -> float:
    """Extent of a slice that has no neighbour."""
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = header.number(keyword)
        if value is not None and value > 0:
            return value
    raise GeometryError(
        "GEO-SINGLE",
        f"{header.name} is the only slice and has neither Spacing Between Slices nor Slice Thickness above 0; "
        "its extent is not known",
        file=header.name,
    )


def _slice_spacing(planes: Planes) -> float:
    heights = planes.heights
    gaps = np.diff(heights)
    tolerance = max(TOLERANCE_MM, TOLERANCE_OF_SPACING * float(np.median(gaps)))
    _check_straight(planes, tolerance)
    spacing = float((heights[-1] - heights[0]) / (len(planes) - 1))
    _check_even(planes, gaps, tolerance)
    return spacing


def _check_straight(planes: Planes, tolerance: float) -> None:
    """See that the planes lie above each other, neither tilted nor shifted."""
    heights = planes.heights - planes.heights[0]
    aside = planes.positions - planes.positions[0] - np.outer(heights, planes.normal)
    off = np.linalg.norm(aside, axis=1) - tolerance - TOLERANCE_OF_DIRECTION * heights
    if off.max() <= 0:
        return
    slope = heights @ aside / (heights @ heights)
    left = np.linalg.norm(aside - np.outer(heights, slope), axis=1)
    if left.max() > max(tolerance, 0.1 * float(np.linalg.norm(aside, axis=1).max())):
        worst = int(left.argmax())
        raise GeometryError(
            "GEO-SHIFT",
            f"{planes.names[worst]} lies {left[worst]:.3f} mm to the side of the line on which the other "
            f"slices lie; wanted at most {tolerance:.3f} mm",
            file=planes.names[worst],
            shift_mm=float(left[worst]),
        )
    degrees = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    raise GeometryError(
        "GEO-TILT",
        f"the slices are stacked {degrees:.2f} degrees off their normal (gantry tilt), by which "
        f"{planes.names[-1]} lies {np.linalg.norm(aside[-1]):.2f} mm aside of {planes.names[0]}; rectify the "
        "series first",
        degrees=degrees,
    )


def _check_even(planes: Planes, gaps: Floats, tolerance: float) -> None:
    """See that the planes lie on an even grid; a gap of whole slices is told from uneven spacing."""
    heights = planes.heights
    even = np.linspace(heights[0], heights[-1], len(planes))
    if np.abs(heights - even).max() <= tolerance and np.ptp(gaps) <= 2 * tolerance:
        return
    smallest, largest = int(gaps.argmin()), int(gaps.argmax())
    expected = float(np.median(gaps[gaps <= gaps[smallest] + 2 * tolerance]))
    steps = np.round(gaps / expected)
    missing = int((steps - 1).sum())
    if missing and (np.abs(gaps - steps * expected) <= 2 * tolerance * steps).all():
        raise GeometryError(
            "GEO-GAP",
            f"{missing} slice{'s are' if missing > 1 else ' is'} missing: {planes.names[largest]} and "
            f"{planes.names[largest + 1]} lie {gaps[largest]:.3f} mm apart, the other slices {expected:.3f} mm"
            f"{_more_gaps(steps)}; find what is missing, or give the files of one run of slices",
            files=[planes.names[largest], planes.names[largest + 1]],
            gap_mm=float(gaps[largest]),
            expected_mm=expected,
        )
    raise GeometryError(
        "GEO-SPACING",
        f"slices are unevenly spaced: {gaps[smallest]:.3f} mm between {planes.names[smallest]} and "
        f"{planes.names[smallest + 1]}, {gaps[largest]:.3f} mm between {planes.names[largest]} and "
        f"{planes.names[largest + 1]}; wanted every slice within {tolerance:.3f} mm of an even grid",
        min_mm=float(gaps[smallest]),
        max_mm=float(gaps[largest]),
        files=[planes.names[i] for i in (smallest, smallest + 1, largest, largest + 1)],
    )


def _more_gaps(steps: Floats) -> str:
    count = int(np.count_nonzero(steps > 1)) - 1
    return f" (and {count} more gap{'s' * (count > 1)})" if count else ""
