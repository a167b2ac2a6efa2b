"""Where each frame of Pixel Data is: native, or in fragments of whatever cut (PS3.3 C.7.6.6, PS3.5 8.2 and A.4).

Nothing of the pixels is read but what tells frames apart, and nothing is allocated for what an attribute claims: the
bytes that are there are counted first. Fragments are walked once; what decides is where the images themselves begin:

* one fragment a frame, or several of which the first begins with the image: their starts;
* a Basic Offset Table, where starts do not tell;
* images one behind the other in a fragment, or across fragments: an image begins where another one ended.

*2026-12-01.* A table that says something else than the images do is noticed and not used: pydicom, which believes it,
gives frames that are shifted or cut (its issues know several scanners that write such tables). Where there are more
images than frames, or fewer, nobody can know which belongs to which frame, and the instance is refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import IO, NamedTuple

from derive.errors import ValuesError
from derive.pixels.codecs import CODECS
from derive.pixels.codestream import JP2
from derive.pixels.decode import PixelBytes, PixelLayout, check_length, check_syntax
from derive.pixels.encapsulated import Fragments, fragments_of, holds_image, slices_of
from derive.told.wording import counted

#: Pixel Data of one frame, where its fragments are.
_Parts = Sequence[tuple[int, int]]
#: Behind the end of an image, and zeros that pad it, another one begins: JPEG and JPEG-LS, JPEG 2000, the latter boxed.
_NEXT = re.compile(rb"\xff\xd9\x00{0,512}(?=\xff\xd8\xff|\xff\x4f\xff\x51|" + re.escape(JP2) + rb")", re.DOTALL)
#: The header of a run-length code: 1 to 15 segments, the first of which begins behind it (PS3.5 G.5).
_RLE_HEADER = 64
_RLE = re.compile(rb"(?=[\x01-\x0f]\0\0\0\x40\0\0\0.{56})", re.DOTALL)
_CHUNK, _OVERLAP = 1 << 20, 1024


class FramePlaces(NamedTuple):
    """Where the frames are.

    Parameters
    ----------
    frames : tuple of PixelBytes
    odd : str
        What is wrong with a table of offsets that nobody needed; empty where nothing is.
    """

    frames: tuple[PixelBytes, ...]
    odd: str = ""


def frame_pixels(
    layout: PixelLayout, pixels: PixelBytes, count: int, name: str, table: Sequence[int] = ()
) -> FramePlaces:
    """Find every frame of an instance.

    Parameters
    ----------
    layout : PixelLayout
        Of one frame.
    pixels : PixelBytes
        Of all of them.
    count : int
        Number of Frames, at least 1.
    name : str
        For messages.
    table : sequence of int, optional
        Extended Offset Table (7FE0,0001), if there is one.

    Raises
    ------
    SourceError
        ``SRC-SYNTAX`` for a transfer syntax without decoder, or one that contradicts the file.
    ValuesError
        ``VAL-TRUNCATED`` if there are fewer pixels than frames, ``VAL-LENGTH`` if there are more.
    """
    check_syntax(layout, pixels, name)
    if pixels.length is not None:
        check_length(layout, pixels, name, count)
        return FramePlaces(tuple(_native(layout, pixels, number) for number in range(count)))
    if count == 1:
        return FramePlaces((pixels,))
    with pixels.open() as stream:
        found = fragments_of(stream, pixels.offset, pixels.end)
        images = _images(stream, found, count, CODECS[layout.transfer_syntax].codestream)
        if len(images) != count:
            _refuse(name, count, len(images))
        if found.missing and not CODECS[layout.transfer_syntax].codestream:
            raise ValuesError("VAL-TRUNCATED", f"{name}: its last frame lacks {found.missing} bytes; it was cut short")
        odd = _odd(stream, found, images, table)
    return FramePlaces(tuple(pixels._replace(parts=tuple(parts)) for parts in images), odd)


def _native(layout: PixelLayout, pixels: PixelBytes, index: int) -> PixelBytes:
    """Where a native frame is; from an even byte on where two bytes may lie swapped, and from a whole one."""
    bit = index * layout.native_bits
    skip = bit % (16 if layout.bits_allocated <= 8 else 8)
    length = -(-(skip + layout.native_bits) // 8)
    return pixels._replace(offset=pixels.offset + (bit - skip) // 8, length=length, skip=skip)


def _images(stream: IO[bytes], found: Fragments, count: int, codestream: bool) -> Sequence[_Parts]:
    """Tell images apart: by how fragments begin, by their table, by what is in them."""
    parts = found.parts
    first = [index for index, part in enumerate(parts) if holds_image(stream, *part)]
    if len(parts) == count and (len(first) == count or not codestream):
        return [(part,) for part in parts]
    if len(first) == count and first[0] == 0:
        return _grouped(parts, first)
    if len(first) < count and (tabled := _by_table(stream, found)) and len(tabled) == count:
        return _grouped(parts, tabled)
    return slices_of(parts, [0, *_starts(stream, parts, codestream)]) if parts else ()


def _grouped(parts: _Parts, first: Sequence[int]) -> list[_Parts]:
    """Put fragments together, by which of them begin an image."""
    ends = [*first[1:], len(parts)]
    return [parts[begin:end] for begin, end in zip(first, ends, strict=True)]


def _by_table(stream: IO[bytes], found: Fragments) -> list[int]:
    """Return which fragments begin a frame by the Basic Offset Table; nothing where it cannot be true."""
    begins = {offset - found.parts[0][0]: index for index, (offset, _) in enumerate(found.parts)}
    indices = [begins.get(offset, -1) for offset in _offsets(stream, found)]
    true = indices[:1] == [0] and all(one < other for one, other in pairwise(indices))
    return indices if true else []


def _offsets(stream: IO[bytes], found: Fragments) -> Sequence[int]:
    """Values of the Basic Offset Table: where the item of each frame begins, from that of the first one on."""
    if found.table is None:
        return ()
    offset, length = found.table
    stream.seek(offset)
    value = stream.read(length - length % 4)
    return struct.unpack(f"<{len(value) // 4}L", value)


def _odd(stream: IO[bytes], found: Fragments, images: Sequence[_Parts], table: Sequence[int]) -> str:
    """Say which table does not say where the images are."""
    true = [parts[0][0] - found.parts[0][0] for parts in images]
    for said, what in ((_offsets(stream, found), "Basic"), (table, "Extended")):
        if said and list(said) != true:
            return f"its {what} Offset Table does not say where its frames are; the frames themselves were looked for"
    return ""


def _starts(stream: IO[bytes], parts: _Parts, codestream: bool) -> Iterator[int]:
    """Give where images begin but the first one, in what the fragments are together."""
    held, at = b"", 0
    last = 0
    for chunk, ends in _chunks(stream, parts):
        data = held + chunk
        for match in (_NEXT if codestream else _RLE).finditer(data):
            start = at + (match.end() if codestream else match.start())
            if start > last and (codestream or _begins_rle(data, match.start(), start)):
                yield start
                last = start
        if not ends:
            held = data[-_OVERLAP:]
            at += len(data) - len(held)


def _chunks(stream: IO[bytes], parts: _Parts) -> Iterator[tuple[bytes, bool]]:
    """Give the fragments in pieces, and whether one is the last."""
    total, done = list(accumulate(length for _, length in parts)), 0
    for offset, length in parts:
        for begin in range(0, length, _CHUNK):
            stream.seek(offset + begin)
            chunk = stream.read(min(_CHUNK, length - begin))
            done += len(chunk)
            yield chunk, done == total[-1]


def _begins_rle(data: bytes, at: int, start: int) -> bool:
    """Whether a run-length code begins there: its segments ascend, and the offsets of those that it lacks are 0."""
    count, *offsets = struct.unpack_from("<16L", data, at)
    used, unused = offsets[:count], offsets[count:]
    return start % 2 == 0 and used == sorted(set(used)) and not any(unused)


def _refuse(name: str, count: int, found: int) -> None:
    few = found < count
    raise ValuesError(
        "VAL-TRUNCATED" if few else "VAL-LENGTH",
        f"{name}: Number of Frames is {count}, and its Pixel Data holds {counted(found, 'image')}; "
        f"{'it was cut short, or ' if few else ''}one of them is wrong",
    )
