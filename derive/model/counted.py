"""When the events of each frame of a PET were counted, and from which moment its times are (C.8.9.4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from derive.elements.element import tag_of
from derive.elements.encoding import numbers_of, text_of
from derive.elements.instance import Instance
from derive.model.moments import date_told, moment_at
from derive.model.source import Attributes

INJECTIONS = "RadiopharmaceuticalInformationSequence"
#: Times that differ by less are one: many are written in whole seconds.
CLOCK_S = 1.5
#: So much may values be off by a time that is not quite right: what is about noise, and calibration, in a PET.
SHARE = 0.01
#: No scan is longer; numbers beyond it are no times.
_LONGEST_S = 1e7
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Counted:
    """When the events of each frame were counted.

    Parameters
    ----------
    begins : tuple of datetime or None
        Acquisition Date and Time; a date that is not there is that of the series, or of the day behind it.
    durations_s : tuple of float or None
        Actual Frame Duration.
    references_s : tuple of float or None
        Frame Reference Time.
    """

    begins: tuple[datetime | None, ...]
    durations_s: tuple[float | None, ...]
    references_s: tuple[float | None, ...]

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """When the first frame began, and the last ended; None where no frame says when it began."""
        known = [(b, b + timedelta(seconds=d or 0)) for b, d in zip(self.begins, self.durations_s, strict=True) if b]
        return (min(b for b, _ in known), max(e for _, e in known)) if known else None


def counted_of(source: Attributes) -> Counted:
    """Return when the events of each frame were counted, as far as the source says it."""
    series = series_moment(source)
    dates, times = _texts(source, "AcquisitionDate"), _texts(source, "AcquisitionTime")
    begins = tuple(
        moment_at(d, t) if d else _near(series, t) if series else None for d, t in zip(dates, times, strict=True)
    )
    durations, references = (_numbers(source, k) for k in ("ActualFrameDuration", "FrameReferenceTime"))
    return Counted(begins, _seconds(durations), _seconds(references))


def series_moment(source: Attributes) -> datetime | None:
    """Return Series Date and Time; None where images do not agree on them, or do not say them."""
    return moment_at(agreed_text(source, "SeriesDate"), agreed_text(source, "SeriesTime"))


def half_life_s(source: Attributes) -> float | None:
    """Return Radionuclide Half Life; None where it is not said, or that of several."""
    injections = injections_of(source)
    found = injections[0].number("RadionuclideHalfLife") if len(injections) == 1 else None
    return found if found is not None and found > 0 else None


def injections_of(source: Attributes) -> tuple[Instance, ...]:
    """Return the items of Radiopharmaceutical Information Sequence; none where images differ in it."""
    element = source.agreement(tag_of(INJECTIONS)).element
    return Instance("an image", {element.tag: element} if element else {}, strict=False).items(INJECTIONS)


def of_mean_activity_s(duration_s: float, life_s: float) -> float:
    """Return when within a frame the activity is that of its mean, seconds behind its begin.

    >>> round(of_mean_activity_s(600, 6586.2), 2), round(of_mean_activity_s(600, 76.4), 2)
    (298.42, 187.24)
    """
    decays = math.log(2) / life_s * duration_s
    if decays < 1e-6:
        return duration_s / 2
    return duration_s / decays * math.log(decays / -math.expm1(-decays))


def tolerance_s(life_s: float | None) -> float:
    """Return how far two times may be apart and still mean one: by what makes no difference to values."""
    return max(CLOCK_S, SHARE / math.log(2) * life_s) if life_s else CLOCK_S


def implied_starts(counted: Counted, life_s: float | None) -> dict[str, tuple[datetime, ...]]:
    """Return from which moment Frame Reference Times are counted, as each frame has it, by what they are counted to.

    Parameters
    ----------
    counted : Counted
    life_s : float, optional

    Returns
    -------
    mapping text -> tuple of datetime
        Of those frames that say all of it; empty where none does. Its keys: ``mean activity``, ``middle``, ``begin``.
    """
    rows = [
        (b, d, r)
        for b, d, r in zip(counted.begins, counted.durations_s, counted.references_s, strict=True)
        if b is not None and d is not None and r is not None
    ]
    if not rows:
        return {}
    after = {name: [within(d, life_s) for _, d, _ in rows] for name, within in _COUNTED_TO.items()}
    return {
        name: tuple(b + timedelta(seconds=s - r) for (b, _, r), s in zip(rows, seconds, strict=True))
        for name, seconds in after.items()
    }


def within_s(duration_s: float, life_s: float | None) -> float:
    """Return when within a frame the activity is that of its mean; of an unknown tracer its middle."""
    return of_mean_activity_s(duration_s, life_s) if life_s else duration_s / 2


#: When within a frame its Frame Reference Time is, seconds behind its begin: what the standard asks first.
_COUNTED_TO: Mapping[str, Callable[[float, float | None], float]] = {
    "mean activity": within_s,
    "middle": lambda duration_s, _: duration_s / 2,
    "begin": lambda duration_s, _: 0.0,
}


def _near(series: datetime, time: str) -> datetime | None:
    """Return a time without a day as that which is nearest the time of the series."""
    said = moment_at(date_told(series), time)
    return min((said - _DAY, said, said + _DAY), key=lambda m: abs(m - series)) if said else None


def agreed_text(source: Attributes, keyword: str) -> str:
    """Return the text on which all images agree; empty without."""
    element = source.agreement(tag_of(keyword)).element
    return text_of(element) if element is not None else ""


def _texts(source: Attributes, keyword: str) -> list[str]:
    return [text_of(e) if e is not None else "" for e in source.table.column(tag_of(keyword))]


def _numbers(source: Attributes, keyword: str) -> list[float | None]:
    found = [numbers_of(e) if e is not None else [] for e in source.table.column(tag_of(keyword))]
    return [n[0] if n and math.isfinite(n[0]) else None for n in found]


def _seconds(ms: Sequence[float | None]) -> tuple[float | None, ...]:
    return tuple(None if v is None or abs(v) > 1000 * _LONGEST_S else v / 1000 for v in ms)
