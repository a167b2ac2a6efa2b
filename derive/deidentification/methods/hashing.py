"""Values that become their keyed digest: the same value the same digest, in every attribute of every object.

What it becomes is valid for its value representation: as many digits as fit, digits only where only digits may stand.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping

from pydicom.valuerep import MAX_VALUE_LEN

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.dates import MICROSOFT, checked_dialect
from derive.deidentification.methods.plain import refresh_uid
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element, texts_of
from derive.deidentification.run.keys import ALGORITHMS
from derive.elements.element import Element
from derive.errors import UsageError

#: Digits of an IS that are always below 2^31.
_IS_DIGITS, _DS_DIGITS = 9, 16
_LONGEST = 64
#: Hexadecimal digits to decimal ones, as Microsoft maps them: the last digit of 0 to 15.
_DECIMAL = {ord(digit): str(number % 10) for number, digit in enumerate("0123456789abcdef")}


def _checked(settings: Mapping[str, object]) -> None:
    checked_dialect(settings)
    if str(settings.get("algorithm", ALGORITHMS[0])).lower() not in ALGORITHMS:
        raise UsageError("DEID-SETTING", f"'algorithm' is one of {', '.join(ALGORITHMS)}")
    length = settings.get("length", _LONGEST)
    if not isinstance(length, int) or not 1 <= length <= 128:
        raise UsageError("DEID-SETTING", "'length' is 1 to 128 characters")


@method(
    *("cryptoHash", "AE", "CS", "DS", "IS", "LO", "LT", "OB", "PN", "SH", "ST", "UC", "UI", "UN", "UR", "UT"),
    check=_checked,
    algorithm=str,
    length=int,
    match_length=bool,
    dialect=str,
)
def crypto_hash(element: Element, here: Here) -> Element | None:
    """Put its keyed digest (HMAC) in its place, each value by itself: hexadecimal, and cut to what the VR holds.

    ``length`` cuts it further, ``match_length`` to the length that the value had; both make it likelier that two
    values become one. Dates, times and ages cannot say a digest: ``dateShift`` and ``generalize`` are for them.
    """
    microsoft = here.settings.get("dialect") == MICROSOFT
    if element.vr == "UI" and not microsoft:
        return refresh_uid(element, here)
    algorithm = str(here.settings.get("algorithm", ALGORITHMS[0])).lower()
    secrets = here.run.secrets

    def digest(value: bytes) -> bytes:
        if microsoft:
            return secrets.microsoft_digest(value, algorithm)
        return secrets.digest("cryptoHash", value, algorithm)

    if element.vr in ("OB", "UN"):
        return element._replace(value=digest(element.value)) if element.value else element
    made = [text and _written(text, element.vr, here, digest) for text in texts_of(element, here.encodings)]
    return text_element(element, made, here.encodings)


def _written(text: str, vr: str, here: Here, digest: Callable[[bytes], bytes]) -> str:
    """A digest as a value of its VR."""
    made = digest(text.encode())
    microsoft = here.settings.get("dialect") == MICROSOFT
    matches = bool(here.settings.get("match_length"))
    if microsoft and matches:
        return _fitted(microsoft_digits(made, len(text)), vr)
    wanted = len(text) if matches else here.settings.get("length")
    return _fitted(made.hex()[: wanted if isinstance(wanted, int) else None], vr)


def _fitted(hexadecimal: str, vr: str) -> str:
    """The characters that a VR may have, and as many as it may have."""
    if vr in ("DS", "IS", "UI"):
        longest = {"DS": _DS_DIGITS, "IS": _IS_DIGITS, "UI": _LONGEST}[vr]
        return hexadecimal.translate(_DECIMAL)[:longest]
    longest = _LONGEST if vr == "PN" else MAX_VALUE_LEN.get(vr, len(hexadecimal))
    return (hexadecimal.upper() if vr == "CS" else hexadecimal)[:longest]


def microsoft_digits(digest: bytes, length: int) -> str:
    """Return as many decimal digits of a digest, as Microsoft's ``matchInputStringLength`` has them.

    Its first 18 lengths go through a number of 32 bits in single precision, so that different digests often become the
    same digits.
    """
    if length > 18:
        lower = 10 ** (length - 1)
        return str(lower + int.from_bytes(_expanded(digest, lower * 9), "big") % (lower * 9))
    share = _single(_single(int.from_bytes(digest[:4], "little")) / _single(2**32 - 1))
    least = 10 ** (length - 1) if length > 1 else 0
    return str(int(_single(share * _single(10**length - 1 - least))) + least)


def _single(number: float) -> float:
    """The nearest number of single precision."""
    return float(struct.unpack("<f", struct.pack("<f", number))[0])


def _expanded(digest: bytes, span: int) -> bytes:
    """The digest, lengthened by digests of it until it has twice the bytes of a span of numbers."""
    wanted = max(len(digest), (span.bit_length() + 7) // 8 * 2)
    made, block = digest, digest
    while len(made) < wanted:
        block = hashlib.sha512(block).digest()
        made += block
    return made[:wanted]
