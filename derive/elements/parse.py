"""The elements of a file straight from its bytes: Little Endian data sets, whose values nobody has to decode.

It reads what nearly all files are, and nothing else: whatever is unusual is left to pydicom, which knows
more of what files can be like. What both read is the same. For it, a header of a scanner takes 0.12 ms; to
have pydicom make a data set of it, and to encode that again, 0.87 ms (2026-11-21).
"""

from __future__ import annotations

import struct
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import IO, Any, NamedTuple, TypeAlias

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from pydicom.valuerep import VR

from derive.elements.element import Element, is_standard
from derive.elements.encoding import pack_item
from derive.standard.vr import LONG_LENGTH_VRS, TEXT_VRS

PIXEL_DATA, _PIXEL_GROUP = 0x7FE00010, 0x7FE00000
_TRANSFER_SYNTAX, _MEDIA_CLASS = 0x00020010, 0x00020002
_META_LENGTH = b"\2\0\0\0UL"
_PIXEL_REPRESENTATION = 0x00280103
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_EXPLICIT, _IMPLICIT, _LENGTH = struct.Struct("<HH2sH"), struct.Struct("<HHL"), struct.Struct("<L")
_VRS = {v.value.encode(): v.value for v in VR if len(v.value) == 2}
_LONG = frozenset(v.encode() for v in LONG_LENGTH_VRS)
#: How much of a file is read at first, and then; headers are rarely longer.
_CHUNKS = (1 << 15, 1 << 17, 1 << 20, 1 << 24)
#: Elements of a tag that are remembered.
MOST_KINDS = 64


class Unusual(ValueError):  # noqa: N818 - says what was found, not that it is wrong
    """Something that is left to pydicom."""


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
    """

    elements: Mapping[int, Element]
    tags: frozenset[int]
    transfer_syntax: str
    media_class: str
    pixels: tuple[int, int | None] | None
    others: Mapping[int, str]


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


def parse(stream: IO[bytes], memory: Memory, tell: Callable[[bytes], str] | None = None) -> Parsed:
    """Read a Part 10 file up to its Pixel Data.

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
    """
    data = b""
    for size in _CHUNKS:
        data += stream.read(size - len(data))
        try:
            return _file(data, len(data) < size, memory, tell)
        except (struct.error, _Short):
            if len(data) < size:
                break
    raise Unusual("cut short, or a very long header")


def items_parsed(value: bytes) -> tuple[tuple[Element, ...], ...]:
    """Elements of each item of a sequence in Explicit VR Little Endian, private ones left out.

    Raises
    ------
    Unusual
        For what is left to pydicom.
    """
    try:
        return tuple(_item(value[start:end], False) for start, end in _items(value, 0, len(value), False)[0])
    except (struct.error, _Short):
        raise Unusual("cut short") from None


@lru_cache(maxsize=1024)
def _item(content: bytes, implicit: bool) -> tuple[Element, ...]:
    """Elements of an item. Neighbouring instances refer to the same things: equal items are read once."""
    elements: dict[int, Element] = {}
    for span in _spans(content, 0, len(content), implicit)[0]:
        if is_standard(span[0]):
            elements[span[0]] = _element(content, span, implicit, elements)
    return tuple(elements.values())


@lru_cache(maxsize=1024)
def _packed(content: bytes, implicit: bool) -> bytes:
    return pack_item(_item(content, implicit))


class _Short(Exception):  # noqa: N818 - more is read then
    """The data end before what is read does."""


#: Where an element lies: its tag, its VR, where it begins, where its value begins, and where it ends.
_Span: TypeAlias = tuple[int, str, int, int, int]


def _file(data: bytes, whole: bool, memory: Memory, tell: Callable[[bytes], str] | None) -> Parsed:
    if data[128:132] != b"DICM" or data[132:138] != _META_LENGTH:
        raise Unusual("no File Meta Information with a length")
    end = 144 + int(_LENGTH.unpack_from(data, 140)[0])
    found, _ = _spans(data, 144, end, False)
    meta = {tag: data[value:last].rstrip(b" \0").decode("latin-1") for tag, _, _, value, last in found}
    syntax = meta.get(_TRANSFER_SYNTAX, "")
    if (
        any(tag >> 16 != 2 for tag in meta)
        or not _readable(syntax)
        or (len(data) > end + 1 and data[end : end + 2] == b"\2\0")
    ):
        raise Unusual("another transfer syntax, or a wrong length")
    implicit = syntax == ImplicitVRLittleEndian
    if implicit and data[end + 4 : end + 6] in _VRS:
        raise Unusual("explicit VRs where none belong")
    spans, _ = _spans(data, end, len(data), implicit)
    pixels = None
    if spans and spans[-1][0] == PIXEL_DATA:
        *_, value, last = spans.pop()
        pixels = value, None if last - value == _UNDEFINED else last - value
    elif not whole:
        raise _Short
    return Parsed(
        memory.row(_kept(data, spans, implicit, memory)),
        memory.tags(frozenset([s[0] for s in spans if s[0] < _PIXEL_GROUP])),
        syntax,
        meta.get(_MEDIA_CLASS, ""),
        pixels,
        {} if tell is None else {s[0]: tell(data[s[3] : s[4]]) for s in spans if _is_other(s[0])},
    )


def _is_other(tag: int) -> bool:
    return tag < _PIXEL_GROUP and not is_standard(tag)


@cache
def _readable(syntax: str) -> bool:
    with warnings.catch_warnings(action="ignore"):  # pydicom's would quote what is no UID
        uid = UID(syntax)
    return uid.is_transfer_syntax and uid not in (DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)


def _spans(data: bytes, at: int, end: int, implicit: bool) -> tuple[list[_Span], int]:
    """Elements up to `end`, to Pixel Data, or to the end of an item; and where they end."""
    spans: list[_Span] = []
    last = -1
    while at < end:
        if implicit:
            group, number, length = _IMPLICIT.unpack_from(data, at)
            vr, value = _vr_of(group << 16 | number), at + 8
        else:
            group, number, code, length = _EXPLICIT.unpack_from(data, at)
            vr, value = _VRS.get(code, ""), at + 8
            if code in _LONG:
                (length,), value = _LENGTH.unpack_from(data, at + 8), at + 12
        tag = group << 16 | number
        if group == 0xFFFE:
            return spans, at
        if tag <= last or not vr:
            raise Unusual("tags do not ascend, or a VR that is none")
        last = tag
        if tag == PIXEL_DATA:
            spans.append((tag, vr, at, value, value + length))
            return spans, at
        after = value + length if length != _UNDEFINED else _sequence_end(data, value, vr, implicit)
        if after > len(data):
            raise _Short
        spans.append((tag, vr, at, value, after))
        at = after
    if at != end:
        raise Unusual("an element goes beyond what holds it")
    return spans, at


def _sequence_end(data: bytes, at: int, vr: str, implicit: bool) -> int:
    if vr != "SQ" and not (implicit and vr == "UN"):
        raise Unusual("undefined length of what is no sequence")
    return _items(data, at, None, implicit)[1]


def _items(data: bytes, at: int, end: int | None, implicit: bool) -> tuple[list[tuple[int, int]], int]:
    """Where the items of a sequence begin and end, and where it ends itself."""
    found: list[tuple[int, int]] = []
    while end is None or at < end:
        head, (length,) = data[at : at + 4], _LENGTH.unpack_from(data, at + 4)
        at += 8
        if head == _SEQUENCE_END:
            return found, at
        if head != _ITEM:
            raise Unusual("no item where one belongs")
        if length == _UNDEFINED:
            after = _spans(data, at, len(data), implicit)[1]
            if data[after : after + 4] != _ITEM_END:
                raise _Short
            found.append((at, after))
            at = after + 8
        else:
            found.append((at, at + length))
            at += length
    if at != end:
        raise Unusual("an item goes beyond its sequence")
    return found, at


def _kept(data: bytes, spans: list[_Span], implicit: bool, memory: Memory) -> dict[int, Element]:
    elements: dict[int, Element] = {}
    find = memory.find
    for span in spans:
        tag, _, at, _, end = span
        if is_standard(tag):
            encoded = data[at:end]
            element = find(encoded)
            if element is None:
                element = _element(data, span, implicit, elements)
                memory.keep(encoded, element)
            elements[tag] = element
    return elements


def _element(data: bytes, span: _Span, implicit: bool, before: Mapping[int, Element]) -> Element:
    tag, vr, _, start, end = span
    value = data[start:end]
    if vr == "UN":
        vr = _vr_of(tag)
        if vr == "SQ":
            raise Unusual("a sequence of unknown VR")
    if vr == "US or SS" and _PIXEL_REPRESENTATION in before:
        vr = "SS" if before[_PIXEL_REPRESENTATION].value == b"\1\0" else "US"
    if len(vr) > 2:
        raise Unusual("a VR that depends on other attributes")
    if vr == "SQ":
        items, _ = _items(data, start, end, implicit)
        return Element(tag, vr, b"".join([_packed(data[first:last], implicit) for first, last in items]))
    return Element(tag, vr, value + b" " * (len(value) % 2) if vr in TEXT_VRS else value)


@cache
def _vr_of(tag: int) -> str:
    """VR of the dictionary; UN for what it does not have."""
    return dictionary_VR(tag) if keyword_for_tag(tag) else "UN"
