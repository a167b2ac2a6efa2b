"""What decoders print is heard instead: they are libraries in C that write their warnings to standard error.

GDCM holds Python's lock while it decodes, so one at a time costs nothing; what other threads write to standard error
in that moment is lost. The JPEG library inside GDCM fills what is missing of a damaged image with anything, and says
so in this way only (2026-11-30: an image with one wrong byte was read with wrong values, and a line on the terminal).
"""

from __future__ import annotations

import atexit
import os
import re
import tempfile
import threading
from collections.abc import Callable
from typing import IO, TypeVar

Result = TypeVar("Result")
_STANDARD_ERROR = 2
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


class _Ear:
    """The file that standard error is while somebody is listened to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._process = 0

    def file(self) -> IO[bytes]:
        if self._file is None or self._process != os.getpid():
            if self._file is not None:
                self._file.close()  # that of the process which was forked
            self._file, self._process = tempfile.TemporaryFile(buffering=0), os.getpid()  # noqa: SIM115
        return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


_ear = _Ear()
atexit.register(_ear.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_ear.lock.acquire, after_in_parent=_ear.lock.release, after_in_child=_ear.lock.release)


def listened(call: Callable[[], Result]) -> tuple[Result, str]:
    """Call a function; return its result, and what was printed on standard error meanwhile."""
    with _ear.lock:
        try:
            kept = os.dup(_STANDARD_ERROR)
        except OSError:  # there is none
            return call(), ""
        file = _ear.file()
        file.seek(0)
        file.truncate()
        try:
            os.dup2(file.fileno(), _STANDARD_ERROR)
            result = call()
        finally:
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
        file.seek(0)
        return result, file.read(4096).decode("latin-1")


def complaint(heard: str, codestream: bytes) -> str:
    """Return the first thing that a decoder has against an image; empty where it is padding before the end marker."""
    for line in filter(None, map(str.strip, heard.splitlines())):
        padded = _PADDING.search(line)
        count = int(padded[1]) if padded else 0
        if not padded or codestream[-2 - count : -2].strip(b"\0\xff"):
            return line
    return ""
