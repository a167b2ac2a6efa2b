"""Instances that are parts of one multi-frame image: concatenations (PS3.3 C.7.6.16.2.2.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from derive.errors import SourceError
from derive.reading.groups import distinct
from derive.reading.header import Header
from derive.told.secrecy import some
from derive.told.wording import counted


def check_concatenations(headers: Sequence[Header]) -> None:
    """Refuse concatenations that are not whole, or of which a part is there twice.

    Parameters
    ----------
    headers : sequence of Header
        Instances of one series, identical copies left out.

    Raises
    ------
    SourceError
        ``SRC-CONCATENATION``
    """
    parts = [h for h in headers if h.text("ConcatenationUID")]
    for group in distinct(parts, lambda h: h.text("ConcatenationUID")).values():
        _check(sorted(group, key=_number))


def _check(parts: Sequence[Header]) -> None:
    numbers = [_number(part) for part in parts]
    twice = [part.name for part in parts if numbers.count(_number(part)) > 1]
    if twice:
        _refuse(parts, f"{some(twice)} have one In-concatenation Number (0020,9162) and are several instances", twice)
    totals = {total for part in parts if (total := part.integer("InConcatenationTotalNumber"))}
    if len(totals) > 1:
        _refuse(parts, "its instances do not say the same of In-concatenation Total Number (0020,9163)")
    total = max([*totals, *numbers])
    missing = sorted(set(range(1, total + 1)) - set(numbers))
    if missing:
        named = some([str(number) for number in missing], 12)
        _refuse(parts, f"{len(missing)} of {counted(total, 'instance')} are missing: In-concatenation Number {named}")
    first = 0
    for part in parts:
        said = part.integer("ConcatenationFrameOffsetNumber")
        if said is not None and said != first:
            found = f"{part.name} has Concatenation Frame Offset Number {said} (0020,9228)"
            _refuse(parts, f"{found}, and {counted(first, 'frame')} come before it", [part.name])
        first += part.integer("NumberOfFrames") or 0


def _number(part: Header) -> int:
    number = part.integer("InConcatenationNumber")
    if number is None or number < 1:
        _refuse([part], "it has no In-concatenation Number (0020,9162) above 0", [part.name])
    return number


def _refuse(parts: Sequence[Header], why: str, files: Sequence[str] = ()) -> NoReturn:
    raise SourceError(
        "SRC-CONCATENATION",
        f"the concatenation that {min(p.name for p in parts)} is of is not whole: {why}",
        files=list(files),
    )
