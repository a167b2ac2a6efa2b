"""Images that do not say where in the patient they lie: frames of a cine, one after another (PS3.3 C.7.6.5, C.7.6.6).

What they are is a stack in time and no volume: each frame is a volume of one slice, told apart by when it was taken, so
that nothing that smooths a volume can mix two of them. Several cines of one matrix and pixel spacing stand one behind
the other, told apart by their Instance Numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from derive import standard
from derive.elements.element import tag_of
from derive.model.classes import computed_class_uids, target_of
from derive.model.dimension import Dimension, DimensionValue
from derive.model.frames import FRAME_TIME, TIME_NUMBER, TIME_OFFSET
from derive.model.geometry import Geometry, OwnPlane, Plane
from derive.model.remark import Remark
from derive.model.us_regions import KEYWORD as REGIONS
from derive.model.us_regions import pixel_spacing_of
from derive.pixels.frames import frame_pixels
from derive.reading.groups import distinct
from derive.reading.header import Header
from derive.reading.pixel_attributes import layout_of
from derive.reading.vectors import has_vectors, is_placed, told_by_vectors

_POSITION = tag_of("ImagePositionPatient")
_CALIBRATED = "PixelSpacing"
#: What several cines are told apart by.
_CINE = "InstanceNumber"


def is_cine(header: Header) -> bool:
    """Whether an instance may hold many frames of which nothing is said but their times."""
    return header.readable and target_of(header.sop_class_uid).container == "cine"


def lies_in_patient(header: Header) -> bool:
    """Whether images of its class say where in the patient they lie; one of a class that need not, whether it does."""
    if header.readable and (target_of(header.sop_class_uid).in_patient or is_placed(header)):
        return True
    return header.sop_class_uid not in computed_class_uids() or _lies_somewhere(header)


#: What an image says that is a slice at a place, and how thick it is.
_OF_A_SLICE = (_POSITION, *map(tag_of, ("ImageOrientationPatient", "PixelSpacing", "SliceThickness")))


def _lies_somewhere(header: Header) -> bool:
    """Whether an image is a slice that says where it lies, of a class that can say it: Secondary Capture (A.8.1.3)."""
    if not standard.is_single_frame(header.sop_class_uid):
        return _POSITION in header.elements  # of a frame, by its functional groups
    can = "ImagePositionPatient" in standard.iod(header.sop_class_uid).attributes
    said = (header.elements.get(tag) for tag in _OF_A_SLICE)
    return can and all(element is not None and element.stripped() for element in said)


def frames_of_cine(header: Header) -> tuple[Header, ...]:
    """Return a header for every frame of a cine; of a single frame itself.

    Raises
    ------
    SourceError
        ``SRC-SYNTAX``
    ValuesError
        ``VAL-TRUNCATED``, ``VAL-LENGTH`` where there are fewer or more pixels than frames.
    """
    count = header.integer("NumberOfFrames") or 1
    if count < 2 or header.pixels is None:
        return (header,)
    places = frame_pixels(layout_of(header), header.pixels, count, header.name, header.offsets)
    odd = (Remark("SRC-OFFSETS", "PixelData", places.odd),) if places.odd else ()
    whole = replace(header, remarks=(*header.remarks, *odd))
    return tuple(
        replace(whole, name=f"{header.name}, frame {number}", frame_number=number, pixels=pixels)
        for number, pixels in enumerate(places.frames, 1)
    )


def own_plane_of(header: Header) -> tuple[OwnPlane, tuple[float, float]]:
    """Return what an image says of its pixel spacing, and the distances between rows and columns, mm.

    Pixel Spacing comes first: it was calibrated, and is that of the detector where nothing was (PS3.3 10.7.1.1). Where
    there is none, a pixel is 1 by 1 of nobody knows what.
    """
    for keyword in target_of(header.sop_class_uid).own_spacing or (_CALIBRATED,):
        found = _of_regions(header) if keyword == REGIONS else header.numbers(keyword)
        if len(found) == 2 and min(found) > 0:
            calibration = header.text("PixelSpacingCalibrationType") if keyword == _CALIBRATED else ""
            return OwnPlane(keyword, calibration), (float(found[0]), float(found[1]))
    return OwnPlane(), (1.0, 1.0)


def _of_regions(header: Header) -> tuple[float, ...]:
    """Return the distances between rows and columns, mm, that the ultrasound regions of a picture have in common."""
    items = header.lenient.value(REGIONS)
    return pixel_spacing_of(items or ()) or ()


def geometry_of_cine(header: Header) -> Geometry:
    """Return the geometry of a frame in coordinates of its own."""
    own, spacing = own_plane_of(header)
    return Geometry.in_own_plane(own, spacing, header.integer("Rows") or 0, header.integer("Columns") or 0)


def plane_of_cine(header: Header) -> Plane:
    """Return where the pixels of a frame are in coordinates of its own."""
    return Geometry.in_own_plane(*own_plane_of(header), 1, 1).plane(0)


def told_in_time(headers: Sequence[Header]) -> tuple[tuple[int, ...], tuple[Dimension, ...]]:
    """Return frames in their order, cine after cine, and what tells them apart; nothing of a single one.

    Parameters
    ----------
    headers : sequence of Header
        Of one matrix and pixel spacing.
    """
    cines = list(distinct(headers, lambda h: h.text("SOPInstanceUID")).values())
    cines.sort(key=lambda cine: (cine[0].lenient.number(_CINE) or 0.0, cine[0].text("SOPInstanceUID")))
    place = {id(header): index for index, header in enumerate(headers)}
    frames = [sorted(cine, key=lambda h: h.frame_number) for cine in cines]
    order = tuple(place[id(header)] for cine in frames for header in cine)
    dimensions = []
    if len(cines) > 1:
        said = [cine[0].lenient.number(_CINE) for cine in cines]
        known = None not in said and len(set(said)) == len(said)
        numbers = said if known else [float(k) for k in range(1, len(cines) + 1)]
        dimensions.append(Dimension(_CINE, tuple(n for n, cine in zip(numbers, frames, strict=True) for _ in cine)))
    if any(len(cine) > 1 for cine in frames):
        dimensions += _told_in_cines(frames, dimensions)
    return order, tuple(dimensions)


def _told_in_cines(cines: Sequence[Sequence[Header]], before: Sequence[Dimension]) -> list[Dimension]:
    """Return what tells the frames of cines apart: their vectors, else their times; or else their numbers."""
    frames = [h for cine in cines for h in cine]
    if not has_vectors(frames[0]):
        return [_times(cines)]
    told = told_by_vectors(frames)
    apart = set(zip(*(d.values for d in (*before, *told)), strict=True))
    return [*told, *([] if len(apart) == len(frames) else [_counted(frames)])]


def _counted(frames: Sequence[Header]) -> Dimension:
    return Dimension(TIME_NUMBER, tuple(float(h.frame_number) for h in frames))


def _times(cines: Sequence[Sequence[Header]]) -> Dimension:
    """Return when each frame was taken, from the first of its cine on, s; its number where nobody says it."""
    offsets = [offset for cine in cines for offset in _offsets(cine)]
    if None in offsets:
        return _counted([h for cine in cines for h in cine])
    return Dimension(TIME_OFFSET, tuple(offsets), "s")


def _offsets(cine: Sequence[Header]) -> list[DimensionValue]:
    """Return the time of each frame of a cine, s; None where it is not told, or time stands still."""
    header = cine[0].lenient
    count = header.integer("NumberOfFrames") or 1
    pointer = cine[0].elements.get(tag_of("FrameIncrementPointer"))
    vector, steps = header.numbers(FRAME_TIME), header.numbers("FrameTime")
    named = pointer.stripped() if pointer is not None else b""
    if len(vector) == count and (not steps or b"\x18\x00\x65\x10" in named):
        times = list(accumulate(vector[1:], initial=0.0))
    elif len(steps) == 1:
        times = [steps[0] * k for k in range(count)]
    else:
        times = [0.0] * count
    found = [round(times[h.frame_number - 1] / 1000, 9) for h in cine]
    return list(found) if len(set(found)) == len(found) else [None] * len(found)
