"""What a value of a macro is under a classic keyword, and back (PS3.3 C.7.6.16, PS3.5 6.2).

``how``, of ``functional_groups.tsv``, says what is done to the value besides its value representation:

=================  ================================================================================
(empty)            it is the same value
``date, time``     it is the date, or the time, of a date and time
``single``         it is the same where there is one value, and nothing where there are several
``micro``          it is counted in millionths of the unit of the macro, which counts in thousandths
``A=B C=D``        the term A is called B, C is called D, and other terms are called nothing
=================  ================================================================================

A number that is written as text has the 16 characters of a Decimal String; one that becomes an integer is rounded,
and nothing where that made zero of what is not zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache, lru_cache

from pydicom.datadict import dictionary_VR

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of, text_of
from derive.standard.vr import TEXT_VRS

_INTEGERS = {"IS": (-(2**31), 2**31 - 1), "US": (0, 2**16 - 1), "SS": (-(2**15), 2**15 - 1), "UL": (0, 2**32 - 1)}
_FRACTIONS = ("DS", "FD", "FL")
_NUMBERS = (*_INTEGERS, *_FRACTIONS)
_MICRO = 1000.0
#: A date and time to the day, or to the hour and beyond; the offset from UTC stands apart in a classic image.
_MOMENT = re.compile(r"(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?(?:[+-]\d{4})?")


@lru_cache(maxsize=4096)
def called(element: Element, keyword: str, how: str = "") -> Element | None:
    """Return what a value of a macro is under a classic keyword.

    Parameters
    ----------
    element : Element
        As it stands in the macro.
    keyword : str
        What a single-frame image calls it.
    how : str
        See above.

    Returns
    -------
    Element or None
        In the value representation that the keyword has; None where it is not to be said in it.
    """
    if how in ("date", "time"):
        return _of_moment(element, keyword, how)
    if how == "micro":
        return _numbered(keyword, [v * _MICRO for v in numbers_of(element)])
    if how == "single":
        return _same(element, keyword) if _count(element) == 1 else None
    return _same(element, keyword) if not how else _term(element, keyword, _terms(how))


def uncalled(said: Mapping[str, Element], keyword: str) -> Element | None:
    """Return what a value of a macro is that an image says under one classic keyword, or several.

    Parameters
    ----------
    said : mapping str -> Element
        By ``how``: what the image says, as far as it says anything.
    keyword : str
        Of the attribute of the macro.
    """
    for how, element in said.items():
        if how == "micro":
            found = _numbered(keyword, [v / _MICRO for v in numbers_of(element)])
        elif how in ("date", "time"):
            found = _joined(said, keyword)
        elif how in ("", "single"):
            found = _same(element, keyword)
        else:
            found = _term(element, keyword, {new: old for old, new in _terms(how).items()})
        if found is not None:
            return found
    return None


def _same(element: Element, keyword: str) -> Element | None:
    tag = tag_of(keyword)
    vr = element.vr if tag == element.tag else dictionary_VR(tag)
    if vr == element.vr:
        return element if tag == element.tag else element._replace(tag=tag)
    if not element.stripped():
        return Element(tag, vr, b"")
    if vr in _NUMBERS:
        return _numbered(keyword, numbers_of(element))
    if vr in TEXT_VRS and element.vr in TEXT_VRS:
        return element._replace(tag=tag, vr=vr)
    return None


def _numbered(keyword: str, values: list[float]) -> Element | None:
    vr = dictionary_VR(tag_of(keyword))
    if not values or not all(map(math.isfinite, values)):
        return None
    if vr in _FRACTIONS:
        return encode(keyword, [float(v) for v in values])
    least, most = _INTEGERS[vr]
    whole = [round(v) for v in values]
    if any(not least <= w <= most or (w == 0 and v != 0) for w, v in zip(whole, values, strict=True)):
        return None
    return encode(keyword, whole)


def _of_moment(element: Element, keyword: str, part: str) -> Element | None:
    found = _MOMENT.fullmatch(_text(element))
    text = found and found[1 if part == "date" else 2]
    return encode(keyword, text) if text else None


def _text(element: Element) -> str:
    """Return a text; nothing of what has another value representation, which is not legal."""
    return text_of(element) if element.vr in TEXT_VRS else ""


def _joined(said: Mapping[str, Element], keyword: str) -> Element | None:
    if "date" not in said or "time" not in said:
        return None
    moment = text_of(said["date"]) + text_of(said["time"])
    return encode(keyword, moment) if _MOMENT.fullmatch(moment) else None


def _term(element: Element, keyword: str, terms: Mapping[str, str]) -> Element | None:
    term = terms.get(_text(element))
    return encode(keyword, term) if term else None


@cache
def _terms(how: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in how.split())
    return {old: new for old, _, new in pairs}


def _count(element: Element) -> int:
    if element.vr in TEXT_VRS:
        return element.value.count(b"\\") + 1 if element.stripped() else 0
    return len(numbers_of(element))
