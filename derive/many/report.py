"""The report of a run: a line of JSON for each outcome as it comes, and what they come to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from derive.errors import OutputError, SourceError
from derive.many.outcome import Ending, Outcome
from derive.reading.files import Unreadable
from derive.version import MODEL, VERSION
from derive.writing.atomic import refuse_files, unwritable

SCHEMA = "derive-batch/1"
#: Of series that are read one after another so many slowest ones are named.
_SLOWEST = 10


class ReportFile:
    """Writes a report; use it in a ``with`` block.

    Parameters
    ----------
    path : Path
        A report of an earlier run is replaced.

    Raises
    ------
    OutputError
        ``OUT-FOREIGN`` for a file that is no report, ``OUT-EXISTS``, ``OUT-WRITE``.
    """

    def __init__(self, path: Path) -> None:
        refuse_files([path], overwrite=True)
        if path.exists() and path.stat().st_size and not is_report(path):
            text = f"{path.name} is there, and is no report of derive; it is not replaced: choose another name"
            raise OutputError("OUT-FOREIGN", text)
        try:
            self._file = open(path, "w", encoding="ascii")  # noqa: SIM115 - closed at the end
        except OSError as error:
            raise unwritable(path.name, error) from error
        self._say({"schema": SCHEMA, "software": {"name": MODEL, "version": VERSION}, "begun": now()})

    def add(self, outcome: Outcome) -> None:
        """Say what became of a series."""
        told = outcome.to_json()
        told.pop("files", None)
        self._say({"outcome": told, "at": now()})

    def end(self, unread: Iterable[Unreadable] = ()) -> None:
        """Say what could not be read, and that this is all."""
        for each in unread:
            self._say({"unread": each._asdict()})
        self._say({"ended": now()})

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._file.close()

    def _say(self, line: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise unwritable("the report", error) from error


@dataclass
class BatchSummary:
    """What the outcomes of a run come to.

    Parameters
    ----------
    counts : Counter of Ending
    codes : Counter of (Ending, code)
    examples : mapping of (Ending, code) to Outcome
        The first of each.
    rules : Counter of (rule, Ending)
    slowest : list of Outcome
    before : int
        How many stood already.
    unread : list of Unreadable
    begun, ended : str
        ISO 8601; `ended` is empty of a run that did not end.
    seconds : float
        Of work, over all workers.
    size : int
        Bytes of results.
    """

    counts: Counter[Ending] = field(default_factory=Counter)
    codes: Counter[tuple[Ending, str]] = field(default_factory=Counter)
    examples: dict[tuple[Ending, str], Outcome] = field(default_factory=dict)
    rules: Counter[tuple[str, Ending]] = field(default_factory=Counter)
    slowest: list[Outcome] = field(default_factory=list)
    before: int = 0
    unread: list[Unreadable] = field(default_factory=list)
    begun: str = ""
    ended: str = ""
    seconds: float = 0.0
    size: int = 0

    def add(self, outcome: Outcome) -> None:
        """Take one more."""
        key = (outcome.ending, outcome.code)
        self.counts[outcome.ending] += 1
        self.rules[outcome.rule, outcome.ending] += 1
        if outcome.code:
            self.codes[key] += 1
            self.examples.setdefault(key, outcome)
        if outcome.facts.get("before"):
            self.before += 1
            return
        self.seconds += outcome.seconds
        self.size += int(outcome.facts.get("bytes", 0))
        self.slowest = sorted([*self.slowest, outcome], key=lambda o: -o.seconds)[:_SLOWEST]

    @property
    def exit_code(self) -> int:
        """0; 8 if not all that a rule wants is done; 3 if no rule wants anything."""
        wanted = sum(self.counts.values()) - self.counts[Ending.SKIPPED]
        if not wanted:
            return SourceError.exit_code
        return 0 if all(ending.well for ending, count in self.counts.items() if count) else 8

    @property
    def lasted_s(self) -> float | None:
        """Seconds from its begin to its end; None of a run that did not end."""
        if not self.ended:
            return None
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.begun)).total_seconds()

    def __str__(self) -> str:
        """Return a few lines for people: how many, and of what was not done each reason once."""
        parts = [f"{self.counts[e]} {e.value}" for e in Ending if self.counts[e]]
        before = f" ({self.before} of them before)" if self.before else ""
        lines = [", ".join(parts) + before if parts else "no series was found"]
        for (ending, code), count in self.codes.most_common():
            if not ending.well:
                example = self.examples[ending, code]
                helps = f"; {example.flag}" if example.flag else ""
                lines.append(f"{count} {ending.value}: {code}: {example.message}{helps}")
        if self.unread:
            lines.append(f"{len(self.unread)} cannot be read, and are of no series: {self.unread[0].reason}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; schemas/batch.json describes it."""
        codes = [
            {"ending": e.value, "code": c, "count": n, "example": _example(self.examples[e, c])}
            for (e, c), n in self.codes.most_common()
        ]
        return {
            "schema": SCHEMA,
            "counts": {e.value: self.counts[e] for e in Ending},
            "before": self.before,
            "codes": codes,
            "unread": [each._asdict() for each in self.unread],
            "begun": self.begun,
            "ended": self.ended,
            "work_seconds": round(self.seconds, 3),
            "bytes": self.size,
            "exit_code": self.exit_code,
        }


def _example(outcome: Outcome) -> dict[str, str]:
    return {"series": outcome.series_instance_uid, "message": outcome.message, "flag": outcome.flag}


def is_report(path: Path) -> bool:
    """Whether a file begins as a report does."""
    try:
        with open(path, encoding="utf-8") as file:
            return bool(json.loads(file.readline(4096)).get("schema") == SCHEMA)
    except (OSError, ValueError, AttributeError):
        return False


def read_report(path: Path) -> Generator[dict[str, Any], None, None]:
    """Give the lines of a report; one whose run was killed may end in a torn one.

    Raises
    ------
    SourceError
        ``SRC-MISSING``, ``MANY-REPORT`` for what is none.
    """
    if not path.is_file():
        raise SourceError("SRC-MISSING", f"{path.name} does not exist")
    if not is_report(path):
        raise SourceError("MANY-REPORT", f"{path.name} is no report of derive batch")
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith("\n"):
                return
            try:
                yield dict(json.loads(line))
            except ValueError:
                raise SourceError("MANY-REPORT", f"line {number} of {path.name} is no JSON") from None


def summary_of(path: Path) -> BatchSummary:
    """Sum a report up.

    Raises
    ------
    SourceError
        As :func:`read_report`.
    """
    found = BatchSummary()
    for line in read_report(path):
        if "outcome" in line:
            found.add(Outcome.from_json(line["outcome"]))
        elif "unread" in line:
            found.unread.append(Unreadable(**line["unread"]))
        found.begun, found.ended = line.get("begun", found.begun), line.get("ended", found.ended)
    return found


def now() -> str:
    """Return the time, for reports."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
