"""Everything that is judged of the frames of instances, one instance after another, and of those of a series."""

from __future__ import annotations

from collections.abc import Iterator

from derive.checking.finding import Finding
from derive.checking.frames.concatenations import ConcatenationPart, concatenation_findings, part_of
from derive.checking.frames.dimensions import Dimensions, gap_findings
from derive.checking.frames.evidence import ReferencedImages
from derive.checking.frames.folding import Folded
from derive.checking.frames.groups import Grouped, groups_of
from derive.checking.frames.images import Images
from derive.checking.frames.kinds import Kinds
from derive.checking.frames.macros import MacroJudge
from derive.checking.frames.numbers import FrameNumbers
from derive.checking.frames.stacks import Stacks, Volume, frame_stack_findings
from derive.checking.frames.structure import structure_findings
from derive.checking.instance import Judged
from derive.checking.stack import Slice


class FrameChecks:
    """Checks the frames of the instances of a series; a few numbers of each are kept for the series.

    Parameters
    ----------
    numbers : FrameNumbers, optional
        Takes which frames they refer to.
    """

    def __init__(self, numbers: FrameNumbers | None = None) -> None:
        self._numbers = numbers
        self._slices: list[tuple[Volume, Slice]] = []
        self._parts: list[ConcatenationPart] = []
        self._indices: dict[tuple[str, str], set[int]] = {}

    def findings(self, instance: Judged) -> Iterator[Finding]:
        """Judge the frames of an instance, each as the image that it is; nothing for an image of one frame.

        Parameters
        ----------
        instance : Judged
            With the sequences of its functional groups.
        """
        groups = groups_of(instance)
        if groups is None:
            return
        if (part := part_of(instance)) is not None:
            self._parts.append(part)
        yield from structure_findings(groups)
        yield from self._frames(groups)

    def _frames(self, groups: Grouped) -> Iterator[Finding]:
        macros, told, stacks = MacroJudge(groups), Folded(len(groups.own)), Stacks(groups)
        kinds, dimensions, images, references = (
            Kinds(groups),
            Dimensions(groups),
            Images(groups),
            ReferencedImages(groups, self._numbers),
        )
        yield from macros.shared()
        references.add(groups.everywhere)
        for number, (item, frame) in enumerate(zip(groups.own, groups.frames(), strict=True), 1):
            macros.of_frame(number, item, frame, told)
            images.add(number, frame, told)
            for collector in (kinds, dimensions, stacks):
                collector.add(number, frame)
            references.add(item)
        for judged in (told, kinds, dimensions, references):
            yield from judged.findings()
        self._slices += stacks.slices
        for dimension, indices in dimensions.used:
            self._indices.setdefault(dimension, set()).update(indices)

    def finish(self, series: str) -> Iterator[Finding]:
        """Judge the frames of the series together.

        Parameters
        ----------
        series : str
            Series Instance UID, for the findings.
        """
        yield from concatenation_findings(self._parts, series)
        yield from frame_stack_findings(self._slices, series)
        yield from gap_findings(self._indices, series)
