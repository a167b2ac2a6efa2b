"""Compressed frames as the value of Pixel Data: a fragment each, with a table of where they begin (PS3.5 A.4).

The Basic Offset Table has 32 bits; where these are too few the Extended one stands beside Pixel Data, and the basic
one is empty then (PS3.3 C.7.6.3.1.8). The frames wait in a file without a name, in memory as long as they are few.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast

from derive.errors import OutputError
from derive.pixels import shared
from derive.pixels.shared import SharedFile
from derive.standard.vr import PIXEL_DATA

_ITEM = struct.Struct("<HHL")
_DELIMITER = _ITEM.pack(0xFFFE, 0xE0DD, 0)
#: As a Basic Offset Table can say no more.
MOST_BASIC = 0xFFFFFFFF


@dataclass(frozen=True)
class EncapsulatedFrames:
    """Compressed frames of one Pixel Data.

    Parameters
    ----------
    transfer_syntax : str
    lengths : tuple of int
        Of each frame, padding left out.
    native_length : int
        Bytes that they had.
    most_basic : int
        The largest offset that a Basic Offset Table is to say.
    """

    transfer_syntax: str
    lengths: tuple[int, ...]
    native_length: int
    _shared: SharedFile
    most_basic: int = MOST_BASIC
    _begin: int = 0

    tag = PIXEL_DATA
    vr = "OB"
    #: Of the value of Pixel Data: it is undefined.
    length = 0xFFFFFFFF

    @property
    def ratio(self) -> float:
        """How many times longer the native frames are."""
        return self.native_length / sum(self.lengths)

    @property
    def extended(self) -> Mapping[str, bytes]:
        """Values of the Extended Offset Table and of its lengths, by keyword, where there have to be some."""
        if self._offsets[-1] <= self.most_basic:
            return {}
        named = {"ExtendedOffsetTable": self._offsets, "ExtendedOffsetTableLengths": self.lengths}
        return {keyword: struct.pack(f"<{len(values)}Q", *values) for keyword, values in named.items()}

    @property
    def _offsets(self) -> tuple[int, ...]:
        """Where the item of each frame begins, from that of the first one on."""
        return tuple(accumulate((_even(n) + _ITEM.size for n in self.lengths[:-1]), initial=0))

    def part(self, first: int, last: int) -> EncapsulatedFrames:
        """Return frames `first` (included) to `last` (excluded)."""
        native = self.native_length // len(self.lengths) * (last - first)
        begin = self._begin + sum(self.lengths[:first])
        return replace(self, lengths=self.lengths[first:last], native_length=native, _begin=begin)

    def runs(self) -> Iterator[bytes]:
        """Give the value of Pixel Data in pieces, its delimiter at the end; as often as is asked for."""
        basic = b"" if self.extended else struct.pack(f"<{len(self.lengths)}L", *self._offsets)
        yield _ITEM.pack(0xFFFE, 0xE000, len(basic)) + basic
        at = self._begin
        for length in self.lengths:
            data = self._shared.exactly(at, length)
            yield _ITEM.pack(0xFFFE, 0xE000, _even(length)) + data + b"\0" * (length % 2)
            at += length
        yield _DELIMITER


class Encapsulator:
    """Takes compressed frames one by one.

    Parameters
    ----------
    transfer_syntax : str
    folder : Path, optional
        Where they wait when they are many; where the system has its temporary files without.

    Raises
    ------
    OutputError
        ``OUT-WRITE`` if the file system refuses, from :meth:`add`.
    """

    def __init__(self, transfer_syntax: str, folder: Path | None = None) -> None:
        file = SpooledTemporaryFile(max_size=shared.IN_MEMORY, dir=str(folder) if folder else None)  # noqa: SIM115 - closed with what is given away
        self._file = cast(IO[bytes], file)
        self._shared = SharedFile(self._file)
        self._transfer_syntax = transfer_syntax
        self._lengths: list[int] = []
        self._native = 0

    def add(self, data: bytes, native_length: int) -> None:
        """Take the next frame, which had so many bytes before."""
        self._lengths.append(len(data))
        self._native += native_length
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError(
                "OUT-WRITE", f"frames cannot wait aside until they are written: {error.strerror or error}"
            ) from error

    def close(self) -> EncapsulatedFrames:
        """Return the frames that were taken, at least one; no more can be."""
        assert self._lengths, "there is a frame"
        return EncapsulatedFrames(self._transfer_syntax, tuple(self._lengths), self._native, self._shared)


def encapsulated(data: bytes, transfer_syntax: str, native_length: int) -> EncapsulatedFrames:
    """Return the only frame of a Pixel Data."""
    into = Encapsulator(transfer_syntax)
    into.add(data, native_length)
    return into.close()


def _even(length: int) -> int:
    return length + length % 2
