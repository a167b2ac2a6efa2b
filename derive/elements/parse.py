"""The elements of a file straight from its bytes: Little Endian data sets, whose values nobody has to decode.

Where the elements lie is found by :mod:`derive.elements.spans`. Big Endian, and what is broken, is left to pydicom,
which knows more of what files can be like. What both read is the same. For it, a header of a scanner takes 0.12 ms; to
have pydicom make a data set of it, and to encode that again, 0.87 ms (2026-11-21).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import IO, NamedTuple

from derive.elements.element import GROUPS_OF_FRAMES, Element, is_creator, is_private, is_standard
from derive.elements.encoding import pack_item
from derive.elements.memory import Memory
from derive.elements.private import SAFE_GROUPS, StoredPrivate, may_be_tiled, tells_of_tiles, with_safe
from derive.elements.private_read import READ_GROUPS, elements_read
from derive.elements.spans import (
    DISORDER,
    EXTENDED_OFFSETS,
    ITEM,
    PIXELS,
    UNDEFINED,
    Notes,
    Oddity,
    Short,
    Span,
    StandsTwice,
    TooDeep,
    Unusual,
    items_in,
    spans_of,
    vr_of,
)
from derive.elements.start import Start, start_of
from derive.standard.vr import TEXT_VRS

_PIXEL_GROUP = 0x7FE00000
_IMAGE_TYPE, _PIXEL_REPRESENTATION = 0x00080008, 0x00280103
#: How much of a file is read at first, and then; headers are rarely longer, but those of thousands of frames.
_CHUNKS = (1 << 15, 1 << 17, 1 << 20, 1 << 24, 1 << 26, 1 << 28)
#: Longer elements are the groups of the frames of an instance: no other has the same.
_LONGEST_KEPT = 1 << 16


REPEATED = Oddity("SRC-REPEATED", "", "an element stands twice, and says the same twice")


class Deflated(Exception):  # noqa: N818 - says what was found
    """The data set has to be inflated first; how the file starts is its argument."""


class Parsed(NamedTuple):
    """What a file says before its pixels.

    Parameters
    ----------
    elements : mapping tag -> Element
        Standard attributes, as :func:`derive.elements.datasets.from_dataset` gives them.
    tags : frozenset of int
        Every tag, private ones included, those of the group of Pixel Data left out.
    transfer_syntax, media_class : str
        Of the File Meta Information.
    pixels : (offset, length), optional
        Of the value of Pixel Data; the length is None where it is undefined.
    others : mapping tag -> text
        Attributes that are not standard, as they are told; none where nobody asks.
    notes : tuple of Oddity
        What was odd.
    offsets : bytes
        Extended Offset Table (7FE0,0001).
    tiling : tuple of Element
        Private attributes that may say where slices lie, of an image that may hold many side by side.
    privates : tuple of Element
        As :func:`derive.elements.private_read.elements_read` gives them.
    """

    elements: Mapping[int, Element]
    tags: frozenset[int]
    transfer_syntax: str
    media_class: str
    pixels: tuple[int, int | None] | None
    others: Mapping[int, str]
    notes: tuple[Oddity, ...] = ()
    offsets: bytes = b""
    tiling: tuple[Element, ...] = ()
    privates: tuple[Element, ...] = ()


def parse(stream: IO[bytes], memory: Memory, tell: Callable[[bytes], str] | None = None) -> Parsed:
    """Read a file up to its Pixel Data.

    Parameters
    ----------
    stream : binary file
        At its start.
    memory : Memory
    tell : callable (bytes) -> str, optional
        Makes text of the values of attributes that are not standard.

    Raises
    ------
    Unusual
        For what is left to pydicom.
    Deflated
        For what has to be inflated before.
    TooDeep, StandsTwice
        For what nobody reads.
    """
    data = b""
    for size in _CHUNKS:
        data += stream.read(size - len(data))
        try:
            start = start_of(data)
            if start.deflated:
                raise Deflated(start)
            return parse_data(data, start.at, start, (memory, tell), len(data) < size)
        except (struct.error, Short):
            if len(data) < size:
                break
    raise Unusual("cut short, or a very long header")


def parse_data(
    data: bytes, at: int, start: Start, reading: tuple[Memory, Callable[[bytes], str] | None], whole: bool = True
) -> Parsed:
    """Read a data set up to its Pixel Data, of its first bytes.

    Parameters
    ----------
    data : bytes
    at : int
        Where it begins.
    start : Start
        Of the file.
    reading : (memory, tell)
        As in :func:`parse`.
    whole : bool
        Whether there are no more bytes.

    Raises
    ------
    Short, struct.error
        Where there are too few; else as :func:`parse`.
    """
    if start.big:
        raise Unusual("Big Endian")
    memory, tell = reading
    notes: Notes = set(start.notes)
    spans, _ = spans_of(data, at, len(data), start.expects_implicit, notes)
    pixels = None
    if spans and spans[-1][0] in PIXELS:
        _, _, _, value, last, _ = spans.pop()
        pixels = value, None if last - value == UNDEFINED else last - value
    elif not whole:
        raise Short
    elements = _kept(data, spans, memory, notes)
    tags = frozenset([s[0] for s in spans if s[0] < _PIXEL_GROUP])
    if private := [s for s in spans if s[0] >> 16 in SAFE_GROUPS]:
        tags = with_safe(elements, tags, [StoredPrivate(s[0], s[1], data[s[3] : s[4]]) for s in private], memory.same)
    return Parsed(
        memory.row(elements),
        memory.tags(tags),
        start.syntax,
        start.media_class,
        pixels,
        {} if tell is None else {s[0]: tell(data[s[3] : s[4]]) for s in spans if _is_other(s[0])},
        tuple(sorted(notes)),
        b"".join(data[s[3] : s[4]] for s in spans[-2:] if s[0] == EXTENDED_OFFSETS),
        _tiling(data, spans, memory) if may_be_tiled(elements.get(_IMAGE_TYPE), tags) else (),
        privates=_privates(data, spans, memory),
    )


def _tiling(data: bytes, spans: list[Span], memory: Memory) -> tuple[Element, ...]:
    found = (_element(data, s, {}, set(), 0, private=True) for s in spans if tells_of_tiles(s[0]))
    return tuple(map(memory.same, found))


def _privates(data: bytes, spans: list[Span], memory: Memory) -> tuple[Element, ...]:
    found = elements_read(StoredPrivate(s[0], s[1], data[s[3] : s[4]]) for s in spans if s[0] >> 16 in READ_GROUPS)
    return tuple(map(memory.same, found))


def items_parsed(value: bytes, private: bool = False) -> tuple[tuple[Element, ...], ...]:
    """Elements of each item of a sequence in Explicit VR Little Endian; private ones where they are asked for.

    Raises
    ------
    Unusual
        For what is left to pydicom.
    TooDeep, StandsTwice
    """
    try:
        found, _ = items_in(value, 0, len(value), False, set(), 1)
        return tuple(_item(value[start:end], False, 1, private)[0] for start, end in found)
    except (struct.error, Short):
        raise Unusual("cut short") from None


@lru_cache(maxsize=256)
def without_private(element: Element) -> Element:
    """Return a sequence without what is private in its items, at any depth; any other element as it is."""
    if element.vr != "SQ":
        return element
    try:
        items = items_parsed(element.value, private=True)
    except (Unusual, TooDeep, StandsTwice):
        return element
    kept = [[without_private(e) for e in item if not is_private(e.tag)] for item in items]
    same = all(list(item) == stays for item, stays in zip(items, kept, strict=True))
    return element if same else Element(element.tag, "SQ", b"".join(map(pack_item, kept)))


def items_of_groups(value: bytes, memory: Memory) -> Iterator[dict[int, Element]]:
    """Give the macros of each item of a sequence of functional groups, which is Explicit VR Little Endian.

    Items tell of frames, thousands of them: macros that are equal are one object, and nothing else is kept.

    Raises
    ------
    Unusual, Short, struct.error
        For what is no such sequence.
    """
    for first, last in items_in(value, 0, len(value), False, set(), 1)[0]:
        macros: dict[int, Element] = {}
        for tag, vr, at, start, end, _ in spans_of(value, first, last, False, set(), 1)[0]:
            encoded = value[at:end]
            element = memory.find(encoded)
            if element is None:
                element = Element(tag, vr, value[start:end])
                memory.keep(encoded, element)
            macros[tag] = element
        yield macros


def sequence_of(value: bytes, level: int, private: bool) -> bytes | None:
    """Return items in Explicit VR Little Endian of what has no VR (UN) and may be a sequence; None if it is none.

    What is in it is Implicit VR (PS3.5 6.2.2).

    Raises
    ------
    TooDeep, StandsTwice
    """
    if not value.startswith(ITEM):
        return None
    try:
        found, _ = items_in(value, 0, len(value), True, set(), level + 1)
        return b"".join(_packed(value[first:last], True, level + 1, private)[0] for first, last in found)
    except (Unusual, Short, struct.error):
        return None


def _item_read(
    content: bytes, implicit: bool, level: int, private: bool
) -> tuple[tuple[Element, ...], frozenset[Oddity]]:
    """Elements of an item, standard ones, and private ones where they are asked for."""
    elements: dict[int, Element] = {}
    notes: Notes = set()
    for span in spans_of(content, 0, len(content), implicit, notes, level)[0]:
        if is_standard(span[0]) or (private and is_private(span[0])):
            _add(elements, _element(content, span, elements, notes, level, private), notes)
    return tuple(elements.values()), frozenset(notes)


#: Neighbouring instances refer to the same things: equal items are read once.
_item = lru_cache(maxsize=1024)(_item_read)


def _packed_read(content: bytes, implicit: bool, level: int, private: bool) -> tuple[bytes, frozenset[Oddity]]:
    elements, notes = (_item_read if level == 1 and private else _item)(content, implicit, level, private)
    return pack_item(elements), notes


_packed_once = lru_cache(maxsize=1024)(_packed_read)


def _packed(content: bytes, implicit: bool, level: int, private: bool) -> tuple[bytes, frozenset[Oddity]]:
    """Encode an item anew. Items that tell of frames are long, and no two are equal: none of them is kept."""
    return (_packed_read if level == 1 and private else _packed_once)(content, implicit, level, private)


def _is_other(tag: int) -> bool:
    return tag < _PIXEL_GROUP and not is_standard(tag)


def _kept(data: bytes, spans: list[Span], memory: Memory, notes: Notes) -> dict[int, Element]:
    elements: dict[int, Element] = {}
    find = memory.find
    for span in spans:
        tag, _, at, _, end, _ = span
        if is_standard(tag):
            encoded = data[at:end] if end - at <= _LONGEST_KEPT else b""
            element = find(encoded) if encoded else None
            if element is None:
                odd: Notes = set()
                element = _element(data, span, elements, odd, 0)
                if odd:
                    notes |= odd
                elif encoded:
                    memory.keep(encoded, element)
            if tag in elements:
                _add(elements, element, notes)
            else:
                elements[tag] = element
    return dict(sorted(elements.items())) if DISORDER in notes else elements


def _add(elements: dict[int, Element], element: Element, notes: Notes) -> None:
    """Add an element; one that stands twice has to say the same (PS3.5 7.1: it stands once)."""
    before = elements.get(element.tag)
    if before is None:
        elements[element.tag] = element
    elif before.stripped() != element.stripped():
        raise StandsTwice(element.tag)
    else:
        notes.add(REPEATED)


def _element(
    data: bytes, span: Span, before: Mapping[int, Element], notes: Notes, level: int, private: bool = False
) -> Element:
    tag, vr, _, start, end, implicit = span
    private = private or tag in GROUPS_OF_FRAMES
    if vr == "UN":
        vr = vr_of(tag)
        if private and vr == "UN":
            items = sequence_of(data[start:end], level, private)
            if items is not None:
                return Element(tag, "SQ", items)
            vr = "LO" if is_creator(tag) else vr
    if vr == "US or SS" and _PIXEL_REPRESENTATION in before:
        vr = "SS" if before[_PIXEL_REPRESENTATION].value == b"\1\0" else "US"
    if len(vr) > 2:
        raise Unusual("a VR that depends on other attributes")
    if vr == "SQ":
        parts = []
        for first, last in items_in(data, start, end, implicit, notes, level + 1)[0]:
            packed, odd = _packed(data[first:last], implicit, level + 1, private)
            parts.append(packed)
            notes |= odd
        return Element(tag, vr, b"".join(parts))
    value = data[start:end]
    return Element(tag, vr, value + b" " * (len(value) % 2) if vr in TEXT_VRS else value)
