"""What tells frames apart: pages of one instance, times of one series (PS3.3 C.7.6.5, C.7.6.6, C.8.3.1, C.8.6.3)."""

from __future__ import annotations

from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Frame, Making
from derive.elements.element import Element, tag_of
from derive.model.frames import Pictures
from derive.pixels.encode import decimal

SEVERAL = 2


@per_series("NumberOfFrames")
def number_of_frames(making: Making) -> int | None:
    """Return the count of pages."""
    return making.frames_together or None


@per_series("FrameIncrementPointer")
def frame_increment_pointer(making: Making) -> int | None:
    """Return what tells the pages apart: their time, else their number; nothing of a single one (C.8.6.3)."""
    if making.frames_together < SEVERAL:
        return None
    return tag_of("PageNumberVector" if _frame_time_ms(making) is None else "FrameTimeVector")


@per_series("PageNumberVector")
def page_number_vector(making: Making) -> list[int] | None:
    """Return 1, 2, 3, ..."""
    if making.frames_together < SEVERAL or _frame_time_ms(making) is not None:
        return None
    return list(range(1, making.frames_together + 1))


@per_series("FrameTimeVector")
def frame_time_vector(making: Making) -> list[float] | None:
    """Return the time from the page before, ms; 0 for the first one (C.7.6.5)."""
    time_ms = _frame_time_ms(making)
    if making.frames_together < SEVERAL or time_ms is None:
        return None
    return [0.0] + [float(time_ms)] * (making.frames_together - 1)


def _frame_time_ms(making: Making) -> float | None:
    return making.volume.frame_time_ms if isinstance(making.volume, Pictures) else None


@per_series("PresentationLUTShape")
def presentation_lut_shape(making: Making) -> str | None:
    """Return IDENTITY for grey pages (C.8.6.3): low values are dark."""
    grey = making.pixel_format.samples == 1 and making.pixel_format.bits > 1
    return "IDENTITY" if making.frames_together and grey else None


def _times(making: Making) -> int:
    return 1 if isinstance(making.volume, Pictures) else making.volume.times


def _pulled(making: Making, frame: Frame, keyword: str) -> Element | None:
    return making.source.agreement(tag_of(keyword), frame.contributors).element


@per_frame("TemporalPositionIdentifier")
def temporal_position_identifier(making: Making, frame: Frame) -> int | Element | None:
    """Return which time it is of, from 1; the source's where there is one time."""
    if _times(making) > 1:
        return frame.time + 1
    return _pulled(making, frame, "TemporalPositionIdentifier")


@per_frame("NumberOfTemporalPositions")
def number_of_temporal_positions(making: Making, frame: Frame) -> int | Element | None:
    """Return how many times there are; what the source says where this is one of them."""
    if _times(making) > 1:
        return _times(making)
    return _pulled(making, frame, "NumberOfTemporalPositions")


@per_frame("TemporalResolution")
def temporal_resolution(making: Making, frame: Frame) -> float | Element | None:
    """Return the time from one to the next, ms, where it is known; else what the source says."""
    if isinstance(making.volume, Pictures) or making.volume.times == 1:
        return _pulled(making, frame, "TemporalResolution")
    step = making.volume.time_step_s
    return None if step is None else decimal(step * 1000)
