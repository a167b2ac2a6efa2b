"""Whether the value of one element is legal (PS3.5 6.2, 6.4; PS3.3 Annex C).

Judged are the value representation, the value multiplicity, the syntax of each value, enumerated values
and, for a sequence, its items. Whether an attribute may be absent or empty is not judged here, but for
attributes inside items. Results are kept: most elements of a series are equal.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydicom.charset import default_encoding

from derive.elements.element import Element, tag_of
from derive.elements.instance import encodings_named, items_of, value_of
from derive.standard import AttributeRule, ValueRule, value_syntax
from derive.standard.conditions import required_in_item
from derive.standard.vr import TEXT_VRS
from derive.told.wording import counted

_PIXEL_DATA, _CHARACTER_SET = tag_of("PixelData"), tag_of("SpecificCharacterSet")
_ZONE = tag_of("TimezoneOffsetFromUTC")
#: Values of these entities identify a person and are not repeated in messages.
_IDENTIFYING = frozenset({"Patient", "Study"})
_FORMATS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
#: Results for longer values are not kept.
_LONGEST_KEPT = 4096


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an element.

    Parameters
    ----------
    code : str
        ``CHK-VR``, ``CHK-VM``, ``CHK-SYNTAX``, ``CHK-TIMEZONE``, ``CHK-ENUM``, ``CHK-CHARSET``,
        ``CHK-SEQUENCE``, ``CHK-TYPE1``, ``CHK-TYPE2`` or ``CHK-CONDITION``.
    path : tuple of str
        Keywords and item numbers from the element to where it is; empty for the element itself.
    rule : str
        The rule in short, e.g. ``VM 1-n``.
    message : str
        What was found and what is wanted.
    section : str
        Section of the standard where it is not that of the module.
    """

    code: str
    path: tuple[str, ...]
    rule: str
    message: str
    section: str = ""


def problem(
    element: Element,
    rule: AttributeRule,
    values: tuple[ValueRule, ...] = (),
    encodings: Sequence[str] = (default_encoding,),
) -> str | None:
    """Say what makes the value of an element illegal.

    Parameters
    ----------
    element : Element
    rule : AttributeRule
        What the module asks of it; the rules of its items judge the items of a sequence.
    values : tuple of ValueRule
        The values that are listed for it; defined terms do not judge.
    encodings : sequence of str
        Python names of the character sets in force.

    Returns
    -------
    str or None
        None if the value is legal. An empty value is.
    """
    found = faults(element, rule, values, encodings)
    if not found:
        return None
    where = ">".join(found[0].path)
    return f"{where}: {found[0].message}" if where else found[0].message


def faults(
    element: Element,
    rule: AttributeRule,
    values: tuple[ValueRule, ...] = (),
    encodings: Sequence[str] = (default_encoding,),
) -> tuple[Fault, ...]:
    """Return everything that makes the value of an element illegal, as :func:`problem` says the first."""
    # Only text depends on the character set: without it, equal elements are judged once.
    plain = element.vr != "SQ" and element.value.isascii() and b"\x1b" not in element.value
    judge = _faults if len(element.value) <= _LONGEST_KEPT else _faults.__wrapped__
    return judge(element, rule, values, (default_encoding,) if plain else tuple(encodings))


@lru_cache(maxsize=2048)
def _faults(
    element: Element, rule: AttributeRule, values: tuple[ValueRule, ...], encodings: tuple[str, ...]
) -> tuple[Fault, ...]:
    wanted = rule.vr.split(" or ")
    if element.vr not in wanted:
        found = f"has the value representation {element.vr}; wanted {rule.vr}"
        return (Fault("CHK-VR", (), f"VR {rule.vr}", found, "PS3.6 6"),)
    if element.vr == "SQ":
        return tuple(_sequence_faults(element, rule, encodings))
    if element.vr in TEXT_VRS:
        return tuple(_text_faults(element, rule, values, encodings))
    return tuple(_binary_faults(element, rule, values))


def _text_faults(
    element: Element, rule: AttributeRule, values: tuple[ValueRule, ...], encodings: tuple[str, ...]
) -> Iterator[Fault]:
    try:
        found = value_syntax.split(element.vr, element.value, encodings)
    except UnicodeError:
        message = "holds text that its character set cannot decode; name the right Specific Character Set"
        yield Fault("CHK-CHARSET", (), f"VR {element.vr}", message, "PS3.5 6.1.2")
        return
    yield from _multiplicity(rule, len(found))
    for number, value in enumerate(found, 1):
        fault = value_syntax.fault(element.vr, value)
        if fault:
            which = f"value {number} " if len(found) > 1 else ""
            yield Fault("CHK-SYNTAX", (), f"VR {element.vr}", f"{which}{fault}", "PS3.5 6.2")
        elif element.tag == _ZONE and not value_syntax.is_offset(value):
            message = "is no offset of a time zone; wanted +HHMM or -HHMM, from -1200 to +1400"
            yield Fault("CHK-TIMEZONE", (), "time zone", message, "PS3.3 C.12.1")
    yield from _enumerated(element.vr, rule, values, [v.strip(" ") for v in found])


def _binary_faults(element: Element, rule: AttributeRule, values: tuple[ValueRule, ...]) -> Iterator[Fault]:
    size, width = len(element.value), value_syntax.WIDTHS.get(element.vr, 1)
    if size % width or size % 2:
        message = f"has {size} bytes; wanted a multiple of {max(width, 2)}"
        yield Fault("CHK-SYNTAX", (), f"VR {element.vr}", message, "PS3.5 6.2")
        return
    if not size or element.vr in value_syntax.ONE_VALUE:
        return
    yield from _multiplicity(rule, size // width)
    if values and element.vr in _FORMATS:
        numbers = struct.unpack(f"<{size // width}{_FORMATS[element.vr]}", element.value)
        yield from _enumerated(element.vr, rule, values, [str(n) for n in numbers])


def _multiplicity(rule: AttributeRule, count: int) -> Iterator[Fault]:
    if count and not any(_fits(vm, count) for vm in rule.vm.split(" or ")):
        message = f"has {counted(count, 'value')}; wanted {rule.vm}"
        yield Fault("CHK-VM", (), f"VM {rule.vm}", message, "PS3.5 6.4")


@lru_cache(maxsize=4096)
def _fits(vm: str, count: int) -> bool:
    """Whether a count of values is one of a multiplicity such as 1, 1-3, 1-n or 2-2n."""
    low, _, high = vm.partition("-")
    if not high:
        return count == int(low)
    if not high.endswith("n"):
        return int(low) <= count <= int(high)
    return count >= int(low) and count % int(high[:-1] or 1) == 0


def _enumerated(vr: str, rule: AttributeRule, values: tuple[ValueRule, ...], found: Sequence[str]) -> Iterator[Fault]:
    for listed in values:
        if listed.kind != "enumerated":
            continue
        first, last = 1, len(found)
        if listed.value_number is not None:
            first = last = listed.value_number
        for number in range(first, min(last, len(found)) + 1):
            value = found[number - 1]
            if value in listed.values or (not value and listed.value_number is None):
                continue
            which = f"value {number} " if len(found) > 1 else ""
            wanted = ", ".join(listed.values)
            message = f"{which}{_shown(vr, rule, value)}is not one of {wanted}"
            yield Fault("CHK-ENUM", (), "enumerated values", message, f"PS3.3 {listed.section}")


def _shown(vr: str, rule: AttributeRule, value: str) -> str:
    """Return a number for a message; text that is not legal can be anybody's name, whatever its attribute is for."""
    return f"{value} " if vr in _FORMATS and rule.entity not in _IDENTIFYING else ""


def _sequence_faults(element: Element, rule: AttributeRule, encodings: tuple[str, ...]) -> Iterator[Fault]:
    items = items_of(element)
    if items is None:
        yield Fault("CHK-SEQUENCE", (), "VR SQ", "cannot be read as a sequence of items", "PS3.5 7.5")
        return
    if rule.items:
        for number, item in enumerate(items, 1):
            for fault in _item_faults(item, rule, encodings):
                yield Fault(fault.code, (f"item {number}", *fault.path), fault.rule, fault.message, fault.section)


@lru_cache(maxsize=2048)
def _item_faults(item: tuple[Element, ...], rule: AttributeRule, encodings: tuple[str, ...]) -> tuple[Fault, ...]:
    elements = {e.tag: e for e in item}
    has = reader(elements, encodings)
    if _CHARACTER_SET in elements:
        encodings = encodings_named(has("SpecificCharacterSet")) or encodings
    found: list[Fault] = []
    for inner in rule.items:
        if inner.tag == _PIXEL_DATA:  # of an icon: elements leave it out
            continue
        element = elements.get(inner.tag)
        found += _presence(inner, element, has)
        if element is not None and element.value:
            found += [
                Fault(f.code, (inner.keyword, *f.path), f.rule, f.message, f.section)
                for f in faults(element, inner, (), encodings)
            ]
    return tuple(found)


def _presence(rule: AttributeRule, element: Element | None, has: Callable[[str], Any]) -> Iterator[Fault]:
    """Judge whether an attribute inside an item is there, and has a value, as its type asks."""
    path = (rule.keyword,)
    if rule.type == "1" and (element is None or not element.stripped()):
        state = "is absent" if element is None else "is empty"
        yield Fault("CHK-TYPE1", path, "type 1", f"{state}; wanted a value", "PS3.5 7.4.1")
    elif rule.type == "2" and element is None:
        yield Fault("CHK-TYPE2", path, "type 2", "is absent; wanted it, empty if unknown", "PS3.5 7.4.3")
    elif rule.type == "1C" and element is not None and not element.stripped():
        message = "is empty; wanted a value, or not the attribute"
        yield Fault("CHK-TYPE1", path, "type 1C", message, "PS3.5 7.4.2")
    elif rule.type in ("1C", "2C") and element is None:
        condition = required_in_item(rule.keyword, has)
        if condition:
            message = f"is absent; required {condition.words}"
            yield Fault("CHK-CONDITION", path, f"type {rule.type}", message, condition.section)


def reader(elements: Mapping[int, Element], encodings: Sequence[str]) -> Callable[[str], Any]:
    """Return a function that gives the decoded value of a keyword, or None."""

    def has(keyword: str) -> Any:
        element = elements.get(tag_of(keyword))
        return None if element is None else value_of(element, tuple(encodings))

    return has
