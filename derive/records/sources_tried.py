"""What a result can have been made of: the series as it is at hand, or a stack, volumes or frames of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from derive.errors import DeriveError
from derive.model.source import SourceSeries
from derive.reading.choice import Choice, in_order
from derive.reading.frames import frames_of
from derive.reading.header import Header
from derive.reading.read import series_of
from derive.reading.stacks import stacks_of
from derive.records.record import Record, SourceImage

#: By SOP Instance UID the frames of an instance, from 1; none named are all.
Frames = Mapping[str, frozenset[int]]


def frames_needed(records: Iterable[Record]) -> dict[str, frozenset[int]]:
    """Return what some images say that they were made of."""
    return frames_named(image for record in records for image in record.own_sources)


def frames_named(images: Iterable[SourceImage]) -> dict[str, frozenset[int]]:
    """Return the frames of each instance that some items of Source Image Sequence name."""
    found: dict[str, frozenset[int]] = {}
    for image in images:
        before = found.get(image.sop_instance_uid)
        all_of_it = not image.frames or (before is not None and not before)
        found[image.sop_instance_uid] = frozenset() if all_of_it else (before or frozenset()).union(image.frames)
    return found


class SourcesTried:
    """The sources that a result can have, one after another: what is most likely first.

    What contributed to no image is not referenced, and yet was part of the volume.

    Parameters
    ----------
    at_hand : mapping SOP Instance UID -> Header
        Instances of one series.
    needed : Frames
        What contributed.
    assumed : mapping keyword -> value
        What a person said of them.
    """

    def __init__(self, at_hand: Mapping[str, Header], needed: Frames, assumed: Mapping[str, Any]) -> None:
        self._at_hand, self._needed, self._assumed = at_hand, needed, assumed
        self.error = ""

    @cached_property
    def first(self) -> SourceSeries | None:
        """The one that is most likely; None where none can be read: ``error`` says why."""
        return next(self._rest, None)

    @cached_property
    def _rest(self) -> Iterator[SourceSeries]:
        return self._all()

    def __iter__(self) -> Iterator[SourceSeries]:
        """Give each that can be read, once, and only once."""
        tried: set[frozenset[tuple[str, int]]] = set()
        for source in chain([self.first] if self.first else [], self._rest):
            frames = frozenset((f.reference.sop_instance_uid, f.number) for f in source.frames)
            if frames not in tried:
                tried.add(frames)
                yield source

    def _all(self) -> Iterator[SourceSeries]:
        every = list(self._at_hand)
        choice, whole = Choice(), self._read(every, Choice())
        if whole is None and (number := self._stack(every)):
            choice = Choice(stack=number)
            whole = self._read(every, choice)
        if whole is not None:
            yield whole
            yield from self._parts(every, whole, choice)
        used = [uid for uid in every if uid in self._needed]
        found = self._read(used, Choice(frames=self._numbers(used, self._needed)))
        if found is not None:
            yield found

    def _parts(self, every: Sequence[str], whole: SourceSeries, choice: Choice) -> Iterator[SourceSeries]:
        """Give the volumes that contributed, and from the first to the last frame that did."""
        slices = whole.geometry.shape[0]
        frames = [(f.reference.sop_instance_uid, f.number) for f in whole.frames]
        places = [k for k, (uid, number) in enumerate(frames) if self._is_needed(uid, number)]
        if not places:
            return
        volumes = tuple(sorted({place // slices + 1 for place in places}))
        between: dict[str, frozenset[int]] = {}
        for uid, number in frames[places[0] : places[-1] + 1]:
            between[uid] = between.get(uid, frozenset()) | {number}
        wanted = [Choice(choice.stack, volumes)] if len(volumes) * slices < len(frames) else []
        for part in (*wanted, Choice(frames=self._numbers(every, between))):
            found = self._read(every, part)
            if found is not None:
                yield found

    def _stack(self, uids: Sequence[str]) -> int:
        """Return which of several stacks contributed; 0 where that cannot be told."""
        try:
            stacks = stacks_of(self._frames(uids))
        except DeriveError:
            return 0
        holding = (n for n, s in enumerate(stacks, 1) if any(self._is_needed(*_frame(h)) for h in s.headers))
        return next(holding, 0)

    def _numbers(self, uids: Sequence[str], wanted: Frames) -> frozenset[int]:
        """Return how frames are numbered among those of some instances; none where all are wanted."""
        try:
            frames = [_frame(h) for h in in_order(self._frames(uids))]
        except DeriveError:
            return frozenset()
        found = frozenset(n for n, frame in enumerate(frames, 1) if _is_of(wanted, *frame))
        return frozenset() if len(found) == len(frames) else found

    def _frames(self, uids: Sequence[str]) -> list[Header]:
        return [frame for uid in uids for frame in frames_of(self._at_hand[uid])]

    def _is_needed(self, uid: str, number: int) -> bool:
        return _is_of(self._needed, uid, number)

    def _read(self, uids: Sequence[str], choice: Choice) -> SourceSeries | None:
        try:
            return series_of([self._at_hand[uid] for uid in uids], assume=self._assumed, choice=choice)
        except DeriveError as error:
            self.error = str(error)
            return None


def _frame(header: Header) -> tuple[str, int]:
    return header.text("SOPInstanceUID"), header.frame_number


def _is_of(frames: Frames, uid: str, number: int) -> bool:
    return uid in frames and (not frames[uid] or number in frames[uid])
