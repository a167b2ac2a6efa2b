"""The header of one file: its attributes as Elements, and where its pixels lie."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from derive.elements.datasets import from_dataset, private_of, tiling_of
from derive.elements.element import Element, is_standard, keyword_of, shown_class, tag_of
from derive.elements.encoding import text_of
from derive.elements.instance import Instance
from derive.elements.memory import Memory
from derive.elements.parse import Deflated, Parsed, parse, parse_data
from derive.elements.private import with_safe
from derive.elements.private_read import elements_read
from derive.elements.spans import (
    DISORDER,
    EXTENDED_OFFSETS,
    PIXELS,
    UNDEFINED,
    VRS,
    Oddity,
    Short,
    StandsTwice,
    TooDeep,
    Unusual,
    out_of_place,
)
from derive.elements.start import MEDIA_CLASS, TRANSFER_SYNTAX, Start, start_of
from derive.errors import SourceError
from derive.model.classes import computed_class_uids, sop_class_uids
from derive.model.remark import ABSENT, Remark
from derive.model.source import Skipped
from derive.model.source_frame import Reference
from derive.pixels.decode import PixelBytes
from derive.pixels.shared import Unpacked
from derive.reading.files import HEAD_LENGTH, Origin, has_preamble, unreadable, why_not_dicom
from derive.reading.inflate import inflated

#: Longer values that nobody decodes are told by their size and digest.
LONGEST_TOLD = 60
_DIRECTORY = "a DICOMDIR"
_SOP_CLASS, _ROWS, _DIRECTORY_RECORDS = (tag_of(k) for k in ("SOPClassUID", "Rows", "DirectoryRecordSequence"))
_LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")
#: File Meta Information is shorter.
_LONGEST_META = 1 << 16
#: How much of an inflated data set is looked at first: nearly always its header is no longer.
_FIRST_INFLATED = 1 << 20


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
    offsets : tuple of int
        Extended Offset Table: where the frames of encapsulated Pixel Data begin (C.7.6.3.1.8).
    remarks : tuple of Remark
        What is odd about it and stops nothing.
    frame_number : int
        Which frame of its instance it tells of, from 1; which slice, where they lie side by side in one frame.
    tiling : tuple of Element
        Private attributes that may say where slices lie, of an image that may hold many side by side.
    table : (int, (entries,) uint16), optional
        What makes values of its stored values: that of the first entry, and all entries (C.11.1.1.1).
    privates : tuple of Element
        Private attributes that are read and go into no result (``elements/private_read.tsv``).
    """

    path: Path | None = None
    sop_class_uid: str = ""
    tags: frozenset[int] = field(default=frozenset(), repr=False)
    others: Mapping[int, str] = field(default_factory=dict, repr=False)
    pixels: PixelBytes | None = None
    offsets: tuple[int, ...] = field(default=(), repr=False)
    remarks: tuple[Remark, ...] = field(default=(), repr=False)
    frame_number: int = 1
    tiling: tuple[Element, ...] = field(default=(), repr=False)
    privates: tuple[Element, ...] = field(default=(), repr=False)
    table: tuple[int, NDArray[np.uint16]] | None = field(default=None, repr=False, compare=False)

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
        self.tell = value_told if others else None
        self.memory = Memory()
        self._kept = Unpacked()

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
            return self._read(stream, origin)
        except SourceError:
            raise
        except (TooDeep, RecursionError):
            raise SourceError("SRC-NESTING", f"{origin.name} {TooDeep()}; take it out") from None
        except StandsTwice as error:
            raise _repeated(origin.name, error) from None
        except Exception as error:  # pydicom raises whatever a malformed file causes
            if not has_preamble(head):
                return Skipped(origin.name, "not a DICOM file")
            raise SourceError(
                "SRC-UNREADABLE",
                f"{origin.name} is DICOM, but cannot be read ({type(error).__name__}); fetch it again, or take it out",
            ) from error

    def _read(self, stream: IO[bytes], origin: Origin) -> Header | Skipped:
        try:
            return self._parsed(stream, origin)
        except Deflated as error:
            return self._inflated(stream, error.args[0], origin)
        except Unusual:
            stream.seek(0)
        start = start_of(stream.read(HEAD_LENGTH + _LONGEST_META))
        if start.deflated:
            raise ValueError("cut short")
        reopen = origin.reopen(stream)
        with _quiet():
            return self._by_pydicom(stream, start.at, start, origin, reopen)

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
                start = _start_in_memory(dataset)
                origin, pixels = Origin(name, None, io.BytesIO), _in_memory(dataset, start.syntax)
                return self._header(dataset, origin, pixels, start)
        except (TooDeep, RecursionError):
            raise SourceError("SRC-NESTING", f"{name} {TooDeep()}; take it out") from None
        except Exception as error:  # pydicom raises whatever a malformed value causes
            raise SourceError("SRC-UNREADABLE", f"{name} cannot be encoded ({type(error).__name__})") from error

    def _parsed(self, stream: IO[bytes], origin: Origin) -> Header | Skipped:
        """Take the header of a file from its bytes."""
        found = parse(stream, self.memory, self.tell)
        pixels = None
        if found.pixels is not None:
            offset, length = found.pixels
            pixels = PixelBytes(origin.reopen(stream), offset, length, stream.seek(0, os.SEEK_END))
            tag = None if length is None else out_of_place(stream, offset + length, pixels.end)
            if tag is not None:
                raise StandsTwice(tag)
        return self._of_parsed(found, origin, pixels)

    def _of_parsed(self, found: Parsed, origin: Origin, pixels: PixelBytes | None) -> Header | Skipped:
        if _is_directory(found.media_class, found.tags):
            return Skipped(origin.name, _DIRECTORY)
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
            offsets=_offsets(found.offsets),
            remarks=_remarks(found.notes),
            tiling=found.tiling,
            privates=found.privates,
        )

    def _inflated(self, stream: IO[bytes], start: Start, origin: Origin) -> Header | Skipped:
        """Take the header of a deflated data set (PS3.5 A.5); its pixels are inflated again unless that is kept."""
        inflate = partial(self._kept.open, object(), partial(inflated, origin.reopen(stream), start.at, origin.name))
        with inflate() as plain:
            size = plain.seek(0, os.SEEK_END)
            for length in (_FIRST_INFLATED, size):
                plain.seek(0)
                data = plain.read(length)
                try:
                    found = parse_data(data, 0, start, (self.memory, self.tell), len(data) == size)
                except (Unusual, Short, struct.error):
                    if len(data) < size:
                        continue
                    plain.seek(0)
                    with _quiet():
                        return self._by_pydicom(plain, 0, start, origin, inflate)
                break
        return self._of_parsed(found, origin, found.pixels and PixelBytes(inflate, *found.pixels, size))

    def _by_pydicom(
        self, stream: IO[bytes], at: int, start: Start, origin: Origin, reopen: Callable[[], IO[bytes]]
    ) -> Header | Skipped:
        """Have pydicom read an unusual data set, which begins there."""
        seen: list[int] = []

        def ends(tag: int, _vr: str | None, _length: int) -> bool:
            seen.append(int(tag))
            return tag in PIXELS

        stream.seek(at)
        dataset = read_dataset(cast(BinaryIO, stream), start.implicit, not start.big, stop_when=ends)
        pixels = _locate(stream, stream.tell(), start.big, reopen)
        if repeated := [tag for tag, count in Counter(seen).items() if count > 1 and is_standard(tag)]:
            raise StandsTwice(repeated[0])
        header = self._header(dataset, origin, pixels, start)
        if seen != sorted(seen) and isinstance(header, Header):
            header = replace(header, remarks=(*header.remarks, *_remarks([DISORDER])))
        return header

    def _header(self, dataset: Dataset, origin: Origin, pixels: PixelBytes | None, start: Start) -> Header | Skipped:
        tags = frozenset(int(t) for t in dataset.keys() if t.group != 0x7FE0)  # noqa: SIM118 - iterating decodes
        if _is_directory(start.media_class, tags):
            return Skipped(origin.name, _DIRECTORY)
        sop_class = str(dataset.get("SOPClassUID") or (start.media_class if _ROWS in tags else ""))
        elements = from_dataset(dataset, whole=sop_class in computed_class_uids())
        tiling = tiling_of(dataset, elements, tags)
        tags = with_safe(elements, tags, private_of(dataset))
        private = private_of(dataset)
        tags = with_safe(elements, tags, private)
        return Header(
            origin.name,
            self.memory.row({tag: self.memory.same(e) for tag, e in elements.items()}),
            start.syntax,
            path=origin.path,
            sop_class_uid=sop_class,
            tags=self.memory.tags(tags),
            others={t: _told(dataset, t) for t in sorted(tags - elements.keys())} if self.others else {},
            pixels=pixels,
            offsets=_offsets(dataset.get_item(EXTENDED_OFFSETS).value if EXTENDED_OFFSETS in dataset else b""),
            remarks=_remarks(start.notes),
            tiling=tiling,
            privates=elements_read(private),
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


def _offsets(value: object) -> tuple[int, ...]:
    """Values of an Extended Offset Table; none of what is no such table."""
    return struct.unpack(f"<{len(value) // 8}Q", value[: len(value) // 8 * 8]) if isinstance(value, bytes) else ()


def _in_memory(dataset: Dataset, syntax: str) -> PixelBytes | None:
    tag = next(iter(PIXELS.intersection(dataset.keys())), None)
    if tag is None:
        return None
    data = dataset.get_item(tag).value
    if not isinstance(data, bytes | bytearray) or not data:
        return None
    encapsulated = UID(syntax).is_transfer_syntax and UID(syntax).is_compressed
    return PixelBytes(partial(io.BytesIO, data), 0, None if encapsulated else len(data), len(data))


def _start_in_memory(dataset: Dataset) -> Start:
    """Transfer syntax as stated, else as the data set was encoded."""
    meta = getattr(dataset, "file_meta", None) or Dataset()
    said = {TRANSFER_SYNTAX: meta.get("TransferSyntaxUID"), MEDIA_CLASS: meta.get("MediaStorageSOPClassUID")}
    told = {tag: str(value) for tag, value in said.items() if value}
    declared, (implicit, little) = told.get(TRANSFER_SYNTAX, ""), dataset.original_encoding
    if declared:
        return Start(0, told, declared == ImplicitVRLittleEndian, declared == ExplicitVRBigEndian, False)
    return Start(0, told, bool(implicit), little is False, False)


def _locate(stream: IO[bytes], at: int, big: bool, reopen: Callable[[], IO[bytes]]) -> PixelBytes | None:
    """Read tag, VR and length of Pixel Data at the place where reading stopped: it is encoded as its bytes say."""
    order = ">" if big else "<"
    stream.seek(at)
    head = stream.read(12)
    end = stream.seek(0, os.SEEK_END)
    if len(head) < 8 or _tag(head, order) not in PIXELS:
        return None
    if head[4:6] not in VRS:
        start, (length,) = 8, struct.unpack(f"{order}L", head[4:8])
    elif head[4:6] in _LONG_VRS and len(head) == 12:
        start, (length,) = 12, struct.unpack(f"{order}L", head[8:12])
    else:
        start, (length,) = 8, struct.unpack(f"{order}H", head[6:8])
    return PixelBytes(
        reopen, at + start, None if length == UNDEFINED else length, end, "OB" if big and head[4:6] == b"OB" else "OW"
    )


def _tag(head: bytes, order: str) -> int:
    group, number = struct.unpack(f"{order}HH", head[:4])
    return int(group << 16 | number)


def _remarks(notes: Iterable[Oddity]) -> tuple[Remark, ...]:
    return tuple(Remark(*note) for note in notes)


def _repeated(name: str, error: StandsTwice) -> SourceError:
    text = (
        f"{name}: {keyword_of(error.args[0])} stands twice and does not say the same, or behind Pixel Data; take it out"
    )
    return SourceError("SRC-REPEATED", text)


def _quiet() -> warnings.catch_warnings[None]:
    """Silence pydicom's warnings: they quote odd values, which may name a patient."""
    return warnings.catch_warnings(action="ignore")
