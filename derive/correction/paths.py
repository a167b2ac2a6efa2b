"""An attribute as a person names it: by keyword or tag, inside items of sequences too."""

from __future__ import annotations

import re

from pydicom.datadict import dictionary_VR, keyword_dict

from derive.elements.element import keyword_of, tag_told
from derive.errors import UsageError
from derive.rewriting.nested import NestedPath
from derive.told.wording import did_you_mean

_STEP = re.compile(r"(?P<name>\w+|\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\))(\[(?P<item>\d{1,6})\])?")
_PRIVATE = 0x00010000


def path_of(text: str) -> NestedPath:
    """Read a path: keywords or (gggg,eeee), each sequence with the number of an item, counted from 0.

    Raises
    ------
    UsageError
        ``COR-KEYWORD`` for a keyword that the dictionary does not have, or a private attribute; ``COR-PATH`` for what
        is no path.

    Examples
    --------
    >>> path_of("RequestAttributesSequence[0].AccessionNumber").text
    'RequestAttributesSequence[0].AccessionNumber'
    >>> path_of("(0010,0020)").text
    'PatientID'
    """
    steps = [_STEP.fullmatch(part.strip()) for part in text.strip().split(".")]
    if None in steps:
        raise UsageError("COR-PATH", f"{text[:80]!r} is no path; wanted Keyword, or Sequence[0].Keyword")
    found = [(_tag(step["name"]), step["item"]) for step in steps if step is not None]
    for tag, item in found[:-1]:
        if item is None or dictionary_VR(tag) != "SQ":
            raise UsageError(
                "COR-PATH",
                f"{text[:80]}: what stands before a dot is a sequence with the number of an item, as "
                f"{keyword_of(tag)}[0]; items are counted from 0",
            )
    tag, item = found[-1]
    if item is not None:
        raise UsageError("COR-PATH", f"{text[:80]} names an item; wanted an attribute of it")
    return NestedPath(tuple((t, int(i or 0)) for t, i in found[:-1]), tag)


def _tag(name: str) -> int:
    tag = tag_told(name)
    if tag is not None and tag & _PRIVATE:
        raise UsageError(
            "COR-KEYWORD", f"{name} is private; only attributes of the standard's dictionary are corrected"
        )
    if tag is None or (name.startswith("(") and keyword_of(tag).startswith("(")):
        hint = did_you_mean(name, keyword_dict)
        raise UsageError("COR-KEYWORD", f"{name[:64]} is no attribute of the dictionary{hint}")
    return tag
