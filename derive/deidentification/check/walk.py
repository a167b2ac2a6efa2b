"""The walk of the check: every element of a file with its bytes, at every depth, by nothing that the engine has.

Sequences are found wherever they are: of defined and undefined length, as UN (PS3.5 6.2.2), in private attributes of
files that say no VR. What the walk cannot follow is read by pydicom and walked through as pydicom writes it.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from pydicom import dcmread, dcmwrite
from pydicom.config import disable_value_validation
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import VR

from derive.deidentification.check.spots import Spot, Spots
from derive.limits import MOST_LEVELS
from derive.standard.vr import LONG_LENGTH_VRS, TEXT_VRS

PIXEL_DATA = 0x7FE00010
_PREAMBLE, _MAGIC, _UNDEFINED = 128, b"DICM", 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_ITEM_BYTES = b"\xfe\xff\x00\xe0"
_HEAD, _SHORT, _LONG = struct.Struct("<HH4s"), struct.Struct("<H"), struct.Struct("<L")
_VRS = {v.value.encode(): v.value for v in VR if len(v.value) == 2}
_LONG_VRS = frozenset(v.encode() for v in LONG_LENGTH_VRS)
#: Value representations of what is one value, and never a sequence.
_PLAIN = frozenset(_VRS.values()) - {"SQ", "UN", "OB", "OW"}
#: Value representations whose bytes may be a sequence that nobody names as one.
_UNTOLD = frozenset(["UN", "OB"])


class NoWalk(Exception):  # noqa: N818 - says what was found
    """A file that cannot be walked through."""


class Leaf(NamedTuple):
    """An element of a file.

    Parameters
    ----------
    spot : Spot
    at : tuple of int
        The numbers of the items that hold it, the outermost first.
    vr : str
        As it stands; that of the dictionary where the file says none or UN. SQ for all that has items.
    start, stop : int
        Where its value lies.
    items : int
        Of a sequence how many there are.
    """

    spot: Spot
    at: tuple[int, ...]
    vr: str
    start: int
    stop: int
    items: int = 0


@dataclass(frozen=True, eq=False)
class Walked:
    """A file as it lies.

    Parameters
    ----------
    data : bytes
        What the leaves lie in: the file, inflated where it was deflated.
    leaves : list of Leaf
        Of the data set, sequences before what is in them.
    meta : mapping of int to bytes
        File Meta Information.
    preamble : bytes
    rest : bytes
        What is behind the data set and no element.
    spots : Spots
        Those of the leaves, and of other files.
    as_written : bool
        False where pydicom had to read it first.
    """

    data: bytes
    leaves: list[Leaf]
    meta: dict[int, bytes]
    preamble: bytes
    rest: bytes
    spots: Spots
    as_written: bool = True

    @cached_property
    def by_spot(self) -> dict[Spot, dict[tuple[int, ...], Leaf]]:
        """The leaves by their spot and items."""
        found: dict[Spot, dict[tuple[int, ...], Leaf]] = {}
        for leaf in self.leaves:
            if leaf.spot in found:
                found[leaf.spot][leaf.at] = leaf
            else:
                found[leaf.spot] = {leaf.at: leaf}
        return found

    def at(self, *tags: int) -> dict[tuple[int, ...], Leaf]:
        """Return the leaves of a standard attribute, by their items.

        Parameters
        ----------
        tags : int
            Those of the sequences that hold it, the outermost first, and its own.
        """
        spot = self.spots.find(*tags)
        return {} if spot is None else self.by_spot.get(spot, {})

    def text(self, tag: int) -> str:
        """Return the value of an attribute that stands in no sequence, as far as it is ASCII; empty without one."""
        found = self.at(tag)
        return self.value(found[()]).decode("latin-1") if found else ""

    def value(self, leaf: Leaf) -> bytes:
        """Return the value of a leaf without its padding."""
        value = self.data[leaf.start : leaf.stop]
        return value.strip(b" \0") if leaf.vr in TEXT_VRS or leaf.spot.is_creator else value


def walk(data: bytes, spots: Spots) -> Walked:
    """Walk through a file.

    Raises
    ------
    NoWalk
        If neither the walk nor pydicom can read it.
    """
    try:
        return _walk(data, spots)
    except (struct.error, NoWalk, zlib.error):
        walked = _walk(_rewritten(data), spots)
        return replace(walked, as_written=False, preamble=_start(data)[0])


def _walk(data: bytes, spots: Spots) -> Walked:
    preamble, at = _start(data)
    meta, at = _meta(data, at)
    syntax = meta.get(0x00020010, b"").strip(b" \0").decode("ascii", "replace")
    if syntax == ExplicitVRBigEndian:
        raise NoWalk
    if syntax == DeflatedExplicitVRLittleEndian:
        data, at = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[at:]), 0
    steps = _Steps(data, spots)
    end = steps.elements(at, len(data), None, (), _is_implicit(data, at))
    return Walked(data, steps.leaves, meta, preamble, data[end:], spots)


def _rewritten(data: bytes) -> bytes:
    """Return a file as pydicom writes it in Little Endian."""
    stream = io.BytesIO()
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            dataset = dcmread(io.BytesIO(data), force=True)
            if not dataset:
                raise NoWalk
            encapsulated = dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian).is_encapsulated
            if not encapsulated:
                dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dcmwrite(stream, dataset, implicit_vr=False, little_endian=True, enforce_file_format=False)
    except Exception as error:  # pydicom raises what it likes on a damaged file
        raise NoWalk(type(error).__name__) from error
    return stream.getvalue()


def _start(data: bytes) -> tuple[bytes, int]:
    if data[_PREAMBLE : _PREAMBLE + 4] == _MAGIC:
        return data[:_PREAMBLE], _PREAMBLE + 4
    return b"", 0


def _meta(data: bytes, at: int) -> tuple[dict[int, bytes], int]:
    """Read group 0002, which is always Explicit VR Little Endian (PS3.10 7.1)."""
    found: dict[int, bytes] = {}
    while data[at : at + 2] == b"\x02\x00":
        tag, _, start, length = _head(data, at, False)
        found[tag], at = data[start : start + length], start + length
    return found, at


def _is_implicit(data: bytes, at: int) -> bool:
    return data[at + 4 : at + 6] not in _VRS


def _head(data: bytes, at: int, implicit: bool) -> tuple[int, str, int, int]:
    """Tag, VR (empty where none is said), start and length of the value of the element that begins there."""
    group, number, rest = _HEAD.unpack_from(data, at)
    tag, code = group << 16 | number, rest[:2]
    if implicit or group == 0xFFFE or code not in _VRS:
        return tag, "", at + 8, _LONG.unpack(rest)[0]
    if code in _LONG_VRS:
        return tag, _VRS[code], at + 12, _LONG.unpack_from(data, at + 8)[0]
    return tag, _VRS[code], at + 8, _SHORT.unpack(rest[2:])[0]


class _Steps:
    """One walk: the leaves that were found so far."""

    def __init__(self, data: bytes, spots: Spots) -> None:
        self.data, self.spots = data, spots
        self.leaves: list[Leaf] = []

    def elements(self, at: int, end: int, above: Spot | None, items: tuple[int, ...], implicit: bool) -> int:
        """Walk through a data set or an item; return where it ends."""
        if len(items) > MOST_LEVELS:
            raise NoWalk
        data, spots, leaves = self.data, self.spots, self.leaves
        creators: dict[int, str] = {}
        while at + 8 <= end:
            tag, vr, start, length = _head(data, at, implicit)
            if tag == _ITEM_END:
                return at
            stop = start + length
            if stop > end and length != _UNDEFINED:
                return self._beyond(items, (tag, vr), (at, start))
            if not tag and not items:
                return at  # zeros: what is behind the data set
            private = tag & 0x10000
            spot = spots.at(above, tag, creators.get(tag & 0xFFFFFF00, "") if private else "")
            if private and spot.is_creator:
                creators[tag & 0xFFFF0000 | (tag & 0xFF) << 8] = _text(data[start:stop])
            if vr in _PLAIN and length != _UNDEFINED:
                leaves.append(Leaf(spot, items, vr, start, stop))
                at = stop
            else:
                at = self._element(spot, items, (vr or spot.vr, not vr), (start, length))
        if at != end and items:
            raise NoWalk
        return at

    def _beyond(self, items: tuple[int, ...], head: tuple[int, str], span: tuple[int, int]) -> int:
        """Judge an element that goes beyond the end: pixels of which a part is there, or no element at all."""
        (tag, vr), (at, start) = head, span
        if items:
            raise NoWalk
        if tag != PIXEL_DATA:
            return at
        self.leaves.append(Leaf(self.spots.at(None, tag), (), vr or "OW", start, len(self.data)))
        return len(self.data)

    def _element(self, spot: Spot, items: tuple[int, ...], kind: tuple[str, bool], span: tuple[int, int]) -> int:
        """Add one element, and what is in it; return where the next one begins."""
        (vr, implicit), (start, length) = kind, span
        if vr == "UN" and spot.vr != "UN":
            vr, implicit = spot.vr, True
        if length == _UNDEFINED:
            if spot.tag == PIXEL_DATA or (vr in ("OB", "OW") and not implicit):
                return self._fragments(spot, items, vr, start)
            return self._sequence(spot, items, (implicit or vr == "UN"), (start, None))
        stop = start + length
        if vr == "SQ" or (vr in _UNTOLD and self.data[start : start + 4] == _ITEM_BYTES and self._items(span, items)):
            return self._sequence(spot, items, implicit or vr == "UN", (start, stop))
        self.leaves.append(Leaf(spot, items, vr, start, stop))
        return stop

    def _items(self, span: tuple[int, int], items: tuple[int, ...]) -> bool:
        """Whether bytes that nobody calls a sequence are items to the last."""
        start, length = span
        trial = _Steps(self.data, Spots())
        try:
            return trial._sequence(Spot(None, 0x00091000, ""), items, False, (start, start + length)) > 0
        except (NoWalk, struct.error):
            return False

    def _sequence(self, spot: Spot, items: tuple[int, ...], implicit: bool, span: tuple[int, int | None]) -> int:
        at, stop = span
        number, mine = 0, len(self.leaves)
        self.leaves.append(Leaf(spot, items, "SQ", at, at))
        while stop is None or at < stop:
            tag, _, start, length = _head(self.data, at, True)
            if tag == _SEQUENCE_END:
                at = start
                break
            if tag != _ITEM:
                raise NoWalk
            end = (len(self.data) if stop is None else stop) if length == _UNDEFINED else start + length
            if end > (len(self.data) if stop is None else stop):
                raise NoWalk
            untold = implicit and _is_implicit(self.data, start) if end > start else implicit
            at = self.elements(start, end, spot, (*items, number), untold or _is_implicit(self.data, start))
            at += 8 * (length == _UNDEFINED)
            number += 1
        self.leaves[mine] = self.leaves[mine]._replace(stop=at, items=number)
        return at

    def _fragments(self, spot: Spot, items: tuple[int, ...], vr: str, start: int) -> int:
        at = start
        while True:
            tag, _, value, length = _head(self.data, at, True)
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM:
                raise NoWalk
            if value + length > len(self.data):  # cut off: what is there is pixels to the last byte
                at = len(self.data) - 8
                break
            at = value + length
        self.leaves.append(Leaf(spot, items, vr, start, at))
        return at + 8


def _text(value: bytes) -> str:
    return value.strip(b" \0").decode("latin-1")


def texts(walked: Walked, leaf: Leaf) -> Iterator[bytes]:
    """Give the values of a text element without padding, empty ones left out."""
    value = walked.data[leaf.start : leaf.stop]
    whole = leaf.vr in ("LT", "ST", "UT", "UR")
    for part in [value] if whole else value.split(b"\\"):
        if part := part.strip(b" \0"):
            yield part
