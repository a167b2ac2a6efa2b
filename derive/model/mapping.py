"""Real World Value Mappings: lines and tables from stored values to values with a unit (PS3.3 C.7.6.16.2.11).

A mapping speaks of the stored values of its own image. What it says of the *values*, those that the image is read as,
is true of every image that holds values of the same quantity, whatever its stored values are: an item is taken apart
into what it says of values, and made whole again for other stored values.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pydicom.dataset import Dataset

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of
from derive.elements.instance import items_of
from derive.errors import ValuesError

#: LUT Label of the items that are made here: they map to the values.
OWN_LABEL = "DERIVED"
#: How far slopes of two images may be apart that mean the same: one of them is often a decimal string.
ALIKE = 1e-6
_WORD = 1 << 16
_FIRST, _LAST = "RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"
_SLOPE, _INTERCEPT, _TABLE = "RealWorldValueSlope", "RealWorldValueIntercept", "RealWorldValueLUTData"
#: What an item says of stored values; all else is said of what they mean, and stays.
_OF_STORED = {
    tag_of(k): k for k in (_FIRST, _LAST, f"DoubleFloat{_FIRST}", f"DoubleFloat{_LAST}", _SLOPE, _INTERCEPT, _TABLE)
}


class Line(NamedTuple):
    """What x becomes: ``slope * x + intercept``."""

    slope: float
    intercept: float

    def of(self, x: float) -> float:
        """Return what x becomes."""
        return self.slope * x + self.intercept


class HeldValues(NamedTuple):
    """How an image holds its values.

    Parameters
    ----------
    rescale : Line
        From stored values to values.
    bounds : (int, int)
        Smallest and largest stored value that there can be.
    held : (int, int)
        Smallest and largest that there is, apart from padding.
    """

    rescale: Line
    bounds: tuple[int, int]
    held: tuple[int, int]


@dataclass(frozen=True)
class RealWorldMapping:
    """One item of a Real World Value Mapping Sequence, and how the image holds its values.

    Parameters
    ----------
    said : tuple of Element
        What the item says of what values mean: units, quantity, label.
    line : Line, optional
        From stored to real-world values; None where a table maps them.
    table : tuple of float
        Real World Value LUT Data: of the first stored value, the next one, and so on.
    rescale : Line
        From stored values to values.
    first : int
        The stored value that is mapped first.
    ends : (float, float)
        Smallest and largest value that is mapped.
    whole : bool
        Whether every stored value that the image can have is mapped.
    """

    said: tuple[Element, ...]
    line: Line | None
    table: tuple[float, ...]
    rescale: Line
    first: int
    ends: tuple[float, float]
    whole: bool

    @property
    def of_values(self) -> Line:
        """The line from values to real-world values."""
        assert self.line is not None, "a table has no line"
        slope = self.line.slope / self.rescale.slope
        return Line(slope, _plain(self.line.intercept, -slope * self.rescale.intercept))

    def alike(self, other: RealWorldMapping) -> bool:
        """Whether another image maps its values in the same way."""
        if self.said != other.said:
            return False
        if self.line is None or other.line is None:
            return (self.table, self.rescale, self.first) == (other.table, other.rescale, other.first)
        one, two = self.of_values, other.of_values
        return all(
            math.isclose(one.of(x), two.of(x), rel_tol=ALIKE, abs_tol=ALIKE * _width(one, self.ends)) for x in self.ends
        )

    def joined(self, other: RealWorldMapping) -> RealWorldMapping:
        """Return one that maps the values of both images."""
        low, high = min(self.ends[0], other.ends[0]), max(self.ends[1], other.ends[1])
        return replace(self, ends=(low, high), whole=self.whole and other.whole)

    def rebased(self, stored: HeldValues) -> list[Element]:
        """Return the item for other stored values.

        Raises
        ------
        ValuesError
            ``VAL-MAPPING`` for a table, where the new stored values are not the old ones, or those shifted.
        """
        numbers = self._table(stored) if self.line is None else self._line(self.line, stored)
        signed = stored.bounds[0] < 0
        return [*self.said, *(encode(keyword, value, signed=signed) for keyword, value in numbers.items())]

    def _line(self, line: Line, stored: HeldValues) -> Mapping[str, object]:
        new = stored.rescale
        if new != self.rescale:
            known = self.of_values
            line = Line(_rounded(known.slope * new.slope), _plain(known.intercept, known.slope * new.intercept))
        first, last = sorted((end - new.intercept) / new.slope for end in self.ends)
        low, high = math.floor(first + ALIKE), math.ceil(last - ALIKE)
        if self.whole:  # what an interpolation adds at the ends means what the rest means
            low, high = min(low, stored.held[0]), max(high, stored.held[1])
        low, high = (min(max(end, stored.bounds[0]), stored.bounds[1]) for end in (low, high))
        return {_FIRST: low, _LAST: high, _SLOPE: line.slope, _INTERCEPT: line.intercept}

    def _table(self, stored: HeldValues) -> Mapping[str, object]:
        old, new = self.rescale, stored.rescale
        step, shift = old.slope / new.slope, (old.intercept - new.intercept) / new.slope
        if abs(abs(step) - 1) > ALIKE or abs(shift - round(shift)) > ALIKE:
            raise ValuesError(
                "VAL-MAPPING",
                "the real-world values of the source are said by a table of its stored values "
                "(Real World Value LUT Data, PS3.3 C.7.6.16.2.11), and the result needs stored values between those; "
                "no flag changes that",
            )
        ends = [round(step * x + shift) for x in (self.first, self.first + len(self.table) - 1)]
        table = self.table if ends[0] <= ends[1] else self.table[::-1]
        first, last = max(min(ends), stored.bounds[0]), min(max(ends), stored.bounds[1])
        return {_FIRST: first, _LAST: last, _TABLE: list(table[first - min(ends) : last - min(ends) + 1])}


def mappings_of(
    element: Element | None, rescale: tuple[float, float], stored_range: tuple[int, int]
) -> tuple[RealWorldMapping, ...]:
    """Take the items of an image apart.

    Parameters
    ----------
    element : Element, optional
        Its Real World Value Mapping Sequence, legal.
    rescale : (slope, intercept)
        From its stored values to its values.
    stored_range : (low, high)
        Stored values that it can have.
    """
    items = (items_of(element) or ()) if element is not None else ()
    found = (_mapping(item, Line(*rescale), stored_range) for item in items)
    return tuple(mapping for mapping in found if mapping is not None)


def _mapping(item: Sequence[Element], rescale: Line, stored_range: tuple[int, int]) -> RealWorldMapping | None:
    numbers = {_OF_STORED[e.tag]: numbers_of(e) for e in item if e.tag in _OF_STORED and e.tag != tag_of(_TABLE)}
    table = next((_doubles(e) for e in item if e.tag == tag_of(_TABLE)), ())
    first, last = (
        _end(numbers.get(k) or numbers.get(f"DoubleFloat{k}"), end, stored_range)
        for k, end in zip((_FIRST, _LAST), stored_range, strict=True)
    )
    slope, intercept = numbers.get(_SLOPE), numbers.get(_INTERCEPT)
    line = Line(slope[0], intercept[0]) if slope and intercept and not table else None
    if (line is None and not table) or not all(map(math.isfinite, (*(line or ()), first, last))):
        return None
    low, high = sorted((rescale.of(first), rescale.of(last)))
    said = tuple(e for e in item if e.tag not in _OF_STORED)
    whole = min(first, last) <= stored_range[0] and max(first, last) >= stored_range[1]
    return RealWorldMapping(said, line, table, rescale, int(first), (low, high), whole)


def _end(said: list[float] | None, default: int, stored_range: tuple[int, int]) -> float:
    """Return a stored value by its bits, whichever sign it was written with; what nobody says is where the bits end."""
    if not said:
        return float(default)
    if stored_range[0] < 0 and said[0] >= _WORD // 2:
        return said[0] - _WORD
    return said[0] + _WORD if stored_range[0] >= 0 and said[0] < 0 else said[0]


def _doubles(element: Element) -> tuple[float, ...]:
    count = len(element.value) // 8
    return struct.unpack(f"<{count}d", element.value[: count * 8]) if element.vr in ("FD", "OD") else ()


def agreed(images: Iterable[tuple[RealWorldMapping, ...]]) -> tuple[RealWorldMapping, ...] | None:
    """Return what images map their values to; None where they do not agree."""
    found: tuple[RealWorldMapping, ...] | None = None
    seen: set[int] = set()
    for image in images:
        if id(image) in seen:
            continue
        seen.add(id(image))
        if found is None:
            found = image
        elif len(found) == len(image) and all(a.alike(b) for a, b in zip(found, image, strict=True)):
            found = tuple(a.joined(b) for a, b in zip(found, image, strict=True))
        else:
            return None
    return found


def item_of_values(items: Sequence[Dataset], *, first: bool = False) -> Dataset | None:
    """Return the item that says what values are where there is no rescale: the only one, or that made here.

    Parameters
    ----------
    items : sequence of Dataset
    first : bool
        Whether it is the first line of several, of a class that says values so and in no other way.
    """
    linear = [i for i in items if all(isinstance(i.get(k), float) for k in (_SLOPE, _INTERCEPT))]
    if len(items) == 1:
        return linear[0] if linear else None
    if first:
        return linear[0] if linear else None
    own = [i for i in linear if i.get("LUTLabel") == OWN_LABEL]
    return own[0] if len(own) == 1 else None


def line_of_values(items: Sequence[Sequence[Element]]) -> Line:
    """Return the line that :func:`item_of_values` would give for items in the making; values as stored without."""
    lines = [(Line(*(numbers_of(by[tag_of(k)])[0] for k in (_SLOPE, _INTERCEPT))), by) for by in _linear(items)]
    if len(items) == 1:
        return lines[0][0] if lines else Line(1.0, 0.0)
    own = [line for line, by in lines if by[tag_of("LUTLabel")].stripped() == OWN_LABEL.encode()]
    return own[0] if len(own) == 1 else Line(1.0, 0.0)


def _linear(items: Sequence[Sequence[Element]]) -> list[dict[int, Element]]:
    each = [{e.tag: e for e in item} for item in items]
    return [by for by in each if {tag_of(_SLOPE), tag_of(_INTERCEPT), tag_of("LUTLabel")} <= by.keys()]


def _width(line: Line, ends: tuple[float, float]) -> float:
    return abs(line.slope) * (ends[1] - ends[0])


def _plain(one: float, other: float) -> float:
    """Return a sum without what is left of numbers that were meant to cancel out."""
    total = one + other
    return 0.0 if abs(total) <= 1e-12 * max(abs(one), abs(other)) else _rounded(total)


def _rounded(value: float) -> float:
    """Return the number that was meant: 0.3, and not 0.30000000000000004."""
    return float(f"{value:.15g}")
