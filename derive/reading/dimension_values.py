"""What frames say of a dimension, in its classic keyword or a private attribute, and which of the values each has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.elements.element import Element, tag_of
from derive.elements.encoding import numbers_of, text_of
from derive.model.dimension import DimensionKind, DimensionValue, dimension_kinds
from derive.model.planes import alike
from derive.reading.header import Header
from derive.told.wording import flag

#: Numbers that differ by less, as a share of the largest, are one: some are written with few digits.
_SHARE = 1e-4
#: Where the day of a time stands.
_DAYS = {"AcquisitionTime": tag_of("AcquisitionDate"), "ContentTime": tag_of("ContentDate")}
_DAY = 86400.0
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d+)?)\s*%")
#: Kinds of dimensions whose values are numbers: these may be shown, and are compared as numbers.
NUMBERS = ("measure", "direction", "beat", "time", "count")
Read = Callable[[Element], DimensionValue]


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
    if kind.kind == "clock":
        values = [_on_its_day(h.elements, kind.keyword, v) for h, v in zip(headers, values, strict=True)]
    if kind.absent is not None and any(v is not None for v in values):
        values = [kind.absent if v is None else v for v in values]
    return Apartness(kind, tuple(values), levels_of(values, kind.kind))


def chosen_by(keyword: str, value: DimensionValue) -> str:
    """Return the flag that takes the images which say a value; of times of day and texts nobody is told which."""
    kind = dimension_kinds().get(keyword)
    text = "VALUE"
    if kind is not None and kind.kind in NUMBERS and not isinstance(value, str):
        each = value if isinstance(value, tuple) else () if value is None else (value,)
        text = ",".join(f"{v:.7g}" for v in each) or "none"
    return flag("where", f"{keyword}={text}")


def _on_its_day(elements: Mapping[int, Element], keyword: str, time: DimensionValue) -> DimensionValue:
    """Add the day to a time of day, where it is told beside it: series go on over midnight."""
    day = elements.get(_DAYS.get(keyword, 0))
    days = None if day is None else _days(text_of(day))
    return time + days * _DAY if isinstance(time, float) and days is not None else time


def _private_value(elements: Mapping[int, Element], kind: DimensionKind, read: Read) -> DimensionValue:
    found = (read(elements[tag]) for tag in kind.private if tag in elements)
    return next((value for value in found if value is not None), None)


def _number(element: Element) -> float | None:
    found = numbers_of(element)
    return float(found[0]) if len(found) and np.isfinite(found[0]) else None


def _direction(element: Element) -> tuple[float, ...] | None:
    found = tuple(float(v) for v in numbers_of(element))
    return found if len(found) == 3 and np.isfinite(found).all() and any(found) else None


def text_said(element: Element) -> str | None:
    """Return the text of an element, its values with a backslash between them; None for nothing."""
    return element.stripped().decode("ascii", "replace").strip() or None


def _percent(element: Element) -> float | None:
    """Return the percentage that a text names; None where it names none, or several."""
    found = _PERCENT.findall(text_said(element) or "")
    return float(found[0]) if len(found) == 1 else None


def _clock(element: Element) -> float | None:
    """Return seconds, of a day or since a day long ago."""
    text = text_of(element).split("+")[0].split("-")[0].replace(":", "")
    if not text or text.count(".") > 1 or not text.replace(".", "").isdigit():
        return None
    days = _days(text[:8]) if element.vr == "DT" else 0
    if days is None:
        return None
    text = text[8:] if element.vr == "DT" else text
    whole, _, rest = text.partition(".")
    hours, minutes, seconds = (int(whole[a : a + 2] or 0) for a in (0, 2, 4))
    return days * _DAY + hours * 3600 + minutes * 60 + seconds + float(f"0.{rest or 0}")


def _days(text: str) -> int | None:
    text = text.replace(".", "")
    if len(text) < 4 or not text.isdigit():
        return None
    try:
        return date(int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1)).toordinal()
    except ValueError:
        return None


_READ: dict[str, Read] = {
    "measure": _number,
    "beat": _number,
    "time": _number,
    "count": _number,
    "direction": _direction,
    "clock": _clock,
    "percent": _percent,
    "text": text_said,
}


def levels_of(values: Sequence[DimensionValue], kind: str) -> NDArray[np.int64]:
    """Number the different values of a kind, in ascending order from 1; 0 for nothing."""
    different = sorted({v for v in values if v is not None}, key=_sortable)
    level = {v: n for n, v in enumerate(different, 1)}
    if kind in ("measure", "direction") and len(different) > 1:
        rows = [v if isinstance(v, tuple) else (float(v),) for v in different if not isinstance(v, str)]
        reach = max(abs(n) for row in rows for n in row)
        groups = alike(rows, _SHARE * reach)
        level = {different[i]: n for n, group in enumerate(sorted(groups, key=min), 1) for i in group}
    return np.array([0 if v is None else level[v] for v in values], dtype=np.int64)


def _sortable(value: DimensionValue) -> tuple[Any, ...]:
    """Return what sorts values of one kind; numbers in texts count as such: ``ep_b50#2`` before ``ep_b50#10``."""
    if isinstance(value, str):
        return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", value))
    return value if isinstance(value, tuple) else (value,) if value is not None else ()
