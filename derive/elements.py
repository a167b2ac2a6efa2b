"""Attributes as encoded bytes: the form in which they are pulled, compared, and written.

An :class:`Element` holds its value as Explicit VR Little Endian bytes (PS3.5 7.1.2). Text that nobody
touches is therefore written byte for byte as it was read, whatever its character set; and what is
constant over a series is encoded once.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from pydicom.charset import convert_encodings, default_encoding, encode_string
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.tag import BaseTag, Tag

from derive.errors import ValuesError

#: VRs whose bytes depend neither on byte order nor on anything but the character set.
TEXT_VRS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
#: VRs that Specific Character Set governs (PS3.5 6.1.2.2).
CHARSET_VRS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
_LONG_LENGTH_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
_ITEM = struct.Struct("<HHL")


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


def keyword_of(tag: int) -> str:
    """Keyword of a tag, or (gggg,eeee)."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


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
    tag = tag_of(keyword)
    vr = dictionary_VR(tag)
    if vr == "SQ":
        items = [i if isinstance(i, bytes) else encode_item(i, encodings, signed) for i in value or ()]
        return Element(tag, "SQ", b"".join(items))
    if vr == "US or SS":
        vr = "SS" if signed else "US"
    elif vr == "OB or OW":
        vr = "OW"
    if isinstance(value, bytes) and vr in TEXT_VRS:
        return Element(tag, vr, value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2))
    return Element(tag, vr, _value_bytes(DataElement(tag, vr, value), encodings))


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


def _element_bytes(element: Element) -> bytes:
    head = struct.pack("<HH2s", element.tag >> 16, element.tag & 0xFFFF, element.vr.encode())
    if element.vr in _LONG_LENGTH_VRS:
        return head + struct.pack("<HL", 0, len(element.value)) + element.value
    return head + struct.pack("<H", len(element.value)) + element.value


def _value_bytes(element: DataElement, encodings: Sequence[str]) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_data_element(buffer, element, list(encodings))
    return buffer.getvalue()[12 if element.VR in _LONG_LENGTH_VRS else 8 :]


def raw(element: Element) -> RawDataElement:
    """Return pydicom's form of an undecoded element."""
    return RawDataElement(Tag(element.tag), element.vr, len(element.value), element.value, 0, False, True)


def decode(element: Element, encodings: Sequence[str] = (default_encoding,)) -> Any:
    """Value as pydicom gives it: None where empty, MultiValue, Sequence, PersonName, ..."""
    data_element = convert_raw_data_element(raw(element), encoding=list(encodings))
    return None if data_element.is_empty else data_element.value


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
        if _is_standard(tag) and (element := _from_element(dataset, tag)) is not None
    }


def source_encodings(dataset: Dataset) -> list[str]:
    """Python names of the data set's character sets."""
    return convert_encodings(dataset.get("SpecificCharacterSet"))


def _is_standard(tag: BaseTag) -> bool:
    # Group 52xx, between curves and overlays, holds the functional groups.
    left_out = tag.group in (0x0002, 0x7FE0) or 0x5000 <= tag.group <= 0x50FF or 0x6000 <= tag.group <= 0x60FF
    return not tag.is_private and not left_out


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
