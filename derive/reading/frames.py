"""The frames of a multi-frame instance, each as an image of its own (PS3.3 C.7.6.16).

A frame says what the instance says, and over it what the shared functional groups say, and over that what its own say:
in classic keywords, so that nobody behind this module has to know where it stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from derive.elements.element import Element
from derive.elements.instance import items_of
from derive.elements.memory import Memory
from derive.errors import SourceError
from derive.model.functional_groups import PER_FRAME, SHARED, flattened
from derive.reading.header import Header


def frames_of(header: Header) -> tuple[Header, ...]:
    """Return a header for every frame of an instance; of a single-frame image itself.

    Raises
    ------
    SourceError
        ``SRC-FRAMES`` for an instance whose frames, groups and pixels do not go together.
    """
    if PER_FRAME not in header.elements and SHARED not in header.elements:
        return (header,)
    count = header.integer("NumberOfFrames") or 0
    own = [dict(_by_tag(item)) for item in _items(header, PER_FRAME)]
    if count < 1 or len(own) != count:
        raise SourceError("SRC-FRAMES", f"{header.name} has {count} frames and {len(own)} items that tell of them")
    (shared,) = [_by_tag(item) for item in _items(header, SHARED)] or [{}]
    common = {t: e for t, e in header.elements.items() if t not in (SHARED, PER_FRAME)} | dict(shared)
    common |= flattened(shared)
    memory = Memory()
    return tuple(
        replace(
            header,
            elements=memory.row(dict(sorted((common | groups | flattened(groups)).items()))),
            frame_number=number,
            pixels=_pixels(header, number, count),
        )
        for number, groups in enumerate(own, 1)
    )


def _items(header: Header, tag: int) -> tuple[tuple[Element, ...], ...]:
    element = header.elements.get(tag)
    return (items_of(element) or ()) if element is not None else ()


def _by_tag(item: tuple[Element, ...]) -> Mapping[int, Element]:
    return {e.tag: e for e in item}


def _pixels(header: Header, number: int, count: int):  # type: ignore[no-untyped-def]
    pixels = header.pixels
    if pixels is None or pixels.length is None:
        return pixels
    length = pixels.length // count
    return pixels._replace(offset=pixels.offset + (number - 1) * length, length=length)
