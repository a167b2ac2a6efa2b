"""Part 10 files, all or none (PS3.10): written beside the target and renamed when everything is right."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import RawIOBase
from itertools import chain
from pathlib import Path
from typing import Protocol

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from derive.elements.datasets import to_dataset
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, element_head, encode, pack, pack_parts
from derive.errors import OutputError
from derive.model.uids import IMPLEMENTATION_CLASS_UID
from derive.version import VERSION

#: File Meta Information that is the same in all instances, and that which repeats the data set (PS3.10 7.1).
_META = {
    "FileMetaInformationVersion": b"\0\1",
    "TransferSyntaxUID": ExplicitVRLittleEndian,
    "ImplementationClassUID": UID(IMPLEMENTATION_CLASS_UID),
    "ImplementationVersionName": f"DERIVE {VERSION}"[:16],
}
_REPEATED = {"MediaStorageSOPClassUID": "SOPClassUID", "MediaStorageSOPInstanceUID": "SOPInstanceUID"}
_REPEATED_TAGS = {tag_of(meta): tag_of(own) for meta, own in _REPEATED.items()}
_TRANSFER_SYNTAX = tag_of("TransferSyntaxUID")
_PART = tag_of("InConcatenationNumber")
_BLOCK = 1 << 20
_PREAMBLE = b"\0" * 128 + b"DICM"


def file_name(number: int, part: int = 0) -> str:
    """Name of an instance by its number: IM00001.dcm, in spatial order; of a part of a concatenation IM00001-01.dcm."""
    return f"IM{number:05d}-{part:02d}.dcm" if part else f"IM{number:05d}.dcm"


def name_of(number: int, elements: Mapping[int, Element]) -> str:
    """Name of an instance that has this number, and these attributes."""
    part = elements.get(_PART)
    return file_name(number, decode(part) if part is not None else 0)


def file_meta(dataset: Dataset) -> FileMetaDataset:
    """File Meta Information of an instance in Explicit VR Little Endian (PS3.10 7.1)."""
    meta = FileMetaDataset()
    for keyword, value in _META.items():
        setattr(meta, keyword, value)
    for keyword, own in _REPEATED.items():
        setattr(meta, keyword, dataset[own].value)
    return meta


def dataset_of(elements: Mapping[int, Element]) -> Dataset:
    """Return an instance as pydicom has it, with its File Meta Information."""
    dataset = to_dataset(elements.values())
    dataset.file_meta = file_meta(dataset)
    return dataset


class PixelRuns(Protocol):
    """The value of Pixel Data, native or compressed, in pieces."""

    @property
    def tag(self) -> int:
        """Its tag."""

    @property
    def vr(self) -> str:
        """Its value representation."""

    @property
    def length(self) -> int:
        """Its length as the element states it."""

    def runs(self) -> Iterator[bytes]:
        """Give the pieces, as often as they are asked for."""


@dataclass(frozen=True)
class FileRuns:
    """An instance as a Part 10 file in Explicit VR Little Endian: runs of bytes, as often as they are asked for.

    The bytes are those that pydicom writes for the Dataset of the same elements.

    Parameters
    ----------
    start : bytes
        Preamble and File Meta Information.
    head : tuple of bytes
        All of the data set, or all that stands before the value of Pixel Data.
    pixels : PixelRuns, optional
        That value, of many frames, which wait aside.
    deflated : bool
        Whether the data set is deflated (PS3.5 A.5).
    """

    start: bytes
    head: tuple[bytes, ...]
    pixels: PixelRuns | None = None
    deflated: bool = False

    @classmethod
    def of(
        cls, elements: Mapping[int, Element], pixels: PixelRuns | None = None, *, transfer_syntax: str = ""
    ) -> FileRuns:
        """Encode an instance; of `pixels` only their length is looked at.

        Parameters
        ----------
        elements : mapping tag -> Element
        pixels : PixelRuns, optional
        transfer_syntax : str
            That of the pixels, or the deflated one; Explicit VR Little Endian unless said otherwise.
        """
        own = {meta: elements[tag].value for meta, tag in _REPEATED_TAGS.items()}
        before = elements if pixels is None else {tag: e for tag, e in elements.items() if tag != pixels.tag}
        behind = [] if pixels is None else [element_head(pixels.tag, pixels.vr, pixels.length)]
        head = (*pack_parts(before), *behind)
        return cls(file_start(own, transfer_syntax), head, pixels, transfer_syntax == DeflatedExplicitVRLittleEndian)

    def __iter__(self) -> Iterator[bytes]:
        """Give the runs."""
        yield self.start
        yield from deflated_runs(self._data_set()) if self.deflated else self._data_set()

    def _data_set(self) -> Iterator[bytes]:
        yield from self.head
        if self.pixels is not None:
            yield from self.pixels.runs()


def deflated_runs(runs: Iterable[bytes]) -> Iterator[bytes]:
    """Deflate a data set, and inflate it again beside it: what comes out is what went in, or an error.

    Raises
    ------
    OutputError
        ``OUT-REREAD``
    """
    pack, unpack = zlib.compressobj(wbits=-zlib.MAX_WBITS), zlib.decompressobj(-zlib.MAX_WBITS)
    wanted, found, length = hashlib.blake2b(), hashlib.blake2b(), 0
    for run in chain(runs, [None]):
        packed = pack.flush() if run is None else pack.compress(run)
        wanted.update(run or b"")
        found.update(unpack.decompress(packed))
        length += len(packed)
        if packed:
            yield packed
    if not unpack.eof or wanted.digest() != found.digest():
        raise OutputError("OUT-REREAD", "what was deflated is not what it inflates to; the memory cannot be trusted")
    if length % 2:
        yield b"\0"


def file_start(repeated: Mapping[int, bytes], transfer_syntax: str = "") -> bytes:
    """Return what a file begins with: an empty preamble, and its File Meta Information.

    Parameters
    ----------
    repeated : mapping tag -> bytes
        Values of the File Meta Information that repeat the data set, padded.
    transfer_syntax : str
        Explicit VR Little Endian unless said otherwise.
    """
    constant = {element.tag: element for element in _constant_meta()}
    own = {tag: Element(tag, "UI", value) for tag, value in repeated.items()}
    if transfer_syntax:
        own[_TRANSFER_SYNTAX] = encode("TransferSyntaxUID", transfer_syntax)
    meta = pack({**constant, **own}.values())
    length = pack([Element(0x00020000, "UL", struct.pack("<L", len(meta)))])
    return b"".join([_PREAMBLE, length, meta])


@cache
def _constant_meta() -> tuple[Element, ...]:
    return tuple(encode(keyword, value) for keyword, value in _META.items())


def write_instance(path: Path, parts: Iterable[bytes]) -> bool:
    """Write one instance, encoded as a Part 10 file, and read it back.

    Parameters
    ----------
    path : Path
        A file that is new.
    parts : iterable of bytes
        What it shall hold, one after the other; it is gone through twice.

    Returns
    -------
    bool
        Whether it holds just that.

    Raises
    ------
    OutputError
        ``OUT-WRITE`` if the file system refuses.
    """
    with _created(path) as stream:
        _put(stream, parts)
        return all(stream.read(len(part)) == part for part in parts) and not stream.read(1)


def write_runs(path: Path, runs: Iterable[bytes]) -> bool:
    """Write a file of runs of bytes that are made one after the other, and read it back.

    Parameters
    ----------
    path : Path
        A file that is new.
    runs : iterable of bytes
        Nothing is kept of one when the next is asked for.

    Returns
    -------
    bool
        Whether it holds just that.

    Raises
    ------
    OutputError
        ``OUT-WRITE`` if the file system refuses.
    """
    written, found = hashlib.blake2b(), hashlib.blake2b()
    with _created(path) as stream:
        _put(stream, _digested(runs, written))
        while block := stream.read(_BLOCK):
            found.update(block)
    return written.digest() == found.digest()


@contextmanager
def _created(path: Path) -> Iterator[RawIOBase]:
    """Give a new file; what the file system says against it is ``OUT-WRITE``."""
    try:
        with open(path, "x+b", buffering=0) as stream:
            yield stream
    except OSError as error:
        raise OutputError("OUT-WRITE", f"{path.name} cannot be written: {error.strerror or error}") from error


def _put(stream: RawIOBase, runs: Iterable[bytes]) -> None:
    """Write runs of bytes, and go back to the first."""
    for run in runs:
        if stream.write(run) != len(run):
            raise OSError("the disk took only a part of it")
    stream.seek(0)


def _digested(runs: Iterable[bytes], digest: hashlib.blake2b) -> Iterator[bytes]:
    for run in runs:
        digest.update(run)
        yield run
