"""What an image says that it was made of, held against what it is made of: instances, or frames of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from derive.authoring.containers import contributors_by_instance, partition
from derive.authoring.order import Order
from derive.elements.instance import Instance
from derive.model.attribute_table import AttributeTable
from derive.model.derivation import GeometryEffect
from derive.model.reference import FrameRef
from derive.model.source_frame import SourceFrame
from derive.records.frames import ranges_of
from derive.records.record import Record, SourceImage, record_of

#: How many are named in a message.
_SHOWN = 3


class Named(NamedTuple):
    """A frame of an instance; 0 for all of one that is not at hand."""

    sop_instance_uid: str
    frame: int


class NamedSources:
    """Who contributed to each image of a result, as its Source Image Sequence has to name them.

    Parameters
    ----------
    order : Order
        The result.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._numbers: dict[str, set[int]] = {}
        for uid, number in (_named_as(frame) for source in order.sources.all for frame in source.frames):
            self._numbers.setdefault(uid, set()).add(number)

    def likeness(self, record: Record, index: int) -> float:
        """How much an image names what entered image `index` of the result: 1 for all of it and nothing else."""
        named, wanted = set(self._named(record.sources)), self._wanted(index)
        return len(named & wanted) / max(1, len(named | wanted))

    def faults(self, record: Record, index: int) -> Iterator[str]:
        """Compare what an image names with what contributed; sources of sources come before it."""
        contributors = self._contributors(index)
        wanted, named = self._wanted(index), self._named(record.sources)
        inherited = {n for c in contributors for n in self._named(self._sources_of_sources[c.source][c.frame])}
        if lacking := sorted(wanted - named.keys()):
            yield f"Source Image Sequence lacks {self._few(lacking)}, which contributed"
        if extra := sorted(named.keys() - wanted - inherited):
            yield f"Source Image Sequence names {self._few(extra)}, which did not contribute"
        kept = self._order.derivation.geometry_effect is GeometryEffect.KEEPS_GRID
        at_place = [c for c in self._staying(index) if kept and not self._order.sources.tiled(c)]
        here = {self._frame(c) for c in at_place}
        yes = {n for n, image in named.items() if n in wanted and image.locations_preserved == "YES"}
        if yes != here & named.keys():
            yes_for, so_for = self._few(sorted(yes)), self._few(sorted(here))
            yield f"Spatial Locations Preserved is YES for {yes_for}; it is so for {so_for}"

    def _contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Return what entered an image; where an instance of many says it once, what entered any of its frames."""
        if not self._once:
            return self._order.frames.contributors(index)
        return self._of_instances[index]

    def _staying(self, index: int) -> Iterator[FrameRef]:
        """Yield what entered an image at its own place; of a cine what did so in any of its frames."""
        order = self._order
        together: Sequence[int] = [index]
        if self._once:
            together = self._together[index]
        for each in together:
            refs = order.frames.contributors(each)
            yield from (c for c in refs if order.sources.at_its_place(c, each, order.frames.slices))

    @cached_property
    def _once(self) -> bool:
        """Whether an instance says for all its frames together what entered them: no macro does (C.7.6.16.2.6)."""
        target = self._order.target
        macro = "DerivationImageSequence" in target.iod.attributes
        return target.container == "cine" or (target.container == "functional" and not macro)

    @cached_property
    def _together(self) -> dict[int, Sequence[int]]:
        """All frames of the instance that each is of."""
        return {index: indices for indices in partition(self._order) for index in indices}

    @cached_property
    def _of_instances(self) -> dict[int, tuple[FrameRef, ...]]:
        order = self._order
        each = zip(partition(order), contributors_by_instance(order), strict=True)
        return {index: contributors for indices, contributors in each for index in indices}

    def _wanted(self, index: int) -> set[Named]:
        return {self._frame(contributor) for contributor in self._contributors(index)}

    def _frame(self, contributor: FrameRef) -> Named:
        return _named_as(self._order.sources.all[contributor.source].frames[contributor.frame])

    def _named(self, images: Iterable[SourceImage]) -> dict[Named, SourceImage]:
        """An instance of which no frame is named contributed with all that it has (10.3), or as a whole."""
        found: dict[Named, SourceImage] = {}
        for image in images:
            every = self._numbers.get(image.sop_instance_uid, {0})
            every = {0} if 0 in every else every
            for named in (Named(image.sop_instance_uid, n) for n in image.frames or every):
                if named not in found or image.locations_preserved == "YES":  # one that is named twice, as a mask too
                    found[named] = image
        return found

    @cached_property
    def _sources_of_sources(self) -> Sequence[Sequence[tuple[SourceImage, ...]]]:
        return [_sources_of(source.table) for source in self._order.sources.all]

    def _few(self, named: Sequence[Named]) -> str:
        frames: dict[str, list[int]] = {}
        for uid, number in named:
            frames.setdefault(uid, []).append(number)
        texts = [f"{uid}{self._of_many(uid, numbers)}" for uid, numbers in frames.items()]
        more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
        return (", ".join(texts[:_SHOWN]) + more) or "none"

    def _of_many(self, uid: str, numbers: Sequence[int]) -> str:
        """Say which frames of a multi-frame instance are meant."""
        single = (len(self._numbers.get(uid, ())) < 2 and numbers[0] < 2) or list(numbers) == [0]
        return "" if single else f" frame {ranges_of(numbers)}"


def _named_as(frame: SourceFrame) -> Named:
    """Return what names a frame; slices that lie side by side in an instance are all named by it."""
    return Named(frame.reference.sop_instance_uid, 1 if frame.tiled else frame.number)


def _sources_of(table: AttributeTable) -> list[tuple[SourceImage, ...]]:
    """Return the sources of each frame of a source."""
    tags = sorted({*table.constant, *table.varying})
    rows = ({t: e for t in tags if (e := table.element(t, i)) is not None} for i in range(table.count))
    return [record_of(Instance("", row)).sources for row in rows]
