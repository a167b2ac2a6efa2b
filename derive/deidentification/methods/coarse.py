"""Generalize: a value that says less. Dates of a year or a month, ages of a band of years; nobody is older than 89."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.dummy import unreadable
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element, texts_of
from derive.elements.element import Element
from derive.errors import UsageError

#: Ages above are few, and are not told (45 CFR 164.514(b)(2)(i)(C)).
OLDEST = 89
PRECISIONS = ("year", "month")
_BAND_YEARS = 5
_AGE = re.compile(r"(\d{3})([DWMY])", re.ASCII)
#: How many of a unit are a year.
_OF_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_DAY = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})[\d.]*)?)?([+-]\d{4})?", re.ASCII)


def _checked(settings: Mapping[str, object]) -> None:
    if settings.get("to", PRECISIONS[0]) not in PRECISIONS:
        raise UsageError("DEID-SETTING", f"'to' is one of {', '.join(PRECISIONS)}")
    years = settings.get("years", _BAND_YEARS)
    if not isinstance(years, int) or not 1 <= years <= OLDEST:
        raise UsageError("DEID-SETTING", f"'years' of a band of ages are 1 to {OLDEST}")


@method("generalize", "AS", "DA", "DT", check=_checked, to=str, years=int)
def generalize(element: Element, here: Here) -> Element | None:
    """Let it say less: the first of the year or (``to``) the month; the beginning of a band of so many ``years``.

    Ages over 89 years become 90, and dates of more than 89 years ago go. What cannot be read may say anything, and
    goes too.
    """
    if not element.stripped():
        return element
    if element.vr == "AS":
        years = here.settings.get("years", _BAND_YEARS)
        coarse = [_band(text, years if isinstance(years, int) else _BAND_YEARS) for text in texts_of(element, ())]
    else:
        month = here.settings.get("to") == "month"
        coarse = [_first(text, element.vr, month=month) for text in texts_of(element, ())]
    return text_element(element, coarse, ()) if all(coarse) else unreadable(element, here)


def _band(text: str, years: int) -> str:
    match = _AGE.fullmatch(text)
    if match is None:
        return ""
    age = int(int(match[1]) / _OF_A_YEAR[match[2]])
    return f"{OLDEST + 1:03d}Y" if age > OLDEST else f"{age // years * years:03d}Y"


def _first(text: str, vr: str, *, month: bool) -> str:
    match = _DAY.fullmatch(text.replace(".", "", 2) if vr == "DA" else text)
    if match is None or is_long_ago("".join(filter(None, match.groups()[:3]))):
        return ""
    said = match[1] + ((match[2] or "") if month else "")
    if vr == "DT":
        return said
    return said + ("0101" if len(said) == 4 else "01")  # a DA is always of a day


def is_long_ago(text: str) -> bool:
    """Whether who was born on a day (YYYYMMDD) is older than 89 years today; and so for what is no day."""
    try:
        day = date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1))
    except ValueError:
        return True
    today = date.today()
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day)) > OLDEST


def year_kept(text: str, vr: str) -> str:
    """Return the first day of the year of a DA or DT, as Microsoft writes it; empty for one of over 89 years ago."""
    match = _DAY.fullmatch(text.replace(".", "", 2) if vr == "DA" else text)
    if match is None or is_long_ago("".join(filter(None, match.groups()[:3]))):
        return ""
    return f"{match[1]}0101" if vr == "DA" else f"{match[1]}0101000000.000000{match[4] or ''}"


def young_kept(text: str, vr: str) -> str:
    """Return an age as it is; empty for one over 89 years."""
    match = _AGE.fullmatch(text)
    return text if match is not None and int(int(match[1]) / _OF_A_YEAR[match[2]]) <= OLDEST else ""
