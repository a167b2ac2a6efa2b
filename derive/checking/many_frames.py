"""Files of many frames: their header as it was parsed, and their pixels frame by frame where they lie.

A header of 3,000 frames is long, and pydicom makes a data set of every item in it; and Pixel Data of 4 GB is not read
to be looked at. So what is judged of the elements of such a file comes from :class:`~derive.reading.header.Header`,
and pydicom reads up to the functional groups only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, Any, BinaryIO, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from derive import standard
from derive.checking.finding import Finding, finding
from derive.elements.element import Element
from derive.model.functional_groups import PER_FRAME, SHARED
from derive.model.source import Skipped
from derive.pixels.decode import PixelBytes
from derive.reading.header import Header
from derive.standard.vr import tag_of_pixels

#: Tag, VR and length of an element whose value may be long, in Explicit VR.
_LONG_HEAD = 12


def many_frames(header: Header | Skipped) -> TypeGuard[Header]:
    """Whether a file has functional groups: then its frames are judged one by one."""
    return isinstance(header, Header) and (PER_FRAME in header.elements or SHARED in header.elements)


def before_frames(stream: IO[bytes], *, force: bool) -> Dataset:
    """Read a data set up to its functional groups.

    Parameters
    ----------
    stream : binary file
        At its start.
    force : bool
        Whether it may have no preamble.
    """
    return read_partial(cast(BinaryIO, stream), lambda tag, _vr, _length: tag >= SHARED, force=force)


def order_of(header: Header | Skipped, name: str) -> Iterator[Finding]:
    """Judge the order of elements where only part of a file was read by pydicom (PS3.5 7.1)."""
    if many_frames(header) and any(r.code == "SRC-ORDER" for r in header.remarks):
        yield finding("CHK-ORDER", "", "elements are not in the order of their tags", name)


@dataclass(frozen=True)
class FramesInFile:
    """Native frames of one Pixel Data, read one by one.

    Parameters
    ----------
    count : int
        How many there are.
    cells : int
        Samples of one frame.
    bits : int
        Bits Allocated.
    pixels : PixelBytes
        Where they lie.
    big : bool
        Whether they are Big Endian.
    vr : str
    """

    count: int
    cells: int
    bits: int
    pixels: PixelBytes
    big: bool
    vr: str

    @property
    def length(self) -> int:
        """Length of the value of Pixel Data in bytes, as far as the file reaches."""
        return min(self.pixels.length or 0, max(0, self.pixels.end - self.pixels.offset))

    def stored(self, index: int) -> NDArray[Any]:
        """Return the words of a frame, from 0 on: unsigned, all their bits; fewer where the file ends."""
        width = self.bits // 8
        with self.pixels.open() as stream:
            stream.seek(self.pixels.offset + index * self.cells * width)
            data = stream.read(self.cells * width)
        words = np.frombuffer(data, f"{'>' if self.big and width > 1 else '<'}u{width}", len(data) // width)
        return words.astype(f"<u{width}", copy=False)


def pixels_of(header: Header) -> tuple[dict[int, Element], FramesInFile | None]:
    """Return Pixel Data of a file, without its value, and its frames; no frames where they are compressed.

    Parameters
    ----------
    header : Header
    """
    pixels = header.pixels
    if pixels is None:
        return {}, None
    vr, lenient = _vr_of(header, pixels), header.lenient
    tag = tag_of_pixels(vr)
    said = {tag: Element(tag, vr, b"\0\0")}
    if pixels.length is None:
        return said, None
    count, bits, *sides = (
        lenient.integer(k) or 0 for k in ("NumberOfFrames", "BitsAllocated", "Rows", "Columns", "SamplesPerPixel")
    )
    frames = FramesInFile(0, math.prod(sides), bits, pixels, header.transfer_syntax == ExplicitVRBigEndian, vr)
    size = frames.cells * bits // 8
    return said, replace(frames, count=min(count, frames.length // size) if size else 0)


def _vr_of(header: Header, pixels: PixelBytes) -> str:
    """The VR of Pixel Data: it stands before the value; OW where there is none (PS3.5 A.1)."""
    if header.transfer_syntax == ImplicitVRLittleEndian:
        return _floating_vr(header) or "OW"
    with pixels.open() as stream:
        stream.seek(pixels.offset - _LONG_HEAD)
        head = stream.read(_LONG_HEAD)
    vr = head[4:6]
    return vr.decode("ascii") if vr in (b"OB", b"OW", b"UN", b"OF", b"OD") else _floating_vr(header) or "OW"


def _floating_vr(header: Header) -> str:
    """The VR of pixels in floating point, which have no bits that are stored; empty for all others (A.75)."""
    lenient = header.lenient
    floating = (
        lenient.integer("BitsStored") is None and "FloatPixelData" in standard.iod(header.sop_class_uid).attributes
    )
    return {32: "OF", 64: "OD"}.get(lenient.integer("BitsAllocated") or 0, "") if floating else ""
