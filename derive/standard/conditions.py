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
or a test of its own; ``! `` before that test says that no reader may pass over it.

``conditions_in_macros.tsv`` has the same of attributes inside functional groups, whose tests read the item first, then
the frame in classic keywords: ``ImageType[1]`` is value 1 of its Frame Type. ``macro`` is the keyword of the sequence,
and ``keyword`` ``*`` means the macro as a whole.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from derive.standard import AttributeRule, Iod

ANY = "*"
NOT_JUDGED = "-"
OTHERWISE = "otherwise"
ITEM = "item"
_FIRM = "! "
#: Gives the decoded value of a keyword, or None.
Has = Callable[[str], Any]


class _Test(NamedTuple):
    """A test of the table: whether it holds for an IOD and its values, and which keywords it reads."""

    holds: Callable[[str, Has], bool]
    reads: frozenset[str]


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
    firm : bool
        Whether its being there is an error in anybody's file.
    section : str
        Section of PS3.3.
    words : str
        The condition in words, starting with if or for; or why it is not judged.
    """

    module: str
    keyword: str
    test: str
    banned: str
    firm: bool
    section: str
    words: str

    @property
    def judged(self) -> bool:
        """Whether a data set tells if it holds."""
        return self.test != NOT_JUDGED

    def holds(self, iod_name: str, has: Has) -> bool | None:
        """Whether it holds for a data set; None if it is not judged."""
        return _tests()[self.test].holds(iod_name, has) if self.judged else None

    def bans(self, iod_name: str, has: Has) -> bool:
        """Whether the attribute shall be absent from a data set."""
        if self.banned == OTHERWISE:
            return self.holds(iod_name, has) is False
        return self.banned != NOT_JUDGED and _tests()[self.banned].holds(iod_name, has)

    @property
    def reads(self) -> frozenset[str]:
        """Keywords of everything that it depends on."""
        return frozenset().union(*(_tests()[t].reads for t in (self.test, self.banned) if t in _tests()))


def condition_of(rule: AttributeRule) -> Condition | None:
    """Return the condition of a top-level attribute of a module, or of a macro as a whole; None where there is none."""
    found = _table().get((rule.module, rule.keyword)) or _table().get((ANY, rule.keyword))
    # A macro may be conditional in one IOD and user optional in another.
    return found or (_macros().get((rule.keyword, ANY)) if rule.type == "1C" else None)


def module_condition(module: str) -> Condition | None:
    """Return the condition under which a module of usage C is required; None where the table has none."""
    return _table().get((module, ANY))


def present_modules(iod: Iod, tags: Iterable[int]) -> frozenset[str]:
    """Return the modules of a data set: those that its IOD demands, and those that it shows.

    Parameters
    ----------
    iod : Iod
    tags : iterable of int
        The attributes that are there; one that a single module has shows that this module is there.
    """
    own = _own_attributes(iod)
    shown = {own[tag] for tag in own.keys() & tags}
    return frozenset(use.module for use in iod.modules if use.usage == "M" or use.module in shown)


def holds(test: str, iod_name: str, has: Has) -> bool:
    """Tell whether a test that stands in another table holds for an image."""
    return _test(test).holds(iod_name, has)


def reads(test: str) -> frozenset[str]:
    """Return the keywords that a test reads."""
    return _test(test).reads


def required_in_item(keyword: str, has: Has) -> Condition | None:
    """Return the condition that makes an attribute inside an item required, if it does."""
    found = _table().get((ITEM, keyword))
    return found if found is not None and found.holds(ITEM, has) else None


def condition_in_macro(sequence: str, keyword: str) -> Condition | None:
    """Return the condition of an attribute inside a functional group, at whatever depth; None where there is none.

    Parameters
    ----------
    sequence : str
        Keyword of the sequence of the macro.
    keyword : str
    """
    return _macros().get((sequence, keyword))


def conditions() -> tuple[Condition, ...]:
    """Return all conditions of the table of modules."""
    return tuple(_table().values())


def macro_conditions() -> tuple[Condition, ...]:
    """Return all conditions of attributes inside functional groups; their module is the keyword of the sequence."""
    return tuple(_macros().values())


@cache
def _own_attributes(iod: Iod) -> Mapping[int, str]:
    """Attributes of only one module, and that module."""
    return {rules[0].tag: rules[0].module for rules in iod.all_rules.values() if len(rules) == 1}


@cache
def _table() -> Mapping[tuple[str, str], Condition]:
    return _loaded("conditions.tsv", "module")


@cache
def _macros() -> Mapping[tuple[str, str], Condition]:
    return _loaded("conditions_in_macros.tsv", "macro")


def _loaded(name: str, whose: str) -> dict[tuple[str, str], Condition]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return {
        (line[whose], line["keyword"]): Condition(
            line[whose],
            line["keyword"],
            line["test"],
            line["banned"].removeprefix(_FIRM),
            line["banned"].startswith(_FIRM),
            f"PS3.3 {line['section']}",
            line["words"],
        )
        for line in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    }


@cache
def _tests() -> Mapping[str, _Test]:
    rows = (*_table().values(), *_macros().values())
    texts = {text for c in rows for text in (c.test, c.banned)} - {NOT_JUDGED, OTHERWISE}
    return {text: _parsed(text) for text in texts}


@cache
def _test(text: str) -> _Test:
    return _parsed(text)


def _parsed(test: str) -> _Test:
    ways = [[_atom(atom) for atom in way.split(" and ")] for way in test.split(" or ")]

    def holds(iod_name: str, has: Has) -> bool:
        return any(all(atom.holds(iod_name, has) for atom in way) for way in ways)

    return _Test(holds, frozenset().union(*(atom.reads for way in ways for atom in way)))


def _atom(text: str) -> _Test:
    words = text.split(" ", 2)
    if words[0] == "iod":
        names = frozenset(words[1].split("|"))
        return _Test(lambda iod_name, _: iod_name in names, frozenset())
    if words[0] in ("has", "lacks"):
        wanted, keyword = words[0] == "has", words[1]
        return _Test(lambda _, has: bool(_values(has(keyword))) == wanted, frozenset({keyword}))
    keyword, _, number = words[0].rstrip("]").partition("[")
    operation, wanted_value = _OPERATIONS[words[1]], words[2]
    which = int(number) - 1 if number else None

    def holds(_: str, has: Has) -> bool:
        values = _values(has(keyword))
        if which is not None:
            values = values[which : which + 1]
        return operation(values, wanted_value)

    return _Test(holds, frozenset({keyword}))


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
