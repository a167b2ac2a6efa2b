"""What a worker does with a task, in whichever process: fetch, derive, place or send, and say what became of it."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from derive.errors import NetworkError, OutputError
from derive.many.deriving import QUARANTINE, derive_series, outcome_of
from derive.many.facts import ALWAYS, facts_of, merged
from derive.many.layout import marked
from derive.many.ledger import complete
from derive.many.outcome import Ending, Outcome
from derive.many.plan import SeriesRule
from derive.many.selecting import rules_for
from derive.many.tasks import SeriesTask
from derive.pacs.fetch import fetched_series
from derive.pacs.send import SendReport, send
from derive.parallel import jobs, set_jobs
from derive.reading.files import find
from derive.reading.header import Header
from derive.reading.scan import scan
from derive.writing.unfinished import scratch

#: Of a series that no rule wants, and of one that was done before.
NO_RULE = "MANY-NORULE"
#: What these log and warn of quotes values; what of it matters is an outcome.
_OTHERS = ("pydicom", "pynetdicom", "urllib3", "requests", "PIL")


def work(task: SeriesTask, threads: int | None = None) -> tuple[Outcome, ...]:
    """Do a task; nothing is raised.

    Parameters
    ----------
    task : SeriesTask
    threads : int, optional
        How many threads this process may use for it.

    Returns
    -------
    tuple of Outcome
        One for each rule that wants the series; one where none does.
    """
    _quiet()
    if threads is not None and jobs() != threads:
        set_jobs(threads)
    begun = time.monotonic()
    try:
        with _source(task) as paths:
            rules = task.plan.rules if task.archive is None else _wanted(task, paths)
            if not rules:
                outcomes: tuple[Outcome, ...] = (Outcome(Ending.SKIPPED, code=NO_RULE, message="no rule wants it"),)
            else:
                outcomes = tuple(_under(rule, task, paths, begun) for rule in rules)
    except Exception as error:  # of an archive, or of a scratch folder
        outcomes = (replace(outcome_of(error), seconds=time.monotonic() - begun),)
    return tuple(o.of(task.series_instance_uid, o.rule) for o in outcomes)


def _quiet() -> None:
    """Let nothing of others get into logs of workers, which may quote a file."""
    warnings.simplefilter("ignore")
    for name in _OTHERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def _source(task: SeriesTask) -> Iterator[Sequence[str]]:
    """Give the files of a series; one of an archive lies in a temporary folder meanwhile."""
    if task.archive is None:
        yield task.paths
        return
    with fetched_series(task.archive, task.series_instance_uid) as folder:
        yield sorted(str(path) for path in folder.iterdir())


def _wanted(task: SeriesTask, paths: Sequence[str]) -> tuple[SeriesRule, ...]:
    return rules_for(task.plan, _said(paths, task.plan.keywords))


def _said(paths: Sequence[str], keywords: frozenset[str]) -> dict[str, str]:
    headers = [h for h in scan(find(paths)) if isinstance(h, Header)]
    return merged((facts_of(h, keywords | ALWAYS).facts for h in headers), len(headers))


def _under(rule: SeriesRule, task: SeriesTask, paths: Sequence[str], begun: float) -> Outcome:
    """Do it under one rule, in the time that is left."""
    left = None if task.seconds is None else max(0.0, task.seconds - (time.monotonic() - begun))
    delivery = task.delivery
    try:
        if delivery.dry_run:
            return derive_series(rule, paths, None, seconds=left).at(task.folder)
        if delivery.archive is not None:
            return _sent(rule, task, paths, left)
        if task.folder and delivery.output is not None:
            return _placed(rule, task, paths, left)
        return _named_by_result(rule, task, paths, left)
    except Exception as error:  # whatever goes wrong around it
        return replace(outcome_of(error, rule), rule=rule.name)


def _placed(rule: SeriesRule, task: SeriesTask, paths: Sequence[str], left: float | None) -> Outcome:
    """Derive into the folder that is known."""
    assert task.delivery.output is not None
    target = task.delivery.output / task.folder
    outcome = derive_series(rule, paths, target, overwrite=task.replaces, seconds=left)
    if outcome.code == "OUT-EXISTS" and not task.replaces:
        # it was free when this was begun: a worker of a run that was killed has ended its work meanwhile
        outcome = replace(complete(target) or outcome, rule=rule.name, seconds=outcome.seconds)
    return outcome.at(task.folder if outcome.ending is Ending.DONE else "")


def _named_by_result(rule: SeriesRule, task: SeriesTask, paths: Sequence[str], left: float | None) -> Outcome:
    """Derive aside, and let the result say where it lies: of a series of an archive, or one that names nobody."""
    output, work_folder = task.delivery.output, task.delivery.work
    assert output is not None
    assert work_folder is not None
    mark = task.delivery.mark(f"{task.series_instance_uid} {rule.name}")
    with scratch(tidy=False) as temporary:
        aside = work_folder / f"{mark[:16]}-{Path(temporary).name.rpartition('-')[2]}"
        outcome = derive_series(rule, paths, aside, seconds=left)
        quarantine = aside.with_name(aside.name + QUARANTINE)
        if quarantine.exists():
            kept = output / "quarantine" / mark[:16]
            kept.parent.mkdir(parents=True, exist_ok=True)
            os.rename(quarantine, _free(kept))
        if outcome.ending is not Ending.DONE:
            return outcome
        names = paths if rule.deidentify is None else [str(aside / outcome.files[0])]
        said = _said(names, task.delivery.layout.keywords)
        folder = task.delivery.layout.folder(said, rule.name)
        target = output / (folder if task.names_alone(rule) else marked(folder, mark))
        return _moved(aside, target, outcome, task)


def _moved(aside: Path, target: Path, outcome: Outcome, task: SeriesTask) -> Outcome:
    """Let a result take its place. Its name is of its slot alone: what is there is an earlier result of the same."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        earlier = aside.with_name(f"{aside.name}-earlier")
        os.rename(target, earlier)
        _removed(earlier)
    os.rename(aside, target)
    return outcome.at(task.relative(target))


def _removed(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def _free(folder: Path) -> Path:
    number, found = 1, folder
    while found.exists():
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found


def _sent(rule: SeriesRule, task: SeriesTask, paths: Sequence[str], left: float | None) -> Outcome:
    """Derive, and send from here; the archive is asked afterwards whether it has everything."""
    assert task.delivery.archive is not None
    with scratch(tidy=False) as folder:
        outcome = derive_series(rule, paths, Path(folder) / "series", seconds=left)
        if outcome.ending is not Ending.DONE:
            return outcome
        report = send(folder, task.delivery.archive, verify="instances", resume=True)
    if not report.ok:
        raise _not_there(report)
    return replace(outcome, folder="", facts={**outcome.facts, "stored": len(report.stored)})


def _not_there(report: SendReport) -> NetworkError | OutputError:
    return NetworkError("MANY-UNSENT", str(report))
