"""How a file begins: its File Meta Information, and how its data set is encoded, by its bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from derive.elements.spans import VRS, Oddity, Short, head_at, vr_of

TRANSFER_SYNTAX, MEDIA_CLASS = 0x00020010, 0x00020002
#: Transfer syntaxes that say nothing but how the data set itself is encoded.
_NATIVE = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}
)
BIG_FOUND = Oddity("SRC-ENCODING", "", "Big Endian stands where Little Endian was declared; read as it is written")
LITTLE_FOUND = Oddity("SRC-ENCODING", "", "Little Endian stands where Big Endian was declared; read as it is written")
PLAIN_FOUND = Oddity(
    "SRC-ENCODING", "", "a plain data set stands where a deflated one was declared; read as it is written"
)
DEFLATED_FOUND = Oddity("SRC-ENCODING", "", "a deflated data set stands where a plain one was declared; inflated")


class Start(NamedTuple):
    """What a file is before its data set, and how that begins.

    Parameters
    ----------
    at : int
        Where the data set begins.
    meta : mapping tag -> text
        File Meta Information.
    implicit, big, deflated : bool
        How the data set is encoded, as far as its first bytes say; what is deflated says no more than that.
    """

    at: int
    meta: Mapping[int, str]
    implicit: bool
    big: bool
    deflated: bool

    @property
    def declared(self) -> str:
        """Transfer syntax that the file declares; empty where it declares none."""
        return self.meta.get(TRANSFER_SYNTAX, "")

    @property
    def media_class(self) -> str:
        """Media Storage SOP Class UID."""
        return self.meta.get(MEDIA_CLASS, "")

    @property
    def syntax(self) -> str:
        """Transfer syntax as the bytes are: that which is declared, unless that says only how they are encoded."""
        if self.declared and self.declared not in _NATIVE:
            return self.declared
        if self.big or self.deflated:
            return str(ExplicitVRBigEndian if self.big else DeflatedExplicitVRLittleEndian)
        return str(ImplicitVRLittleEndian if self.implicit else ExplicitVRLittleEndian)

    @property
    def expects_implicit(self) -> bool:
        """Whether Implicit VR is declared; where nothing is declared, or Big Endian in vain, what the bytes say."""
        declared = self.declared
        return self.implicit if declared in ("", ExplicitVRBigEndian) else declared == ImplicitVRLittleEndian

    @property
    def notes(self) -> Iterator[Oddity]:
        """What stands against the declaration."""
        declared = self.declared
        if self.deflated != (declared == DeflatedExplicitVRLittleEndian) and declared:
            yield DEFLATED_FOUND if self.deflated else PLAIN_FOUND
        if self.big != (declared == ExplicitVRBigEndian) and declared:
            yield BIG_FOUND if self.big else LITTLE_FOUND


def start_of(data: bytes) -> Start:
    """Look at the first bytes of a file.

    Parameters
    ----------
    data : bytes
        With or without a preamble (PS3.10 7.1), and with enough of the data set for its first element.

    Raises
    ------
    Short, struct.error
    """
    at = 132 if data[128:132] == b"DICM" else 0
    meta: dict[int, str] = {}
    while data[at : at + 2] == b"\2\0":  # by their group: the length of the group is often wrong
        tag, value, length = head_at(data, at)
        at = value + length
        if at > len(data):
            raise Short
        meta[tag] = data[value:at].rstrip(b" \0").decode("latin-1")
    return Start(at, meta, *_encoding(data, at, meta.get(TRANSFER_SYNTAX, "")))


def _encoding(data: bytes, at: int, declared: str) -> tuple[bool, bool, bool]:
    """Whether a data set is Implicit VR, Big Endian, or deflated."""
    head = data[at : at + 8]
    if len(head) < 8:
        return (
            declared == ImplicitVRLittleEndian,
            declared == ExplicitVRBigEndian,
            declared == DeflatedExplicitVRLittleEndian,
        )
    if head[4:6] in VRS:
        return False, int.from_bytes(head[:2], "big") < int.from_bytes(head[:2], "little"), False
    group, number, _ = struct.unpack("<HHL", head)
    known = vr_of(group << 16 | number) != "UN"
    deflated = (declared == DeflatedExplicitVRLittleEndian or not known) and _inflates(data[at : at + 1024])
    return not deflated, False, deflated


def _inflates(data: bytes) -> bool:
    """Whether bytes are the beginning of a deflated data set."""
    try:
        head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, 8)
    except zlib.error:
        return False
    return len(head) == 8 and (head[4:6] in VRS or vr_of(struct.unpack("<HH", head[:4])[0] << 16) != "UN")
