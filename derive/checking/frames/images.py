"""Frames as images: what is judged of images of one frame is judged of each, where its functional groups say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from derive.checking import beside, mapping, pixels, plane, references
from derive.checking.finding import Finding
from derive.checking.frames.folding import Folded
from derive.checking.frames.groups import Grouped, path_of
from derive.checking.instance import FrameValues, Judged
from derive.checking.judge import Judge, reads
from derive.checking.judges import InTurn
from derive.elements.element import Element, tag_of
from derive.elements.instance import State
from derive.standard.vr import tag_of_pixels

_DERIVATION = "DerivationImageSequence"
_MAPPING = tag_of("RealWorldValueMappingSequence")


@reads("FrameType", _DERIVATION)
def _derivation(frame: Judged) -> Iterator[Finding]:
    """A frame that was derived says of what, and one that was not has no sources (C.7.6.16.2.6)."""
    kind, state = frame.texts("FrameType")[:1], frame.state(tag_of(_DERIVATION))
    if kind == ["ORIGINAL"] and state is State.FILLED:
        yield frame.find("CHK-ORIGINAL", _DERIVATION, "is present, and Frame Type value 1 is ORIGINAL")
    if kind == ["DERIVED"] and state is State.ABSENT:
        yield frame.find("CHK-SOURCES", _DERIVATION, "is absent from a derived frame")


#: Judges of images whose attributes stand in functional groups.
_JUDGES: tuple[Judge, ...] = (
    _derivation,
    *plane.OF_FRAMES,
    *pixels.OF_FRAMES,
    *mapping.OF_FRAMES,
    *beside.OF_FRAMES,
    *references.OF_FRAMES,
)


@dataclass(frozen=True)
class _OneFrame:
    """The stored values of one frame of many."""

    frames: FrameValues
    index: int
    count: int = 1

    @property
    def length(self) -> int:
        return self.frames.length // max(1, self.frames.count)

    @property
    def vr(self) -> str:
        return self.frames.vr

    def stored(self, index: int) -> NDArray[Any]:
        return self.frames.stored(self.index + index)


class Images:
    """Judges the frames of one instance one after another."""

    def __init__(self, groups: Grouped) -> None:
        self._groups = groups
        self._asked = InTurn(_JUDGES)
        self._with_pixels = InTurn(mapping.OF_PIXELS_OF_FRAMES)

    def add(self, number: int, frame: Mapping[int, Element], told: Folded) -> None:
        """Judge one frame."""
        whole = self._groups.instance
        image = Judged(name=whole.name, elements=frame, iod=whole.iod, around=whole.encodings)
        for finding in (*self._asked.findings(image), *self._of_pixels(number, image)):
            path = path_of(self._groups, number, finding.path)
            if path != finding.path or finding.path == _DERIVATION:  # the instance was judged for what is at its top
                told.add(replace(finding, path=path))

    def _of_pixels(self, number: int, image: Judged) -> Iterator[Finding]:
        """Judge what a frame says of its own stored values, where it says something of them."""
        pixels = self._groups.instance.pixels
        if pixels is None or number > pixels.count or _MAPPING not in image.elements:
            return
        tag = tag_of_pixels(pixels.vr)
        elements = {**image.elements, tag: Element(tag, pixels.vr, b"\0\0")}
        yield from self._with_pixels.findings(replace(image, elements=elements, pixels=_OneFrame(pixels, number - 1)))
