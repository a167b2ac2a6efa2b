"""An attribute inside a sequence set or taken out; its items, their lengths and delimiters keep their form."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from derive.elements.element import Element, keyword_of
from derive.elements.spans import items_in
from derive.errors import UsageError
from derive.rewriting.rewrite import encoded
from derive.rewriting.splice import elements_of
from derive.rewriting.stored import StoredDataSet, StoredElement
from derive.told.wording import counted

_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_END, _SEQUENCE_END = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_UNDEFINED = b"\xff\xff\xff\xff"


class NestedPath(NamedTuple):
    """An attribute in items of sequences.

    Parameters
    ----------
    above : tuple of (tag, item number)
        The sequences that hold it, the outermost first, and which item of each; items are counted from 0.
    tag : int
    """

    above: tuple[tuple[int, int], ...]
    tag: int

    @property
    def text(self) -> str:
        """As it is given: ``RequestAttributesSequence[0].AccessionNumber``."""
        return ".".join([*(f"{keyword_of(tag)}[{number}]" for tag, number in self.above), keyword_of(self.tag)])


def with_nested(dataset: StoredDataSet, path: NestedPath, new: Element | None) -> bytes:
    """Return the whole outermost sequence of a path with another attribute in it.

    Parameters
    ----------
    dataset : StoredDataSet
    path : NestedPath
        With one sequence at least.
    new : Element or None
        Its value as Explicit VR Little Endian; None takes it out.

    Raises
    ------
    UsageError
        ``COR-PATH`` where a sequence or an item is not there.
    """
    return _sequence(dataset, path, new, path.above)


def _sequence(
    dataset: StoredDataSet, path: NestedPath, new: Element | None, above: tuple[tuple[int, int], ...]
) -> bytes:
    (tag, number), *below = above
    stored = _found(dataset, tag, path)
    items = dataset.items(stored)
    if number >= len(items):
        raise UsageError(
            "COR-PATH",
            f"{path.text}: {keyword_of(tag)} has {counted(len(items), 'item')}; items are counted from 0",
        )

    def changed(item: StoredDataSet) -> bytes:
        if below:
            inner = _sequence(item, path, new, tuple(below))
            return b"".join(elements_of(item, {below[0][0]: inner}))
        part = None if new is None else encoded(new, implicit=stored.implicit)
        return b"".join(elements_of(item, {path.tag: part}))

    return rebuilt(dataset, stored, {number: changed(items[number])})


def _found(dataset: StoredDataSet, tag: int, path: NestedPath) -> StoredElement:
    for stored in dataset.stored():
        if stored.tag == tag and stored.vr == "SQ":
            return stored
    raise UsageError("COR-PATH", f"{path.text}: there is no {keyword_of(tag)} to look into")


def rebuilt(dataset: StoredDataSet, stored: StoredElement, bodies: Mapping[int, bytes]) -> bytes:
    """Return a sequence with other bodies of some items, by their number; lengths and delimiters keep their form."""
    data, parts = dataset.data, []
    for number, (start, end) in enumerate(_places(dataset, stored)):
        undefined = data[start - 4 : start] == _UNDEFINED
        body = bodies.get(number)
        if body is None:
            parts.append(data[start - 8 : end] + (_ITEM_END if undefined else b""))
        elif undefined:
            parts.append(_ITEM + _UNDEFINED + body + _ITEM_END)
        else:
            parts.append(_ITEM + struct.pack("<L", len(body)) + body)
    value = b"".join(parts)
    head = data[stored.start : stored.value - 4]
    if data[stored.value - 4 : stored.value] == _UNDEFINED:
        return head + _UNDEFINED + value + _SEQUENCE_END
    return head + struct.pack("<L", len(value)) + value


def _places(dataset: StoredDataSet, stored: StoredElement) -> list[tuple[int, int]]:
    return items_in(dataset.data, stored.value, stored.end, stored.implicit, set(), dataset.level + 1)[0]
