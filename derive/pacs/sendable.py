"""What is sent: instances as they are encoded, and what has to be known of them to propose it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite

from derive.elements.parse import Memory
from derive.errors import SourceError
from derive.reading import header as headers

#: Attributes that are needed, up to the last of them.
_NEEDED = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]


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

    @classmethod
    def of_dataset(cls, dataset: Dataset) -> Sendable:
        """Take an instance in memory, with File Meta Information that names its transfer syntax."""
        buffer = DicomBytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
        return cls(*_identity(dataset, "a data set"), data=buffer.getvalue())

    @classmethod
    def of_file(cls, path: Path, memory: Memory | None = None) -> Sendable:
        """Take a Part 10 file; only its head is read.

        Images of the classes that are read here are parsed directly, three times as fast; pydicom takes all else.

        Raises
        ------
        SourceError
            ``SRC-UNREADABLE``, ``SRC-VALUE`` if it lacks its identity.
        """
        header = headers.of_file(path, path.name, memory or Memory()) if path.is_file() else None
        if isinstance(header, headers.Header) and all(header.reference) and header.transfer_syntax:
            image, instance, series, study = header.reference
            return cls(image, instance, study, series, header.transfer_syntax, path=path)
        try:
            dataset = dcmread(path, specific_tags=_NEEDED, stop_before_pixels=True)
        except (OSError, InvalidDicomError) as error:
            raise SourceError("SRC-UNREADABLE", f"{path.name} cannot be read as a DICOM file") from error
        return cls(*_identity(dataset, path.name), path=path)


def sendables_of(paths: Iterable[Path]) -> list[Sendable]:
    """Take files, and every ``.dcm`` or other DICOM file of folders, in the order of their names."""
    found: list[Sendable] = []
    memory = Memory()
    for path in paths:
        if path.is_dir():
            found += [Sendable.of_file(p, memory) for p in sorted(path.rglob("*")) if p.is_file() and _is_part_10(p)]
        else:
            found.append(Sendable.of_file(path, memory))
    return found


def _is_part_10(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _identity(dataset: Dataset, name: str) -> tuple[str, str, str, str, str]:
    syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))
    values = [str(dataset.get(k, "")) for k in _NEEDED]
    if not all((*values, syntax)):
        lacking = [k for k, v in zip([*_NEEDED, "TransferSyntaxUID"], [*values, syntax], strict=True) if not v]
        raise SourceError("SRC-VALUE", f"{name} lacks {', '.join(lacking)} and cannot be sent")
    return values[0], values[1], values[2], values[3], syntax
