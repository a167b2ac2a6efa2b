"""What methods have in common: the texts or numbers that a value is made of, and a value made of them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from pydicom.charset import encode_string

from derive.elements.charset import fits
from derive.elements.element import Element
from derive.elements.encoding import decode
from derive.errors import ValuesError
from derive.standard.vr import CHARSET_VRS

#: Value representations of one value, in which a backslash is a character like any other (PS3.5 6.2).
ONE_TEXT = frozenset(["LT", "ST", "UT", "UR"])
#: How numbers of the binary value representations are packed; of OW and its like as their words.
NUMBERS = {
    **{"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"},
    **{"OW": "H", "OL": "L", "OV": "Q", "OF": "f", "OD": "d"},
}
FLOATS = frozenset(["FL", "FD", "OF", "OD"])


def padded(value: bytes, vr: str) -> bytes:
    """Return a value of even length."""
    return value + (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)


def texts_of(element: Element, encodings: Sequence[str]) -> list[str]:
    """Return the values of a text element without padding; one empty text where it has none."""
    if element.value.isascii() and b"\x1b" not in element.value:
        text = element.value.decode().rstrip(" \0")
        return [text] if element.vr in ONE_TEXT else [v.strip(" \0") for v in text.split("\\")]
    if element.vr not in CHARSET_VRS and element.vr in ONE_TEXT:
        return [element.value.decode("latin-1").strip(" \0")]
    if element.vr not in CHARSET_VRS:
        return [v.strip(" \0") for v in element.value.decode("latin-1").split("\\")]
    decoded = decode(element, encodings)
    values = list(decoded) if type(decoded).__name__ == "MultiValue" else [decoded]
    return ["" if v is None else str(v).strip(" \0") for v in values]


def text_element(element: Element, text: str | Iterable[str], encodings: Sequence[str]) -> Element:
    """Return the element with other text: one value, or several.

    Raises
    ------
    ValuesError
        ``DEID-VALUE`` for text that the character set in force there cannot say.
    """
    joined = text if isinstance(text, str) else "\\".join(text)
    if joined.isascii():
        return element._replace(value=padded(joined.encode(), element.vr))
    if element.vr not in CHARSET_VRS or not fits(joined, encodings):
        raise ValuesError(
            "DEID-VALUE",
            f"the new value of {element.keyword} ({element.vr}) has characters that its character set does not have; "
            "wanted ASCII, or characters of the Specific Character Set of the object",
        )
    return element._replace(value=padded(encode_string(joined, list(encodings)), element.vr))


def packed(element: Element) -> list[float] | list[int] | None:
    """Return the numbers of a binary value; None for bytes that are none."""
    form = NUMBERS[element.vr]
    if len(element.value) % struct.calcsize(form):
        return None
    return [value for (value,) in struct.iter_unpack(f"<{form}", element.value)]


def number_bytes(vr: str, numbers: Iterable[float]) -> bytes:
    """Encode numbers of a binary value representation; for the integers among them they are rounded.

    Raises
    ------
    KeyError, OverflowError, ValueError, struct.error
        For another value representation, and for numbers that it cannot hold.
    """
    form = NUMBERS[vr]
    values = [number if vr in FLOATS else round(number) for number in numbers]
    return struct.pack(f"<{len(values)}{form}", *values)
