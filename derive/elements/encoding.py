"""Attributes as encoded bytes: the form in which they are pulled, compared, and written.

An :class:`Element` holds its value as Explicit VR Little Endian bytes (PS3.5 7.1.2). Text that nobody
touches is therefore written byte for byte as it was read, whatever its character set; and what is
constant over a series is encoded once.
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import Tag
from pydicom.valuerep import format_number_as_ds

from derive.elements.element import Element, tag_of
from derive.standard.vr import LONG_LENGTH_VRS, TEXT_VRS

_INTEGER_BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4}
_NUMBER_FORMATS = {"US": "<H", "SS": "<h", "UL": "<L", "SL": "<l", "FL": "<f", "FD": "<d"}
_LONGEST_DS = 16
#: What Decimal and Integer Strings are made of, their separator among it (PS3.5 6.2).
_OF_NUMBERS = b"0123456789+-.eE \\"
_ITEM = struct.Struct("<HHL")
_HEAD, _LONG_HEAD = struct.Struct("<HH2sH"), struct.Struct("<HH2sHL")
#: Values from so many bytes on are not copied to be joined with others.
_LARGE = 1 << 16
#: Decoded values are kept of elements up to so many bytes.
_LONGEST_KEPT = 256


@cache
def _entry(keyword: str) -> tuple[int, str]:
    tag = tag_of(keyword)
    return tag, dictionary_VR(tag)


def encode(keyword: str, value: Any, encodings: Sequence[str] = (default_encoding,), signed: bool = False) -> Element:
    """Encode a value.

    Parameters
    ----------
    keyword : str
    value
        What pydicom takes for the VR; for SQ a sequence of mappings keyword -> value or of encoded
        items (bytes). None and "" make an empty value.
    encodings : sequence of str
        Python names of the character set in force.
    signed : bool
        Resolves "US or SS": the sign of the stored values.
    """
    tag, vr = _entry(keyword)
    if vr == "SQ":
        items = [i if isinstance(i, bytes) else encode_item(i, encodings, signed) for i in value or ()]
        return Element(tag, "SQ", b"".join(items))
    if vr == "US or SS":
        vr = "SS" if signed else "US"
    elif vr == "OB or OW":
        vr = "OW"
    if isinstance(value, bytes) and vr in TEXT_VRS:
        return Element(tag, vr, value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2))
    plain = _plain_bytes(vr, value)
    return Element(tag, vr, value_bytes(DataElement(tag, vr, value), encodings) if plain is None else plain)


def _plain_bytes(vr: str, value: Any) -> bytes | None:
    """Encode numbers and ASCII text, as pydicom does at ten times the time; None for all else, which it has to do."""
    if isinstance(value, bytes) and vr in ("OB", "OW"):
        return value + b"\0" * (len(value) % 2)
    values = value if isinstance(value, list) else [value]
    kinds = {str if isinstance(v, str) else type(v) for v in values}
    if vr in _INTEGER_BYTES and kinds == {int}:
        return b"".join([v.to_bytes(_INTEGER_BYTES[vr], "little", signed=vr[0] == "S") for v in values])
    if vr in TEXT_VRS and vr != "PN" and kinds == {str}:
        texts = values
    elif (vr == "IS" and kinds == {int}) or (vr == "DS" and kinds == {float} and all(map(math.isfinite, values))):
        texts = [r if len(r := repr(v)) <= _LONGEST_DS else format_number_as_ds(v) for v in values]
    else:
        return None
    text = "\\".join(texts)
    if not text.isascii() or (vr == "DS" and max(map(len, texts)) > _LONGEST_DS):
        return None
    return (text + (("\0" if vr == "UI" else " ") if len(text) % 2 else "")).encode()


def encode_item(
    attributes: Mapping[str, Any], encodings: Sequence[str] = (default_encoding,), signed: bool = False
) -> bytes:
    """Encode a sequence item of keyword -> value, with an explicit length."""
    return pack_item(encode(k, v, encodings, signed) for k, v in attributes.items())


def pack_item(elements: Iterable[Element]) -> bytes:
    """Join elements, in tag order, as a sequence item with an explicit length."""
    body = pack(elements)
    return _ITEM.pack(0xFFFE, 0xE000, len(body)) + body


def pack(elements: Iterable[Element]) -> bytes:
    """Join elements, in tag order, as Explicit VR Little Endian."""
    return b"".join(_element_bytes(e) for e in sorted(elements))


def pack_parts(elements: Mapping[int, Element]) -> list[bytes]:
    """Encode elements, in tag order, as Explicit VR Little Endian: joined, but large values by themselves."""
    parts: list[bytes] = []
    small: list[bytes] = []
    for element in (elements[tag] for tag in sorted(elements)):
        small.append(element_head(element.tag, element.vr, len(element.value)))
        if len(element.value) < _LARGE:
            small.append(element.value)
        else:
            parts += [b"".join(small), element.value]
            small = []
    return [*parts, b"".join(small)] if small else parts


def _element_bytes(element: Element) -> bytes:
    tag, vr, value = element
    return element_head(tag, vr, len(value)) + value


@lru_cache(maxsize=4096)
def element_head(tag: int, vr: str, length: int) -> bytes:
    """Encode what stands before a value of so many bytes, in Explicit VR Little Endian."""
    if vr in LONG_LENGTH_VRS:
        return _LONG_HEAD.pack(tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)
    return _HEAD.pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)


def value_bytes(element: DataElement, encodings: Sequence[str]) -> bytes:
    """Encode the value of pydicom's element as Explicit VR Little Endian."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_data_element(buffer, element, list(encodings))
    return buffer.getvalue()[12 if element.VR in LONG_LENGTH_VRS else 8 :]


def raw(element: Element) -> RawDataElement:
    """Return pydicom's form of an undecoded element."""
    return RawDataElement(Tag(element.tag), element.vr, len(element.value), element.value, 0, False, True)


def decode(element: Element, encodings: Sequence[str] = (default_encoding,)) -> Any:
    """Value as pydicom gives it: None where empty, MultiValue, Sequence, PersonName, ...

    Short values are kept: do not change a MultiValue.
    """
    short = element.vr != "SQ" and len(element.value) <= _LONGEST_KEPT
    return (_decoded if short else _decoded.__wrapped__)(element, tuple(encodings))


@lru_cache(maxsize=2048)
def _decoded(element: Element, encodings: tuple[str, ...]) -> Any:
    with warnings.catch_warnings(action="ignore"):  # pydicom's quote odd values, which may name a patient
        data_element = convert_raw_data_element(raw(element), encoding=list(encodings))
    return None if data_element.is_empty else data_element.value


def numbers_of(element: Element) -> list[float]:
    """Values of a numeric attribute; none if one of them is no number.

    The same as :func:`decode` gives, at a tenth of the time.
    """
    try:
        if element.vr in _NUMBER_FORMATS:
            return [float(v) for (v,) in struct.iter_unpack(_NUMBER_FORMATS[element.vr], element.value)]
        if element.vr not in ("DS", "IS") or not element.value.strip(b" \0"):
            return []
        text = element.value.rstrip(b" \0")
        if text.translate(None, _OF_NUMBERS):  # float() takes 1_0, inf and nan, which are no Decimal Strings
            return []
        return [float(value) for value in text.split(b"\\")]
    except (ValueError, struct.error):
        return []


def text_of(element: Element, encodings: Sequence[str] = (default_encoding,)) -> str:
    """Return one value as text without padding; empty where there is none.

    The same as :func:`decode` gives, at a tenth of the time where it is ASCII.
    """
    value = element.value
    if element.vr in TEXT_VRS and value.isascii() and b"\\" not in value and b"\x1b" not in value:
        return value.decode().strip(" \0")
    decoded = decode(element, encodings)
    return "" if decoded is None else str(decoded).strip()
