"""Answers about a data set that hold while what they were read from stays the same.

The instances of a series differ in a few attributes. What depends on none of them is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from derive.elements.element import Element
from derive.elements.instance import State, state_of

Answer = TypeVar("Answer")
#: Values of more bytes are pixels, which are never the same.
LARGE = 1 << 16


class View(Mapping[int, Element]):
    """The elements of a data set, and a record of what was looked at.

    Parameters
    ----------
    elements : mapping tag -> Element
    """

    def __init__(self, elements: Mapping[int, Element]) -> None:
        self._elements = elements
        self._read: set[int] = set()
        self._states: dict[int, State] = {}
        self._tags: frozenset[int] | None = None

    def __getitem__(self, tag: int) -> Element:
        self._read.add(tag)
        return self._elements[tag]

    def __iter__(self) -> Iterator[int]:
        self._tags = frozenset(self._elements)
        return iter(self._elements)

    def __len__(self) -> int:
        self._tags = frozenset(self._elements)
        return len(self._elements)

    def state(self, tag: int) -> State:
        """Return whether an attribute is there, whatever its value is."""
        self._states[tag] = state = state_of(self._elements.get(tag))
        return state

    def close(self) -> None:
        """Forget the data set; the record stays."""
        self._elements = {}

    def untouched(self, elements: Mapping[int, Element], changed: frozenset[int]) -> bool:
        """Whether all that was looked at is the same in a data set that differs in `changed`."""
        return (
            self._read.isdisjoint(changed)
            and all(state_of(elements.get(tag)) is self._states[tag] for tag in self._states.keys() & changed)
            and (self._tags is None or self._tags == elements.keys())
        )


class Changes:
    """What differs between one data set and the next."""

    def __init__(self) -> None:
        self._last: dict[int, Element] = {}

    def to(self, elements: Mapping[int, Element]) -> frozenset[int]:
        """Return the tags whose elements are not those of the data set before, large ones unseen."""
        last, self._last = self._last, dict(elements)
        new = [(tag, element) for tag, element in elements.items() if last.get(tag) is not element]
        changed = {tag for tag, element in new if len(element.value) > LARGE or last.get(tag) != element}
        return frozenset(changed | (last.keys() - elements.keys()))


class Remembered(Generic[Answer]):
    """A question to every data set of a sequence.

    Parameters
    ----------
    ask : callable (View) -> Answer
        Looks at nothing but the view, and keeps nothing of it.
    """

    def __init__(self, ask: Callable[[View], Answer]) -> None:
        self._ask = ask
        self._last: tuple[View, Answer] | None = None

    def __call__(self, elements: Mapping[int, Element], changed: frozenset[int]) -> Answer:
        """Return the answer for a data set.

        Parameters
        ----------
        elements : mapping tag -> Element
        changed : frozenset of int
            Tags that differ from the data set before.
        """
        if self._last is None or not self._last[0].untouched(elements, changed):
            view = View(elements)
            self._last = view, self._ask(view)
            view.close()
        return self._last[1]
