"""THE PAGE: from a folder of DICOM objects to the same ones that name nobody.

::

    options ──settled──▶ profile, run            refused before any file is read
    source  ──survey───▶ series, identifiers     first pass: headers
                            │
              batches ──treat──▶ new files, each read again and searched    second pass: here, or in processes
                            │
                 publish: a series as a whole  │  quarantine: as a whole, with kinds and paths
                            │
                         report
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from derive.deidentification.line.publish import Publisher, target_of
from derive.deidentification.line.report import DeidentificationReport
from derive.deidentification.line.review import write_review
from derive.deidentification.line.survey import Survey, survey_of
from derive.deidentification.line.tally import Tally
from derive.deidentification.line.work import Batch, Bench, Treated, batches, peek, treat
from derive.deidentification.profile.wanted import Settled, settled, wanted_of
from derive.parallel import cores, in_processes
from derive.reading.files import Source
from derive.told.progress import tell

#: Below so many objects another process costs more than it saves.
_FEW = 64


def deidentify(source: Source, target: str | Path, **options: Any) -> DeidentificationReport:
    """De-identify every DICOM object of a source (PS3.15 Annex E): images, reports, presentation states, plans, ...

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        As :func:`derive.read` takes it; of several series, studies and patients.
    target : str or Path
        Folder that is new or empty. What is not fit to be published goes to ``TARGET.quarantine`` beside it.
    **options
        As in :class:`derive.deidentification.profile.wanted.Wanted`.

    Returns
    -------
    DeidentificationReport
        ``ok`` is whether all of it is published.

    Raises
    ------
    UsageError
        For an option, profile, rule or key that cannot be, before any file is read.
    SourceError
        ``SRC-MISSING``, ``SRC-NONE``.
    OutputError
        For a target that cannot be written as asked.
    """
    ready, out = settled(wanted_of(options)), Path(target)
    tally = Tally(ready)
    with target_of(out, ready.wanted) as place, closing(ready.run.uids):
        written = (out, place.publisher.beside) if ready.wanted.resume else ()
        survey = survey_of(source, ready.run.seen, written)
        with place.staging(survey) as staging:
            if staging is not None:
                ready.run.keep()
            _run(_Pass(ready, survey, staging, place.publisher), tally)
    if ready.wanted.review:
        write_review(Path(ready.wanted.review), tally.kept, overwrite=ready.wanted.overwrite)
    return tally.report(out, survey)


@dataclass(frozen=True)
class _Pass:
    """The second pass."""

    ready: Settled
    survey: Survey
    staging: Path | None
    publisher: Publisher


def _run(work: _Pass, tally: Tally) -> None:
    """Treat everything, and publish each series when its last object is there."""
    bench = Bench(work.ready, work.survey, work.staging)
    there = _there_already(work, bench) if work.publisher.again else frozenset()
    tasks = [b for b in batches(work.survey) if b.series not in there]
    count = sum(b.end - b.first for b in tasks)
    tally.there_already += len(there)
    series, done = list[Treated](), 0
    for batch, result in zip(tasks, in_processes(treat, tasks, _processes(work), bench), strict=True):
        series += result.treated
        done += len(result.treated)
        tally.join(result)
        if batch.is_last:
            _end(batch, series, work, tally)
            series = []
        tell("de-identifying", done, count)


def _processes(work: _Pass) -> int:
    few = work.survey.is_packed or work.survey.count < _FEW
    return 1 if few else work.ready.wanted.jobs or cores()


def _there_already(work: _Pass, bench: Bench) -> frozenset[int]:
    """Return the series of which an earlier run has published everything."""
    bench()
    run, publisher = work.ready.run, work.publisher
    return frozenset(k for k in range(len(work.survey.series)) if publisher.has(_peeked(k, work), run))


def _peeked(series: int, work: _Pass) -> list[Treated]:
    """Return what the objects of a series would be."""
    members = work.survey.series[series].members
    return [t for t in (peek(member, k) for k, member in enumerate(members, 1)) if t.name]


def _end(batch: Batch, series: Sequence[Treated], work: _Pass, tally: Tally) -> None:
    """Publish a series, put it in quarantine, or let it go: as a whole."""
    made = [t for t in series if t.name]
    state = tally.state_of(series)
    place = work.publisher.place(made[0], work.ready.run) if made else PurePosixPath()
    names = work.publisher.files(made)
    tally.take(series, state, [str(place / name) for name in names])
    if work.staging is None or not made:
        return
    staged = work.staging / str(batch.series)
    moves = {staged / t.name: name for t, name in zip(made, names, strict=True)}
    if state == "published":
        work.publisher.publish(moves, place)
    elif state == "quarantined":
        work.publisher.quarantine(moves, made, place)
    shutil.rmtree(staged, ignore_errors=True)
