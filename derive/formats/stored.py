"""The bytes behind a header: held against what it claims, mapped or unpacked, and never more of them than that.

No library of a format sees a file: ITK dies of headers that are damaged (signal 11), returns what is in memory where
packed data end early, and allocates whatever a header claims. A header is judged by its reader, and what it then says
of the bytes is all that is needed to read them (decided 2026-11-30).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from derive.errors import SourceError, ValuesError
from derive.limits import check_unpacked

Packing = Literal["raw", "packed", "text", "hex"]
CHUNK = 1 << 20
#: zlib: a header of gzip or of zlib, whichever is there.
EITHER_HEADER = 47
GZIP_MAGIC = b"\x1f\x8b"
#: Deflate makes no more of a byte than this; what claims more is damaged.
DEFLATE_RATIO = 1032
#: No number takes more characters than this, with its blank.
LONGEST_NUMBER = 40
#: Numbers of axes that a header may have.
MOST_AXES = 16


@dataclass(frozen=True)
class Stored:
    """How the numbers of a file lie, as its header says.

    Parameters
    ----------
    path : Path
    dtype : numpy dtype
        With its byte order.
    shape : tuple of int
        Fastest axis first.
    start : int
        Bytes before the first number; -1 where the numbers are the last bytes of the file.
    packing : {"raw", "packed", "text", "hex"}
        Packed are gzip and zlib.
    packed_bytes : int, optional
        How many bytes the packed numbers take, where the header says it.
    before : int
        Unpacked bytes before the first number, where a whole file is packed.
    """

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int = 0
    packing: Packing = "raw"
    packed_bytes: int | None = None
    before: int = 0

    @property
    def size(self) -> int:
        """Bytes of all the numbers."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def one_slice(self) -> int:
        """Bytes of the first two axes: what is left over has to be less, or the header is of another image."""
        return prod(self.shape[:2]) * self.dtype.itemsize


Loaded = tuple[NDArray[Any], tuple[str, ...]]


def load(stored: Stored) -> Loaded:
    """Return the numbers, raw ones mapped to memory, and notes.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` where there are fewer bytes than the header claims, or a slice of more; ``SRC-SIZE`` for packed
        numbers beyond the limits.
    derive.errors.ValuesError
        ``VAL-EMPTY`` where there are no numbers.
    """
    name = stored.path.name
    if min(stored.shape, default=0) < 1:
        raise ValuesError("VAL-EMPTY", f"{name} has the shape {stored.shape}, so it holds no values; wanted at least 1")
    held = stored.path.stat().st_size
    if stored.packing == "raw":
        return _mapped(stored, held)
    with stored.path.open("rb") as file:
        file.seek(max(stored.start, 0))
        left = max(held - stored.start, 0)
        if stored.packing == "packed":
            return _unpacked(file, left, stored)
        return _typed(file, left, stored), ()


def _mapped(stored: Stored, held: int) -> Loaded:
    start = held - stored.size if stored.start < 0 else stored.start
    left = held - start - stored.size
    if start < 0 or left < 0:
        raise damaged(
            stored.path.name, f"its header claims {stored.size} bytes of values, and {max(held - start, 0)} are there"
        )
    notes = _left_over(left, stored)
    return np.memmap(stored.path, stored.dtype, "r", start, stored.shape, "F"), notes


def _left_over(count: int, stored: Stored) -> tuple[str, ...]:
    """Say that bytes follow; refuse where they are a slice or more."""
    if count >= stored.one_slice and count > 0:
        raise damaged(
            stored.path.name,
            f"its header claims {stored.size} bytes of values, and {count} more follow them, a slice or more: "
            "the header is of another image",
        )
    return (f"{count} bytes that follow the values were not read",) if count else ()


def _unpacked(file: IO[bytes], held: int, stored: Stored) -> Loaded:
    """Unpack all, compare checksums, and stop where more comes out than is claimed."""
    name, size = stored.path.name, stored.before + stored.size
    packed = held if stored.packed_bytes is None else min(stored.packed_bytes, held)
    check_unpacked(name, size, packed)
    if size > DEFLATE_RATIO * packed:
        raise damaged(name, f"its header claims {size} bytes, and {packed} packed ones hold less")
    buffer, done = np.empty(size, np.uint8), 0
    for piece in inflated(file, packed, name):
        room = min(len(piece), max(size - done, 0))
        buffer[done : done + room] = np.frombuffer(piece, np.uint8, room)
        done += len(piece)
        if done > size:
            _left_over(done - size, stored)
    if done < size:
        raise damaged(name, f"its packed data inflate to {done} bytes; wanted {size}")
    numbers = buffer[stored.before :].view(stored.dtype).reshape(stored.shape, order="F")
    return numbers, _left_over(done - size, stored)


def inflated(file: IO[bytes], packed: int, name: str) -> Iterator[bytes]:
    """Give what packed bytes hold, a piece at a time: all members of a gzip file, each with its end and checksum.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``
    """
    engine, left, waiting, more = zlib.decompressobj(EITHER_HEADER), packed, b"", False
    while True:
        if not waiting and not more:
            waiting = file.read(min(CHUNK, left))
            left -= len(waiting)
            if not waiting:
                raise damaged(name, "its packed data have no end")
        try:
            piece = engine.decompress(waiting, CHUNK)
        except zlib.error as error:
            raise damaged(name, "its packed data cannot be inflated") from error
        if piece:
            yield piece
        # What it was given may all be taken in, and not all given out.
        waiting, more = engine.unconsumed_tail, len(piece) == CHUNK
        if engine.eof:
            waiting = engine.unused_data + file.read(min(CHUNK, left))
            left = max(left - CHUNK, 0)
            if not waiting.startswith(GZIP_MAGIC):
                return  # what follows the end of the data is none of ours
            engine, more = zlib.decompressobj(EITHER_HEADER), False


def _typed(file: IO[bytes], held: int, stored: Stored) -> NDArray[Any]:
    """Read numbers that are written as text."""
    name, count = stored.path.name, prod(stored.shape)
    least = 2 * count - 1 if stored.packing == "text" else 2 * stored.size
    if held < least:
        raise damaged(name, f"its header claims {count} values, and {held} characters hold less")
    text = file.read(min(held, count * LONGEST_NUMBER + LONGEST_NUMBER))
    try:
        if stored.packing == "hex":
            flat: NDArray[Any] = np.frombuffer(bytes.fromhex(text.decode("ascii")), stored.dtype)
        else:
            flat = np.array(text.split(), dtype="S").astype(stored.dtype)
    except (ValueError, OverflowError) as error:
        raise damaged(name, "its values are no numbers of its type") from error
    if flat.size != count:
        raise damaged(name, f"its header claims {count} values, and there are {flat.size}")
    return flat.reshape(stored.shape, order="F")


def damaged(name: str, what: str) -> SourceError:
    """Say that a file is not what it should be."""
    return SourceError(
        "SRC-DAMAGED", f"{name} is truncated, damaged or not what its name says: {what}; copy or download it again"
    )
