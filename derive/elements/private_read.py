"""Private attributes that are read, and go into no result: what vendors say in them is told in words of the standard.

``private_read.tsv`` has them: who defines them, their tag in whichever block that creator has (PS3.5 7.8.1), the
attribute that says the same, and how their values are read (:mod:`derive.reading.vendor_words`). They are kept beside
the elements of an image, not among these.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from derive.elements.csa import csa_of
from derive.elements.element import Element, is_creator
from derive.elements.private import StoredPrivate


@dataclass(frozen=True)
class PrivateRead:
    """One row of ``private_read.tsv``.

    Parameters
    ----------
    creator : str
    group, element : int
        Of its tag; of the element number the last two digits.
    vr : str
    keyword : str
        Of the standard attribute that says the same.
    reads : str
        How.
    """

    creator: str
    group: int
    element: int
    vr: str
    keyword: str
    reads: str

    @property
    def tag(self) -> int:
        """Its tag in the first block that there is; whichever an image uses."""
        return self.group << 16 | 0x1000 | self.element


@cache
def private_reads() -> tuple[PrivateRead, ...]:
    """Return the rows of the table, in their order."""
    table = files(__package__).joinpath("private_read.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    return tuple(
        PrivateRead(r["creator"], int(r["tag"][1:5], 16), int(r["tag"][8:10], 16), r["vr"], r["keyword"], r["reads"])
        for r in rows
    )


#: Of a CSA header only these are kept: it has 100 items, and every image has one of its own.
CSA_NAMES = frozenset({"B_value", "DiffusionDirectionality", "DiffusionGradientDirection", "B_matrix"})
#: Groups that have any; nothing else is looked at.
READ_GROUPS = frozenset(row.group for row in private_reads())


@cache
def _by_creator() -> dict[tuple[int, str, int], PrivateRead]:
    return {(row.group, row.creator, row.element): row for row in private_reads()}


def elements_read(stored: Iterable[StoredPrivate]) -> tuple[Element, ...]:
    """Return those of the table among the private attributes of a data set, each under the tag that its row has.

    Parameters
    ----------
    stored : iterable of StoredPrivate
        Private Creators among them, before what they define.
    """
    creators: dict[int, str] = {}
    found: list[Element] = []
    for tag, vr, value in stored:
        if is_creator(tag):
            creators[tag & 0xFFFF0000 | (tag & 0xFF) << 8] = value.rstrip(b" \0").decode("ascii", "replace").strip()
            continue
        row = _by_creator().get((tag >> 16, creators.get(tag & 0xFFFFFF00, ""), tag & 0xFF))
        if row is not None and row.reads == "csa":
            value = csa_of(value, CSA_NAMES)
        if row is not None and value:
            found.append(Element(row.tag, row.vr if vr == "UN" else vr, value))
    return tuple(found)
