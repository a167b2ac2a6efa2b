"""What Dimension Index Sequence names (PS3.3 C.7.6.17), and what frames say there: values first, and their indices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import numbers_of
from derive.elements.instance import items_of
from derive.elements.private import creator_blocks
from derive.model.dimension import DimensionKind, DimensionValue, dimension_kinds
from derive.model.functional_groups import macros
from derive.reading.dimension_values import Apartness, apartness, levels_of, text_said
from derive.reading.header import Header

_INDEX, _INDEX_VALUES = tag_of("DimensionIndexSequence"), tag_of("DimensionIndexValues")
#: What only says in which order images were made.
_ORDERS = ("TemporalPositionIndex", "TemporalPositionIdentifier", "AcquisitionDateTime", "AcquisitionTime")
NUMBERED = DimensionKind("InstanceNumber", "count")
#: Pointers to where a frame lies: they tell no volumes apart.
SPATIAL = frozenset(
    [
        "StackID",
        "InStackPositionNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "ImagePositionVolume",
        "ImageOrientationVolume",
    ]
)


class Pointer(NamedTuple):
    """One dimension as Dimension Index Sequence names it (PS3.3 C.7.6.17).

    Parameters
    ----------
    place : int
        Which of the Dimension Index Values is its index, from 0.
    keyword : str
        What a flattened frame calls it; (gggg,eeee) for what the dictionary does not have.
    tag, group : int
        Dimension Index Pointer and Functional Group Pointer; 0 for none.
    creator, group_creator : str
        Whose they are, where they are private.
    """

    place: int
    keyword: str
    tag: int
    group: int
    creator: str
    group_creator: str


def pointers_of(header: Header) -> tuple[Pointer, ...]:
    """Return the dimensions that an instance names; none where it names none, or they cannot be read."""
    element = header.elements.get(_INDEX)
    return _pointers(element) if element is not None else ()


def pointers_of_all(headers: Sequence[Header]) -> tuple[Pointer, ...]:
    """Return the dimensions that all instances of a series name, each in the same place."""
    each = [pointers_of(h) for h in {h.elements.get(_INDEX): h for h in headers}.values()]
    return tuple(p for p in each[0] if all(p in others for others in each[1:]))


@cache
def _classic() -> dict[str, str]:
    """What a flattened frame calls an attribute of a macro."""
    return {leaf.path[-1]: leaf.keyword for macro in macros().values() for leaf in macro.leaves}


def classic_keyword(keyword: str, headers: Sequence[Header]) -> str:
    """Return what flattened frames call an attribute, where one of them has it under that name; else its own."""
    classic = _classic().get(keyword, keyword)
    return classic if any(h.element(classic) is not None for h in headers) else keyword


def _pointers(element: Element) -> tuple[Pointer, ...]:
    found = []
    for place, item in enumerate(items_of(element) or ()):
        said = {e.keyword: e for e in item}
        tag, group = (_tag(said.get(k)) for k in ("DimensionIndexPointer", "FunctionalGroupPointer"))
        named = keyword_of(tag) if tag else ""
        creators = (_creator(said.get(k)) for k in ("DimensionIndexPrivateCreator", "FunctionalGroupPrivateCreator"))
        found.append(Pointer(place, _classic().get(named, named), tag, group, *creators))
    return tuple(found)


def _creator(element: Element | None) -> str:
    return "" if element is None else text_said(element) or ""


def _tag(element: Element | None) -> int:
    if element is None or len(element.value) != 4:
        return 0
    return int.from_bytes(element.value[:2], "little") << 16 | int.from_bytes(element.value[2:], "little")


def named_apartness(headers: Sequence[Header], pointer: Pointer) -> Apartness | None:
    """Return what frames say of a dimension that their instance names; None where nobody can tell."""
    known = dimension_kinds().get(pointer.keyword)
    if known is not None:
        found = apartness(headers, known)
        if any(v is not None for v in found.values):
            return found
    values = [_pointed(h.elements, pointer) for h in headers]
    if all(v is None for v in values):
        return None
    kind = known or DimensionKind(pointer.keyword, _kind_of(values))
    values = [str(v) if kind.kind == "text" and v is not None else v for v in values]
    return Apartness(kind, tuple(values), levels_of(values, kind.kind))


def _kind_of(values: Sequence[DimensionValue]) -> str:
    said = [v for v in values if v is not None]
    if all(isinstance(v, float) for v in said):
        return "measure"
    return "direction" if all(isinstance(v, tuple) for v in said) else "text"


def _pointed(elements: Mapping[int, Element], pointer: Pointer) -> DimensionValue:
    group = _found(elements, pointer.group, pointer.group_creator)
    element = _within(group, pointer) if group is not None else _found(elements, pointer.tag, pointer.creator)
    if element is None or element.vr == "SQ":
        return None
    numbers = tuple(float(v) for v in numbers_of(element))
    return (numbers[0] if len(numbers) == 1 else numbers) if numbers else text_said(element)


def _found(elements: Mapping[int, Element], tag: int, creator: str) -> Element | None:
    """Find an attribute of one data set; a private one in the block that its creator has there (PS3.5 7.8)."""
    if not creator:
        return elements.get(tag)
    blocks = creator_blocks(e for e in elements.values() if e.tag >> 16 == tag >> 16)
    tags = (block | tag & 0xFF for block, name in blocks.items() if name == creator)
    return next((elements[t] for t in tags if t in elements), None)


def _within(sequence: Element, pointer: Pointer) -> Element | None:
    """Find an attribute in the items of a sequence, at any depth."""
    for item in items_of(sequence, private=True) or ():
        found = _found({e.tag: e for e in item}, pointer.tag, pointer.creator)
        inner = (_within(e, pointer) for e in item if found is None and e.vr == "SQ")
        found = found or next((e for e in inner if e is not None), None)
        if found is not None:
            return found
    return None


def _whole(element: Element | None) -> list[int]:
    return [] if element is None else [int(v) for v in numbers_of(element)]


def indices(headers: Sequence[Header], pointer: Pointer) -> Apartness | None:
    """Return the index of a named dimension as if it were its value; None where frames lack it."""
    found = [_whole(h.elements.get(_INDEX_VALUES)) for h in headers]
    if any(len(row) <= pointer.place for row in found):
        return None
    values = [float(row[pointer.place]) for row in found]
    return Apartness(DimensionKind("DimensionIndexValues", "count"), tuple(values), levels_of(values, "count"))


def orders(headers: Sequence[Header]) -> Iterator[Apartness]:
    """Give what only says in which order images were made: times, numbers, and the indices of somebody who wrote them.

    *2026-12-01.* Directions of one time have no order of their own. Whoever wrote frames into one instance numbered
    them by its indices, and so did we: read back, volumes come as they were.
    """
    yield from (apartness(headers, dimension_kinds()[keyword]) for keyword in _ORDERS)
    yield apartness(headers, NUMBERED)
    found = (indices(headers, pointer) for pointer in pointers_of_all(headers))
    yield from (index for index in found if index is not None)
