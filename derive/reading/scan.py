"""Every file of a source, one after another: its header, or the reason why there is none. Nothing stops it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import pydicom
from pydicom.dataset import Dataset

from derive.elements.datasets import from_dataset
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.elements.parse import Memory, Unusual, parse
from derive.errors import DeriveError, SourceError, UsageError
from derive.model.source import Skipped
from derive.reading.header import CLASS_SKIPPED, Header, Origin, of_dataset, of_file, of_stream
from derive.reading.read import Source
from derive.reading.zips import Archive, ZipLimits

#: Told how many of how many files are done.
Progress = Callable[[int, int], None]
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
#: Attributes that are told of an object of a class that derive does not read.
KEPT = (
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "FrameOfReferenceUID",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "WindowCenter",
    "WindowWidth",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "Units",
    "LossyImageCompression",
)
_KEPT = frozenset(map(tag_of, KEPT))
_SOP_CLASS = tag_of("SOPClassUID")


class Unreadable(NamedTuple):
    """A file that cannot be read, or a place that cannot be looked into."""

    name: str
    code: str
    reason: str


@dataclass
class Scan:
    """What a source holds.

    Parameters
    ----------
    headers : list of Header
        Images of the classes that derive reads.
    others : list of Header
        Of objects of other classes: the attributes of :data:`KEPT`, and every tag.
    skipped : list of Skipped
        What is no DICOM object, and why.
    unreadable : list of Unreadable
        What derive.read would stop at.
    files : int
        How many were looked at.
    """

    headers: list[Header] = field(default_factory=list)
    others: list[Header] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    files: int = 0

    def fault(self, name: str, error: Exception) -> None:
        """List what cannot be read."""
        if isinstance(error, DeriveError):
            self.unreadable.append(Unreadable(name, error.code, error.message))
        elif isinstance(error, OSError):
            self.unreadable.append(Unreadable(name, "SRC-UNREADABLE", f"{name} cannot be read: {error.strerror}"))
        else:
            what = f"{name} cannot be read ({type(error).__name__})"
            self.unreadable.append(Unreadable(name, "SRC-UNREADABLE", what))


#: Reads one thing into a scan.
_Job = Callable[[Scan, Memory], None]


def scan(source: Source, limits: ZipLimits, progress: Progress | None) -> Scan:
    """Look at everything.

    Raises
    ------
    SourceError
        ``SRC-MISSING`` if the one thing that was named does not exist.
    UsageError
        ``SRC-INPUT`` for what is no path and no data set.
    """
    found, memory = Scan(), Memory()
    jobs = list(_jobs(source, limits, found))
    for done, (name, job) in enumerate(jobs, 1):
        try:
            job(found, memory)
        except Exception as error:  # whatever is wrong with one file is no matter of the others
            found.fault(name, error)
        if progress:
            progress(done, len(jobs))
    found.files = len(jobs)
    return found


def _jobs(source: Source, limits: ZipLimits, found: Scan) -> Iterator[tuple[str, _Job]]:
    several = isinstance(source, Iterable) and not isinstance(source, str | Dataset)
    items: list[object] = list(source) if several else [source]  # type: ignore[arg-type]  # just tested
    seen: dict[tuple[int, int], str] = {}
    for item in items:
        if isinstance(item, Dataset):
            yield "a data set", partial(_dataset, item)
        elif not isinstance(item, str | os.PathLike):
            raise UsageError("SRC-INPUT", f"{type(item).__name__} cannot be read; wanted paths or pydicom Datasets")
        elif os.path.lexists(item) or len(items) > 1:
            yield from _of_path(Path(item), limits, found, seen)
        else:
            raise SourceError("SRC-MISSING", f"{Path(item).name} does not exist")


def _of_path(
    root: Path, limits: ZipLimits, found: Scan, seen: dict[tuple[int, int], str]
) -> Iterator[tuple[str, _Job]]:
    if not root.exists():
        found.unreadable.append(Unreadable(root.name, "SRC-MISSING", f"{root.name} does not exist"))
    elif root.is_dir():
        for path, name in _walk(root, found):
            yield name, partial(_file, path, name, seen)
    elif not root.is_file() or not _archive_at(root, found):
        yield root.name, partial(_file, root, root.name, seen)
    else:
        yield from _of_archive(root, limits, found)


def _walk(root: Path, found: Scan) -> Iterator[tuple[Path, str]]:
    """Give the files below a folder; list the folders that cannot be opened."""

    def closed(error: OSError) -> None:
        folder = os.path.relpath(str(error.filename or root), root)
        found.unreadable.append(
            Unreadable(folder, "SRC-UNREADABLE", f"the folder {folder} cannot be read: {error.strerror}")
        )

    for folder, folders, names in os.walk(root, onerror=closed):
        folders.sort()
        inside = Path(folder).relative_to(root).as_posix()
        for name in sorted(names):
            yield Path(folder, name), name if inside == "." else f"{inside}/{name}"


def _archive_at(path: Path, found: Scan) -> bool:
    """Whether a file begins as a zip archive does, and not as a DICOM file; what cannot be opened is none."""
    try:
        with open(path, "rb", buffering=0) as stream:
            head = stream.read(132)
    except OSError:
        return False
    return head[:4] in _ZIP_STARTS and head[128:] != b"DICM"


def _of_archive(path: Path, limits: ZipLimits, found: Scan) -> Iterator[tuple[str, _Job]]:
    try:
        archive = Archive(path, limits)
    except SourceError as error:
        found.fault(path.name, error)
        return
    refused: list[str] = []
    for member in archive.members():
        reopen = partial(archive.open, member)
        yield member.filename, partial(_member, Origin(member.filename, path, reopen), refused)


def _member(origin: Origin, refused: list[str], found: Scan, memory: Memory) -> None:
    """Read a member of an archive, unless the archive turned out to be larger than it may be."""
    if refused:
        found.skipped.append(Skipped(origin.name, f"not unpacked any more: {refused[0]}"))
        return
    try:
        stream = origin.reopen()
    except SourceError as error:
        if error.code == "ZIP-SIZE":
            refused.append("the archive is too large")
        raise
    with stream:
        _take(of_stream(stream, origin, memory), lambda: stream, origin.path, found)


def _file(path: Path, name: str, seen: dict[tuple[int, int], str], found: Scan, memory: Memory) -> None:
    status = os.stat(path)
    first = seen.setdefault((status.st_dev, status.st_ino), name)
    if first is not name:
        found.skipped.append(Skipped(name, f"the same file as {first}"))
    elif not stat.S_ISREG(status.st_mode):
        found.skipped.append(Skipped(name, "not a regular file"))
    elif _archive_at(path, found):
        found.skipped.append(Skipped(name, "an archive inside a folder; give its own name to read it"))
    else:
        _take(of_file(path, name, memory), lambda: open(path, "rb"), path, found)  # noqa: SIM115 - closed there


def _dataset(dataset: Dataset, found: Scan, memory: Memory) -> None:
    header = of_dataset(dataset, memory)
    if isinstance(header, Header):
        found.headers.append(header)
    elif header.reason.startswith(CLASS_SKIPPED):
        syntax = str(getattr(dataset, "file_meta", {}).get("TransferSyntaxUID") or "")
        found.others.append(_other_header(header.name, None, dataset, syntax))
    else:
        found.skipped.append(header)


def _take(result: Header | Skipped, reopen: Callable[[], IO[bytes]], path: Path | None, found: Scan) -> None:
    """Sort in what became of a file; of an object of another class read what is told of it."""
    if isinstance(result, Header):
        found.headers.append(result)
    elif result.reason.startswith(CLASS_SKIPPED):
        with reopen() as stream:
            stream.seek(0)
            found.others.append(_other(stream, result.name, path))
    else:
        found.skipped.append(result)


def _other(stream: IO[bytes], name: str, path: Path | None) -> Header:
    try:
        parsed = parse(stream, Memory())
    except Unusual:
        stream.seek(0)
        dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
        return _other_header(name, path, dataset, str(dataset.file_meta.get("TransferSyntaxUID") or ""))
    elements = {tag: e for tag, e in parsed.elements.items() if tag in _KEPT}
    header = Header(name, elements, parsed.transfer_syntax, path=path, tags=parsed.tags)
    return _with_class(header, parsed.media_class)


def _other_header(name: str, path: Path | None, dataset: Dataset, syntax: str) -> Header:
    small = Dataset({tag: dataset.get_item(tag) for tag in dataset.keys() if int(tag) in _KEPT})  # noqa: SIM118
    media = str(getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID") or "")
    tags = frozenset(map(int, dataset.keys()))
    return _with_class(Header(name, from_dataset(small), syntax, path=path, tags=tags), media)


def _with_class(header: Header, media_class: str) -> Header:
    """Take the class from the File Meta Information where the data set does not say it."""
    if header.elements.get(_SOP_CLASS):
        return header
    elements: dict[int, Element] = {**header.elements, _SOP_CLASS: encode("SOPClassUID", media_class)}
    return replace(header, elements=elements)
