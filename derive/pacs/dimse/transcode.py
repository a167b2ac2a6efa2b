"""Data sets as they go over the network: as they are encoded, or anew where the other side takes nothing else."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from mmap import mmap

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from derive.errors import SourceError, ValuesError
from derive.pixels.codecs import CODECS
from derive.standard.vr import CHARSET_VRS, LONG_LENGTH_VRS

_PREAMBLE = 132
_UNDEFINED = 0xFFFFFFFF
_HEAD = struct.Struct("<HHL")
_LONG = frozenset(vr.encode() for vr in LONG_LENGTH_VRS)
#: Only of encapsulated pixel data (PS3.5 A.4): Extended Offset Table and its lengths.
_OF_ENCAPSULATED = (0x7FE00001, 0x7FE00002, 0x7FE00003)
_PIXEL_DATA = 0x7FE00010
_EXPLICIT_META = b"\0" * 128 + b"DICM" + struct.pack("<HH2sH20s", 2, 0x10, b"UI", 20, ExplicitVRLittleEndian.encode())
#: Bytes of a value that another byte order turns round.
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def data_set(part10: bytes | mmap, name: str = "") -> memoryview:
    """Return the data set of a Part 10 file as it is encoded: what follows the File Meta Information (PS3.10 7.1).

    Raises
    ------
    SourceError
        ``SRC-UNREADABLE`` if it is no such file.
    """
    try:
        if part10[128:_PREAMBLE] != b"DICM":
            raise ValueError("no prefix")
        at = _PREAMBLE
        # Group length is not relied upon: it is wrong often enough.
        while part10[at : at + 2] == b"\x02\x00":
            vr = part10[at + 4 : at + 6]
            long = vr in _LONG
            (length,) = struct.unpack_from("<L" if long else "<H", part10, at + (8 if long else 6))
            at += (12 if long else 8) + length
        if at in (_PREAMBLE, len(part10)) or at > len(part10):
            raise ValueError("nothing in it")
    except (ValueError, struct.error) as error:
        raise SourceError("SRC-UNREADABLE", f"{name or 'an instance'} is not a Part 10 file with a data set") from error
    return memoryview(part10)[at:]


def recoded(part10: bytes, transfer_syntax_uid: str) -> bytes:
    """Encode the data set of a Part 10 file in Explicit or Implicit VR Little Endian.

    Compressed pixels are decompressed, and nothing else is changed: what was compressed with loss stays marked so, and
    stays the same instance, for it holds the same values (PS3.5 A.4, PS3.3 C.7.6.1.1.5).

    Raises
    ------
    ValuesError
        ``NET-TRANSCODE`` if there is no decoder, or if what comes out does not hold what went in.
    """
    name = UID(transfer_syntax_uid).name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(DicomBytesIO(part10))
            changed = _encode(dataset, part10, UID(transfer_syntax_uid))
    except Exception as error:  # whatever pydicom and its decoders raise; their texts may quote values
        why = f"{type(error).__name__} while it was decoded"
        raise ValuesError("NET-TRANSCODE", f"cannot be encoded as {name}: {why}") from error
    if isinstance(changed, str):
        raise ValuesError("NET-TRANSCODE", f"cannot be encoded as {name}: {changed} would change")
    return changed


def _encode(dataset: Dataset, part10: bytes, target: UID) -> bytes | str:
    """Return the data set encoded, or what would be another in it."""
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax == ExplicitVRBigEndian:
        _turn_round(dataset)
    elif syntax.is_compressed and _PIXEL_DATA in dataset:
        _decompress(dataset, syntax)
    if target == ImplicitVRLittleEndian and syntax != ExplicitVRBigEndian:
        return b"".join(_implicit(dataset))
    data = _explicit(dataset)
    # Only from these did values go through pydicom's types, and VRs through its dictionary.
    different = ""
    if syntax == ImplicitVRLittleEndian:
        different = _different(dcmread(DicomBytesIO(part10)), _read(data), verbatim=True)
    elif syntax == ExplicitVRBigEndian:
        different = _different(dataset, _read(data), verbatim=False)
    if different:
        return different
    return b"".join(_implicit(_read(data))) if target == ImplicitVRLittleEndian else data


def _decompress(dataset: Dataset, syntax: UID) -> None:
    """Decode the frames with the decoder that this package reads them with, and say what they are then."""
    codec = CODECS.get(str(syntax))
    if codec is None or (codec.codestream and not codec.bits[0] <= dataset.BitsStored <= codec.bits[1]):
        raise LookupError("no decoder that has it right")
    # Samples stay what the decoder gives, in the colour space that it says: no further rounding.
    dataset.decompress(as_rgb=False, generate_instance_uid=False, decoding_plugin=codec.plugin)
    for tag in _OF_ENCAPSULATED:
        if tag in dataset:
            del dataset[tag]
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        # The decoder gives every pixel its own chrominance, and pydicom 3.0 leaves the name as it was.
        dataset.PhotometricInterpretation = "YBR_FULL"
    samples = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * int(dataset.get("NumberOfFrames") or 1)
    if (len(dataset.PixelData) + 1) // 2 * 2 != (samples * dataset.BitsAllocated // 8 + 1) // 2 * 2:
        raise ValueError("another number of samples than is stated")


def _explicit(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def _implicit(dataset: Dataset) -> Iterator[bytes]:
    """Give the elements with other heads; their values are the bytes that were read, whatever they hold."""
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        if tag.element == 0:  # group lengths, which would be wrong now
            continue
        if element.VR == "SQ":
            items = [b"".join(_implicit(item)) for item in dataset[tag].value]
            value = b"".join(_HEAD.pack(0xFFFE, 0xE000, len(item)) + item for item in items)
        elif isinstance(element, RawDataElement):
            if element.length == _UNDEFINED:
                raise ValueError("encapsulated, and not pixels")
            value = element.value or b""
        else:
            buffer = DicomBytesIO()
            buffer.is_implicit_VR = buffer.is_little_endian = True
            write_data_element(buffer, element)
            yield buffer.getvalue()
            continue
        yield _HEAD.pack(tag.group, tag.element, len(value)) + value


def _read(data: bytes) -> Dataset:
    return dcmread(DicomBytesIO(_EXPLICIT_META + data))


def _turn_round(dataset: Dataset) -> None:
    """Swap the bytes of words, which pydicom keeps as they are."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _turn_round(item)
            continue
        size = _WORDS.get(element.VR, 1)
        if element.tag == _PIXEL_DATA and element.VR == "OW":
            size = max(2, int(dataset.get("BitsAllocated", 16)) // 8)
        if size > 1 and element.value:
            turned = bytearray(len(element.value))
            for index in range(size):
                turned[index::size] = element.value[size - 1 - index :: size]
            element.value = bytes(turned)


def _different(source: Dataset, written: Dataset, *, verbatim: bool) -> str:
    """Name an element that has not arrived as it was; empty if there is none.

    Parameters
    ----------
    source, written : Dataset
    verbatim : bool
        Whether both have the same byte order, so that text, which pydicom decodes and encodes, can be held against
        the bytes that were read.
    """
    for tag in sorted({t for t in (*source.keys(), *written.keys()) if t.element}):
        name = keyword_for_tag(tag) or str(tag)
        if tag not in source or tag not in written:
            return name
        raw, other = source.get_item(tag), written.get_item(tag)
        if verbatim and isinstance(raw, RawDataElement) and isinstance(other, RawDataElement):
            if _bare(raw.value) == _bare(other.value):
                continue
            if source[tag].VR in CHARSET_VRS:
                return name
        before, after = source[tag], written[tag]
        if before.VR == after.VR == "SQ":
            if len(before.value) != len(after.value):
                return name
            for item, again in zip(before.value, after.value, strict=True):
                if found := _different(item, again, verbatim=verbatim):
                    return found
        elif before.value != after.value:
            return name
    return ""


def _bare(value: bytes | None) -> bytes:
    return (value or b"").rstrip(b"\0 ")
