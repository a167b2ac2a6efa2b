"""Written instances as images: a multi-frame instance is as many as it has frames, each with its macros as attributes.

What :mod:`derive.reading` makes of a frame says everything in classic keywords. Who accounts for what stands in a file
needs it as it stands there: the attributes of the instance, and under them every macro of the frame, whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from derive.elements.element import Element, tag_of
from derive.elements.instance import items_of
from derive.model.functional_groups import PER_FRAME, SHARED, macros
from derive.reading.cines import is_cine
from derive.reading.frames import frames_of
from derive.reading.header import Header

#: What counts frames, and says in which order they stand: no attribute of one of them.
_OF_ALL = frozenset([SHARED, PER_FRAME])
_COUNT = tag_of("NumberOfFrames")


def has_groups(instance: Header) -> bool:
    """Whether an instance says of its frames what it says in functional groups."""
    return bool(_OF_ALL & instance.elements.keys())


def frames_read(instance: Header) -> tuple[Header, ...]:
    """Return the frames of an instance in classic keywords; itself where its frames cannot be told.

    Those of a cine say what their instance does, and no more.
    """
    if not has_groups(instance) and not is_cine(instance):
        return (instance,)
    try:
        return tuple(frame.lenient if not instance.strict else frame for frame in frames_of(instance))
    except Exception:  # what is malformed is told as it stands there; who has to read it says what is wrong
        return (instance,)


def images_of(instances: Iterable[Header], *, private: bool = False) -> list[Header]:
    """Return every frame of some instances as an image that has its macros as attributes; `private` ones if wanted."""
    return [image for instance in instances for image in _images(instance, private)]


def in_classic_keywords(instances: Iterable[Header]) -> list[Header]:
    """Return every frame of some instances as a single-frame image would say it, without its macros."""
    found = []
    for instance in instances:
        frames = frames_read(instance)
        if frames[0] is instance:
            found.append(instance)
            continue
        without = macros_of(instance) | _OF_ALL | {_COUNT}
        found += [_only(frame, without) for frame in frames]
    return found


def _images(instance: Header, private: bool) -> tuple[Header, ...]:
    frames = frames_read(instance)
    if frames[0] is instance:
        return frames
    groups = macros_of(instance, private=private)
    own = {t: e for t, e in instance.elements.items() if t not in _OF_ALL}
    return tuple(_with_macros(frame, own, instance.tags - _OF_ALL, groups) for frame in frames)


def _with_macros(frame: Header, own: dict[int, Element], tags: Set[int], groups: Set[int]) -> Header:
    of_frame = {t: frame.elements[t] for t in groups if t in frame.elements}
    elements = dict(sorted({**own, **of_frame}.items()))
    return replace(frame, elements=elements, tags=frozenset(tags | of_frame.keys()))


def _only(frame: Header, without: frozenset[int]) -> Header:
    # What a single-frame image has too, as it is.
    kept = frozenset(t for t in without if t in macros() and macros()[t].many and not macros()[t].leaves)
    elements = {t: e for t, e in frame.elements.items() if t in kept or t not in without}
    return replace(frame, elements=elements, tags=(frame.tags - without) | elements.keys())


def macros_of(instance: Header, *, private: bool = False) -> frozenset[int]:
    """Return the tags of the macros that any frame of an instance has; `private` ones and their creators if wanted."""
    found: set[int] = set()
    for tag in _OF_ALL & instance.elements.keys():
        for item in items_of(instance.elements[tag], private) or ():
            found.update(e.tag for e in item)
    return frozenset(found)


def ranges_of(numbers: Iterable[int]) -> str:
    """Return ascending numbers as people write them.

    Examples
    --------
    >>> ranges_of([1, 2, 3, 7, 9, 10]), ranges_of([])
    ('1-3, 7, 9-10', '')
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
