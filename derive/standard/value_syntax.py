"""Whether one value is written as its value representation asks (PS3.5 6.2).

The shapes are pydicom's; what it leaves open is added: ranges of numbers, real dates, control
characters, and text that the character set in force cannot decode.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import date

from pydicom.charset import decode_bytes, default_encoding
from pydicom.valuerep import ALLOW_BACKSLASH, MAX_VALUE_LEN, STR_VR_REGEXES, VALUE_LENGTH

from derive.standard.vr import CHARSET_VRS, TEXT_VRS

#: Bytes of one value of the binary value representations.
WIDTHS = VALUE_LENGTH | {"AT": 4, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
#: Binary value representations that always hold one value.
ONE_VALUE = frozenset(["OB", "OW", "OF", "OL", "OD", "OV", "SQ", "UN"])
#: Text in paragraphs: TAB, LF, FF and CR may occur (PS3.5 6.1.3).
_PARAGRAPHS = frozenset(["ST", "LT", "UT"])
_LAYOUT = "\t\n\f\r"
_PN_GROUPS, _PN_COMPONENTS, _PN_LENGTH = 3, 5, 64
_DELIMITERS = {ord(c) for c in "\t\n\f\r"}
_SHAPES = {
    "AE": "printable ASCII",
    "AS": "nnnD, nnnW, nnnM or nnnY",
    "CS": "upper case letters, digits, space and underscore",
    "DA": "YYYYMMDD",
    "DS": "a decimal number",
    "DT": "YYYYMMDDHHMMSS.FFFFFF&ZZXX",
    "IS": "an integer",
    "TM": "HHMMSS.FFFFFF",
    "UI": "numbers without leading zeros, joined by full stops",
    "UR": "a URI or URL",
}


def split(vr: str, value: bytes, encodings: Sequence[str]) -> list[str]:
    r"""Decode the values of a text element, without their padding.

    Parameters
    ----------
    vr : str
        One of the text value representations.
    value : bytes
    encodings : sequence of str
        Python names of the character sets in force.

    Returns
    -------
    list of str
        Empty for an element without a value.

    Raises
    ------
    UnicodeError
        For text that the character sets cannot decode.
    """
    text = _decoded(vr, value, encodings)
    text = text.removesuffix("\0") if vr == "UI" else text.rstrip(" ")
    if not text:
        return []
    return [text] if vr in ALLOW_BACKSLASH or vr == "UR" else text.split("\\")


def _decoded(vr: str, value: bytes, encodings: Sequence[str]) -> str:
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    if vr not in CHARSET_VRS or (encodings[0] == default_encoding and b"\x1b" not in value):
        return value.decode("ascii")
    delimiters = _DELIMITERS | ({ord("^"), ord("=")} if vr == "PN" else set()) | {ord("\\")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return decode_bytes(value, list(encodings), delimiters)
        except (UserWarning, LookupError) as error:
            raise UnicodeError(str(error)) from error


def fault(vr: str, value: str) -> str | None:
    """Say what is wrong with one text value; the value itself is not repeated.

    Parameters
    ----------
    vr : str
    value : str
        One value, decoded and without padding.

    Returns
    -------
    str or None
    """
    if vr not in TEXT_VRS or not value:
        return None
    return _control(vr, value) or _length(vr, value) or _shape(vr, value) or _EXTRA.get(vr, _fine)(value)


def is_offset(value: str) -> bool:
    """Tell whether text is an offset from UTC as Timezone Offset From UTC has it: &ZZXX (PS3.3 C.12.1).

    >>> is_offset("+0100"), is_offset("+2500"), is_offset("-0000")
    (True, False, False)
    """
    text = value.strip(" ")
    if len(text) != 5 or text[0] not in "+-" or not (text[1:].isascii() and text[1:].isdecimal()):
        return False
    return -1200 <= int(text) <= 1400 and int(text[3:]) < 60 and text != "-0000"


def _fine(_: str) -> None:
    return None


def _control(vr: str, value: str) -> str | None:
    allowed = _LAYOUT if vr in _PARAGRAPHS else ""
    bad = {c for c in value if (c < " " or "\x7f" <= c <= "\x9f") and c not in allowed}
    return f"holds the control character {ord(min(bad)):02X}H" if bad else None


def _length(vr: str, value: str) -> str | None:
    longest = MAX_VALUE_LEN.get(vr)
    if longest and len(value) > longest:
        return f"has {len(value)} characters; {vr} has at most {longest}"
    return None


def _shape(vr: str, value: str) -> str | None:
    regex = STR_VR_REGEXES.get(vr)
    if regex is None:
        return None
    # CS, TM and their like may be padded in front or behind; pydicom's shapes also allow the ranges of a query.
    text = value.rstrip(" ") if vr in ("AS", "DA", "TM", "DT", "UR") else value
    if regex.match(text) and not (vr in ("DA", "TM") and "-" in text):
        return None
    return f"is not {_SHAPES[vr]}, as {vr} asks"


def _date(value: str) -> str | None:
    text = value.strip(" ")
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return "is no date of the calendar"
    return None


def _date_time(value: str) -> str | None:
    text = value.strip(" ")
    if len(text) > 26:
        return f"has {len(text)} characters; DT has at most 26"
    digits = text.partition("-")[0].partition("+")[0].partition(".")[0]
    zone = text[-5:] if text[-5:-4] in ("+", "-") else ""
    if zone and not -1200 <= int(zone) <= 1400:
        return "has an offset from UTC outside -1200 to +1400"
    if "-" in text.removesuffix(zone):
        return "is a range, which only a query may hold"
    return _date(digits[:8]) if len(digits) >= 8 else None


def _integer(value: str) -> str | None:
    return None if -(2**31) <= int(value) < 2**31 else "is outside -2^31 to 2^31-1"


def _uid(value: str) -> str | None:
    """The first two arcs are given by ISO/IEC 9834-1 (PS3.5 9.1)."""
    first, _, rest = value.partition(".")
    second = rest.partition(".")[0]
    if int(first) > 2 or not second or (first in "01" and int(second) > 39):
        return "starts with an arc that there is not"
    return None


def _name(value: str) -> str | None:
    groups = value.split("=")
    if len(groups) > _PN_GROUPS:
        return f"has {len(groups)} component groups; PN has at most {_PN_GROUPS}"
    for group in groups:
        if len(group) > _PN_LENGTH:
            return f"has a component group of {len(group)} characters; PN has at most {_PN_LENGTH}"
        if group.count("^") >= _PN_COMPONENTS:
            return f"has {group.count('^') + 1} components; PN has at most {_PN_COMPONENTS}"
    return None


_EXTRA: dict[str, Callable[[str], str | None]] = {
    "DA": _date,
    "DT": _date_time,
    "IS": _integer,
    "PN": _name,
    "UI": _uid,
}
