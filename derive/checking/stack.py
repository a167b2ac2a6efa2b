"""The slices of a series as a stack: one geometry, evenly spaced, numbered as they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from derive.checking.finding import Finding, finding
from derive.checking.instance import Judged
from derive.elements.element import tag_of
from derive.errors import GeometryError
from derive.model.dimension import dimension_kinds
from derive.model.orientation import ORIENTATION_MM, one_orientation, orientations, reach_mm, turned_mm
from derive.model.planes import SAME_POSITION_MM, Planes, alike, measured, spacing_tolerance
from derive.reading.header import Header
from derive.reading.volumes import volumes_of
from derive.told.wording import counted

#: How far Spacing Between Slices may be off the distance of the slices, in mm or as a share of it: it is stated
#: on its own, and scanners round it. Reading does not ask for it where there are positions.
_STATED_MM = 0.05
_STATED_SHARE = 0.02
#: What may tell volumes at one place apart.
_TOLD = frozenset(
    {tag_of(keyword) for keyword in dimension_kinds()}
    | {tag for kind in dimension_kinds().values() for tag in kind.private}
    | {tag_of(k) for k in ("AcquisitionDate", "ContentDate", "InstanceNumber")}
    | {tag_of(k) for k in ("NumberOfTemporalPositions", "ImagePositionPatient")}
)


class Slice(NamedTuple):
    """What is remembered of an instance: a few numbers."""

    name: str
    number: int | None
    position: tuple[float, ...]
    cosines: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    matrix: tuple[int, int]
    location: float | None
    spacing_between: float | None
    pet: tuple[int, int] | None
    time: int | None
    said: Header | None = None
    #: Whether slices may be missing: a segmentation leaves out those of which nothing belongs to a segment.
    sparse: bool = False


def slice_of(instance: Judged) -> Slice:
    """Return what the check of a series needs of an instance."""
    number, index, slices = (instance.number(k) for k in ("InstanceNumber", "ImageIndex", "NumberOfSlices"))
    if instance.text("ConcatenationUID"):  # its parts are numbered by themselves
        number = None
    time = instance.number("TemporalPositionIdentifier")
    pet = "ImageIndex" in instance.iod.attributes and index is not None and slices is not None
    return Slice(
        instance.name,
        None if number is None else int(number),
        tuple(instance.numbers("ImagePositionPatient")),
        tuple(instance.numbers("ImageOrientationPatient")),
        tuple(instance.numbers("PixelSpacing")),
        (int(instance.number("Rows") or 0), int(instance.number("Columns") or 0)),
        instance.number("SliceLocation"),
        instance.number("SpacingBetweenSlices"),
        (int(index), int(slices)) if pet and index is not None and slices is not None else None,
        None if time is None else int(time),
        Header(instance.name, {tag: e for tag in _TOLD if (e := instance.elements.get(tag)) is not None}),
    )


def stack_findings(slices: Sequence[Slice], series: str) -> Iterator[Finding]:
    """Judge the slices of a series together.

    Parameters
    ----------
    slices : sequence of Slice
    series : str
        Series Instance UID, for the findings.
    """
    if len(slices) < 2:
        return
    yield from _numbers(slices, series)
    yield from _one("CHK-SERIES-MATRIX", "Rows", [s.matrix for s in slices], slices, series)
    spacings = [s.pixel_spacing for s in slices]
    yield from _one("CHK-SERIES-PLANE", "PixelSpacing", spacings, slices, series)
    if any(len(s.position) != 3 or len(s.cosines) != 6 for s in slices):
        return
    turned = list(_turned(slices, series))
    yield from turned
    if turned or _from_around(slices):
        return
    for volume in _volumes(slices):
        yield from position_findings(volume, series)


def _volumes(slices: Sequence[Slice]) -> Iterator[list[Slice]]:
    """Give the slices of each volume: by their times, and what else tells images at one position apart."""
    for time in dict.fromkeys(s.time for s in slices):
        members = [s for s in slices if s.time == time]
        said = [s.said for s in members if s.said is not None]
        planes = _planes(members)
        if not planes.repeated or len(said) < len(members):
            yield members
            continue
        try:
            told = volumes_of(said, planes).volumes
        except GeometryError:  # position_findings() names those that are alike
            told = (planes.order,)
        yield from ([members[i] for i in volume] for volume in told)


def _planes(slices: Sequence[Slice]) -> Planes:
    pixel = min(slices[0].pixel_spacing, default=None)
    cosines = one_orientation(np.array([s.cosines for s in slices]))
    return measured(np.array([s.position for s in slices]), cosines, pixel)


def _turned(slices: Sequence[Slice], series: str) -> Iterator[Finding]:
    """Name an image of another orientation than the first, and how far its corners are from there."""
    cosines, first = np.array([s.cosines for s in slices]), slices[0]
    reach = reach_mm(*first.matrix, first.pixel_spacing)
    groups = orientations(cosines, reach)
    if len(groups) > 1 and not _from_around(slices):
        other = next(i for i in range(len(slices)) if i not in groups[0])
        off = turned_mm(cosines, cosines[0], reach)[other]
        message = (
            f"differs between {first.name} and {slices[other].name}, by {off:.3g} mm at the corners; "
            f"wanted all within {ORIENTATION_MM} mm of one orientation"
        )
        yield finding("CHK-SERIES-PLANE", "ImageOrientationPatient", message, series)


def _from_around(slices: Sequence[Slice]) -> bool:
    """Whether images are views: each orientation is of one plane, and nobody says how far planes are apart.

    *2026-12-01.* Projections from all around an axis are a series and no stack (C.7.6.2 asks for none); scouts in three
    planes are of this kind too. Where two images of one orientation lie apart there are slices, and one of another
    orientation among them is a fault.
    """
    if any(s.spacing_between is not None for s in slices):
        return False
    groups = orientations(np.array([s.cosines for s in slices]), reach_mm(*slices[0].matrix, slices[0].pixel_spacing))
    positions = np.array([s.position for s in slices])
    return len(groups) > 1 and all(np.ptp(positions[g], axis=0).max() <= SAME_POSITION_MM for g in groups)


def _numbers(slices: Sequence[Slice], series: str) -> Iterator[Finding]:
    seen: dict[int, str] = {}
    for each in slices:
        if each.number is not None and each.number in seen:
            message = f"{each.number} is that of {seen[each.number]} and of {each.name}"
            yield finding("CHK-NUMBER", "InstanceNumber", message, series)
            return
        if each.number is not None:
            seen[each.number] = each.name


def _one(
    code: str, keyword: str, values: Sequence[tuple[float, ...]], slices: Sequence[Slice], series: str
) -> Iterator[Finding]:
    other = _other(values, spacing_tolerance(values) if keyword == "PixelSpacing" else 0.0)
    if other is not None:
        message = f"differs: {values[0]} in {slices[0].name}, {values[other]} in {slices[other].name}"
        yield finding(code, keyword, message, series)


def _other(values: Sequence[tuple[float, ...]], tolerance: float) -> int | None:
    """Return the first that differs from the one in front."""
    same = set(next(kind for kind in alike(values, tolerance) if 0 in kind))
    return next((i for i in range(len(values)) if i not in same), None)


def position_findings(slices: Sequence[Slice], series: str) -> Iterator[Finding]:
    """Judge spacing, shear and numbering along the normal, of the slices of one volume."""
    if len(slices) < 2:
        return
    planes = _planes(slices)
    if planes.repeated:
        yield from _same(slices, planes, series)
        return
    ordered = [slices[i] for i in planes.order]
    yield from _shear(planes, series)
    if ordered[0].sparse:
        yield from _sparse(ordered, planes, series)
    else:
        yield from _gap(ordered, planes, series)
        yield from _spacing(ordered, planes.usual_mm, series)
    yield from _location(ordered, series)
    yield from _pet(ordered, series)


def _same(slices: Sequence[Slice], planes: Planes, series: str) -> Iterator[Finding]:
    first, second, *_ = next(place for place in planes.places if len(place) > 1)
    message = (
        f"{slices[first].name} and {slices[second].name} lie at one position; "
        f"{counted(len(slices), 'image')} at {counted(len(planes.places), 'position')}"
    )
    yield finding("CHK-SERIES-SAME", "ImagePositionPatient", message, series)


def _gap(ordered: Sequence[Slice], planes: Planes, series: str) -> Iterator[Finding]:
    """Name the step that differs most from the usual one: of a gap, the step without it."""
    if not planes.even:
        excess = np.array(planes.steps_mm) - planes.usual_mm
        worst = int(np.abs(excess).argmax())
        message = (
            f"the step from {ordered[worst].name} to {ordered[worst + 1].name} differs by {excess[worst]:+.4g} mm "
            f"from the usual one"
        )
        yield finding("CHK-SERIES-GAP", "ImagePositionPatient", message, series)


def _sparse(ordered: Sequence[Slice], planes: Planes, series: str) -> Iterator[Finding]:
    """Name a step that is no whole number of slices, of those that say how far these are apart."""
    between = ordered[0].spacing_between
    tolerance = max(_STATED_MM, _STATED_SHARE * (between or 0.0))
    for place, step in enumerate(planes.steps_mm if between else ()):
        assert between is not None, "it says so"
        if abs(step - round(step / between) * between) > tolerance:
            message = (
                f"the step from {ordered[place].name} to {ordered[place + 1].name} is {step:.4g} mm, which is no whole "
                f"number of slices {between:g} mm apart"
            )
            yield finding("CHK-SERIES-GAP", "ImagePositionPatient", message, series)
            return


def _shear(planes: Planes, series: str) -> Iterator[Finding]:
    if not planes.straight:
        distance = max(planes.beside_mm)
        message = f"positions leave the normal by {distance:.4g} mm ({planes.tilt_degrees:.1f} degrees)"
        yield finding("CHK-SERIES-SHEAR", "ImagePositionPatient", message, series)


def _spacing(ordered: Sequence[Slice], step: float, series: str) -> Iterator[Finding]:
    tolerance = max(_STATED_MM, _STATED_SHARE * step)
    for each in ordered:
        if each.spacing_between is not None and abs(each.spacing_between - step) > tolerance:
            message = f"is {each.spacing_between:g} mm in {each.name}; the slices are {step:.4g} mm apart"
            yield finding("CHK-SERIES-SPACING", "SpacingBetweenSlices", message, series)
            return


def _location(ordered: Sequence[Slice], series: str) -> Iterator[Finding]:
    """Slice Location may rise or fall along the normal, but not turn."""
    locations = [s.location for s in ordered if s.location is not None]
    if len(locations) < 2:
        return
    steps = np.diff(locations)
    if not ((steps > 0).all() or (steps < 0).all()):
        message = "neither rises nor falls all along the normal"
        yield finding("CHK-SERIES-LOCATION", "SliceLocation", message, series)


def _pet(ordered: Sequence[Slice], series: str) -> Iterator[Finding]:
    pairs = [s.pet for s in ordered if s.pet is not None]
    if len(pairs) != len(ordered):
        return
    if {p[1] for p in pairs} != {len(ordered)}:
        message = f"is {pairs[0][1]}; the series has {counted(len(ordered), 'position')}"
        yield finding("CHK-PET-SLICES", "NumberOfSlices", message, series)
    if [p[0] for p in pairs] != sorted({p[0] for p in pairs}):
        yield finding("CHK-PET-INDEX", "ImageIndex", "does not rise along the normal", series)
