"""What is done in time with what lies in the ledger: series completed, derived, sent, and removed when they are old.

Each is a thread that looks into the ledger and does what is next there; it has no memory of its own but of what is in
work. So a node that was killed goes on from wherever each series was.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from derive.many.node.completion import Completion
from derive.many.node.delivery import NodeDelivery
from derive.many.node.deriver import Deriver, Interrupted
from derive.many.node.entries import Failure, NodeInstance, NodeSeries
from derive.many.node.ledger import NodeLedger
from derive.many.node.reception import Reception
from derive.many.node.settings import NodeSettings
from derive.many.node.states import SeriesState
from derive.many.node.store import NodeStore
from derive.many.node.work import DeriveTask, Worked
from derive.many.outcome import Ending, Outcome
from derive.many.plan import Plan
from derive.told.wording import flag

#: A series that was begun so often and had no end takes the process, or the node, with it.
MOST_STARTS = 3
_LOOK_S = 0.3
_TIDY_S = 60.0
#: So many results are looked at before those that came meanwhile are.
_AT_ONCE = 100
_DAY_S = 86400.0
#: A thread that did not look for so long hangs.
HANGING_S = 300.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rooms:
    """Where everything of a node is.

    Parameters
    ----------
    settings : NodeSettings
    plan : Plan
    store : NodeStore
    ledger : NodeLedger
    """

    settings: NodeSettings
    plan: Plan
    store: NodeStore
    ledger: NodeLedger


class Steward:
    """Has done what is to be done.

    Parameters
    ----------
    rooms : Rooms
    completion : Completion
    delivery : NodeDelivery
    reception : Reception
    """

    def __init__(self, rooms: Rooms, completion: Completion, delivery: NodeDelivery, reception: Reception) -> None:
        self._rooms, self._completion, self._delivery = rooms, completion, delivery
        self._reception = reception
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._in_work: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._looked: dict[str, float] = {}

    def begin(self) -> None:
        """Start the threads; what a killed node left half made goes first."""
        known = self._rooms.ledger.folders()
        for path in self._rooms.store.results.iterdir():
            if path.name.partition(".")[0] not in known:
                shutil.rmtree(path, ignore_errors=True)
        works: dict[str, Callable[[], bool]] = {"complete": self._complete, "send": self._send, "tidy": self._tidy}
        for number in range(self._rooms.settings.workers):
            deriver = Deriver(self._stop)
            works[f"derive-{number}"] = lambda deriver=deriver: self._derive(deriver)  # type: ignore[misc]
        for name, work in works.items():
            self._looked[name] = time.monotonic()
            thread = threading.Thread(target=self._again_and_again, args=(name, work), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self, seconds: float) -> None:
        """End; what is being done has so long to end, and is done again at the next start if it has not."""
        self._stop.set()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    @property
    def hanging(self) -> list[str]:
        """Names of threads that did not look for what is next for a long time; deriving and sending may take longer."""
        now = time.monotonic()
        return [name for name in ("complete", "tidy") if now - self._looked.get(name, now) > HANGING_S]

    @property
    def in_work(self) -> int:
        """How many series and results are being derived or sent."""
        return len(self._in_work)

    def _again_and_again(self, name: str, work: Callable[[], bool]) -> None:
        while not self._stop.is_set():
            self._looked[name] = time.monotonic()
            try:
                more = work()
            except Interrupted:
                return
            except Exception as error:  # a full disk, a ledger that is busy: the next look may be better
                if self._stop.is_set():
                    return
                _log.error("%s: %s; it is tried again", name, type(error).__name__)
                more = False
            if not more:
                self._stop.wait(_LOOK_S)

    def _complete(self) -> bool:
        return self._completion.look(time.time()) > 0

    def _claimed(self, names: Sequence[str]) -> str | None:
        """Return the first that nobody works on, for the caller alone."""
        with self._lock:
            free = next((name for name in names if name not in self._in_work), None)
            if free is not None:
                self._in_work.add(free)
            return free

    def _derive(self, deriver: Deriver) -> bool:
        now = time.time()
        due = {s.uid: s for s in self._rooms.ledger.series(SeriesState.COMPLETE) if s.due <= now}
        uid = self._claimed(list(due))
        if uid is None:
            return False
        try:
            # Between the look and the claim another thread may have been done with it.
            series = self._rooms.ledger.one_series(uid)
            if series is not None and series.state is SeriesState.COMPLETE:
                self._derived(series, deriver)
        finally:
            self._in_work.discard(uid)
        return True

    def _derived(self, series: NodeSeries, deriver: Deriver) -> None:
        ledger, store = self._rooms.ledger, self._rooms.store
        came = ledger.instances(series.uid)
        if any(instance.gone for instance in came):
            message = "some of it was removed since it was done; send all of it again"
            self._put_aside(series, Failure("NODE-LATE", message, flag("keep_days")))
            return
        if ledger.begin(series) > MOST_STARTS:
            self._put_aside(series, Failure("NODE-CRASH", "it was begun several times, and never had an end"))
            return
        keys = frozenset(row[0] for row in ledger.asked("SELECT key FROM result WHERE series = ?", series.uid))
        paths = tuple(store.path(series.uid, instance.uid) for instance in came)
        attempt = f"{series.version}-{time.time_ns():x}"
        task = DeriveTask(self._rooms.plan, series.uid, paths, sources_of(came), keys, store.results, attempt)
        worked = deriver.work(task, self._rooms.settings.timeout)
        self._enter(series, worked)

    def _enter(self, series: NodeSeries, worked: Worked) -> None:
        """Enter what became of a series; what was made of an earlier version of it goes."""
        ledger, store = self._rooms.ledger, self._rooms.store
        bad = [o for o in worked.outcomes if not o.ending.well]
        passing = [o for o in bad if o.ending is Ending.FAILED]
        failure = failure_of(bad[0]) if bad else None
        if passing and len(passing) == len(bad) and series.tries + 1 < MOST_STARTS:
            self._forget(worked)
            ledger.postpone(series, time.time() + self._delivery.pause_s(series.tries + 1))
            _log.warning("series %s: %s; it is tried again", series.uid, passing[0].code)
            return
        if failure is None and not worked.made and not worked.kept:
            state = SeriesState.OWN if worked.own else SeriesState.SKIPPED
            if ledger.move(series, state):
                _log.info("series %s: %s", series.uid, "its steps were done" if worked.own else "no rule is for it")
            return
        if not ledger.derived(series, worked.made, worked.kept, failure):
            self._forget(worked)
            return
        store.count(sum(m.size for m in worked.made))
        if failure is not None:
            _log.error("series %s: put in quarantine (%s)", series.uid, failure.code)
        else:
            _log.info(
                "series %s: derived by %s", series.uid, ", ".join(m.rule for m in worked.made) or "an earlier run"
            )

    def _forget(self, worked: Worked) -> None:
        for made in worked.made:
            shutil.rmtree(self._rooms.store.results / made.folder, ignore_errors=True)

    def _put_aside(self, series: NodeSeries, failure: Failure) -> None:
        if self._rooms.ledger.move(series, SeriesState.QUARANTINED, failure):
            _log.error("series %s: put in quarantine (%s)", series.uid, failure.code)

    def _send(self) -> bool:
        due = self._rooms.ledger.to_send(time.time(), _AT_ONCE)
        for result in due:
            if self._stop.is_set() or self._delivery.waits:
                return False
            self._delivery.deliver(result)
        return bool(due)

    def _tidy(self) -> bool:
        """Remove what is done and old."""
        ledger, store = self._rooms.ledger, self._rooms.store
        for uid in ledger.old(time.time() - self._rooms.settings.keep_days * _DAY_S):
            # The ledger first: files that it does not speak of are taken in again, and derived.
            store.remove([store.results / name for name in ledger.remove(uid)])
            self._reception.clear(uid)
            _log.info("series %s: its files are removed", uid)
        self._stop.wait(_TIDY_S)
        return True


def sources_of(came: Sequence[NodeInstance]) -> str:
    """Return the digest of what a result is made of."""
    text = "\n".join(f"{i.uid} {i.digest}" for i in sorted(came, key=lambda i: i.uid))
    return hashlib.sha256(text.encode()).hexdigest()


def failure_of(outcome: Outcome) -> Failure:
    """Return what the ledger says of an outcome that is none."""
    return Failure(outcome.code, outcome.message, outcome.flag, outcome.trace)
