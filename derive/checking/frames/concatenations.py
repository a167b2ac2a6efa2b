"""Concatenations: instances that are one image, cut for its length (PS3.3 C.7.6.16.2.2.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from derive.checking.finding import Finding, finding
from derive.checking.instance import Judged
from derive.told.secrecy import shown_uid
from derive.told.wording import counted

#: Makes a finding of a keyword and what is wrong with it.
Told = Callable[[str, str], Finding]


class ConcatenationPart(NamedTuple):
    """What is remembered of an instance that is part of a concatenation."""

    name: str
    uid: str
    source: str
    number: int
    total: int | None
    offset: int
    frames: int


def part_of(instance: Judged) -> ConcatenationPart | None:
    """Return what an instance says of its concatenation; None for one that is in none."""
    uid = instance.text("ConcatenationUID")
    if not uid:
        return None
    number, total, offset, frames = (
        instance.integer(k)
        for k in (
            "InConcatenationNumber",
            "InConcatenationTotalNumber",
            "ConcatenationFrameOffsetNumber",
            "NumberOfFrames",
        )
    )
    source = instance.text("SOPInstanceUIDOfConcatenationSource")
    return ConcatenationPart(instance.name, uid, source, number or 0, total, offset or 0, frames or 0)


def concatenation_findings(parts: Sequence[ConcatenationPart], series: str) -> Iterator[Finding]:
    """Judge whether every concatenation of a series is whole, and its parts go together.

    Parameters
    ----------
    parts : sequence of ConcatenationPart
    series : str
        Series Instance UID, for the findings.
    """
    found: dict[str, list[ConcatenationPart]] = {}
    for part in parts:
        found.setdefault(part.uid, []).append(part)
    for members in found.values():
        yield from _judged(sorted(members, key=lambda p: p.number), series)


def _judged(members: Sequence[ConcatenationPart], series: str) -> Iterator[Finding]:
    def told(keyword: str, message: str) -> Finding:
        return finding("CHK-CONCATENATION", keyword, f"{message}, of {shown_uid(members[0].uid)}", series)

    totals = {p.total for p in members if p.total is not None}
    numbers = [p.number for p in members]
    if len(totals) > 1:
        shown = " and ".join(map(str, sorted(totals)))
        yield told("InConcatenationTotalNumber", f"is {shown} in parts")
    if len({p.source for p in members}) > 1:
        yield told("SOPInstanceUIDOfConcatenationSource", "differs within a concatenation")
    most = max((*totals, *numbers))
    repeated = sorted({n for n in numbers if numbers.count(n) > 1})
    missing = [n for n in range(1, most + 1) if n not in numbers]
    if repeated or not numbers[0] >= 1:
        number = repeated[0] if repeated else numbers[0]
        yield told("InConcatenationNumber", f"is {number} in {counted(numbers.count(number), 'part')}; wanted 1 and up")
    if totals and max(numbers) > max(totals):
        yield told("InConcatenationNumber", f"is {max(numbers)} of a total of {max(totals)}")
    if missing and not repeated:
        shown = ", ".join(map(str, missing[:4])) + (", ..." if len(missing) > 4 else "")
        yield told("InConcatenationNumber", f"lacks the parts {shown} of {most}")
    elif not repeated:
        yield from _offsets(members, told)


def _offsets(members: Sequence[ConcatenationPart], told: Told) -> Iterator[Finding]:
    """Each part says how many frames are in those before it."""
    before = 0
    for part in members:
        if part.offset != before:
            message = f"is {part.offset} in {part.name}; the parts before it have {counted(before, 'frame')}"
            yield told("ConcatenationFrameOffsetNumber", message)
            return
        before += part.frames
