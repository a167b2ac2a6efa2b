"""How many days the dates of an object are moved, and a date that is moved."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from derive.deidentification.keys import KeyedSecrets
from derive.deidentification.subjects import patient_of
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
#: A day, and what else a DA or a DT says after it; ACR-NEMA wrote full stops between its parts (PS3.5 6.2).
_DATE = re.compile(r"(\d{4})(\.?)(\d{2})\2(\d{2})(.*)")
#: A DT of less than a day's precision.
_PARTIAL = re.compile(r"(\d{4})(\d{2})?([+-]\d{4})?")


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

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise UsageError("DEID-DATES", f"there is no scope {self.scope!r}; there are {', '.join(SCOPES)}")
        if self.first > self.last or self.first == self.last == 0:
            raise UsageError("DEID-DATES", f"{self.first}..{self.last} days move no date; wanted as -365..-1")

    def days(self, instance: Instance) -> int:
        """Return the shift of the patient, study, series or instance that an object is of."""
        holds_zero = self.first <= 0 <= self.last
        count = self.last - self.first + 1 - holds_zero
        digest = self.secrets.digest(f"dates of a {self.scope}", SCOPES[self.scope](instance).encode())
        days = self.first + int.from_bytes(digest[:8], "big") % count
        return days + 1 if holds_zero and days >= 0 else days


def shifted(text: str, days: int) -> str | None:
    """Return a DA or DT moved by whole days, its time and offset as they were; None for what is no date.

    Examples
    --------
    >>> shifted("20240301", -1), shifted("20240301120000.5+0100", 366), shifted("soon", 1)
    ('20240229', '20250302120000.5+0100', None)
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return _partly_shifted(text.strip(), days)
    year, between, month, day, rest = match.groups()
    moved = _moved(int(year), int(month), int(day), days)
    return None if moved is None else moved.strftime(f"%Y{between}%m{between}%d").zfill(8) + rest


def _partly_shifted(text: str, days: int) -> str | None:
    """A year, or a year and a month: as the first of its days is moved."""
    match = _PARTIAL.fullmatch(text)
    if match is None:
        return None
    year, month, offset = match.groups()
    moved = _moved(int(year), int(month or 1), 1, days)
    return None if moved is None else f"{moved.year:04d}{f'{moved.month:02d}' if month else ''}{offset or ''}"


def _moved(year: int, month: int, day: int, days: int) -> date | None:
    try:
        return date(year, month, day) + timedelta(days)
    except (ValueError, OverflowError):
        return None
