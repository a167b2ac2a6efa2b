"""When the volumes and slices of a series were taken, as far as it says: seconds, and whether they go on evenly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from derive.model.dimension import Dimension, is_time
from derive.model.source import SourceSeries

#: So much of a step, and so many seconds, may a step be off and be the same: clocks tick.
_EVEN, _TICK_S = 0.01, 0.005
#: Seconds of a unit of dimensions.
_SECONDS = {"ms": 1e-3, "s": 1.0}
#: What it takes for the repetition time to be that from volume to volume: all of a slice from one excitation.
_SINGLE_SHOT = {"MRAcquisitionType": {"2D"}, "ScanningSequence": {"EP"}}
_SEGMENTED = "SK"
_DAY = "20000101"


def time_step_s(series: SourceSeries) -> float | None:
    """Return the time from each volume to the next, in seconds; None where it is not known, or not always the same.

    That is what tells volumes apart, if it is a time; else when they were acquired; else, of volumes that are only
    counted, Temporal Resolution, or the Repetition Time of an echo planar image that is whole after each excitation.
    """
    for dimension in (d for d in series.dimensions if is_time(d.keyword) and d.units):
        return steps_of(_in_seconds(dimension))
    found = _set_step(series, steps_of(starts_s(series)))
    if found is not None or not any(is_time(d.keyword) for d in series.dimensions) or len(series.dimensions) > 1:
        return found
    for keyword in ("TemporalResolution", *(["RepetitionTime"] if _single_shot(series) else [])):
        value = series.value(keyword)
        if value is not None and value != "" and float(value) > 0:
            return float(value) * 1e-3
    return None


def _set_step(series: SourceSeries, measured: float | None) -> float | None:
    """Return the repetition time where a measured step is that one: it was set, and the clock only ticks."""
    said = series.value("RepetitionTime")
    if measured is None or said is None or said == "" or not float(said) > 0:
        return measured
    repetition = float(said) * 1e-3
    return repetition if abs(repetition - measured) <= _EVEN * repetition else measured


def steps_of(seconds: Sequence[float] | None) -> float | None:
    """Return the step of times that rise evenly; None of others."""
    if seconds is None or len(seconds) < 2:
        return None
    step = (seconds[-1] - seconds[0]) / (len(seconds) - 1)
    even = step > 0 and all(abs(b - a - step) <= _EVEN * step + _TICK_S for a, b in pairwise(seconds))
    return float(f"{step:.7g}") if even else None


def _in_seconds(dimension: Dimension) -> list[float] | None:
    scale = _SECONDS.get(dimension.units)
    values = [v for v in dimension.values if isinstance(v, float | int)]
    return [v * scale for v in values] if scale and len(values) == len(dimension.values) else None


def _single_shot(series: SourceSeries) -> bool:
    said = {k: set(series.text(k).split("\\")) for k in (*_SINGLE_SHOT, "SequenceVariant")}
    return all(said[k] >= wanted for k, wanted in _SINGLE_SHOT.items()) and _SEGMENTED not in said["SequenceVariant"]


def starts_s(series: SourceSeries) -> list[float] | None:
    """Return when the first slice of each volume was acquired, in seconds after the first volume; None if not known."""
    moments = _moments(series)
    if moments is None:
        return None
    firsts = [min(volume) for volume in moments]
    return [round(first - firsts[0], 6) for first in firsts]


def slice_timing_s(series: SourceSeries) -> list[float] | None:
    """Return when each slice of a volume was acquired, in seconds after the first of them; None if not known.

    That is said only of slices that were acquired one by one, each within the repetition time, in all volumes alike.
    """
    moments, repetition = _moments(series), series.value("RepetitionTime")
    if moments is None or series.text("MRAcquisitionType") != "2D" or repetition in (None, ""):
        return None
    longest = float(repetition) * 1e-3
    timings = [[round(m - min(volume), 6) for m in volume] for volume in moments]
    first = timings[0]
    alike = all(abs(a - b) <= _EVEN * longest for t in timings for a, b in zip(t, first, strict=True))
    return first if alike and 0 < max(first) < longest else None


def _moments(series: SourceSeries) -> list[list[float]] | None:
    """Return when each slice of each volume was acquired, in seconds of whatever begin."""
    slices = series.geometry.shape[0]
    days, times = series.values("AcquisitionDate"), series.values("AcquisitionTime")
    found = [_moment(str(d or _DAY), str(t or "")) for d, t in zip(days, times, strict=True)]
    known = [m for m in found if m is not None]
    if len(known) < len(found):
        return None
    return [known[k : k + slices] for k in range(0, len(known), slices)]


def _moment(day: str, time: str) -> float | None:
    whole, _, rest = time.strip().partition(".")
    try:
        moment = datetime.strptime(day.strip() + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
        return (moment - datetime(1900, 1, 1)).total_seconds() + float(f"0.{rest or 0}")
    except ValueError:
        return None
