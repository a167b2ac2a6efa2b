"""``derive.batch``: a plan over a tree or an archive, its outcomes as they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from derive.errors import OutputError, UsageError
from derive.many.archives import ArchiveSource
from derive.many.engines.alone import Alone
from derive.many.engines.cluster import Cluster, refuse_import
from derive.many.engines.engine import Engine
from derive.many.journal import lines_of
from derive.many.ledger import JOURNAL, Ledger
from derive.many.outcome import Outcome
from derive.many.plan import Plan
from derive.many.report import BatchSummary, ReportFile, now
from derive.many.run import HowFar, PlanRun, SeriesSource, TreeSource, paired, scanned, state_of
from derive.many.tasks import STATE, Delivery
from derive.pacs.config import Destination, load
from derive.told.wording import did_you_mean, flag
from derive.writing.unfinished import scratch

#: The extra that brings Dask.
EXTRA = "dicom-derive[batch]"


@dataclass(frozen=True)
class BatchOptions:
    """How a plan is run.

    Parameters
    ----------
    workers : int, optional
        Processes of this machine; as many as it has cores where nobody says.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster that exists, ``tcp://host:8786``, in place of processes here.
    resume : bool
        Go on in an output that is there: what is done and still stands is not done again.
    dry_run : bool
        Write nothing, and say what would be made, and what would be refused.
    limit : int, optional
        How many series are begun at most.
    timeout_s : float, optional
        How long one series may take, seconds.
    digest : {"stamps", "content"}
        Whether a source is the same by the sizes and times of its files, or by their bytes.
    report : path, optional
        File of lines of JSON, one an outcome, as they come; it is made anew.
    state : path, optional
        Folder of index and ledger; ``.derive`` in the output, or beside the plan where results go to an archive.
    filters : mapping of str to str, optional
        What is asked of an archive, as :func:`derive.find` takes it: ``date``, ``patient_id``, ``modality``.
    told : callable (HowFar) -> None, optional
        HowFar how far the run is.
    """

    workers: int | None = None
    scheduler: str | None = None
    resume: bool = False
    dry_run: bool = False
    limit: int | None = None
    timeout_s: float | None = None
    digest: Literal["stamps", "content"] = "stamps"
    report: str | Path | None = None
    state: str | Path | None = None
    filters: Mapping[str, str] | None = None
    told: Callable[[HowFar], None] | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError("OPT-JOBS", f"{self.workers} workers; wanted 1 or more")
        if self.limit is not None and self.limit < 1:
            raise UsageError("MANY-OPTION", f"limit {self.limit}; wanted 1 or more")
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise UsageError("MANY-OPTION", f"timeout {self.timeout_s} s; wanted seconds above 0")
        if self.digest not in ("stamps", "content"):
            raise UsageError("MANY-OPTION", f"digest {self.digest!r:.40}; wanted stamps or content")
        if self.workers is not None and self.scheduler is not None:
            raise UsageError("MANY-OPTION", "a cluster that exists has its own workers; give one of the two")
        if self.scheduler is not None and not has_dask():
            raise UsageError("MANY-DASK", f"a scheduler needs dask.distributed: pip install '{EXTRA}'")


def has_dask() -> bool:
    """Whether ``dask.distributed`` is installed; nothing is imported."""
    return find_spec("distributed") is not None


def batch(
    source: str | Path | Iterable[str | Path] | Destination,
    plan: Plan | str | Path | Mapping[str, Any],
    *,
    output: str | Path | Destination,
    **options: Any,
) -> BatchRun:
    """Run a plan over a tree or an archive.

    Parameters
    ----------
    source : path, paths or archive
        Folders, or a name of ``derive.toml``, ``AET@host:port``, or the root of a DICOMweb service.
    plan : Plan, path or mapping
    output : path or archive
        A folder that is new or empty, unless a run is gone on with; or an archive as above.
    **options
        As in :class:`BatchOptions`.

    Returns
    -------
    BatchRun
        Gives an outcome for each series and rule that wants it, and one for each series that none wants, as they end;
        nothing runs before the first is asked for. Its ``summary`` says what they come to.

    Raises
    ------
    UsageError
        ``PLAN-...``, ``MANY-OPTION``, ``MANY-MAIN``, ``OPT-UNKNOWN``: before anything runs.
    OutputError
        ``OUT-EXISTS`` for an output that is not empty, ``MANY-LOCKED`` while another run is at work in it.
    SourceError
        ``SRC-MISSING``, ``MANY-INPUT``.
    NetworkError
        ``MANY-SCHEDULER``; for an archive that cannot be asked.

    Notes
    -----
    With ``dask.distributed`` (the extra ``batch``) processes work side by side: a script that calls this does so under
    ``if __name__ == "__main__":``, as with all that starts processes. Without it, series after series is done here.

    Examples
    --------
    ::

        for item in derive.batch("/archive", "plan.toml", output="/derived", workers=8):
            print(item)
    """
    said = _options_of(options)
    settled = _plan_of(plan)
    return BatchRun(source, settled, output, said, _beside(plan))


def _options_of(said: Mapping[str, Any]) -> BatchOptions:
    known = [f.name for f in fields(BatchOptions)]
    if unknown := sorted(said.keys() - {*known}):
        hint = did_you_mean(unknown[0], known)
        raise UsageError("OPT-UNKNOWN", f"there is no option {unknown[0]!r}{hint}; there are {', '.join(known)}")
    return BatchOptions(**said)


def _plan_of(plan: Plan | str | Path | Mapping[str, Any]) -> Plan:
    if isinstance(plan, Plan):
        return plan
    return Plan.of(plan) if isinstance(plan, Mapping) else Plan.read(plan)


def _beside(plan: object) -> Path:
    """Where the state of a run lies whose results go to an archive."""
    file = Path(plan) if isinstance(plan, str | Path) else Path("plan")
    return file.with_name(f".{file.stem}{STATE}")


class BatchRun(Iterator[Outcome]):
    """A run that is settled, and begins when its first outcome is asked for: :func:`batch` makes it.

    Parameters
    ----------
    source, plan, output : as in :func:`batch`
    options : BatchOptions
    beside : Path
        Where its state lies, where results go to an archive and nobody says it.
    """

    def __init__(self, source: Any, plan: Plan, output: Any, options: BatchOptions, beside: Path) -> None:
        self.options = options
        self.source: Destination | list[Path] = _source_of(source)
        folder, archive = _output_of(output)
        self.plan = _reproducible(plan) if archive is not None else plan
        self.delivery = Delivery(folder, archive, plan.layout, dry_run=options.dry_run)
        self.state = Path(options.state) if options.state else beside if folder is None else folder / STATE
        if options.filters and not isinstance(self.source, Destination):
            raise UsageError("MANY-OPTION", "filters are asked of an archive; of folders the rules say what is wanted")
        if has_dask():
            refuse_import()
        self._refuse_output()
        #: What its outcomes come to, so far.
        self.summary = BatchSummary(begun=now())
        self._outcomes = self._run()

    def __next__(self) -> Outcome:
        """Give the next outcome."""
        return next(self._outcomes)

    def close(self) -> None:
        """End it before its end: what is done is kept."""
        self._outcomes.close()

    def _run(self) -> Generator[Outcome, None, None]:
        """Give outcomes; everything is let go of at the end, however that comes."""
        with ExitStack() as stack:
            what = str(self.delivery.output or (self.delivery.archive and self.delivery.archive.address))
            state = self.state
            if self.options.dry_run and not state.exists():
                state = Path(stack.enter_context(scratch()))
            state_of(stack, state, what)
            ledger = stack.enter_context(Ledger(state, self.delivery.output))
            delivery = replace(self.delivery, salt=ledger.salt)
            source = self._source(stack, state, delivery)
            report = stack.enter_context(ReportFile(Path(self.options.report))) if self.options.report else None
            engine = self._engine()
            stack.callback(engine.close)
            run = PlanRun(
                source,
                ledger,
                engine,
                limit=self.options.limit,
                seconds=self.options.timeout_s,
                told=self.options.told,
                dry_run=self.options.dry_run,
            )
            for outcome in run.outcomes():
                self.summary.add(outcome)
                if report is not None:
                    report.add(outcome)
                yield outcome
            self.summary.unread, self.summary.ended = list(source.unread()), now()
            if report is not None:
                report.end(self.summary.unread)

    def _source(self, stack: ExitStack, state: Path, delivery: Delivery) -> SeriesSource:
        if isinstance(self.source, Destination):
            return ArchiveSource(self.source, self.options.filters or {}, self.plan, delivery)
        index = scanned(stack, state, self.source, self.plan, delivery.output)
        pairs = paired(stack, state, self.plan, index)
        return TreeSource(index, pairs, self.plan, delivery, content=self.options.digest == "content")

    def _engine(self) -> Engine:
        if has_dask():
            return Cluster(self.options.workers, self.options.scheduler)
        return Alone(f"dask.distributed is not installed: series after series, in one process (pip install '{EXTRA}')")

    def _refuse_output(self) -> None:
        """Refuse an output before anything runs; what is there is only gone on with by who says so."""
        folder = self.delivery.output
        if folder is None:
            if _began(self.state) and not self.options.resume and not self.options.dry_run:
                text = f"a run of this plan left {self.state.name}; {flag('resume')} goes on with it"
                raise OutputError("OUT-EXISTS", text)
            return
        if folder.exists() and not folder.is_dir():
            raise OutputError("OUT-EXISTS", f"{folder.name} is no folder")
        if _holds_something(folder) and not self.options.resume and not self.options.dry_run:
            text = f"{folder.name} is not empty; {flag('resume')} goes on with a run, and overwrites nothing else"
            raise OutputError("OUT-EXISTS", text)
        if isinstance(self.source, list):
            for root in self.source:
                if root.exists() and folder.exists() and os.path.samefile(root, folder):
                    raise OutputError("OUT-SOURCE", f"{folder.name} is the source; choose another folder for results")


def _holds_something(folder: Path) -> bool:
    """Whether there is anything in a folder but the state of a run that began nothing."""
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return _began(folder / STATE) if names == [STATE] else bool(names)


def _began(state: Path) -> bool:
    return any("begun" in line for line in lines_of(state / JOURNAL))


def _source_of(source: Any) -> Destination | list[Path]:
    if isinstance(source, Destination):
        return source
    if isinstance(source, str):
        found = load().destination(source, new_folder=True)
        if found.address.remote:
            return found
    roots = [source] if isinstance(source, str | Path) else list(source)
    if not roots:
        raise UsageError("MANY-OPTION", "there is no input; wanted folders, or an archive")
    return [Path(root) for root in roots]


def _output_of(output: Any) -> tuple[Path | None, Destination | None]:
    if isinstance(output, Path):
        return output.absolute(), None
    found = output if isinstance(output, Destination) else load().destination(str(output), new_folder=True)
    return (None, found) if found.address.remote else (Path(str(output)).absolute(), None)


def _reproducible(plan: Plan) -> Plan:
    """Return a plan whose results have UIDs that follow from their sources: what is sent twice to an archive is one.

    Raises
    ------
    UsageError
        ``PLAN-UIDS`` where a rule wants UIDs at random.
    """
    for rule in plan.rules:
        if rule.options.get("uids", "reproducible") != "reproducible":
            text = f"{rule.name}: results for an archive have reproducible UIDs, or one that is sent again is two"
            raise UsageError("PLAN-UIDS", text)
    rules = tuple(replace(rule, options={**rule.options, "uids": "reproducible"}) for rule in plan.rules)
    return replace(plan, rules=rules)
