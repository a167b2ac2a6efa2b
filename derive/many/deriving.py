"""One series under one rule: read, derived, checked and written as the ``derive`` command does.

Whatever happens is told, and nothing is raised: a series that cannot be derived is an outcome among others.
"""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from derive.builder import DerivedSeries, derived
from derive.deidentification.line.report import DeidentificationReport
from derive.errors import DeriveError, InternalError, NetworkError, OutputError, as_ours, trace_of
from derive.inspection.verdicts import fix_of
from derive.many.outcome import Ending, Outcome
from derive.many.plan import SeriesRule
from derive.model.source import SourceSeries
from derive.reading.read import read
from derive.told.progress import listening
from derive.told.wording import counted, spoken
from derive.writing.atomic import refuse_folder, target_folder
from derive.writing.unfinished import scratch

#: Behind the name of a folder: what of its series is not fit to be published.
QUARANTINE = ".quarantine"
#: Another try may end otherwise: a disk or an archive stood in the way, or a fault, and nothing about the series.
_PASSING = (OutputError, NetworkError, InternalError)
_PASSING_CODES = frozenset({"SYS-MEMORY", "SRC-CHANGED", "SRC-MISSING"})


class TooLong(BaseException):
    """The time of a series is over: no error, so that nobody who handles errors on the way takes it for one."""


def derive_series(
    rule: SeriesRule,
    paths: Iterable[str | Path],
    target: Path | None,
    *,
    overwrite: bool = False,
    seconds: float | None = None,
) -> Outcome:
    """Derive one series as a rule says, into a folder, all or none.

    Parameters
    ----------
    rule : SeriesRule
    paths : iterable of path
        Files of the series, or folders with nothing else in them.
    target : Path, optional
        New or empty; the files lie in it directly. None: nothing is written, and the outcome is planned.
    overwrite : bool
        Replace a folder that is not empty, as a whole, if derive wrote all that is in it.
    seconds : float, optional
        How long it may take. It is looked at whenever something is told of how far the work is, which is every
        second or so; what one library computes at a stretch is not interrupted.

    Returns
    -------
    Outcome
        Its ``folder`` is `target`. What de-identification does not publish is in ``TARGET.quarantine``.
    """
    begun = time.monotonic()
    listener = _limited(begun + seconds) if seconds is not None else lambda *_: None
    try:
        with warnings.catch_warnings(action="ignore"), listening(listener):  # pydicom's quote odd values
            outcome = _derived(rule, [str(path) for path in paths], target, overwrite=overwrite)
    except TooLong:
        text = f"it took longer than {seconds:g} s, which is what one series may take"
        outcome = Outcome(Ending.TIMED_OUT, code="MANY-TIMEOUT", message=text)
    except Exception as error:  # one series never stops the others
        outcome = outcome_of(error, rule)
    return _timed(outcome, time.monotonic() - begun, rule)


def outcome_of(error: Exception, rule: SeriesRule | None = None) -> Outcome:
    """Return what an error makes of a series: refused with its code, or failed with a trace."""
    ours = as_ours(error)
    passing = isinstance(ours, _PASSING) or ours.code in _PASSING_CODES
    fixes: Mapping[str, str] = {}
    for operation in rule.operations if rule is not None else ():
        fixes = {**operation.kind.fixes, **fixes}
    return Outcome(
        Ending.FAILED if passing else Ending.REFUSED,
        code=ours.code,
        message=ours.message,
        flag=spoken(fixes.get(ours.code, "")) or fix_of(ours.code, ours.facts),
        trace="" if isinstance(error, DeriveError) and not passing else trace_of(error),
    )


def _timed(outcome: Outcome, seconds: float, rule: SeriesRule) -> Outcome:
    told = outcome.to_json() | {"seconds": seconds, "rule": rule.name}
    return Outcome.from_json(told)


def _limited(end: float) -> Callable[[str, int, int], None]:
    def listener(*_: object) -> None:
        if time.monotonic() > end:
            raise TooLong

    return listener


def _derived(rule: SeriesRule, paths: list[str], target: Path | None, *, overwrite: bool) -> Outcome:
    chosen: dict[str, Any] = {"every_stack": True} | {k: v for k, v in rule.read.items() if k != "assume"}
    source = read(paths, assume=rule.read.get("assume"), **chosen)
    series = derived(source, rule.operations, rule.series_options)
    facts = {
        "images": sum(len(stack.frames) for stack in (source, *source.beside)),
        "modality": source.text("Modality"),
    }
    uid = source.text("SeriesInstanceUID")
    if target is None:
        plan = series.plan()
        made = f"{counted(plan.images, 'image')} would be made"
        return Outcome(Ending.PLANNED, uid, message=made, facts={**facts, "made": plan.images})
    if rule.deidentify is not None:
        refused = _deidentified(rule, series, source, target, overwrite=overwrite)
        if refused is not None:
            return refused.of(uid, rule.name)
    else:
        report = series.write(target, overwrite=overwrite)
        facts |= {"result": report.series_instance_uid, "value_error": report.value_error}
    files = files_in(target)
    facts |= {"files": len(files), "bytes": sum((target / name).stat().st_size for name in files)}
    return Outcome(Ending.DONE, uid, files=files, folder=str(target), facts=facts)


def _deidentified(
    rule: SeriesRule, series: DerivedSeries, source: SourceSeries, target: Path, *, overwrite: bool
) -> Outcome | None:
    """Write a series that names nobody into one folder; return why not, if not all of it may be published."""
    options = dict(rule.deidentify or {})
    refuse_folder(target, source.paths, overwrite=overwrite)
    with scratch(tidy=False) as place:
        made = Path(place) / "series"
        report = series.deidentified(**options).write(made)
        if not report.ok:
            aside = made.with_name(made.name + QUARANTINE)
            if aside.exists():
                shutil.copytree(aside, target.with_name(target.name + QUARANTINE), dirs_exist_ok=True)
            return _unpublished(report)
        with target_folder(target, 0, source.paths, overwrite=overwrite) as new:
            moved = sorted(path for path in made.rglob("*") if path.is_file())
            several = len({path.parent for path in moved}) > 1  # each has images of the same names
            for file in moved:
                below = new / file.parent.name if several else new
                below.mkdir(exist_ok=True)
                shutil.move(file, below / file.name)
    return None


def _unpublished(report: DeidentificationReport) -> Outcome:
    kinds = sorted({fault.kind for record in report.quarantined for fault in record.faults})
    why = ", ".join(kinds) or "; ".join(sorted({other.code for other in (*report.refused, *report.unread)}))
    return Outcome(Ending.REFUSED, code="DEID-QUARANTINE", message=f"not all of the result may be published: {why}")


def files_in(folder: Path) -> tuple[str, ...]:
    """Return the names of the files in a folder and below, in order."""
    return tuple(sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()))
