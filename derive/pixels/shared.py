"""A file that many read at once, each where it wants: opened one time, however many frames are asked for.

To open a file for each of some thousand frames costs little where that is a name on a disk, and everything where it
means to unpack it again.
"""

from __future__ import annotations

import errno
import io
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: What is no longer waits in memory; what is longer, in a file.
IN_MEMORY = 8 << 20
#: So many bytes of what was unpacked are kept, in memory and in files.
KEPT, KEPT_ASIDE = 32 << 20, 4 << 30


class SharedFile:
    """A file that is closed when nobody reads it any more.

    Parameters
    ----------
    file : binary file
        Seekable; nobody else reads it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._lock = file, threading.Lock()
        weakref.finalize(self, file.close)

    def read(self, at: int, length: int) -> bytes:
        """Return so many bytes from there on; fewer where the file ends."""
        with self._lock:
            self._file.seek(at)
            return self._file.read(length)

    def exactly(self, at: int, length: int) -> bytes:
        """Return so many bytes from there on.

        Raises
        ------
        OSError
            If there are fewer.
        """
        data = self.read(at, length)
        if len(data) != length:
            raise OSError(errno.EIO, "what was written aside is no longer there")
        return data

    def view(self, begin: int, end: int) -> IO[bytes]:
        """Return bytes `begin` (included) to `end` (excluded) as a file of its own, at its start."""
        return cast(IO[bytes], _View(self, begin, end))


class _View(io.RawIOBase):
    """A part of a file, with its own place in it."""

    def __init__(self, shared: SharedFile, begin: int, end: int) -> None:
        self._shared, self._begin, self._size, self._at = shared, begin, end - begin, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._shared.read(self._begin + self._at, wanted) if wanted else b""
        self._at += len(data)
        return data

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        place = memoryview(buffer).cast("B")
        data = self.read(len(place))
        place[: len(data)] = data
        return len(data)


class Unpacked:
    """What was unpacked last, to be read again: some in memory, more in files; the newest however large it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, tuple[SharedFile, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def open(self, key: Hashable, unpack: Callable[[IO[bytes]], None]) -> IO[bytes]:
        """Return what is called so, and have it unpacked where it is not kept: once, whoever else waits for it.

        Parameters
        ----------
        key : hashable
        unpack : callable (file) -> None
            Writes what it unpacks; what it raises is raised.
        """
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            shared, size = self._at_hand(key) or self._keep(key, unpacked(unpack))
        return shared.view(0, size)

    def _at_hand(self, key: Hashable) -> tuple[SharedFile, int] | None:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def _keep(self, key: Hashable, file: IO[bytes]) -> tuple[SharedFile, int]:
        found = SharedFile(file), file.seek(0, os.SEEK_END)
        with self._lock:
            self._found[key] = found
            for aside, most in ((False, KEPT), (True, KEPT_ASIDE)):
                sizes = {k: size for k, (_, size) in self._found.items() if (size > IN_MEMORY) == aside}
                while len(sizes) > 1 and sum(sizes.values()) > most:
                    oldest = next(iter(sizes))
                    del sizes[oldest], self._found[oldest]
        return found


def unpacked(unpack: Callable[[IO[bytes]], None]) -> IO[bytes]:
    """Return a file of what a function writes: in memory, or without a name where the system has such files."""
    file = cast(IO[bytes], SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115 - given away open
    try:
        unpack(file)
    except BaseException:
        file.close()
        raise
    return file
