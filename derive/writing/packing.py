"""An instance as it is written: native, or compressed frame by frame, or with its whole data set deflated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from derive import parallel
from derive.authoring.order import AuthoredInstance
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode
from derive.pixels.compress import compressed
from derive.pixels.compressions import DEFLATED, Compression
from derive.pixels.encapsulating import EncapsulatedFrames, Encapsulator, encapsulated
from derive.pixels.encode import Codestream
from derive.pixels.samples import SampleLayout
from derive.pixels.spool import SpooledFrames
from derive.standard.vr import PIXEL_DATA
from derive.writing.part10 import FileRuns
from derive.writing.part10 import dataset_of as native_dataset_of

_NATIVE = "1.2.840.10008.1.2.1"
_PHOTOMETRIC = tag_of("PhotometricInterpretation")
#: So many frames are compressed for each thread before they go into the file.
_AHEAD = 4


@dataclass(frozen=True)
class Sizes:
    """Bytes of what was compressed: of pixels; of what is deflated, of whole data sets.

    Parameters
    ----------
    native, written : int
    """

    native: int = 0
    written: int = 0

    def __add__(self, other: Sizes) -> Sizes:
        """Return the bytes of both."""
        return Sizes(self.native + other.native, self.written + other.written)

    @property
    def ratio(self) -> float | None:
        """How many times longer the native bytes are; None where nothing was compressed."""
        return self.native / self.written if self.written else None


def sizes_of(runs: FileRuns, path: Path) -> Sizes:
    """Return what compression saved in a file that was written; nothing of what is native."""
    if runs.deflated:
        native = sum(map(len, runs.head)) + (runs.pixels.length if runs.pixels is not None else 0)
        return Sizes(native, path.stat().st_size - len(runs.start))
    if isinstance(runs.pixels, EncapsulatedFrames):
        return Sizes(runs.pixels.native_length, sum(runs.pixels.lengths))
    return Sizes()


class Encodable(NamedTuple):
    """What is written of an instance.

    Parameters
    ----------
    elements : mapping tag -> Element
        Its attributes; native Pixel Data among them unless there are `pixels`.
    pixels : SpooledFrames, optional
        Stored values of many frames, which wait aside.
    codestream : Codestream, optional
        Its only frame, where it was compressed with loss: Pixel Data is what that decodes to.
    """

    elements: Mapping[int, Element]
    pixels: SpooledFrames | None
    codestream: Codestream | None

    @classmethod
    def of(cls, made: AuthoredInstance) -> Encodable:
        """Take what is written of an instance, and leave its stored values."""
        return cls(made.elements, made.pixels, made.frame.encoded.codestream)


def runs_of(one: Encodable, compression: Compression | None, folder: Path | None = None) -> FileRuns:
    """Encode an instance as a Part 10 file.

    Parameters
    ----------
    one : Encodable
    compression : Compression, optional
        None: native.
    folder : Path, optional
        Where compressed frames wait when they are many.

    Raises
    ------
    ValuesError
        As :func:`derive.pixels.compress.compressed`.
    """
    elements, pixels, codestream = one
    if compression is None or compression.method == DEFLATED:
        return FileRuns.of(elements, pixels, transfer_syntax=compression.transfer_syntax if compression else "")
    layout = _layout(elements)
    if pixels is not None and pixels.codestreams is not None:
        frames = pixels.codestreams
    elif codestream is not None and codestream.data:
        frames = encapsulated(codestream.data, compression.transfer_syntax, codestream.native_length)
    else:
        assert not compression.lossy, "what is lost is settled, and said, before an instance is written"
        frames = _compressed(_frames(elements, pixels, layout), layout, compression, folder)
    rest = {tag: e for tag, e in elements.items() if tag != PIXEL_DATA}
    rest[_PHOTOMETRIC] = encode("PhotometricInterpretation", compression.photometric(layout))
    rest |= {tag_of(k): Element(tag_of(k), "OV", value) for k, value in frames.extended.items()}
    return FileRuns.of(rest, frames, transfer_syntax=compression.transfer_syntax)


def dataset_of(made: AuthoredInstance, compression: Compression | None) -> Dataset:
    """Return an instance as pydicom has it, with its File Meta Information; its frames in memory."""
    if compression is None:
        return native_dataset_of(made.whole)
    return dcmread(BytesIO(b"".join(runs_of(Encodable.of(made), compression))))


def _compressed(
    frames: Iterator[NDArray[Any]], layout: SampleLayout, compression: Compression, folder: Path | None
) -> EncapsulatedFrames:
    into, size = Encapsulator(compression.transfer_syntax, folder), layout._replace(frames=1).native_length
    work = partial(compressed, layout=layout, compression=compression)
    while some := list(islice(frames, _AHEAD * parallel.jobs())):
        for data in parallel.each(work, some):
            into.add(data, size)
    return into.close()


def _frames(
    elements: Mapping[int, Element], pixels: SpooledFrames | None, layout: SampleLayout
) -> Iterator[NDArray[Any]]:
    """Give the native frames, one by one."""
    if pixels is not None:
        yield from (pixels.stored(index) for index in range(pixels.count))
        return
    size = layout.rows * layout.columns * layout.samples
    values = np.frombuffer(elements[PIXEL_DATA].value, layout.dtype, size * layout.frames)
    yield from (values[first : first + size] for first in range(0, size * layout.frames, size))


def _layout(elements: Mapping[int, Element]) -> SampleLayout:
    number = partial(_number, elements)
    return SampleLayout(
        transfer_syntax=_NATIVE,
        frames=number("NumberOfFrames") if tag_of("NumberOfFrames") in elements else 1,
        rows=number("Rows"),
        columns=number("Columns"),
        samples=number("SamplesPerPixel"),
        by_plane=False,
        bits_allocated=number("BitsAllocated"),
        bits_stored=number("BitsStored"),
        high_bit=number("HighBit"),
        signed=bool(number("PixelRepresentation")),
        photometric=str(decode(elements[_PHOTOMETRIC])),
    )


def _number(elements: Mapping[int, Element], keyword: str) -> int:
    return int(decode(elements[tag_of(keyword)]))
