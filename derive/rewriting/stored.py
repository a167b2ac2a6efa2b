"""How a data set lies: every element where it begins and ends, at every depth, private ones included.

Nothing is decoded. Where elements lie is found by :mod:`derive.elements.spans`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from derive.elements.element import Element, keyword_of
from derive.elements.encoding import pack
from derive.elements.spans import VRS, Notes, Short, Span, TooDeep, Unusual, items_in, spans_of, vr_of
from derive.limits import MOST_LEVELS

_ITEM = b"\xfe\xff\x00\xe0"
#: Of a VR that depends on other attributes, the one as which it is handled: its bytes are the same.
_ONE_OF = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}


class SequenceStep(NamedTuple):
    """A sequence on the way to an attribute.

    Parameters
    ----------
    tag : int
    creator : str
        Private Creator that reserved it; empty for a standard one.
    """

    tag: int
    creator: str = ""


@dataclass(frozen=True)
class AttributePath:
    """Where an attribute stands in an instance: which it is, and in which sequences.

    Parameters
    ----------
    tag : int
        As it stands in the file, whichever block a private one has.
    vr : str
        Value representation: that of the dictionary where the file says none or UN; SQ for a private one whose
        bytes are items.
    creator : str
        Private Creator that reserved the block of a private one; empty for a standard one, and for one that nobody
        reserved.
    above : tuple of SequenceStep
        The sequences that hold it, the outermost first.
    """

    tag: int
    vr: str
    creator: str = ""
    above: tuple[SequenceStep, ...] = ()

    @property
    def is_private(self) -> bool:
        """Whether its group is odd."""
        return bool(self.tag >> 16 & 1)

    @property
    def is_creator(self) -> bool:
        """Whether it reserves a private block (PS3.5 7.8.1)."""
        return self.is_private and 0x10 <= self.tag & 0xFFFF <= 0xFF

    @property
    def tags(self) -> tuple[int, ...]:
        """The tags from the outermost sequence to the attribute."""
        return (*(step.tag for step in self.above), self.tag)

    @property
    def text(self) -> str:
        """The path as it is told: keywords joined by a dot; a private one by its creator, never by its block.

        Examples
        --------
        >>> AttributePath(0x00080050, "SH", above=(SequenceStep(0x00400275),)).text
        'RequestAttributesSequence.AccessionNumber'
        >>> AttributePath(0x00292710, "OB", "SIEMENS CSA HEADER").text
        '(0029,"SIEMENS CSA HEADER",10)'
        """
        return ".".join(_told(*step) for step in (*self.above, SequenceStep(self.tag, self.creator)))


def _told(tag: int, creator: str) -> str:
    if tag >> 16 & 1 and creator:
        return f'({tag >> 16:04X},"{creator}",{tag & 0xFF:02X})'
    return keyword_of(tag)


class StoredElement(NamedTuple):
    """An element as it lies in a data set.

    Parameters
    ----------
    tag : int
    vr : str
        As in :class:`AttributePath`.
    creator : str
        Private Creator of its block; empty without.
    start, value, end : int
        Where it begins, where its value begins, and where it ends.
    implicit : bool
        Whether what is in it is Implicit VR.
    """

    tag: int
    vr: str
    creator: str
    start: int
    value: int
    end: int
    implicit: bool


@dataclass(frozen=True, eq=False)
class StoredDataSet:
    """A data set as it lies: that of a file, or of an item.

    Parameters
    ----------
    data : bytes
        What holds it.
    spans : tuple of Span
        Where its elements lie in that.
    level : int
        In how many sequences it stands.
    """

    data: bytes
    spans: tuple[Span, ...]
    level: int = 0

    @classmethod
    def of(cls, data: bytes, *, implicit: bool) -> StoredDataSet:
        """Return elements that stand alone, from the first byte to the last."""
        return cls(data, tuple(spans_of(data, 0, len(data), implicit, set())[0]) if data else ())

    def stored(self) -> tuple[StoredElement, ...]:
        """Return its elements in the order in which they stand."""
        return self._stored

    @cached_property
    def _stored(self) -> tuple[StoredElement, ...]:
        creators: dict[int, str] = {}
        found = []
        for tag, vr, start, value, end, implicit in self.spans:
            creator = ""
            if tag >> 16 & 1:
                vr, creator = self._private((tag, vr, start, value, end, implicit), creators)
            elif vr == "UN":
                vr = vr_of(tag)
            found.append(StoredElement(tag, vr if len(vr) == 2 else _ONE_OF[vr], creator, start, value, end, implicit))
        return tuple(found)

    def _private(self, span: Span, creators: dict[int, str]) -> tuple[str, str]:
        """Return the VR of a private attribute, and who reserved its block; who reserves one is remembered.

        Where the file tells none it is UN: dictionaries of private attributes do not agree, and whoever asks decides
        which is believed.
        """
        tag, vr, _, value, end, implicit = span
        number = tag & 0xFFFF
        if 0x10 <= number <= 0xFF:
            creators[tag & 0xFFFF0000 | number << 8] = _creator(self.data[value:end])
            return "LO", ""
        creator = creators.get(tag & 0xFFFFFF00, "")
        if vr == "UN" and end > value and self.is_items(value, end, implicit):
            vr = "SQ"
        return vr, creator

    def written_vr(self, stored: StoredElement) -> str:
        """Return the VR of an element as it stands in the file; empty in Implicit VR."""
        code = self.data[stored.start + 4 : stored.start + 6]
        explicit = stored.value - stored.start == 12 or VRS.get(code) == stored.vr
        return code.decode() if explicit else ""

    def is_items(self, value: int, end: int, implicit: bool) -> bool:
        """Whether bytes of an unknown VR are items of a sequence (PS3.5 6.2.2)."""
        if self.data[value : value + 4] != _ITEM:
            return False
        try:
            return _ends(items_in(self.data, value, end, implicit, set(), self.level + 1)[1], end)
        except (Unusual, Short, struct.error):
            return _is_undefined(self.data, value)

    def items(self, element: StoredElement) -> list[StoredDataSet]:
        """Return the data sets of the items of a sequence.

        Raises
        ------
        Unusual, TooDeep, struct.error
            For what is no sequence of items.
        """
        if self.level + 1 > MOST_LEVELS:
            raise TooDeep
        notes: Notes = set()
        found, _ = items_in(self.data, element.value, element.end, element.implicit, notes, self.level + 1)
        return [
            StoredDataSet(
                self.data,
                tuple(spans_of(self.data, start, end, element.implicit, notes, self.level + 1)[0]),
                self.level + 1,
            )
            for start, end in found
        ]

    @cached_property
    def elements(self) -> Mapping[int, Element]:
        """Its standard attributes, encoded as Explicit VR Little Endian when they are asked for."""
        return _Elements(self)

    def element(self, stored: StoredElement) -> Element:
        """Return an element with its value as Explicit VR Little Endian; private ones inside are left out."""
        if stored.vr == "SQ":
            return Element(stored.tag, "SQ", b"".join(_packed(item) for item in self.items(stored)))
        return Element(stored.tag, stored.vr, self.data[stored.value : stored.end])


class _Elements(Mapping[int, Element]):
    """The standard elements of a data set by their tag; each is made when it is asked for."""

    def __init__(self, of: StoredDataSet) -> None:
        self._of = of
        self._stored = {s.tag: s for s in of.stored() if not s.tag >> 16 & 1}
        self._made: dict[int, Element] = {}

    def __getitem__(self, tag: int) -> Element:
        if tag not in self._made:
            self._made[tag] = self._of.element(self._stored[tag])
        return self._made[tag]

    def __contains__(self, tag: object) -> bool:
        return tag in self._stored

    def __iter__(self) -> Iterator[int]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def _packed(item: StoredDataSet) -> bytes:
    body = pack(item.element(stored) for stored in item.stored() if not stored.tag >> 16 & 1)
    return struct.pack("<4sL", _ITEM, len(body)) + body


def _ends(at: int, end: int) -> bool:
    return at == end


def _is_undefined(data: bytes, value: int) -> bool:
    return data[value + 4 : value + 8] == b"\xff\xff\xff\xff"


def _creator(value: bytes) -> str:
    return value.rstrip(b" \0").decode("latin-1").strip()
