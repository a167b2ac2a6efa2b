"""Zip archives as a source: members are unpacked one at a time, and nothing is trusted that they declare."""

from __future__ import annotations

import re
import stat
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

from derive.errors import SourceError
from derive.limits import Limits, why_too_big
from derive.told.wording import flag

_CHUNK = 1024 * 1024
#: A member is held in memory up to this size, above it in a temporary file that has no name.
_IN_MEMORY = 64 * 1024 * 1024
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
        try:
            self._zip = zipfile.ZipFile(path)
        except Exception as error:  # zipfile raises whatever a damaged directory causes
            raise SourceError("ZIP-UNREADABLE", f"{path.name} cannot be read as a zip archive{_why(error)}") from error
        self._members = [i for i in self._zip.infolist() if not i.filename.endswith("/")]
        self._check_directory()

    def members(self) -> Iterator[zipfile.ZipInfo]:
        """Give the members that are files, in the order of their names."""
        yield from sorted(self._members, key=lambda i: (i.filename, i.header_offset))

    def open(self, member: zipfile.ZipInfo) -> IO[bytes]:
        """Unpack one member.

        Returns
        -------
        binary file
            At its start, seekable; gone when it is closed.

        Raises
        ------
        SourceError
            ``ZIP-SIZE`` beyond the limits, ``ZIP-UNREADABLE`` if the member is damaged.
        """
        unpacked: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - given away open
        try:
            with self._zip.open(member) as packed:
                count = 0
                while chunk := packed.read(_CHUNK):
                    count += len(chunk)
                    self._count(member, count)
                    unpacked.write(chunk)
        except BaseException as error:  # zipfile and its decoders raise whatever a damaged member causes
            unpacked.close()
            if isinstance(error, SourceError) or not isinstance(error, Exception):
                raise
            raise SourceError(
                "ZIP-UNREADABLE", f"{member.filename} of {self.path.name} cannot be unpacked{_why(error)}"
            ) from error
        unpacked.seek(0)
        return unpacked

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
