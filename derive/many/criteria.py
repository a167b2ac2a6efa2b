"""Which series a rule wants: patterns for attributes, by keyword.

A pattern is a text with ``*`` and ``?``, in any case of letters; ``!`` in front of it says not; ``<=``, ``>=``, ``<``
and ``>`` compare numbers, and dates and times, which are written as numbers (PS3.5 6.2). A list is any of its patterns,
and none of those with ``!``. Of an attribute with several values any may match, and ``!`` says that none does. An
attribute that is absent or empty matches nothing but a ``!``: ``"*"`` is whatever is there, ``"!*"`` what is not.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_dict

from derive.errors import UsageError
from derive.told.wording import did_you_mean

#: What is known of a series beside attributes: how many instances it has.
IMAGES = "Images"
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARED = re.compile(r"(<=|>=|<|>)(.*)", re.DOTALL)
#: Values of these are bytes, or items: no text could be meant.
_NO_TEXT = frozenset({"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW"})


@dataclass(frozen=True)
class ValuePattern:
    """One pattern, as a plan has it.

    Parameters
    ----------
    text : str
    """

    text: str

    @cached_property
    def negated(self) -> bool:
        """Whether it says what may not be."""
        return self.text.startswith("!")

    @cached_property
    def _test(self) -> Callable[[str], bool]:
        positive = self.text[1:] if self.negated else self.text
        compared = _COMPARED.fullmatch(positive)
        if compared is not None:
            compare, limit = _COMPARISONS[compared[1]], _number(compared[2])
            return lambda value: compare(_number(value), limit)  # nothing compares with what is no number
        number, glob = _number(positive), _glob(positive.strip())
        return lambda value: bool(glob.fullmatch(value)) or _number(value) == number

    def fits(self, value: str) -> bool:
        """Whether one value is what it describes, whatever stands in front of that."""
        return self._test(value)


@dataclass(frozen=True)
class Selector:
    """What a rule wants of one attribute.

    Parameters
    ----------
    keyword : str
    patterns : tuple of ValuePattern
    """

    keyword: str
    patterns: tuple[ValuePattern, ...]

    def holds(self, values: Sequence[str]) -> bool:
        """Whether the values of an attribute are wanted; none of one that is absent."""
        there = [value.strip() for value in values if value.strip()]
        wanted = [p for p in self.patterns if not p.negated]
        unwanted = [p for p in self.patterns if p.negated]
        if any(p.fits(value) for p in unwanted for value in there):
            return False
        return not wanted or any(p.fits(value) for p in wanted for value in there)


def selectors_of(select: Mapping[str, Any], where: str) -> tuple[Selector, ...]:
    """Read what a rule selects.

    Parameters
    ----------
    select : mapping keyword -> pattern, number, or several
    where : str
        What it is part of, for messages.

    Raises
    ------
    UsageError
        ``PLAN-SELECT`` for a keyword that the standard does not have, or what is no pattern.
    """
    return tuple(Selector(_known(keyword, where), _patterns(keyword, said, where)) for keyword, said in select.items())


def keywords_of(conditions: Iterable[Selector]) -> set[str]:
    """Return the attributes that are asked for."""
    return {c.keyword for c in conditions if c.keyword != IMAGES}


def _known(keyword: str, where: str) -> str:
    if keyword == IMAGES or (keyword in keyword_dict and dictionary_VR(keyword) not in _NO_TEXT):
        return keyword
    if keyword in keyword_dict:
        raise UsageError("PLAN-SELECT", f"{where}: {keyword} is no text and no number; select by another attribute")
    hint = did_you_mean(keyword, keyword_dict)
    raise UsageError("PLAN-SELECT", f"{where}: the standard has no attribute {keyword!r:.80}{hint}")


def _patterns(keyword: str, said: Any, where: str) -> tuple[ValuePattern, ...]:
    several = said if isinstance(said, list | tuple) else [said]
    if not several:
        raise UsageError("PLAN-SELECT", f"{where}: {keyword} has an empty list, which nothing matches")
    return tuple(_pattern(keyword, each, where) for each in several)


def _pattern(keyword: str, said: Any, where: str) -> ValuePattern:
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        kinds = "a text with * and ?, a number, a comparison such as '<=1.5', or a list of these"
        raise UsageError("PLAN-SELECT", f"{where}: {keyword} is {type(said).__name__}; wanted {kinds}")
    text = said if isinstance(said, str) else f"{said:g}" if isinstance(said, float) else str(said)
    compared = _COMPARED.fullmatch(text.removeprefix("!"))
    if compared is not None and math.isnan(_number(compared[2])):
        raise UsageError("PLAN-SELECT", f"{where}: {keyword} is compared with {compared[2]!r:.40}, which is no number")
    if not text.removeprefix("!").strip():
        raise UsageError("PLAN-SELECT", f"{where}: {keyword} has an empty pattern; '!*' is what is absent or empty")
    return ValuePattern(text)


def _glob(text: str) -> re.Pattern[str]:
    """Of what a file system knows as patterns only two are: descriptions of series are full of brackets."""
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(c) or re.escape(c) for c in text), re.DOTALL | re.IGNORECASE)


def _number(text: str) -> float:
    """Return a number, a date or a time as a number; what is none compares with nothing."""
    try:
        return float(text)
    except ValueError:
        return math.nan
