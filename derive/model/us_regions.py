"""What an ultrasound image says of the regions of its picture, and how that follows the pixels (PS3.3 C.8.5.5).

A picture of an ultrasound system holds several things side by side: anatomy, a spectrum, a curve of the heart. Each
region says where it is, in columns and rows from 0, both corners in it; what a step to the next pixel means; and the
value at a reference pixel, which is counted from the corner of the region (figure C.8-4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

KEYWORD = "SequenceOfUltrasoundRegions"
#: Region Spatial Format: of planes through the patient, and of nothing that has a place (C.8.5.5.1.1).
_NONE, _PLANE = 0, 1
#: Physical Units: centimetres (C.8.5.5.1.15).
_CENTIMETRES = 3
_MM = 10.0
#: Steps that differ by less, as a share, are one: some are written as single precision.
_SAME = 1e-5
#: Between pixels and the place of a pixel, as a share of one: no more than arithmetic leaves.
_EXACT = 1e-6
#: Of a region along an axis: its first and last pixel, the reference pixel, its value, and the step.
_AXES = tuple(
    (
        f"RegionLocationMin{axis}0",
        f"RegionLocationMax{axis}1",
        f"ReferencePixel{axis}0",
        f"ReferencePixelPhysicalValue{axis}",
        f"PhysicalDelta{axis}",
    )
    for axis in "XY"
)
#: Counted in pixels from the reference pixel (C.8.5.5.1.10), by axis.
_BESIDE = (
    ("DopplerSampleVolumeXPosition", "TMLinePositionX0", "TMLinePositionX1"),
    ("DopplerSampleVolumeYPosition", "TMLinePositionY0", "TMLinePositionY1"),
)
#: What the numbers of pixels mean, as they are stored: components, and tables of them.
COMPONENTS = (
    "PixelComponentOrganization",
    "PixelComponentMask",
    "PixelComponentRangeStart",
    "PixelComponentRangeStop",
    "PixelComponentPhysicalUnits",
    "PixelComponentDataType",
    "NumberOfTableBreakPoints",
    "TableOfXBreakPoints",
    "TableOfYBreakPoints",
    "NumberOfTableEntries",
    "TableOfPixelValues",
    "TableOfParameterValues",
    "PixelValueMappingCodeSequence",
)


def pixel_spacing_of(regions: Iterable[Dataset]) -> tuple[float, float] | None:
    """Return the distances between rows and columns, mm; None where the picture has no one such.

    *2026-12-01.* A length in mm is one of the whole picture: where a region shows time or a spectrum, or two planes are
    drawn in two scales, there is none, and a length that is right in one region would be wrong in another.
    """
    found: list[tuple[float, float]] = []
    for region in regions:
        kind = region.get("RegionSpatialFormat")
        if kind == _NONE:
            continue
        units = region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")
        steps = region.get("PhysicalDeltaY"), region.get("PhysicalDeltaX")
        if kind != _PLANE or units != (_CENTIMETRES, _CENTIMETRES) or not all(map(_is_length, steps)):
            return None
        found.append((abs(float(steps[0])) * _MM, abs(float(steps[1])) * _MM))
    alike = all(math.isclose(a, b, rel_tol=_SAME) for each in found for a, b in zip(each, found[0], strict=True))
    return found[0] if found and alike else None


def _is_length(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value != 0


class PixelAxis(NamedTuple):
    """How the pixels of a result follow those of its source, along one axis.

    Parameters
    ----------
    begin : float
        Where the first pixel of the result is, in pixels of the source.
    step : float
        How far it is to the next one.
    pixels, before : int
        How many there are, and how many the source has.
    """

    begin: float
    step: float
    pixels: int
    before: int

    @property
    def untouched(self) -> bool:
        """Whether pixels are those of the source."""
        return self == PixelAxis(0.0, 1.0, self.before, self.before)

    def at(self, place: float) -> float:
        """Return where a place of the source is in the result."""
        return (place - self.begin) / self.step


def moved(regions: Sequence[Dataset], axes: tuple[PixelAxis, PixelAxis]) -> list[Dataset]:
    """Return regions as they are in a result: moved, cut or gone; along columns and rows (x, y)."""
    return [found for region in regions if (found := _moved(region, axes)) is not None]


def _moved(region: Dataset, axes: tuple[PixelAxis, PixelAxis]) -> Dataset | None:
    result = deepcopy(region)  # an element that is set is changed in place, in whoever has it too
    for axis, names, beside in zip(axes, _AXES, _BESIDE, strict=True):
        if axis.untouched:
            continue  # as it was, whatever it says
        corners = region.get(names[0]), region.get(names[1])
        if not all(isinstance(corner, int) for corner in corners):
            return None
        first = max(0, math.ceil(axis.at(corners[0] - 0.5) - _EXACT))
        last = min(axis.pixels - 1, math.ceil(axis.at(corners[1] + 0.5) - _EXACT) - 1)
        if last < first:
            return None
        setattr(result, names[0], first)
        setattr(result, names[1], last)
        _refer(result, region, axis, names)
        _set_beside(result, region, axis, (names[0], names[2], beside))
    return result


def _refer(result: Dataset, region: Dataset, axis: PixelAxis, names: Sequence[str]) -> None:
    """Move the reference pixel; where it falls between two, take the nearest, and the value there."""
    low, _, pixel, value, delta = names
    step = region.get(delta)
    if isinstance(step, int | float):
        setattr(result, delta, float(step) * axis.step)
    if not isinstance(region.get(pixel), int):
        return
    place = axis.at(region[low].value + region[pixel].value) - result[low].value
    whole = round(place)
    beside = abs(place - whole) > _EXACT
    if beside and not (_is_number(region.get(value)) and _is_number(step)):
        for name in (pixel, value):
            if name in result:
                delattr(result, name)
        return
    setattr(result, pixel, whole)
    if beside:
        setattr(result, value, float(region[value].value) + (whole - place) * float(step) * axis.step)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _set_beside(result: Dataset, region: Dataset, axis: PixelAxis, names: tuple[str, str, Sequence[str]]) -> None:
    """Count anew what is counted from the reference pixel; what would fall between pixels, or has no such, goes."""
    low, pixel, beside = names
    for name in (n for n in beside if isinstance(region.get(n), int)):
        if not isinstance(result.get(pixel), int):
            delattr(result, name)
            continue
        there = axis.at(region[low].value + region[pixel].value + region[name].value)
        place = there - result[low].value - result[pixel].value
        if abs(place - round(place)) <= _EXACT:
            setattr(result, name, round(place))
        else:
            delattr(result, name)
