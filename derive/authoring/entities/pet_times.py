"""PET in time: Series Type and what counts its times and gates, and when and how long events were counted (C.8.9).

*2026-12-01.* A mean over times is of a time of its own: each frame speaks of its Frame Reference Time, with the weight
that it has in the mean, and events were counted as long as in all of them. Of values that were chosen (maximum), or
mixed in space (bed positions), it is that of the earliest, as before.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.entities.series import reprojection_method
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.model.derivation import ValuesEffect
from derive.model.dimension import tells_times
from derive.model.source import SourceSeries
from derive.pixels.encode import decimal

_GATE = "TriggerTime"
#: Of the beats of an R-R interval, ms (C.8.9.4).
_LIMITS = ("LowRRValue", "HighRRValue")


@per_series("SeriesType", module="pet-series", sticky=True)
def series_type(authoring: Authoring) -> list[str] | None:
    """PET: return value 1 by the times that there are, and REPROJECTION for a projection that the standard names."""
    values = authoring.source.value("SeriesType")
    if not values:
        return ["DYNAMIC", "IMAGE"] if _times(authoring) > 1 else None
    first, *rest = [values] if isinstance(values, str) else list(values)
    if not authoring.derivation.passes:
        first = _first(authoring, first)
    return [first, "REPROJECTION"] if reprojection_method(authoring) else [first, *rest]


def _first(authoring: Authoring, said: str) -> str:
    """Return DYNAMIC for several times, unless they are gates; STATIC for one of what was either."""
    if said == "GATED":
        return said if _times(authoring) > 1 or _of_one_gate(authoring) else "STATIC"
    if _times(authoring) > 1:
        return "DYNAMIC"
    return "STATIC" if said == "DYNAMIC" else said


def _times(authoring: Authoring) -> int:
    """How many times the result has: its volumes, where times tell them apart."""
    frames = authoring.frames
    timed = any(tells_times(d.keyword) for d in frames.dimensions)
    return len(frames.volumes) if timed else 1


def _of_one_gate(authoring: Authoring) -> bool:
    """Whether all that entered the result says the same time behind its trigger."""
    found = authoring.source.agreement(tag_of(_GATE), authoring.frames.contributors(0)).element
    return found is not None and bool(found.stripped())


def _is(authoring: Authoring, term: str) -> bool:
    found = series_type(authoring)
    return found is not None and found[0] == term


@per_series("NumberOfTimeSlices", module="pet-series")
def number_of_time_slices(authoring: Authoring) -> int | None:
    """PET: return how many times a dynamic series has."""
    return _times(authoring) if _is(authoring, "DYNAMIC") else None


@per_series("NumberOfTimeSlots", module="pet-series")
def number_of_time_slots(authoring: Authoring) -> int | None:
    """PET: return how many gates a gated series has of each R-R interval."""
    return _times(authoring) // len(set(_intervals(authoring))) if _is(authoring, "GATED") else None


@per_series("NumberOfRRIntervals", module="pet-series")
def number_of_rr_intervals(authoring: Authoring) -> int | None:
    """PET: return of how many R-R intervals a gated series is."""
    return len(set(_intervals(authoring))) if _is(authoring, "GATED") else None


def _intervals(authoring: Authoring) -> Sequence[Hashable]:
    """Return the R-R interval that each volume is of: its limits; where nobody says them, how often its gate was there.

    *2026-12-01.* Gates of a long beat have other times than those of a short one. So an interval is told by its limits,
    and slots are counted in it. Intervals of unequal counts are no such series: all volumes are slots of one.
    """
    own = [d.values for d in authoring.frames.dimensions if d.keyword in _LIMITS]
    gate = next((d.values for d in authoring.frames.dimensions if d.keyword == _GATE), ())
    found: list[Hashable] = [*zip(*own, strict=True)] if own else [gate[:k].count(g) for k, g in enumerate(gate)]
    equal = len({found.count(interval) for interval in found}) == 1
    return found if equal else [0] * _times(authoring)


@per_frame("ImageIndex", module="pet-image")
def image_index(authoring: Authoring, frame: Frame) -> int:
    """PET: return 1..N along the normal, time by time, interval by interval (C.8.9.4.1.9); its own of what passes."""
    own = authoring.source.value("ImageIndex", frame.index) if authoring.derivation.passes else None
    if own is not None:
        return int(own)
    if not _is(authoring, "GATED"):
        return frame.index + 1
    intervals = _intervals(authoring)
    order = list(dict.fromkeys(intervals))
    slot = list(intervals[: frame.volume]).count(intervals[frame.volume])
    before = order.index(intervals[frame.volume]) * (len(intervals) // len(order)) + slot
    return before * authoring.frames.slices + frame.place + 1


@per_frame("TriggerTime", module="pet-image", sticky=True)
def trigger_time(authoring: Authoring, frame: Frame) -> Element | None:
    """PET: return when behind the trigger what entered a gated image began; no other has one."""
    if not _is(authoring, "GATED"):
        return None
    found = authoring.source.agreement(tag_of(_GATE), frame.contributors)
    return (
        found.element
        or _given(authoring, frame, _GATE)
        or (_least_of(authoring, frame, _GATE) if found.differs else None)
    )


@per_frame("FrameReferenceTime", module="pet-image", sticky=True)
def frame_reference_time(authoring: Authoring, frame: Frame) -> float | Element | None:
    """PET: return when the events of a mean were counted; else that of the earliest frame behind it, or as given."""
    said = _mixed(authoring, frame, "FrameReferenceTime")
    if said is None:
        return _given(authoring, frame, "FrameReferenceTime") or _earliest(authoring, frame, "FrameReferenceTime")
    return decimal(sum(weight * value for weight, value in said))


@per_frame("DecayFactor", module="pet-image", sticky=True)
def decay_factor(authoring: Authoring, frame: Frame) -> float | Element | None:
    """PET: return the factor at that time: its logarithm goes with it."""
    said = _mixed(authoring, frame, "DecayFactor")
    if said is None or min(value for _, value in said) <= 0:
        return _earliest(authoring, frame, "DecayFactor")
    return decimal(math.exp(sum(weight * math.log(value) for weight, value in said)))


@per_frame("ActualFrameDuration", module="pet-image", sticky=True)
def actual_frame_duration(authoring: Authoring, frame: Frame) -> int | Element | None:
    """PET: return how long the events of all times behind it were counted, ms; else what all of them say."""
    said = _by_time(authoring, frame, "ActualFrameDuration")
    if said is not None:
        return round(sum(said))
    agreed = authoring.source.agreement(tag_of("ActualFrameDuration"), frame.contributors).element
    return _given(authoring, frame, "ActualFrameDuration") or agreed


def _mixed(authoring: Authoring, frame: Frame, keyword: str) -> list[tuple[float, float]] | None:
    """Return weight and value of each time in a mean; None for what is no mean of times, or not all of them say it."""
    values = _by_time(authoring, frame, keyword)
    if values is None:
        return None
    weighs = any(step.parameters.get("weights") == "duration" for step in authoring.derivation.steps)
    weights = _by_time(authoring, frame, "ActualFrameDuration") if weighs else [1.0] * len(values)
    return [(w / sum(weights), v) for w, v in zip(weights, values, strict=True)] if weights else None


def _by_time(authoring: Authoring, frame: Frame, keyword: str) -> list[float] | None:
    """Return what each time behind a frame says; None where one is behind it, or its values are some of theirs."""
    along = [s for s in authoring.derivation.steps if "along" in s.parameters]
    source = authoring.source
    if not isinstance(source, SourceSeries) or not any(s.values_effect is not ValuesEffect.KEEPS_VALUES for s in along):
        return None
    first: dict[int, int] = {}
    for k in frame.behind(len(source.frames)):
        first.setdefault(k // source.geometry.shape[0], k)
    values = [source.value(keyword, k) for k in first.values()]
    return [float(v) for v in values] if len(values) > 1 and all(v not in (None, "") for v in values) else None


def _earliest(authoring: Authoring, frame: Frame, keyword: str) -> Element | None:
    """Return what the earliest frame behind it says."""
    return _least_of(authoring, frame, keyword, by="FrameReferenceTime")


def _least_of(authoring: Authoring, frame: Frame, keyword: str, by: str = "") -> Element | None:
    """Return what the frame behind it says that has the least of an attribute: of this one, or another."""
    table, source, when = authoring.source.table, authoring.source, by or keyword
    if not source.frames:
        return table.element(tag_of(keyword), 0)
    found = [k for k in frame.behind(table.count) if source.value(when, k) not in (None, "")]
    first = min(found, key=lambda k: float(source.value(when, k)), default=None)
    return None if first is None else table.element(tag_of(keyword), first)


def _given(authoring: Authoring, frame: Frame, keyword: str) -> Element | None:
    """Return what a dimension says of a volume of its own; None where it is of images that say it themselves."""
    if isinstance(authoring.source, SourceSeries) and authoring.source.dimensions:
        return None
    dimension = next((d for d in authoring.frames.dimensions if d.keyword == keyword), None)
    value = dimension.values[frame.volume] if dimension is not None else None
    return encode(keyword, value, authoring.encodings) if isinstance(value, int | float) else None
