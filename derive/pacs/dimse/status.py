"""What the Status of a C-STORE response says (PS3.4 B.2.3, PS3.7 9.1.1.1.9 and C)."""

from __future__ import annotations

from derive.pacs.outcome import Category

_SUCCESS, _RESOURCE_LIMITATION = 0x0000, 0x0213
_MEANINGS = {
    0x0000: "stored",
    0x0110: "processing failure",
    0x0111: "duplicate SOP Instance",
    0x0117: "invalid SOP Instance",
    0x0122: "SOP Class not supported",
    0x0124: "not authorised",
    0x0210: "duplicate invocation",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0x0213: "resource limitation",
    0xB000: "stored, with elements coerced",
    0xB006: "stored, with elements discarded",
    0xB007: "stored, although it does not match its SOP Class",
}
#: By the first byte, for what is not above.
_FAMILIES = {
    0xA7: "out of resources",
    0xA9: "the data set does not match its SOP Class",
}


def category_of(status: int) -> Category:
    """Return what a status says of an instance; what the standard does not know is not stored."""
    if status == _SUCCESS:
        return Category.STORED
    if status >> 12 == 0xB:
        return Category.WARNING
    if status >> 8 == 0xA7 or status == _RESOURCE_LIMITATION:
        return Category.TRANSIENT
    return Category.REFUSED


def meaning(status: int) -> str:
    """Return a status in words."""
    if status in _MEANINGS:
        return _MEANINGS[status]
    if status >> 12 == 0xB:
        return "stored, with a warning of its own"
    if status >> 12 == 0xC:
        return "cannot be understood"
    return _FAMILIES.get(status >> 8, "a status that C-STORE does not have")
