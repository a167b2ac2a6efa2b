"""What a header must say for a template to be for it: tests of single attributes, and what joins them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydicom.datadict import tag_for_keyword

from derive.elements.element import keyword_of
from derive.elements.instance import Instance, State
from derive.errors import UsageError

#: A relation between the values of an attribute, joined as they stand in a file, and the text that is looked for.
Relation = Callable[[str, str], bool]


def _number(text: str) -> float | None:
    digits = re.sub(r"[^\d.+-]", "", text.partition("\\")[0])
    try:
        return float(digits)
    except ValueError:
        return None


def _is_less(value: str, text: str) -> bool:
    numbers = _number(value), _number(text)
    return numbers[0] is not None and numbers[1] is not None and numbers[0] < numbers[1]


_EXACT: Mapping[str, Relation] = {
    "equals": lambda value, text: value == text,
    "contains": lambda value, text: text in value,
    "startsWith": lambda value, text: value.startswith(text),
    "endsWith": lambda value, text: value.endswith(text),
}


def _folded(relation: Relation) -> Relation:
    return lambda value, text: relation(value.casefold(), text.casefold())


#: By the names that CTP gives them; the last three are of deid.
RELATIONS: Mapping[str, Relation] = {
    **_EXACT,
    **{f"{name}IgnoreCase": _folded(relation) for name, relation in _EXACT.items()},
    "matches": lambda value, text: re.fullmatch(text, value) is not None,
    "isLessThan": _is_less,
    "isGreaterThan": lambda value, text: _is_less(text, value),
    "finds": lambda value, text: re.search(text, value, re.IGNORECASE) is not None,
    "isOneOf": lambda value, text: text.casefold() in (v.strip().casefold() for v in value.split("\\")),
}
_PATTERNS = ("matches", "finds")


class Criterion(Protocol):
    """What holds, or not, for a header."""

    def holds(self, instance: Instance) -> bool:
        """Whether it holds for what an instance says of itself."""


@dataclass(frozen=True)
class Test:
    """One attribute, and what its value must be.

    Parameters
    ----------
    tags : tuple of int
        The attribute behind the sequences that hold it; of those the first item is looked at.
    relation : str
        One of :data:`RELATIONS`.
    text : str

    Raises
    ------
    UsageError
        ``DEID-TEMPLATE`` for a regular expression that is none.
    """

    __test__ = False  # what pytest would take by its name

    tags: tuple[int, ...]
    relation: str
    text: str

    def __post_init__(self) -> None:
        if self.relation in _PATTERNS:
            try:
                re.compile(self.text)
            except re.error as error:
                raise UsageError("DEID-TEMPLATE", f"{self.text!r} is no regular expression: {error}") from None

    def holds(self, instance: Instance) -> bool:
        """Whether the value is so; an attribute that is absent has an empty one."""
        found, keyword = _item_of(instance, self.tags), _keyword(self.tags[-1])
        value = "\\".join(found.texts(keyword)) if found and keyword else ""
        return RELATIONS[self.relation](value.strip(), self.text)


@dataclass(frozen=True)
class There:
    """Whether an attribute is in a state: absent, empty, or filled.

    Parameters
    ----------
    tags : tuple of int
    states : frozenset of State
    """

    tags: tuple[int, ...]
    states: frozenset[State]

    def holds(self, instance: Instance) -> bool:
        """Whether it is in one of the states."""
        found = _item_of(instance, self.tags)
        return (found.state(self.tags[-1]) if found else State.ABSENT) in self.states


@dataclass(frozen=True)
class Every:
    """All of some conditions; without any it holds for every image."""

    parts: tuple[Criterion, ...] = ()

    def holds(self, instance: Instance) -> bool:
        """Whether all of them hold."""
        return all(part.holds(instance) for part in self.parts)


@dataclass(frozen=True)
class AnyOf:
    """One of some conditions."""

    parts: tuple[Criterion, ...]

    def holds(self, instance: Instance) -> bool:
        """Whether one of them holds."""
        return any(part.holds(instance) for part in self.parts)


@dataclass(frozen=True)
class Not:
    """The contrary of a condition."""

    part: Criterion

    def holds(self, instance: Instance) -> bool:
        """Whether it does not hold."""
        return not self.part.holds(instance)


def tests_of(condition: Criterion) -> tuple[Test | There, ...]:
    """Return the tests of single attributes that a condition is made of."""
    match condition:
        case Test() | There():
            return (condition,)
        case Not(part):
            return tests_of(part)
        case Every(parts) | AnyOf(parts):
            return tuple(test for part in parts for test in tests_of(part))
    return ()


def _item_of(instance: Instance, tags: tuple[int, ...]) -> Instance | None:
    found: Instance | None = instance.lenient
    for tag in tags[:-1]:
        keyword = _keyword(tag)
        found = next(iter(found.items(keyword)), None) if found and keyword else None
    return found


def _keyword(tag: int) -> str:
    """Keyword of an attribute; empty for one of which an instance is never asked: private, or of a repeating group."""
    keyword = keyword_of(tag)
    return keyword if tag_for_keyword(keyword) == tag else ""
