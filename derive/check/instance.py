"""One instance as the checks see it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray
from pydicom.charset import default_encoding
from pydicom.multival import MultiValue

from derive.check.finding import Finding, finding
from derive.elements import Element, tag_of
from derive.standard import Iod
from derive.validity import encodings_named, items_of, reader, value_of


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

    def element(self, keyword: str) -> Element | None:
        """Return the element of a keyword."""
        return self.elements.get(tag_of(keyword))

    def value(self, keyword: str) -> Any:
        """Return the decoded value of a keyword; None where it is absent, empty or not legal."""
        element = self.element(keyword)
        return None if element is None else value_of(element, self.encodings)

    def text(self, keyword: str) -> str:
        """Return a value as text without padding; empty where there is none."""
        return str(self.value(keyword) or "").strip()

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
        try:
            numbers = [float(v) for v in self.values(keyword)]
        except (TypeError, ValueError):
            return []
        return numbers if all(map(math.isfinite, numbers)) else []

    def number(self, keyword: str) -> float | None:
        """Return the first value of a keyword as a number."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers else None

    def items(self, keyword: str) -> list[Item]:
        """Return the items of a sequence."""
        element = self.element(keyword)
        return [] if element is None else items(element, self.encodings)

    def find(self, code: str, path: str, message: str) -> Finding:
        """Return a finding about this instance."""
        return finding(code, path, message, self.name)


@dataclass(frozen=True)
class Item:
    """One item of a sequence."""

    elements: Mapping[int, Element]
    encodings: tuple[str, ...]

    def value(self, keyword: str) -> Any:
        """Return the decoded value of a keyword; None where it is absent, empty or not legal."""
        return reader(self.elements, self.encodings)(keyword)

    def text(self, keyword: str) -> str:
        """Return a value as text without padding; empty where there is none."""
        return str(self.value(keyword) or "").strip()

    def items(self, keyword: str) -> list[Item]:
        """Return the items of a sequence in this item."""
        element = self.elements.get(tag_of(keyword))
        return [] if element is None else items(element, self.encodings)


def items(element: Element, encodings: tuple[str, ...]) -> list[Item]:
    """Return the items of a sequence; none if it cannot be read."""
    return [Item({e.tag: e for e in item}, encodings) for item in items_of(element) or ()]


def encodings_of(elements: Mapping[int, Element]) -> tuple[str, ...]:
    """Return the Python names of the character sets that a data set names."""
    element = elements.get(tag_of("SpecificCharacterSet"))
    value = None if element is None else value_of(element, (default_encoding,))
    return encodings_named(value) or (default_encoding,)
