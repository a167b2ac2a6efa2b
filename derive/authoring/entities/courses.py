"""Courses of equal steps of which frames were left out: angular views, time slices and slots (PS3.3 C.8.4.12 to 14).

*2026-12-01.* The number of a step says when, or from where, a frame was taken, by what the item says of the course as a
whole; and readers and validators count frames from 1 to as many as there are. So of frames that follow each other
evenly the item says where they begin now, and how far apart they are, and they are counted from 1 on. Of frames that do
not, no item can say it: these keep their numbers, and the item the course that it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, pack_item
from derive.elements.instance import Instance, items_of
from derive.pixels.encode import decimal

#: What an item says, by tag; None where it cannot say what is left of its course.
Said: TypeAlias = dict[int, Element] | None
#: Of items, and what is left of some of them by number: what these say.
SaidOfAll: TypeAlias = "Callable[[Sequence[Instance], Mapping[int, Course]], dict[int, Said]]"
_ANGLE, _STEP, _ARC = "StartAngle", "AngularStep", "ScanArc"
_VIEWS, _RADII = "NumberOfFramesInRotation", "RadialPosition"
_DELAY, _DURATION, _PAUSE = "PhaseDelay", "ActualFrameDuration", "PauseBetweenFrames"
_SLICES, _TRIGGERS = "NumberOfFramesInPhase", ("TriggerVector", "NumberOfTriggersInPhase")
_DATA, _SLOTS, _BEGIN, _SLOT = ("DataInformationSequence", "TimeSlotInformationSequence", "TriggerTime", "FrameTime")
_CLOCKWISE = "CW"


class Course(NamedTuple):
    """Which steps of a course are left.

    Parameters
    ----------
    first : int
        Number of the first one, from 1.
    stride : int
        From each to the next.
    frames : int
        How many are left.
    """

    first: int
    stride: int
    frames: int


def course_of(steps: Collection[int]) -> Course | None:
    """Return what steps are as a course; None where they do not follow each other evenly.

    >>> course_of({3, 5, 7})
    Course(first=3, stride=2, frames=3)
    """
    ordered = sorted(steps)
    stride = ordered[1] - ordered[0] if len(ordered) > 1 else 1
    even = ordered == list(range(ordered[0], ordered[-1] + 1, stride))
    return Course(ordered[0], stride, len(ordered)) if even else None


def _replaced(item: Instance, values: Mapping[str, object]) -> dict[int, Element]:
    made = {tag_of(k): encode(k, v, item.encodings) for k, v in values.items()}
    return {**item.elements, **made}


def _views(item: Instance, course: Course) -> Said:
    """Return a rotation that begins at the first view that is left (C.8.4.12.1.1)."""
    angle, step, radii = item.number(_ANGLE), item.number(_STEP), item.numbers(_RADII)
    if angle is None or step is None or item.integer(_VIEWS) is None:
        return None
    turned = (course.first - 1) * step * (-1 if item.text("RotationDirection") == _CLOCKWISE else 1)
    said: dict[str, object] = {
        _ANGLE: decimal((angle + turned) % 360),
        _STEP: decimal(step * course.stride),
        _ARC: decimal(step * course.stride * course.frames),
        _VIEWS: course.frames,
    }
    if len(radii) > 1 and len(radii) == item.integer(_VIEWS):
        last = course.first + course.stride * (course.frames - 1)
        said[_RADII] = [decimal(r) for r in radii[course.first - 1 : last : course.stride]]
    return _replaced(item, said)


def _one_by_one(said_of: Callable[[Instance, Course], Said]) -> SaidOfAll:
    """Say of each item what is left of its own course."""

    def said(items: Sequence[Instance], left: Mapping[int, Course]) -> dict[int, Said]:
        return {n: said_of(items[n - 1], course) if n <= len(items) else None for n, course in left.items()}

    return said


def _phases(items: Sequence[Instance], left: Mapping[int, Course]) -> dict[int, Said]:
    """Return phases of the frames that are left; the delay is that behind the last one before, or from the beginning.

    Triggers go: they were counted from a frame on that may be gone.
    """
    said: dict[int, Said] = {}
    now = end = 0.0
    for number, item in enumerate(items, 1):
        delay, duration, pause = (item.number(k) for k in (_DELAY, _DURATION, _PAUSE))
        count = item.integer(_SLICES)
        if delay is None or duration is None or pause is None or count is None:
            return dict.fromkeys(left)
        between, begin = duration + pause, now + delay
        now = begin + count * between - pause
        if number not in left:
            continue
        course = left[number]
        first = begin + (course.first - 1) * between
        pause = course.stride * between - duration
        values = {_DELAY: round(first - end), _PAUSE: round(pause), _SLICES: course.frames}
        gone = {tag_of(keyword) for keyword in _TRIGGERS}
        said[number] = {tag: e for tag, e in _replaced(item, values).items() if tag not in gone}
        end = first + course.frames * (duration + pause) - pause
    return {number: said.get(number) for number in left}


def _slots(item: Instance, course: Course) -> Said:
    """Return an interval whose data begin with the first slot that is left; slots stand next to each other."""
    data, begin = item.items(_DATA), item.number(_BEGIN)
    times = {d.number(_SLOT) for d in data}
    time = times.pop() if len(times) == 1 else None
    if course.stride != 1 or (course.first != 1 and (time is None or begin is None)):
        return None
    said: dict[str, object] = {_DATA: [pack_item(_with_slots(d, course).values()) for d in data]} if data else {}
    if course.first != 1 and time is not None and begin is not None:
        said[_BEGIN] = decimal(begin + (course.first - 1) * time)
    return _replaced(item, said)


def _with_slots(data: Instance, course: Course) -> dict[int, Element]:
    element = data.element(_SLOTS)
    items = items_of(element) if element is not None else None
    kept = items[course.first - 1 : course.first - 1 + course.frames] if items else ()
    return _replaced(data, {_SLOTS: [pack_item(item) for item in kept]}) if kept else dict(data.elements)


#: What says of the items what is left of their courses, by the vector that counts the steps.
COURSES: Mapping[str, SaidOfAll] = {
    "AngularViewVector": _one_by_one(_views),
    "TimeSliceVector": _phases,
    "TimeSlotVector": _one_by_one(_slots),
}
