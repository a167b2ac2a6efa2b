"""The functional groups of a multi-frame instance: which macros each of its frames has (PS3.3 C.7.6.16).

What makes values or places uncertain is refused by name; nothing is allocated for what an attribute claims.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, NoReturn

from derive.elements.element import Element, is_private, keyword_of
from derive.elements.instance import items_of
from derive.elements.memory import Memory
from derive.elements.parse import items_of_groups
from derive.elements.private import creator_blocks
from derive.elements.spans import Short, Unusual
from derive.errors import SourceError
from derive.model.functional_groups import PER_FRAME, SHARED, macros
from derive.model.remark import Remark
from derive.reading.header import Header
from derive.told.wording import counted, flag

#: Without these nobody knows where a pixel lies; without the others not what its value is.
_PLACES = frozenset({"PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"})
_VALUES = frozenset({"RescaleSlope", "RescaleIntercept"})


class FunctionalGroups(NamedTuple):
    """The functional groups of an instance.

    Parameters
    ----------
    shared : mapping tag -> Element
        Macros that all frames have.
    own : tuple of mapping tag -> Element
        Macros of each frame.
    strays : tuple of str
        Attributes that stood beside the macros, and are none of a frame.
    """

    shared: Mapping[int, Element]
    own: tuple[Mapping[int, Element], ...]
    strays: tuple[str, ...] = ()

    def of(self, index: int) -> dict[int, Element]:
        """Return the macros of a frame, from 0: its own, and shared ones that it has not itself, or has empty.

        A private macro that all share is not there where a frame has its block reserved for somebody else.
        """
        own = self.own[index]
        merged = {**self.shared, **{tag: e for tag, e in own.items() if e.value or tag not in self.shared}}
        if any(map(is_private, own)) and any(map(is_private, self.shared)):
            taken = creator_blocks(own.values())
            for block, creator in creator_blocks(self.shared.values()).items():
                if taken.get(block, creator) != creator:
                    for tag in self.shared:
                        if tag & 0xFFFFFF00 == block and tag not in own:
                            del merged[tag]
        return merged

    def remarks(self) -> tuple[Remark, ...]:
        """Say which macros of one item have several, so that nothing of them is known; and what is no macro."""
        found = {
            element
            for groups in (self.shared, *self.own)
            for tag, element in groups.items()
            if tag in macros() and not macros()[tag].many
        }
        several = sorted(e.keyword for e in found if e.value and len(items_of(e) or ()) > 1)
        said = [Remark("SRC-GROUPS", keyword, "has several items; wanted one") for keyword in dict.fromkeys(several)]
        return (*said, *(Remark("SRC-GROUPS", k, "stands in a functional group and in no macro") for k in self.strays))


def groups_of(header: Header, memory: Memory | None = None) -> FunctionalGroups:
    """Return the functional groups of an instance, private ones too; macros that are equal are one object.

    Raises
    ------
    SourceError
        ``SRC-FRAMES``
    """
    memory = memory or Memory()
    count = _count(header)
    shared = _items(header, SHARED, memory)
    if len(shared) > 1:
        refuse_frames(header, f"its {keyword_of(SHARED)} has {counted(len(shared), 'item')}; wanted one")
    own = _items(header, PER_FRAME, memory)
    if PER_FRAME not in header.elements and count == 1:
        own = ({},)
    if len(own) != count:
        found = counted(len(own), "item") if PER_FRAME in header.elements else "no items"
        refuse_frames(
            header, f"it has {counted(count, 'frame')}, and {found} in {keyword_of(PER_FRAME)}; wanted one for each"
        )
    if SHARED not in header.elements and (lacking := _lacking(own[0])):
        refuse_frames(
            header,
            f"it has no {keyword_of(SHARED)}, and its frames have no {', '.join(lacking)} of their own: "
            "where their voxels are cannot be told",
        )
    strays = {e.keyword for each in (*shared, *own) for e in each.values() if not _is_macro(e)}
    if strays:
        shared, own = (tuple({t: e for t, e in g.items() if _is_macro(e)} for g in each) for each in (shared, own))
    groups = FunctionalGroups(shared[0] if shared else {}, own, tuple(sorted(strays)))
    _check_single(header, groups)
    return groups


def _is_macro(element: Element) -> bool:
    """Whether an element may stand in a functional group: sequences do, and whatever is private."""
    return element.vr == "SQ" or is_private(element.tag)


def refuse_frames(header: Header, why: str) -> NoReturn:
    """Refuse an instance whose frames cannot be told.

    Raises
    ------
    SourceError
        ``SRC-FRAMES``
    """
    raise SourceError(
        "SRC-FRAMES", f"{header.name} cannot be taken apart into frames: {why}. Have it written anew, or take it out"
    )


def _count(header: Header) -> int:
    count = header.integer("NumberOfFrames")
    if count is None:
        said = flag("assume", "NumberOfFrames=N")
        refuse_frames(header, f"it has no Number of Frames (0028,0008); a person can say it: {said}")
    if count < 1:
        refuse_frames(header, f"it has Number of Frames {count} (0028,0008); wanted 1 or more")
    return count


def _items(header: Header, tag: int, memory: Memory) -> tuple[Mapping[int, Element], ...]:
    element = header.elements.get(tag)
    if element is None:
        return ()
    try:
        return tuple(items_of_groups(element.value, memory))
    except (Unusual, Short, struct.error):
        refuse_frames(header, f"its {keyword_of(tag)} cannot be read as a sequence of items")


def _lacking(groups: Mapping[int, Element]) -> list[str]:
    """Which macros that say where pixels lie are not there."""
    return sorted(keyword_of(tag) for tag, vital in _vital().items() if vital & _PLACES and tag not in groups)


def _check_single(header: Header, groups: FunctionalGroups) -> None:
    """Refuse several items where one says what values are, or where they lie."""
    several: dict[Element, bool] = {}
    for number, own in enumerate((groups.shared, *groups.own)):
        for tag in _vital().keys() & own.keys():
            element = own[tag]
            if element not in several:
                several[element] = len(items_of(element) or ()) > 1
            if several[element]:
                where = f"frame {number}" if number else keyword_of(SHARED)
                refuse_frames(header, f"{keyword_of(tag)} of {where} has several items; wanted one")


@cache
def _vital() -> Mapping[int, frozenset[str]]:
    """Macros of one item that say where pixels lie or what values are: which of that they say."""
    found = {tag: frozenset(leaf.keyword for leaf in macro.leaves) for tag, macro in macros().items() if not macro.many}
    return {tag: keywords & (_PLACES | _VALUES) for tag, keywords in found.items() if keywords & (_PLACES | _VALUES)}
