"""What a PET says of its times and counts, and cannot all be true: said, and stops nothing (PS3.3 C.8.9).

Volumes are told apart by what they say, whatever is counted; a contradiction matters to whoever computes with times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from derive.elements.element import tag_of
from derive.errors import SourceError
from derive.model.counted import (
    CLOCK_S,
    INJECTIONS,
    Counted,
    counted_of,
    half_life_s,
    injections_of,
    series_moment,
    tolerance_s,
)
from derive.model.decay import is_plausible, zero_of
from derive.model.dimension import tells_times
from derive.model.moments import moment_of
from derive.model.remark import Remark
from derive.model.source import SourceSeries
from derive.told.wording import counted as number_of

_TIMES, _COUNTS = "SRC-TIMES", "SRC-COUNTS"
#: How far a Decay Factor may be from what half-life and time say, as a share.
_SHARE = 0.02
_INJECTED = "RadiopharmaceuticalStartDateTime"
Said = tuple[str, list[Remark]]


def miscounted(source: SourceSeries, images: int) -> list[Said]:
    """Say of the files of a PET what contradicts what; nothing of any other.

    Parameters
    ----------
    source : SourceSeries
        Of which some volumes may have been taken.
    images : int
        How many images the series has in all.
    """
    said = source.table.constant.keys() | source.table.varying.keys()
    found: list[Said] = []
    if tag_of("DecayCorrection") in said:
        counted, life = counted_of(source), half_life_s(source)
        found += _start(source, counted, life)
        found += _durations(source, counted)
        found += _factors(source, counted, life)
        found += _injection(source, counted, life)
    if tag_of("SeriesType") in said:
        found += _counts(source, images)
        found += _indices(source)
    return found


def _of_all(source: SourceSeries, remark: Remark) -> Iterator[Said]:
    yield from ((name, [remark]) for name in dict.fromkeys(f.name for f in source.frames))


def _of_some(source: SourceSeries, frames: Sequence[int], remark: Remark) -> Iterator[Said]:
    yield from ((name, [remark]) for name in dict.fromkeys(source.frames[k].name for k in frames))


def _start(source: SourceSeries, counted: Counted, life: float | None) -> Iterator[Said]:
    """Series Time against Acquisition Time, and Frame Reference Time against both."""
    series = series_moment(source)
    if source.text("DecayCorrection") != "START" or series is None or counted.span is None:
        return
    late_s = (series - counted.span[0]).total_seconds()
    if late_s > CLOCK_S:
        text = f"is {late_s:.0f} s behind the first Acquisition Time, and not the start to which decay is corrected"
        yield from _of_all(source, Remark(_TIMES, "SeriesTime", f"{text}; {_told_by(source)}"))
        return
    off = {k: s for k in range(len(source.frames)) if (s := _off_s(counted, k, series)) > tolerance_s(life)}
    if off:
        text = f"is up to {max(off.values()):.0f} s from what Series Time, Acquisition Time and duration say"
        yield from _of_some(source, list(off), Remark(_TIMES, "FrameReferenceTime", text))


def _told_by(source: SourceSeries) -> str:
    try:
        return f"that is told by {zero_of(source).told_by}"
    except SourceError:
        return "nothing else tells that"


def _off_s(counted: Counted, frame: int, series: datetime) -> float:
    """Return how far Frame Reference Time is from the first half of its frame, s: it is counted to somewhere in it."""
    begin, duration, reference = counted.begins[frame], counted.durations_s[frame], counted.references_s[frame]
    if begin is None or reference is None:
        return 0.0
    within = reference - (begin - series).total_seconds()
    return max(-within, within - (duration or 0.0) / 2, 0.0)


def _durations(source: SourceSeries, counted: Counted) -> Iterator[Said]:
    """Frames that begin before those before them have ended; gates are of the same time."""
    if source.text("SeriesType").startswith("GATED") or not any(tells_times(d.keyword) for d in source.dimensions):
        return
    slices = source.geometry.shape[0]
    found: list[tuple[int, float]] = []
    for place in range(slices):
        column = [k for k in range(place, len(source.frames), slices) if counted.begins[k] is not None]
        column.sort(key=lambda k: (counted.begins[k], k))
        for k, later in pairwise(column):
            apart_s = (counted.begins[later] - counted.begins[k]).total_seconds()  # type: ignore[operator]  # as above
            over_s = (counted.durations_s[k] or 0.0) - apart_s
            if apart_s > 0 and over_s > CLOCK_S:
                found.append((k, over_s))
    if found:
        text = f"is up to {max(s for _, s in found):.0f} s longer than until the next frame begins"
        yield from _of_some(source, [k for k, _ in found], Remark(_TIMES, "ActualFrameDuration", text))


def _factors(source: SourceSeries, counted: Counted, life: float | None) -> Iterator[Said]:
    """Decay Factor against half-life and time.

    Some scanners count decay within a frame to it and others do not; with ADMIN some leave out what was before.
    """
    try:
        zero = zero_of(source)
    except SourceError:
        return
    if zero.correction == "NONE" or life is None:
        return
    off: dict[int, float] = {}
    for k, factor in enumerate(source.values("DecayFactor")):
        begin, rate = counted.begins[k], math.log(2) / life
        if factor in (None, "") or begin is None:
            continue
        decays = rate * (counted.durations_s[k] or 0.0)
        before = math.exp(min(rate * (begin - zero.moments[k]).total_seconds(), 100.0))
        within = decays / -math.expm1(-decays) if decays > 1e-9 else 1.0
        wanted = [before, before * within, *([within, 1.0] if zero.correction == "ADMIN" else [])]
        shares = [abs(float(factor) / w - 1) for w in wanted]
        if min(shares) > _SHARE:
            off[k] = min(shares)
    if off:
        text = f"is up to {100 * max(off.values()):.3g} % from what half-life, time and Decay Correction say"
        yield from _of_some(source, list(off), Remark(_TIMES, "DecayFactor", text))


def _injection(source: SourceSeries, counted: Counted, life: float | None) -> Iterator[Said]:
    injections = injections_of(source)
    if len(injections) != 1 or counted.span is None:
        return
    said = moment_of(injections[0].text(_INJECTED), source.text("TimezoneOffsetFromUTC"))
    if said is None or is_plausible(said, counted.span, life):
        return
    late = said > counted.span[1]
    text = "is behind the end of the scan" if late else "is so long before the scan that nothing would be left"
    yield from _of_all(source, Remark(_TIMES, f"{INJECTIONS}>{_INJECTED}", f"{text}, and is not used"))


def _counts(source: SourceSeries, images: int) -> Iterator[Said]:
    """What is counted against what is there, of the whole series."""
    kind = source.text("SeriesType").partition("\\")[0]
    each = ["NumberOfSlices", {"DYNAMIC": "NumberOfTimeSlices", "GATED": "NumberOfTimeSlots"}.get(kind, "")]
    each += ["NumberOfRRIntervals"] if kind == "GATED" else []
    numbers = {k: source.value(k) for k in each if k}
    product = math.prod(int(n) for n in numbers.values() if n)
    if numbers.get("NumberOfSlices") and product != images:
        text = f"{'times ' if len(numbers) > 1 else ''}{' times '.join(list(numbers)[1:])}".strip()
        text = f"{text} makes {number_of(product, 'image')}, and there are {images}".strip()
        yield from _of_all(source, Remark(_COUNTS, "NumberOfSlices", text))
    whole = len(source.frames) == images
    volumes = len(source.frames) // source.geometry.shape[0]
    timed = any(tells_times(d.keyword) for d in source.dimensions)
    if whole and kind in ("DYNAMIC", "GATED") and volumes == 1:
        yield from _of_all(source, Remark(_COUNTS, "SeriesType", f"is {kind}, and there is one time"))
    if whole and kind == "STATIC" and volumes > 1 and timed:
        yield from _of_all(source, Remark(_COUNTS, "SeriesType", f"is STATIC, and there are {volumes} times"))


def _indices(source: SourceSeries) -> Iterator[Said]:
    """Image Index: it counts slice by slice, time by time, up or down (C.8.9.4.1.9)."""
    slices, said = source.geometry.shape[0], source.values("ImageIndex")
    if None in said or "" in said:
        return
    volumes = [[int(n) for n in said[k : k + slices]] for k in range(0, len(said), slices)]
    text = ""
    if len(set(said)) < len(said):
        text = "is the same in several images"
    elif any(v not in (sorted(v), sorted(v, reverse=True)) for v in volumes):
        text = "does not count along the slices"
    elif any(max(v) - min(v) >= slices for v in volumes) and len(volumes) > 1:
        text = "mixes the volumes that times and gates tell apart"
    if text:
        yield from _of_all(source, Remark(_COUNTS, "ImageIndex", f"{text}; slices are sorted by position"))
