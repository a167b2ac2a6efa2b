"""When attributes of type 1C and 2C, and conditional modules, are required (PS3.5 7.4.2, 7.4.4; PS3.3).

``conditions.tsv`` has one row for a condition. ``module`` is the module that states it, ``*`` any module,
or ``item`` for attributes inside items; ``keyword`` ``*`` means the module as a whole. ``test`` is made of

=======================  ==========================================================
``has K``, ``lacks K``   the attribute has a value, or has none
``K = V``, ``K != V``    its value is, or is not, V (false without a value)
``K[n] = V``             its value number n is V
``K > N``                its value is a number above N
``K in A|B|C``           its value is one of these
``K includes V``         one of its values is V
``K excludes V``         it has values and V is not among them
``K codes V``            an item of the sequence has this Code Value
``iod A|B|C``            the IOD is one of these
=======================  ==========================================================

joined by ``and``, and those by ``or``; ``-`` where a data set does not tell, and ``words`` say why.
``banned`` says when the attribute shall be absent: ``-`` never, ``otherwise`` when the test does not hold,
or a test of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydicom.dataset import Dataset

from derive.standard import Iod

ANY = "*"
NOT_JUDGED = "-"
OTHERWISE = "otherwise"
ITEM = "item"
#: Gives the decoded value of a keyword, or None.
Has = Callable[[str], Any]
_Test = Callable[[str, Has], bool]


@dataclass(frozen=True)
class Condition:
    """When an attribute or a module is required.

    Parameters
    ----------
    module, keyword : str
        Whose condition it is.
    test : str
        As in the table; ``-`` if it is not judged.
    banned : str
        When the attribute shall be absent, as in the table.
    section : str
        Section of PS3.3.
    words : str
        The condition in words, starting with if or for; or why it is not judged.
    """

    module: str
    keyword: str
    test: str
    banned: str
    section: str
    words: str

    @property
    def judged(self) -> bool:
        """Whether a data set tells if it holds."""
        return self.test != NOT_JUDGED

    def holds(self, iod_name: str, has: Has) -> bool | None:
        """Whether it holds for a data set; None if it is not judged."""
        return _tests()[self.test](iod_name, has) if self.judged else None

    def bans(self, iod_name: str, has: Has) -> bool:
        """Whether the attribute shall be absent from a data set."""
        if self.banned == OTHERWISE:
            return self.holds(iod_name, has) is False
        return self.banned != NOT_JUDGED and _tests()[self.banned](iod_name, has)


def condition(iod: Iod, keyword: str) -> Condition | None:
    """Return the condition of a top-level attribute; None where the table has none."""
    rule = iod.attributes.get(keyword)
    return None if rule is None else _of(rule.module, keyword)


def module_condition(module: str) -> Condition | None:
    """Return the condition under which a module of usage C is required; None where the table has none."""
    return _table().get((module, ANY))


def required(iod: Iod, keyword: str, has: Has) -> bool | None:
    """Whether the condition of an attribute of type 1C or 2C holds.

    Parameters
    ----------
    iod : Iod
    keyword : str
        A top-level attribute of the IOD.
    has : callable
        Gives the decoded value of a keyword, or None where it is absent or empty.

    Returns
    -------
    bool or None
        None: the data set does not tell.
    """
    found = condition(iod, keyword)
    return None if found is None else found.holds(iod.name, has)


def banned(iod: Iod, keyword: str, has: Has) -> bool:
    """Whether a top-level attribute of type 1C or 2C shall be absent; see :func:`required`."""
    found = condition(iod, keyword)
    return found is not None and found.bans(iod.name, has)


def required_in_item(keyword: str, has: Has) -> Condition | None:
    """Return the condition that makes an attribute inside an item required, if it does."""
    found = _table().get((ITEM, keyword))
    return found if found is not None and found.holds(ITEM, has) else None


def conditions() -> tuple[Condition, ...]:
    """Return all conditions of the table."""
    return tuple(_table().values())


def _of(module: str, keyword: str) -> Condition | None:
    return _table().get((module, keyword)) or _table().get((ANY, keyword))


@cache
def _table() -> Mapping[tuple[str, str], Condition]:
    text = files(__package__).joinpath("conditions.tsv").read_text(encoding="utf-8")
    return {
        (line["module"], line["keyword"]): Condition(
            line["module"],
            line["keyword"],
            line["test"],
            line["banned"],
            f"PS3.3 {line['section']}",
            line["words"],
        )
        for line in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    }


@cache
def _tests() -> Mapping[str, _Test]:
    texts = {text for c in _table().values() for text in (c.test, c.banned)} - {NOT_JUDGED, OTHERWISE}
    return {text: _parsed(text) for text in texts}


def _parsed(test: str) -> _Test:
    ways = [[_atom(atom) for atom in way.split(" and ")] for way in test.split(" or ")]

    def holds(iod_name: str, has: Has) -> bool:
        return any(all(atom(iod_name, has) for atom in way) for way in ways)

    return holds


def _atom(text: str) -> _Test:
    words = text.split(" ", 2)
    if words[0] == "iod":
        names = frozenset(words[1].split("|"))
        return lambda iod_name, _: iod_name in names
    if words[0] in ("has", "lacks"):
        wanted, keyword = words[0] == "has", words[1]
        return lambda _, has: bool(_values(has(keyword))) == wanted
    keyword, _, number = words[0].rstrip("]").partition("[")
    operation, wanted_value = _OPERATIONS[words[1]], words[2]
    which = int(number) - 1 if number else None

    def atom(_: str, has: Has) -> bool:
        values = _values(has(keyword))
        if which is not None:
            values = values[which : which + 1]
        return operation(values, wanted_value)

    return atom


def _values(value: Any) -> list[Any]:
    """Return the values of an attribute as a list: text stripped, nothing for one that is empty."""
    if value is None or value == "":
        return []
    values = [value] if isinstance(value, str | bytes) or not hasattr(value, "__len__") else list(value)
    return [v.strip() if isinstance(v, str) else v for v in values]


def _is_above(values: list[Any], limit: str) -> bool:
    return any(isinstance(v, int | float) and v > float(limit) for v in values)


def _has_code(items: list[Any], value: str) -> bool:
    return any(isinstance(item, Dataset) and str(item.get("CodeValue", "")) == value for item in items)


_OPERATIONS: dict[str, Callable[[list[Any], str], bool]] = {
    "=": lambda values, wanted: values[:1] == [wanted],
    "!=": lambda values, wanted: bool(values) and values[0] != wanted,
    ">": _is_above,
    "in": lambda values, wanted: bool(values) and values[0] in wanted.split("|"),
    "includes": lambda values, wanted: wanted in values,
    "excludes": lambda values, wanted: bool(values) and wanted not in values,
    "codes": _has_code,
}
