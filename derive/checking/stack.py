"""The slices of a series as a stack: one geometry, evenly spaced, numbered as they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.checking.finding import Finding, finding
from derive.checking.instance import Judged

#: Positions are given to 0.01 mm or so, and the spacing is what they differ by.
_POSITION_TOLERANCE_MM = 0.05
_POSITION_TOLERANCE = 0.02
_COSINE_TOLERANCE = 1e-3


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


def slice_of(instance: Judged) -> Slice:
    """Return what the check of a series needs of an instance."""
    number, index, slices = (instance.number(k) for k in ("InstanceNumber", "ImageIndex", "NumberOfSlices"))
    time = instance.number("TemporalPositionIdentifier")
    pet = instance.iod.name == "positron-emission-tomography-image" and index is not None and slices is not None
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
    spacings = [tuple(round(v, 5) for v in s.pixel_spacing) for s in slices]
    yield from _one("CHK-SERIES-PLANE", "PixelSpacing", spacings, slices, series)
    if any(len(s.position) != 3 or len(s.cosines) != 6 for s in slices):
        return
    turned = _turned(slices)
    if turned is not None:
        message = f"differs between {slices[0].name} and {turned.name}"
        yield finding("CHK-SERIES-PLANE", "ImageOrientationPatient", message, series)
        return
    times = dict.fromkeys(s.time for s in slices)
    for time in times:
        yield from _positions([s for s in slices if s.time == time], series)


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
    other = next((i for i, v in enumerate(values) if v != values[0]), None)
    if other is not None:
        message = f"differs: {values[0]} in {slices[0].name}, {values[other]} in {slices[other].name}"
        yield finding(code, keyword, message, series)


def _turned(slices: Sequence[Slice]) -> Slice | None:
    cosines = np.array([s.cosines for s in slices])
    off = np.abs(cosines - cosines[0]).max(axis=1) > _COSINE_TOLERANCE
    return slices[int(off.argmax())] if off.any() else None


def _positions(slices: Sequence[Slice], series: str) -> Iterator[Finding]:
    """Judge spacing, shear and numbering along the normal, of the slices of one time."""
    if len(slices) < 2:
        return
    normal = np.cross(slices[0].cosines[:3], slices[0].cosines[3:])
    normal = normal / (np.linalg.norm(normal) or 1)
    positions = np.array([s.position for s in slices])
    order = np.argsort(positions @ normal, kind="stable")
    ordered, positions = [slices[i] for i in order], positions[order]
    steps = np.diff(positions @ normal)
    same = steps < _POSITION_TOLERANCE_MM / 10
    if same.any():
        yield from _same(ordered, same, series)
        return
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    tolerance = max(_POSITION_TOLERANCE_MM, _POSITION_TOLERANCE * usual)
    yield from _gap(ordered, steps - usual, tolerance, series)
    yield from _shear(positions, normal, tolerance, series)
    yield from _spacing(ordered, usual, tolerance, series)
    yield from _location(ordered, series)
    yield from _pet(ordered, series)


def _same(ordered: Sequence[Slice], same: NDArray[np.bool_], series: str) -> Iterator[Finding]:
    first = int(same.argmax())
    message = (
        f"{ordered[first].name} and {ordered[first + 1].name} lie at one position; "
        f"{len(ordered)} images at {int((~same).sum()) + 1} positions"
    )
    yield finding("CHK-SERIES-SAME", "ImagePositionPatient", message, series)


def _gap(ordered: Sequence[Slice], excess: NDArray[np.float64], tolerance: float, series: str) -> Iterator[Finding]:
    """Judge by how much each step differs from the usual one, the lower median: of a gap, the step without it."""
    if excess.max() - excess.min() > 2 * tolerance:
        worst = int(np.abs(excess).argmax())
        message = (
            f"the step from {ordered[worst].name} to {ordered[worst + 1].name} differs by {excess[worst]:+.4g} mm "
            f"from the usual one"
        )
        yield finding("CHK-SERIES-GAP", "ImagePositionPatient", message, series)


def _shear(
    positions: NDArray[np.float64], normal: NDArray[np.float64], tolerance: float, series: str
) -> Iterator[Finding]:
    along = positions @ normal
    aside = positions - positions[0] - np.outer(along - along[0], normal)
    distance = float(np.linalg.norm(aside, axis=1).max())
    if distance > 2 * tolerance:
        angle = np.degrees(np.arctan2(distance, along[-1] - along[0]))
        message = f"positions leave the normal by {distance:.4g} mm ({angle:.1f} degrees)"
        yield finding("CHK-SERIES-SHEAR", "ImagePositionPatient", message, series)


def _spacing(ordered: Sequence[Slice], step: float, tolerance: float, series: str) -> Iterator[Finding]:
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
        message = f"is {pairs[0][1]}; the series has {len(ordered)} positions"
        yield finding("CHK-PET-SLICES", "NumberOfSlices", message, series)
    if [p[0] for p in pairs] != sorted({p[0] for p in pairs}):
        yield finding("CHK-PET-INDEX", "ImageIndex", "does not rise along the normal", series)
