"""Side by side: slices are decoded, filtered, encoded and written in threads.

numpy, OpenCV, SimpleITK and the file system let other threads run while they work, so threads are enough and
nothing is copied between processes. There are few and large pieces of work, since to hand one over takes as
long as a small one. What is computed does not depend on how many threads there are.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import TypeVar

from derive.errors import UsageError

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
