"""What is sent: instances as they are encoded, and what has to be known of them to propose it."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite

from derive.errors import SourceError
from derive.limits import is_there
from derive.reading.files import HEAD_LENGTH, Origin, Unreadable, find, has_preamble, plain, unreadable
from derive.reading.header import Header, Reader

#: Attributes that are needed, up to the last of them.
_NEEDED = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
#: A file from this size on is mapped and not read: a multi-frame instance can have gigabytes (2026-12-01).
MAPPED_BYTES = 64 << 20


@dataclass(frozen=True)
class Sendable:
    """One instance to be sent.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid, study_instance_uid, series_instance_uid, transfer_syntax_uid : str
    path : Path, optional
        Part 10 file that holds it.
    data : bytes, optional
        The same, in memory.
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Name of its file; empty in memory."""
        return "" if self.path is None else self.path.name

    def read(self) -> bytes:
        """Return the whole Part 10 file.

        Raises
        ------
        SourceError
            ``SRC-UNREADABLE``.
        """
        if self.data is not None:
            return self.data
        assert self.path is not None, "an instance has a file or bytes"
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise SourceError("SRC-UNREADABLE", f"{self.path.name} cannot be read: {error.strerror}") from error

    def mapped(self) -> bytes | mmap.mmap:
        """Return the whole Part 10 file to be sent in slices; a large one costs the memory of a slice.

        Raises
        ------
        SourceError
            ``SRC-UNREADABLE``.
        """
        try:
            if self.path is None or self.path.stat().st_size < MAPPED_BYTES:
                return self.read()
            with self.path.open("rb") as stream:
                return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise SourceError("SRC-UNREADABLE", f"{self.name} cannot be read: {error.strerror}") from error

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Sendable:
        """Take an instance in memory, with File Meta Information that names its transfer syntax."""
        buffer = DicomBytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
        return cls(*_identity(dataset, "a data set"), data=buffer.getvalue())

    @classmethod
    def of_file(cls, path: Path, reader: Reader | None = None) -> Sendable:
        """Take a Part 10 file; only its head is read.

        Images of the classes that are read here are parsed directly, three times as fast; pydicom takes all else.

        Raises
        ------
        SourceError
            ``SRC-UNREADABLE``, ``SRC-VALUE`` if it lacks its identity.
        """
        if is_there(path) and not path.is_file():
            raise SourceError("SRC-UNREADABLE", f"{path.name} is no regular file; wanted a DICOM file or a folder")
        header = (reader or Reader()).read(plain(path)) if is_there(path) else None
        if isinstance(header, Header) and header.readable and all(header.reference) and header.transfer_syntax:
            image, instance, series, study = header.reference
            return cls(image, instance, study, series, header.transfer_syntax, path=path)
        try:
            dataset = dcmread(path, specific_tags=_NEEDED, stop_before_pixels=True)
        except Exception as error:  # pydicom raises whatever a malformed file causes
            raise SourceError("SRC-UNREADABLE", f"{path.name} cannot be read as a DICOM file") from error
        return cls(*_identity(dataset, path.name), path=path)


def sendables_of(paths: Iterable[Path]) -> list[Sendable]:
    """Take files, and every ``.dcm`` or other DICOM file of folders, in the order of their names.

    Raises
    ------
    SourceError
        As :meth:`Sendable.of_file`, and for folders that cannot be looked into.
    """
    sendables: list[Sendable] = []
    reader = Reader()
    for path in paths:
        if not (is_there(path) and path.is_dir()):
            sendables.append(Sendable.of_file(path, reader))
            continue
        for found in find(path):
            if isinstance(found, Unreadable):
                raise found.error
            if isinstance(found, Origin) and found.path and _is_part_10(found):
                sendables.append(Sendable.of_file(found.path, reader))
    return sendables


def _is_part_10(origin: Origin) -> bool:
    try:
        with origin.open() as stream:
            return has_preamble(stream.read(HEAD_LENGTH))
    except OSError as error:
        raise unreadable(origin.name, error).error from error


def _identity(dataset: Dataset, name: str) -> tuple[str, str, str, str, str]:
    syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))
    values = [str(dataset.get(k, "")) for k in _NEEDED]
    if not all((*values, syntax)):
        lacking = [k for k, v in zip([*_NEEDED, "TransferSyntaxUID"], [*values, syntax], strict=True) if not v]
        raise SourceError("SRC-VALUE", f"{name} lacks {', '.join(lacking)} and cannot be sent")
    return values[0], values[1], values[2], values[3], syntax
