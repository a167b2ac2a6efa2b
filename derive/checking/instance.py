"""One instance as the checks see it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from numpy.typing import NDArray
from pydicom.charset import default_encoding
from pydicom.multival import MultiValue

from derive.checking.finding import Finding, finding
from derive.elements.element import Element, tag_of
from derive.elements.encoding import numbers_of, text_of
from derive.elements.legal import encodings_named, items_of, value_of
from derive.elements.view import State, View
from derive.standard import Iod


@dataclass(frozen=True)
class Instance:
    """An instance and the information object definition that it has to follow.

    Parameters
    ----------
    name : str
        File name, for the findings.
    iod : Iod
    elements : mapping tag -> Element
        The standard attributes; Pixel Data among them.
    stored : integer array, optional
        The stored values as their bits and sign say; None where they are not known.
    encapsulated : bool
        Whether Pixel Data is compressed.
    """

    name: str
    iod: Iod
    elements: Mapping[int, Element]
    stored: NDArray[Any] | None = None
    encapsulated: bool = False

    @cached_property
    def encodings(self) -> tuple[str, ...]:
        """Python names of the character sets."""
        return encodings_of(self.elements)

    def state(self, tag: int) -> State:
        """Return whether an attribute is there, and has a value."""
        elements = self.elements if isinstance(self.elements, View) else View(self.elements)
        return elements.state(tag)

    def element(self, keyword: str) -> Element | None:
        """Return the element of a keyword."""
        return self.elements.get(tag_of(keyword))

    def value(self, keyword: str) -> Any:
        """Return the decoded value of a keyword; None where it is absent, empty or not legal."""
        element = self.element(keyword)
        return None if element is None else value_of(element, self.encodings)

    def text(self, keyword: str) -> str:
        """Return a value as text without padding; empty where there is none."""
        element = self.element(keyword)
        return "" if element is None else text_shown(element, self.encodings)

    def values(self, keyword: str) -> list[Any]:
        """Return the decoded values of a keyword as a list."""
        value = self.value(keyword)
        if value is None or value == "":
            return []
        return list(value) if isinstance(value, MultiValue | list | tuple) else [value]

    def texts(self, keyword: str) -> list[str]:
        """Return the values of a keyword as text without padding."""
        return ["" if v is None else str(v).strip() for v in self.values(keyword)]

    def numbers(self, keyword: str) -> list[float]:
        """Return the values of a keyword as numbers; none of them if one is not, or is not finite."""
        element = self.element(keyword)
        numbers = [] if element is None else numbers_of(element)
        return numbers if all(map(math.isfinite, numbers)) else []

    def number(self, keyword: str) -> float | None:
        """Return the first value of a keyword as a number."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers else None

    def items(self, keyword: str) -> tuple[Item, ...]:
        """Return the items of a sequence."""
        element = self.element(keyword)
        return () if element is None else items(element, self.encodings)

    def find(self, code: str, path: str, message: str) -> Finding:
        """Return a finding about this instance."""
        return finding(code, path, message, self.name)


class Item:
    """One item of a sequence; what was decoded of it is kept.

    Parameters
    ----------
    elements : sequence of Element
    encodings : tuple of str
        Python names of the character sets in force.
    """

    def __init__(self, elements: Sequence[Element], encodings: tuple[str, ...]) -> None:
        self._elements = {e.tag: e for e in elements}
        self._encodings = encodings
        self._texts: dict[str, str] = {}

    def text(self, keyword: str) -> str:
        """Return a value as text without padding; empty where there is none."""
        if keyword not in self._texts:
            element = self._elements.get(tag_of(keyword))
            self._texts[keyword] = "" if element is None else text_shown(element, self._encodings)
        return self._texts[keyword]

    def items(self, keyword: str) -> tuple[Item, ...]:
        """Return the items of a sequence in this item."""
        element = self._elements.get(tag_of(keyword))
        return () if element is None else items(element, self._encodings)


@lru_cache(maxsize=512)
def items(element: Element, encodings: tuple[str, ...]) -> tuple[Item, ...]:
    """Return the items of a sequence; none if it cannot be read."""
    return tuple(_item(item, encodings) for item in items_of(element) or ())


@lru_cache(maxsize=1024)
def _item(elements: tuple[Element, ...], encodings: tuple[str, ...]) -> Item:
    """Neighbouring instances refer to the same things: equal items are one."""
    return Item(elements, encodings)


def text_shown(element: Element, encodings: tuple[str, ...]) -> str:
    """Return a value as text; empty where it is not legal, which is a finding of its own."""
    try:
        return text_of(element, encodings)
    except Exception:  # pydicom raises whatever a malformed value causes
        return ""


def encodings_of(elements: Mapping[int, Element]) -> tuple[str, ...]:
    """Return the Python names of the character sets that a data set names."""
    return _encodings(elements.get(_CHARACTER_SET))


@lru_cache(maxsize=64)
def _encodings(element: Element | None) -> tuple[str, ...]:
    value = None if element is None else value_of(element, (default_encoding,))
    return encodings_named(value) or (default_encoding,)


_CHARACTER_SET = tag_of("SpecificCharacterSet")
