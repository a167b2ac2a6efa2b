"""What frames say of a dimension: in its classic keyword, in a private attribute, or where an index points to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import numbers_of, text_of
from derive.elements.instance import items_of
from derive.model.dimension import DimensionKind, DimensionValue, dimension_kinds
from derive.model.functional_groups import macros
from derive.model.planes import alike
from derive.reading.header import Header

#: Numbers that differ by less, as a share of the largest, are one: some are written with few digits.
_SHARE = 1e-4
_INDEX, _INDEX_VALUES = tag_of("DimensionIndexSequence"), tag_of("DimensionIndexValues")
Read = Callable[[Element], DimensionValue]
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


@dataclass(frozen=True, eq=False)
class Apartness:
    """What frames say of one attribute.

    Parameters
    ----------
    kind : DimensionKind
    values : tuple
        Of each frame; None where it says nothing.
    levels : (frames,) int
        Which of the different values each has, in ascending order; nothing comes first.
    """

    kind: DimensionKind
    values: tuple[DimensionValue, ...]
    levels: NDArray[np.int64]

    @property
    def varies(self) -> bool:
        """Whether frames differ in it."""
        return bool(len(self.levels)) and bool((self.levels != self.levels[0]).any())


class Pointer(NamedTuple):
    """One dimension as Dimension Index Sequence names it (PS3.3 C.7.6.17).

    Parameters
    ----------
    place : int
        Which of the Dimension Index Values is its index, from 0.
    tag, group : int
        Dimension Index Pointer and Functional Group Pointer; 0 for none.
    keyword : str
        What the flattened frame calls it.
    """

    place: int
    tag: int
    group: int
    keyword: str


def apartness(headers: Sequence[Header], kind: DimensionKind) -> Apartness:
    """Return what frames say of an attribute of the table."""
    tag = tag_of(kind.keyword)
    read = _READ[kind.kind]
    found: dict[Element, DimensionValue] = {}

    def value(elements: Mapping[int, Element]) -> DimensionValue:
        element = elements.get(tag)
        if element is not None:
            if element not in found:
                found[element] = read(element)
            return found[element]
        return _private_value(elements, kind, read)

    values = [value(h.elements) for h in headers]
    if kind.absent is not None and any(v is not None for v in values):
        values = [kind.absent if v is None else v for v in values]
    return Apartness(kind, tuple(values), _levels(values, kind.kind))


def _private_value(elements: Mapping[int, Element], kind: DimensionKind, read: Read) -> DimensionValue:
    found = (read(elements[tag]) for tag in kind.private if tag in elements)
    return next((value for value in found if value is not None), None)


def _number(element: Element) -> float | None:
    found = numbers_of(element)
    return float(found[0]) if len(found) and np.isfinite(found[0]) else None


def _direction(element: Element) -> tuple[float, ...] | None:
    found = tuple(float(v) for v in numbers_of(element))
    return found if len(found) == 3 and np.isfinite(found).all() and any(found) else None


def _text(element: Element) -> str | None:
    return element.stripped().decode("ascii", "replace").strip() or None


def _clock(element: Element) -> float | None:
    """Seconds: of a day, or since a date; it is enough that they rise, and so any month has 31 days."""
    text = text_of(element).split("+")[0].split("-")[0].replace(":", "")
    if not text or text.count(".") > 1 or not text.replace(".", "").isdigit():
        return None
    days = 0
    if element.vr == "DT":
        year, month, day = (int(text[a:b] or 1) for a, b in ((0, 4), (4, 6), (6, 8)))
        days, text = (year * 12 + month) * 31 + day, text[8:]
    whole, _, rest = text.partition(".")
    hours, minutes, seconds = (int(whole[a : a + 2] or 0) for a in (0, 2, 4))
    return days * 86400.0 + hours * 3600 + minutes * 60 + seconds + float(f"0.{rest or 0}")


_READ: dict[str, Read] = {
    "measure": _number,
    "time": _number,
    "count": _number,
    "direction": _direction,
    "clock": _clock,
    "text": _text,
}


def _levels(values: Sequence[DimensionValue], kind: str) -> NDArray[np.int64]:
    """Number the different values, in ascending order from 1; 0 for nothing."""
    different = sorted({v for v in values if v is not None}, key=_sortable)
    level = {v: n for n, v in enumerate(different, 1)}
    if kind in ("measure", "direction") and len(different) > 1:
        rows = [v if isinstance(v, tuple) else (float(v),) for v in different if not isinstance(v, str)]
        reach = max(abs(n) for row in rows for n in row)
        groups = alike(rows, _SHARE * reach)
        level = {different[i]: n for n, group in enumerate(sorted(groups, key=min), 1) for i in group}
    return np.array([0 if v is None else level[v] for v in values], dtype=np.int64)


def _sortable(value: DimensionValue) -> tuple[float | str, ...]:
    return value if isinstance(value, tuple) else (value,) if value is not None else ()


def pointers_of(header: Header) -> tuple[Pointer, ...]:
    """Return the dimensions that an instance names; none where it names none, or they cannot be read."""
    element = header.elements.get(_INDEX)
    return _pointers(element) if element is not None else ()


@cache
def _classic() -> dict[str, str]:
    """What a flattened frame calls an attribute of a macro."""
    return {leaf.path[-1]: leaf.keyword for macro in macros().values() for leaf in macro.leaves}


def _pointers(element: Element) -> tuple[Pointer, ...]:
    found = []
    for place, item in enumerate(items_of(element) or ()):
        said = {e.keyword: e for e in item}
        tag, group = (_tag(said.get(k)) for k in ("DimensionIndexPointer", "FunctionalGroupPointer"))
        named = keyword_of(tag) if tag else ""
        found.append(Pointer(place, tag, group, _classic().get(named, named)))
    return tuple(found)


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
    return Apartness(kind, tuple(values), _levels(values, kind.kind))


def _kind_of(values: Sequence[DimensionValue]) -> str:
    said = [v for v in values if v is not None]
    if all(isinstance(v, float) for v in said):
        return "measure"
    return "direction" if all(isinstance(v, tuple) for v in said) else "text"


def _pointed(elements: Mapping[int, Element], pointer: Pointer) -> DimensionValue:
    group = elements.get(pointer.group)
    element = elements.get(pointer.tag) or (_within(group, pointer.tag) if group is not None else None)
    if element is None or element.vr == "SQ":
        return None
    numbers = tuple(float(v) for v in numbers_of(element))
    return (numbers[0] if len(numbers) == 1 else numbers) if numbers else _text(element)


def _within(sequence: Element, tag: int) -> Element | None:
    """Find an attribute in the items of a sequence, at any depth."""
    for item in items_of(sequence) or ():
        for element in item:
            if element.tag == tag:
                return element
            inner = _within(element, tag) if element.vr == "SQ" else None
            if inner is not None:
                return inner
    return None


def indices_of(headers: Sequence[Header]) -> list[tuple[int, ...]]:
    """Return the Dimension Index Values of each frame; none where it has none."""
    return [tuple(_whole(h.elements.get(_INDEX_VALUES))) for h in headers]


def _whole(element: Element | None) -> list[int]:
    return [] if element is None else [int(v) for v in numbers_of(element)]


def indices(headers: Sequence[Header], pointer: Pointer) -> Apartness | None:
    """Return the index of a named dimension as if it were its value; None where frames lack it."""
    found = indices_of(headers)
    if any(len(row) <= pointer.place for row in found):
        return None
    values = [float(row[pointer.place]) for row in found]
    return Apartness(DimensionKind("DimensionIndexValues", "count"), tuple(values), _levels(values, "count"))
