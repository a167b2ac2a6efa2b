"""The header of one file: its attributes as Elements, and where its pixels lie."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

import pydicom
from pydicom.dataelem import RawDataElement
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
from derive.elements.element import shown_class, tag_of
from derive.elements.encoding import text_of
from derive.elements.instance import Instance
from derive.elements.parse import PIXEL_DATA, Memory, Unusual, parse
from derive.errors import SourceError
from derive.model.classes import sop_class_uids
from derive.model.remark import ABSENT, Remark
from derive.model.source import Skipped
from derive.model.source_frame import Reference
from derive.pixels.decode import PixelBytes
from derive.reading.files import HEAD_LENGTH, Origin, has_preamble, unreadable, why_not_dicom

#: Longer values that nobody decodes are told by their size and digest.
LONGEST_TOLD = 60
_DIRECTORY = "a DICOMDIR"
_SOP_CLASS, _ROWS, _DIRECTORY_RECORDS = (tag_of(k) for k in ("SOPClassUID", "Rows", "DirectoryRecordSequence"))
_LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")
#: More than one image of these classes can need; a deflated file that goes beyond is a trap.
_INFLATED_LIMIT = 2 * 1024**3


@dataclass(frozen=True)
class Header(Instance):
    """What one file or data set says of itself, of whatever class, without its pixels.

    Parameters
    ----------
    name, elements, transfer_syntax, strict, around
        As in :class:`Instance`.
    path : Path, optional
        File, or archive that holds it.
    sop_class_uid : str
        SOP Class; of an image that does not say it, that of its File Meta Information. Empty where nobody says.
    tags : frozenset of int
        Every tag it has, private ones included.
    others : mapping tag -> text
        Private attributes, overlays and the like, where they are asked for: their value where it is short, else its
        size and digest.
    pixels : PixelBytes, optional
        None where there is no Pixel Data.
    remarks : tuple of Remark
        What is odd about it and stops nothing.
    """

    path: Path | None = None
    sop_class_uid: str = ""
    tags: frozenset[int] = field(default=frozenset(), repr=False)
    others: Mapping[int, str] = field(default_factory=dict, repr=False)
    pixels: PixelBytes | None = None
    remarks: tuple[Remark, ...] = field(default=(), repr=False)

    @property
    def readable(self) -> bool:
        """Whether it is of a class whose pixels are read."""
        return self.sop_class_uid in sop_class_uids()

    @property
    def class_name(self) -> str:
        """Name of its SOP Class; the UID where it has none."""
        return shown_class(self.sop_class_uid)

    def why_absent(self, keyword: str) -> str:
        """Say why an attribute is not there: that it is not legal; empty where it simply is not."""
        return next((f": it {r.message}" for r in self.remarks if r.keyword == keyword and r.code == ABSENT), "")

    @property
    def reference(self) -> Reference:
        """The identity of the image."""
        return Reference(
            self.text("SOPClassUID"),
            self.text("SOPInstanceUID"),
            self.text("SeriesInstanceUID"),
            self.text("StudyInstanceUID"),
        )


class Reader:
    """Reads headers, and keeps what they have in common once.

    Parameters
    ----------
    others : bool
        Whether private attributes are told too.
    """

    def __init__(self, others: bool = False) -> None:
        self.others = others
        self.memory = Memory()

    def read(self, origin: Origin) -> Header | Skipped:
        """Read a header.

        Raises
        ------
        SourceError
            ``SRC-UNREADABLE`` for a DICOM file that cannot be read, ``ZIP-...`` for a member of an archive.
        """
        try:
            with origin.open() as stream:
                return self._of_stream(stream, origin)
        except OSError as error:
            raise unreadable(origin.name, error).error from error

    def _of_stream(self, stream: IO[bytes], origin: Origin) -> Header | Skipped:
        head = stream.read(HEAD_LENGTH)
        stream.seek(0)
        if reason := why_not_dicom(head, origin):
            return Skipped(origin.name, reason)
        try:
            return self._parsed(stream, origin)
        except Unusual:
            stream.seek(0)
        try:
            with _quiet():
                return self._by_pydicom(stream, origin)
        except SourceError:
            raise
        except Exception as error:  # pydicom raises whatever a malformed file causes
            if not has_preamble(head):
                return Skipped(origin.name, "not a DICOM file")
            raise SourceError(
                "SRC-UNREADABLE",
                f"{origin.name} is DICOM, but cannot be read ({type(error).__name__}); fetch it again, or take it out",
            ) from error

    def of_dataset(self, dataset: Dataset) -> Header | Skipped:
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
                return self._header(dataset, Origin(name, None, io.BytesIO), _in_memory(dataset, _syntax(dataset)))
        except Exception as error:  # pydicom raises whatever a malformed value causes
            raise SourceError("SRC-UNREADABLE", f"{name} cannot be encoded ({type(error).__name__})") from error

    def _parsed(self, stream: IO[bytes], origin: Origin) -> Header | Skipped:
        """Take the header of a file from its bytes."""
        found = parse(stream, self.memory, value_told if self.others else None)
        if _is_directory(found.media_class, found.tags):
            return Skipped(origin.name, _DIRECTORY)
        pixels = None
        if found.pixels is not None:
            pixels = PixelBytes(origin.reopen(stream), *found.pixels, stream.seek(0, os.SEEK_END))
        sop_class = text_of(found.elements[_SOP_CLASS]) if _SOP_CLASS in found.elements else ""
        return Header(
            origin.name,
            found.elements,
            found.transfer_syntax,
            path=origin.path,
            sop_class_uid=sop_class or (found.media_class if _ROWS in found.tags else ""),
            tags=found.tags,
            others=found.others,
            pixels=pixels,
        )

    def _by_pydicom(self, stream: IO[bytes], origin: Origin) -> Header | Skipped:
        """Have pydicom read the header of an unusual file."""
        _check_inflated(stream, origin.name)
        dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
        at, reopen = stream.tell(), origin.reopen(stream)
        if _syntax(dataset) != DeflatedExplicitVRLittleEndian:
            return self._header(dataset, origin, _locate(stream, at, dataset, reopen))
        inflate = partial(_inflated_pixels, reopen)
        with inflate() as inflated:
            size = inflated.seek(0, os.SEEK_END)
        return self._header(dataset, origin, PixelBytes(inflate, 0, size, size) if size else None)

    def _header(self, dataset: Dataset, origin: Origin, pixels: PixelBytes | None) -> Header | Skipped:
        media = str((getattr(dataset, "file_meta", None) or Dataset()).get("MediaStorageSOPClassUID") or "")
        tags = frozenset(int(t) for t in dataset.keys() if t.group != 0x7FE0)  # noqa: SIM118 - iterating decodes
        if _is_directory(media, tags):
            return Skipped(origin.name, _DIRECTORY)
        sop_class = str(dataset.get("SOPClassUID") or (media if _ROWS in tags else ""))
        elements = from_dataset(dataset, whole=sop_class in sop_class_uids())
        return Header(
            origin.name,
            self.memory.row({tag: self.memory.same(e) for tag, e in elements.items()}),
            _syntax(dataset),
            path=origin.path,
            sop_class_uid=sop_class,
            tags=self.memory.tags(tags),
            others={t: _told(dataset, t) for t in sorted(tags - elements.keys())} if self.others else {},
            pixels=pixels,
        )


def _is_directory(media_class: str, tags: Set[int]) -> bool:
    return media_class == MediaStorageDirectoryStorage or _DIRECTORY_RECORDS in tags


def value_told(data: bytes) -> str:
    """Return a value that nobody decodes as text: short text as it is, all else by its size and digest."""
    text = data.strip(b" \0")
    if len(text) <= LONGEST_TOLD and text.isascii() and text.decode().isprintable():
        return text.decode()
    return f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()[:8]}"


def _told(dataset: Dataset, tag: int) -> str:
    stored = dataset.get_item(tag)
    value = stored.value if isinstance(stored, RawDataElement) else str(stored.value).encode("utf-8", "replace")
    return value_told(bytes(value or b""))


def _in_memory(dataset: Dataset, syntax: str) -> PixelBytes | None:
    if "PixelData" not in dataset:
        return None
    data = dataset.get_item(PIXEL_DATA).value
    if not isinstance(data, bytes | bytearray) or not data:
        return None
    encapsulated = UID(syntax).is_transfer_syntax and UID(syntax).is_compressed
    return PixelBytes(partial(io.BytesIO, data), 0, None if encapsulated else len(data), len(data))


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
    if len(head) < (8 if implicit else 12):
        return None
    group, element = struct.unpack(f"{order}HH", head[:4])
    if (group << 16 | element) != PIXEL_DATA or not (implicit or head[4:6] in _LONG_VRS):
        return None
    (length,) = struct.unpack(f"{order}L", head[4:8] if implicit else head[8:12])
    return PixelBytes(reopen, at + (8 if implicit else 12), None if length == 0xFFFFFFFF else length, end)


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


def _quiet() -> warnings.catch_warnings[None]:
    """Silence pydicom's warnings: they quote odd values, which may name a patient."""
    return warnings.catch_warnings(action="ignore")
