"""Deriving one series by every rule that wants it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from derive.errors import DeriveError
from derive.many.deriving import derive_series, outcome_of
from derive.many.facts import facts_of, merged
from derive.many.node.entries import Made
from derive.many.node.store import size_of, sync
from derive.many.outcome import Ending, Outcome
from derive.many.plan import Plan, SeriesRule
from derive.many.selecting import rules_for
from derive.pacs.sendable import sendables_of
from derive.reading.files import plain
from derive.reading.header import Header, Reader
from derive.records.record import record_of


@dataclass(frozen=True)
class DeriveTask:
    """A series to be derived.

    Parameters
    ----------
    plan : Plan
    series : str
        Series Instance UID.
    paths : tuple of Path
        Its files.
    sources : str
        Digest of what came: SOP Instance UIDs and digests.
    known : frozenset of str
        Keys of the results that are there already.
    results : Path
        Where folders of results are.
    attempt : str
        Mark of the folders of this attempt.
    """

    plan: Plan
    series: str
    paths: tuple[Path, ...]
    sources: str
    known: frozenset[str]
    results: Path
    attempt: str


@dataclass(frozen=True)
class Worked:
    """What became of a series.

    Parameters
    ----------
    outcomes : tuple of Outcome
        One for each rule that wants it.
    made : tuple of Made
    kept : tuple of str
        Keys of the results that were there already.
    own : bool
        Whether a rule wants it whose steps were done to it already.
    """

    outcomes: tuple[Outcome, ...] = ()
    made: tuple[Made, ...] = ()
    kept: tuple[str, ...] = ()
    own: bool = False


def key_of(rule: SeriesRule, sources: str) -> str:
    """Return what a result follows from: the rule and its sources."""
    return hashlib.sha256(f"{rule.digest} {sources}".encode()).hexdigest()


def worked(task: DeriveTask) -> Worked:
    """Derive a series by every rule that wants it; nothing is raised."""
    try:
        headers = _headers(task.paths)
        told = (facts_of(header, task.plan.keywords).facts for header in headers)
        rules = rules_for(task.plan, merged(told, len(headers)))
        done = _steps_done(headers[0]) if headers else ()
    except Exception as error:  # one series never stops the others
        return Worked((outcome_of(error),))
    outcomes, made, kept, own = [], [], [], False
    for rule in rules:
        key = key_of(rule, task.sources)
        if _contains(done, tuple(map(str, rule.operations))):
            own = True
        elif key in task.known:
            kept.append(key)
        else:
            outcome, result = _by(rule, task, key)
            outcomes.append(outcome)
            made += [result] if result is not None else []
    return Worked(tuple(outcomes), tuple(made), tuple(kept), own)


def _by(rule: SeriesRule, task: DeriveTask, key: str) -> tuple[Outcome, Made | None]:
    folder = task.results / f"{key[:32]}-{task.attempt}"
    outcome = derive_series(rule, task.paths, folder)
    if outcome.ending is not Ending.DONE:
        return outcome, None
    try:
        uids = sorted({s.series_instance_uid for s in sendables_of([folder])})
        sync(folder)
        return outcome, Made(key, rule.name, folder.name, size_of(folder), tuple(uids))
    except (DeriveError, OSError) as error:
        return outcome_of(error, rule), None


def _headers(paths: Sequence[Path]) -> list[Header]:
    """Read the headers of a series; what is none is not counted, and refused by who reads the series."""
    reader = Reader()
    return [header for header in (reader.read(plain(path)) for path in paths) if isinstance(header, Header)]


def _steps_done(header: Header) -> tuple[str, ...]:
    """Return the steps that an instance says were done, as operations write themselves."""
    return tuple(str(step.operation()) if step.recomputable else step.text for step in record_of(header).steps)


def _contains(done: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    """Whether steps stand among those that were done, one behind the other."""
    return any(done[k : k + len(steps)] == steps for k in range(len(done) - len(steps) + 1))
