"""Pixel Data as samples that can be written to: any number of frames and of samples a pixel, native (PS3.5 8.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.pixels.area import Area
from derive.pixels.codecs import uid_of

#: Two pixels of a row share their chrominance: luminance, luminance, blue and red difference (PS3.3 C.7.6.3.1.2).
_SHARED = "YBR_FULL_422"
_BIT = 1


class SampleLayout(NamedTuple):
    """How the samples of Pixel Data lie (PS3.3 C.7.6.3).

    Parameters
    ----------
    transfer_syntax : str
    frames, rows, columns, samples : int
    by_plane : bool
        Planar Configuration: a plane after the other, instead of a pixel after the other.
    bits_allocated, bits_stored, high_bit : int
    signed : bool
    photometric : str
    """

    transfer_syntax: str
    frames: int
    rows: int
    columns: int
    samples: int
    by_plane: bool
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str

    @property
    def stored_range(self) -> tuple[int, int]:
        """What Bits Stored can hold."""
        low = -(1 << self.bits_stored - 1) if self.signed else 0
        return low, low + (1 << self.bits_stored) - 1

    @property
    def native_length(self) -> int:
        """Bytes of all frames when they are not compressed, padding to an even number left out."""
        samples = 2 if self.shares_chrominance else self.samples
        return -(-self.frames * self.rows * self.columns * samples * self.bits_allocated // 8)

    @property
    def shares_chrominance(self) -> bool:
        """Whether two pixels share a sample of each colour difference, as they lie."""
        return self.photometric == _SHARED and not uid_of(self.transfer_syntax).is_compressed

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the allocated words, in the byte order of the transfer syntax."""
        order = "<" if uid_of(self.transfer_syntax).is_little_endian else ">"
        return np.dtype(f"{order}{'i' if self.signed else 'u'}{self.bits_allocated // 8}")

    def word(self, value: int) -> int:
        """Return the allocated word of a stored value; the bits above have its sign, as most readers want them."""
        shift = self.high_bit + 1 - self.bits_stored
        return value << shift

    @property
    def unused(self) -> int:
        """Bits of a word that are no part of the stored value."""
        stored = ((1 << self.bits_stored) - 1) << (self.high_bit + 1 - self.bits_stored)
        return ((1 << self.bits_allocated) - 1) & ~stored


class Native:
    """The samples of native Pixel Data, in place; a copy of the value.

    Parameters
    ----------
    value : bytes
    layout : SampleLayout
    vr : str
        Big Endian words (OW) of less than 16 bits allocated lie swapped.
    name : str
        For messages.
    """

    def __init__(self, value: bytes, layout: SampleLayout, vr: str, name: str) -> None:
        if len(value) < layout.native_length:
            raise ValuesError(
                "VAL-TRUNCATED",
                f"{name}: its pixels need {layout.native_length} bytes and there are {len(value)}; "
                "the file was cut short",
            )
        order = uid_of(layout.transfer_syntax).is_little_endian
        self._swapped = not order and vr == "OW" and layout.bits_allocated <= 8
        self._layout = layout
        self._bytes = np.frombuffer(value + b"\0" * (len(value) % 2), np.uint8).copy()
        self._turn()
        self._bits: NDArray[np.uint8] | None = None
        if layout.bits_allocated == _BIT:
            self._bits = np.unpackbits(self._bytes, bitorder="little")

    @property
    def words(self) -> NDArray[Any]:
        """Allocated words: (frames, rows, columns, samples); pairs in columns where they share chrominance."""
        layout = self._layout
        flat = self._bits if self._bits is not None else self._bytes[: layout.native_length].view(layout.dtype)
        if layout.shares_chrominance:
            return flat.reshape(layout.frames, layout.rows, layout.columns // 2, 4)
        if layout.by_plane and layout.samples > 1:
            planes = flat.reshape(layout.frames, layout.samples, layout.rows, layout.columns)
            return planes.transpose(0, 2, 3, 1)
        count = layout.frames * layout.rows * layout.columns * layout.samples
        return flat[:count].reshape(layout.frames, layout.rows, layout.columns, layout.samples)

    def fill(self, areas: Iterable[Area], blank: Sequence[int]) -> None:
        """Write stored values, one for each sample of a pixel, in some areas of all frames."""
        words = self.words
        filled = [self._layout.word(value) for value in blank]
        if self._layout.shares_chrominance:
            filled, areas = [filled[0], *filled], [paired(area) for area in areas]
        for area in areas:
            for sample, value in enumerate(filled):
                words[:, area.top : area.bottom, area.left : area.right, sample] = value

    def clear(self, bits: int) -> None:
        """Make some bits of all words zero."""
        if self._bits is None:
            words = self.words.view(self._layout.dtype.str.replace("i", "u"))
            words &= words.dtype.type(~bits & ((1 << self._layout.bits_allocated) - 1))

    def value(self) -> bytes:
        """Return the bytes of the value."""
        if self._bits is not None:
            self._bytes[:] = np.packbits(self._bits, bitorder="little")[: len(self._bytes)]
        self._turn()
        written = self._bytes.tobytes()
        self._turn()
        return written

    def _turn(self) -> None:
        if self._swapped:
            self._bytes[:] = self._bytes.view(np.uint16).byteswap().view(np.uint8)


def paired(area: Area) -> Area:
    """Return the pairs of pixels that an area touches."""
    return area._replace(left=area.left // 2, right=-(-area.right // 2))
