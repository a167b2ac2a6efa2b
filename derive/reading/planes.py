"""The planes of a series: sorted along their normal, and refused by name where they make no stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from derive.errors import GeometryError
from derive.model.dimension import Dimension
from derive.model.geometry import Geometry, Plane, Triple, triple
from derive.model.orientation import (
    COSINE_TOLERANCE,
    LARGEST_DIFFERENCE,
    ORIENTATION_MM,
    ROUNDED,
    of_one_orientation,
    one_orientation,
    orientations,
    orthonormal,
    reach_mm,
    skew_of,
    turned_mm,
)
from derive.model.planes import (
    Planes,
    Vectors,
    measured,
    spacing_of_one,
    way_out,
)
from derive.reading.cines import geometry_of_cine, lies_in_patient, plane_of_cine, told_in_time
from derive.reading.copies import copies_of
from derive.reading.groups import distinct, tallied
from derive.reading.header import Header
from derive.reading.interleaved import refuse_interleaved
from derive.reading.runs import refuse_moved_runs
from derive.reading.volumes import ToldApart, refuse_moved, volumes_of
from derive.told.secrecy import shown_uid
from derive.told.wording import counted, flag


class StackPlanes(NamedTuple):
    """Where the images of one stack lie.

    Parameters
    ----------
    order : tuple of int
        The images: volume after volume, those of each along the normal.
    planes : tuple of Plane
        Of each of them, in that order, as it says itself; in coordinates of its own of one that lies in no patient.
    geometry : Geometry
        Of each volume.
    dimensions : tuple of Dimension
        What tells volumes apart; none of a single one.
    uneven : GeometryError, optional
        Why they are no even stack along their normal, for whoever needs one.
    copies : tuple of (int, int)
        Images that are left out, and which has their place and pixels.
    """

    order: tuple[int, ...]
    planes: tuple[Plane, ...]
    geometry: Geometry
    dimensions: tuple[Dimension, ...] = ()
    uneven: GeometryError | None = None
    copies: tuple[tuple[int, int], ...] = ()


def stack_planes(headers: Sequence[Header]) -> StackPlanes:
    """Measure where images lie, and return the geometry of the one stack that they make.

    Slices that lean, lie unevenly or are missing make a stack too, which says what it is; the geometry has the places
    of all slices as they were measured.

    Parameters
    ----------
    headers : sequence of Header
        Of one stack, in any order.

    Raises
    ------
    GeometryError
        ``GEO-MISSING``, ``GEO-ORIENTATION``, ``GEO-COSINES``, ``GEO-FOR``, ``GEO-4D``,
        ``GEO-DUPLICATE``, ``GEO-SHIFT``, ``GEO-SINGLE``.
    """
    if not lies_in_patient(headers[0]):
        order, dimensions = told_in_time(headers)
        planes_of_frames = tuple(plane_of_cine(headers[i]) for i in order)
        return StackPlanes(order, planes_of_frames, geometry_of_cine(headers[0]), dimensions)
    each = [plane_of(h) for h in headers]
    cosines = np.array([p.cosines for p in each])
    first, (rows, columns) = each[0], (headers[0].integer(k) or 0 for k in ("Rows", "Columns"))
    common = _common_orientation(headers, cosines, reach_mm(rows, columns, first.pixel_spacing))
    frame = _frame_of_reference(headers)
    row, column = triple(common[:3]), triple(common[3:])
    flat = Geometry(first.position, row, column, first.pixel_spacing, 1.0, (1, rows, columns), frame)
    planes = measured([p.position for p in each], common, min(first.pixel_spacing))
    if len(planes.places) > 1:
        refuse_moved(headers, planes)
        _refuse_volumes_between(headers, planes)
    try:
        told = volumes_of(headers, planes) if planes.repeated else ToldApart((planes.order,), ())
    except GeometryError:
        copies = copies_of(headers, planes)
        if not copies:
            raise
        return _without(headers, copies)
    uneven = _why_uneven(headers, planes)
    positions = tuple(each[i].position for i in told.volumes[0])
    geometry = replace(
        flat,
        first_position=positions[0],
        slice_spacing=_slice_spacing(headers, planes),
        shape=(len(positions), rows, columns),
        measured_positions=positions,
        slice_shift=_slice_shift(positions, planes, common) if planes.tilted else (0.0, 0.0),
    )
    order = tuple(i for volume in told.volumes for i in volume)
    return StackPlanes(order, tuple(each[i] for i in order), geometry, told.dimensions, uneven)


def planes_measured(headers: Sequence[Header]) -> Planes:
    """Measure where the images of one stack lie.

    Raises
    ------
    GeometryError
        ``GEO-MISSING``, ``GEO-ORIENTATION``, ``GEO-COSINES``.
    """
    each = [plane_of(h) for h in headers]
    rows, columns = (headers[0].integer(k) or 0 for k in ("Rows", "Columns"))
    common = _common_orientation(
        headers, np.array([p.cosines for p in each]), reach_mm(rows, columns, each[0].pixel_spacing)
    )
    return measured([p.position for p in each], common, min(each[0].pixel_spacing))


def _without(headers: Sequence[Header], copies: Mapping[int, int]) -> StackPlanes:
    """Lay out a stack without the images that others are the same as."""
    kept = [i for i in range(len(headers)) if i not in copies]
    lie = stack_planes([headers[i] for i in kept])
    return lie._replace(order=tuple(kept[i] for i in lie.order), copies=tuple(copies.items()))


def _common_orientation(headers: Sequence[Header], cosines: Vectors, reach: tuple[float, float]) -> Vectors:
    """Return the one orientation of all images; refuse cosines that are none, and images of several.

    *2026-11-30.* Cosines of three decimals leave the corners of a large field uncertain by a tenth of a millimetre, in
    all images alike. Nobody can say them better, and less than a pixel is no reason to refuse: the report says it.
    """
    refuse_cosines(headers, cosines, reach)
    cosines = np.array([c if skew_of(c[:3], c[3:]) <= ROUNDED else orthonormal(c) for c in cosines])
    if of_one_orientation(cosines, reach):
        return one_orientation(cosines)
    kinds = orientations(cosines, reach)
    named = tallied({"\\".join(f"{v:.7g}" for v in cosines[k[0]]): [headers[i] for i in k] for k in kinds})
    off = float(turned_mm(cosines, one_orientation(cosines), reach).max())
    raise GeometryError(
        "GEO-ORIENTATION",
        f"Image Orientation (Patient) differs: {named}; corners lie up to {off:.3g} mm from where one orientation has "
        f"them, wanted at most {ORIENTATION_MM} mm. Choose the files of one of them",
        off_mm=off,
    )


def refuse_cosines(headers: Sequence[Header], cosines: Vectors, reach: tuple[float, float]) -> None:
    """Refuse rows and columns that are not of unit length at a right angle, by more than rounding explains.

    Raises
    ------
    GeometryError
        ``GEO-COSINES``
    """
    right = orthonormal(cosines)
    off, skewed = turned_mm(cosines, right, reach), np.max(np.abs(cosines - right), axis=1) > LARGEST_DIFFERENCE
    rounded = np.array([skew_of(c[:3], c[3:]) <= COSINE_TOLERANCE for c in cosines])
    skewed |= (off > ORIENTATION_MM) & ~rounded
    worst = int(np.argmax(np.where(skewed, off, -1.0)))
    if bool(skewed[worst]):
        said = "\\".join(f"{v:.7g}" for v in cosines[worst])
        raise GeometryError(
            "GEO-COSINES",
            f"{headers[worst].name} has Image Orientation (Patient) {said}: rows and columns are not of unit length at "
            f"a right angle, which leaves the corners of the image uncertain by {off[worst]:.3g} mm; wanted at most "
            f"{ORIENTATION_MM} mm",
            files=[headers[worst].name],
            off_mm=float(off[worst]),
        )


def _slice_spacing(headers: Sequence[Header], planes: Planes) -> float:
    """Return the distance of slices along their normal."""
    return _single(headers[planes.order[0]]) if len(planes.places) == 1 else planes.step_mm


def _slice_shift(positions: Sequence[Triple], planes: Planes, cosines: Vectors) -> tuple[float, float]:
    """Return how far a slice of a tilted stack lies beside one that is a spacing before it."""
    shift = np.subtract(positions[-1], positions[0]) * (planes.step_mm / planes.length_mm)
    return float(shift @ cosines[:3]), float(shift @ cosines[3:])


def _why_uneven(headers: Sequence[Header], planes: Planes) -> GeometryError | None:
    """Return why slices are no even stack; None where they are one."""
    names = [headers[place[0]].name for place in planes.places]
    if not planes.straight:
        return _leaning(names, planes)
    return None if planes.even else _spaced(names, planes)


def _refuse_volumes_between(headers: Sequence[Header], planes: Planes) -> None:
    if not planes.even and not planes.repeated:
        refuse_interleaved(headers, planes)
    refuse_moved_runs(headers, planes)


def _single(header: Header) -> float:
    spacing = spacing_of_one(header.numbers)
    if spacing is None:
        raise GeometryError(
            "GEO-SINGLE",
            f"{header.name} is the only image, and has neither Spacing Between Slices (0018,0088) nor Slice Thickness "
            "(0018,0050) above 0; the extent of its voxels is unknown. A person can say it: "
            f"{flag('assume', 'SliceThickness=MM')}",
            keyword="SliceThickness",
        )
    return spacing


def _leaning(names: Sequence[str], planes: Planes) -> GeometryError:
    """Say of slices how they are stacked, if not along their normal; refuse those that lie along no line."""
    wanted = f"wanted at most {planes.across_tolerance_mm:.2f} mm"
    if planes.tilted:
        return GeometryError(
            "GEO-TILT",
            f"the slices are stacked at {planes.tilt_degrees:.2f} degrees to their normal (gantry tilt): from "
            f"{names[0]} to {names[-1]} they shift {planes.beside_mm[-1]:.2f} mm in plane; {wanted}. {way_out()}",
            degrees=planes.tilt_degrees,
        )
    worst = int(np.argmax(planes.scatter_mm))
    raise GeometryError(
        "GEO-SHIFT",
        f"{names[worst]} lies {planes.scatter_mm[worst]:.2f} mm to the side of the other slices; {wanted}. "
        f"The series holds more than one stack; choose the frames of one: {flag('frames', 'N-M')}",
        files=[names[worst]],
    )


def _spaced(names: Sequence[str], planes: Planes) -> GeometryError:
    steps, usual = planes.steps_mm, planes.usual_mm
    if planes.even_but_for_gaps:
        first, *others = planes.gaps
        pair = names[first], names[first + 1]
        more = f"; there are {len(planes.gaps)} such gaps" if others else ""
        return GeometryError(
            "GEO-GAP",
            f"slices are missing: {steps[first]:.3f} mm lie between {pair[0]} and {pair[1]}, and {usual:.3f} mm "
            f"between the others{more}. Add the missing files. {way_out(max(steps))}",
            files=list(pair),
            gap_mm=steps[first],
            expected_mm=usual,
        )
    near, far = int(np.argmin(steps)), int(np.argmax(steps))
    return GeometryError(
        "GEO-SPACING",
        f"slices are spaced unevenly: from {steps[near]:.3f} mm ({names[near]} to {names[near + 1]}) to "
        f"{steps[far]:.3f} mm ({names[far]} to {names[far + 1]}); one volume needs one spacing. {way_out()}",
        least_mm=steps[near],
        most_mm=steps[far],
    )


def plane_of(header: Header) -> Plane:
    """Return where an image says it is; its Slice Thickness says nothing of that, and is not asked for.

    Of a class whose images do not say where in the patient they lie: in coordinates of its own.

    Raises
    ------
    GeometryError
        ``GEO-MISSING`` unless Image Position and Orientation (Patient) and Pixel Spacing are there and usable.
    """
    if not lies_in_patient(header):
        return plane_of_cine(header)
    position, cosines, spacing = (
        _numbers(header, keyword, count)
        for keyword, count in (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2))
    )
    return Plane(triple(position), triple(cosines[:3]), triple(cosines[3:]), (float(spacing[0]), float(spacing[1])))


def _frame_of_reference(headers: Sequence[Header]) -> str:
    groups = distinct(headers, lambda h: h.text("FrameOfReferenceUID"))
    if len(groups) > 1:
        raise GeometryError(
            "GEO-FOR", f"Frame of Reference UID differs: {tallied(groups, shown_uid)}; positions cannot be compared"
        )
    return str(next(iter(groups)))


def _numbers(header: Header, keyword: str, count: int) -> tuple[float, ...]:
    found = header.numbers(keyword)
    if len(found) != count or (keyword == "PixelSpacing" and min(found) <= 0):
        what = "no" if not found else f"an unusable ({counted(len(found), 'value')})"
        raise GeometryError(
            "GEO-MISSING",
            f"{header.name} has {what} {keyword}{header.why_absent(keyword)}; wanted {count} numbers: where its voxels "
            f"are cannot be told. A person can say it: {flag('assume', f'{keyword}=VALUE')}",
            keyword=keyword,
        )
    return found
