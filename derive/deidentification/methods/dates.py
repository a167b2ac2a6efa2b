"""Dates that move, by the shift of their patient or by a rule's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.coarse import is_long_ago
from derive.deidentification.methods.dummy import unreadable
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element, texts_of
from derive.deidentification.run.dates import MICROSOFT_DAYS, SCOPES, checked_days, days_told, shifted, time_of_day
from derive.elements.element import Element
from derive.errors import UsageError

MICROSOFT = "microsoft"
#: What Microsoft reads: a day, or a moment to the second.
_MOMENT = re.compile(r"(\d{8})(?:\d{6}(?:\.\d{1,6})?([+-]\d{4})?)?", re.ASCII)


def checked_dialect(settings: Mapping[str, object]) -> None:
    """Refuse a dialect that a method has not.

    Raises
    ------
    UsageError
        ``DEID-SETTING``.
    """
    if settings.get("dialect", MICROSOFT) != MICROSOFT:
        raise UsageError("DEID-SETTING", f"the one dialect is {MICROSOFT}")


def _checked(settings: Mapping[str, object]) -> None:
    checked_dialect(settings)
    if settings.get("scope", "patient") not in SCOPES:
        raise UsageError("DEID-SETTING", f"there is no such scope; there are {', '.join(SCOPES)}")
    if "range" in settings and "days" in settings:
        raise UsageError("DEID-SETTING", "'range' and 'days' exclude each other")
    if "range" in settings:
        days_told(str(settings["range"]))
    days = settings.get("days", 1)
    if isinstance(days, int):
        checked_days(days, days)


@method("dateShift", "DA", "DT", "TM", check=_checked, days=int, range=str, scope=str, dialect=str)
def date_shift(element: Element, here: Here) -> Element | None:
    """Move it by the shift of its patient: dates of DA and DT together; a time (TM) stays, as shifts are whole days.

    A rule may say a ``scope`` or a ``range`` (``-365..-1``) of its own, or how many ``days`` for all. What is no date
    or time may say anything: it becomes a dummy where a value is required, and is emptied elsewhere.
    """
    if not element.stripped():
        return element
    if element.vr == "TM":
        return _told_again(element, [text and time_of_day(text) for text in texts_of(element, ())], here)
    if here.settings.get("dialect") == MICROSOFT:
        return _microsoft(element, here)
    days = _days(here)
    return _told_again(element, [text and shifted(text, days) for text in texts_of(element, ())], here)


def _told_again(element: Element, texts: list[str | None], here: Here) -> Element:
    """The element with such texts; None among them is one that cannot be read."""
    if any(text is None for text in texts):
        return unreadable(element, here)
    new = text_element(element, [text or "" for text in texts], ())
    return element if new == element else new


def _days(here: Here) -> int:
    dates, settings = here.run.dates, here.settings
    days = settings.get("days")
    if isinstance(days, int):
        return days
    if "scope" in settings or "range" in settings:
        told = days_told(str(settings["range"])) if "range" in settings else None
        dates = dates.with_settings(str(settings.get("scope", "")), told)
    return dates.days(here.instance)


def _microsoft(element: Element, here: Here) -> Element:
    """Move it as Microsoft does: by the series where nobody says other, 50 days at most; the time becomes midnight.

    Dates of more than 89 years ago go. Their tool writes 12 for the hour of midnight where a DT has no offset, since
    its format counts to twelve: that slip is not repeated.
    """
    scope, told = (
        str(here.settings.get("scope", "series")),
        str(here.settings.get("range", f"-{MICROSOFT_DAYS}..{MICROSOFT_DAYS}")),
    )
    days = here.run.dates.with_settings(scope, days_told(told)).microsoft_days(here.instance)
    moved = []
    for text in texts_of(element, here.encodings):
        match = _MOMENT.fullmatch(text)
        if match is None:
            return unreadable(element, here)
        if is_long_ago(text[:8]):
            continue
        try:
            day = datetime.strptime(match[1], "%Y%m%d") + timedelta(days)
        except (ValueError, OverflowError):
            return unreadable(element, here)
        moved.append(f"{day:%Y%m%d}" + ("" if element.vr == "DA" else f"000000.000000{match[2] or ''}"))
    return text_element(element, moved, here.encodings)
