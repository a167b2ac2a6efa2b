"""What the check of a de-identification finds: kinds and spots, never a value."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, cast

from derive.deidentification.check.spots import Spot
from derive.deidentification.private.safe import known_creators
from derive.elements.element import keyword_of
from derive.rewriting.stored import SequenceStep
from derive.told.secrecy import told

SCHEMA = "derive-deid-check/1"


class ViolationKind(NamedTuple):
    """A row of ``violations.tsv``: something that may not be in what is de-identified."""

    code: str
    severity: Literal["error", "warning"]
    section: str
    what: str


@cache
def violation_kinds() -> Mapping[str, ViolationKind]:
    """Everything that is looked for, by code."""
    text = files(__package__).joinpath("violations.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {
        row["code"]: ViolationKind(
            row["code"], cast(Literal["error", "warning"], row["severity"]), row["section"], row["what"]
        )
        for row in rows
    }


@dataclass(frozen=True)
class Violation:
    """One thing that is left, lost or claimed.

    Parameters
    ----------
    code : str
        ``violations.tsv`` lists all.
    severity : {"error", "warning"}
        What has an error is not published.
    path : str
        Keywords from the data set to the attribute, joined by a dot; a private one by its creator; empty for a file
        as a whole.
    message : str
        Why it is one; never a value.
    file : str
        Name of the written file.
    """

    code: str
    severity: Literal["error", "warning"]
    path: str
    message: str
    file: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file else ""
        what = f"{self.path}: " if self.path else ""
        return f"{where}{self.severity} {self.code}: {what}{self.message}"


def violation(code: str, spot: Spot | str, why: str = "", file: str = "") -> Violation:
    """Return a violation with the severity and the words of its code, and the reason."""
    kind = violation_kinds()[code]
    path = spot if isinstance(spot, str) else _path(spot)
    message = f"{kind.what} ({'; '.join(filter(None, (why, kind.section)))})"
    return Violation(code, kind.severity, told(path), told(message), file)


def _path(spot: Spot) -> str:
    """Tell a spot; a Private Creator that nobody knows may hold anything, and is not told."""
    return ".".join(_step(*step) for step in (*spot.path.above, SequenceStep(spot.tag, spot.creator)))


def _step(tag: int, creator: str) -> str:
    if not creator:
        return keyword_of(tag)
    known = creator if creator in known_creators() else "(another creator)"
    return f'({tag >> 16:04X},"{known}",{tag & 0xFF:02X})'


@dataclass(frozen=True)
class DeidCheckReport:
    """What the check of a de-identification found.

    Parameters
    ----------
    violations : tuple of Violation
        Errors first, otherwise in the order of the files.
    files : int
        Files that were looked at.
    paired : int
        Those whose original was found.
    """

    violations: tuple[Violation, ...]
    files: int
    paired: int

    def ok(self) -> bool:
        """Whether there are no errors."""
        return not any(v.severity == "error" for v in self.violations)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        errors = sum(v.severity == "error" for v in self.violations)
        return {
            "schema": SCHEMA,
            "ok": self.ok(),
            "files": self.files,
            "paired": self.paired,
            "errors": errors,
            "warnings": len(self.violations) - errors,
            "violations": [asdict(v) for v in self.violations],
        }
