"""One compressed image out of its fragments (PS3.5 A.4).

An image is what its fragments are, one behind the other; wherever a stream was cut into them, whatever its Basic
Offset Table says, and whether a delimiter ends them. Zeros behind its end, and empty fragments, are padding. It is cut
short where its own end marker is missing, and nowhere else (2026-11-30: the end was looked for in the last 64 bytes of
the last fragment, and 200 zeros behind it made a whole image a truncated one).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import IO, NamedTuple

from derive.pixels.codestream import END, JP2, entropy_start

_ITEM = b"\xfe\xff\x00\xe0"
#: Of a codestream, to find its main header; these are far shorter.
HEAD = 16384
_TAIL = 64
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", JP2)
_RLE_HEADER = 64


class Fragments(NamedTuple):
    """Where the parts of a compressed image are.

    Parameters
    ----------
    parts : tuple of (offset, length)
        Those that hold anything, the Basic Offset Table left out; only what is there.
    missing : int
        Bytes that the last one claims and that are not there.
    end : int
        Where what follows them begins.
    table : (offset, length), optional
        Where the Basic Offset Table is, of those that have one that is not empty.
    """

    parts: tuple[tuple[int, int], ...]
    missing: int
    end: int
    table: tuple[int, int] | None = None

    @property
    def size(self) -> int:
        """Bytes of the compressed image."""
        return sum(length for _, length in self.parts)


def fragments_of(stream: IO[bytes], at: int, size: int) -> Fragments:
    """Find the fragments of the image that begins there, in a file of so many bytes."""
    items: list[tuple[int, int]] = []
    missing = 0
    while at + 8 <= size:
        stream.seek(at)
        head = stream.read(8)
        at += 8
        if head[:4] != _ITEM:
            break
        (length,) = struct.unpack("<L", head[4:])
        missing = max(0, at + length - size)
        items.append((at, length - missing))
        at += length
    table = None
    if items and not holds_image(stream, *items[0]):
        table = items.pop(0)  # of no use for one frame
    return Fragments(tuple(i for i in items if i[1]), missing, at, table if table and table[1] else None)


def holds_image(stream: IO[bytes], at: int, length: int) -> bool:
    """Whether an image begins with an item; with the first one, where somebody left out the Basic Offset Table."""
    stream.seek(at)
    head = stream.read(min(length, 8))
    if head.startswith(_STARTS):
        return True
    return length > _RLE_HEADER and head[4:8] == struct.pack("<L", _RLE_HEADER) and head[0] in range(1, 16)


def head_of(stream: IO[bytes], found: Fragments) -> bytes:
    """Return the first bytes of the image, with its main header."""
    return _unboxed(_joined(stream, found.parts, HEAD))


def whole(stream: IO[bytes], found: Fragments) -> bytes:
    """Return the compressed image, up to its end marker where it has one."""
    return _joined(stream, found.parts, found.size)


def has_end(stream: IO[bytes], found: Fragments) -> bool:
    """Whether a codestream ends; all of it is read only where it does not end with its last bytes."""
    offset, length = found.parts[-1]
    stream.seek(offset + max(0, length - _TAIL))
    return END in stream.read(min(length, _TAIL)) or bool(codestream_of(whole(stream, found)))


def codestream_of(data: bytes) -> bytes:
    """Return what decoders are given: from its first marker to its end; nothing where there is no end.

    In entropy-coded data no byte FF is followed by one above 8F, so an end marker there is the end.
    """
    data = _unboxed(data)
    end = data.rfind(END, entropy_start(data))
    return data[: end + len(END)] if end >= 0 else b""


def slices_of(parts: Sequence[tuple[int, int]], starts: Sequence[int]) -> list[tuple[tuple[int, int], ...]]:
    """Cut fragments into images.

    Parameters
    ----------
    parts : sequence of (offset, length)
    starts : sequence of int
        Where each image begins, in what the fragments are together; ascending, the first one 0.

    Returns
    -------
    list of tuple of (offset, length)
        The parts of each image.
    """
    images: list[list[tuple[int, int]]] = [[] for _ in starts]
    ends = [*starts[1:], sum(length for _, length in parts)]
    image = at = 0
    for offset, length in parts:
        done = 0
        while done < length:
            while at >= ends[image]:
                image += 1
            taken = min(length - done, ends[image] - at)
            images[image].append((offset + done, taken))
            done, at = done + taken, at + taken
    return [tuple(image) for image in images]


def _unboxed(data: bytes) -> bytes:
    """Take a JPEG 2000 codestream out of the file that it was put in whole (PS3.5 A.4.4 asks for the stream alone)."""
    return data[max(0, data.find(_STARTS[1], 0, HEAD)) :] if data.startswith(JP2) else data


def _joined(stream: IO[bytes], parts: tuple[tuple[int, int], ...], wanted: int) -> bytes:
    joined = bytearray()
    for offset, length in parts:
        if len(joined) >= wanted:
            break
        stream.seek(offset)
        joined += stream.read(min(length, wanted - len(joined)))
    return bytes(joined)
