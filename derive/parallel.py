"""Side by side: slices are decoded, filtered, encoded and written in threads; headers are rewritten in processes.

numpy, OpenCV, SimpleITK and the file system let other threads run while they work, so threads are enough for pixels
and nothing is copied between processes. There are few and large pieces of work, since to hand one over takes as
long as a small one. What is computed does not depend on how many threads there are.

What walks through headers is Python, which one thread at a time may run: :func:`in_processes` is for that.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import count
from typing import TypeVar

from derive.errors import InternalError, UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Pool:
    """The threads of this process, made when they are first needed.

    Their number may change while others work: what was begun goes on in the threads that it has, which end with it.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = cores()
        self.executor: ThreadPoolExecutor | None = None

    def submit(self, function: Callable[[], Result]) -> Future[Result] | None:
        """Have a function called by another thread; None if there is to be no other."""
        with self.lock:
            if self.count == 1:
                return None
            if self.executor is None:
                self.executor = ThreadPoolExecutor(self.count - 1, "derive")
            return self.executor.submit(function)

    def resize(self, count: int) -> None:
        with self.lock:
            if self.executor is not None and count != self.count:
                self.executor.shutdown(wait=False)
                self.executor = None
            self.count = count

    def forget(self) -> None:
        """A forked process has none of its parent's threads, and a lock that one of them held stays so."""
        self.lock, self.executor = threading.Lock(), None


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


def jobs() -> int:
    """How many threads work side by side, the caller's among them."""
    return _pool.count


def set_jobs(count: int | None) -> None:
    """Set how many threads work side by side, in this process; what is under way goes on as it is.

    Parameters
    ----------
    count : int or None
        None: as many as there are cores. 1: none beside the caller's.

    Raises
    ------
    UsageError
        ``OPT-JOBS`` for a number below 1.
    """
    if count is not None and count < 1:
        raise UsageError("OPT-JOBS", f"{count} jobs; wanted 1 or more")
    _pool.resize(cores() if count is None else count)


def submit(function: Callable[[], Result]) -> Future[Result]:
    """Have a function called by another thread; at once and here if there is no other."""
    handed_over = _pool.submit(function)
    if handed_over is not None:
        return handed_over
    done: Future[Result] = Future()
    try:
        done.set_result(function())
    except Exception as error:
        done.set_exception(error)
    return done


def each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function with every item, here and by whatever threads are free.

    Returns
    -------
    list
        The results, in the order of the items.

    Raises
    ------
    Exception
        One that a call raised, when no call is under way any more.
    """
    results: list[Result | None] = [None] * len(items)
    turns, failed = count(), False

    def work() -> None:
        nonlocal failed
        try:
            while not failed and (index := next(turns)) < len(items):
                results[index] = function(items[index])
        except BaseException:
            failed = True
            raise

    helpers = [submit(work) for _ in range(min(_pool.count, len(items)) - 1)]
    try:
        work()
        settle(helpers)
    except BaseException:  # also an interruption while the others are waited for
        failed = True
        settle(helpers)
        raise
    for helper in helpers:
        if not helper.cancelled():
            helper.result()
    return results  # type: ignore[return-value]  # all of them are there now


def settle(futures: Iterable[Future[Result]]) -> None:
    """Call off what has not begun, and wait for the rest: afterwards nobody uses their arguments any more."""
    for future in futures:
        if not future.cancel():
            future.exception()


def in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], count: int, begin: Callable[[], None]
) -> Iterator[Result]:
    """Call a function with every item in other processes, and give the results in the order of the items.

    Only so many items are taken ahead as the processes can be at work with: what is given may be without end.

    Parameters
    ----------
    function : callable (Item) -> Result
        Of a module, so that another process finds it.
    items : iterable
    count : int
        How many processes; with 1 everything happens here.
    begin : callable () -> None
        Called once by every process before its first item, and here with a count of 1.

    Raises
    ------
    InternalError
        ``SYS-PROCESS`` if a process ended in the midst of its work, as one does that the system takes the memory from.
    Exception
        One that a call raised.
    """
    if count == 1:
        begin()
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(count, _context(), _begun, (os.getpid(), begin)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenExecutor as error:
            text = "a process that worked for this one has ended, perhaps for want of memory; fewer jobs need less"
            raise InternalError("SYS-PROCESS", text) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _context() -> multiprocessing.context.BaseContext:
    """A fork needs no second start of Python and inherits what is at hand; macOS does not bear it."""
    forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
    return multiprocessing.get_context("fork" if forks else "spawn")


def _begun(parent: int, begin: Callable[[], None]) -> None:
    """Begin in another process: who asked for the work decides when it ends, and nobody works on without them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    begin()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
