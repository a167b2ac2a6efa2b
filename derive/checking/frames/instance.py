"""Everything that is judged of the frames of an instance."""

from __future__ import annotations

from collections.abc import Iterator

from derive.checking.finding import Finding
from derive.checking.frames.folding import Folded
from derive.checking.frames.groups import groups_of
from derive.checking.frames.macros import MacroJudge
from derive.checking.frames.structure import structure_findings
from derive.checking.instance import Judged


def frames_findings(instance: Judged) -> Iterator[Finding]:
    """Judge the frames of an instance, each as the image that it is; nothing for an image of one frame.

    Parameters
    ----------
    instance : Judged
        With the sequences of its functional groups.
    """
    groups = groups_of(instance)
    if groups is None:
        return
    yield from structure_findings(groups)
    macros, told = MacroJudge(groups), Folded(len(groups.own))
    yield from macros.shared()
    for number, (item, frame) in enumerate(zip(groups.own, groups.frames(), strict=True), 1):
        macros.of_frame(number, item, frame, told)
    yield from told.findings()
