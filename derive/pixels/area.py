"""Where in an image: a rectangle of its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple


class Area(NamedTuple):
    """A rectangle of pixels: its first column and row, and those behind its last."""

    left: int
    top: int
    right: int
    bottom: int


def outside(kept: Iterable[Area], columns: int, rows: int) -> tuple[Area, ...]:
    """Return rectangles that together are all of an image but for what some others cover.

    Examples
    --------
    >>> outside([Area(2, 1, 4, 3)], 4, 3)
    (Area(left=0, top=0, right=4, bottom=1), Area(left=0, top=1, right=2, bottom=3))
    """
    kept = [a for a in kept if a.left < a.right and a.top < a.bottom]
    edges = sorted({0, rows, *(e for a in kept for e in (a.top, a.bottom) if 0 < e < rows)})
    found: list[Area] = []
    for top, bottom in pairwise(edges):
        left = 0
        for area in sorted(a for a in kept if a.top <= top and a.bottom >= bottom):
            if area.left > left:
                found.append(Area(left, top, min(area.left, columns), bottom))
            left = max(left, area.right)
        if left < columns:
            found.append(Area(left, top, columns, bottom))
    return tuple(found)
