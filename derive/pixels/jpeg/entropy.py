"""The bits of a restart interval: where each block begins, what its first coefficient is, and blank runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.pixels.jpeg.huffman import Huffman, NotSequential

_COEFFICIENTS, _END_OF_BLOCK = 64, 0
#: Steps that no block can make: the code is none.
_NEVER = 200
#: Bytes whose every bit is looked up at once.
_WINDOW = 1 << 16
#: Bits that a block has at most: 64 codes of 16 bits, each followed by up to 15.
_LONGEST_BLOCK = _COEFFICIENTS * 31


class CodedBlock(NamedTuple):
    """A block of the minimum coded unit: its component among those of the scan, its tables, and what blank is."""

    component: int
    dc: Huffman
    ac: Huffman
    blank: int


class _First(NamedTuple):
    """By the next 16 bits: bits of the difference of a first coefficient, and of the code that says so."""

    sizes: bytes
    lengths: bytes


class _Rest(NamedTuple):
    """At each bit, as if the code of another coefficient began there: bits to its end, and coefficients it says."""

    bits: bytes
    steps: bytes


def unstuffed(data: bytes) -> bytes:
    """Return entropy-coded data as its bits are read (B.1.1.5)."""
    return data.replace(b"\xff\x00", b"\xff")


class Interval:
    """One restart interval, walked from its first unit to its last.

    Parameters
    ----------
    data : bytes
        Entropy-coded, as it is stored.
    unit : sequence of CodedBlock
        The blocks of one minimum coded unit, in their order.
    """

    def __init__(self, data: bytes, unit: Sequence[CodedBlock]) -> None:
        self._data = unstuffed(data)
        self._end = len(self._data) * 8
        self._unit = unit
        self._at = 0  # bit
        self._values = [0] * (1 + max(b.component for b in unit))
        self._base = self._limit = 0
        self._ahead: memoryview[int] = memoryview(b"")
        self._looked: list[tuple[int, _First, _Rest]] = []

    def blanked(self, flags: NDArray[np.bool_]) -> bytes:
        """Return the data with some of its blocks blank.

        Parameters
        ----------
        flags : (units, blocks of a unit) bool
            Which blocks become blank.
        """
        pieces = _Pieces(self._data)
        count, unit = len(flags), 0
        for first, end in runs_of(np.asarray(flags.any(axis=1))):
            self._walk(first - unit)
            written = list(self._values)
            # the unit behind is of blocks that stay, and its differences are to what is blank now
            unit = min(end + 1, count)
            for row in flags[first:unit].tolist():
                self._rewrite(row, written, pieces)
        self._walk(count - unit)
        return pieces.packed(self._at)

    def _rewrite(self, flags: list[bool], written: list[int], pieces: _Pieces) -> None:
        """Blank some blocks of the next unit; give the others the differences to what is written before them."""
        if self._at >= self._limit:
            self._look()
        at = self._at - self._base
        for (component, first, rest), block, is_blank in zip(self._looked, self._unit, flags, strict=True):
            before = self._values[component]
            begun, behind = self._base + at, at + self._first_coefficient(at, component, first)
            at = self._rest(behind, rest)
            if is_blank:
                text = _difference(block.dc, block.blank - written[component]) + block.ac.bits(_END_OF_BLOCK)
                pieces.replace(begun, self._base + at, text)
                written[component] = block.blank
                continue
            if written[component] != before:
                text = _difference(block.dc, self._values[component] - written[component])
                pieces.replace(begun, self._base + behind, text)
            written[component] = self._values[component]
        self._at = self._base + at
        self._check()

    def _walk(self, count: int) -> None:
        """Step over some units."""
        for _ in range(count):
            if self._at >= self._limit:
                self._look()
            at = self._at - self._base
            for component, first, rest in self._looked:
                at = self._rest(at + self._first_coefficient(at, component, first), rest)
            self._at = self._base + at
        self._check()

    def _first_coefficient(self, at: int, component: int, first: _First) -> int:
        """Read the difference of a first coefficient; return how long it is, its code included (F.1.2.1)."""
        bits = self._ahead[at]
        code = bits >> 16
        size, length = first.sizes[code], first.lengths[code]
        if not length:
            raise NotSequential("its entropy-coded data is damaged")
        if size:
            value = (bits << length & 0xFFFFFFFF) >> 32 - size
            # a number that begins with 0 is negative
            self._values[component] += value if value >> size - 1 else value - (1 << size) + 1
        return length + size

    def _rest(self, at: int, rest: _Rest) -> int:
        """Step over all other coefficients of a block: the loop in which the time goes."""
        bits, steps = rest
        done = 1
        while done < _COEFFICIENTS:
            done += steps[at]
            at += bits[at]
        if done >= _NEVER:
            raise NotSequential("its entropy-coded data is damaged")
        return at

    def _check(self) -> None:
        if self._at > self._end:
            raise NotSequential("its entropy-coded data is cut short")

    def _look(self) -> None:
        """Look up every bit of the next piece."""
        if self._at >= self._end:
            raise NotSequential("its entropy-coded data is cut short")
        start = self._at >> 3
        piece = self._data[start : start + _WINDOW + 8]
        ahead = _ahead(piece + b"\0" * (_LONGEST_BLOCK * len(self._unit) // 8 + 8))
        self._base = start * 8
        self._limit = self._base + _WINDOW * 8 - _LONGEST_BLOCK * len(self._unit) if len(piece) > _WINDOW else self._end
        self._ahead = memoryview(ahead.data)
        rests = {table: _rest(ahead, table) for table in {b.ac for b in self._unit}}
        self._looked = [(b.component, _first(b.dc), rests[b.ac]) for b in self._unit]


class _Pieces:
    """Bits that are copied, and bits that take the place of others.

    Parameters
    ----------
    data : bytes
        What is copied from.
    """

    def __init__(self, data: bytes) -> None:
        self._source = np.unpackbits(np.frombuffer(data, np.uint8))
        self._copied = 0
        self._texts: list[str] = []
        self._pieces: list[NDArray[np.uint8]] = []

    def replace(self, start: int, end: int, text: str) -> None:
        """Put a text of 0 and 1 in the place of some bits, behind all that were replaced before."""
        self._copy(start)
        self._texts.append(text)
        self._copied = end

    def packed(self, end: int) -> bytes:
        """Return all bits up to an end, as they are stored: filled up with ones, zeros stuffed behind FF (F.1.2.3)."""
        self._copy(end)
        bits = np.concatenate([*self._pieces, np.frombuffer("".join(self._texts).encode(), np.uint8) - ord("0")])
        bits = np.concatenate([bits, np.ones(-len(bits) % 8, np.uint8)])
        return np.packbits(bits).tobytes().replace(b"\xff", b"\xff\x00")

    def _copy(self, end: int) -> None:
        if end == self._copied:
            return
        if self._texts:
            self._pieces.append(np.frombuffer("".join(self._texts).encode(), np.uint8) - ord("0"))
            self._texts.clear()
        self._pieces.append(self._source[self._copied : end])
        self._copied = end


def runs_of(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where flags are set: the first of each run, and the one behind its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _ahead(data: bytes) -> NDArray[np.uint32]:
    """Return, for every bit of the data, the 32 bits that begin with it."""
    read = np.frombuffer(data + b"\0" * 4, np.uint8).astype(np.uint64)
    five = np.zeros(len(data), np.uint64)
    for index in range(5):
        five |= read[index : index + len(data)] << np.uint64(32 - 8 * index)
    shifts = np.arange(8, 0, -1, dtype=np.uint64)
    return (five[:, None] >> shifts).astype(np.uint32).ravel()


@lru_cache(maxsize=8)
def _first(table: Huffman) -> _First:
    sizes, lengths = table.by_bits
    return _First(np.minimum(sizes, 16).tobytes(), lengths.tobytes())


def _rest(ahead: NDArray[np.uint32], table: Huffman) -> _Rest:
    symbols, lengths = table.by_bits
    bits = np.where(lengths > 0, lengths + (symbols & 15), 1).astype(np.uint8)
    steps = (symbols >> 4) + 1
    steps[(symbols & 15 == 0) & (symbols >> 4 < 15)] = _COEFFICIENTS
    steps[lengths == 0] = _NEVER
    code = ahead >> np.uint32(16)
    return _Rest(bits[code].tobytes(), steps[code].tobytes())


def _difference(table: Huffman, difference: int) -> str:
    """Code the difference of a first coefficient (F.1.2.1)."""
    size = abs(difference).bit_length()
    if not size:
        return table.bits(0)
    return table.bits(size) + f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
