"""Character sets (PS3.5 6.1): whether they can say a text, and the same text in UTF-8."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from pydicom.charset import convert_encodings, default_encoding, encode_string
from pydicom.dataelem import DataElement, convert_raw_data_element
from pydicom.dataset import Dataset

from derive.elements.element import Element
from derive.elements.encoding import raw, value_bytes
from derive.errors import ValuesError
from derive.standard.vr import CHARSET_VRS


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
            return Element(element.tag, element.vr, value_bytes(_all_decoded(decoded), ["utf_8"]))
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


def source_encodings(dataset: Dataset) -> list[str]:
    """Python names of the data set's character sets."""
    return convert_encodings(dataset.get("SpecificCharacterSet"))
