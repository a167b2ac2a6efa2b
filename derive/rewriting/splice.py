"""Some elements of a file exchanged at its top level, all else byte for byte: File Meta Information, order, padding."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from derive.elements.element import tag_of
from derive.elements.start import TRANSFER_SYNTAX
from derive.rewriting.big_endian import turned
from derive.rewriting.deflation import deflated
from derive.rewriting.file import Part, StoredFile
from derive.rewriting.stored import StoredDataSet

#: Group lengths count the bytes of their group (PS3.5 7.2, retired).
_COUNT = struct.Struct("<L")
_SOP_INSTANCE, _MEDIA_INSTANCE = tag_of("SOPInstanceUID"), 0x00020003
_META_LENGTH = b"\2\0\0\0UL\4\0"


def exchanged(stored: StoredFile, new: Mapping[int, bytes | None]) -> tuple[Part, ...]:
    """Return a file with other elements before its Pixel Data.

    Parameters
    ----------
    stored : StoredFile
    new : mapping tag -> bytes or None
        Whole elements, encoded as the file is, in the place of those of the same tag; where there was none in the
        order of the tags (PS3.5 7.1); None takes one out.

    Returns
    -------
    tuple of Part
        A whole file, one run after the other.
    """
    head = b"".join(elements_of(stored.head, new))
    behind = [_whole(stored.tail)] if stored.tail.spans else []
    pixels: list[Part] = [stored.pixels.head, stored.pixels.value] if stored.pixels else []
    body: list[Part] = [head, *pixels, *behind, stored.rest]
    if stored.transfer_syntax == DeflatedExplicitVRLittleEndian:
        body = [deflated([part for part in body if isinstance(part, bytes)], stored.deflation)]
    if stored.transfer_syntax == ExplicitVRBigEndian:
        body = [turned(b"".join(part for part in body if isinstance(part, bytes)), big=False)]
    return (_start(stored, new), *(part for part in body if part))


def _start(stored: StoredFile, new: Mapping[int, bytes | None]) -> bytes:
    """Return what stands before the data set: where the SOP Instance UID changes, it is repeated there (PS3.10 7.1)."""
    part, element = new.get(_SOP_INSTANCE), stored.meta.get(_MEDIA_INSTANCE)
    there = stored.head.elements.get(_SOP_INSTANCE)
    if not part or element is None or there is None or element.stripped() != there.stripped():
        return stored.start
    alone = StoredDataSet.of(part, implicit=stored.implicit)
    value = alone.element(alone.stored()[0]).value
    head = struct.pack("<HH2s", 0x0002, 0x0003, b"UI")
    before = head + struct.pack("<H", len(element.value)) + element.value
    start = stored.start.replace(before, head + struct.pack("<H", len(value)) + value, 1)
    return _counted(start, len(start) - len(stored.start))


def start_with(stored: StoredFile, transfer_syntax: str) -> bytes:
    """Return what stands before the data set, with another transfer syntax; all else of it as it was.

    Raises
    ------
    KeyError
        Where no transfer syntax is declared.
    """
    element = stored.meta[TRANSFER_SYNTAX]
    value = transfer_syntax.encode() + b"\0" * (len(transfer_syntax) % 2)
    head = struct.pack("<HH2s", 0x0002, 0x0010, b"UI")
    before = head + struct.pack("<H", len(element.value)) + element.value
    start = stored.start.replace(before, head + struct.pack("<H", len(value)) + value, 1)
    return _counted(start, len(start) - len(stored.start))


def _counted(start: bytes, grown: int) -> bytes:
    """Return File Meta Information with its length counted anew, where it says one."""
    at = start.find(_META_LENGTH)
    if not grown or at < 0:
        return start
    at += len(_META_LENGTH)
    (count,) = _COUNT.unpack_from(start, at)
    return start[:at] + _COUNT.pack(count + grown) + start[at + _COUNT.size :]


def part_of(dataset: StoredDataSet, tag: int) -> bytes | None:
    """Return an element as it lies; one that stands twice with both; None where there is none."""
    found = [dataset.data[s.start : s.end] for s in dataset.stored() if s.tag == tag]
    return b"".join(found) if found else None


def _whole(dataset: StoredDataSet) -> bytes:
    return dataset.data[dataset.spans[0][2] : dataset.spans[-1][4]]


def elements_of(dataset: StoredDataSet, new: Mapping[int, bytes | None]) -> Iterator[bytes]:
    """Give the elements of a data set, or of an item, in their order, some of them exchanged (:func:`exchanged`)."""
    there = {s.tag for s in dataset.stored()}
    added = sorted(tag for tag, part in new.items() if tag not in there and part is not None)
    grown = _grown(dataset, new)
    done: set[int] = set()
    for stored in dataset.stored():
        while added and added[0] < stored.tag:
            yield new[added.pop(0)] or b""
        if stored.tag in new:
            if stored.tag not in done:
                yield new[stored.tag] or b""
            done.add(stored.tag)
        elif stored.tag & 0xFFFF == 0 and grown.get(stored.tag >> 16):
            (count,) = _COUNT.unpack(dataset.data[stored.value : stored.end])
            yield dataset.data[stored.start : stored.value] + _COUNT.pack(count + grown[stored.tag >> 16])
        else:
            yield dataset.data[stored.start : stored.end]
    yield from (new[tag] or b"" for tag in added)


def _grown(dataset: StoredDataSet, new: Mapping[int, bytes | None]) -> dict[int, int]:
    """By how many bytes each group grows."""
    grown: dict[int, int] = {}
    for tag, part in new.items():
        before = part_of(dataset, tag) or b""
        grown[tag >> 16] = grown.get(tag >> 16, 0) + len(part or b"") - len(before)
    return grown
