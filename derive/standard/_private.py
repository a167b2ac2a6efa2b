"""Private attributes that are safe (PS3.15 E.3.10): the whole table, and those of it that a result can carry on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from derive.standard._tables import rows

_FIRST_BLOCK = 0x10


class SafePrivate(NamedTuple):
    """One private attribute that is known to be safe, and that images of the classes that are read can have.

    Parameters
    ----------
    creator : str
        Who defines it; the block of its group that (gggg,00bb) reserves with this text is its own (PS3.5 7.8).
    tag : int
        In the block that this package gives the creator, whichever a file uses.
    vr, vm, name : str
    shown : str
        Its tag as a table has it: ``(7053,xx00)``.
    """

    creator: str
    tag: int
    vr: str
    vm: str
    name: str
    shown: str

    @property
    def creator_tag(self) -> int:
        """Tag of the Private Creator that reserves its block."""
        return self.tag & 0xFFFF0000 | (self.tag >> 8 & 0xFF)


class SafePrivateRow(NamedTuple):
    """A row of PS3.15 Table E.3.10-1.

    Parameters
    ----------
    group : int
    creator : str
    element : int
        The last two digits of the tag, whichever block a file uses.
    vr, vm, name : str
    edition : str
        In which it was found.
    """

    group: int
    creator: str
    element: int
    vr: str
    vm: str
    name: str
    edition: str


@cache
def safe_private_rows() -> tuple[SafePrivateRow, ...]:
    """Return the whole of PS3.15 Table E.3.10-1."""
    return tuple(
        SafePrivateRow(int(tag[1:5], 16), creator, int(tag[8:10], 16), vr, vm, name, edition)
        for creator, tag, vr, vm, name, edition, _ in rows("kept_safe_private")
    )


@cache
def safe_private() -> Mapping[tuple[int, str, int], SafePrivate]:
    """Those that a result can carry on, by group, creator and the last two digits of the tag.

    >>> safe_private()[0x7053, "Philips PET Private Group", 0x00].name
    'SUV Factor'
    """
    found: dict[tuple[int, str, int], SafePrivate] = {}
    blocks: dict[int, list[str]] = {}
    for creator, tag, vr, vm, name, _, pulled in rows("kept_safe_private"):
        if pulled != "yes":
            continue
        group, last = int(tag[1:5], 16), int(tag[8:10], 16)
        creators = blocks.setdefault(group, [])
        if creator not in creators:
            creators.append(creator)
        block = _FIRST_BLOCK + creators.index(creator)
        found[group, creator, last] = SafePrivate(creator, group << 16 | block << 8 | last, vr, vm, name, tag)
    return found


@cache
def safe_private_of(tag: int) -> SafePrivate | None:
    """Return what is known of a tag in the block of this package; None for any other."""
    return {found.tag: found for found in safe_private().values()}.get(tag)
