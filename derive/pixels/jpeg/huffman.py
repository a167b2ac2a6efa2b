"""Huffman tables of JPEG (ISO/IEC 10918-1 annexes C and F): codes, look-up by the next bits, and room for more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LONGEST_CODE = 16


class NotSequential(ValueError):  # noqa: N818 - it is a codestream that is not
    """A codestream is not sequential DCT with Huffman codes, or is damaged."""


@dataclass(frozen=True)
class Huffman:
    """A table as it is defined: how many codes there are of each length, and the symbols in the order of their codes.

    Parameters
    ----------
    counts : tuple of 16 int
    symbols : bytes
    """

    counts: tuple[int, ...]
    symbols: bytes

    @cached_property
    def lengths(self) -> dict[int, tuple[int, int]]:
        """Code and length of each symbol."""
        found: dict[int, tuple[int, int]] = {}
        code = at = 0
        for length, count in enumerate(self.counts, 1):
            for symbol in self.symbols[at : at + count]:
                if code >= 1 << length:
                    raise NotSequential("a Huffman table has more codes than there is room for")
                found.setdefault(symbol, (code, length))
                code += 1
            at += count
            code <<= 1
        return found

    @cached_property
    def by_bits(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Symbol, and length of the code, for each 16 bits that may come; length 0 where no code begins so."""
        symbols, lengths = np.zeros((2, 1 << LONGEST_CODE), np.uint8)
        for symbol, (code, length) in self.lengths.items():
            first = code << (LONGEST_CODE - length)
            symbols[first : first + (1 << (LONGEST_CODE - length))] = symbol
            lengths[first : first + (1 << (LONGEST_CODE - length))] = length
        return symbols, lengths

    def bits(self, symbol: int) -> str:
        """Return the code of a symbol as text of 0 and 1."""
        if symbol not in self.lengths:
            raise NotSequential(f"a Huffman table has no code for {symbol}")
        code, length = self.lengths[symbol]
        return f"{code:0{length}b}"

    def with_symbols(self, wanted: range) -> Huffman:
        """Return a table that has codes for these symbols too; those that it had keep their codes.

        The new ones are behind all others, at the greatest length; the code of ones alone stays unused (C.2).

        Raises
        ------
        NotSequential
            If there is no room.
        """
        missing = bytes(s for s in wanted if s not in self.lengths)
        if not missing:
            return self
        used = sum(count << (LONGEST_CODE - length) for length, count in enumerate(self.counts, 1))
        if used + len(missing) >= 1 << LONGEST_CODE:
            raise NotSequential("a Huffman table has no room for another code")
        return Huffman((*self.counts[:-1], self.counts[-1] + len(missing)), self.symbols + missing)
