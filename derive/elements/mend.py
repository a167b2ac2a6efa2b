"""What of a source's value can be written: all of it where it is legal; of a sequence, its items made whole.

The rule of the pull holds inside items too: an attribute of type 2 that an item lacks is empty, an illegal
value of type 3 is dropped, and an item that cannot have its type 1 attributes is no item.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.elements.element import Element
from derive.elements.encoding import pack_item
from derive.elements.instance import items_of
from derive.elements.legal import problem
from derive.standard import AttributeRule, ValueRule


def legal(
    element: Element, rule: AttributeRule, values: tuple[ValueRule, ...], encodings: Sequence[str]
) -> tuple[Element | None, str]:
    """Return what can be written of an element, and what was wrong with the rest.

    Parameters
    ----------
    element : Element
        Of the source.
    rule : AttributeRule
    values : tuple of ValueRule
        Values that are listed for it.
    encodings : sequence of str
        Python names of the character set in force.

    Returns
    -------
    element : Element or None
        The same element where it is legal; None where nothing of it is.
    fault : str
        Empty where it is legal.
    """
    fault = problem(element, rule, values, encodings)
    if fault is None:
        return element, ""
    items = items_of(element) if element.vr == "SQ" and rule.items else None
    mended = [item for found in items or () if (item := _mended(found, rule, encodings)) is not None]
    if not mended:
        return None, fault
    return Element(element.tag, "SQ", b"".join(map(pack_item, mended))), fault


def _mended(item: tuple[Element, ...], rule: AttributeRule, encodings: Sequence[str]) -> list[Element] | None:
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
