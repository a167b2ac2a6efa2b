"""Frames that index vectors tell apart, and those of them that are slices of a volume (PS3.3 C.8.4.8, C.8.4.15).

A frame says of each vector the one number that is its own, and a slice that can say where it lies has a plane in the
words of single-frame images: so nobody behind this module has to know how it was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of
from derive.elements.memory import Memory
from derive.model.classes import target_of
from derive.model.dimension import Dimension
from derive.model.remark import Remark
from derive.model.vector_places import place_of
from derive.model.vectors import frame_vectors
from derive.reading.header import Header
from derive.told.wording import counted

_POSITION = tag_of("ImagePositionPatient")


def has_vectors(header: Header) -> bool:
    """Whether an instance is of a class whose frames are told apart by index vectors."""
    return header.readable and target_of(header.sop_class_uid).vectors


def is_placed(header: Header) -> bool:
    """Whether a frame is a slice that says where in the patient it lies."""
    return _POSITION in header.elements and has_vectors(header)


def with_vectors(frames: tuple[Header, ...]) -> tuple[Header, ...]:
    """Return the frames of an instance, each with its own number in every vector, and its plane where it has one."""
    first = frames[0]
    if not has_vectors(first):
        return frames
    vectors, remarks = _vectors_of(first)
    memory = Memory()
    said = [_saying(f, _numbers(vectors, f.frame_number), memory) for f in frames]
    places = [place_of(frame) for frame in said]
    if not all(places):
        places = [{}] * len(said)
    return tuple(
        _saying(replace(frame, remarks=(*frame.remarks, *remarks)), place.values(), memory)
        for frame, place in zip(said, places, strict=True)
    )


def _saying(frame: Header, elements: Iterable[Element], memory: Memory) -> Header:
    """Return a frame that says something more, or another number."""
    said = {**frame.elements, **{e.tag: memory.same(e) for e in elements}}
    return replace(frame, elements=memory.row(dict(sorted(said.items()))))


def _vectors_of(header: Header) -> tuple[dict[str, Sequence[float]], tuple[Remark, ...]]:
    """Return the vectors that have a number for each frame; what else there is, is said."""
    count = header.lenient.integer("NumberOfFrames") or 1
    found: dict[str, Sequence[float]] = {}
    remarks = []
    for keyword in frame_vectors():
        element = header.element(keyword)
        if element is None:
            continue
        numbers = numbers_of(element)
        found[keyword] = numbers if len(numbers) == count else ()
        if len(numbers) != count:
            text = f"has {counted(len(numbers), 'number')} for {counted(count, 'frame')}: nobody knows which is whose"
            remarks.append(Remark("SRC-VECTOR", keyword, text))
    return found, tuple(remarks)


def _numbers(vectors: dict[str, Sequence[float]], frame: int) -> list[Element]:
    """Return what each vector says of one frame, from 1; nothing of one that nobody can read."""
    return [encode(k, [int(numbers[frame - 1])] if numbers else None) for k, numbers in vectors.items()]


def told_by_vectors(frames: Sequence[Header]) -> tuple[Dimension, ...]:
    """Return what tells frames that lie nowhere apart, as far as each has a number of its own; their vectors."""
    columns = {k: tuple(_as_float(h.lenient.integer(k)) for h in frames) for k in frame_vectors()}
    return tuple(Dimension(k, column) for k, column in columns.items() if len(set(column)) > 1)


def _as_float(number: int | None) -> float | None:
    return None if number is None else float(number)
