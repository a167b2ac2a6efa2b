"""What of a source's value can be written: all of it where it is legal; of a sequence, its items made whole.

A value that is only spelled another way than the standard asks is written as it should have been; UIDs of what others
made stay as they are. The rule of the pull holds inside items too: an attribute of type 2 that an item lacks is empty,
an illegal value of type 3 is dropped, and an item that cannot have its type 1 attributes is no item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from derive.elements.element import Element
from derive.elements.encoding import pack_item
from derive.elements.instance import items_of
from derive.elements.legal import problem
from derive.elements.spelling import respelled, termed
from derive.elements.uid_references import is_reference, leads_somewhere
from derive.standard import AttributeRule, ValueRule


class Mended(NamedTuple):
    """What can be written of an element.

    Parameters
    ----------
    element : Element or None
        The same element where it is legal, or kept; None where nothing of it can be written.
    fault : str
        What was wrong with it; empty where it is legal.
    kept : bool
        Whether it is written though it is not legal: UIDs of what others made.
    """

    element: Element | None
    fault: str = ""
    kept: bool = False


def legal(
    element: Element, rule: AttributeRule, values: tuple[ValueRule, ...], encodings: Sequence[str]
) -> tuple[Element | None, str]:
    """Return what can be written of an element, and what was wrong with the rest: :func:`mended` in two words."""
    found = mended(element, rule, values, encodings)
    return found.element, found.fault


def mended(element: Element, rule: AttributeRule, values: tuple[ValueRule, ...], encodings: Sequence[str]) -> Mended:
    """Return what can be written of an element.

    Parameters
    ----------
    element : Element
        Of the source.
    rule : AttributeRule
    values : tuple of ValueRule
        Values that are listed for it.
    encodings : sequence of str
        Python names of the character set in force.
    """
    fault = problem(element, rule, values, encodings)
    if fault is None:
        plain = termed(element, values) if values else element
        return Mended(element) if plain == element else Mended(plain, "is not in the letters of its defined term")
    if rule.vr == "SQ":
        return _sequence(element, rule, encodings, fault)
    plain = respelled(element, rule, values, encodings) or element
    if plain != element and problem(plain, rule, values, encodings) is None:
        return Mended(plain, fault)
    if rule.vr == "UI" and is_reference(rule.keyword) and leads_somewhere(element.value):
        return Mended(Element(element.tag, "UI", element.value), fault, kept=True)
    return Mended(None, fault)


def _sequence(element: Element, rule: AttributeRule, encodings: Sequence[str], fault: str) -> Mended:
    if element.vr != "SQ" or not rule.items:
        return Mended(None, fault)
    found = items_of(element) or ()
    whole = [item for each in found if (item := _item(each, rule, encodings)) is not None]
    if not whole:
        return Mended(None, fault)
    same = [list(each) for each in found] == [sorted(item) for item in whole]
    return Mended(Element(element.tag, "SQ", b"".join(map(pack_item, whole))), fault, kept=same)


def _item(item: tuple[Element, ...], rule: AttributeRule, encodings: Sequence[str]) -> list[Element] | None:
    """Return the elements of an item that can be written, None if one of type 1 cannot."""
    kept = {e.tag: e for e in item}
    for inner in rule.items:
        element = kept.pop(inner.tag, None)
        if element is not None and element.value:
            element = legal(element, inner, (), encodings)[0]
        if element is None or not element.stripped():
            if inner.type == "1":
                return None
            if inner.type in ("2", "2C") and (inner.type == "2" or element is not None):
                kept[inner.tag] = Element(inner.tag, inner.vr[:2], b"")
            continue
        kept[inner.tag] = element
    return list(kept.values())
