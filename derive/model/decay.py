"""The zero of decay: to which moment the values of a PET are decay corrected, and what was injected when (C.8.9.1-2).

::

    Decay Correction ─▶ START   the start of the acquisition: Series Date and Time, unless images began before it
                     ─▶ ADMIN   the injection
                     ─▶ NONE    each frame's own: when its events were counted

*2026-12-01.* Series Date and Time are the start of the acquisition while a scanner writes them. Where a series was made
later of the same data, they are when that was, and lie behind the acquisition of its own images: then the private scan
time of GE counts (read as Decay Correction DateTime, which is what it is), else what all images say together by
Acquisition Time and Frame Reference Time. Frame Reference Time is counted to the time of the mean activity of a frame
by some scanners, to its middle or its begin by others; whichever makes all images say one moment is that of the source.

A time of injection without a day is of the day of the acquisition or, over midnight, of the day before. What decays so
slowly that patients come back on another day has no such guess, and a guess at which little would be left is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from derive.elements.instance import Instance
from derive.errors import SourceError
from derive.model.counted import (
    CLOCK_S,
    INJECTIONS,
    Counted,
    agreed_text,
    counted_of,
    half_life_s,
    implied_starts,
    injections_of,
    series_moment,
    tolerance_s,
    within_s,
)
from derive.model.moments import date_told, moment_at, moment_of
from derive.model.source import Attributes
from derive.told.wording import flag

#: Whoever got something that decays more slowly may be scanned on another day: no day follows from a time.
_LONGEST_OF_A_DAY_S = 6 * 3600.0
#: Nobody scans after so many half-lives: one in 256 is left.
MOST_HALF_LIVES = 8.0
#: Less than this many becquerels shows nothing in any scanner: a dose in MBq was written as one in Bq.
_LEAST_BQ = 1e4
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Zero:
    """To which moment values are decay corrected.

    Parameters
    ----------
    correction : str
        Decay Correction (0054,1102): ``START``, ``ADMIN``, ``NONE``.
    moments : tuple of datetime
        Of each frame of the source, on the clock of the place; one for all of them unless nothing was corrected.
    told_by : str
        Which attributes say it.
    """

    correction: str
    moments: tuple[datetime, ...]
    told_by: str

    @property
    def moment(self) -> datetime:
        """The moment of all frames; the earliest where each has its own."""
        return min(self.moments)


@dataclass(frozen=True)
class Decay:
    """What a PET says of the decay of its tracer.

    Parameters
    ----------
    zero : Zero
        To which moment values are corrected.
    injected : datetime
        On the clock of the place.
    half_life_s : float
    total_dose_bq : float
        Activity at the time of injection.
    injected_by : str
        Which attribute says when it was injected.
    """

    zero: Zero
    injected: datetime
    half_life_s: float
    total_dose_bq: float
    injected_by: str

    @property
    def correction(self) -> str:
        """Decay Correction (0054,1102)."""
        return self.zero.correction

    def dose_bq(self, frame: int = 0) -> float:
        """Return what is left of the dose at the moment to which the values of a frame are corrected.

        An injection behind that moment, as of dynamic scans that begin before it, has decayed less than not at all.
        """
        passed_s = (self.zero.moments[frame] - self.injected).total_seconds()
        return self.total_dose_bq * math.exp(-math.log(2) * passed_s / self.half_life_s)


def zero_of(source: Attributes) -> Zero:
    """Return the moment to which the values of each frame are decay corrected (C.8.9.1.1.5).

    Raises
    ------
    SourceError
        ``SRC-DECAY`` where the source does not say it, or contradicts itself.
    """
    correction = agreed_text(source, "DecayCorrection")
    count = source.table.count
    if correction == "START":
        moment, by = _start(source)
        return Zero(correction, (moment,) * count, by)
    if correction == "ADMIN":
        moment, by = _injection(source)
        return Zero(correction, (moment,) * count, by)
    if correction == "NONE":
        return Zero(correction, *_own(source))
    said = f"Decay Correction (0054,1102) is {'not said' if not correction else 'no term of C.8.9.1'}"
    start = flag("assume", "DecayCorrection='START'")
    raise _unknown(f"{said}: {start} if values are corrected to the start of the acquisition")


def decay_of(source: Attributes) -> Decay:
    """Return what a PET says of the decay of its tracer: all that a standardized uptake value needs but the patient.

    Raises
    ------
    SourceError
        ``SRC-DECAY`` names the attribute that is missing, or contradicts another, and what helps.
    """
    zero = zero_of(source)
    injection = _one_injection(source)
    life = half_life_s(source)
    if life is None:
        raise _nested("Radionuclide Half Life (0018,1075)", "RadionuclideHalfLife", "SECONDS")
    dose = injection.number("RadionuclideTotalDose")
    if dose is None or dose <= 0:
        raise _nested("Radionuclide Total Dose (0018,1074)", "RadionuclideTotalDose", "BECQUEREL")
    if dose < _LEAST_BQ:
        raise _nested(
            "Radionuclide Total Dose (0018,1074)",
            "RadionuclideTotalDose",
            "BECQUEREL",
            f"is {dose:g} Bq, with which no PET is made; it may be in MBq",
        )
    return Decay(zero, *_injection(source)[:1], life, dose, _injection(source)[1])


def _start(source: Attributes) -> tuple[datetime, str]:
    """Return the start of the acquisition, and what says it."""
    corrected = moment_of(agreed_text(source, "DecayCorrectionDateTime"), agreed_text(source, "TimezoneOffsetFromUTC"))
    if corrected is not None:
        return corrected, "DecayCorrectionDateTime"
    series, counted = series_moment(source), counted_of(source)
    if series is None:
        raise _unknown(
            "Series Date (0008,0021) and Series Time (0008,0031), from which decay is counted, are not said by all "
            f"images alike: {flag('assume', 'SeriesTime=HHMMSS')} where they are missing"
        )
    if counted.span is None or (series - counted.span[0]).total_seconds() <= CLOCK_S:
        return series, "SeriesTime"
    return _before_series(source, counted, series), "AcquisitionTime, FrameReferenceTime"


def _before_series(source: Attributes, counted: Counted, series: datetime) -> datetime:
    """Return the start of an acquisition that began before the time of its series."""
    assert counted.span is not None
    first, life = counted.span[0], half_life_s(source)
    starts = {
        name: moments
        for name, moments in implied_starts(counted, life).items()
        if (max(moments) - min(moments)).total_seconds() <= tolerance_s(life)
        and (min(moments) - first).total_seconds() <= CLOCK_S
    }
    if not starts:
        late_s = (series - first).total_seconds()
        raise _unknown(
            f"Series Time (0008,0031) is {late_s:.0f} s behind the first Acquisition Time (0008,0032), so that it is "
            "not the start of the acquisition, and Frame Reference Time (0054,1300) does not tell it: images say "
            f"different ones. Set the true one: derive correct {flag('set', 'SeriesTime=HHMMSS')}"
        )
    if any(abs((min(m) - first).total_seconds()) <= CLOCK_S for m in starts.values()):
        return first
    return min(next(iter(starts.values())))


def _own(source: Attributes) -> tuple[tuple[datetime, ...], str]:
    """Return when the events of each frame were counted: at the time of its mean activity."""
    counted, life, series = counted_of(source), half_life_s(source), series_moment(source)
    found: list[datetime | None] = []
    for begin, duration, reference in zip(counted.begins, counted.durations_s, counted.references_s, strict=True):
        if begin is not None and duration is not None:
            found.append(begin + timedelta(seconds=within_s(duration, life)))
        else:
            found.append(series + timedelta(seconds=reference) if series and reference is not None else None)
    known = tuple(moment for moment in found if moment is not None)
    if len(known) < len(found):
        raise _unknown(
            "values are not decay corrected, and Acquisition Time (0008,0032) and Actual Frame Duration (0018,1242) do "
            f"not say of each image when it was counted: {flag('assume', 'ActualFrameDuration=MS')}"
        )
    return known, "AcquisitionTime, ActualFrameDuration"


def _injection(source: Attributes) -> tuple[datetime, str]:
    """Return when the tracer was injected, and what says it."""
    injection, zone = _one_injection(source), agreed_text(source, "TimezoneOffsetFromUTC")
    whole, time = (injection.text(f"RadiopharmaceuticalStart{k}") for k in ("DateTime", "Time"))
    counted, series, life = counted_of(source), series_moment(source), half_life_s(source)
    span = counted.span or ((series, series) if series else None)
    said = moment_of(whole, zone)
    if said is not None and (span is None or is_plausible(said, span, life)):
        return said, "RadiopharmaceuticalStartDateTime"
    if span is None or not (time or said):
        raise _nested(
            "Radiopharmaceutical Start DateTime (0018,1078), or Start Time (0018,1072),",
            "RadiopharmaceuticalStartDateTime",
            "YYYYMMDDHHMMSS",
        )
    clock = moment_at(date_told(span[0]), time)
    if clock is None or (said is not None and abs((clock - said).total_seconds()) % 86400 > 60):
        what = "is behind the scan, or long before it" if said else "is no time"
        raise _when(what)
    if life is None or life > _LONGEST_OF_A_DAY_S:
        raise _when("has no day that can be true, and of a tracer that decays slowly the scan may be days later")
    found = max(day for day in (clock - _DAY, clock, clock + _DAY) if day <= span[1])
    if not is_plausible(found, span, life):
        raise _when("is behind the scan, and a day before it nothing would be left of the dose")
    return found, "RadiopharmaceuticalStartTime"


def is_plausible(injected: datetime, span: tuple[datetime, datetime], life_s: float | None) -> bool:
    """Whether a scan can be of what was injected then: not behind its end, and not when all had decayed."""
    before_s = (span[0] - injected).total_seconds()
    return injected <= span[1] and (life_s is None or before_s <= MOST_HALF_LIVES * life_s)


def _one_injection(source: Attributes) -> Instance:
    found = injections_of(source)
    if len(found) != 1:
        said = f"{len(found)} radiopharmaceuticals" if found else "no radiopharmaceutical on which all images agree"
        raise _unknown(
            f"Radiopharmaceutical Information Sequence (0054,0016) has {said}; wanted one. Have it mended: "
            "derive correct"
        )
    return found[0]


def _when(what: str) -> SourceError:
    return _nested(
        "Radiopharmaceutical Start Time (0018,1072)", "RadiopharmaceuticalStartDateTime", "YYYYMMDDHHMMSS", what
    )


def _nested(attribute: str, keyword: str, wanted: str, what: str = "is not said") -> SourceError:
    path = f"{INJECTIONS}[0].{keyword}={wanted}"
    return _unknown(f"{attribute} {what}. Have it mended: derive correct {flag('set', path)}")


def _unknown(what: str) -> SourceError:
    return SourceError("SRC-DECAY", f"the decay of the tracer cannot be told: {what}")
