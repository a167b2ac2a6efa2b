"""What thousands of headers have in common is kept once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from derive.elements.element import Element

#: Elements of a tag that are remembered.
MOST_KINDS = 64


class Elements(Mapping[int, Element]):
    """Elements by tag, in a fifth of the memory of a dict: thousands of headers have the same tags.

    Parameters
    ----------
    places : mapping tag -> int
        Where in the row each tag is; one mapping for all that have the same tags.
    row : tuple of Element
    """

    __slots__ = ("_places", "_row")

    def __init__(self, places: Mapping[int, int], row: tuple[Element, ...]) -> None:
        self._places = places
        self._row = row

    def __getitem__(self, tag: int) -> Element:
        return self._row[self._places[tag]]

    def get(self, tag: int, default: Any = None) -> Any:
        """Return the element of a tag."""
        place = self._places.get(tag)
        return default if place is None else self._row[place]

    def __contains__(self, tag: object) -> bool:
        return tag in self._places

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._row)

    def values(self) -> Any:
        """All elements, in tag order."""
        return self._row


class Memory:
    """Keeps one of equal elements and sets of tags: thousands of slices cost what differs between them."""

    def __init__(self) -> None:
        self._encoded: dict[bytes, Element] = {}
        self._kinds: Counter[int] = Counter()
        self._elements: dict[Element, Element] = {}
        self._tags: dict[frozenset[int], frozenset[int]] = {}
        self._places: dict[tuple[int, ...], dict[int, int]] = {}

    def row(self, elements: Mapping[int, Element]) -> Elements:
        """Return the same elements, packed."""
        tags = tuple(elements)
        if tags not in self._places:
            self._places[tags] = {tag: place for place, tag in enumerate(tags)}
        return Elements(self._places[tags], tuple(elements.values()))

    def find(self, encoded: bytes) -> Element | None:
        """Return the element that these bytes were before."""
        return self._encoded.get(encoded)

    def keep(self, encoded: bytes, element: Element) -> None:
        """Remember an element by its bytes, unless there are many of its tag: the next will be another one."""
        self._kinds[element.tag] += 1
        if self._kinds[element.tag] <= MOST_KINDS:
            self._encoded[encoded] = element

    def same(self, element: Element) -> Element:
        """Return an equal element as the same object."""
        return self._elements.setdefault(element, element)

    def tags(self, tags: frozenset[int]) -> frozenset[int]:
        """Return an equal set as the same object."""
        return self._tags.setdefault(tags, tags)
