"""Where the elements of a Little Endian data set lie: how each is encoded is decided by its own bytes.

What the File Meta Information declares is only what is expected: Explicit VR is written where Implicit VR is declared,
and the reverse, in whole files, in single sequences and in single elements (2026-11-30: read as declared, such a file
gives pixels that are shifted by two, and no word of it). Whoever is declared wrongly is read as it is written, and
that is noted.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import IO, NamedTuple, TypeAlias

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.valuerep import VR

from derive.limits import MOST_LEVELS
from derive.standard.vr import FLOAT_PIXELS, LONG_LENGTH_VRS
from derive.standard.vr import PIXEL_DATA as PIXEL_DATA

#: Pixel Data, and what stands in its place.
PIXELS = frozenset({PIXEL_DATA, *FLOAT_PIXELS.values()})
EXTENDED_OFFSETS = 0x7FE00001
UNDEFINED = 0xFFFFFFFF
ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_DELIMITERS = 0xFFFE
#: What is below belongs to commands and to the File Meta Information: zeros behind a file look like it.
_FIRST = 0x00080000
_EXPLICIT, _IMPLICIT, _LENGTH = struct.Struct("<HH2sH"), struct.Struct("<HHL"), struct.Struct("<L")
VRS = {v.value.encode(): v.value for v in VR if len(v.value) == 2}
#: The same as the lower half of a length, as which they are read where no VR is expected.
_VR_NUMBERS = {int.from_bytes(code, "little"): code for code in VRS}
_LONG = frozenset(v.encode() for v in LONG_LENGTH_VRS)
#: Where an element lies: its tag, its VR, where it begins, where its value begins, where it ends, and whether what is
#: in it is expected to be Implicit VR.
Span: TypeAlias = tuple[int, str, int, int, int, bool]


class Oddity(NamedTuple):
    """What was odd on the way, and how it was read: its code, the attribute's keyword, and the rest of the sentence."""

    code: str
    keyword: str
    text: str


Notes: TypeAlias = set[Oddity]

EXPLICIT_FOUND = Oddity("SRC-ENCODING", "", "Explicit VR stands where Implicit VR was declared; read as it is written")
IMPLICIT_FOUND = Oddity("SRC-ENCODING", "", "Implicit VR stands where Explicit VR was declared; read as it is written")
DISORDER = Oddity("SRC-ORDER", "", "elements are not in the order of their tags (PS3.5 7.1)")


class Unusual(ValueError):  # noqa: N818 - says what was found, not that it is wrong
    """Something that is left to pydicom."""


class Short(Exception):  # noqa: N818 - more is read then
    """The data end before what is read does."""


class TooDeep(Exception):  # noqa: N818 - says what was found
    """Sequences nest deeper than is read."""

    def __str__(self) -> str:
        return f"has sequences that nest deeper than {MOST_LEVELS} levels"


class StandsTwice(Exception):  # noqa: N818 - says what was found
    """An element stands twice and does not say the same; the tag is its argument."""


def spans_of(data: bytes, at: int, end: int, implicit: bool, notes: Notes, level: int = 0) -> tuple[list[Span], int]:
    """Find elements up to `end`, to Pixel Data, or to the end of an item; and where they end.

    Parameters
    ----------
    data : bytes
    at, end : int
        Where to begin, and where what holds the elements ends.
    implicit : bool
        What is expected.
    notes : set of Oddity
        Is added to.
    level : int
        In how many sequences they stand.

    Raises
    ------
    Short, Unusual, TooDeep, struct.error
    """
    spans: list[Span] = []
    last = -1
    while at < end:
        if implicit:
            group, number, length = _IMPLICIT.unpack_from(data, at)
            tag, value = group << 16 | number, at + 8
            if length & 0xFFFF in _VR_NUMBERS and is_explicit(data, at, end):
                notes.add(EXPLICIT_FOUND)
                implicit = False
                continue
            vr = vr_of(tag)
        else:
            group, number, code, length = _EXPLICIT.unpack_from(data, at)
            tag, value, vr = group << 16 | number, at + 8, VRS.get(code, "")
            if code in _LONG:
                (length,), value = _LENGTH.unpack_from(data, at + 8), at + 12
        if group == _DELIMITERS:
            return spans, at
        if not vr:
            if code.isalpha() and code.isupper():
                raise Unusual("a VR that is none")
            notes.add(IMPLICIT_FOUND)
            implicit = True
            continue
        if tag <= last:
            notes.add(DISORDER)
        last = tag
        if tag in PIXELS and not level:
            spans.append((tag, vr, at, value, value + length, implicit))
            return spans, at
        inner = implicit or vr == "UN"
        after = value + length if length != UNDEFINED else _sequence_end(data, value, (vr, inner), notes, level)
        if after > len(data):
            raise Short
        spans.append((tag, vr, at, value, after, inner))
        at = after
    if at != end:
        raise Unusual("an element goes beyond what holds it")
    return spans, at


def head_at(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start and length of the value of the element that begins there; it raises struct.error."""
    group, number, code, length = _EXPLICIT.unpack_from(data, at)
    tag = group << 16 | number
    if code in _LONG:
        return tag, at + 12, int(_LENGTH.unpack_from(data, at + 8)[0])
    return (tag, at + 8, length) if code in VRS else (tag, at + 8, int(_LENGTH.unpack_from(data, at + 4)[0]))


def out_of_place(stream: IO[bytes], at: int, end: int) -> int | None:
    """Return the tag of an element that stands behind Pixel Data and belongs before it, or is another Pixel Data.

    Parameters
    ----------
    stream : binary file
        Of a Little Endian data set.
    at, end : int
        Where Pixel Data ends, and the file. Bytes there that make no element of the dictionary are nobody's.
    """
    while at + 8 <= end:
        stream.seek(at)
        head = stream.read(12)
        try:
            tag, value, length = head_at(head, 0)
        except struct.error:
            return None
        if tag < _FIRST or vr_of(tag) == "UN" or length > end - at:
            return None
        if tag <= PIXEL_DATA:
            return tag
        at += value + length
    return None


def is_explicit(data: bytes, at: int, end: int) -> bool:
    """Whether an element whose length would spell a VR has that VR: a length may do so by chance."""
    group, number, code, short = _EXPLICIT.unpack_from(data, at)
    wanted = vr_of(group << 16 | number)
    if wanted != "UN" and code.decode() in (*wanted.split(" or "), "UN"):
        return True
    start, length = at + 8, int(short)
    if code in _LONG and at + 12 <= len(data):
        start, length = at + 12, int(_LENGTH.unpack_from(data, at + 8)[0])
    (implicit_length,) = _LENGTH.unpack_from(data, at + 4)
    tag = int(group << 16 | number)
    as_explicit = length == UNDEFINED or _goes_on(data, start + length, end, tag)
    return as_explicit and not (_goes_on(data, at + 8 + implicit_length, end, tag) and wanted != "UN")


def _goes_on(data: bytes, at: int, end: int, tag: int) -> bool:
    """Whether an element that follows another could begin there."""
    if at == end or at + 4 > len(data):
        return at <= end
    group, number = struct.unpack_from("<HH", data, at)
    return bool(group == _DELIMITERS or (group << 16 | number) > tag)


def _sequence_end(data: bytes, at: int, kind: tuple[str, bool], notes: Notes, level: int) -> int:
    vr, implicit = kind
    if vr not in ("SQ", "UN"):
        raise Unusual("undefined length of what is no sequence")
    return items_in(data, at, None, implicit, notes, level + 1)[1]


def items_in(
    data: bytes, at: int, end: int | None, implicit: bool, notes: Notes, level: int
) -> tuple[list[tuple[int, int]], int]:
    """Find where the items of a sequence begin and end, and where it ends itself.

    It raises as :func:`spans_of` does.
    """
    if level > MOST_LEVELS:
        raise TooDeep
    found: list[tuple[int, int]] = []
    while end is None or at < end:
        head, (length,) = data[at : at + 4], _LENGTH.unpack_from(data, at + 4)
        at += 8
        if head == _SEQUENCE_END:
            return found, at
        if head != ITEM:
            raise Unusual("no item where one belongs")
        if length == UNDEFINED:
            after = spans_of(data, at, len(data), implicit, notes, level)[1]
            if data[after : after + 4] != _ITEM_END:
                raise Short
            found.append((at, after))
            at = after + 8
        else:
            found.append((at, at + length))
            at += length
    if at != end:
        raise Unusual("an item goes beyond its sequence")
    return found, at


@cache
def vr_of(tag: int) -> str:
    """VR of the dictionary; UN for what it does not have."""
    return dictionary_VR(tag) if keyword_for_tag(tag) else "UN"
