"""What tells volumes at one place, or the pages of an instance, apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

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
    """

    keyword: str
    values: tuple[DimensionValue, ...]
    units: str = ""
