"""On Dask: processes of this machine, or a cluster that exists (``dask.distributed``, the extra ``batch``).

The client hands out a few series a worker, and takes the next when one ends: a plan of a million series is never a
graph of a million tasks. A worker that is lost is Dask's to replace; its series is tried twice more. A series that
takes too long ends itself; where a library does not let it, its worker is started anew.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from derive.errors import NetworkError, UsageError
from derive.many.engines.engine import Finished, Standing
from derive.many.outcome import Ending, Outcome
from derive.many.tasks import SeriesTask
from derive.many.working import work
from derive.parallel import cores

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

#: Series in hand for each thread of a worker: one at work, and one that begins when it ends.
_IN_HAND = 2
#: How often a series is begun again whose worker was lost.
_TRIES = 2
#: Seconds to find a scheduler in.
_CONNECT_S = 30
#: Seconds between two looks at what is at work.
_LOOK_S = 0.25
#: Seconds between two questions who is there.
_ASK_S = 2.0
#: Seconds, and share of its time, that a series may take beyond it before its worker is ended.
_GRACE_S, _GRACE = 15.0, 0.5
#: Of the memory of all workers so much may be promised to series.
_PROMISED = 0.7
_BEGUN = "derive-begun"
_GUARD = "a script that starts processes is imported by each; it does its work under if __name__ == '__main__'"
#: Threads of libraries in a worker, by the environment variable that they ask when they are loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
_log = logging.getLogger(__name__)


@dataclass
class _InHand:
    """A series that was handed out.

    Parameters
    ----------
    task : SeriesTask
    losses : int
        How often a worker was lost that was at work on it.
    worker : str
        Who is; empty while it waits.
    since : float
        When that was begun.
    """

    task: SeriesTask
    losses: int = 0
    worker: str = ""
    since: float = field(default=0.0)


def refuse_import() -> None:
    """Refuse to work in a script that a process of ours imports as it starts: it would start processes in its turn.

    Raises
    ------
    UsageError
        ``MANY-MAIN``.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UsageError("MANY-MAIN", _GUARD)


def work_there(task: SeriesTask, key: str, threads: int | None) -> tuple[Outcome, ...]:
    """Do a task in a worker of Dask; the scheduler is told before, so that it knows who was at work if that is lost."""
    from distributed import get_worker
    from distributed.utils import sync

    worker = get_worker()
    sync(worker.loop, worker.scheduler.log_event, topic=_BEGUN, msg={"key": key, "worker": worker.address})
    return work(task, threads)


class Cluster:
    """The engine on Dask.

    Parameters
    ----------
    workers : int, optional
        Processes of this machine; as many as it has cores where nobody says.
    scheduler : str, optional
        Address of the scheduler of a cluster that exists, ``tcp://host:8786``, in place of processes here.

    Raises
    ------
    UsageError
        ``OPT-JOBS``.
    NetworkError
        ``MANY-SCHEDULER`` if the scheduler cannot be reached.
    """

    def __init__(self, workers: int | None = None, scheduler: str | None = None) -> None:
        if workers is not None and workers < 1:
            raise UsageError("OPT-JOBS", f"{workers} workers; wanted 1 or more")
        self._cluster: LocalCluster | None = None
        self._settings = ExitStack()
        self._threads: int | None = 1
        if scheduler is None:
            import dask
            import distributed  # noqa: F401 - brings its settings along: set before, they would go with ours

            # A worker that died is started again here, not by Dask's tries, and however long that takes; the second
            # is asked for when it dies, so both hold as long as the cluster lives.
            losses = {"distributed.scheduler.allowed-failures": 0, "distributed.deploy.lost-worker-timeout": "1 day"}
            self._settings.enter_context(dask.config.set(losses))
            count = workers or cores()
            self._threads = max(1, cores() // count)
            self._cluster = _local(count, self._threads)
        self._client = _client(self._cluster or scheduler)
        self._in_hand: dict[str, _InHand] = {}
        self._futures: dict[str, Future[Any]] = {}
        self._count, self._looked = 0, -_ASK_S
        self._client.subscribe_topic(_BEGUN, self._begun)
        self.standing = Standing(dashboard=str(self._client.dashboard_link or ""))
        self._look()

    def run(self, tasks: Iterable[SeriesTask | None]) -> Iterator[Finished | None]:
        """Hand out tasks, a few for each worker, and give each when it ended.

        Raises
        ------
        NetworkError
            ``MANY-SCHEDULER`` if the scheduler is gone.
        """
        for task in tasks:
            while task is not None and not self._has_room(task):
                yield from self._wait()
            if task is not None:
                self._hand_out(_InHand(task))
            yield None
            yield from self._ended()
        while self._in_hand:
            yield from self._wait()

    def close(self) -> None:
        """Let go; processes that were started here end."""
        self._client.close(timeout=5)
        if self._cluster is not None:
            self._cluster.close(timeout=5)
        self._settings.close()

    def _has_room(self, task: SeriesTask) -> bool:
        """Whether a worker can soon begin it, and there is memory for it: one alone is always tried."""
        if not self._in_hand:
            return True
        promised = task.memory + sum(one.task.memory for one in self._in_hand.values())
        return len(self._in_hand) < _IN_HAND * self._slots and promised <= _PROMISED * self._memory

    def _hand_out(self, one: _InHand) -> None:
        self._count += 1
        key = f"derive-{self._client.id}-{self._count}"
        one.worker, one.since = "", 0.0
        self._in_hand[key] = one
        self._futures[key] = self._client.submit(work_there, one.task, key, self._threads, key=key, pure=False)

    def _wait(self) -> Iterator[Finished | None]:
        """Wait a little for tasks to end, and give those that did."""
        from distributed import TimeoutError as TooEarly
        from distributed import wait

        try:
            wait(list(self._futures.values()), timeout=_LOOK_S, return_when="FIRST_COMPLETED")
        except TooEarly:
            pass
        except Exception as error:  # futures of a scheduler that is gone are called off
            _log.debug("waiting ended: %s", type(error).__name__)
        self._look()
        yield None
        yield from self._ended()
        yield from self._hung()

    def _ended(self) -> Iterator[Finished]:
        """Give the tasks that ended."""
        for key, future in list(self._futures.items()):
            if future.status != "pending":
                one = self._in_hand.pop(key)
                del self._futures[key]
                outcomes = self._outcomes(one, future)
                if outcomes is None:
                    self._hand_out(one)
                else:
                    yield Finished(one.task, outcomes)

    def _outcomes(self, one: _InHand, future: Future[Any]) -> tuple[Outcome, ...] | None:
        """Return what became of a task that ended; None where it is to be tried again.

        A worker that is lost takes with it what waited there; only what was begun may have been the reason.
        """
        if future.status == "finished":
            try:
                found: tuple[Outcome, ...] = future.result()
                return found
            except Exception as lost:  # the result was lost with its worker
                _log.debug("a result was lost: %s", type(lost).__name__)
        error = future.exception() if future.status == "error" else None
        if future.status == "cancelled" and self._client.status != "running":
            raise _gone()
        if error is not None and type(error).__name__ != "KilledWorker":
            text = f"{type(error).__name__} before it could begin; do workers and this process have one derive?"
            return one.task.failed("MANY-WORKER", text)
        one.losses += bool(one.worker)
        if one.losses <= _TRIES:
            return None
        text = f"{one.losses} workers were lost at work on it, perhaps for want of memory"
        return one.task.failed("MANY-LOST", text)

    def _hung(self) -> Iterator[Finished]:
        """Give up a series that does not end by itself when its time is over, and start its worker anew."""
        for key, one in list(self._in_hand.items()):
            seconds = one.task.seconds
            if seconds is None or not one.worker:
                continue
            if time.monotonic() - one.since > seconds + max(_GRACE_S, _GRACE * seconds):
                self._futures.pop(key).cancel(force=True)
                del self._in_hand[key]
                self._client.restart_workers([one.worker], timeout=30, raise_for_error=False)
                text = f"it took longer than {seconds:g} s and did not end by itself; its worker was started anew"
                yield Finished(one.task, one.task.failed("MANY-TIMEOUT", text, Ending.TIMED_OUT))

    def _begun(self, event: tuple[float, dict[str, Any]]) -> None:
        """Note that a worker began a task; called in the thread of the client."""
        said = event[1] if isinstance(event, tuple) else event
        one = self._in_hand.get(said.get("key", "")) if isinstance(said, dict) else None
        if one is not None:
            one.worker, one.since = said["worker"], time.monotonic()

    def _look(self) -> None:
        """See who is there, now and then."""
        if self._client.status != "running":
            raise _gone()
        self.standing.busy = sum(bool(one.worker) for one in self._in_hand.values())
        if time.monotonic() - self._looked < _ASK_S:
            return
        self._looked = time.monotonic()
        found = self._client.scheduler_info(n_workers=-1).get("workers", {}).values()
        self._slots = max(1, sum(w["nthreads"] for w in found))
        self._memory = sum(w["memory_limit"] or 2**63 for w in found)
        self.standing.workers = len(found)


def _local(count: int, threads: int) -> LocalCluster:
    """Start processes of this machine, each with its share of the cores; what they write aside is in temporary folders.

    Of Dask's own threads each has one: a series is computed by the threads of derive.
    """
    from distributed import LocalCluster

    try:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            env={name: str(threads) for name in _THREADS},
        )
    except RuntimeError as error:
        raise UsageError("MANY-MAIN", f"no process could be started: {_GUARD}") from error


def _client(where: LocalCluster | str | None) -> Client:
    from distributed import Client

    try:
        return Client(where, set_as_default=False, timeout=_CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        text = f"the scheduler {where} cannot be reached ({type(error).__name__}); is it dask scheduler's address?"
        raise NetworkError("MANY-SCHEDULER", text) from error


def _gone() -> NetworkError:
    return NetworkError("MANY-SCHEDULER", "the scheduler is gone; what is done is kept, and a run can go on with it")
