"""Which attributes tell whose images they are: their values are masked where attributes are listed.

Those of PS3.15 Table E.1-1 (``standard/confidentiality.tsv``) but for UIDs, which name no person by themselves and
without which nothing can be followed; private ones, of which nobody knows; and, listed or not, names of persons,
dates, times and free text (2026-11-30: the table is of one edition, and people write names where there is room).
"""

from __future__ import annotations

from functools import cache

from pydicom.datadict import dictionary_VR

from derive.standard import confidential_tags

#: What stands in the place of a value.
MASKED = "(masked)"
#: Said where any value is.
NOTE = "values that tell whose images they are stand as (masked)"
_TELLING = frozenset(["PN", "DA", "DT", "TM", "AS", "LT", "ST", "UT", "UC", "UR", "UN", "OB"])
#: Written by this package, and shown as steps.
_OURS = frozenset([0x00082111])


@cache
def is_confidential(tag: int) -> bool:
    """Whether the value of an attribute may tell whose images they are."""
    if tag in _OURS:
        return False
    if tag >> 16 & 1 or tag >> 24 in (0x50, 0x60):
        return True
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return True
    return vr in _TELLING or (tag in confidential_tags() and vr != "UI")


def masked(tag: int, text: str) -> str:
    """Return a value as it may be listed; what is empty tells nothing."""
    return MASKED if text and is_confidential(tag) else text
