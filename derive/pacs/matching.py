"""Attribute matching of queries (PS3.4 C.2.2.2): what a key matches."""

from __future__ import annotations

import re
from functools import lru_cache

#: Of these a key with a hyphen is a range (PS3.4 C.2.2.2.5).
_RANGES = frozenset({"DA", "TM", "DT"})
#: In these ``*`` and ``?`` stand for other characters (PS3.4 C.2.2.2.4).
_WILD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")

_HARMLESS = re.compile(r"[0-9][0-9.]{0,63}")


def is_uid(text: str) -> bool:
    """Whether a text is a UID (PS3.5 9.1), and so nothing else: no path, no wildcard."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def is_harmless_uid(text: str) -> bool:
    """Whether a text is made as a UID is: what can be sent, asked for, or name a file, though it may not be legal."""
    return _HARMLESS.fullmatch(text) is not None


def matches(key: str, value: str, vr: str, *, fold: bool = False) -> bool:
    r"""Whether a key of a query matches a value.

    Parameters
    ----------
    key : str
        As in the identifier; several UIDs stand between backslashes.
    value : str
        Of the attribute, of several between backslashes; one of them is enough.
    vr : str
        Value representation.
    fold : bool
        Whether case matters nowhere, as many archives have it; else it does but in names of persons.

    Examples
    --------
    >>> matches("20260101-20260131", "20260115", "DA"), matches("THX*", "THX LUNG", "LO")
    (True, True)
    """
    if key in ("", "*"):
        return True
    values = value.split("\\")
    if vr == "UI":
        return not set(key.split("\\")).isdisjoint(values)
    if vr in _RANGES and "-" in key:
        return any(_within(key, v) for v in values)
    if fold or vr == "PN":
        key, values = key.casefold(), [v.casefold() for v in values]
    if vr in _WILD and re.search(r"[*?]", key):
        return any(_pattern(key).fullmatch(v) for v in values)
    return key in values


def _within(key: str, value: str) -> bool:
    """Whether a date or time is in a range; what is given to the minute only goes to the end of that minute."""
    low, _, high = key.partition("-")
    return bool(value) and low <= value and (not high or value[: len(high)] <= high)


@lru_cache(256)
def _pattern(key: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in key)
    return re.compile("".join(parts), re.DOTALL)
