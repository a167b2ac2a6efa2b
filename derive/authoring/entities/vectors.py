"""Index vectors of Nuclear Medicine images, and what they number (PS3.3 C.8.4.8, C.8.4.9.1.1).

A vector says of a frame of a result what the frames that entered it say, if they say the same. Where they do not, the
frame is of none of them: the vector goes where Image Type then becomes that of images without it, and is 1 where there
is none. Items that no frame is of any more go, and the others are numbered anew; so are steps (of time, of angle), and
the item says where they begin then (``courses``). Slices are numbered as they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from derive.authoring.entities.cine import times_said
from derive.authoring.entities.courses import COURSES, Course, Said, course_of
from derive.authoring.entities.image import common_terms
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import pack_item
from derive.elements.instance import Instance, items_of
from derive.model.reference import FrameRef, frames_of_principal
from derive.model.vectors import FrameType, FrameVector, frame_types, frame_vectors, type_without

#: Which says where slices lie, too.
DETECTORS = "DetectorInformationSequence"
_POINTER, _DURATION = "FrameIncrementPointer", "ActualFrameDuration"
#: The only number of what is not told apart.
_ONE = 1


@dataclass(frozen=True)
class Told:
    """What tells the frames of a result apart.

    Parameters
    ----------
    kind : FrameType, optional
        What the result is; None for a source that says nothing the table has.
    was : str
        Image Type value 3 of the source.
    merged : frozenset of str
        Vectors in which frames differ that became one.
    """

    kind: FrameType | None
    was: str
    merged: frozenset[str]

    @property
    def vectors(self) -> tuple[str, ...]:
        """Keywords in the order of Frame Increment Pointer."""
        return self.kind.vectors if self.kind is not None else ()


class _Left(NamedTuple):
    """What is left of a course, and what its item says of it; None where there is no item."""

    course: Course
    said: Said


def _members(frame: Frame) -> tuple[Frame, ...]:
    return frame.frames or (frame,)


def _behind(contributors: Sequence[FrameRef]) -> list[int]:
    """Which frames of the principal source entered, but for those that something was only done with."""
    return frames_of_principal(c for c in contributors if not c.purpose)


def _numbers(authoring: Authoring, keyword: str, contributors: Sequence[FrameRef]) -> set[int]:
    found = (authoring.source.value(keyword, k) for k in _behind(contributors))
    return {int(number) for number in found if number is not None}


def told_apart(authoring: Authoring) -> Told:
    """Return what tells the frames of a result apart, and so what it is."""
    terms = common_terms(authoring)
    was = terms[2] if len(terms) > 2 else ""
    own = frame_types().get(was)
    if own is None:
        return Told(None, was, frozenset())
    every = [authoring.frames.contributors(k) for k in range(authoring.frames.count)]
    behind = list(map(_behind, every))
    columns = {k: authoring.source.table.column(tag_of(k)) for k in own.vectors}
    of_frames = {k: [{column[i] for i in each} for each in behind] for k, column in columns.items()}
    merged = {k for k, found in of_frames.items() if any(len(numbers) > 1 for numbers in found)}
    merged -= {v.keyword for v in frame_vectors().values() if v.counts == "slices" and own.placed}
    for vector in (frame_vectors()[k] for k in tuple(merged) if frame_vectors()[k].within):
        around = of_frames.get(vector.within, [])
        if len(set().union(*around)) == 1:
            merged.add(vector.within)
    kind = type_without(was, merged)
    told = Told(kind, was, frozenset(merged))
    if kind is not None and kind.lasting and not own.lasting and _lasted(authoring, told, every) is None:
        return Told(own, was, frozenset(merged))
    return told


@per_series("ImageType", module="nm-image")
def image_type(authoring: Authoring) -> list[str]:
    """Return DERIVED, PRIMARY, what the frames are of, and whether that was emitted or transmitted (C.8.4.9.1.1)."""
    said, told = common_terms(authoring), told_apart(authoring)
    values = authoring.derivation.image_type(authoring.target, said)
    if told.kind is None:
        return [*values[:2], *said[2:]]
    values[2] = told.kind.image_type
    return values if len(values) > 3 and values[3] else values[:3]


@per_frame(_POINTER, module="multi-frame")
def frame_increment_pointer(authoring: Authoring, frame: Frame) -> Any:
    """Return the vectors, what changes most rapidly last; the times of frames that are of no known kind."""
    told = told_apart(authoring)
    return [tag_of(k) for k in told.vectors] or times_said(authoring, frame, _POINTER)


def _vector(authoring: Authoring, frame: Frame, vector: FrameVector) -> list[int] | None:
    """Return the number of each frame of an instance; nothing of a vector that tells nothing."""
    told = told_apart(authoring)
    if told.kind is not None and vector.keyword not in told.vectors:
        return None
    if vector.keyword in told.merged:
        return [_ONE] * len(_members(frame))
    if vector.counts == "slices" and authoring.frames.slices > 1:
        return [member.place + 1 for member in _members(frame)]
    own = [_numbers(authoring, vector.keyword, member.contributors) for member in _members(frame)]
    if any(len(numbers) != 1 for numbers in own):
        return _slices_of_one(authoring, frame, vector)
    each = [next(iter(numbers)) for numbers in own]
    if vector.counts == "steps":
        return _counted_anew(authoring, frame, vector, each)
    kept = sorted(set(each))
    return [kept.index(number) + 1 for number in each]


def _counted_anew(authoring: Authoring, frame: Frame, vector: FrameVector, each: list[int]) -> list[int]:
    """Return steps counted from 1 on, where the items say of what is left of their course; else their own numbers."""
    left = _left(authoring, frame, vector)
    if left is None:
        return each
    around = [_numbers(authoring, vector.within, member.contributors) for member in _members(frame)]
    courses = [left[next(iter(numbers))].course for numbers in around]
    return [(n - course.first) // course.stride + 1 for n, course in zip(each, courses, strict=True)]


def _left(authoring: Authoring, frame: Frame, vector: FrameVector) -> dict[int, _Left] | None:
    """Return what is left of the courses of an instance, by the number of their items.

    None where all is left, or an item cannot say what is.
    """
    told, outer = told_apart(authoring), frame_vectors()[vector.within]
    if {vector.keyword, outer.keyword} & (told.merged | (frame_vectors().keys() - set(told.vectors))):
        return None
    behind = {k for member in _members(frame) for k in _behind(member.contributors)}
    if len(behind) == int(authoring.source.value("NumberOfFrames", min(behind, default=0)) or 1):
        return None
    steps: dict[int, set[int]] = {}
    for k in behind:
        number, step = (authoring.source.value(v, k) for v in (outer.keyword, vector.keyword))
        steps.setdefault(int(number or 0), set()).add(int(step or 0))
    courses = {number: course for number, found in steps.items() if (course := course_of(found)) is not None}
    if len(courses) < len(steps) or (vector.number and len(set(courses.values())) > 1):
        return None
    element = authoring.source.agreement(tag_of(outer.sequence), frame.contributors).element
    whole = Instance("an image", {element.tag: element} if element is not None else {}, strict=False)
    items = whole.items(outer.sequence)
    said = COURSES[vector.keyword](items, courses) if items else dict.fromkeys(courses)
    left = {number: _Left(course, said[number]) for number, course in courses.items()}
    return None if items and any(each.said is None for each in left.values()) else left


def _slices_of_one(authoring: Authoring, frame: Frame, vector: FrameVector) -> list[int] | None:
    """Return 1 for what was projected into one slice; nothing where the source has no such number."""
    in_patient = authoring.geometry is not None and authoring.geometry.in_patient
    return [_ONE] * len(_members(frame)) if vector.counts == "slices" and in_patient else None


def _kept(authoring: Authoring, frame: Frame, vector: FrameVector) -> list[int] | None:
    """Return the numbers of the items of the source that frames of an instance are of; None where all stay."""
    told = told_apart(authoring)
    if vector.keyword not in told.vectors:
        return None
    found = set().union(*(_numbers(authoring, vector.keyword, m.contributors) for m in _members(frame)))
    return sorted(found) or None


def _count(authoring: Authoring, frame: Frame, vector: FrameVector) -> int | Element | None:
    """Return how many items, steps or slices there are."""
    told = told_apart(authoring)
    own = authoring.source.agreement(tag_of(vector.number), frame.contributors).element
    was = frame_types().get(told.was)
    if was is not None and vector.keyword in was.vectors and vector.keyword not in told.vectors:
        return None
    if vector.keyword in told.merged:
        return _ONE
    numbers = _vector(authoring, frame, vector)
    if vector.keyword not in told.vectors or numbers is None:
        return own
    return own if vector.counts == "steps" and _left(authoring, frame, vector) is None else max(numbers)


def sequence_of(authoring: Authoring, frame: Frame, vector: FrameVector) -> Element | None:
    """Return the items that frames are still of; none of those that became one, and all where nobody numbers them."""
    told = told_apart(authoring)
    own = authoring.source.agreement(tag_of(vector.sequence), frame.contributors).element
    if vector.keyword in told.merged:
        return Element(tag_of(vector.sequence), "SQ", b"") if vector.keyword in told.vectors else None
    kept, items = _kept(authoring, frame, vector), items_of(own) if own is not None else None
    if own is None or items is None or kept is None or kept[-1] > len(items):
        return own
    inner = [v for v in frame_vectors().values() if v.within == vector.keyword]
    left = next(filter(None, (_left(authoring, frame, v) for v in inner)), {})
    packed = [_packed(items[number - 1], left.get(number)) for number in kept]
    return Element(own.tag, "SQ", b"".join(packed))


def _packed(item: Sequence[Element], left: _Left | None) -> bytes:
    return pack_item(item if left is None or left.said is None else left.said.values())


def _lasted(authoring: Authoring, told: Told, every: Sequence[Sequence[FrameRef]]) -> int | None:
    """Return for how long all that entered a frame was acquired, ms; None where it is not known of all, or differs."""
    found = {_sum(authoring, told.was, _behind(refs)) for refs in every}
    return found.pop() if len(found) == 1 else None


def _sum(authoring: Authoring, was: str, behind: Sequence[int]) -> int | None:
    each = [_duration(authoring, was, k) for k in behind]
    return None if None in each or not each else round(sum(d for d in each if d is not None))


def _duration(authoring: Authoring, was: str, index: int) -> float | None:
    """Return how long a frame of the source was acquired, ms: what the item says that it is of."""
    for vector in (frame_vectors()[k] for k in frame_types()[was].vectors if frame_vectors()[k].lasting):
        around = frame_vectors()[vector.within] if vector.within else vector
        *sequences, keyword = vector.lasting
        element = authoring.source.table.element(tag_of(around.sequence), index)
        whole = Instance("an image", {element.tag: element} if element is not None else {}, strict=False)
        item = _numbered(whole.items(around.sequence), authoring.source.value(around.keyword, index))
        for name in sequences:
            own = authoring.source.value(vector.keyword, index) if name == sequences[-1] else None
            item = _numbered(item.items(name), own) if item is not None else None
        if item is not None and item.number(keyword):
            return item.number(keyword)
    return None


def _numbered(items: Sequence[Instance], number: int | None) -> Instance | None:
    """Return an item by its number, from 1; the only one without."""
    if number is None:
        return items[0] if len(items) == 1 else None
    return items[int(number) - 1] if 1 <= int(number) <= len(items) else None


@per_series(_DURATION, module="nm-image")
def actual_frame_duration(authoring: Authoring) -> int | Element | None:
    """Return for how long a frame was acquired: the sum of those that became one; else what the source says."""
    told = told_apart(authoring)
    own = frame_types().get(told.was)
    if told.kind is None or own is None or told.kind.lasting == own.lasting:
        return authoring.source.agreement(tag_of(_DURATION)).element
    every = [authoring.frames.contributors(k) for k in range(authoring.frames.count)]
    return _lasted(authoring, told, every) if told.kind.lasting else None


def _register() -> None:
    for vector in frame_vectors().values():
        per_frame(vector.keyword, module="nm-multi-frame")(partial(_vector, vector=vector))
        if vector.number:
            per_frame(vector.number, module="nm-multi-frame")(partial(_count, vector=vector))
        if vector.sequence and vector.sequence != DETECTORS:
            per_frame(vector.sequence)(partial(sequence_of, vector=vector))


_register()
