"""A file as it lies: its File Meta Information, what stands before Pixel Data, Pixel Data, and what stands behind.

Pixel Data is never decoded here, and of a large file not even read: it passes from file to file.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import IO, NamedTuple, TypeAlias

from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from derive.elements.element import Element
from derive.elements.instance import Instance
from derive.elements.spans import (
    EXPLICIT_FOUND,
    IMPLICIT_FOUND,
    PIXELS,
    UNDEFINED,
    Notes,
    Short,
    Span,
    TooDeep,
    Unusual,
    head_at,
    items_in,
    spans_of,
)
from derive.elements.start import MEDIA_CLASS, TRANSFER_SYNTAX, Start, start_of
from derive.errors import SourceError
from derive.rewriting.big_endian import turned
from derive.rewriting.by_pydicom import encoded_by_pydicom, swap
from derive.rewriting.deflation import USUAL, Deflation, deflation_of, inflated
from derive.rewriting.rewrite import uniform
from derive.rewriting.stored import StoredDataSet

#: A file of up to so many bytes is read as a whole; of a larger one Pixel Data stays where it is.
LARGEST_READ = 1 << 25
_CHUNK = 1 << 20
_MIXED = frozenset({EXPLICIT_FOUND, IMPLICIT_FOUND})
#: What stands behind Pixel Data begins with this group, or a later one (PS3.5 7.1).
_LAST_GROUPS = 0x7FE0


class Passage(NamedTuple):
    """Bytes that pass as they are, from where they lie.

    Parameters
    ----------
    open : callable () -> binary file
    offset, length : int
    """

    open: Callable[[], IO[bytes]]
    offset: int
    length: int

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes, some at a time.

        Raises
        ------
        OSError
            Where there are fewer than there were.
        """
        with self.open() as stream:
            stream.seek(self.offset)
            left = self.length
            while left:
                chunk = stream.read(min(left, _CHUNK))
                if not chunk:
                    raise OSError("the file was cut while it was read")
                left -= len(chunk)
                yield chunk


#: A run of bytes of a file.
Part: TypeAlias = bytes | Passage


def runs_of_parts(parts: Iterable[Part]) -> Iterator[bytes]:
    """Give the bytes of a file, some at a time."""
    for part in parts:
        yield from part.chunks() if isinstance(part, Passage) else (part,)


class StoredPixels(NamedTuple):
    """Pixel Data as it lies.

    Parameters
    ----------
    vr : str
    head : bytes
        Its tag, VR and length.
    value : bytes or Passage
        Its value; of encapsulated fragments with the delimiter behind them.
    """

    vr: str
    head: bytes
    value: Part


@dataclass(frozen=True, eq=False)
class StoredFile:
    """A DICOM file, or a data set in memory, as it lies.

    Parameters
    ----------
    name : str
        For messages.
    meta : mapping tag -> Element
        File Meta Information.
    transfer_syntax : str
        As the data set is encoded, which need not be as it is declared.
    head, tail : StoredDataSet
        What stands before Pixel Data, and behind.
    pixels : StoredPixels, optional
    rest : bytes
        What stands behind the data set and makes no element.
    implicit : bool
        Whether what is added is to be encoded as Implicit VR.
    recoded : bool
        Whether it was encoded anew since it was Big Endian, or not as a data set has to be.
    start : bytes
        What stands before the data set: preamble and File Meta Information as they are.
    deflation : Deflation
        How it was deflated, where it was and what is written has to be as it was.
    """

    name: str
    meta: Mapping[int, Element] = field(repr=False)
    transfer_syntax: str
    head: StoredDataSet = field(repr=False)
    pixels: StoredPixels | None = field(default=None, repr=False)
    tail: StoredDataSet = field(default_factory=lambda: StoredDataSet(b"", ()), repr=False)
    rest: bytes = field(default=b"", repr=False)
    implicit: bool = False
    recoded: bool = False
    start: bytes = field(default=b"", repr=False)
    deflation: Deflation = USUAL

    @cached_property
    def instance(self) -> Instance:
        """What it says of itself, asked leniently; standard attributes only."""
        return Instance(self.name, self.head.elements, self.transfer_syntax, strict=False)

    @property
    def sop_class_uid(self) -> str:
        """SOP Class; that of the File Meta Information where the data set does not say it."""
        said = self.instance.text("SOPClassUID")
        return said or self._meta_text(MEDIA_CLASS)

    @property
    def is_directory(self) -> bool:
        """Whether it is a DICOMDIR."""
        return self._meta_text(MEDIA_CLASS) == "1.2.840.10008.1.3.10" or 0x00041220 in self.head.elements

    def _meta_text(self, tag: int) -> str:
        element = self.meta.get(tag)
        return element.stripped().decode("latin-1") if element else ""


def stored_file(name: str, opened: Callable[[], IO[bytes]], *, recode: bool = False, exact: bool = False) -> StoredFile:
    """Find how a file lies.

    Parameters
    ----------
    name : str
        For messages.
    opened : callable () -> binary file
        Opens it anew.
    recode : bool
        Have pydicom read it and encode it anew: for what nests in a way that cannot be walked through.
    exact : bool
        Turn Big Endian around so that it can be turned back, and find how what is deflated was deflated: for what is
        written as it was.

    Raises
    ------
    SourceError
        ``SRC-NESTING``, ``SRC-UNREADABLE``.
    """
    try:
        with opened() as stream:
            return _stored(name, opened, stream, recode=recode, exact=exact)
    except (TooDeep, RecursionError):
        raise SourceError("SRC-NESTING", f"{name} {TooDeep()}; take it out") from None
    except SourceError:
        raise
    except Exception as error:  # pydicom raises whatever a malformed file causes, OSError without a number among it
        if isinstance(error, OSError) and error.errno is not None:
            raise
        message = f"{name} cannot be read as a DICOM file ({type(error).__name__}); fetch it again, or take it out"
        raise SourceError("SRC-UNREADABLE", message) from error


def stored_dataset(dataset: Dataset, name: str = "a data set") -> StoredFile:
    """Find how a data set in memory would lie in a file of its transfer syntax.

    Raises
    ------
    SourceError
        ``SRC-UNREADABLE`` for values that cannot be encoded.
    """
    try:
        meta = getattr(dataset, "file_meta", None)
        syntax = str((meta.get("TransferSyntaxUID") if meta else None) or "")
        pydicom_syntax = UID(syntax)
        compressed = bool(syntax) and pydicom_syntax.is_transfer_syntax and pydicom_syntax.is_compressed
        encapsulated = compressed and syntax != DeflatedExplicitVRLittleEndian
        buffer = encoded_by_pydicom(dataset, encapsulated=encapsulated)
        start = Start(0, {TRANSFER_SYNTAX: syntax} if encapsulated else {}, False, False, False)
        return _of_bytes(name, buffer, start, {})
    except (TooDeep, RecursionError):
        raise SourceError("SRC-NESTING", f"{name} {TooDeep()}; take it out") from None
    except Exception as error:  # pydicom raises whatever a malformed value causes
        raise SourceError("SRC-UNREADABLE", f"{name} cannot be encoded ({type(error).__name__})") from error


def _stored(name: str, opened: Callable[[], IO[bytes]], stream: IO[bytes], *, recode: bool, exact: bool) -> StoredFile:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    data = stream.read(min(size, LARGEST_READ))
    start = start_of(data)
    meta = _meta(data, start.at)
    try:
        if start.big and exact:
            stream.seek(start.at)
            return _turned(name, stream.read(), data[: start.at], meta)
        if start.big or recode:
            raise Unusual("left to pydicom")
        if start.deflated:
            found = _deflated(name, stream, start, meta, exact=exact)
        elif size <= LARGEST_READ:
            found = _of_bytes(name, data, start, meta)
        else:
            found = _of_large(name, data, start, (opened, stream, size), meta)
    except Unusual:
        stream.seek(0)
        found = _by_pydicom(name, stream, start, meta)
    except (Short, struct.error):
        message = f"{name} ends in the middle of an element; fetch it again, or take it out"
        raise SourceError("SRC-UNREADABLE", message) from None
    return replace(found, start=data[: start.at])


def _deflated(name: str, stream: IO[bytes], start: Start, meta: Mapping[int, Element], *, exact: bool) -> StoredFile:
    """Find how a deflated data set lies when it is inflated; if exact, how it was deflated too."""
    data = inflated(name, stream, start.at, stream.seek(0, os.SEEK_END))
    found = _of_bytes(name, data, start, meta)
    stream.seek(start.at)
    if not exact:
        return found
    how, declared = deflation_of(stream.read(), data), start.syntax == DeflatedExplicitVRLittleEndian
    return replace(found, deflation=how, recoded=found.recoded or not declared)


def _turned(name: str, body: bytes, start: bytes, meta: Mapping[int, Element]) -> StoredFile:
    """Find how a Big Endian data set lies when it is turned around."""
    found = _of_bytes(name, turned(body, big=True), Start(0, {}, False, False, False), meta)
    return replace(found, start=start, transfer_syntax=str(ExplicitVRBigEndian))


def _of_bytes(name: str, data: bytes, start: Start, meta: Mapping[int, Element]) -> StoredFile:
    """Find how a data set lies that is there as a whole."""
    at = 0 if start.deflated else start.at
    head, pixel_span, implicit = _head(data, at, start)
    if pixel_span is None:
        recoded = head.data is not data
        rest = b"" if recoded else data[head.spans[-1][4] if head.spans else at :]
        syntax = _syntax(start, implicit=implicit)
        return StoredFile(name, meta, syntax, head, rest=rest, implicit=implicit, recoded=recoded)
    _, vr, first, value, end, _ = pixel_span
    if end - value == UNDEFINED:
        end = items_in(data, value, None, False, set(), 1)[1]
    pixels = StoredPixels(vr, data[first:value], data[value : min(end, len(data))])
    tail, rest = _tail(data, end, implicit)
    syntax, anew = _syntax(start, implicit=implicit), head.data is not data
    return StoredFile(name, meta, syntax, head, pixels, tail, rest, implicit, anew)


def _head(data: bytes, at: int, start: Start) -> tuple[StoredDataSet, Span | None, bool]:
    """Find the elements before Pixel Data, and whether they are Implicit VR.

    Where some are and some are not, all become Explicit VR: no reader takes a mixture as it is.
    """
    notes: Notes = set()
    spans, _ = spans_of(data, at, len(data), start.expects_implicit, notes)
    pixels = spans.pop() if spans and spans[-1][0] in PIXELS else None
    head = StoredDataSet(data, tuple(spans))
    explicit = [bool(head.written_vr(element)) for element in head.stored()] if notes & _MIXED else []
    implicit = start.implicit if not explicit else not any(explicit)
    encapsulated = pixels is not None and pixels[4] - pixels[3] == UNDEFINED
    if not (implicit and encapsulated) and (not explicit or implicit or all(explicit)):
        return head, pixels, implicit
    plain = uniform(head)
    return StoredDataSet(plain, tuple(spans_of(plain, 0, len(plain), False, set())[0])), pixels, False


def _syntax(start: Start, *, implicit: bool) -> str:
    """Return the transfer syntax of a data set that is encoded like this."""
    if start.syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)
    return start.syntax


def _tail(data: bytes, at: int, implicit: bool) -> tuple[StoredDataSet, bytes]:
    """Find the elements behind Pixel Data; what makes none there is the rest."""
    if at >= len(data):
        return StoredDataSet(data, ()), b""
    notes: Notes = set()
    group = int.from_bytes(data[at : at + 2], "little")
    if group >= _LAST_GROUPS:
        try:
            return StoredDataSet(data, tuple(spans_of(data, at, len(data), implicit, notes)[0])), b""
        except (Unusual, Short, struct.error):
            pass
    return StoredDataSet(data, ()), data[at:]


def _of_large(
    name: str,
    data: bytes,
    start: Start,
    source: tuple[Callable[[], IO[bytes]], IO[bytes], int],
    meta: Mapping[int, Element],
) -> StoredFile:
    """Find how a large file lies: its Pixel Data is passed over; where other elements are large it is read."""
    opened, stream, size = source
    try:
        head, pixel_span, implicit = _head(data, start.at, start)
    except (Short, Unusual, struct.error):  # an element that begins in what was read may end behind it
        pixel_span = None
    if pixel_span is None:
        stream.seek(0)
        return _of_bytes(name, stream.read(), start, meta)
    _, vr, first, value, end, _ = pixel_span
    if end - value == UNDEFINED:
        end = _behind_fragments(stream, value)
    stream.seek(min(end, size))
    tail, rest = _tail(stream.read(), 0, implicit)
    pixels = StoredPixels(vr, data[first:value], Passage(opened, value, min(end, size) - value))
    syntax, anew = _syntax(start, implicit=implicit), head.data is not data
    return StoredFile(name, meta, syntax, head, pixels, tail, rest, implicit, anew)


def _behind_fragments(stream: IO[bytes], at: int) -> int:
    """Return where encapsulated fragments end (PS3.5 A.4)."""
    while True:
        stream.seek(at)
        head = stream.read(8)
        group, number, length = struct.unpack("<HHL", head)
        at += 8
        if (group, number) == (0xFFFE, 0xE0DD):
            return at
        if (group, number) != (0xFFFE, 0xE000):
            raise Unusual("no fragment where one belongs")
        at += length


def _meta(data: bytes, end: int) -> dict[int, Element]:
    at = 132 if data[128:132] == b"DICM" else 0
    found: dict[int, Element] = {}
    while at < end:
        tag, value, length = head_at(data, at)
        found[tag] = Element(tag, data[at + 4 : at + 6].decode("latin-1"), data[value : value + length])
        at = value + length
    return found


def _by_pydicom(name: str, stream: IO[bytes], start: Start, meta: Mapping[int, Element]) -> StoredFile:
    """Have pydicom read what is Big Endian or unusual, and encode it as Explicit VR Little Endian."""
    with warnings.catch_warnings(action="ignore"), disable_value_validation():
        dataset = dcmread(stream, force=True)
        if start.big:
            swap(dataset)
        data = encoded_by_pydicom(dataset)
    declared = UID(start.declared) if start.declared else ExplicitVRLittleEndian
    native = start.big or not (declared.is_transfer_syntax and declared.is_encapsulated)
    syntax = str(ExplicitVRLittleEndian) if native else str(declared)
    plain = Start(0, {TRANSFER_SYNTAX: syntax}, False, False, False)
    return replace(_of_bytes(name, data, plain, meta), recoded=True)
