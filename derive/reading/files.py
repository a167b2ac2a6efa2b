"""Where files are found and opened: folders, files by name, zip archives, and data sets in memory.

Whatever stands in the way is an item of its own: whoever reads one series stops at the first, whoever lists what is
there lists it too.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

from pydicom.dataset import Dataset

from derive.errors import DeriveError, SourceError, UsageError
from derive.limits import Limits, in_force, is_there
from derive.model.source import Skipped
from derive.reading.zips import ZipArchive
from derive.told.secrecy import clean

#: What is written or checked: files by name.
Files: TypeAlias = str | Path | Iterable[str | Path]
#: What can be read.
Source: TypeAlias = Files | Dataset | Iterable[Dataset]
#: So many bytes tell what a file is.
HEAD_LENGTH = 132
#: Folders in which something is being written, or was when it was killed: the process is in the name (``writing``).
UNFINISHED = re.compile(r"\..*\.(\d+)-(\d+)-([0-9a-f]{8})-([0-9a-f]{8})-[a-z0-9_]{8}\.part", re.DOTALL)
_MAGIC, _ZIP_STARTS = b"DICM", (b"PK\x03\x04", b"PK\x05\x06")
#: Groups 0002 and 0008 in either byte order: how a data set without preamble begins.
_BARE_STARTS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")


@dataclass(frozen=True)
class Origin:
    """What a stream of bytes is called, and how it is opened.

    Parameters
    ----------
    name : str
        Below the folder or in the archive that was named.
    path : Path, optional
        The file, or the archive that holds it.
    open : callable () -> binary file
        Seekable, at its start; the caller closes it.
    plain : bool
        Whether `path` is the file itself.
    """

    name: str
    path: Path | None
    open: Callable[[], IO[bytes]]
    plain: bool = False

    def reopen(self, stream: IO[bytes]) -> Callable[[], IO[bytes]]:
        """Return how to open it again, after `stream`: a file only as long as it is not changed.

        What is returned raises ``SRC-CHANGED``.
        """
        if not self.plain or self.path is None:
            return self.open
        return partial(_open_unchanged, self.path, _stamp(stream))


class Unreadable(NamedTuple):
    """A file that cannot be read, or a place that cannot be looked into."""

    name: str
    code: str
    reason: str

    @property
    def error(self) -> SourceError:
        """The error that says so."""
        return SourceError(self.code, self.reason)


class Repeated(NamedTuple):
    """Another name of a file that was found already."""

    name: str
    first: str


Found: TypeAlias = Origin | Dataset | Skipped | Repeated | Unreadable


def find(source: Source, limits: Limits | None = None) -> Iterator[Found]:
    """Give everything that a source names, in the order of the names; nothing is opened but archives.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        Folders are given with all that is in them, archives that are named themselves with their members.
    limits : Limits, optional
        What an archive may cost.

    Yields
    ------
    Origin, Dataset, Skipped, Repeated or Unreadable
        ``SRC-MISSING``, ``SRC-UNREADABLE`` and ``ZIP-...`` are the codes of what is unreadable.

    Raises
    ------
    UsageError
        ``SRC-INPUT`` for what is no path and no data set.
    """
    several = isinstance(source, Iterable) and not isinstance(source, str | Dataset)
    items: Iterable[object] = source if several else [source]  # type: ignore[assignment]  # just tested
    seen: dict[tuple[int, int], str] = {}
    for item in items:
        if isinstance(item, Dataset):
            yield item
        elif isinstance(item, str | os.PathLike):
            yield from _named(Path(item), limits or in_force(), seen)
        else:
            raise UsageError(
                "SRC-INPUT",
                f"{type(item).__name__} cannot be read; wanted paths or pydicom Datasets (derive.convert makes a "
                "series of an array)",
            )


def _named(root: Path, limits: Limits, seen: dict[tuple[int, int], str]) -> Iterator[Found]:
    """Give what one path names."""
    if not is_there(root):
        yield Unreadable(root.name, "SRC-MISSING", f"{root.name} does not exist")
    elif root.is_dir():
        for each in _below(root):
            yield each if isinstance(each, Unreadable | Skipped) else _once(*each, seen)
    else:
        found = _once(root, shown_name(root.name), seen)
        if isinstance(found, Skipped):  # in a folder it would be passed over; who names it wants it
            reason = f"{found.name} is no regular file; wanted a file or a folder"
            found = Unreadable(found.name, "SRC-UNREADABLE", reason)
        yield from _members(root, limits) if isinstance(found, Origin) and _is_archive(root) else [found]


def _below(root: Path) -> Iterator[tuple[Path, str] | Skipped | Unreadable]:
    """Give the files below a folder with their names, and the folders that are not, or cannot be, looked into."""
    waiting = [(root, "")]
    while waiting:  # and no recursion: folders may lie in folders a thousand times
        folder, inside = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted((entry.name, entry.is_dir(follow_symlinks=False), entry.is_dir()) for entry in entries)
        except OSError as error:
            name = shown_name(inside.rstrip("/") or folder.name)
            yield Unreadable(name, "SRC-UNREADABLE", f"the folder {name} cannot be read: {error.strerror}")
            continue
        below = []
        for name, is_folder, leads_to_folder in found:
            if leads_to_folder and UNFINISHED.fullmatch(name):
                yield Skipped(name, "being written, or left by a run that was killed")
            elif is_folder:
                below.append((folder / name, f"{inside}{name}/"))
            elif not leads_to_folder:
                yield folder / name, shown_name(inside + name)
        waiting += reversed(below)


def _once(path: Path, name: str, seen: dict[tuple[int, int], str]) -> Found:
    """Give a file, unless it was there under another name."""
    try:
        status = os.stat(path)
    except OSError as error:
        return unreadable(name, error)
    first = seen.setdefault((status.st_dev, status.st_ino), name)
    if first is not name:
        return Repeated(name, first)
    if not stat.S_ISREG(status.st_mode):
        return Skipped(name, "not a regular file")
    return plain(path, name)


def _members(path: Path, limits: Limits) -> Iterator[Found]:
    """Give the members of an archive."""
    try:
        archive = ZipArchive(path, limits)
    except SourceError as error:
        yield unreadable(path.name, error)
        return
    for member in archive.members():
        yield Origin(shown_name(member.filename), path, partial(archive.open, member))


def plain(path: Path, name: str = "") -> Origin:
    """Give a file of its own, under its own name if no other is told."""
    return Origin(name or shown_name(path.name), path, partial(_open, path), plain=True)


def unreadable(name: str, error: Exception) -> Unreadable:
    """Say as an item what was raised."""
    if isinstance(error, DeriveError):
        return Unreadable(name, error.code, error.message)
    reason = f": {error.strerror}" if isinstance(error, OSError) else f" ({type(error).__name__})"
    return Unreadable(name, "SRC-UNREADABLE", f"{name} cannot be read{reason}")


def shown_name(name: str) -> str:
    """Return a name as it may be shown: a file or a member of an archive may be called as nothing should be."""
    return clean(name, "")


def why_not_dicom(head: bytes, origin: Origin) -> str:
    """Say why a file that begins so is not DICOM: it has neither a preamble nor a group 0002 or 0008 at its start.

    Parameters
    ----------
    head : bytes
        Its first 132 bytes.
    origin : Origin
    """
    if not head:
        return "empty"
    if has_preamble(head) or head[:2] in _BARE_STARTS:
        return ""
    if origin.plain and head[:4] in _ZIP_STARTS:
        return "an archive inside a folder; give its own name to read it"
    return "not a DICOM file"


def has_preamble(head: bytes) -> bool:
    """Whether a file that begins so has the preamble of a Part 10 file (PS3.10 7.1)."""
    return head[128:HEAD_LENGTH] == _MAGIC


def _is_archive(path: Path) -> bool:
    """Whether a file begins as a zip archive does, and not as a DICOM file; what cannot be opened is none."""
    try:
        with _open(path) as stream:
            head = stream.read(HEAD_LENGTH)
    except OSError:
        return False
    return head[:4] in _ZIP_STARTS and not has_preamble(head)


def _open(path: Path) -> IO[bytes]:
    return open(path, "rb")


def _stamp(stream: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _open_unchanged(path: Path, stamp: tuple[int, int]) -> IO[bytes]:
    """Open a file for its pixels, unless it is no longer the one whose header was read."""
    try:
        stream = open(path, "rb", buffering=0)  # noqa: SIM115 - given away open
    except OSError as error:
        raise SourceError("SRC-CHANGED", f"{path.name} is gone since its header was read: {error.strerror}") from error
    if _stamp(stream) != stamp:
        stream.close()
        raise SourceError("SRC-CHANGED", f"{path.name} was changed since its header was read; read it again")
    return stream
