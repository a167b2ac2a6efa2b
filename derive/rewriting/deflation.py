"""Deflated data sets (PS3.5 A.5), and how they were deflated: so that the same data set gives the same bytes again."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import IO, NamedTuple

from derive.elements.spans import Short
from derive.limits import check_unpacked

_CHUNK = 1 << 20
#: What most writers take first: the default of zlib.
_LEVELS = (6, 9, 1, 5, 8, 7, 4, 3, 2)
_MEMORY = (8, 9)
#: Behind a stream of even length of a writer that never pads: else nothing would tell it from one that does.
_NEVER_PADDED = b"\0\0"


class Deflation(NamedTuple):
    """How a data set is deflated.

    Parameters
    ----------
    level, memory : int
        Parameters of zlib.
    behind : bytes, optional
        What stands behind the stream; None for a NUL where its length is odd, as PS3.5 A.5 wants.
    """

    level: int = 6
    memory: int = 8
    behind: bytes | None = None


#: As most writers do it.
USUAL = Deflation()


def inflated(name: str, stream: IO[bytes], at: int, size: int) -> bytes:
    """Inflate what begins there.

    Raises
    ------
    SourceError
        As :func:`derive.limits.check_unpacked`.
    """
    unpack, parts, count = zlib.decompressobj(-zlib.MAX_WBITS), [], 0
    stream.seek(at)
    while chunk := (unpack.unconsumed_tail or stream.read(1 << 16)):
        parts.append(unpack.decompress(chunk, _CHUNK))
        count += len(parts[-1])
        check_unpacked(name, count, size)
        if unpack.eof:
            break
    return b"".join(parts)


def deflation_of(packed: bytes, data: bytes) -> Deflation:
    """Find how a data set was deflated.

    Parameters
    ----------
    packed, data : bytes
        From where the stream begins to the end of the file, and what it inflates to.

    Returns
    -------
    Deflation
        With the parameters by which zlib makes the same of it; the usual ones where there are none: then what is
        deflated anew is the same data set in other bytes.

    Raises
    ------
    Short
        Where the stream has no end.
    """
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    unpack.decompress(packed, len(data) + 1)
    if not unpack.eof:
        raise Short
    length = len(packed) - len(unpack.unused_data)
    behind: bytes | None = unpack.unused_data
    if behind == _NEVER_PADDED and length % 2 == 0:
        behind = b""
    elif behind == b"\0" * (length % 2):
        behind = None
    for level in _LEVELS:
        for memory in _MEMORY:
            if _agrees(packed[:length], data, level, memory):
                return Deflation(level, memory, behind)
    return USUAL._replace(behind=behind)


def _agrees(packed: bytes, data: bytes, level: int, memory: int) -> bool:
    pack, at = zlib.compressobj(level, wbits=-zlib.MAX_WBITS, memLevel=memory), 0
    for begin in range(0, len(data), 1 << 16):
        part = pack.compress(data[begin : begin + (1 << 16)])
        if not packed.startswith(part, at):
            return False
        at += len(part)
    return packed[at:] == pack.flush()


def deflated(parts: Iterable[bytes], how: Deflation = USUAL) -> bytes:
    """Deflate a data set."""
    pack = zlib.compressobj(how.level, wbits=-zlib.MAX_WBITS, memLevel=how.memory)
    packed = b"".join([*(pack.compress(part) for part in parts), pack.flush()])
    if how.behind is None:
        return packed + b"\0" * (len(packed) % 2)
    return packed + (how.behind or _NEVER_PADDED * (len(packed) % 2 == 0))
