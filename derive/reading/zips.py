"""Zip archives as a source: members are unpacked one at a time, and nothing is trusted that they declare.

A member is opened as often as it has frames: one that is stored is read where it lies, and one that is packed is
unpacked once and kept aside while there is room, in memory or in a file without a name.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, NoReturn

from derive.errors import SourceError
from derive.limits import Limits, why_too_big
from derive.pixels.shared import SharedFile, Unpacked
from derive.told.wording import flag

_CHUNK = 1024 * 1024
#: Of the head of a member: what it is, and how long its name and what is beside it are (APPNOTE 4.3.7).
_HEAD, _SIGNATURE = struct.Struct("<4s22xHH"), b"PK\x03\x04"
_CLIMBS = re.compile(r"(^|/)\.\.(/|$)|^/|^[A-Za-z]:")


class ZipArchive:
    """A zip file whose members can be read in any order, as often as wanted, from several threads.

    Parameters
    ----------
    path : Path
    limits : Limits

    Raises
    ------
    SourceError
        ``ZIP-UNREADABLE``, ``ZIP-PATH``, ``ZIP-LINK``, ``ZIP-ENCRYPTED`` or ``ZIP-SIZE``, before anything
        is unpacked.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self._lock = threading.Lock()
        self._unpacked: dict[int, int] = {}
        self._total = 0
        self._whole: set[tuple[int, str]] = set()
        self._kept = Unpacked()
        try:
            self._zip = zipfile.ZipFile(path)
            file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed when nobody reads it
        except Exception as error:  # zipfile raises whatever a damaged directory causes
            raise SourceError("ZIP-UNREADABLE", f"{path.name} cannot be read as a zip archive{_why(error)}") from error
        self._file, self._stamp = SharedFile(file), partial(_stamp, file)
        self._said = self._stamp()
        self._members = [i for i in self._zip.infolist() if not i.filename.endswith("/")]
        self._check_directory()

    def members(self) -> Iterator[zipfile.ZipInfo]:
        """Give the members that are files, in the order of their names."""
        yield from sorted(self._members, key=lambda i: (i.filename, i.header_offset))

    def open(self, member: zipfile.ZipInfo) -> IO[bytes]:
        """Open one member, unpacked.

        Returns
        -------
        binary file
            At its start, seekable.

        Raises
        ------
        SourceError
            ``ZIP-SIZE`` beyond the limits, ``ZIP-UNREADABLE`` if the member is damaged.
        """
        if member.compress_type == zipfile.ZIP_STORED:
            return self._in_place(member)
        return self._kept.open(_key(member), lambda file: self._read(member, file.write))

    def _in_place(self, member: zipfile.ZipInfo) -> IO[bytes]:
        """Give a stored member where it lies; the first time all of it is held against its checksum."""
        if _key(member) not in self._whole:
            self._read(member, lambda chunk: None)
            self._whole.add(_key(member))
        signature, name, extra = _HEAD.unpack(self._file.exactly(member.header_offset, _HEAD.size))
        if signature != _SIGNATURE or self._stamp() != self._said:
            raise SourceError("SRC-CHANGED", f"{self.path.name} was changed since it was read; read it again")
        begin = member.header_offset + _HEAD.size + name + extra
        return self._file.view(begin, begin + member.file_size)

    def _read(self, member: zipfile.ZipInfo, take: Callable[[bytes], object]) -> None:
        """Unpack one member, chunk by chunk."""
        try:
            with self._zip.open(member) as packed:
                count = 0
                while chunk := packed.read(_CHUNK):
                    count += len(chunk)
                    self._count(member, count)
                    take(chunk)
        except SourceError:
            raise
        except Exception as error:  # zipfile and its decoders raise whatever a damaged member causes
            raise SourceError(
                "ZIP-UNREADABLE", f"{member.filename} of {self.path.name} cannot be unpacked{_why(error)}"
            ) from error

    def _check_directory(self) -> None:
        for member in self._zip.infolist():
            _check_entry(member, self.path.name)
        if len(self._members) > self.limits.entries:
            self._too_big(f"has {len(self._members)} entries; at most {self.limits.entries} are read")
        self._check_size(sum(i.file_size for i in self._members), "declares")
        if sum(i.compress_size for i in self._members) > self.path.stat().st_size:
            self._too_big("has entries that overlap: they are larger together than the archive")

    def _count(self, member: zipfile.ZipInfo, count: int) -> None:
        """Count what a member really unpacks to; unpacking it again does not count twice."""
        with self._lock:
            known = self._unpacked.get(member.header_offset, 0)
            self._unpacked[member.header_offset] = max(known, count)
            self._total += max(0, count - known)
        self._check_size(self._total, "unpacks to")

    def _check_size(self, size: int, verb: str) -> None:
        if why := why_too_big(size, self.path.stat().st_size, self.limits):
            self._too_big(f"{verb} {why}")

    def _too_big(self, what: str) -> NoReturn:
        raise SourceError(
            "ZIP-SIZE",
            f"{self.path.name} {what}. If it is trusted, unpack it, or raise the limit with {flag('unpack_gib', 'N')}",
        )


def _key(member: zipfile.ZipInfo) -> tuple[int, str]:
    """What a member is known by: two names may be said to begin at one place, and one of them is refused."""
    return member.header_offset, member.orig_filename


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _why(error: Exception) -> str:
    """What zipfile says of it, where it says that itself."""
    said = (zipfile.BadZipFile, EOFError, NotImplementedError, OSError)
    return f": {error}" if isinstance(error, said) and str(error) else f" ({type(error).__name__})"


def _check_entry(member: zipfile.ZipInfo, archive: str) -> None:
    name = member.filename.replace("\\", "/")
    if _CLIMBS.search(name):
        raise SourceError("ZIP-PATH", f"{archive} has an entry that leaves its folder: {member.filename!r}")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise SourceError("ZIP-LINK", f"{archive} has a symbolic link: {member.filename!r}; wanted files only")
    if member.flag_bits & 0x1:
        raise SourceError(
            "ZIP-ENCRYPTED", f"{archive} has an encrypted entry: {member.filename!r}; unpack it beforehand"
        )
