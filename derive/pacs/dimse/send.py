"""Instances to an archive by C-STORE: what is sent, over which associations, and what the archive said of each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from queue import SimpleQueue

from derive.errors import NetworkError, UsageError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse import contexts
from derive.pacs.dimse.link import Link
from derive.pacs.dimse.worker import Load, Patience, Task, Worker
from derive.pacs.matching import is_harmless_uid
from derive.pacs.outcome import Category, Result
from derive.pacs.sendable import Sendable


class DimseSender:
    """Sends instances by C-STORE (PS3.4 B): one association a series, or some side by side.

    The data set is sent as it is encoded wherever the archive takes its transfer syntax, otherwise in Explicit or
    Implicit VR Little Endian. What was refused for want of resources, and what was sent and not answered, is sent
    again, the latter over a new association; nothing else is.

    Parameters
    ----------
    address : DimseAddress
    parallel : int
        How many associations share a series.
    attempts : int
        How often an instance is sent at most.
    backoff_s : float
        Seconds before the second attempt; twice as many before each further one.

    Raises
    ------
    UsageError
        ``OPT-PARALLEL``, ``OPT-ATTEMPTS``.
    """

    def __init__(self, address: DimseAddress, *, parallel: int = 1, attempts: int = 3, backoff_s: float = 0.5) -> None:
        if parallel < 1:
            raise UsageError("OPT-PARALLEL", f"{parallel} associations; wanted 1 or more")
        if attempts < 1 or backoff_s < 0:
            raise UsageError(
                "OPT-ATTEMPTS", f"{attempts} attempts, {backoff_s} s between; wanted 1 or more, and 0 or more"
            )
        self._address, self._parallel = address, parallel
        self._patience = Patience(attempts, backoff_s)

    def send(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Send instances; give the result of each as soon as it is final.

        If it is closed early, what is under way is cut off and the associations end.

        Raises
        ------
        NetworkError
            As :func:`derive.pacs.dimse.association.open_association`, if not even the first association can be had.
        """
        proper = []
        for sendable in sendables:
            unsendable = _unsendable(sendable)
            if unsendable:
                yield Task(sendable).result(Category.UNSENT, unsendable)
            else:
                proper.append(sendable)
        gave_up, first = "", True
        for series in contexts.split_by_series(proper):
            for group in contexts.groups(series):
                load = Load(group.contexts, deque(map(Task, group.sendables)))
                if not gave_up:
                    yield from self._carry(load, first=first)
                    gave_up, first = load.gave_up, False
                yield from load.rest(f"not sent: {gave_up}")

    def _carry(self, load: Load, *, first: bool) -> Iterator[Result]:
        """Send a load; what is left of it afterwards was given up."""
        stop = threading.Event()
        try:
            link = self._open(load, stop, first=first)
        except NetworkError as error:
            if error.code == "NET-CONTEXT":
                yield from load.refused(error)
                return
            if first:
                raise
            load.gave_up = error.message
            return
        count = min(self._parallel, len(load.tasks))
        workers = [Worker(self._address, load, self._patience, stop) for _ in range(count)]
        workers[0].link = link
        try:
            yield from workers[0].run() if count == 1 else _side_by_side(workers, stop)
        finally:
            stop.set()
        if not load.tasks:
            load.gave_up = ""

    def _open(self, load: Load, stop: threading.Event, *, first: bool) -> Link:
        """Open an association; the very first one is tried again only if the archive itself asks for that."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return Link(self._address, load.contexts, stop)
            except NetworkError as error:
                passing = error.facts.get("transient") and (not first or error.code == "NET-REJECTED")
                if attempt >= self._patience.attempts or not passing:
                    raise
            stop.wait(self._patience.pause(attempt))


def _side_by_side(workers: Sequence[Worker], stop: threading.Event) -> Iterator[Result]:
    """Run workers in threads of their own; afterwards, even after an error, none is left."""
    results: SimpleQueue[Result | BaseException | None] = SimpleQueue()

    def work(worker: Worker) -> None:
        try:
            for result in worker.run():
                results.put(result)
        except BaseException as error:
            results.put(error)
        finally:
            results.put(None)

    threads = [threading.Thread(target=work, args=(w,), name=f"derive-send-{i}") for i, w in enumerate(workers)]
    try:
        for thread in threads:
            thread.start()
        running = len(threads)
        while running:
            result = results.get()
            if result is None:
                running -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _unsendable(sendable: Sendable) -> str:
    """Say what keeps an instance from being named in a message; empty if nothing does."""
    if not is_harmless_uid(sendable.sop_class_uid):
        return "its SOP Class UID is no UID"
    if not is_harmless_uid(sendable.transfer_syntax_uid):
        return "its Transfer Syntax UID is no UID"
    if not (sendable.sop_instance_uid.isascii() and len(sendable.sop_instance_uid) <= 64):
        return "its SOP Instance UID is no UID"
    return ""
