"""What tells volumes at one place, or the pages of an instance, apart.

``dimensions.tsv`` has the attributes that do, what is most telling first: ``kind`` says how their values are compared,
``absent`` what it means that an image lacks one beside others that have it, ``private`` who says the same in an
attribute of their own (PS3.15 Table E.3.10-1).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from derive.standard import safe_private
from derive.told.wording import counted

#: A value of a dimension: a number, a term, or several numbers (a direction).
DimensionValue: TypeAlias = float | str | tuple[float, ...] | None


@dataclass(frozen=True)
class Dimension:
    """What tells volumes at one place, or pages, apart.

    Parameters
    ----------
    keyword : str
        Of the attribute that does.
    values : tuple
        Its value in each volume or page, in their order; None in one that has none. Where several dimensions tell
        volumes apart, each has as many values as there are volumes.
    units : str
        Of the values; empty for numbers that only count.
    always : bool
        Whether a multi-frame instance has an index of it even where there is one value: a segment among segments.
    """

    keyword: str
    values: tuple[DimensionValue, ...]
    units: str = ""
    always: bool = False


#: So many values of a dimension are named one by one.
_NAMED = 6


def value_told(value: DimensionValue) -> str:
    """Return a value for people; of texts nothing is known, and whoever shows them judges them."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "(" + ", ".join(f"{v:.4g}" for v in value) + ")"
    return value if isinstance(value, str) else f"{value:.7g}"


def dimensions_told(dimensions: Sequence[Dimension]) -> str:
    """Say what tells volumes apart, in words; texts and directions are counted.

    >>> dimensions_told([Dimension("DiffusionBValue", (0.0, 1000.0, 1000.0), "s/mm2")])
    'DiffusionBValue 0, 1000 s/mm2'
    """
    return "; ".join(f"{d.keyword} {_values_told(d)}" for d in dimensions)


def _values_told(dimension: Dimension) -> str:
    units = f" {dimension.units}" if dimension.units else ""
    different = {v for v in dimension.values if v is not None}
    numbers = sorted(v for v in different if isinstance(v, float | int))
    if len(numbers) < len(different) or not numbers:
        kind = "direction" if all(isinstance(v, tuple) for v in different) else "value"
        return f"({counted(len(different), kind)})"
    if len(numbers) > _NAMED:
        return f"{value_told(numbers[0])} to {value_told(numbers[-1])}{units} ({counted(len(numbers), 'value')})"
    return ", ".join(map(value_told, numbers)) + units


@dataclass(frozen=True)
class DimensionKind:
    """One row of ``dimensions.tsv``.

    Parameters
    ----------
    keyword : str
        What single-frame images call it.
    kind : str
        ``measure``: a number that was set, of some digits; ``direction``: several numbers; ``time``: a delay, which
        may go on from slice to slice; ``beat``: how long the heart beats are of which gates were taken; ``count``: a
        number that only counts; ``clock``: a time of day, or a date and time, which goes on from slice to slice;
        ``percent``: the only percentage in a text, as phases of 4D CT are called (``T=50%``); ``text``.
    units : str
    absent : float, optional
        What it means that an image does not say it, where others do.
    private : tuple of int
        Tags of attributes of vendors that say the same, each in the block that :func:`derive.standard.safe_private`
        gives its creator.
    """

    keyword: str
    kind: str
    units: str = ""
    absent: float | None = None
    private: tuple[int, ...] = ()


@cache
def dimension_kinds() -> dict[str, DimensionKind]:
    """Return the rows of ``dimensions.tsv`` by keyword, what is most telling first."""
    table = files(__package__).joinpath("dimensions.tsv").read_text(encoding="utf-8")
    return {r["keyword"]: _kind(r) for r in csv.DictReader(table.splitlines(), delimiter="\t")}


def _kind(row: dict[str, str]) -> DimensionKind:
    private = tuple(_private(text) for text in row["private"].split("|") if text)
    absent = float(row["absent"]) if row["absent"] else None
    return DimensionKind(row["keyword"], row["kind"], row["units"], absent, private)


#: What counts times.
_COUNTS_TIMES = frozenset({"TemporalPositionIndex", "TemporalPositionIdentifier"})
#: What counts acquisitions, which are times if they follow each other.
ACQUISITIONS = "AcquisitionNumber"


def is_time(keyword: str) -> bool:
    """Tell whether an attribute says a time, or counts times."""
    found = dimension_kinds().get(keyword)
    return keyword in _COUNTS_TIMES or (found is not None and found.kind in ("time", "clock"))


def tells_times(keyword: str) -> bool:
    """Tell whether volumes that an attribute tells apart are of several times: gates of several beats are, too."""
    found = dimension_kinds().get(keyword)
    return is_time(keyword) or (found is not None and found.kind == "beat")


def is_set(keyword: str) -> bool:
    """Tell whether an attribute says what was set for a volume as a whole, and is no count and no time."""
    found = dimension_kinds().get(keyword)
    return found is not None and found.kind in ("measure", "direction")


def _private(text: str) -> int:
    found = re.fullmatch(r"(.+) \(([0-9A-F]{4}),xx([0-9A-F]{2})\)", text)
    assert found is not None, text
    creator, group, element = found.groups()
    return safe_private()[int(group, 16), creator, int(element, 16)].tag
