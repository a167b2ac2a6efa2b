"""Enumerated values and defined terms of attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from derive.standard._tables import rows

ANY_IOD = "*"
ANY_VALUE = "-"


@dataclass(frozen=True, slots=True)
class ValueRule:
    r"""The values that the standard lists for an attribute (PS3.3 Annex C).

    Attributes
    ----------
    keyword : str
        Keyword of the attribute.
    module : str
        The module that lists them; for a rule of one IOD the module that the IOD narrows.
    kind : str
        ``enumerated``: no other value is allowed; ``defined``: another value may be used when none fits.
    values : tuple of str
        The values; numbers as decimal text.
    value_number : int or None
        Which value of a multi-valued attribute, from 1; None when the rule is about every value.
    section : str
        Section of PS3.3.
    edition : str
        Edition of the standard that the list was taken from; ``-`` when it was compared with none.
    """

    keyword: str
    module: str
    kind: str
    values: tuple[str, ...]
    value_number: int | None
    section: str
    edition: str


def values(iod_name: str, keyword: str) -> tuple[ValueRule, ...]:
    """Return the rules for the values of a top-level attribute in an IOD; all of them hold together.

    Parameters
    ----------
    iod_name : str
        Name of the IOD, e.g. ``ct-image``.
    keyword : str
        Keyword of the attribute.

    Returns
    -------
    tuple of ValueRule
        By value number. Where several modules list the same value, only the most specific list: that of
        the IOD itself, else that of the module that the fewest IODs have. Empty when nothing is listed.

    Raises
    ------
    LookupError
        When no table has the IOD.
    """
    if iod_name not in _rules():
        raise LookupError(f"STD-IOD: no IOD table {iod_name!r}; there are {', '.join(_rules())}")
    return _rules()[iod_name].get(keyword, ())


def values_in_macro(sequence: str, keyword: str) -> tuple[ValueRule, ...]:
    """Return the rules for the values of an attribute inside a functional group, at whatever depth.

    Parameters
    ----------
    sequence : str
        Keyword of the sequence of the macro: it is the module of the rules.
    keyword : str
        Keyword of the attribute.
    """
    return _in_macros().get((sequence, keyword), ())


def defaults(iod_name: str) -> Mapping[str, str]:
    """Return what the absence of an attribute means, by keyword, of an IOD.

    >>> defaults("ct-image")["RescaleType"]
    'HU'
    """
    return _defaults(iod_name)


@cache
def _defaults(iod_name: str) -> Mapping[str, str]:
    return {keyword: value for iod, keyword, value, _, _ in rows("kept_defaults") if iod in (ANY_IOD, iod_name)}


@cache
def _in_macros() -> Mapping[tuple[str, str], tuple[ValueRule, ...]]:
    found: dict[tuple[str, str], list[ValueRule]] = {}
    for sequence, keyword, kind, number, listed, section, edition in rows("frame_values"):
        which = None if number == ANY_VALUE else int(number)
        rule = ValueRule(keyword, sequence, kind, tuple(listed.split("\\")), which, section, edition)
        found.setdefault((sequence, keyword), []).append(rule)
    return {place: tuple(rules) for place, rules in found.items()}


@cache
def known_terms() -> frozenset[str]:
    """Return every value that the tables list for any attribute: a message may quote these."""
    of_modules = (row[5] for row in rows("values"))
    in_macros = (row[4] for row in rows("frame_values"))
    return frozenset(value for listed in (*of_modules, *in_macros) for value in listed.split("\\"))


@cache
def _rules() -> dict[str, dict[str, tuple[ValueRule, ...]]]:
    modules: dict[str, list[str]] = {}
    for name, _, _, module, _ in rows("iods"):
        modules.setdefault(name, []).append(module)
    spread = Counter(module for found in modules.values() for module in found)
    # The least specific first, so that a more specific list takes its place.
    table = sorted(rows("values"), key=lambda row: (row[0] == ANY_IOD, spread[row[1]]), reverse=True)
    return {name: _of_iod(name, found, table) for name, found in modules.items()}


def _of_iod(name: str, modules: list[str], table: list[list[str]]) -> dict[str, tuple[ValueRule, ...]]:
    chosen: dict[str, dict[int, ValueRule]] = {}
    for iod_name, module, keyword, kind, number, listed, section, edition in table:
        if iod_name not in (ANY_IOD, name) or module not in modules:
            continue
        which = None if number == ANY_VALUE else int(number)
        rule = ValueRule(keyword, module, kind, tuple(listed.split("\\")), which, section, edition)
        chosen.setdefault(keyword, {})[which or 0] = rule
    return {keyword: tuple(found[which] for which in sorted(found)) for keyword, found in chosen.items()}
