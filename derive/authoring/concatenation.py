"""Instances that are too long for one file: several that say of each other that they are one (PS3.3 7.5.1, C.7.6.16).

What all frames share is the same in every one of them, whether or not the frames of one share more; so are the indices
of the dimensions, which count through all of them, and the Instance Number. *2026-12-01.* Pixel Data can be 4 GiB less
two bytes; many readers count in 32 bits with a sign.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from derive.authoring.order import AuthoredInstance, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode
from derive.model.functional_groups import PER_FRAME
from derive.model.uids import Uids

#: The longest value of Pixel Data.
MOST_BYTES = (1 << 31) - (1 << 24)
_SOP_INSTANCE_UID = tag_of("SOPInstanceUID")
_SMALLEST, _LARGEST = tag_of("SmallestImagePixelValue"), tag_of("LargestImagePixelValue")
_ITEM = struct.Struct("<HHL")


def parts_of(made: AuthoredInstance, uids: Uids, most_bytes: int | None = None) -> Iterator[AuthoredInstance]:
    """Give an instance, or the instances of its concatenation where its pixels are too long.

    Parameters
    ----------
    made : AuthoredInstance
    uids : Uids
        Of the series.
    most_bytes : int, optional
        The longest value of Pixel Data; 2 GiB, less room for what stands before it, without.
    """
    most = MOST_BYTES if most_bytes is None else most_bytes
    if made.pixels is None or made.pixels.length <= most:
        yield made
        return
    step = _frames_within(most, made.pixels.frame_bits)
    items, frames = _items(made.elements[PER_FRAME]), made.frame.frames
    starts = range(0, made.pixels.count, step)
    whole = decode(made.elements[_SOP_INSTANCE_UID])
    concatenation = uids.part(whole, 0)
    for number, first in enumerate(starts, 1):
        last = min(first + step, made.pixels.count)
        own = {
            "SOPInstanceUID": uids.part(whole, number),
            "NumberOfFrames": last - first,
            "SOPInstanceUIDOfConcatenationSource": whole,
            "ConcatenationUID": concatenation,
            "InConcatenationNumber": number,
            "InConcatenationTotalNumber": len(starts),
            "ConcatenationFrameOffsetNumber": first,
        }
        elements = {**made.elements, **{tag_of(keyword): encode(keyword, value) for keyword, value in own.items()}}
        elements[PER_FRAME] = Element(PER_FRAME, "SQ", b"".join(items[first:last]))
        frame = _summed(made.frame, frames[first:last])
        elements.update(_limits(made.elements, frame))
        yield AuthoredInstance(frame, elements, made.pixels.part(first, last))


def part_count(frames: int, bits: int) -> int:
    """Return how many instances so many frames of so many bits become."""
    return 1 if frames * bits <= 8 * MOST_BYTES else -(-frames // _frames_within(MOST_BYTES, bits))


def _frames_within(most: int, bits: int) -> int:
    """How many frames are no longer than that, at least one; of bits so many that they end on a byte."""
    count = max(1, 8 * most // bits)
    return count if bits % 8 == 0 else max(8, count - count % 8)


def _summed(whole: Frame, frames: Sequence[Frame]) -> Frame:
    """Say of some of the frames what their instance says of all."""
    encoded = replace(
        whole.encoded,
        smallest=min(f.encoded.smallest for f in frames),
        largest=max(f.encoded.largest for f in frames),
        error=max(f.encoded.error for f in frames),
        saturated=sum(f.encoded.saturated for f in frames),
    )
    contributors = tuple(sorted({ref for frame in frames for ref in frame.contributors}))
    return replace(whole, contributors=contributors, encoded=encoded, frames=tuple(frames))


def _limits(whole: Mapping[int, Element], frame: Frame) -> Iterator[tuple[int, Element]]:
    """Say the smallest and the largest stored value of a part, where the whole says its own."""
    for tag, value in ((_SMALLEST, frame.encoded.smallest), (_LARGEST, frame.encoded.largest)):
        if tag in whole:
            vr = whole[tag].vr
            yield tag, Element(tag, vr, struct.pack("<h" if vr == "SS" else "<H", value))


def _items(sequence: Element) -> list[bytes]:
    """Return the items of a sequence that was encoded here, with explicit lengths, as bytes."""
    found, at = [], 0
    while at < len(sequence.value):
        _, _, length = _ITEM.unpack_from(sequence.value, at)
        end = at + _ITEM.size + length
        found.append(sequence.value[at:end])
        at = end
    return found
