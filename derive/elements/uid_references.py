"""UIDs that lead to what others made: they stand as they are, however illegal, or lead nowhere (PS3.3 10.3, C.12).

A UID that is no identity of an instance, a series, a study, a space or a class (of a device, of an irradiation event)
is a value like any other.
"""

from __future__ import annotations

from functools import cache

#: What a new instance is called by anew, at its top level; a reference inside a sequence is another thing.
NEW = frozenset({"SOPInstanceUID", "SeriesInstanceUID"})


@cache
def is_reference(keyword: str) -> bool:
    """Whether a UID attribute leads to an instance, a series, a study, a frame of reference or a class.

    Examples
    --------
    >>> [is_reference(k) for k in ("ReferencedSOPInstanceUID", "FrameOfReferenceUID", "StudyInstanceUID", "DeviceUID")]
    [True, True, True, False]
    """
    if not keyword.endswith(("UID", "UIDOfConcatenationSource")):
        return False
    return (
        keyword.startswith("Referenced")
        or "FrameOfReferenceUID" in keyword
        or "InstanceUID" in keyword
        or keyword.endswith(("SOPClassUID", "ConcatenationUID"))
    )


def leads_somewhere(value: bytes) -> bool:
    """Whether bytes are one text without blanks, by which something can have been called."""
    text = value.rstrip(b" \0").lstrip(b" ")
    return bool(text) and text.isascii() and all(33 <= c < 127 and c != 0x5C for c in text)
