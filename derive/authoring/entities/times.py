"""Several times in one series (PS3.3 C.8.3.1)."""

from __future__ import annotations

from derive.authoring.entities.registry import per_frame
from derive.authoring.order import Frame, Making
from derive.elements.element import Element, tag_of
from derive.model.frames import Pictures
from derive.pixels.encode import decimal


def _times(making: Making) -> int:
    return 1 if isinstance(making.volume, Pictures) else making.volume.times


def _pulled(making: Making, frame: Frame, keyword: str) -> Element | None:
    return making.source.agreement(tag_of(keyword), frame.contributors or None).element


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
