"""Attributes as texts, without pydicom's warnings: they show the values that they complain of, in logs as well."""

from __future__ import annotations

from typing import Any

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, PN_DELIMS, STR_VR, TEXT_VR_DELIMS

_CHARACTER_SET = 0x00080005


def texts(dataset: Dataset) -> dict[str, str]:
    r"""Return the attributes of a data set that are texts, by keyword; several values stand between backslashes.

    Examples
    --------
    >>> dataset = Dataset()
    >>> dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY"]
    >>> texts(dataset)
    {'ImageType': 'ORIGINAL\\PRIMARY', 'Modality': 'CT'}
    """
    first = dataset.get_item(_CHARACTER_SET)
    encodings = convert_encodings(_text(first, "CS", ["iso8859"]).split("\\")) if first is not None else ["iso8859"]
    found: dict[str, str] = {}
    for tag in sorted(dataset.keys()):
        keyword = keyword_for_tag(tag)
        vr = dictionary_VR(tag) if keyword else ""
        if vr in STR_VR:
            found[keyword] = _text(dataset.get_item(tag), vr, encodings)
    return found


def _text(element: object, vr: str, encodings: list[str]) -> str:
    if not isinstance(element, RawDataElement):
        value: Any = getattr(element, "value", None)
        values = value if getattr(element, "VM", 0) > 1 else [value]
        return "\\".join("" if v is None else str(v).strip(" \0") for v in values)
    raw = element.value or b""
    if vr not in CUSTOMIZABLE_CHARSET_VR:
        return raw.decode("iso8859").strip(" \0")
    if vr == "PN":
        return "=".join(decode_bytes(group, encodings, PN_DELIMS) for group in raw.split(b"=")).strip(" \0")
    return decode_bytes(raw, encodings, TEXT_VR_DELIMS).strip(" \0")
