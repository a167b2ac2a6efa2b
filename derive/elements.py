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
from typing import Any, NamedTuple, cast

from pydicom.charset import convert_encodings, default_encoding, encode_string
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import format_number_as_ds

from derive.errors import ValuesError

#: VRs whose bytes depend neither on byte order nor on anything but the character set.
TEXT_VRS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
#: VRs that Specific Character Set governs (PS3.5 6.1.2.2).
CHARSET_VRS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
#: VRs whose length takes four bytes (PS3.5 7.1.2).
LONG_LENGTH_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
_INTEGER_BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4}
_NUMBER_FORMATS = {"US": "<H", "SS": "<h", "UL": "<L", "SL": "<l", "FL": "<f", "FD": "<d"}
_LONGEST_DS = 16
_ITEM = struct.Struct("<HHL")
_HEAD, _LONG_HEAD = struct.Struct("<HH2sH"), struct.Struct("<HH2sHL")
#: Values from so many bytes on are not copied to be joined with others.
_LARGE = 1 << 16
#: Decoded values are kept of elements up to so many bytes.
_LONGEST_KEPT = 256


class Element(NamedTuple):
    """One attribute, its value encoded as Explicit VR Little Endian (even length)."""

    tag: int
    vr: str
    value: bytes

    @property
    def keyword(self) -> str:
        """Keyword, or (gggg,eeee) for what the dictionary does not have."""
        return keyword_of(self.tag)

    def stripped(self) -> bytes:
        """Value without its padding, for comparison."""
        return self.value.rstrip(b" \0") if self.vr in TEXT_VRS else self.value


@cache
def keyword_of(tag: int) -> str:
    """Keyword of a tag, or (gggg,eeee)."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@cache
def _entry(keyword: str) -> tuple[int, str]:
    tag = tag_of(keyword)
    return tag, dictionary_VR(tag)


@cache
def tag_of(keyword: str) -> int:
    """Tag of a keyword of the data dictionary.

    Raises
    ------
    KeyError
        If the dictionary has no such keyword.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


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
    return Element(tag, vr, _value_bytes(DataElement(tag, vr, value), encodings) if plain is None else plain)


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


class Packer:
    """Joins the elements of one data set after another; those that stay the same are encoded once."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[Element, bytes]] = {}

    def parts(self, elements: Mapping[int, Element]) -> list[bytes]:
        """Encode elements, in tag order, as Explicit VR Little Endian: joined, but large values by themselves."""
        parts: list[bytes] = []
        small: list[bytes] = []
        for tag in sorted(elements):
            element = elements[tag]
            if len(element.value) < _LARGE:
                small.append(self._bytes(tag, element))
            else:
                parts += [b"".join([*small, _element_head(element)]), element.value]
                small = []
        return [*parts, b"".join(small)] if small else parts

    def _bytes(self, tag: int, element: Element) -> bytes:
        last = self._last.get(tag)
        if last is not None and last[0] is element:
            return last[1]
        packed = _element_bytes(element)
        self._last[tag] = element, packed
        return packed


def _element_bytes(element: Element) -> bytes:
    return _element_head(element) + element.value


def _element_head(element: Element) -> bytes:
    tag, vr, value = element
    if vr in LONG_LENGTH_VRS:
        return _LONG_HEAD.pack(tag >> 16, tag & 0xFFFF, vr.encode(), 0, len(value))
    return _HEAD.pack(tag >> 16, tag & 0xFFFF, vr.encode(), len(value))


def _value_bytes(element: DataElement, encodings: Sequence[str]) -> bytes:
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
        return [float(text) for text in element.value.rstrip(b" \0").split(b"\\")]
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


def transcode(element: Element, encodings: Sequence[str]) -> Element:
    """Return the same text in UTF-8.

    Raises
    ------
    ValuesError
        ``VAL-CHARSET`` for text that `encodings` cannot decode.
    """
    if element.vr not in CHARSET_VRS and element.vr != "SQ":
        return element
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what else is odd in a value is no matter of its character set
        warnings.filterwarnings("error", message="(?i).*encod")
        try:
            decoded = convert_raw_data_element(raw(element), encoding=list(encodings))
            return Element(element.tag, element.vr, _value_bytes(_all_decoded(decoded), ["utf_8"]))
        except (UserWarning, UnicodeError, LookupError) as error:
            raise ValuesError(
                "VAL-CHARSET",
                f"the text of {element.keyword} cannot be decoded by its character set {list(encodings)}; "
                "it would be lost in ISO_IR 192",
            ) from error


def _all_decoded(element: DataElement) -> DataElement:
    """Decode the items of a sequence too, and let them take the character set of the whole."""
    if element.VR == "SQ":
        for item in element.value:
            item.pop("SpecificCharacterSet", None)
            for inner in item:
                _all_decoded(inner)
    elif element.VR == "PN" and element.value:
        str(element.value)
    return element


def fits(text: str, encodings: Sequence[str]) -> bool:
    """Whether a character set can say a text; the default repertoire is ASCII (PS3.5 6.1.2.1)."""
    if text.isascii():
        return True
    if list(encodings) == [default_encoding]:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            encode_string(text, list(encodings))
        except (UserWarning, UnicodeError, LookupError):
            return False
    return True


def is_text(text: str) -> bool:
    """Whether a text is made of characters: the command line gives bytes that are none as lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def to_dataset(elements: Iterable[Element]) -> Dataset:
    """Return a plain Dataset that decodes each value when it is asked for, and is written byte for byte."""
    dataset = Dataset({BaseTag(e.tag): raw(e) for e in sorted(elements)})
    # pydicom writes undecoded bytes only where it is told that the character set is that of the reading.
    charset = dataset.get("SpecificCharacterSet")
    dataset.set_original_encoding(False, True, convert_encodings(charset) if charset else default_encoding)
    return dataset


def from_dataset(dataset: Dataset) -> dict[int, Element]:
    """Encode what a data set holds; private groups, overlays, curves and bulk pixel data are left out.

    Text keeps its bytes. Other values are decoded by the rules of the source's transfer syntax.
    """
    return {
        int(tag): element
        for tag in dataset.keys()  # noqa: SIM118 - iterating a Dataset decodes every element
        if is_standard(int(tag)) and (element := _from_element(dataset, tag)) is not None
    }


def source_encodings(dataset: Dataset) -> list[str]:
    """Python names of the data set's character sets."""
    return convert_encodings(dataset.get("SpecificCharacterSet"))


@cache
def is_standard(tag: int) -> bool:
    """Whether a tag is an attribute that can be pulled: no private one, overlay, curve or bulk pixel data."""
    # Group 52xx, between curves and overlays, holds the functional groups.
    group = tag >> 16
    return not (group & 1 or group in (0x0002, 0x7FE0) or 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF)


def _from_element(dataset: Dataset, tag: BaseTag) -> Element | None:
    stored = dataset.get_item(tag)
    vr = stored.VR
    if isinstance(stored, RawDataElement):
        if vr is None or vr == "UN":
            vr = dictionary_VR(tag) if keyword_for_tag(tag) else "UN"
        if vr in TEXT_VRS:
            value = stored.value or b""
            return Element(int(tag), vr, value + b" " * (len(value) % 2))
        if len(vr) == 2 and vr != "SQ" and stored.is_little_endian:
            return Element(int(tag), vr, stored.value or b"")
    element: DataElement = dataset[tag]
    if element.VR == "SQ":
        items = [pack_item(from_dataset(item).values()) for item in element.value or ()]
        return Element(int(tag), "SQ", b"".join(items))
    element = cast(DataElement, correct_ambiguous_vr_element(element, dataset, True))
    if len(element.VR) != 2:
        return None
    return Element(int(tag), element.VR, _value_bytes(element, source_encodings(dataset)))
