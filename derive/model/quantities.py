"""What the pixels of a frame are, as far as it keeps frames of one series apart: a magnitude, a phase, water, a map.

``quantities.tsv`` names the terms of Image Type and Complex Image Component (PS3.3 C.8.3.1.1.1, C.8.13.3.1.1, and what
vendors write beside them) that say it. Frames of several quantities are no volumes of one dimension: they have no
values in common. What is ``alone`` is said of every frame of it: images that say nothing are none.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

#: The mean over directions of diffusion.
TRACE = "trace"


@cache
def _rows() -> tuple[dict[str, str], ...]:
    table = files(__package__).joinpath("quantities.tsv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(table.splitlines(), delimiter="\t"))


@cache
def _terms() -> dict[str, str]:
    return {row["term"]: row["quantity"] for row in _rows()}


@cache
def _order() -> dict[str, int]:
    return {quantity: place for place, quantity in enumerate(dict.fromkeys(_terms().values()))}


def quantities_said(terms: Iterable[str]) -> tuple[str, ...]:
    """Return the quantities that terms say, each once; none where they say nothing of it.

    >>> quantities_said(["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"])
    ('magnitude',)
    """
    found = {quantity for term in terms if (quantity := _terms().get(term.strip().upper()))}
    return tuple(sorted(found, key=_order().__getitem__))


def order_of(quantities: tuple[str, ...]) -> tuple[int, ...]:
    """Return what sorts quantities as ``quantities.tsv`` has them."""
    return tuple(_order()[quantity] for quantity in quantities)


def is_alone(quantities: tuple[str, ...]) -> bool:
    """Whether images that say nothing are of another quantity than those that say this.

    >>> is_alone(("magnitude",)), is_alone(("ADC",))
    (False, True)
    """
    return any(row["alone"] == "yes" for row in _rows() if row["quantity"] in quantities)
