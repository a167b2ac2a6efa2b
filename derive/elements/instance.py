"""One data set: what it says of itself, attribute by attribute, decoded when it is asked for.

Whoever has to rely on an answer asks strictly: a value that is none raises. Whoever describes what others wrote
asks leniently, and gets the answer or nothing.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, Self, TypeVar

from pydicom.charset import convert_encodings, default_encoding
from pydicom.config import disable_value_validation
from pydicom.valuerep import PersonName

from derive.elements.datasets import from_dataset
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, numbers_of, text_of
from derive.elements.parse import items_parsed
from derive.elements.spans import StandsTwice, TooDeep, Unusual
from derive.errors import SourceError

Answer = TypeVar("Answer")
_CHARACTER_SET = tag_of("SpecificCharacterSet")
#: Decoded values are kept of elements up to so many bytes.
_LONGEST_KEPT = 4096
_ITEM_TAG = b"\xfe\xff\x00\xe0"


class State(Enum):
    """Whether an attribute is there, and has a value."""

    ABSENT = 0
    EMPTY = 1
    FILLED = 2


@dataclass(frozen=True)
class Instance:
    """What one data set says of itself: an instance, or an item of a sequence.

    Parameters
    ----------
    name : str
        For messages.
    elements : mapping tag -> Element
        Its standard attributes.
    transfer_syntax : str
        As the File Meta Information has it; empty where nobody says.
    strict : bool
        Whether a value that cannot be read raises; it counts as absent otherwise.
    around : tuple of str
        Python names of the character sets in force where it names none (PS3.3 C.12.1.1.2).
    """

    name: str
    elements: Mapping[int, Element] = field(repr=False)
    transfer_syntax: str = ""
    strict: bool = field(default=True, repr=False)
    around: tuple[str, ...] = field(default=(default_encoding,), repr=False)

    @cached_property
    def lenient(self) -> Self:
        """The same data set, asked leniently."""
        return replace(self, strict=False) if self.strict else self

    @cached_property
    def encodings(self) -> tuple[str, ...]:
        """Python names of the character sets."""
        named = self.elements.get(_CHARACTER_SET)
        if named is None:
            return self.around
        if self.strict:
            return _encodings(named)
        return encodings_named(value_of(named, (default_encoding,))) or self.around

    def element(self, keyword: str) -> Element | None:
        """Return the element of a keyword."""
        return self.elements.get(tag_of(keyword))

    def state(self, tag: int) -> State:
        """Return whether an attribute is there, and has a value."""
        return state_of(self.elements.get(tag))

    def raw(self, keyword: str) -> bytes | None:
        """Return the bytes of a value without padding: to tell values apart nothing has to be decoded."""
        element = self.element(keyword)
        return None if element is None else element.stripped()

    def value(self, keyword: str) -> Any:
        """Return the decoded value; None where it is absent or empty.

        Raises
        ------
        SourceError
            ``SRC-VALUE`` for bytes that are no value of the VR, unless the instance is lenient.
        """
        element = self.element(keyword)
        if element is None:
            return None
        return self._read(decode, element, None) if self.strict else value_of(element, self.encodings)

    def values(self, keyword: str) -> list[Any]:
        """Return all decoded values, as :meth:`value` does; none where it is absent or empty."""
        value = self.value(keyword)
        if value is None or value == "":
            return []
        one = isinstance(value, str | bytes | PersonName) or not hasattr(value, "__iter__")
        return [value] if one else list(value)

    def text(self, keyword: str) -> str:
        """Return the value as text without padding; empty without. It raises as :meth:`value` does."""
        element = self.elements.get(tag_of(keyword))
        if element is None:
            return ""
        return self._read(_short_text if len(element.value) <= _SHORT else text_of, element, "")

    def texts(self, keyword: str) -> list[str]:
        """Return all values as text without padding. It raises as :meth:`value` does."""
        return ["" if v is None else str(v).strip() for v in self.values(keyword)]

    def numbers(self, keyword: str, count: int = 0) -> tuple[float, ...]:
        """Return all values as numbers; none where the attribute is absent or empty, or there are not `count`.

        Raises
        ------
        SourceError
            ``SRC-VALUE`` for values that are no finite numbers; a lenient instance has none then.
        """
        element = self.element(keyword)
        if element is None or not element.stripped():
            return ()
        found = tuple(numbers_of(element))
        if not found or not all(map(math.isfinite, found)):
            if self.strict:
                raise SourceError("SRC-VALUE", f"{self.name}: {keyword} holds something other than finite numbers")
            return ()
        return found if count in (0, len(found)) else ()

    def number(self, keyword: str) -> float | None:
        """Return the first value as a number; None without. It raises as :meth:`numbers` does."""
        found = self.numbers(keyword)
        return found[0] if found else None

    def integer(self, keyword: str) -> int | None:
        """Return the first value as an integer; None without. It raises as :meth:`numbers` does."""
        found = self.numbers(keyword)
        if not found or not found[0].is_integer():
            if found and self.strict:
                raise SourceError("SRC-VALUE", f"{self.name}: {keyword} holds something other than an integer")
            return None
        return int(found[0])

    def items(self, keyword: str) -> tuple[Instance, ...]:
        """Return the items of a sequence; none without. It raises as :meth:`value` does."""
        element = self.element(keyword)
        if element is None:
            return ()
        if self.strict and items_of(element) is None:
            raise SourceError("SRC-VALUE", f"{self.name}: {keyword} cannot be read as a sequence of items")
        return _items(element, self.encodings, self.strict)

    def _read(self, read: Callable[[Element, Sequence[str]], Answer], element: Element, otherwise: Answer) -> Answer:
        try:
            return read(element, self.encodings)
        except Exception as error:  # pydicom raises whatever a malformed value causes
            if not self.strict:
                return otherwise
            raise SourceError(
                "SRC-VALUE", f"{self.name}: {element.keyword} cannot be read: {type(error).__name__}"
            ) from error


#: Items refer to the same things again and again: what is no longer than a UID is decoded once.
_short_text = lru_cache(maxsize=4096)(text_of)
_SHORT = 64


@lru_cache(maxsize=512)
def _items(element: Element, encodings: tuple[str, ...], strict: bool) -> tuple[Instance, ...]:
    return tuple(_item(item, encodings, strict) for item in items_of(element) or ())


@lru_cache(maxsize=1024)
def _item(elements: tuple[Element, ...], encodings: tuple[str, ...], strict: bool) -> Instance:
    """Neighbouring instances refer to the same things: equal items are one."""
    return Instance("an item", {e.tag: e for e in elements}, strict=strict, around=encodings)


def state_of(element: Element | None) -> State:
    """Return whether an element is there, and has a value."""
    if element is None:
        return State.ABSENT
    return State.FILLED if element.stripped() else State.EMPTY


def changed(before: Mapping[int, Element], after: Mapping[int, Element]) -> frozenset[int]:
    """Return the tags of which two data sets do not say the same."""
    other = {tag for tag, element in after.items() if before.get(tag) is not element and before.get(tag) != element}
    return frozenset(other | (before.keys() - after.keys()))


def different(instances: Sequence[Instance], keyword: str) -> tuple[str, ...]:
    r"""Return the different values of an attribute, the most frequent first, as text joined as in a file (``A\B``).

    An empty one stands for those that have none.
    """
    tag = tag_of(keyword)
    counted: Counter[str] = Counter()
    examples = {i.elements.get(tag): i for i in instances}
    for element, count in Counter(i.elements.get(tag) for i in instances).items():
        counted["\\".join(examples[element].texts(keyword))] += count
    return tuple(value for value, _ in counted.most_common())


def spread(instances: Sequence[Instance], keyword: str) -> tuple[float, float] | None:
    """Return the least and the largest first value of an attribute."""
    found = [v for i in instances if (v := i.number(keyword)) is not None]
    return (min(found), max(found)) if found else None


@lru_cache(maxsize=256)
def items_of(element: Element, private: bool = False) -> tuple[tuple[Element, ...], ...] | None:
    """Return the elements of each item of a sequence; None if it cannot be read.

    Private ones are left out unless they are asked for: only functional groups of frames have any.
    """
    if element.value and not element.value.startswith(_ITEM_TAG):
        return None
    try:
        return items_parsed(element.value, private)
    except (TooDeep, StandsTwice):
        return None
    except Unusual:
        pass
    with warnings.catch_warnings(action="ignore"), disable_value_validation():
        try:
            return tuple(tuple(from_dataset(item, private=private).values()) for item in decode(element) or ())
        except Exception:  # pydicom raises what it likes on bytes that are no sequence
            return None


@lru_cache(maxsize=64)
def _encodings(element: Element) -> tuple[str, ...]:
    with warnings.catch_warnings(action="ignore"):  # pydicom's quote what is no name of a character set
        return tuple(convert_encodings(decode(element)))


def encodings_named(charset: Any) -> tuple[str, ...]:
    """Return the Python names of the values of Specific Character Set; none where it says nothing that is known."""
    with warnings.catch_warnings(action="ignore"):
        try:
            return tuple(convert_encodings(charset)) if charset else ()
        except (LookupError, TypeError, ValueError, AttributeError):
            return ()


def value_of(element: Element, encodings: tuple[str, ...]) -> Any:
    """Decode a value as pydicom does; None where it is empty or cannot be decoded. Short values are kept."""
    return (_value_of if len(element.value) <= _LONGEST_KEPT else _value_of.__wrapped__)(element, encodings)


@lru_cache(maxsize=2048)
def _value_of(element: Element, encodings: tuple[str, ...]) -> Any:
    with warnings.catch_warnings(action="ignore"), disable_value_validation():
        try:
            return decode(element, encodings)
        except Exception:  # a value that is not legal is a finding of its own
            return None
