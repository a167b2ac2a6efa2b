"""Attribute matching of queries (PS3.4 C.2.2.2): what a key matches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydicom import config
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, PN_DELIMS, STR_VR, TEXT_VR_DELIMS

_CHARACTER_SET = 0x00080005

#: Of these a key with a hyphen is a range (PS3.4 C.2.2.2.5).
_RANGES = frozenset({"DA", "TM", "DT"})
#: In these ``*`` and ``?`` stand for other characters (PS3.4 C.2.2.2.4).
_WILD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")

_HARMLESS = re.compile(r"[0-9][0-9.]{0,63}")


def is_uid(text: str) -> bool:
    """Whether a text is a UID (PS3.5 9.1), and so nothing else: no path, no wildcard."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def is_harmless_uid(text: str) -> bool:
    """Whether a text is made as a UID is: what can be sent, asked for, or name a file, though it may not be legal."""
    return _HARMLESS.fullmatch(text) is not None


def matches(key: str, value: str, vr: str, *, fold: bool = False) -> bool:
    r"""Whether a key of a query matches a value.

    Parameters
    ----------
    key : str
        As in the identifier; several UIDs stand between backslashes.
    value : str
        Of the attribute, of several between backslashes; one of them is enough.
    vr : str
        Value representation.
    fold : bool
        Whether case matters nowhere, as many archives have it; else it does but in names of persons.

    Examples
    --------
    >>> matches("20260101-20260131", "20260115", "DA"), matches("THX*", "THX LUNG", "LO")
    (True, True)
    """
    if key in ("", "*"):
        return True
    values = value.split("\\")
    if vr == "UI":
        return not set(key.split("\\")).isdisjoint(values)
    if vr in _RANGES and "-" in key:
        return any(_within(key, v) for v in values)
    if fold or vr == "PN":
        key, values = key.casefold(), [v.casefold() for v in values]
    if vr in _WILD and re.search(r"[*?]", key):
        return any(_pattern(key).fullmatch(v) for v in values)
    return key in values


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


def dataset_of(found: Mapping[str, str]) -> Dataset:
    """Return texts by keyword as a data set, the way back of :func:`texts`: an identifier of a query, or an answer.

    What they hold is not judged: keys have wildcards, and archives give what they were given.
    """
    dataset = Dataset()
    if not all(text.isascii() for text in found.values()):
        dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, text in found.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, "all keywords are the standard's"
        dataset.add(DataElement(tag, dictionary_VR(tag), text, validation_mode=config.IGNORE))
    return dataset


def _within(key: str, value: str) -> bool:
    """Whether a date or time is in a range; what is given to the minute only goes to the end of that minute."""
    low, _, high = key.partition("-")
    return bool(value) and low <= value and (not high or value[: len(high)] <= high)


@lru_cache(256)
def _pattern(key: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in key)
    return re.compile("".join(parts), re.DOTALL)


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
