"""The header of one image: its attributes as Elements, and where its pixels lie."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from derive.elements.datasets import from_dataset
from derive.elements.element import tag_of
from derive.elements.encoding import decode
from derive.elements.instance import Instance
from derive.elements.parse import PIXEL_DATA, Memory, Unusual, parse
from derive.errors import SourceError
from derive.model.classes import sop_class_uids
from derive.model.source import Reference, Skipped
from derive.pixels.decode import PixelBytes

#: How the reason begins for an object of a class that is not read.
CLASS_SKIPPED = "other class: "
_SOP_CLASS, _ROWS, _DIRECTORY = (tag_of(k) for k in ("SOPClassUID", "Rows", "DirectoryRecordSequence"))
_LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")
#: More than one image of these classes can need; a deflated file that goes beyond is a trap.
_INFLATED_LIMIT = 2 * 1024**3


@dataclass(frozen=True)
class Header(Instance):
    """What one image says of itself, without its pixels.

    Parameters
    ----------
    name, elements, transfer_syntax, strict, around
        As in :class:`Instance`.
    path : Path, optional
        File, or archive that holds it.
    tags : frozenset of int
        Every tag it has, private ones included.
    pixels : PixelBytes, optional
        None where there is no Pixel Data.
    """

    path: Path | None = None
    tags: frozenset[int] = field(default=frozenset(), repr=False)
    pixels: PixelBytes | None = None

    @property
    def reference(self) -> Reference:
        """The identity of the image."""
        return Reference(
            self.text("SOPClassUID"),
            self.text("SOPInstanceUID"),
            self.text("SeriesInstanceUID"),
            self.text("StudyInstanceUID"),
        )


@dataclass(frozen=True)
class Origin:
    """What a stream of bytes is called, and how it is opened again when its pixels are wanted."""

    name: str
    path: Path | None
    reopen: Callable[[], IO[bytes]]


def of_file(path: Path, name: str, memory: Memory) -> Header | Skipped:
    """Read the header of a file.

    Raises
    ------
    SourceError
        ``SRC-UNREADABLE`` for a DICOM file that cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return of_stream(stream, Origin(name, path, partial(_open_unchanged, path, _stamp(stream))), memory)
    except OSError as error:
        raise SourceError("SRC-UNREADABLE", f"{name} cannot be read: {error.strerror}") from error


def of_stream(stream: IO[bytes], origin: Origin, memory: Memory) -> Header | Skipped:
    """Read the header of a seekable stream.

    Raises
    ------
    SourceError
        ``SRC-UNREADABLE`` for a DICOM file that cannot be read.
    """
    reason = _not_dicom(stream)
    if reason:
        return Skipped(origin.name, reason)
    try:
        return _parsed(stream, origin, memory)
    except Unusual:
        stream.seek(0)
    try:
        with _quiet():
            return _read(stream, origin, memory)
    except SourceError:
        raise
    except Exception as error:  # pydicom raises whatever a malformed file causes
        if not _has_preamble(stream):
            return Skipped(origin.name, "not a DICOM file")
        raise SourceError(
            "SRC-UNREADABLE",
            f"{origin.name} is DICOM, but cannot be read ({type(error).__name__}); fetch it again, or take it out",
        ) from error


def of_dataset(dataset: Dataset, memory: Memory) -> Header | Skipped:
    """Take the header of a data set in memory; its Pixel Data stays where it is.

    Raises
    ------
    SourceError
        ``SRC-UNREADABLE`` for values that cannot be encoded.
    """
    name = "a data set without SOP Instance UID"
    try:
        with _quiet():
            name = str(dataset.get("SOPInstanceUID") or name)
            syntax = _syntax(dataset)
            return _header(dataset, Origin(name, None, io.BytesIO), _in_memory(dataset, syntax), memory)
    except Exception as error:  # pydicom raises whatever a malformed value causes
        raise SourceError("SRC-UNREADABLE", f"{name} cannot be encoded ({type(error).__name__})") from error


def _in_memory(dataset: Dataset, syntax: str) -> PixelBytes | None:
    if "PixelData" not in dataset:
        return None
    data = dataset.get_item(PIXEL_DATA).value
    if not isinstance(data, bytes | bytearray) or not data:
        return None
    encapsulated = UID(syntax).is_transfer_syntax and UID(syntax).is_compressed
    return PixelBytes(partial(io.BytesIO, data), 0, None if encapsulated else len(data), len(data))


def _parsed(stream: IO[bytes], origin: Origin, memory: Memory) -> Header | Skipped:
    """Take the header of a file from its bytes."""
    found = parse(stream, memory)
    sop_class = decode(found.elements[_SOP_CLASS]) if _SOP_CLASS in found.elements else None
    if not sop_class and (_ROWS in found.tags or _DIRECTORY in found.tags):
        sop_class = found.media_class
    if sop_class not in sop_class_uids():
        return Skipped(origin.name, _other_class(sop_class or "", _DIRECTORY in found.tags))
    pixels = None
    if found.pixels is not None:
        pixels = PixelBytes(origin.reopen, *found.pixels, stream.seek(0, os.SEEK_END))
    return Header(origin.name, found.elements, found.transfer_syntax, path=origin.path, tags=found.tags, pixels=pixels)


def _read(stream: IO[bytes], origin: Origin, memory: Memory) -> Header | Skipped:
    """Have pydicom read the header of an unusual file."""
    _check_inflated(stream, origin.name)
    dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
    at = stream.tell()
    if _syntax(dataset) != DeflatedExplicitVRLittleEndian:
        return _header(dataset, origin, _locate(stream, at, dataset, origin.reopen), memory)
    inflate = partial(_inflated_pixels, origin.reopen)
    with inflate() as inflated:
        size = inflated.seek(0, os.SEEK_END)
    return _header(dataset, origin, PixelBytes(inflate, 0, size, size) if size else None, memory)


def _header(dataset: Dataset, origin: Origin, pixels: PixelBytes | None, memory: Memory) -> Header | Skipped:
    meta = getattr(dataset, "file_meta", None) or Dataset()
    stated = meta.get("MediaStorageSOPClassUID") if "Rows" in dataset or "DirectoryRecordSequence" in dataset else ""
    sop_class = str(dataset.get("SOPClassUID") or stated or "")
    if sop_class not in sop_class_uids():
        return Skipped(origin.name, _other_class(sop_class, "DirectoryRecordSequence" in dataset))
    tags = frozenset(int(t) for t in dataset.keys() if t.group != 0x7FE0)  # noqa: SIM118 - iterating decodes
    elements = memory.row({tag: memory.same(e) for tag, e in from_dataset(dataset).items()})
    return Header(origin.name, elements, _syntax(dataset), path=origin.path, tags=memory.tags(tags), pixels=pixels)


def _other_class(sop_class: str, directory: bool) -> str:
    if sop_class == MediaStorageDirectoryStorage or directory:
        return "a DICOMDIR"
    if not sop_class:
        return "no SOP Class UID: not a DICOM image"
    return f"{CLASS_SKIPPED}{UID(sop_class).name}"


def _syntax(dataset: Dataset) -> str:
    """Transfer syntax as stated, else as the data set was encoded."""
    stated = (getattr(dataset, "file_meta", None) or Dataset()).get("TransferSyntaxUID")
    if stated:
        return str(stated)
    implicit, little = dataset.original_encoding
    if little is False:
        return str(ExplicitVRBigEndian)
    return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)


def _locate(stream: IO[bytes], at: int, dataset: Dataset, reopen: Callable[[], IO[bytes]]) -> PixelBytes | None:
    """Read the tag, VR and length of Pixel Data at the place where reading stopped."""
    implicit, little = dataset.original_encoding
    order = ">" if little is False else "<"
    stream.seek(at)
    head = stream.read(12)
    end = stream.seek(0, os.SEEK_END)
    if len(head) < 12:
        return None
    group, element = struct.unpack(f"{order}HH", head[:4])
    if (group << 16 | element) != PIXEL_DATA or not (implicit or head[4:6] in _LONG_VRS):
        return None
    (length,) = struct.unpack(f"{order}L", head[4:8] if implicit else head[8:12])
    return PixelBytes(reopen, at + (8 if implicit else 12), None if length == 0xFFFFFFFF else length, end)


def _not_dicom(stream: IO[bytes]) -> str:
    """Say why a stream cannot be DICOM: neither a preamble nor a group 0002 or 0008 at its start."""
    stream.seek(0)
    head = stream.read(132)
    stream.seek(0)
    if not head:
        return "empty"
    groups = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
    return "" if head[128:] == b"DICM" or head[:2] in groups else "not a DICOM file"


def _has_preamble(stream: IO[bytes]) -> bool:
    stream.seek(128)
    return stream.read(4) == b"DICM"


def _check_inflated(stream: IO[bytes], name: str) -> None:
    """Refuse a deflated file that unpacks without end, before all of it is in memory."""
    head = stream.read(1024)
    if DeflatedExplicitVRLittleEndian.encode() in head and head[128:136] == b"DICM\x02\x00\x00\x00":
        stream.seek(144 + struct.unpack("<L", head[140:144])[0])
        unpack, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while chunk := (unpack.unconsumed_tail or stream.read(65536)):
            count += len(unpack.decompress(chunk, 1024 * 1024))
            if count > _INFLATED_LIMIT:
                raise SourceError("SRC-UNREADABLE", f"{name} inflates to more than {_INFLATED_LIMIT} bytes")
    stream.seek(0)


def _inflated_pixels(reopen: Callable[[], IO[bytes]]) -> IO[bytes]:
    with reopen() as stream:
        return io.BytesIO(pydicom.dcmread(stream, force=True).get("PixelData") or b"")


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


def _quiet() -> warnings.catch_warnings[None]:
    """Silence pydicom's warnings: they quote odd values, which may name a patient."""
    return warnings.catch_warnings(action="ignore")
