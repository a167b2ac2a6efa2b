"""Compressed frames as they lie: what makes the picture, and what a program wrote beside it (comments, Exif)."""

from __future__ import annotations

import struct
from typing import NamedTuple

_ITEM = 0xFFFEE000
#: How JPEG and JPEG-LS begin, and how JPEG 2000 does; where their headers end.
_STARTS = (b"\xff\xd8", b"\xff\x4f")
_HEADER_ENDS = frozenset([0xDA, 0x90])
#: Segments that make no picture: those of applications (JFIF, Exif, Adobe), and comments of either.
_BESIDE = frozenset([*range(0xE0, 0xF0), 0xFE, 0x64])


class CodedFrames(NamedTuple):
    """What the fragments of Pixel Data hold.

    Parameters
    ----------
    coded : bytes
        What makes the pictures.
    beside : bytes
        What stands beside: comments, and what applications wrote.
    """

    coded: bytes
    beside: bytes


def frames_of(pixels: bytes) -> CodedFrames:
    """Return what the items of encapsulated Pixel Data hold (PS3.5 A.4), the offset table left out."""
    parts = [_parted(fragment) for fragment in _fragments(pixels)[1:]]
    return CodedFrames(b"".join(part.coded for part in parts), b"\n".join(part.beside for part in parts if part.beside))


def _fragments(pixels: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 8 <= len(pixels):
        group, number, length = struct.unpack_from("<HHL", pixels, at)
        if group << 16 | number != _ITEM:
            break
        found.append(pixels[at + 8 : at + 8 + length])
        at += 8 + length
    return found


def _parted(fragment: bytes) -> CodedFrames:
    """Part the header of a code stream; what is none passes whole, but for its padding."""
    if fragment[:2] not in _STARTS:
        return CodedFrames(fragment.rstrip(b"\0"), b"")
    coded: list[bytes] = [fragment[:2]]
    beside: list[bytes] = []
    at = 2
    while at + 4 <= len(fragment) and fragment[at] == 0xFF and fragment[at + 1] not in _HEADER_ENDS:
        end = at + 2 + int.from_bytes(fragment[at + 2 : at + 4], "big")
        (beside if fragment[at + 1] in _BESIDE else coded).append(fragment[at:end])
        at = end
    return CodedFrames(b"".join(coded) + fragment[at:].rstrip(b"\0"), b"\n".join(beside))
