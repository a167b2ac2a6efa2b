"""Safe private attributes of a data set, found by who defines them, whichever block they stand in (PS3.5 7.8).

They are told by one tag each, in the block that :func:`derive.standard.safe_private` gives their creator: so that
images that use other blocks say the same, and what is written says whose they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from derive.elements.element import Element, is_creator, is_private
from derive.standard import SafePrivate, safe_private, safe_private_of
from derive.standard.vr import TEXT_VRS

#: Groups that have any; nothing else is looked at.
SAFE_GROUPS = frozenset(group for group, _, _ in safe_private())


#: Where vendors say how many slices an image holds side by side, and where each lies.
_GROUPS_OF_TILES = frozenset({0x0019, 0x0021, 0x0029, 0x0065})
_TILED = (b"MOSAIC", b"VFRAME")
_SEQUENCES_OF_TILES = frozenset(0x00650051 | block << 8 for block in range(0x10, 0x100))


class StoredPrivate(NamedTuple):
    """A private attribute as it lies in a data set."""

    tag: int
    vr: str
    value: bytes


def creator_blocks(stored: Iterable[StoredPrivate | Element]) -> dict[int, str]:
    """Return who reserved which block of a data set (PS3.5 7.8.1): the creator, by the first tag of the block."""
    return {
        tag & 0xFFFF0000 | (tag & 0xFFFF) << 8: value.rstrip(b" \0").decode("ascii", "replace").strip()
        for tag, _, value in stored
        if is_creator(tag)
    }


def tells_of_tiles(tag: int) -> bool:
    """Whether a private attribute may say of an image of many slices where they lie."""
    return tag >> 16 in _GROUPS_OF_TILES and is_private(tag)


def may_be_tiled(image_type: Element | None, tags: frozenset[int]) -> bool:
    """Whether an image may hold many slices side by side, by its Image Type or a private sequence that it has."""
    said = image_type is not None and any(word in image_type.value for word in _TILED)
    return said or not tags.isdisjoint(_SEQUENCES_OF_TILES)


def safe_elements(stored: Iterable[StoredPrivate]) -> Mapping[int, Element]:
    """Return the safe ones among private attributes, by the tag they have in a file that stored them.

    Parameters
    ----------
    stored : iterable of StoredPrivate
        Of one data set, Private Creators among them.
    """
    creators: dict[int, str] = {}
    found: dict[int, Element] = {}
    rows = safe_private()
    for tag, vr, value in stored:
        if is_creator(tag):
            creators[tag & 0xFFFF0000 | (tag & 0xFFFF) << 8] = value.rstrip(b" \0").decode("ascii", "replace").strip()
            continue
        row = rows.get((tag >> 16, creators.get(tag & 0xFFFFFF00, ""), tag & 0xFF))
        if row is not None:
            vr = row.vr if vr == "UN" else vr
            found[tag] = Element(row.tag, vr, value + b" " * (len(value) % 2) if vr in TEXT_VRS else value)
    return found


def with_safe(
    elements: dict[int, Element],
    tags: frozenset[int],
    stored: Iterable[StoredPrivate],
    one_of: Callable[[Element], Element] = lambda element: element,
) -> frozenset[int]:
    """Add the safe private attributes to the elements of a data set; return its tags with theirs.

    Parameters
    ----------
    elements : dict tag -> Element
        They are added here.
    tags : frozenset of int
        As they stand in the file.
    stored : iterable of StoredPrivate
    one_of : callable (element) -> element
        Makes equal elements one.
    """
    found = safe_elements(stored)
    if found:
        elements |= {element.tag: one_of(element) for element in found.values()}
        tags = tags.difference(found).union(element.tag for element in found.values())
    return tags


def creator_of(tag: int) -> Element | None:
    """Return the Private Creator that a safe private attribute needs beside it; None for any other tag."""
    row: SafePrivate | None = safe_private_of(tag)
    if row is None:
        return None
    value = row.creator.encode()
    return Element(row.creator_tag, "LO", value + b" " * (len(value) % 2))
