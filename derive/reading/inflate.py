"""Deflated data sets (PS3.5 A.5): inflated as far as that is wanted of one file."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import IO

from derive.limits import check_unpacked

_CHUNK, _MOST_AT_ONCE = 65536, 1024 * 1024


def inflated(reopen: Callable[[], IO[bytes]], at: int, name: str, into: IO[bytes]) -> None:
    """Inflate a data set.

    Parameters
    ----------
    reopen : callable () -> binary file
    at : int
        Where it begins.
    name : str
        For messages.
    into : binary file
        What it is written to.

    Raises
    ------
    SourceError
        ``SRC-SIZE`` beyond the limits.
    """
    unpack, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with reopen() as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(at)
        while chunk := (unpack.unconsumed_tail or stream.read(_CHUNK)):
            count += into.write(unpack.decompress(chunk, _MOST_AT_ONCE))
            check_unpacked(name, count, size)
            if unpack.eof:
                break
