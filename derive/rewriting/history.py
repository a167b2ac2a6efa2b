"""Original Attributes Sequence (PS3.3 C.12.1.1.9): what a correction writes down of the values that were there.

One item a correction, appended; older items are never touched. What was there lies in it as the bytes that it was, so
that a correction can be taken back to the last byte. Two things the standard has no place for, and they stand in a
private block of the item: which attributes a correction added, and elements that are not conforming as they lay.

*2026-11-30, the form of the sequence tells what was there.* A sequence that the first correction adds has a defined
length; one that was there empty is given an undefined length. So when the last correction is taken back it is known
whether the sequence goes, or stays empty.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.elements.instance import Instance
from derive.elements.spans import items_in, spans_of
from derive.errors import UsageError
from derive.rewriting.file import StoredFile
from derive.rewriting.rewrite import encoded
from derive.rewriting.splice import part_of
from derive.rewriting.stored import StoredDataSet
from derive.told.wording import counted

HISTORY = tag_of("OriginalAttributesSequence")
MODIFIED, NONCONFORMING = tag_of("ModifiedAttributesSequence"), tag_of("NonconformingModifiedAttributesSequence")
#: Who defines the private block of an item, and where it stands there.
CREATOR = "DERIVE CORRECTION"
_CREATOR_TAG, _ADDED_TAG, _RAW_TAG = 0x04010010, 0x04011001, 0x04011002
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_UNDEFINED = 0xFFFFFFFF
_ITEM_HEAD = 8
_NOTE = (
    "ReasonForTheAttributeModification",
    "SourceOfPreviousValues",
    "ModifyingSystem",
    "AttributeModificationDateTime",
)


class CorrectionNote(NamedTuple):
    """Who changes an instance, when and why.

    Parameters
    ----------
    reason : str
        ``COERCE`` or ``CORRECT``.
    source : str
        Source of Previous Values: who had the old ones; may be empty (type 2).
    system : str
        Modifying System.
    datetime : str
        Attribute Modification DateTime, as DT.
    """

    reason: str
    source: str
    system: str
    datetime: str


@dataclass(frozen=True)
class Corrected:
    """One correction as an item says it.

    Parameters
    ----------
    note : CorrectionNote
    before : mapping tag -> bytes
        Whole elements as they lay before.
    added : frozenset of int
        Attributes that were not there before.
    item : StoredDataSet
        The item itself.
    """

    note: CorrectionNote
    before: Mapping[int, bytes] = field(repr=False)
    added: frozenset[int]
    item: StoredDataSet = field(repr=False)


class Previous(NamedTuple):
    """What a correction replaces.

    Parameters
    ----------
    before : mapping tag -> bytes
        Whole elements as they lie.
    nonconforming : frozenset of int
        Those of them whose value is illegal.
    added : frozenset of int
        Attributes that are not there.
    character_set : bytes
        Specific Character Set in which the old values are, where the item has to say it; empty else.
    """

    before: Mapping[int, bytes]
    nonconforming: frozenset[int] = frozenset()
    added: frozenset[int] = frozenset()
    character_set: bytes = b""


def corrections(stored: StoredFile) -> tuple[Corrected, ...]:
    """Return the corrections that a file says, the oldest first."""
    return tuple(_read(item, stored.instance.encodings) for item in _items(stored))


def with_item(stored: StoredFile, previous: Previous, note: CorrectionNote, encodings: Sequence[str]) -> bytes:
    """Return the sequence of a file with one item more, whole, as the file is encoded.

    The character sets are those of the file afterwards, in which the note is written.
    """
    body = _item(previous, _note(note, encodings), implicit=stored.implicit)
    item = struct.pack("<4sL", _ITEM, len(body)) + body
    there = part_of(stored.head, HISTORY)
    if there is None:
        return encoded(Element(HISTORY, "SQ", b""), implicit=stored.implicit)[:-4] + _length(item) + item
    head, value, end = _split(there)
    if end or not value:
        return head + struct.pack("<L", _UNDEFINED) + value + item + _SEQUENCE_END
    return head + _length(value + item) + value + item


def without_newest(stored: StoredFile, count: int = 1) -> bytes | None:
    """Return the sequence of a file without its newest items; None where it goes.

    Raises
    ------
    UsageError
        ``COR-UNDO`` where there are not so many.
    """
    there, items = part_of(stored.head, HISTORY), len(_items(stored))
    if there is None or items < count:
        what = counted(items, "correction") if items else "no correction"
        raise UsageError("COR-UNDO", f"{stored.name} has {what} to take back; wanted {count}")
    head, kept, end = _split(there)
    for _ in range(count):
        kept = kept[: _last_item_at(kept, implicit=stored.implicit)]
    if end:
        return head + (struct.pack("<L", _UNDEFINED) + kept + _SEQUENCE_END if kept else _length(b""))
    return head + _length(kept) + kept if kept else None


def _length(value: bytes) -> bytes:
    return struct.pack("<L", len(value))


def _split(part: bytes) -> tuple[bytes, bytes, bool]:
    """Return a sequence as what stands before its length, its items, and whether a delimiter ends it."""
    explicit = part[4:6] in (b"SQ", b"UN")
    at = 8 if explicit else 4
    (length,) = struct.unpack_from("<L", part, at)
    value = part[at + 4 :]
    return (part[:at], value[: -len(_SEQUENCE_END)], True) if length == _UNDEFINED else (part[:at], value, False)


def _last_item_at(value: bytes, *, implicit: bool) -> int:
    """Return where the last item begins."""
    found, _ = items_in(value, 0, len(value), implicit, set(), 1)
    return found[-1][0] - _ITEM_HEAD


def _items(stored: StoredFile) -> list[StoredDataSet]:
    found = [s for s in stored.head.stored() if s.tag == HISTORY]
    return stored.head.items(found[-1]) if found else []


def _note(note: CorrectionNote, encodings: Sequence[str]) -> list[Element]:
    return [encode(keyword, text, encodings) for keyword, text in zip(_NOTE, note, strict=True)]


def _item(previous: Previous, note: Iterable[Element], *, implicit: bool) -> bytes:
    """Encode an item of the sequence."""
    parts = {
        MODIFIED: _sequence(MODIFIED, [_modified(previous, implicit=implicit)], implicit=implicit),
        **{element.tag: encoded(element, implicit=implicit) for element in note},
    }
    if previous.nonconforming:
        items = [_nonconforming(tag, previous.before[tag], implicit) for tag in sorted(previous.nonconforming)]
        parts[NONCONFORMING] = _sequence(NONCONFORMING, items, implicit=implicit)
    for element in _own(previous):
        parts[element.tag] = encoded(element, implicit=implicit)
    return b"".join(parts[tag] for tag in sorted(parts))


def _own(previous: Previous) -> Iterator[Element]:
    """Give what the standard has no place for."""
    if not previous.added and not previous.nonconforming:
        return
    yield Element(_CREATOR_TAG, "LO", CREATOR.encode() + b" " * (len(CREATOR) % 2))
    if previous.added:
        tags = (struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in sorted(previous.added))
        yield Element(_ADDED_TAG, "AT", b"".join(tags))
    if previous.nonconforming:
        yield Element(_RAW_TAG, "OB", _raw(previous.before[tag] for tag in sorted(previous.nonconforming)))


def _raw(parts: Iterable[bytes]) -> bytes:
    """Join elements as they lay, each behind its length, of which they may have a wrong one."""
    joined = b"".join(struct.pack("<L", len(part)) + part for part in parts)
    return joined + b"\0" * (len(joined) % 2)


def _unraw(value: bytes) -> Iterator[bytes]:
    at = 0
    while at + 8 <= len(value):
        (length,) = struct.unpack_from("<L", value, at)
        yield value[at + 4 : at + 4 + length]
        at += 4 + length


def _modified(previous: Previous, *, implicit: bool) -> bytes:
    parts = {tag: part for tag, part in previous.before.items() if tag not in previous.nonconforming}
    charset = tag_of("SpecificCharacterSet")
    if previous.character_set and charset not in parts:
        parts[charset] = encoded(Element(charset, "CS", previous.character_set), implicit=implicit)
    return b"".join(parts[tag] for tag in sorted(parts))


def _nonconforming(tag: int, part: bytes, implicit: bool) -> bytes:
    """Encode an item that holds a value which is none of its VR (Table C.12-1, Selector Attribute Macro)."""
    value = _value_of(part, implicit=implicit)
    elements = [
        Element(tag_of("SelectorAttribute"), "AT", struct.pack("<HH", tag >> 16, tag & 0xFFFF)),
        Element(tag_of("SelectorValueNumber"), "US", b"\0\0"),
        Element(tag_of("NonconformingDataElementValue"), "OB", value + b"\0" * (len(value) % 2)),
    ]
    return b"".join(encoded(element, implicit=implicit) for element in sorted(elements))


def _value_of(part: bytes, *, implicit: bool) -> bytes:
    spans, _ = spans_of(part, 0, len(part), implicit, set())
    return part[spans[0][3] : spans[0][4]] if spans else b""


def _sequence(tag: int, bodies: Iterable[bytes], *, implicit: bool) -> bytes:
    value = b"".join(struct.pack("<4sL", _ITEM, len(body)) + body for body in bodies)
    return encoded(Element(tag, "SQ", b""), implicit=implicit)[:-4] + _length(value) + value


def _read(item: StoredDataSet, encodings: tuple[str, ...]) -> Corrected:
    said = Instance("an item", item.elements, strict=False, around=encodings)
    before: dict[int, bytes] = {}
    added: frozenset[int] = frozenset()
    ours = False
    for stored in item.stored():
        value = item.data[stored.value : stored.end]
        if stored.tag == MODIFIED:
            for inner in item.items(stored):
                for each in inner.stored():
                    before[each.tag] = before.get(each.tag, b"") + inner.data[each.start : each.end]
        elif stored.tag == _CREATOR_TAG:
            ours = value.rstrip(b" \0").decode("latin-1") == CREATOR
        elif ours and stored.tag == _ADDED_TAG:
            pairs = struct.iter_unpack("<HH", value)
            added = frozenset(group << 16 | number for group, number in pairs)
        elif ours and stored.tag == _RAW_TAG:
            before |= {_tag(part): part for part in _unraw(value)}
    return Corrected(CorrectionNote(*map(said.text, _NOTE)), before, added, item)


def _tag(part: bytes) -> int:
    group, number = struct.unpack_from("<HH", part)
    return int(group << 16 | number)
