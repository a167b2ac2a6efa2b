"""A walk through a data set that splices: what nobody changes passes as the bytes that it was.

Whoever calls says what becomes of each attribute (:class:`Fate`), of each item of a sequence, and what is added.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple, Protocol

from derive.elements.element import Element
from derive.elements.spans import vr_of
from derive.rewriting.stored import AttributePath, StoredDataSet, StoredElement
from derive.standard.vr import LONG_LENGTH_VRS, TEXT_VRS

_ITEM = b"\xfe\xff\x00\xe0"
_SHORT_LENGTH = 0xFFFF
_NUMBERS = frozenset(["DS", "IS"])
_OF_NUMBERS = b"0123456789+-.eE \\\0"
_LONGEST_UNIT = 3
#: Of numbers that are of the sign of the pixels.
_EITHER = "US or SS"


class Act(Enum):
    """What is done to an element."""

    KEEP = "keep"
    TEXT = "text"
    CREATOR = "creator"
    DROP = "drop"
    EMPTY = "empty"
    VALUE = "value"
    ITEMS = "items"


class Fate(NamedTuple):
    """What becomes of an attribute wherever it stands in the same sequences.

    Parameters
    ----------
    act : Act
        TEXT is KEEP without what a text has behind a NUL, which nobody sees, and without words where a number is due.
        VALUE asks :meth:`Changes.value`, of texts without that too; ITEMS goes through the items of a sequence. CREATOR
        stays as long as anything stays in the block that it reserves.
    path : AttributePath
    why : Any
        Of whoever decided.
    """

    act: Act
    path: AttributePath
    why: Any = None


class Changes(Protocol):
    """What becomes of the elements of one file."""

    def fate(self, scope: Any, element: StoredElement) -> Fate:
        """Decide; a scope is what :meth:`item` gave for the item that holds the element."""

    def value(self, scope: Any, fate: Fate, element: Element) -> Element | None:
        """Return what an element becomes: itself where it stays, None where it goes."""

    def item(self, scope: Any, fate: Fate, item: StoredDataSet, among: list[StoredDataSet]) -> Any:
        """Return the scope of an item of a sequence, of which all are given too; None where the item goes."""

    def emptied(self, fate: Fate) -> bool:
        """Whether a sequence stays of which all items went."""

    def added(self, scope: Any, done: Mapping[int, bytes]) -> Iterable[Element]:
        """Return what is added to a data set that has been gone through: instead of what is there, if it is there.

        Elements that are done are given as they are encoded, by their tag.
        """


def spliced(dataset: StoredDataSet, scope: Any, changes: Changes, *, implicit: bool) -> list[bytes]:
    """Go through a data set and return it as it is afterwards: runs of bytes.

    Parameters
    ----------
    dataset : StoredDataSet
    scope : Any
        Of the data set, for `changes`.
    changes : Changes
    implicit : bool
        How what is new is encoded.

    Raises
    ------
    Unusual, TooDeep, Short, struct.error
        For a sequence that is none.
    """
    parts: dict[int, bytes] = {}
    creators: list[int] = []
    data, fate_of = dataset.data, changes.fate
    for stored in dataset.stored():
        fate = fate_of(scope, stored)
        act = fate.act
        if act is Act.DROP:
            continue
        if act is Act.KEEP or act is Act.CREATOR:
            part: bytes | None = data[stored.start : stored.end]
            if act is Act.CREATOR:
                creators.append(stored.tag)
        else:
            part = _part(dataset, stored, fate, (scope, changes), implicit=implicit)
        if part is not None:
            parts[stored.tag] = part if stored.tag not in parts else parts[stored.tag] + part
    _drop_unused(creators, parts)
    added = {element.tag: encoded(element, implicit=implicit) for element in changes.added(scope, parts)}
    if added:
        parts = dict(sorted({**parts, **added}.items()))
    return list(parts.values())


def _part(
    dataset: StoredDataSet, stored: StoredElement, fate: Fate, asking: tuple[Any, Changes], *, implicit: bool
) -> bytes | None:
    scope, changes = asking
    if fate.act is Act.TEXT:
        value = dataset.data[stored.value : stored.end]
        seen = _seen(value)
        if stored.vr in _NUMBERS and _is_words(value if seen is None else seen):
            seen = b""
        if seen is None:
            return dataset.data[stored.start : stored.end]
        return encoded(Element(stored.tag, stored.vr, seen), implicit=implicit)
    if fate.act is Act.ITEMS:
        return _sequence(dataset, stored, asking, fate)
    if fate.act is Act.EMPTY:
        return encoded(Element(stored.tag, stored.vr, b""), implicit=implicit)
    value = dataset.data[stored.value : stored.end]
    seen = _seen(value) if stored.vr in TEXT_VRS else None
    before = Element(stored.tag, stored.vr, value if seen is None else seen)
    after = changes.value(scope, fate, before)
    if after is None:
        return None
    stays = after is before and seen is None
    return dataset.data[stored.start : stored.end] if stays else encoded(after, implicit=implicit)


def _is_words(value: bytes) -> bool:
    """Whether a number in letters (DS, IS) is words instead; a unit behind a number, or NaN, does not make it so."""
    if not value.strip(_OF_NUMBERS):
        return False
    letters = (one.translate(None, delete=_OF_NUMBERS.replace(b"eE", b"")) for one in value.split(b"\\"))
    return any(len(found) > _LONGEST_UNIT for found in letters)


def _seen(value: bytes) -> bytes | None:
    """Return what a text has before a NUL, where something stands behind it that nobody sees; else None."""
    before, _, hidden = value.partition(b"\0")
    return before if hidden and hidden.strip(b" \0") else None


def _sequence(dataset: StoredDataSet, stored: StoredElement, asking: tuple[Any, Changes], fate: Fate) -> bytes | None:
    """Go through the items of a sequence; where none of them changes, it stays byte for byte."""
    scope, changes = asking
    items, same = [], True
    among = dataset.items(stored)
    for item in among:
        inner = changes.item(scope, fate, item, among)
        if inner is None:
            same = False
            continue
        body = b"".join(spliced(item, inner, changes, implicit=stored.implicit))
        same = same and body == _body(item)
        items.append(struct.pack("<4sL", _ITEM, len(body)) + body)
    if same:
        return dataset.data[stored.start : stored.end]
    if not items and not changes.emptied(fate):
        return None
    return _head(stored.tag, dataset.written_vr(stored), sum(map(len, items))) + b"".join(items)


def _drop_unused(creators: list[int], parts: dict[int, bytes]) -> None:
    """Take out Private Creators of whose block nothing is left."""
    blocks = {tag >> 8 for tag in parts} if creators else set()
    for tag in creators:
        if (tag & 0xFFFF0000 | (tag & 0xFF) << 8) >> 8 not in blocks:
            del parts[tag]


def _body(item: StoredDataSet) -> bytes:
    return item.data[item.spans[0][2] : item.spans[-1][4]] if item.spans else b""


def encoded(element: Element, *, implicit: bool) -> bytes:
    """Encode an element, whose value is Explicit VR Little Endian, as the data set that takes it is encoded."""
    tag, vr, value = element
    value += (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)
    if vr == "SQ" and implicit:
        value = _implicit_items(value)
    return _head(tag, "" if implicit else vr, len(value)) + value


def _head(tag: int, vr: str, length: int) -> bytes:
    """Tag, VR and length; no VR is Implicit VR."""
    group, number = tag >> 16, tag & 0xFFFF
    if not vr:
        return struct.pack("<HHL", group, number, length)
    if vr in LONG_LENGTH_VRS:
        return struct.pack("<HH2sHL", group, number, vr.encode(), 0, length)
    if length > _SHORT_LENGTH:  # as PS3.5 6.2.2 wants it where the length has no room
        return struct.pack("<HH2sHL", group, number, b"UN", 0, length)
    return struct.pack("<HH2sH", group, number, vr.encode(), length)


def _implicit_items(value: bytes) -> bytes:
    """Encode items of Explicit VR as Implicit VR."""
    whole = StoredDataSet(value, ())
    holder = StoredElement(0, "SQ", "", 0, 0, len(value), False)
    bodies = [
        b"".join(encoded(item.element(stored), implicit=True) for stored in item.stored())
        for item in whole.items(holder)
    ]
    return b"".join(struct.pack("<4sL", _ITEM, len(body)) + body for body in bodies)


def uniform(dataset: StoredDataSet, *, signed: bool = False) -> bytes:
    """Encode a data set as Explicit VR at every depth, private attributes included.

    Parameters
    ----------
    dataset : StoredDataSet
    signed : bool
        Whether stored values are signed, as numbers are then that are of either sign (PS3.5 A.1).
    """
    parts = []
    for stored in dataset.stored():
        if stored.vr == "SQ":
            bodies = [uniform(item, signed=signed) for item in dataset.items(stored)]
            value = b"".join(struct.pack("<4sL", _ITEM, len(body)) + body for body in bodies)
        else:
            value = dataset.data[stored.value : stored.end]
        of_pixels = signed and not dataset.written_vr(stored) and vr_of(stored.tag).startswith(_EITHER)
        parts.append(_head(stored.tag, "SS" if of_pixels else stored.vr, len(value)) + value)
    return b"".join(parts)
