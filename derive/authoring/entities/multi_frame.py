"""What tells frames apart: pages of one instance, times of one series (PS3.3 C.7.6.5, C.7.6.6, C.8.3.1, C.8.6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.authoring.entities.cine import times_said
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode
from derive.model.dimension import Dimension, DimensionValue
from derive.model.frames import FRAME_TIME, TIME_OFFSET
from derive.pixels.encode import decimal

#: What counts pages.
PAGE = "PageNumberVector"


@per_frame("NumberOfFrames")
def number_of_frames(authoring: Authoring, frame: Frame) -> int | None:
    """Return the count of frames, or of pages; nothing of the single one of a class that need not say it."""
    count = len(frame.frames) or authoring.frames_together or None
    optional = authoring.target.container == "cine" and authoring.target.iod.usage("multi-frame") != "M"
    return None if count == 1 and optional else count


@per_frame("FrameIncrementPointer", module="sc-multi-frame-image")
def frame_increment_pointer(authoring: Authoring, frame: Frame) -> Any:
    """Return what tells the pages apart: their time, else their number; nothing of a single one (C.8.6.3)."""
    if authoring.target.container == "cine":
        times = times_said(authoring, frame, "FrameIncrementPointer")
        numbered = times is None or _points_to_pages(times)
        return tag_of(PAGE) if numbered and len(frame.frames) > 1 else times
    dimension = authoring.pages_told
    return tag_of(dimension.keyword) if dimension else None


def _points_to_pages(pointer: Element | int) -> bool:
    found = decode(pointer) if isinstance(pointer, Element) else pointer
    return tag_of(PAGE) in (list(found) if isinstance(found, Sequence) else [found])


@per_frame("PageNumberVector", module="sc-multi-frame-vector")
def page_number_vector(authoring: Authoring, frame: Frame) -> list[float] | None:
    """Return 1, 2, 3, ..."""
    if authoring.target.container == "cine":
        told = frame_increment_pointer(authoring, frame) == tag_of(PAGE)
        return [float(number) for number in range(1, len(frame.frames) + 1)] if told else None
    return _vector(authoring, PAGE)


@per_frame("FrameTimeVector")
def frame_time_vector(authoring: Authoring, frame: Frame) -> Any:
    """Return the time from the page, or the frame, before, ms; 0 for the first one (C.7.6.5)."""
    if authoring.target.container == "cine":
        return times_said(authoring, frame, FRAME_TIME)
    return _vector(authoring, FRAME_TIME)


def _vector(authoring: Authoring, keyword: str) -> list[float] | None:
    """Value a page, of the attribute that tells the pages of an instance apart."""
    dimension = authoring.pages_told
    if dimension is None or dimension.keyword != keyword:
        return None
    return [float(v) for v in dimension.values if isinstance(v, float | int)]


@per_series("PresentationLUTShape", module="sc-multi-frame-image")
def presentation_lut_shape(authoring: Authoring) -> str | None:
    """Return IDENTITY for grey pages (C.8.6.3): low values are dark."""
    grey = authoring.pixel_format.samples == 1 and authoring.pixel_format.bits > 1
    return "IDENTITY" if (authoring.frames_together or authoring.target.container == "cine") and grey else None


def _moments(time: Dimension) -> list[DimensionValue]:
    """Return the different times, in their order."""
    return list(dict.fromkeys(time.values))


def _pulled(authoring: Authoring, frame: Frame, keyword: str) -> Element | None:
    return authoring.source.agreement(tag_of(keyword), frame.contributors).element


@per_frame("TemporalPositionIdentifier", module="mr-image")
def temporal_position_identifier(authoring: Authoring, frame: Frame) -> int | Element | None:
    """Return which time it is of, from 1; the source's where volumes are no times."""
    time = authoring.times
    if time is None:
        return _pulled(authoring, frame, "TemporalPositionIdentifier")
    return _moments(time).index(time.values[frame.volume]) + 1


@per_frame("NumberOfTemporalPositions", module="mr-image")
def number_of_temporal_positions(authoring: Authoring, frame: Frame) -> int | Element | None:
    """Return how many times there are; what the source says where volumes are no times."""
    time = authoring.times
    return len(_moments(time)) if time is not None else _pulled(authoring, frame, "NumberOfTemporalPositions")


@per_frame("TemporalResolution", module="mr-image")
def temporal_resolution(authoring: Authoring, frame: Frame) -> float | Element | None:
    """Return the time from one to the next, ms, where it is known; else what the source says of as many times."""
    time, said = authoring.times, _pulled(authoring, frame, "TemporalResolution")
    if time is None:
        return said
    if time.keyword != TIME_OFFSET:
        count = authoring.source.value("NumberOfTemporalPositions")
        return said if count == len(_moments(time)) else None
    first, second = (float(v) for v in _moments(time)[:2] if isinstance(v, float | int))
    return decimal((second - first) * 1000)
