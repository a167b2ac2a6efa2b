"""Label maps, masks and maps of fractions as the frames of a Segmentation, on the grid of the series that they are of.

*2026-12-01.* What lies on another grid than its reference is resampled to the nearest voxel, whatever it is: a number
between two labels is neither, and the largest error is half a voxel of the finer grid. It is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from derive.conversion.channels import Channels, OnGrid, channels_of, map_of
from derive.conversion.labels import segments_said
from derive.conversion.options import Conversion
from derive.conversion.overlap import check_overlap
from derive.conversion.proving import need_highdicom
from derive.conversion.segment_options import Segmenting
from derive.errors import UsageError, ValuesError
from derive.model.geometry import ONE_GRID_MM
from derive.model.reference import FrameRef, of_principal
from derive.model.reorient import Placing
from derive.model.segmented import Segmented
from derive.model.segments import (
    SEGMENTATION,
    FoundBy,
    Segment,
    SegmentationType,
)
from derive.model.source import SourceSeries
from derive.told.wording import counted, flag

#: So many numbers and labels are named one by one.
_NAMED = 20


def check_segmenting(wishes: Conversion, segmenting: Segmenting, reference: SourceSeries | None) -> None:
    """Refuse what is said of a segmentation where none is made, and a segmentation of nothing.

    Raises
    ------
    UsageError
        ``OPT-SEG``, ``SEG-REFERENCE``, ``SEG-HIGHDICOM``, ``SEG-ALGORITHM``
    """
    if wishes.kind != SEGMENTATION:
        if segmenting != Segmenting():
            raise UsageError("OPT-SEG", f"labels of segments go with {flag('kind', SEGMENTATION)}")
        return
    if reference is None:
        raise UsageError(
            "SEG-REFERENCE",
            f"a segmentation is one of images, and refers to them; wanted {flag('reference', 'SERIES')}",
        )
    need_highdicom()
    FoundBy(segmenting.algorithm_type or "", wishes.algorithm.name if wishes.algorithm else "")


def masks_of(source: Any) -> list[Any]:
    """Return a source, or the files of several masks."""
    several = isinstance(source, list | tuple) and all(isinstance(each, str | Path) for each in source)
    return list(source) if several and source else [source]


class SegmentsFound(NamedTuple):
    """What a file came to.

    Parameters
    ----------
    frames : Segmented
    notes : tuple of str
        What a user has to know.
    """

    frames: Segmented
    notes: tuple[str, ...]


def segmented(
    channels: Channels,
    placing: Placing,
    reference: SourceSeries,
    wishes: Segmenting,
    *,
    algorithm: str,
    require_overlap: float,
) -> SegmentsFound:
    """Make the frames of a segmentation.

    Parameters
    ----------
    channels : Channels
    placing : Placing
        Where it lies.
    reference : SourceSeries
        The series that it is of.
    wishes : Segmenting
    algorithm : str
        Name of what found the segments; empty where nothing did.
    require_overlap : float
        Share of it that has to lie in the reference.

    Raises
    ------
    UsageError
        ``SEG-ALGORITHM``, ``SEG-LABEL``, ``SEG-CATEGORY``, ``SEG-CODES`` for what is in the file and was given no code.
    GeometryError
        ``GEO-OVERLAP``
    ValuesError
        ``SEG-VALUES`` for numbers that are no labels, or no fractions; ``VAL-EMPTY``, ``SEG-OVERLAP``.
    """
    found_by = FoundBy(wishes.algorithm_type or "", algorithm)
    samples, fractional = channels.first, wishes.type is SegmentationType.FRACTIONAL
    if samples.colour:
        raise ValuesError("SEG-VALUES", f"{samples.name} holds colours; wanted a label map, masks, or fractions")
    listed = {segment.number: segment for segment in segments_said(wishes.labels, wishes.label, channels.names)}
    there = reference.geometry
    same = placing.geometry.shape == there.shape and placing.geometry.largest_distance(there) <= ONE_GRID_MM
    notes = []
    if not same:
        check_overlap(placing.geometry, there, require_overlap, samples.name)
        notes.append(f"{samples.name} lies on another grid than the reference: resampled to the nearest voxel")
    on_grid = OnGrid(placing, None if same else there)
    whole = not (channels.several or fractional)
    held = map_of(samples, on_grid) if whole else channels_of(channels, on_grid, fractional=fractional)
    found, more = _named(listed, held.in_file, samples.name)
    numbers, stored = held.numbers, held.stored
    chosen = [segment for segment in found if segment.number in numbers]
    if lost := [segment.label for segment in found if segment.number not in numbers]:
        more.append(f"{counted(len(lost), 'segment')} without a voxel of the reference, not written: {_some(lost)}")
    places = [numbers.index(segment.number) for segment in chosen]
    renumbered = wishes.type is not SegmentationType.LABELMAP
    written = tuple(replace(s, number=n) for n, s in enumerate(chosen, 1)) if renumbered else tuple(chosen)
    if there.slice_thickness is None:  # of the frames of a segmentation each holds what is nearest to it
        there = replace(there, slice_thickness=there.slice_spacing)
    frames = Segmented(
        written,
        there,
        lambda index, place: stored(places[index], place),
        wishes.type,
        _behind(reference),
        found_by,
        wishes.fractional_type or "",
    )
    return SegmentsFound(frames, (*notes, *more))


def _behind(reference: SourceSeries) -> Any:
    """Return the frames of a reference at a slice: of all its volumes."""
    slices, count = reference.geometry.shape[0], len(reference.frames)

    def of(place: int) -> tuple[FrameRef, ...]:
        return of_principal(range(place, count, slices))

    return of


def _named(listed: dict[int, Segment], numbers: Sequence[int], name: str) -> tuple[list[Segment], list[str]]:
    """Return the segments that are there, in their order, and what is said of those that are not."""
    missing = [number for number in numbers if number not in listed]
    if missing:
        raise UsageError(
            "SEG-CODES",
            f"nobody says what {counted(len(missing), 'segment')} of {name} may be: "
            f"{_some(list(map(str, missing)))}; wanted {flag('label', f'{missing[0]}=LABEL,SCHEME,VALUE,MEANING')} for "
            f"each, or a table of them ({flag('labels', 'FILE.csv')})",
            numbers=missing,
        )
    absent = [segment.label for number, segment in listed.items() if number not in numbers]
    notes = [f"{counted(len(absent), 'segment')} that was listed is not in {name}: {_some(absent)}"] if absent else []
    return [listed[number] for number in numbers], notes


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")
