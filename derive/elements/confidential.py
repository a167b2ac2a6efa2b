"""Which attributes tell whose images they are: their values are masked where attributes are listed.

Those of PS3.15 Table E.1-1 (``standard/confidentiality.tsv``) but for UIDs, which name no person by themselves and
without which nothing can be followed; private ones, of which nobody knows; and, listed or not, names of persons,
dates, times and free text (2026-11-30: the table is of one edition, and people write names where there is room).
"""

from __future__ import annotations

import re
from functools import cache

from pydicom.datadict import dictionary_VR

from derive.standard import confidential_tags, known_terms

#: What stands in the place of a value.
MASKED = "(masked)"
#: Said where any value is.
NOTE = "values that tell whose images they are stand as (masked)"
_TELLING = frozenset(["PN", "DA", "DT", "TM", "AS", "LT", "ST", "UT", "UC", "UR", "UN", "OB"])
#: What a value is written as, of kinds that hold no free text.
_LEGAL = {
    "CS": re.compile(r"[A-Z0-9 _]{0,16}(\.\.\.)?"),
    "UI": re.compile(r"[0-9.]{0,64}(\.\.\.)?"),
    **{vr: re.compile(r"[-+0-9.eE]{0,32}") for vr in ("DS", "IS")},
}
#: What stands around a value that images do not share.
_SUMMARY = re.compile(r"^[0-9]+ values: | \.\.\.( \(in [0-9]+ of [0-9]+\))?$| \(in [0-9]+ of [0-9]+\)$")
#: It names units of the standard, or is any text.
_RESCALE_TYPE = 0x00281054


@cache
def is_confidential(tag: int) -> bool:
    """Whether the value of an attribute may tell whose images they are."""
    if tag >> 16 & 1 or tag >> 24 in (0x50, 0x60):
        return True
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return True
    return vr in _TELLING or (tag in confidential_tags() and vr != "UI")


def masked(tag: int, text: str) -> str:
    """Return a value as it may be listed: what is empty tells nothing, and what its kind cannot hold may tell all.

    Parameters
    ----------
    tag : int
    text : str
        A value; of several images that differ as ``3 values: FIRST ...``, of some of them with `` (in 2 of 3)``.
    """
    if not text:
        return text
    if is_confidential(tag):
        return MASKED
    value = _SUMMARY.sub("", text)
    if tag == _RESCALE_TYPE and value not in known_terms():
        return MASKED
    legal = _LEGAL.get(dictionary_VR(tag))
    return text if legal is None or all(legal.fullmatch(v.strip()) for v in value.split("\\")) else MASKED
