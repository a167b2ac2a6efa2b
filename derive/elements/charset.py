"""Character sets (PS3.5 6.1): whether they can say a text, and the same text in UTF-8."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from pydicom.charset import convert_encodings, default_encoding, encode_string, python_encoding
from pydicom.dataelem import DataElement, convert_raw_data_element
from pydicom.dataset import Dataset

from derive.elements.element import Element
from derive.elements.encoding import raw, value_bytes
from derive.elements.parse import items_parsed
from derive.elements.spans import StandsTwice, TooDeep, Unusual
from derive.errors import ValuesError
from derive.standard.vr import CHARSET_VRS
from derive.told.wording import flag

_CHARACTER_SET = 0x00080005
_ISO_IR = re.compile(r"(ISO[ _]?2022[ _]|ISO[ _-])IR[ _-]?(\d+)")
#: Names that are none of the standard's, and still mean one character set.
_NAMES = {
    **dict.fromkeys(("UTF-8", "UTF8", "ISO-10646-1"), "ISO_IR 192"),
    **dict.fromkeys(("ISO-8859-1", "ISO_8859-1", "ISO8859-1", "LATIN1", "LATIN-1"), "ISO_IR 100"),
    "ASCII": "ISO_IR 6",
}


def transcode(element: Element, encodings: Sequence[str]) -> Element:
    """Return the same text in UTF-8.

    Raises
    ------
    ValuesError
        ``VAL-CHARSET`` for text that `encodings` cannot decode.
    """
    if element.vr not in CHARSET_VRS and (element.vr != "SQ" or _is_plain(element)):
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
                f"the text of {element.keyword} cannot be decoded by its character set; it would be lost in ISO_IR 192."
                f" Where none is stated, a person can say it: {flag('assume', 'SpecificCharacterSet=NAME')}",
                keyword="SpecificCharacterSet",
            ) from error


def _is_plain(element: Element) -> bool:
    """Whether no item of a sequence says anything that depends on a character set: thousands of frames say the same."""
    try:
        items = items_parsed(element.value, private=True)
    except (Unusual, TooDeep, StandsTwice):
        return False
    return all(_says_plain(e) for item in items for e in item)


def _says_plain(element: Element) -> bool:
    if element.vr == "SQ":
        return _is_plain(element)
    ascii_only = element.value.isascii() and b"\x1b" not in element.value
    return element.tag != _CHARACTER_SET and (element.vr not in CHARSET_VRS or ascii_only)


def _all_decoded(element: DataElement) -> DataElement:
    """Decode the items of a sequence too, and let them take the character set of the whole.

    What is private and cannot be decoded stays as it is: nobody else knows what its bytes are.
    """
    if element.VR == "SQ":
        for item in element.value:
            item.pop("SpecificCharacterSet", None)
            for tag in list(item.keys()):
                try:
                    _all_decoded(item[tag])
                except (UserWarning, UnicodeError, LookupError):
                    if not tag.is_private:
                        raise
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


def known_sets(element: Element) -> bool:
    """Whether all values of Specific Character Set are names that the standard has."""
    return all(name in python_encoding for name in _names(element))


def named_set(element: Element) -> Element | None:
    """Return a Specific Character Set with the standard's names, where what it means is plain; None elsewhere.

    Examples
    --------
    >>> named_set(Element(0x00080005, "CS", b"ISO_IR-100")).value
    b'ISO_IR 100'
    """
    value = "\\".join(map(_standard_name, _names(element))).encode()
    named = Element(element.tag, "CS", value + b" " * (len(value) % 2))
    return named if known_sets(named) else None


def _names(element: Element) -> list[str]:
    return [text.strip() for text in element.stripped().decode("ascii", "replace").split("\\")]


def _standard_name(text: str) -> str:
    text = text.upper()
    match = _ISO_IR.fullmatch(text)
    name = f"{'ISO 2022 IR' if '2022' in text else 'ISO_IR'} {match[2]}" if match else text
    return _NAMES.get(name, name)
