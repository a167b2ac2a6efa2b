"""What DICOM Segmentations hold: their segments by code, with how large each is.

*2026-12-01.* A label is free text, and may say whose it is: a segment is told by its number and its code, in the words
of the standard where these are known. Nowhere else does inspecting decode pixels; those of segments are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codes import Code
from derive.errors import DeriveError
from derive.inspection.text import wrapped
from derive.inspection.verdicts import Verdict, fix_of
from derive.model.segment_types import known_type
from derive.model.segmentation import Segmentation
from derive.model.segments import SEGMENTATION
from derive.reading.header import Header
from derive.reading.segmentations import segmentation_of
from derive.told.secrecy import shown_code_strings
from derive.told.wording import counted

#: Scheme and value of a code have 16 characters at most, and are no prose.
_LONGEST = 16


@dataclass(frozen=True)
class InspectedSegment:
    """One segment.

    Parameters
    ----------
    number : int
    type, category : str
        ``SCT:10200004``; empty where it says none.
    meaning : str
        What the standard calls the type; empty where it does not know it.
    how : str
        Segment Algorithm Type.
    frames : int
        How many are of it alone; 0 in a label map.
    volume_ml : float, optional
        None where its frames lie in no even stack.
    """

    number: int
    type: str
    category: str
    meaning: str
    how: str
    frames: int
    volume_ml: float | None

    def __str__(self) -> str:
        """Return a few words."""
        words = [" ".join(filter(None, [self.type or "no code", self.meaning])), self.how.lower()]
        words += [counted(self.frames, "frame")] if self.frames else []
        words += [f"{self.volume_ml:.4g} ml"] if self.volume_ml is not None else ["no volume: no even stack"]
        return ", ".join(filter(None, words))


@dataclass(frozen=True)
class InspectedSegmentation:
    """One Segmentation.

    Parameters
    ----------
    file : str
    sop_instance_uid, series_instance_uid : str
    type : str
        Segmentation Type.
    segments : tuple of InspectedSegment
        None where it cannot be read.
    reads : Verdict
        What :func:`derive.read_segmentation` says to it.
    """

    file: str
    sop_instance_uid: str
    series_instance_uid: str
    type: str
    segments: tuple[InspectedSegment, ...]
    reads: Verdict

    def lines(self) -> Iterator[str]:
        """Give its lines."""
        held = f"{self.type or 'of no type'}, {counted(len(self.segments), 'segment')}"
        yield from wrapped(SEGMENTATION, f"{self.file}: {held}", 0)
        for segment in self.segments:
            yield from wrapped(f"segment {segment.number}", str(segment))
        if not self.reads.ok:
            yield from wrapped("read", f"{self.reads.code}: {self.reads.message}")


def inspected(header: Header) -> InspectedSegmentation:
    """Look into a Segmentation; what cannot be read is told."""
    segments: tuple[InspectedSegment, ...] = ()
    reads = Verdict("ok", "", "", "derive.read_segmentation")
    try:
        found = segmentation_of(header)
        volumes, reads = _volumes(found, reads)
        segments = tuple(_segments(found, volumes))
    except DeriveError as error:
        reads = Verdict(error.code, error.message, fix_of(error.code), "derive.read_segmentation")
    told = header.lenient
    return InspectedSegmentation(
        header.name,
        told.text("SOPInstanceUID"),
        told.text("SeriesInstanceUID"),
        shown_code_strings(told.text("SegmentationType")),
        segments,
        reads,
    )


def _volumes(found: Segmentation, ok: Verdict) -> tuple[dict[int, float], Verdict]:
    try:
        return found.volumes_ml, ok
    except DeriveError as error:
        return {}, Verdict(error.code, error.message, fix_of(error.code), "derive.read_segmentation")


def _segments(found: Segmentation, volumes: dict[int, float]) -> Iterator[InspectedSegment]:
    for number, said in sorted(found.said_of.items()):
        known = known_type(said.type.scheme, said.type.value) if said.type else None
        meaning = known.meaning if known else ""
        volume = round(volumes[number], 6) if number in volumes else None
        frames = found.segments.count(number)
        yield InspectedSegment(number, _told(said.type), _told(said.category), meaning, said.how, frames, volume)


def _told(code: Code | None) -> str:
    plain = code is not None and all(
        0 < len(text) <= _LONGEST and text.replace("-", "").replace(".", "").isalnum() for text in code[:2]
    )
    return f"{code.scheme}:{code.value}" if code is not None and plain else ""
