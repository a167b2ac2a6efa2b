"""Stored values as they are judged: frame by frame, whether they are at hand, in Pixel Data, or wait aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]


class Words(NamedTuple):
    """Where stored values stand in the words of native Pixel Data (PS3.3 C.7.6.3, PS3.5 8.1.1).

    Parameters
    ----------
    bits, high : int
        Bits Stored, High Bit.
    signed : bool
    """

    bits: int
    high: int
    signed: bool

    def values(self, words: Values) -> Values:
        """Return the stored values: shifted, masked, with their sign."""
        if self.bits == words.itemsize * 8:
            return words.view(f"<i{words.itemsize}") if self.signed else words
        values: NDArray[np.int64] = (words >> words.dtype.type(self.high - self.bits + 1)).astype(np.int64)
        values &= (1 << self.bits) - 1
        return values - ((values >> self.bits - 1) << self.bits) if self.signed else values

    def strays(self, words: Values) -> int:
        """How many words have bits above High Bit that are neither 0 nor the sign."""
        if self.bits >= words.itemsize * 8:
            return 0
        above = words >> words.dtype.type(self.bits)
        wrong = above != 0
        if self.signed:
            ones = (1 << words.itemsize * 8 - self.bits) - 1
            wrong &= (above != ones) | (words >> words.dtype.type(self.bits - 1) & 1 == 0)
        return int(np.count_nonzero(wrong))


class Ends(NamedTuple):
    """Smallest and largest stored value.

    Parameters
    ----------
    low, high : int
        Of all values.
    without : (low, high), optional
        Apart from padding; None where there is no padding, or nothing else.
    """

    low: int
    high: int
    without: tuple[int, int] | None

    @property
    def telling(self) -> tuple[int, int]:
        """Of the values that mean something."""
        return self.without or (self.low, self.high)


def frames_in(value: bytes, width: int, size: int) -> Iterator[Values]:
    """Give the words of native Pixel Data, of so many bytes each, frames of so many words one by one."""
    words = np.frombuffer(value, f"<u{width}", len(value) // width)
    yield from (words[first : first + size] for first in range(0, words.size, size))


def ends_of(blocks: Iterable[Values], padding: tuple[int, int] | None) -> Ends | None:
    """Return the ends of stored values, which come in blocks; None where there are none.

    Parameters
    ----------
    blocks : iterable of arrays
    padding : (first, last), optional
        Values that are padding.
    """
    ends: list[tuple[int, int]] = []
    without: list[tuple[int, int]] = []
    for block in blocks:
        if not block.size:
            continue
        ends.append((int(block.min()), int(block.max())))
        if padding is not None:
            rest = block[(block < padding[0]) | (block > padding[1])]
            without += [(int(rest.min()), int(rest.max()))] if rest.size else []
    if not ends:
        return None
    return Ends(*_outermost(ends), _outermost(without) if without else None)


def _outermost(ends: list[tuple[int, int]]) -> tuple[int, int]:
    return min(low for low, _ in ends), max(high for _, high in ends)
