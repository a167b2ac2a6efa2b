"""Where functional groups stand: one item of what is shared, one a frame, and no macro in both (PS3.3 C.7.6.16.1)."""

from __future__ import annotations

from collections.abc import Iterator

from derive.checking.finding import Finding
from derive.checking.frames.groups import Grouped, rules_of
from derive.elements.element import keyword_of, tag_of
from derive.elements.instance import items_of
from derive.model.functional_groups import PER_FRAME, SHARED, macros
from derive.told.wording import counted

#: A macro that every class of frames demands, and that no frames share (C.7.6.16.2.2).
_NEVER_SHARED = frozenset({tag_of("FrameContentSequence")})
#: Attributes that stand at the top of an image of one frame, and of many frames in a macro.
_PLANE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness")


def structure_findings(groups: Grouped) -> Iterator[Finding]:
    """Judge where macros stand, and how many frames are told of."""
    yield from _counts(groups)
    yield from _twice(groups)
    yield from _misplaced(groups)
    yield from _items(groups)
    yield from _partly(groups)
    yield from _at_the_top(groups)


def _counts(groups: Grouped) -> Iterator[Finding]:
    if len(groups.shared) != 1 and SHARED in groups.instance.elements:
        message = f"has {counted(len(groups.shared), 'item')}; wanted one, which tells of all frames"
        yield groups.find("CHK-GROUPS", keyword_of(SHARED), message)
    frames = groups.instance.integer("NumberOfFrames")
    if PER_FRAME not in groups.instance.elements and not _NEVER_SHARED.isdisjoint(rules_of(groups.instance.iod)):
        message = "is absent; wanted one item a frame, since a functional group of the class is never shared"
        yield groups.find("CHK-GROUPS", keyword_of(PER_FRAME), message)
    if frames is None:
        return
    if PER_FRAME in groups.instance.elements and len(groups.own) != frames:
        message = f"has {counted(len(groups.own), 'item')}; Number of Frames is {frames}, and wanted is one a frame"
        yield groups.find("CHK-GROUPS", keyword_of(PER_FRAME), message)


def _twice(groups: Grouped) -> Iterator[Finding]:
    for tag in sorted(groups.everywhere.keys() & groups.somewhere):
        frame = next(number for number, item in enumerate(groups.own, 1) if tag in item)
        message = f"is shared, and frame {frame} has one of its own; wanted one of the two"
        yield groups.find("CHK-GROUP-TWICE", keyword_of(tag), message)


def _misplaced(groups: Grouped) -> Iterator[Finding]:
    for tag in sorted(t for t in groups.everywhere if _place_of(t) == "per-frame"):
        path = f"{keyword_of(SHARED)}>item 1>{keyword_of(tag)}"
        yield groups.find("CHK-GROUP-PLACE", path, "is shared; wanted one in each item of the frames")
    for tag in sorted(t for t in groups.somewhere if _place_of(t) == "shared"):
        path = f"{keyword_of(PER_FRAME)}>{keyword_of(tag)}"
        yield groups.find("CHK-GROUP-PLACE", path, "is of a frame; wanted it in the item of what is shared")


def _place_of(tag: int) -> str:
    macro = macros().get(tag)
    return macro.place if macro is not None else "either"


def _items(groups: Grouped) -> Iterator[Finding]:
    """A macro of one item has one."""
    known = rules_of(groups.instance.iod)
    seen: set[int] = set()
    for place, items in ((SHARED, groups.shared), (PER_FRAME, groups.own)):
        for number, item in enumerate(items, 1):
            for tag, element in item.items():
                macro = macros().get(tag)
                if macro is None or macro.many or tag not in known or tag in seen:
                    continue
                count = len(items_of(element) or ())
                if count > 1:
                    seen.add(tag)
                    path = f"{keyword_of(place)}>item {number}>{keyword_of(tag)}"
                    yield groups.find("CHK-GROUP-ITEMS", path, f"has {counted(count, 'item')}; wanted one")


def _partly(groups: Grouped) -> Iterator[Finding]:
    """A macro that some frames have and others have not."""
    asked = rules_of(groups.instance.iod)
    for tag in sorted(groups.somewhere - groups.everywhere.keys()):
        lacking = [number for number, item in enumerate(groups.own, 1) if tag not in item]
        if lacking and tag in asked and _place_of(tag) == "either":
            message = (
                f"is absent from {counted(len(lacking), 'frame')}, the first {lacking[0]}, and present in the others"
            )
            yield groups.find("CHK-GROUP-PARTLY", f"{keyword_of(PER_FRAME)}>{keyword_of(tag)}", message)


def _at_the_top(groups: Grouped) -> Iterator[Finding]:
    """What a reader of classic images would take for the plane of every frame."""
    for keyword in _PLANE:
        rule = groups.instance.iod.attributes.get(keyword)
        if rule is None and groups.instance.element(keyword) is not None:
            message = "stands at the top of an image of many frames; wanted it in functional groups only"
            yield groups.find("CHK-GROUP-TOP", keyword, message)
