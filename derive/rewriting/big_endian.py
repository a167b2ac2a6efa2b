"""Explicit VR Big Endian (PS3.5 A.3, retired) as Little Endian and back, byte for byte.

Tags, lengths, delimiters, and the numbers of values are turned around, by their value representation and nothing else:
so a data set can be gone through and spliced as any other, and what is turned twice is as it was.
"""

from __future__ import annotations

import struct

import numpy as np

from derive.elements.spans import PIXEL_DATA, UNDEFINED, VRS, Unusual
from derive.standard.vr import LONG_LENGTH_VRS

_LONG = frozenset(vr.encode() for vr in LONG_LENGTH_VRS)
_DELIMITERS = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = 0xE000, 0xE00D, 0xE0DD
#: Bytes of the numbers of a VR; all others are texts or bytes.
WIDTHS = {"US": 2, "SS": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "FD": 8, "UV": 8, "SV": 8, "OW": 2, "OF": 4, "OL": 4}
WIDTHS |= {"OD": 8, "OV": 8}


def turned(data: bytes, *, big: bool) -> bytes:
    """Return a data set in the other byte order.

    Parameters
    ----------
    data : bytes
        From the first element on.
    big : bool
        Whether it is Big Endian now.

    Raises
    ------
    Unusual, struct.error
        For what is no such data set.
    """
    out: list[bytes] = []
    at = _elements(data, 0, len(data), out, ">" if big else "<")
    return b"".join(out) + data[at:]


def _elements(data: bytes, at: int, end: int, out: list[bytes], order: str) -> int:
    """Turn elements up to `end`, or to what ends them, and return where that is."""
    other = "<" if order == ">" else ">"
    while at + 8 <= end:
        group, number = struct.unpack_from(f"{order}HH", data, at)
        if group == _DELIMITERS:
            return at
        code = data[at + 4 : at + 6]
        if code not in VRS:
            if group << 16 | number > PIXEL_DATA:
                return at  # what stands behind the data set is nobody's
            raise Unusual("no value representation where one belongs")
        if code in _LONG:
            (length,) = struct.unpack_from(f"{order}L", data, at + 8)
            out.append(
                struct.pack(f"{other}HH", group, number) + data[at + 4 : at + 8] + struct.pack(f"{other}L", length)
            )
            at += 12
        else:
            (length,) = struct.unpack_from(f"{order}H", data, at + 6)
            out.append(struct.pack(f"{other}HH", group, number) + code + struct.pack(f"{other}H", length))
            at += 8
        at = _value(data, at, (code, length), out, order)
    return at


def _value(data: bytes, at: int, head: tuple[bytes, int], out: list[bytes], order: str) -> int:
    code, length = head
    if code == b"SQ" or length == UNDEFINED:
        return _items(data, at, None if length == UNDEFINED else at + length, out, order)
    out.append(_numbers(code, data[at : at + length]))
    return at + length


def _items(data: bytes, at: int, end: int | None, out: list[bytes], order: str) -> int:
    other = "<" if order == ">" else ">"
    while end is None or at < end:
        group, number, length = struct.unpack_from(f"{order}HHL", data, at)
        if group != _DELIMITERS:
            raise Unusual("no item where one belongs")
        out.append(struct.pack(f"{other}HHL", group, number, length))
        at += 8
        if number == _SEQUENCE_END:
            return at
        if length == UNDEFINED:
            at = _elements(data, at, len(data), out, order)
            out.append(struct.pack(f"{other}HHL", *struct.unpack_from(f"{order}HHL", data, at)))
            at += 8
        else:
            at = _elements(data, at, at + length, out, order)
    return at


def _numbers(code: bytes, value: bytes) -> bytes:
    """Return the value of an element in the other byte order."""
    width = WIDTHS.get(code.decode(), 1)
    if width == 1 or len(value) % width:
        return value
    return np.frombuffer(value, f"V{width}").view(f">u{width}").astype(f"<u{width}").tobytes()
