r"""What a value means, whatever its spelling: the form in which values are compared, and never written.

``Phantom^A`` and ``Phantom^A^^^`` are one name (PS3.5 6.2.1.2), ``1`` and ``1.0`` one number, ``yes`` and ``YES`` one
term of a code string, ``12`` and ``120000.0`` one time; blanks around a text say nothing, nor does the character set.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

from pydicom.charset import default_encoding

from derive.elements.element import Element
from derive.elements.encoding import numbers_of
from derive.elements.instance import items_of
from derive.standard import value_syntax
from derive.standard.vr import CHARSET_VRS, TEXT_VRS

_NUMBERS = frozenset(["DS", "IS", "FL", "FD", "US", "SS", "UL", "SL"])
#: Trailing blanks of a paragraph mean nothing, and leading ones may (PS3.5 6.2).
_PARAGRAPHS = frozenset(["ST", "LT", "UT"])
#: A time to the hundred thousandth: HHMMSS and six digits.
_TIME_SHAPE = "000000"


def same(
    one: Element | None,
    other: Element | None,
    encodings: Sequence[str] = (default_encoding,),
    other_encodings: Sequence[str] | None = None,
) -> bool:
    """Whether two elements say the same; nothing and an empty value do.

    Parameters
    ----------
    one, other : Element, optional
    encodings, other_encodings : sequence of str
        Python names of the character sets in force; of the other those of the first where it has none of its own.
    """
    if one is other or (one is not None and other is not None and one.value == other.value and one.vr == other.vr):
        return other_encodings is None or one is None or one.value.isascii() or list(encodings) == list(other_encodings)
    return meaning(one, encodings) == meaning(other, other_encodings or encodings)


def meaning(element: Element | None, encodings: Sequence[str] = (default_encoding,)) -> Hashable:
    """Return something that is equal for all values that mean the same; None for none."""
    if element is None or not element.value:
        return None
    if element.vr != "SQ" and (element.vr not in CHARSET_VRS or element.value.isascii()):
        encodings = (default_encoding,) if b"\x1b" not in element.value else encodings
    return _meaning(element, tuple(encodings))


@lru_cache(maxsize=4096)
def _meaning(element: Element, encodings: tuple[str, ...]) -> Hashable:
    if element.vr == "SQ":
        items = items_of(element, private=True)
        return element.value if items is None else tuple(_item(item, encodings) for item in items)
    if element.vr in _NUMBERS:
        return tuple(numbers_of(element)) or element.stripped() or None
    if element.vr not in TEXT_VRS:
        return element.value
    try:
        found = value_syntax.split(element.vr, element.value, encodings)
    except UnicodeError:
        return element.stripped()
    spell = _SPELLINGS.get(element.vr, str.strip)
    return tuple(spell(text.strip("\0")) for text in found) or None


def _item(item: tuple[Element, ...], encodings: tuple[str, ...]) -> tuple[tuple[int, Hashable], ...]:
    return tuple((e.tag, found) for e in sorted(item) if (found := _meaning(e, encodings)) is not None)


def _name(text: str) -> str:
    groups = [group.rstrip("^ ") for group in text.split("=")]
    return "=".join("^".join(part.strip() for part in group.split("^")) for group in groups).rstrip("=")


def _time(text: str) -> str:
    whole, _, fraction = text.strip().partition(".")
    return whole + _TIME_SHAPE[len(whole) :] + (f".{fraction.rstrip('0')}" if fraction.rstrip("0") else "")


def _term(text: str) -> str:
    return text.strip().upper()


_SPELLINGS: dict[str, Callable[[str], str]] = {
    "CS": _term,
    "PN": _name,
    "TM": _time,
    **dict.fromkeys(_PARAGRAPHS, str.rstrip),
}
