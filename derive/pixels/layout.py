"""Where the value of Pixel Data (7FE0,0010) is, and how stored values lie in it (PS3.3 C.7.6.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, NamedTuple

from derive.pixels.codecs import uid_of
from derive.pixels.colour import SHARED, Palette


class Tile(NamedTuple):
    """Where a slice is in an image that holds many side by side.

    Parameters
    ----------
    rows, columns : int
        Of the whole image.
    row, column : int
        Of its first pixel, from 0.
    name : str
        Of the whole image, for messages.
    """

    rows: int
    columns: int
    row: int
    column: int
    name: str


class PixelBytes(NamedTuple):
    """Where the value of Pixel Data (7FE0,0010) is.

    Parameters
    ----------
    open : callable () -> binary file
        Opens what holds it; the caller closes it.
    offset : int
        Of the value's first byte.
    length : int or None
        Of the value; None is undefined length: encapsulated.
    end : int
        Size of what holds it.
    vr : str
        Big Endian words (OW) are swapped, bytes (OB) are not.
    parts : tuple of (offset, length), optional
        Where the fragments of this frame are, of an encapsulated one of several; None for all there are.
    skip : int
        Bits at `offset` that are of the frame before.
    tile : Tile, optional
        Which part of the image is meant; all of it without.
    """

    open: Callable[[], IO[bytes]]
    offset: int
    length: int | None
    end: int
    vr: str = "OW"
    parts: tuple[tuple[int, int], ...] | None = None
    skip: int = 0
    tile: Tile | None = None

    @property
    def first(self) -> bool:
        """Whether it is no part of an image, or the first one."""
        return self.tile is None or self.tile.row == self.tile.column == 0


class PixelLayout(NamedTuple):
    """How stored values are laid out (PS3.3 C.7.6.3)."""

    transfer_syntax: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    floating: bool = False
    samples: int = 1
    by_plane: bool = False
    palette: Palette | None = None

    @property
    def colour(self) -> bool:
        """Whether a pixel is a colour."""
        return self.samples > 1 or self.palette is not None

    @property
    def stored_samples(self) -> int:
        """Samples of a pixel as they lie: two pixels that share their chrominance have two each (C.7.6.3.1.2)."""
        return 2 if self.photometric in SHARED and not self.encapsulated else self.samples

    def whole(self, pixels: PixelBytes) -> PixelLayout:
        """Return the layout of the image that is stored, of which a slice may be a part."""
        tile = pixels.tile
        return self if tile is None else self._replace(rows=tile.rows, columns=tile.columns)

    @property
    def stored_range(self) -> tuple[int, int]:
        """What Bits Stored can hold; of floating point all that a single has."""
        if self.floating:
            return -(1 << 127), 1 << 127
        if self.signed:
            return -(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1
        return 0, (1 << self.bits_stored) - 1

    @property
    def native_length(self) -> int:
        """Bytes of the image when it is not compressed."""
        return -(-self.native_bits // 8)

    @property
    def native_bits(self) -> int:
        """Bits of the image when it is not compressed."""
        return self.rows * self.columns * self.stored_samples * self.bits_allocated

    @property
    def encapsulated(self) -> bool:
        """Whether the transfer syntax is a compressed one."""
        syntax = uid_of(self.transfer_syntax)
        return syntax.is_transfer_syntax and syntax.is_compressed  # of another UID pydicom does not say it
