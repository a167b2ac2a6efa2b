"""Pixel Data of one object encoded in another way, all else as it lies: native, or compressed without loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from derive import parallel
from derive.deidentification.pixels.blanked import OF_ENCAPSULATED, StoredValue, frames_of, marked_lossy
from derive.deidentification.pixels.layout import as_it_lies, sample_layout
from derive.elements.element import Element, tag_of
from derive.elements.encoding import element_head, encode
from derive.elements.start import MEDIA_CLASS, TRANSFER_SYNTAX
from derive.errors import SourceError, ValuesError
from derive.limits import check_unpacked
from derive.pixels.codecs import CODECS, uid_of
from derive.pixels.codestream import is_irreversible
from derive.pixels.compress import compressed, refuse_unsayable
from derive.pixels.compressions import DEFLATED, Compression
from derive.pixels.encapsulated import codestream_of
from derive.pixels.encapsulating import EncapsulatedFrames, Encapsulator
from derive.pixels.encode import PixelFormat
from derive.pixels.recode import decoded
from derive.pixels.samples import Native, SampleLayout
from derive.rewriting.file import Part, Passage, StoredFile
from derive.rewriting.rewrite import encoded, uniform
from derive.rewriting.splice import elements_of, start_with
from derive.rewriting.stored import StoredDataSet
from derive.standard.vr import PIXEL_DATA
from derive.told.wording import flag
from derive.writing.part10 import deflated_runs, file_start

_NATIVE, _DEFLATED = str(ExplicitVRLittleEndian), str(DeflatedExplicitVRLittleEndian)
#: More bytes have no length that Pixel Data could say (PS3.5 7.1.2).
_MOST = 0xFFFFFFFE
_AHEAD = 4
_REPEATED = {MEDIA_CLASS: "SOPClassUID", tag_of("MediaStorageSOPInstanceUID"): "SOPInstanceUID"}
_PLANAR, _PHOTOMETRIC = tag_of("PlanarConfiguration"), tag_of("PhotometricInterpretation")


@dataclass(frozen=True)
class Repacked:
    """An object with its pixels encoded anew: runs of bytes, to be gone through once.

    Parameters
    ----------
    runs : iterator of bytes
    frames : EncapsulatedFrames, optional
        What it is compressed to; None: native, or deflated as a whole.
    """

    runs: Iterator[bytes]
    frames: EncapsulatedFrames | None = None


def repacked(stored: StoredFile, compression: Compression | None, folder: Path | None = None) -> Repacked | None:
    """Encode the pixels of an object anew.

    Parameters
    ----------
    stored : StoredFile
    compression : Compression, optional
        Without loss; None: native.
    folder : Path, optional
        Where compressed frames wait when they are many.

    Returns
    -------
    Repacked or None
        None where it is encoded so already, and stays byte for byte.

    Raises
    ------
    SourceError
        ``SRC-SYNTAX`` for what cannot be decoded.
    ValuesError
        ``VAL-LAYOUT``, ``VAL-TRUNCATED``, ``VAL-DECODE``, ``VAL-LENGTH``, ``VAL-COMPRESS``, ``VAL-ENCODE``.
    """
    wanted = compression.transfer_syntax if compression else _NATIVE
    syntax = uid_of(stored.transfer_syntax)
    pixels = _is_pixel_data(stored)
    packed = pixels and syntax.is_transfer_syntax and syntax.is_encapsulated
    deflated = syntax == _DEFLATED
    if stored.transfer_syntax == wanted or (compression is None and not packed and not deflated):
        return None
    by_frame = wanted not in (_NATIVE, _DEFLATED)
    if by_frame and (not pixels or _is_of_bits(stored)):
        return None  # a report, or single bits, have nothing that could be compressed frame by frame
    if packed:
        _refuse_packed_items(stored)
    frames = _StoredFrames.of(stored) if pixels and (packed or by_frame) else None
    if compression is not None and compression.method != DEFLATED and frames is not None:
        return _compressed(stored, frames, compression, folder)
    if frames is None:
        return _written(stored, wanted, _as_they_are(stored))
    return _written(stored, wanted, _native_runs(stored, frames))


def _is_pixel_data(stored: StoredFile) -> bool:
    """Whether its pixels are no floating point, which nothing compresses frame by frame."""
    return stored.pixels is not None and stored.pixels.head[:4] == element_head(PIXEL_DATA, "OW", 0)[:4]


def _is_of_bits(stored: StoredFile) -> bool:
    return stored.instance.lenient.integer("BitsAllocated") == 1


def _refuse_packed_items(stored: StoredFile) -> None:
    """Refuse an object with compressed pixels in an item too: an icon is in the syntax of its object (PS3.5 A.4).

    Raises
    ------
    SourceError
        ``SRC-SYNTAX``
    """
    tag = element_head(PIXEL_DATA, "OB", 0)[:4]
    begins = [tag + vr + b"\0\0\xff\xff\xff\xff" for vr in (b"OB", b"OW")]
    if any(begin in _own(dataset) for dataset in (stored.head, stored.tail) if dataset.spans for begin in begins):
        raise SourceError(
            "SRC-SYNTAX",
            f"{stored.name}: an item, such as an icon, has compressed pixels of its own, which would be of another "
            "transfer syntax than the object then; derive correct takes it out "
            f"({flag('remove', 'IconImageSequence')})",
        )


@dataclass(frozen=True)
class _StoredFrames:
    """The frames of an object, decoded one by one.

    Parameters
    ----------
    stored : StoredFile
    layout : SampleLayout
        As its header says.
    codestreams : tuple of bytes
        Compressed ones; of what is native empty.
    """

    stored: StoredFile
    layout: SampleLayout
    codestreams: tuple[bytes, ...]

    @classmethod
    def of(cls, stored: StoredFile) -> _StoredFrames:
        """Find them."""
        try:
            layout = sample_layout(stored.instance)
        except ValuesError as error:
            raise ValuesError("VAL-LAYOUT", f"{stored.name}: its header does not say how its pixels lie") from error
        pixels = stored.pixels
        assert pixels is not None, "it is asked of what has pixels"
        if layout.bits_allocated == 1 and uid_of(layout.transfer_syntax).is_encapsulated:
            raise SourceError("SRC-SYNTAX", f"{stored.name}: bits that are compressed are not decoded here")
        if not uid_of(layout.transfer_syntax).is_encapsulated:
            size = pixels.value.length if isinstance(pixels.value, Passage) else len(pixels.value)
            return cls(stored, as_it_lies(layout._replace(transfer_syntax=_NATIVE), size), ())
        value = b"".join(_chunks(pixels.value))
        check_unpacked(stored.name, layout.native_length, len(value))
        return cls(stored, layout, tuple(frames_of(stored.instance, StoredValue("OB", value, True), layout)))

    def words(self) -> Iterator[tuple[NDArray[Any], str]]:
        """Give the allocated words of each frame (rows, columns, samples), and their photometric interpretation."""
        layout, name = self.layout, self.stored.name
        if not self.codestreams:
            yield from ((words, layout.photometric) for words in self._native())
            return
        kind = f"<{'i' if layout.signed else 'u'}{layout.bits_allocated // 8}"
        for frame in self.codestreams:
            words, photometric = decoded(frame, layout, name)
            yield words.astype(kind, copy=False), photometric

    def _native(self) -> Iterator[NDArray[Any]]:
        pixels, one = self.stored.pixels, self.layout._replace(frames=1)
        assert pixels is not None, "it is asked of what has pixels"
        for index in range(self.layout.frames):
            data = _slice(pixels.value, index * one.native_length, one.native_length)
            yield Native(data, one, pixels.vr, self.stored.name).words[0]

    @property
    def loss(self) -> Mapping[int, Element | None]:
        """What has to be said of pixels that were compressed with loss; nothing of others."""
        codec = CODECS.get(self.layout.transfer_syntax)
        lossy = codec is not None and (
            codec.loss == "certain"
            or (codec.loss == "possible" and is_irreversible(codestream_of(self.codestreams[0])))
        )
        return marked_lossy(self.stored.instance, self.layout, sum(map(len, self.codestreams))) if lossy else {}


def _native_runs(stored: StoredFile, frames: _StoredFrames) -> Iterator[bytes]:
    """Give the data set with native frames, a pixel after the other."""
    layout = frames.layout._replace(transfer_syntax=_NATIVE, by_plane=False)
    words = frames.words()
    first, photometric = next(words)
    length = first.nbytes * layout.frames
    if length > _MOST:
        raise ValuesError("VAL-LENGTH", f"{stored.name}: native pixels of {length} bytes are more than a file can say")
    yield _head(stored, {**frames.loss, **_said(frames.layout, photometric, layout.samples)})
    yield element_head(PIXEL_DATA, "OW" if layout.bits_allocated > 8 else "OB", length + length % 2)
    yield first.tobytes()
    for each, meaning in words:
        if meaning != photometric:
            raise ValuesError("VAL-DECODE", f"{stored.name}: its frames are decoded to several colour models")
        yield each.tobytes()
    yield b"\0" * (length % 2)


def _said(layout: SampleLayout, photometric: str, samples: int) -> dict[int, Element | None]:
    """Say how samples lie and what they mean, where that is not as it was; and take out tables of offsets."""
    found: dict[int, Element | None] = dict.fromkeys(OF_ENCAPSULATED)
    if photometric != layout.photometric:
        found[_PHOTOMETRIC] = encode("PhotometricInterpretation", photometric)
    if samples > 1 and layout.by_plane:
        found[_PLANAR] = encode("PlanarConfiguration", 0)
    return found


def _compressed(stored: StoredFile, frames: _StoredFrames, compression: Compression, folder: Path | None) -> Repacked:
    """Compress all frames without loss."""
    into, words = Encapsulator(compression.transfer_syntax, folder), frames.words()
    meaning = ""
    while some := list(islice(words, _AHEAD * parallel.jobs())):
        meaning = some[0][1]
        layout = frames.layout._replace(transfer_syntax=_NATIVE, frames=1, by_plane=False, photometric=meaning)
        bits = PixelFormat(layout.bits_allocated, layout.samples, layout.photometric, layout.bits_stored)
        refuse_unsayable(compression, bits, (layout.rows, layout.columns))
        work = partial(compressed, layout=layout, compression=compression, name=stored.name)
        for data in parallel.each(work, [np.ascontiguousarray(one) for one, _ in some]):
            into.add(data, layout.native_length)
    found = into.close()
    said = _said(frames.layout, compression.photometric(layout), layout.samples)
    tables = {tag_of(k): Element(tag_of(k), "OV", value) for k, value in found.extended.items()}
    head = _head(stored, {**frames.loss, **said, **tables})
    pixels = element_head(PIXEL_DATA, found.vr, found.length)

    def runs() -> Iterator[bytes]:
        yield head + pixels
        yield from found.runs()

    return replace(_written(stored, compression.transfer_syntax, runs()), frames=found)


def _written(stored: StoredFile, syntax: str, runs: Iterator[bytes]) -> Repacked:
    """Return a file: what stands before the data set, the data set, and what stands behind its pixels."""

    def data_set() -> Iterator[bytes]:
        yield from runs
        if stored.tail.spans:
            yield _explicit(stored, stored.tail).data
        yield stored.rest

    def whole() -> Iterator[bytes]:
        yield _start(stored, syntax)
        yield from deflated_runs(data_set()) if syntax == _DEFLATED else data_set()

    return Repacked(whole())


def _start(stored: StoredFile, syntax: str) -> bytes:
    """Return what stands before the data set; what declared no transfer syntax gets a new one (PS3.10 7.1)."""
    if TRANSFER_SYNTAX in stored.meta:
        return start_with(stored, syntax)
    there = stored.head.elements
    return file_start({m: there[tag_of(k)].value for m, k in _REPEATED.items() if tag_of(k) in there}, syntax)


def _head(stored: StoredFile, new: Mapping[int, Element | None]) -> bytes:
    """Return the elements before Pixel Data, some exchanged, as Explicit VR."""
    dataset = _explicit(stored, stored.head)
    there = dataset.elements
    parts = {tag: None if e is None else encoded(e, implicit=False) for tag, e in new.items() if e or tag in there}
    return b"".join(elements_of(dataset, parts))


def _explicit(stored: StoredFile, dataset: StoredDataSet) -> StoredDataSet:
    signed = stored.instance.lenient.integer("PixelRepresentation") == 1
    data = uniform(dataset, signed=signed) if stored.implicit else _own(dataset)
    return StoredDataSet.of(data, implicit=False)


def _own(dataset: StoredDataSet) -> bytes:
    """Return the bytes of a data set, of all that holds it."""
    return dataset.data[dataset.spans[0][2] : dataset.spans[-1][4]]


def _as_they_are(stored: StoredFile) -> Iterator[bytes]:
    """Give the data set with its pixels as they are, as Explicit VR."""
    yield _head(stored, {})
    pixels = stored.pixels
    if pixels is not None:
        size = pixels.value.length if isinstance(pixels.value, Passage) else len(pixels.value)
        tag = int.from_bytes(pixels.head[:2], "little") << 16 | int.from_bytes(pixels.head[2:4], "little")
        yield element_head(tag, pixels.vr if len(pixels.vr) == 2 else "OW", size) if stored.implicit else pixels.head
        yield from _chunks(pixels.value)


def _chunks(part: Part) -> Iterator[bytes]:
    return part.chunks() if isinstance(part, Passage) else iter((part,))


def _slice(part: Part, at: int, length: int) -> bytes:
    if not isinstance(part, Passage):
        return part[at : at + length]
    return b"".join(part._replace(offset=part.offset + at, length=min(length, part.length - at)).chunks())
