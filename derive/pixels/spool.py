"""Stored values of many frames on their way into one Pixel Data: written aside one by one, read again in pieces.

The header of an instance stands before its pixels and says what is known when the last of them is computed: their
smallest and largest values, an error, what all frames have in common. So the frames wait in a file without a name,
and in memory as long as they are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from derive.errors import OutputError
from derive.pixels import shared
from derive.pixels.encapsulating import EncapsulatedFrames
from derive.pixels.shared import SharedFile
from derive.standard.vr import tag_of_pixels

#: So many are read at a time on the way out.
_RUN = 1 << 20


@dataclass(frozen=True)
class SpooledFrames:
    """Frames of one Pixel Data, native and Little Endian (PS3.5 8.1).

    Parameters
    ----------
    count : int
        How many frames there are.
    shape : tuple of int
        Of one frame: (rows, columns), or (rows, columns, samples).
    dtype : numpy.dtype
        Of its stored values; bool for bits.
    codestreams : EncapsulatedFrames, optional
        The same frames, where they were compressed with loss: these are what they decode to.
    """

    count: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _shared: SharedFile
    _first: int = 0
    codestreams: EncapsulatedFrames | None = None

    @property
    def length(self) -> int:
        """Length of the value of Pixel Data in bytes, its padding included."""
        return self._bytes + self._bytes % 2

    @property
    def frame_bits(self) -> int:
        """Bits of one frame."""
        return int(np.prod(self.shape)) * (1 if self.dtype == np.bool_ else 8 * self.dtype.itemsize)

    @property
    def vr(self) -> str:
        """OB where one byte, or less, is allocated to a sample; OF and OD in floating point; else OW."""
        if self.dtype.kind == "f":
            return "OF" if self.dtype.itemsize == 4 else "OD"
        return "OB" if self.dtype.itemsize == 1 else "OW"

    @property
    def tag(self) -> int:
        """Tag of Pixel Data, or of Float or Double Float Pixel Data."""
        return tag_of_pixels(self.vr)

    def stored(self, index: int) -> NDArray[Any]:
        """Return the stored values of a frame, from 0 on."""
        at, skip = divmod((self._first + index) * self.frame_bits, 8)
        data = self._shared.exactly(at, -(-(skip + self.frame_bits) // 8))
        if self.dtype != np.bool_:
            return np.frombuffer(data, self.dtype).reshape(self.shape)
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return bits[skip : skip + self.frame_bits].reshape(self.shape).astype(np.bool_)

    def runs(self) -> Iterator[bytes]:
        """Give the value of Pixel Data in pieces; as often as is asked for."""
        begin = self._first * self.frame_bits // 8
        for at in range(0, self._bytes, _RUN):
            yield self._shared.exactly(begin + at, min(_RUN, self._bytes - at))
        if self._bytes % 2:
            yield b"\0"

    def value(self) -> bytes:
        """Return the value of Pixel Data, whole."""
        return b"".join(self.runs())

    def part(self, first: int, last: int) -> SpooledFrames:
        """Return frames `first` (included) to `last` (excluded).

        Raises
        ------
        ValueError
            For bits that do not begin and end on a byte.
        """
        if first * self.frame_bits % 8 or (last < self.count and last * self.frame_bits % 8):
            raise ValueError(f"frames {first} to {last} do not begin and end on a byte")
        packed = self.codestreams.part(first, last) if self.codestreams is not None else None
        return SpooledFrames(last - first, self.shape, self.dtype, self._shared, self._first + first, packed)

    @property
    def _bytes(self) -> int:
        return -(-self.count * self.frame_bits // 8)


class Spool:
    """Takes frames one by one.

    Parameters
    ----------
    folder : Path, optional
        Where they wait when they are many; where the system has its temporary files without.

    Raises
    ------
    OutputError
        ``OUT-WRITE`` if the file system refuses; from :meth:`add` too.
    """

    def __init__(self, folder: Path | None = None) -> None:
        file = SpooledTemporaryFile(max_size=shared.IN_MEMORY, dir=str(folder) if folder else None)  # noqa: SIM115 - closed with what is given away
        self._file = cast(IO[bytes], file)
        self._shared = SharedFile(self._file)
        self._like: tuple[tuple[int, ...], np.dtype[Any]] | None = None
        self._bits = np.zeros(0, np.bool_)
        self._count = 0

    def add(self, stored: NDArray[Any]) -> None:
        """Take the next frame.

        Raises
        ------
        ValueError
            Unless it is of the shape and type of the others.
        """
        like = stored.shape, stored.dtype.newbyteorder("<")
        if self._like is None:
            self._like = like
        if like != self._like:
            raise ValueError(f"a frame of {like}; the others are of {self._like}")
        self._count += 1
        if stored.dtype != np.bool_:
            self._write(np.ascontiguousarray(stored, like[1]).data)
            return
        bits = np.concatenate([self._bits, stored.reshape(-1)])
        whole = bits.size - bits.size % 8
        self._write(np.packbits(bits[:whole], bitorder="little").data)
        self._bits = bits[whole:]

    def close(self, codestreams: EncapsulatedFrames | None = None) -> SpooledFrames:
        """Return the frames that were taken, at least one, and what they were decoded from; no more can be."""
        assert self._like is not None, "there is a frame"
        self._write(np.packbits(self._bits, bitorder="little").data)
        return SpooledFrames(self._count, *self._like, self._shared, codestreams=codestreams)

    def _write(self, data: memoryview) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError(
                "OUT-WRITE", f"frames cannot wait aside until they are written: {error.strerror or error}"
            ) from error
