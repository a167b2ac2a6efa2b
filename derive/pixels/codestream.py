"""What a compressed image says of itself: JPEG, JPEG-LS, JPEG 2000.

Decoders are given the size that the attributes state, and not all of them hold it against the image's
own: CharLS inside GDCM shears the pixels where they differ, or ends the process. So we look first.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

#: Start of frame (ISO/IEC 10918-1 B.1.1.3) without DHT, JPG and DAC; SOF55 is JPEG-LS (14495-1 C.1.1).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
#: Markers of segments begin there (B.1.1.3); these among them stand alone: restarts, start and end of an image.
_LEAST_SEGMENT, _ALONE = 0xC0, frozenset(range(0xD0, 0xDA))
_J2K_START = b"\xff\x4f\xff\x51"
_CODING_STYLE = 0xFF52
#: Every codestream ends with it: EOI of JPEG and JPEG-LS, EOC of JPEG 2000.
END = b"\xff\xd9"
#: A JPEG 2000 codestream in a file of its own (ISO/IEC 15444-1 I.5.1) begins so.
JP2 = b"\0\0\0\x0cjP  "


class FrameSize(NamedTuple):
    """What a compressed image says of itself; precision is the bits of a sample, and JPEG 2000 says their sign."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool | None = None


def frame_size(codestream: bytes) -> FrameSize | None:
    """Return the size a codestream states; None where it is none of these, or states it further on."""
    if codestream[:4] == _J2K_START:
        return _j2k_size(codestream)
    return _jpeg_size(codestream) if codestream[:2] == b"\xff\xd8" else None


def is_irreversible(codestream: bytes) -> bool:
    """Whether a JPEG 2000 codestream has the irreversible transformation (ISO/IEC 15444-1 A.6.1).

    One in which no coding style is found counts as such.
    """
    at = 2
    while at + 14 <= len(codestream):
        marker, length = struct.unpack(">HH", codestream[at : at + 4])
        if marker == _CODING_STYLE:
            return codestream[at + 13] == 0
        at += 2 + length
    return True


def entropy_start(data: bytes) -> int:
    """Return where the first scan or tile-part begins, behind the segments of the header, which may hold anything."""
    scan = 0x90 if data[:4] == _J2K_START else _START_OF_SCAN
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != scan:
        at += 1 if data[at + 1] == 0xFF else 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return at


def is_whole_header(data: bytes) -> bool:
    """Whether marker segments lead from the beginning of a codestream to its first scan or tile-part.

    *2026-12-01.* Where a marker is missing between two segments, or one stands there that has none, GDCM does not
    raise: it ends the process.
    """
    if data[:4] == _J2K_START:
        at = entropy_start(data)
        return data[at : at + 2] == b"\xff\x90"
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] >= _LEAST_SEGMENT and data[at + 1] not in _ALONE:
        if data[at + 1] == _START_OF_SCAN:
            return True
        at += 1 if data[at + 1] == 0xFF else 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return False


def _j2k_size(codestream: bytes) -> FrameSize | None:
    """Read the SIZ marker segment (ISO/IEC 15444-1 A.5.1)."""
    if len(codestream) < 43:
        return None
    right, bottom, left, top = struct.unpack(">4L", codestream[8:24])
    (components,) = struct.unpack(">H", codestream[40:42])
    depth = codestream[42]
    return FrameSize(bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80))


def _jpeg_size(codestream: bytes) -> FrameSize | None:
    """Step over the marker segments to the frame header (ISO/IEC 10918-1 B.2.2)."""
    at = 2
    while at + 10 <= len(codestream) and codestream[at] == 0xFF:
        marker = codestream[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _FRAMES:
            precision, rows, columns, components = struct.unpack(">BHHB", codestream[at + 4 : at + 10])
            return FrameSize(rows, columns, components, precision)
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        else:
            at += 2 + struct.unpack(">H", codestream[at + 2 : at + 4])[0]
    return None
