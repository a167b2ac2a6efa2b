"""Values whose meaning is plain though they are not written as their value representation asks (PS3.5 6.2).

Dates and times of ACR-NEMA (``1997.04.24``, ``12:30:00``), numbers with too many digits, integers with a point
(``3.0``), terms in small letters, ages without leading zeros, padding of the wrong kind, a text under the value
representation of another text. Nothing is guessed: what can mean two things is left alone, and is not legal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from pydicom.valuerep import format_number_as_ds

from derive.elements.element import Element
from derive.standard import AttributeRule, ValueRule, value_syntax
from derive.standard.vr import CHARSET_VRS, TEXT_VRS

_DATE = re.compile(r"(\d{4})[.\-/](\d\d)[.\-/](\d\d)")
_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d(?:\.\d{1,6})?))?")
_AGE = re.compile(r"0*(\d{1,3})([DWMYdwmy])")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: Longest value of DS and the range of IS (PS3.5 6.2).
_LONGEST_DS, _LARGEST_IS = 16, 2**31


def respelled(
    element: Element, rule: AttributeRule, values: tuple[ValueRule, ...], encodings: Sequence[str]
) -> Element | None:
    """Return the same value as it should have been written; None where nothing can be done.

    The result may still not be legal: who asks has to judge it.

    Parameters
    ----------
    element : Element
    rule : AttributeRule
        Says the value representation.
    values : tuple of ValueRule
        Values that are listed for it: terms are told without case.
    encodings : sequence of str
        Python names of the character sets in force.
    """
    wanted = rule.vr
    if wanted not in TEXT_VRS or element.vr not in TEXT_VRS:
        return None
    try:
        found = value_syntax.split(wanted, element.value.strip(b" \0"), encodings)
    except UnicodeError:
        return None
    plain = [
        _respelled(wanted, text.strip(" \0\r\n\t") if wanted not in ("ST", "LT", "UT") else text) for text in found
    ]
    terms = _terms(values)
    plain = [terms.get(text.upper(), text) for text in plain]
    if plain == found and wanted == element.vr:
        value = element.value.strip(b" \0")
    elif wanted in CHARSET_VRS and not element.value.isascii():
        value = element.value.strip(b" \0")  # bytes of another character set are not written anew
    else:
        value = "\\".join(plain).encode("ascii")
    padding = b"\0" if wanted == "UI" else b" "
    return Element(element.tag, wanted, value + padding * (len(value) % 2))


@lru_cache(maxsize=4096)
def termed(element: Element, values: tuple[ValueRule, ...]) -> Element:
    """Return a value in the letters of the terms that are listed for it: ``hu`` is ``HU``."""
    if not element.value.isascii() or element.vr not in TEXT_VRS:
        return element
    terms, found = _terms(values), element.value.decode("ascii").rstrip(" \0").split("\\")
    plain = [terms.get(text.strip(" ").upper(), text) for text in found]
    if plain == [text.strip(" ") for text in found] or plain == found:
        return element
    value = "\\".join(plain).encode("ascii")
    return Element(element.tag, element.vr, value + b" " * (len(value) % 2))


@lru_cache(maxsize=1024)
def _terms(values: tuple[ValueRule, ...]) -> dict[str, str]:
    return {term.upper(): term for rule in values for term in rule.values}


def _respelled(vr: str, text: str) -> str:
    spell = _SPELLINGS.get(vr)
    return spell(text) if spell else text


def _date(text: str) -> str:
    match = _DATE.fullmatch(text)
    return "".join(match.groups()) if match else text


def _time(text: str) -> str:
    match = _TIME.fullmatch(text)
    return "".join(filter(None, match.groups())) if match else text


def _date_time(text: str) -> str:
    date, _, time = text.partition("T" if "T" in text else " ")
    return _date(date) + _time(time) if _DATE.fullmatch(date) and (not time or _TIME.fullmatch(time)) else text


def _integer(text: str) -> str:
    if _NUMBER.fullmatch(text) and abs(float(text)) < _LARGEST_IS and float(text).is_integer():
        return str(int(float(text)))
    return text


def _decimal(text: str) -> str:
    if len(text) > _LONGEST_DS and _NUMBER.fullmatch(text) and abs(float(text)) < float("inf"):
        return format_number_as_ds(float(text))
    return text


def _age(text: str) -> str:
    match = _AGE.fullmatch(text)
    return f"{int(match[1]):03d}{match[2].upper()}" if match else text


_SPELLINGS: dict[str, Callable[[str], str]] = {
    "AS": _age,
    "CS": str.upper,
    "DA": _date,
    "DS": _decimal,
    "DT": _date_time,
    "IS": _integer,
    "TM": _time,
}
