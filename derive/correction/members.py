"""The objects of a set, and what else lies there."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from derive.elements.element import Element, tag_of
from derive.elements.spans import Short, TooDeep, Unusual
from derive.elements.start import start_of
from derive.errors import SourceError
from derive.model.source import Skipped
from derive.reading.files import HEAD_LENGTH, Origin, Repeated, Source, Unreadable, find, unreadable, why_not_dicom
from derive.rewriting.file import StoredFile, stored_dataset, stored_file
from derive.writing.part10 import file_start

_SOP_INSTANCE = tag_of("SOPInstanceUID")
_MEDIA_CLASS, _MEDIA_INSTANCE = tag_of("MediaStorageSOPClassUID"), tag_of("MediaStorageSOPInstanceUID")
#: File Meta Information is hardly ever longer.
_LONGEST_START = 1 << 13


@dataclass(frozen=True)
class SetMember:
    """One object of a set.

    Parameters
    ----------
    name : str
        Below the folder that was named; of a data set in memory a number.
    origin : Origin or Dataset
    """

    name: str
    origin: Origin | Dataset = field(repr=False)

    @property
    def path(self) -> Path | None:
        """The file, or the archive that holds it."""
        return self.origin.path if isinstance(self.origin, Origin) else None

    @property
    def open(self) -> Callable[[], IO[bytes]]:
        """How its bytes are read; of a data set in memory those of no file."""
        return self.origin.open if isinstance(self.origin, Origin) else io.BytesIO

    def stored(self) -> StoredFile:
        """Return how it lies.

        Raises
        ------
        SourceError
            As :func:`derive.rewriting.file.stored_file`; ``SRC-UNREADABLE`` for what the file system does not give.
        """
        if isinstance(self.origin, Origin):
            try:
                return stored_file(self.name, self.origin.open, exact=True)
            except OSError as error:
                raise unreadable(self.name, error).error from error
        stored = stored_dataset(self.origin, self.name)
        own = stored.head.elements.get(_SOP_INSTANCE)
        repeated = {_MEDIA_CLASS: _even(stored.sop_class_uid), _MEDIA_INSTANCE: own.value if own else b""}
        meta = {tag: Element(tag, "UI", value) for tag, value in repeated.items()}
        return replace(stored, start=file_start(repeated, stored.transfer_syntax), meta=meta)


def name_below(member: SetMember) -> str:
    """Return the name of a member below a target: never above it."""
    parts = [part for part in Path(member.name).parts if part not in ("..", "/")]
    return str(Path(*parts))


@contextmanager
def walking(stored: StoredFile) -> Iterator[None]:
    """Refuse an object of which a sequence that matters is damaged: files are read without going into all of them.

    Raises
    ------
    SourceError
        ``SRC-UNREADABLE``, ``SRC-NESTING``.
    """
    try:
        yield
    except (TooDeep, RecursionError):
        raise SourceError("SRC-NESTING", f"{stored.name} {TooDeep()}; take it out") from None
    except (Short, Unusual, struct.error):
        message = f"{stored.name} has a sequence whose items cannot be told apart; fetch it again, or take it out"
        raise SourceError("SRC-UNREADABLE", message) from None


def _even(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)


@dataclass(frozen=True)
class Members:
    """What a source names.

    Parameters
    ----------
    objects : tuple of SetMember
    others : tuple of Skipped
        What is no object, and is not copied.
    """

    objects: tuple[SetMember, ...]
    others: tuple[Skipped, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, which nothing that is written may touch."""
        return tuple(dict.fromkeys(path for m in self.objects if (path := m.path) is not None))


def members_of(source: Source) -> Members:
    """Find the objects of a source; all of them are wanted, so nothing is passed over that cannot be read.

    Raises
    ------
    SourceError
        ``SRC-MISSING``, ``SRC-UNREADABLE``, ``SRC-NONE``.
    """
    objects: list[SetMember] = []
    others: list[Skipped] = []
    for found in _found(source):
        if isinstance(found, SetMember):
            objects.append(found)
        else:
            others.append(found)
    if not objects:
        raise SourceError("SRC-NONE", "there is no DICOM object")
    return Members(tuple(objects), tuple(others))


def _found(source: Source) -> Iterator[SetMember | Skipped]:
    for number, found in enumerate(find(source), 1):
        if isinstance(found, Unreadable):
            raise found.error
        if isinstance(found, Dataset):
            yield SetMember(f"{number:05d}.dcm", found)
        elif isinstance(found, Repeated):
            yield Skipped(found.name, f"another name of {found.first}")
        elif isinstance(found, Skipped):
            yield found
        else:
            yield _of_origin(found)


def _of_origin(origin: Origin) -> SetMember | Skipped:
    with origin.open() as stream:
        head = stream.read(_LONGEST_START)
    reason = why_not_dicom(head[:HEAD_LENGTH], origin) or _why_no_member(head)
    return Skipped(origin.name, reason) if reason else SetMember(origin.name, origin)


def _why_no_member(head: bytes) -> str:
    """Say that a file is a directory of media, which tells of files as they were (PS3.10 8.6)."""
    try:
        is_directory = start_of(head).media_class == MediaStorageDirectoryStorage
    except (Short, struct.error):  # told where the file is read
        return ""
    return "a DICOMDIR, which tells of the files as they were; make a new one" if is_directory else ""
