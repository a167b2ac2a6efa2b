"""The noun of one attribute: its tag, its value representation, and its value as encoded bytes."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from pydicom.config import IGNORE
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.uid import UID

from derive.standard.vr import TEXT_VRS
from derive.told.secrecy import shown_uid

#: Shared and Per-Frame Functional Groups Sequence: what is private in them is kept, since frames are told apart by it
#: (C.7.6.17), and macros go from one instance to the next whole.
GROUPS_OF_FRAMES = frozenset({0x52009229, 0x52009230})


class Element(NamedTuple):
    """One attribute, its value encoded as Explicit VR Little Endian (even length)."""

    tag: int
    vr: str
    value: bytes

    @property
    def keyword(self) -> str:
        """Keyword, or (gggg,eeee) for what the dictionary does not have."""
        return keyword_of(self.tag)

    def stripped(self) -> bytes:
        """Value without its padding, for comparison."""
        return self.value.rstrip(b" \0") if self.vr in TEXT_VRS else self.value


@cache
def keyword_of(tag: int) -> str:
    """Keyword of a tag, or (gggg,eeee)."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@cache
def tag_of(keyword: str) -> int:
    """Tag of a keyword of the data dictionary.

    Raises
    ------
    KeyError
        If the dictionary has no such keyword.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


@cache
def tag_told(name: str) -> int | None:
    """Tag of what :func:`keyword_of` gave: a keyword, or (gggg,eeee); None for what is neither.

    >>> hex(tag_told("(0008,1301)") or 0), tag_told("Rows") == tag_of("Rows"), tag_told("no keyword")
    ('0x81301', True, None)
    """
    if name.startswith("(") and len(name) == len("(gggg,eeee)"):
        return int(name[1:5] + name[6:10], 16)
    return tag_for_keyword(name)


@cache
def is_standard(tag: int) -> bool:
    """Whether a tag is an attribute that can be pulled: no private one, overlay, curve or bulk pixel data."""
    # Group 52xx, between curves and overlays, holds the functional groups.
    group = tag >> 16
    return not (group & 1 or group in (0x0002, 0x7FE0) or 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF)


@cache
def is_private(tag: int) -> bool:
    """Whether a tag is private, or reserves private ones (PS3.5 7.8)."""
    return bool(tag >> 16 & 1) and tag >> 16 > 0x0008


@cache
def is_creator(tag: int) -> bool:
    """Whether a tag reserves a block of private ones (PS3.5 7.8.1)."""
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def shown_class(uid: str) -> str:
    """Return the name of a class or transfer syntax for a message; of one without a name its UID.

    Examples
    --------
    >>> shown_class("1.2.840.10008.5.1.4.1.1.2"), shown_class("1.2.3"), shown_class("DOE")
    ('CT Image Storage', '1.2.3', '(3 characters that are no UID)')
    """
    name = str(UID(uid, IGNORE).name)  # of what is none pydicom warns with its value
    return name if name != uid else shown_uid(uid)
