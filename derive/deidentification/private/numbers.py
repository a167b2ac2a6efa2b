"""Numbers that are none: a date that stands where a number is asked for."""

from __future__ import annotations

import re
from contextlib import suppress

_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}(?:\d\d)?)?(?:\.\d*)?")


def is_like_a_date(text: str) -> bool:
    """Whether a number can be a date, or a date with a time.

    Scanners hide them so (2026-11-30: the protocol of XA systems has the date of the scan as a size of a matrix, and
    its time as another).

    Parameters
    ----------
    text : str
        A number, decimal or hexadecimal.

    Examples
    --------
    >>> [is_like_a_date(text) for text in ("20241003", "20241003101500.5", "0x134D6F3", "66110001", "20241303", "1.5")]
    [True, True, True, False, False, False]
    """
    text = text.strip().lstrip("+-")
    if text[:2].lower() == "0x":
        with suppress(ValueError):
            text = str(int(text, 16))
    return bool(_DATE.fullmatch(text))
