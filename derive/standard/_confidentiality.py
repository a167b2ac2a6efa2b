"""PS3.15 Annex E: what the profile and each of its options do with an attribute, and with a content item."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from derive.standard._tables import REPEATING

#: Editions of Table E.1-1 that can be asked for; the columns of the options are those of the first.
CONFIDENTIALITY_EDITIONS = ("2026d", "2024b")
_NONE = "-"
_PRIVATE = "private"
_OPTION = ("retain_", "clean_")
_SRT = ("SRT", "SNM3", "99SDM")


@dataclass(frozen=True, eq=False, slots=True)  # one object a row: identity is equality
class ConfidentialityRow:
    """A row of Table E.1-1.

    Parameters
    ----------
    tag : int or None
        None for a repeating group and for private attributes.
    shown : str
        Its tag as the table has it: ``(0010,0010)``, ``(50xx,xxxx)``, ``private``.
    keyword, name : str
        The keyword is empty where no dictionary has one.
    basic : str
        Action of the Basic Profile: ``D Z X K C U``, or several of which the type decides (``X/Z/D``).
    actions : mapping of str to str
        What options do instead: name of the column to ``K`` or ``C``.
    retired, in_standard_iod : bool
    """

    tag: int | None
    shown: str
    keyword: str
    name: str
    basic: str
    actions: Mapping[str, str]
    retired: bool
    in_standard_iod: bool


@dataclass(frozen=True, eq=False, slots=True)  # one object a row: identity is equality
class ContentRow:
    """A row of Table E.3.4-1: what becomes of a content item with some concept name.

    Parameters
    ----------
    scheme, code, meaning : str
        The concept name.
    value_type : str
        ``TEXT``, ``PNAME``, ...
    basic : str
        ``D``, ``X`` or ``X/D``.
    actions : mapping of str to str
        What other options in force do instead: name of the column to ``K`` or ``C``.
    """

    scheme: str
    code: str
    meaning: str
    value_type: str
    basic: str
    actions: Mapping[str, str]


def confidentiality_row(tag: int, edition: str = CONFIDENTIALITY_EDITIONS[0]) -> ConfidentialityRow | None:
    """Return the row of an attribute, also of one in a repeating group; None where the table has none.

    Every attribute of an odd group is one of the row of private attributes. An edition decides which rows there are
    and what the Basic Profile does, which is the same wherever both have the row; the columns of the options are those
    of 2026d in either.

    Raises
    ------
    LookupError
        ``STD-EDITION``: for an edition that is not at hand.
    """
    exact, masked = _rows(edition)
    if tag >> 16 & 1:
        return masked[_PRIVATE]
    if tag in exact:
        return exact[tag]
    group, element = tag >> 16, tag & 0xFFFF
    if group >> 8 == 0x50:
        return masked["(50xx,xxxx)"]
    return masked.get(f"(60xx,{element:04X})") if group >> 8 == 0x60 else None


def confidentiality_rows(edition: str = CONFIDENTIALITY_EDITIONS[0]) -> tuple[ConfidentialityRow, ...]:
    """Return all rows of an edition, by tag, those of repeating groups and of private attributes last."""
    exact, masked = _rows(edition)
    return (*exact.values(), *masked.values())


def content_row(scheme: str, code: str, value_type: str = "") -> ContentRow | None:
    """Return the row of a content item by its concept name, or None where the table has none.

    Where the table has a concept with several value types, the one with that of the item, else the first: the table
    names a concept for what it tells, however a template lets it be said. SNOMED codes are found in either form
    (``SCT`` or ``SRT``).
    """
    found = _content().get((scheme if scheme not in _SRT else "SRT", code), ())
    return next((row for row in found if row.value_type == value_type), found[0] if found else None)


def content_rows() -> tuple[ContentRow, ...]:
    """Return all rows of Table E.3.4-1."""
    return tuple(dict.fromkeys(row for found in _content().values() for row in found))


@cache
def _table(name: str) -> tuple[dict[str, str], ...]:
    text = files(__package__).joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def _actions(row: Mapping[str, str]) -> Mapping[str, str]:
    told = {column: action for column, action in row.items() if column.startswith(_OPTION) and action != _NONE}
    return MappingProxyType(told)


@cache
def _rows(edition: str) -> tuple[dict[int, ConfidentialityRow], dict[str, ConfidentialityRow]]:
    if edition not in CONFIDENTIALITY_EDITIONS:
        known = ", ".join(CONFIDENTIALITY_EDITIONS)
        raise LookupError(f"STD-EDITION: Table E.1-1 of {edition!r} is not at hand; there are {known}")
    exact: dict[int, ConfidentialityRow] = {}
    masked: dict[str, ConfidentialityRow] = {}
    for row in _table("confidentiality"):
        basic, shown = row[f"basic_{edition}"], row["tag"]
        if basic == _NONE:
            continue
        keyword = "" if row["keyword"] == _NONE else row["keyword"]
        retired, standard = row["retired"] == "Y", row["in_standard_iod"] == "Y"
        is_mask = shown == _PRIVATE or REPEATING in shown
        tag = None if is_mask else int(shown.strip("()").replace(",", ""), 16)
        found = ConfidentialityRow(tag, shown, keyword, row["name"], basic, _actions(row), retired, standard)
        if tag is None:
            masked[shown] = found
        else:
            exact[tag] = found
    return exact, masked


@cache
def _content() -> dict[tuple[str, str], tuple[ContentRow, ...]]:
    found: dict[tuple[str, str], tuple[ContentRow, ...]] = {}
    for row in _table("content_items"):
        scheme, code = row["scheme"], row["code"]
        told = ContentRow(scheme, code, row["meaning"], row["value_type"], row["basic"], _actions(row))
        older = [("SRT", before) for before in row["srt"].split("\\") if before != _NONE]
        for concept in ((scheme, code), *older):
            found[concept] = (*found.get(concept, ()), told)
    return found
