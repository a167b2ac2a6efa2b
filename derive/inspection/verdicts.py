"""What derive would say to a stack: the real reading, the real operations and the real assembly, of headers only."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from derive.authoring.options import options_of
from derive.builder import derived
from derive.errors import DeriveError
from derive.model.classes import target_of
from derive.model.planes import planes_of
from derive.model.source import Skipped, SourceSeries
from derive.model.stacking import quantity_of, refuse_uneven, refuse_unplaced, stacked
from derive.operations import REGISTRY, Operation, OperationKind
from derive.reading.assumed import LEGAL
from derive.reading.choice import Choice
from derive.reading.groups import distinct
from derive.reading.header import Header
from derive.reading.illegal import lawful
from derive.reading.read import series_of
from derive.reading.select import select
from derive.told.wording import flag, spoken

OK = "ok"
#: What is tried beside the operations: the way out, and in.
AROUND = ("export", "convert")
#: What helps who has no step before it.
_RECTIFY_FIRST = "no flag: rectify the series, and take the result"
#: For what no error of this package says: a fault of ours.
UNEXPECTED = "BUG"


@dataclass(frozen=True)
class Verdict:
    """What would be said.

    Parameters
    ----------
    code : str
        ``ok``, or the code of the error.
    message : str
        Text of the error.
    fix : str
        The flag that would change it, or what else would.
    tried : str
        What was tried.
    keyword : str
        The attribute that it is about; empty where it is about none.
    flags : str
        What has to be said for it to be ok, beside what an operation cannot do without.
    """

    code: str = OK
    message: str = ""
    fix: str = ""
    tried: str = ""
    keyword: str = ""
    flags: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is nothing against it."""
        return self.code == OK


def without_copies(headers: Sequence[Header]) -> tuple[list[Header], tuple[str, ...]]:
    """Leave out headers that say the same as another one of their SOP Instance UID; pixels are not compared."""
    kept: list[Header] = []
    copies: list[str] = []
    groups = distinct(sorted(headers, key=lambda h: h.name), lambda h: h.lenient.text("SOPInstanceUID") or h.name)
    for same in groups.values():
        first, *others = same
        kept.append(first)
        for other in others:
            if first.elements == other.elements and first.tags == other.tags:
                copies.append(other.name)
            else:
                kept.append(other)
    return kept, tuple(copies)


def read_verdict(
    headers: Sequence[Header], assume: Mapping[str, str] | None = None, choice: Choice | None = None
) -> tuple[SourceSeries | None, Verdict]:
    """Read a stack; return the series, or None, and what derive.read says. What it says itself nobody assumes of it."""
    made: list[SourceSeries] = []
    wanted = dict(assume or {})
    while True:
        verdict = _tried("derive.read", lambda: made.append(series_of(headers, assume=wanted, choice=choice)))
        if verdict.code != LEGAL or wanted.pop(verdict.keyword, None) is None:
            return (made[0] if made else None), verdict


def refusal(headers: Sequence[Header], skipped: Sequence[Skipped]) -> Verdict:
    """Say why derive.read takes none of several series, or nothing at all."""
    return _tried("derive.read", lambda: select(lawful(headers), skipped, None))


def every(verdict: Verdict) -> dict[str, Verdict]:
    """Give one verdict for every operation: what is not read, none can take."""
    return dict.fromkeys([*(k.name for k in _tried_kinds()), *AROUND], verdict)


def _tried_kinds(volumes: int = 1) -> list[OperationKind[...]]:
    """Operations along a dimension say nothing of a series that is one volume."""
    return [k for k in REGISTRY.values() if k.triable and (volumes > 1 or not k.along)]


def verdicts(source: SourceSeries) -> dict[str, Verdict]:
    """What each operation, and the way out and in, says to a series.

    Operations are bound to simple parameters and planned as a dry run does: no pixel is decoded.
    """
    volumes = len(source.frames) // source.geometry.shape[0]
    kinds = [kind for kind in _tried_kinds(volumes) if kind.suits is None or kind.suits(source)]
    found = {kind.name: _operation(kind, source) for kind in kinds}
    around = {
        "export": _tried("convert SERIES to FILE.nii.gz", lambda: _as_volume(source)),
        "convert": _tried(f"convert VOLUME, {flag('reference', 'SERIES')}", lambda: _as_reference(source)),
    }
    uneven = source.uneven.code if source.uneven else ""
    return found | {k: replace(v, fix=_RECTIFY_FIRST) if v.code == uneven else v for k, v in around.items()}


def _as_volume(source: SourceSeries) -> None:
    """Ask of a series what an export asks of it."""
    refuse_unplaced(source)
    stacked(source)


def _as_reference(source: SourceSeries) -> None:
    """Ask of a reference what a conversion asks of it: slices that lie evenly, and units where its class has some."""
    refuse_uneven(source)
    if target_of(source.sop_class_uid).units_keyword:
        quantity_of(source)


def _operation(kind: OperationKind[...], source: SourceSeries) -> Verdict:
    operation = kind.tried_on(source.geometry, source.dimensions)
    verdict = _tried(str(operation), lambda: _plan(source, operation), kind.fixes)
    if verdict.ok:
        return replace(verdict, flags=_flags(operation, kind.trial(source.geometry) if kind.trial else {}))
    if source.uneven is None or verdict.code != source.uneven.code or kind.first:
        return verdict
    return replace(verdict, fix=_rectified(operation, source) or verdict.fix)


def _plan(source: SourceSeries, *steps: Operation) -> None:
    """Plan a series: what is refused raises."""
    derived(source, steps, options_of({}), measured=False).plan()


def _flags(operation: Operation, trial: Mapping[str, Any]) -> str:
    """Return what was said to an operation beside its trial, since the series asks for it."""
    known = operation.kind.signature.parameters
    said = {k: v for k, v in operation.parameters.items() if k not in trial and v != known[k].default}
    return " ".join(flag(k, "" if v is True else str(v)) for k, v in said.items())


def _rectified(operation: Operation, source: SourceSeries) -> str:
    """Return the flags with which an operation does it on a regular grid, as it was tried; empty if it does not."""
    bridged = math.ceil(max(planes_of(source.geometry).steps_mm) * 100) / 100
    for first in (kind for kind in REGISTRY.values() if kind.first):
        for said in ({}, {"max_gap_mm": bridged}):
            steps = (first(**said), operation)
            if _tried("", lambda steps=steps: _plan(source, *steps)).ok:  # type: ignore[misc]
                return " ".join([flag("regular_grid"), *(flag(k, f"{v:g}") for k, v in said.items())])
    return ""


def _tried(what: str, action: Callable[[], object], own_fixes: Mapping[str, str] | None = None) -> Verdict:
    try:
        action()
    except DeriveError as error:
        fix = spoken((own_fixes or {}).get(error.code, "")) or fix_of(error.code, error.facts)
        return Verdict(error.code, error.message, fix, what, str(error.facts.get("keyword", "")))
    except Exception as error:  # a folder is never refused for one stack of it
        return Verdict(UNEXPECTED, f"{type(error).__name__}; please report it", "", what)
    return Verdict(tried=what)


def fix_of(code: str, facts: Mapping[str, Any] | None = None) -> str:
    """Return the flag that would change what is refused, or what else would; empty where nobody knows."""
    keyword = str((facts or {}).get("keyword", "KEYWORD"))
    return spoken(_fixes().get(code, "").replace("{keyword}", keyword))


@cache
def _fixes() -> Mapping[str, str]:
    """``fixes.tsv``, by code."""
    table = files(__package__).joinpath("fixes.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {line["code"]: line["fix"] for line in lines}
