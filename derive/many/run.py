"""A run: what is settled before it begins, and its outcomes as they come."""

from __future__ import annotations

import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from derive.many.engines.engine import Engine, Finished, Standing
from derive.many.index import TreeIndex
from derive.many.ledger import Ledger
from derive.many.locking import locked
from derive.many.outcome import Ending, Outcome
from derive.many.plan import Plan
from derive.many.planning import Pairs, settled_folder, task_of
from derive.many.tasks import Delivery, SeriesTask
from derive.many.working import NO_RULE
from derive.reading.files import Unreadable

#: What is kept of a run beside the ledger; each can be deleted.
INDEX, PAIRS, LOCK = "index.sqlite", "pairs.sqlite", "lock"
#: Folders below a state that hold nothing when no run is at work.
_WORK = "work"
#: Of outcomes that were known before the run.
BEFORE = "before"


@dataclass(frozen=True)
class HowFar:
    """How far a run is.

    Parameters
    ----------
    total : int
        Series and rules that go together, all of them.
    counts : mapping of Ending to int
        What ended, in this run or before.
    worked : int
        How many of these this run worked on.
    seconds : float
        Since it began with the first.
    standing : Standing
        Of the engine.
    """

    total: int
    counts: Counter[Ending]
    worked: int
    seconds: float
    standing: Standing

    @property
    def done(self) -> int:
        """How many ended."""
        return sum(self.counts.values()) - self.counts[Ending.SKIPPED]

    @property
    def rate(self) -> float:
        """Series a second."""
        return self.worked / self.seconds if self.seconds > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take; None where nobody can know."""
        return (self.total - self.done) / self.rate if self.rate else None


class SeriesSource(Protocol):
    """Where series come from: a tree, or an archive."""

    total: int

    def tasks(self, ledger: Ledger) -> Iterator[SeriesTask | Outcome]:
        """Give the task of each series and rule that go together, or what became of it already."""
        ...

    def unread(self) -> Iterator[Unreadable]:
        """Give what cannot be read, and is of no series."""
        ...


class TreeSource:
    """The series of a tree.

    Parameters
    ----------
    index : TreeIndex
        Scanned.
    pairs : Pairs
        Filled.
    plan : Plan
    delivery : Delivery
    content : bool
        Whether what follows from a source follows from the bytes of its files.
    """

    def __init__(self, index: TreeIndex, pairs: Pairs, plan: Plan, delivery: Delivery, *, content: bool) -> None:
        self._index, self._pairs, self._plan = index, pairs, plan
        self._delivery, self._content = delivery, content
        self.total = len(pairs)

    def tasks(self, ledger: Ledger) -> Iterator[SeriesTask | Outcome]:
        """Give tasks in the order of the series."""
        for planned in self._pairs:
            if planned.rule < 0:
                yield Outcome(Ending.SKIPPED, planned.series_instance_uid, code=NO_RULE, message="no rule wants it")
            else:
                task = task_of(planned, self._plan, self._index, self._delivery, content=self._content)
                yield settled_folder(task, ledger)

    def unread(self) -> Iterator[Unreadable]:
        """Give what cannot be read."""
        return self._index.unread()


@dataclass
class PlanRun:
    """Tasks of a source, done by an engine, kept in a ledger. It counts as it goes.

    Parameters
    ----------
    source : SeriesSource
    ledger : Ledger
    engine : Engine
    limit : int, optional
        How many tasks are begun at most.
    seconds : float, optional
        How long each may take.
    told : callable (HowFar) -> None, optional
    dry_run : bool
        Nothing is kept.
    """

    source: SeriesSource
    ledger: Ledger
    engine: Engine
    limit: int | None = None
    seconds: float | None = None
    told: Callable[[HowFar], None] | None = None
    dry_run: bool = False
    counts: Counter[Ending] = field(default_factory=Counter)
    _begun: int = 0
    _worked: int = 0
    _ready: deque[Outcome] = field(default_factory=deque)
    _again: set[str] = field(default_factory=set)

    def outcomes(self) -> Iterator[Outcome]:
        """Give every outcome as it comes."""
        since = time.monotonic()
        if not self.dry_run:
            self.ledger.settle()
        for finished in self.engine.run(self._tasks()):
            yield from self._told_of()
            if finished is not None:
                yield from self._ended(finished)
            self._tell(since)
        yield from self._told_of()
        self._tell(since)

    def _tasks(self) -> Iterator[SeriesTask | None]:
        """Give what is to be done, and say of each before that it is begun; None where something stands, to be told."""
        for each in self.source.tasks(self.ledger):
            if isinstance(each, Outcome):
                self._ready.append(each)
                yield None
                continue
            standing = self.ledger.stands(each.slot, each.digest)
            if standing:
                self._ready += [replace(o, facts={**o.facts, BEFORE: True}) for o in standing]
                yield None
                continue
            if self.limit is not None and self._begun >= self.limit:
                continue
            self._begun += 1
            if not self.dry_run:
                if (known := self.ledger.known(each.slot)) is not None and known.digest != each.digest:
                    self._again.add(each.slot)
                self.ledger.begin([each.intent])
            yield replace(each, seconds=self.seconds)

    def _ended(self, finished: Finished) -> Iterator[Outcome]:
        task, outcomes = finished
        if not self.dry_run:
            self.ledger.end(task.slot, task.digest, outcomes)
        self._worked += 1
        for outcome in outcomes:
            if task.slot in self._again:
                outcome = replace(outcome, facts={**outcome.facts, "changed": True})
            self.counts[outcome.ending] += 1
            yield outcome
        self._again.discard(task.slot)

    def _told_of(self) -> Iterator[Outcome]:
        while self._ready:
            outcome = self._ready.popleft()
            self.counts[outcome.ending] += 1
            yield outcome

    def _tell(self, since: float) -> None:
        if self.told is not None:
            total = min(self.source.total, self._limited())
            self.told(HowFar(total, self.counts, self._worked, time.monotonic() - since, self.engine.standing))

    def _limited(self) -> int:
        before = sum(self.counts.values()) - self.counts[Ending.SKIPPED] - self._worked
        return self.source.total if self.limit is None else before + self.limit


def state_of(stack: ExitStack, state: Path, what: str) -> None:
    """Take a folder for the state of a run, as long as a stack is open: nobody else may, and only its owner looks."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    stack.enter_context(locked(state / LOCK, what))
    shutil.rmtree(state / _WORK, ignore_errors=True)
    (state / _WORK).mkdir(exist_ok=True)


def scanned(stack: ExitStack, state: Path, roots: Iterable[Path], plan: Plan, without: Path | None) -> TreeIndex:
    """Return the index of a tree, as it is now."""
    index = stack.enter_context(TreeIndex(state / INDEX))
    index.scan(roots, plan.keywords, without)
    return index


def paired(stack: ExitStack, state: Path, plan: Plan, index: TreeIndex) -> Pairs:
    """Return the series of an index with the rules that want them."""
    pairs = stack.enter_context(Pairs(state / PAIRS, plan))
    pairs.fill(index)
    return pairs
