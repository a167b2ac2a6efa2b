"""What studies and series are asked for by: the words of people, made keys of a query (PS3.4 C.2.2.2)."""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal, TypeAlias

from derive.errors import UsageError

Level: TypeAlias = Literal["study", "series"]
LEVELS: tuple[Level, ...] = ("study", "series")

#: As many rows are given where nobody says how many.
LIMIT = 500
#: Each word, the attribute that it is of a study, and of a series; empty where a study has no such attribute.
FILTERS: Mapping[str, tuple[str, str]] = {
    "study_uid": ("StudyInstanceUID", "StudyInstanceUID"),
    "series_uid": ("", "SeriesInstanceUID"),
    "accession": ("AccessionNumber", "AccessionNumber"),
    "patient_id": ("PatientID", "PatientID"),
    "patient_name": ("PatientName", "PatientName"),
    "date": ("StudyDate", "StudyDate"),
    "modality": ("ModalitiesInStudy", "Modality"),
    "description": ("StudyDescription", "SeriesDescription"),
    "study_description": ("StudyDescription", "StudyDescription"),
    "series_description": ("", "SeriesDescription"),
}
_DATE = re.compile(r"(\d{4})(?:[-./]?(\d\d)(?:[-./]?(\d\d))?)?")
_FORMS = (
    "wanted 20260131, 2026-01-31, 2026-01, 2026, today, yesterday, or a range: 20260101-20260131, 20260101-, -20260131"
)


def level_of(filters: Mapping[str, str]) -> Level:
    """Return at which level people ask who say no level: of one study, and of what series alone have, for series."""
    series = any(value and (name == "study_uid" or not FILTERS[name][0]) for name, value in known(filters).items())
    return "series" if series else "study"


def known(filters: Mapping[str, str]) -> Mapping[str, str]:
    """Return filters that are all known.

    Raises
    ------
    UsageError
        ``OPT-UNKNOWN``.
    """
    for name in filters:
        if name not in FILTERS:
            near = difflib.get_close_matches(name, FILTERS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError("OPT-UNKNOWN", f"there is no filter {name}{hint}; there are {', '.join(FILTERS)}")
    return filters


def keys_of(filters: Mapping[str, str], level: Level) -> dict[str, str]:
    """Return the keys of a query, values by keyword.

    Raises
    ------
    UsageError
        ``OPT-UNKNOWN`` for a filter that does not exist; ``NET-FILTER`` for one that the level does not have, and for
        what is no date.

    Examples
    --------
    >>> keys_of({"date": "2026-01", "modality": "CT"}, "study")
    {'StudyDate': '20260101-20260131', 'ModalitiesInStudy': 'CT'}
    """
    keys: dict[str, str] = {}
    for name, value in known(filters).items():
        if not value:
            continue
        keyword = FILTERS[name][LEVELS.index(level)]
        if not keyword:
            raise UsageError("NET-FILTER", f"{name} is of a series, and studies are asked for; say level series")
        if keyword in keys:
            raise UsageError("NET-FILTER", f"{name} and another filter both mean {keyword} at level {level}")
        keys[keyword] = date_range(value) if name == "date" else value.upper() if name == "modality" else value
    return keys


def date_range(text: str, today: date | None = None) -> str:
    """Return a date, or a range of dates, as a key of a query has it (PS3.4 C.2.2.2.5).

    Parameters
    ----------
    text : str
        Dates as DICOM or ISO 8601 have them, whole months and years, ``today``, ``yesterday``; a range between a
        hyphen, ``..`` or ``/``, with both ends or one.
    today : date, optional

    Raises
    ------
    UsageError
        ``NET-FILTER`` for what is none.

    Examples
    --------
    >>> date_range("2026-01-31"), date_range("2025..2026-02"), date_range("20260101-")
    ('20260131', '20250101-20260228', '20260101-')
    """
    plain = text.strip().lower()
    for low, high in _splits(plain):
        ends = [_ends(part, today or date.today()) if part else ("", "") for part in (low, high)]
        if all(end is not None for end in ends) and (low or high):
            (first, _), (_, last) = (end or ("", "") for end in ends)
            if first and last and first > last:
                raise UsageError("NET-FILTER", f"the range of dates ends before it begins; {_FORMS}")
            return first if first == last else f"{first}-{last}"
    raise UsageError("NET-FILTER", f"this is no date; {_FORMS}")


def _splits(text: str) -> list[tuple[str, str]]:
    """Give the ways in which a text may be a range; first that it is none."""
    splits = [(text, text)]
    for separator in ("..", "/", "-"):
        at = text.find(separator)
        while at >= 0:
            splits.append((text[:at].strip(), text[at + len(separator) :].strip()))
            at = text.find(separator, at + 1)
    return splits


def _ends(text: str, today: date) -> tuple[str, str] | None:
    """Return the first and the last day of what a text names; None for what is no date."""
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    if text in days:
        return (f"{days[text]:%Y%m%d}",) * 2
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(g) if g else None for g in found.groups())
    assert year is not None, "the year is not optional"
    try:
        first = date(year, month or 1, day or 1)
        last_month = month or 12
        last = date(year, last_month, day or calendar.monthrange(year, last_month)[1])
    except ValueError:
        return None
    return f"{first:%Y%m%d}", f"{last:%Y%m%d}"
