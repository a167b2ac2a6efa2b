"""Dates and times as attributes say them: a date beside a time, both in one, with or without an offset (PS3.5 6.2)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?")
_OLD_DATE = re.compile(r"(\d{4})\.(\d\d)\.(\d\d)")
_OFFSET = re.compile(r"([-+])(\d\d)(\d\d)")


@lru_cache(maxsize=4096)
def moment_of(text: str, zone: str = "") -> datetime | None:
    """Return the moment that a DT says, on the clock of the place; None for what is none, or only a date.

    Parameters
    ----------
    text : str
        As ``20260102103000.5+0100``; a date with a time behind it.
    zone : str
        Timezone Offset From UTC (0008,0201) of the object, as ``+0100``: whatever has another offset is told on that
        clock. Without one an offset is not looked at, as if it were that of the place.

    Examples
    --------
    >>> moment_of("20260102233000+0000", "+0100")
    datetime.datetime(2026, 1, 3, 0, 30)
    """
    plain, sign, offset = re.fullmatch(r"([^-+]*)([-+]?)(.*)", text.strip(), re.DOTALL).groups()  # type: ignore[union-attr]  # it matches all
    found = _MOMENT.fullmatch(plain.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, rest = found.groups()
    try:
        # a leap second has a place in time, and none in a datetime
        seconds = timedelta(seconds=int(second or 0), microseconds=int((rest or "").ljust(6, "0")))
        said = datetime(int(year), int(month), int(day), int(hour), int(minute or 0)) + seconds
        ours, theirs = _offset(zone), _offset(sign + offset)
        return said if ours is None or theirs is None else said + (ours - theirs)
    except (ValueError, OverflowError):
        return None


def moment_at(date: str, time: str) -> datetime | None:
    """Return the moment that a DA and a TM beside it say; None where one of them says nothing.

    Examples
    --------
    >>> moment_at("20260102", "103000.25")
    datetime.datetime(2026, 1, 2, 10, 30, 0, 250000)
    """
    return moment_of("".join(_OLD_DATE.sub(r"\1\2\3", date.strip())) + time.strip()) if date and time else None


def date_told(moment: datetime) -> str:
    """Return a DA."""
    return moment.strftime("%Y%m%d")


def time_told(moment: datetime) -> str:
    """Return a TM, with a fraction where there is one."""
    return moment.strftime("%H%M%S.%f").removesuffix(".000000")


def _offset(text: str) -> timedelta | None:
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return size if found[1] == "+" else -size
