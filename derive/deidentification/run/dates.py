"""How many days the dates of an object are moved, and a date that is moved.

One shift for all that is of a patient keeps every interval between two dates (PS3.15 E.3.6: modified dates); a scope
of study, series or instance does not, and the option may then not be claimed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache

from derive.deidentification.run.keys import KeyedSecrets
from derive.deidentification.run.subjects import patient_of
from derive.elements.instance import Instance
from derive.errors import UsageError

SCOPES: dict[str, Callable[[Instance], str]] = {
    "patient": patient_of,
    "study": lambda instance: instance.lenient.text("StudyInstanceUID"),
    "series": lambda instance: instance.lenient.text("SeriesInstanceUID"),
    "instance": lambda instance: instance.lenient.text("SOPInstanceUID"),
}
#: Days by which dates are moved where nobody says other: back, so that none is in the future.
FIRST_DAYS, LAST_DAYS = -365, -1
#: More days are a slip of the pen.
_MOST_DAYS = 36_525
#: Shifts are remembered of so many patients (studies, series, instances).
_MOST_KEPT = 4096
#: What Microsoft moves at most where nothing is said, either way.
MICROSOFT_DAYS = 50
_RANGE = re.compile(r"([+-]?\d{1,6})(?:\.\.([+-]?\d{1,6}))?")
#: A day, and what else a DA or a DT says after it. ACR-NEMA parted its numbers by full stops (PS3.5 6.2), and others
#: write what ISO 8601 has: such a day can be told, and moves to one that is written as it should be.
_DATE = re.compile(r"(\d{4})([-./]?)(\d{2})\2(\d{2})((?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?)", re.ASCII)
#: A time of the day: hours, minutes, seconds and parts of them.
_TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(\.\d{1,6})?)?)?", re.ASCII)
#: A DT of less than a day's precision.
_PARTIAL = re.compile(r"(\d{4})(\d{2})?([+-]\d{4})?", re.ASCII)


def days_told(text: str) -> tuple[int, int]:
    """Return the first and the last day of a range as it is given: ``-365..-1``, or ``-30`` for one shift for all.

    Raises
    ------
    UsageError
        ``DEID-DATES`` for what is no range, or moves nothing.

    Examples
    --------
    >>> days_told("-365..-1"), days_told("-30")
    ((-365, -1), (-30, -30))
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise UsageError("DEID-DATES", f"{text!r} is no range of days; wanted as -365..-1, or one number")
    first, last = int(match[1]), int(match[2] or match[1])
    return checked_days(first, last)


def checked_days(first: int, last: int) -> tuple[int, int]:
    """Return a range of days that moves dates.

    Raises
    ------
    UsageError
        ``DEID-DATES``.
    """
    if first > last or first == last == 0:
        raise UsageError("DEID-DATES", f"{first}..{last} days move no date; wanted as -365..-1")
    if max(abs(first), abs(last)) > _MOST_DAYS:
        raise UsageError("DEID-DATES", f"{first}..{last} days are more than a hundred years")
    return first, last


@dataclass(frozen=True)
class KeyedShifts:
    """One shift for all objects of one patient (study, series, instance), by the key.

    Parameters
    ----------
    secrets : KeyedSecrets
    scope : str
        One of :data:`SCOPES`.
    first, last : int
        The range of the shift in days; no day is ever left where it was.

    Raises
    ------
    UsageError
        ``DEID-DATES`` for a range without a day that moves anything, or a scope that there is not.
    """

    secrets: KeyedSecrets
    scope: str = "patient"
    first: int = FIRST_DAYS
    last: int = LAST_DAYS
    _known: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise UsageError("DEID-DATES", f"there is no scope {self.scope!r}; there are {', '.join(SCOPES)}")
        checked_days(self.first, self.last)

    @property
    def keeps_intervals(self) -> bool:
        """Whether all intervals between dates of a patient stay: only then are they modified dates (113107)."""
        return self.scope == "patient" or self.first == self.last

    def days(self, instance: Instance) -> int:
        """Return the shift of the patient, study, series or instance that an object is of."""
        if self.first == self.last:
            return self.first
        entity = SCOPES[self.scope](instance)
        days = self._known.get(entity)
        if days is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            days = self._known[entity] = self._days_of(entity)
        return days

    def _days_of(self, entity: str) -> int:
        holds_zero = self.first <= 0 <= self.last
        number = self.secrets.number(f"dates of a {self.scope}", entity.encode())
        days = self.first + number % (self.last - self.first + 1 - holds_zero)
        return days + 1 if holds_zero and days >= 0 else days

    def microsoft_days(self, instance: Instance) -> int:
        """Return the shift that Microsoft's function gives to the same, up to as many days as the range has."""
        most = max(abs(self.first), abs(self.last))
        return self.secrets.microsoft_days(SCOPES[self.scope](instance), most)

    def with_settings(self, scope: str = "", days: tuple[int, int] | None = None) -> KeyedShifts:
        """Return shifts of another scope or range, by the same key."""
        first, last = days or (self.first, self.last)
        return _with_settings(self, scope or self.scope, first, last)


@lru_cache(maxsize=8192)
def shifted(text: str, days: int) -> str | None:
    """Return a DA or DT moved by whole days, its time and offset as they were; None for what is no date.

    A year, or a year and a month, moves as its first day does: by about as much.

    Examples
    --------
    >>> shifted("20240301", -1), shifted("20240301120000.5+0100", 366), shifted("soon", 1)
    ('20240229', '20250302120000.5+0100', None)
    >>> shifted("202403", -40), shifted("2024", -40)
    ('202401', '2023')
    >>> shifted("1995.05.30", 2)
    '19950601'
    """
    match = _DATE.fullmatch(text.strip())
    if match is not None:
        year, _, month, day, rest = match.groups()
        moved = _moved(int(year), int(month), int(day), days)
        return None if moved is None else f"{moved.year:04d}{moved.month:02d}{moved.day:02d}{rest}"
    match = _PARTIAL.fullmatch(text.strip())
    if match is None:
        return None
    year, month, offset = match.groups()
    moved = _moved(int(year), int(month or 1), 1, days)
    return None if moved is None else f"{moved.year:04d}{f'{moved.month:02d}' if month else ''}{offset or ''}"


@lru_cache(maxsize=8192)
def time_of_day(text: str) -> str | None:
    """Return a TM as it should be written, which ACR-NEMA parted by colons; None for what is no time.

    Examples
    --------
    >>> time_of_day("093000.5"), time_of_day("09:30"), time_of_day("noon")
    ('093000.5', '0930', None)
    """
    match = _TIME.fullmatch(text.strip())
    return None if match is None else "".join(filter(None, match.groups()))


def _moved(year: int, month: int, day: int, days: int) -> date | None:
    try:
        return date(year, month, day) + timedelta(days)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=64)
def _with_settings(shifts: KeyedShifts, scope: str, first: int, last: int) -> KeyedShifts:
    return replace(shifts, scope=scope, first=first, last=last)
