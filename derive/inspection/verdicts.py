"""What derive would say to a stack: the real reading, the real operations and the real assembly, of headers only."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.builder import build
from derive.errors import DeriveError
from derive.model.classes import target_of
from derive.model.geometry import Geometry
from derive.model.source import Skipped, SourceSeries
from derive.operations import REGISTRY, OperationKind
from derive.reading.header import Header
from derive.reading.planes import distinct
from derive.reading.read import series_of
from derive.reading.select import select
from derive.reading.stack import quantity_of, stack

OK = "ok"
#: For what no error of this package says: a fault of ours.
UNEXPECTED = "BUG"
#: A grid is tried that is finer than the coarsest axis by this at most: a spacing of nothing is no reason to wait.
FINER = 4.0


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
    """

    code: str = OK
    message: str = ""
    fix: str = ""
    tried: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is nothing against it."""
        return self.code == OK


def unchanged(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what came in: a function to try ``apply`` with."""
    return values


#: Parameters to try an operation with. What has no required parameter and is not named is tried without any.
_TRIALS: Mapping[str, Callable[[Geometry], dict[str, Any]]] = {
    "gaussian_blur": lambda geometry: {"sigma_mm": 1.0},
    "resample": lambda geometry: {"spacing_mm": max(min(geometry.spacing), max(geometry.spacing) / FINER)},
    "apply": lambda geometry: {"function": unchanged, "code": "Smoothing"},
}


def without_copies(headers: Sequence[Header]) -> tuple[list[Header], tuple[str, ...]]:
    """Leave out headers that say the same as another one of their SOP Instance UID; pixels are not compared."""
    kept: list[Header] = []
    copies: list[str] = []
    for same in distinct(sorted(headers, key=lambda h: h.name), lambda h: _uid(h)).values():
        first, *others = same
        kept.append(first)
        for other in others:
            if first.elements == other.elements and first.tags == other.tags:
                copies.append(other.name)
            else:
                kept.append(other)
    return kept, tuple(copies)


def _uid(header: Header) -> str:
    try:
        return header.text("SOPInstanceUID") or header.name
    except DeriveError:
        return header.name


def read_verdict(headers: Sequence[Header]) -> tuple[SourceSeries | None, Verdict]:
    """Read a stack; return the series, or None, and what derive.read says."""
    made: list[SourceSeries] = []
    verdict = _tried("derive.read", lambda: made.append(series_of(headers)))
    return (made[0] if made else None), verdict


def refusal(headers: Sequence[Header], skipped: Sequence[Skipped]) -> Verdict:
    """Say why derive.read takes none of several series, or nothing at all."""
    return _tried("derive.read", lambda: select(headers, skipped, None))


def every(verdict: Verdict) -> dict[str, Verdict]:
    """Give one verdict for every operation: what is not read, none can take."""
    return dict.fromkeys([*(k.name for k in _tried_kinds()), "export", "convert"], verdict)


def _tried_kinds() -> list[OperationKind]:
    return [k for k in REGISTRY.values() if k.name in _TRIALS or not _asks(k)]


def verdicts(source: SourceSeries) -> dict[str, Verdict]:
    """What each operation, and the way out and in, says to a series.

    Operations are bound to simple parameters and planned as a dry run does: no pixel is decoded.
    """
    found = {kind.name: _operation(kind, source) for kind in _tried_kinds()}
    found["export"] = _tried("derive convert SERIES -o FILE.nii.gz", lambda: stack(source))
    found["convert"] = _tried("derive convert VOLUME --reference SERIES", lambda: _as_reference(source))
    return found


def _as_reference(source: SourceSeries) -> None:
    """Ask of a reference what a conversion asks of it: the units, where its class states them."""
    if target_of(source.sop_class_uid).units_keyword:
        quantity_of(source)


def _asks(kind: OperationKind) -> bool:
    """Whether an operation has parameters that must be given."""
    return any(p.default is p.empty for p in kind.signature.parameters.values())


def _operation(kind: OperationKind, source: SourceSeries) -> Verdict:
    parameters = _TRIALS[kind.name](source.geometry) if kind.name in _TRIALS else {}
    operation = kind(**parameters)
    return _tried(str(operation), lambda: build(source, operation).plan(), kind.name)


def _tried(what: str, action: Callable[[], object], operation: str = "") -> Verdict:
    try:
        action()
    except DeriveError as error:
        return Verdict(error.code, error.message, fix_of(error.code, operation, error.facts), what)
    except Exception as error:  # a folder is never refused for one stack of it
        return Verdict(UNEXPECTED, f"{type(error).__name__}; please report it", "", what)
    return Verdict(tried=what)


def fix_of(code: str, operation: str = "", facts: Mapping[str, Any] | None = None) -> str:
    """Return the flag that would change what is refused, or what else would; empty where nobody knows."""
    text = _fixes().get((code, operation)) or _fixes().get((code, "")) or ""
    return text.format_map({"keyword": "KEYWORD"} | dict(facts or {}))


@cache
def _fixes() -> Mapping[tuple[str, str], str]:
    """``fixes.tsv``: by code and operation (empty for all)."""
    table = files(__package__).joinpath("fixes.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {(line["code"], line["operation"]): line["fix"] for line in lines}
