"""What becomes of instances on an association that may refuse, fail, and come back: each gets a result."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.uid import UID

from derive.errors import DeriveError, NetworkError, ValuesError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse.contexts import Context, wanted
from derive.pacs.dimse.link import Link, Lost, StoreResponse, refusal_of
from derive.pacs.dimse.status import category_of, meaning
from derive.pacs.dimse.transcode import data_set, recoded
from derive.pacs.outcome import Category, Result
from derive.pacs.sendable import Sendable
from derive.told.wording import counted

LOGGER = logging.getLogger(__name__)
#: How many instances in a row may stay without an answer, each after all its attempts, before the rest is not tried.
_MOST_UNANSWERED = 2
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Patience:
    """How often something is tried again.

    Parameters
    ----------
    attempts : int
        How often at most an instance is sent, or an association asked for.
    backoff_s : float
        Seconds before the second attempt; twice as many before each further one.
    """

    attempts: int
    backoff_s: float

    def pause(self, attempts: int) -> float:
        """Seconds to wait after so many attempts."""
        return float(min(self.backoff_s * 2 ** (attempts - 1), _LONGEST_PAUSE))


@dataclass
class Task:
    """An instance on its way."""

    sendable: Sendable
    attempts: int = 0
    answer: StoreResponse | None = None

    def result(self, category: Category, comment: str, status: int | None = None) -> Result:
        """Return what became of it."""
        sendable = self.sendable
        return Result(
            sendable.sop_instance_uid, sendable.sop_class_uid, sendable.name, category, status, comment, self.attempts
        )

    def unknown(self, why: str) -> Result:
        """Return that nobody knows: it was not sent, or sent and not answered."""
        return self.result(Category.UNSENT, f"{why}; the archive may have it or not" if self.attempts else why)

    def answered(self, answer: StoreResponse) -> Result:
        """Return what an answer says of it."""
        comment = answer.comment or ("" if answer.status == 0 else meaning(answer.status))
        return self.result(category_of(answer.status), comment, answer.status)


@dataclass
class Load:
    """Instances that the associations of one group share.

    Parameters
    ----------
    contexts : tuple of Context
    tasks : deque of Task
        What nobody has taken yet.
    """

    contexts: tuple[Context, ...]
    tasks: deque[Task]
    gave_up: str = ""

    def take(self) -> Task | None:
        """Return the next one, for one thread only."""
        try:
            return self.tasks.popleft()
        except IndexError:
            return None

    def rest(self, why: str) -> Iterator[Result]:
        """Give up on what nobody has taken."""
        while task := self.take():
            yield task.result(Category.UNSENT, why)

    def refused(self, error: NetworkError) -> Iterator[Result]:
        """Give a result for each when no context at all is accepted."""
        results = {Context(*c): r for c, r in error.facts["refused"].items()}
        while task := self.take():
            task.attempts = 1
            yield task.result(Category.REFUSED, refusal_of(wanted(task.sendable), results))


class _GaveUp(Exception):  # noqa: N818 - nobody catches it but the worker
    """There is no association any more, and there will be none."""


@dataclass
class Worker:
    """Sends what it takes from a load over one association at a time.

    Parameters
    ----------
    address : DimseAddress
    load : Load
    patience : Patience
    stop : threading.Event
    link : Link, optional
        An association that is open already.
    """

    address: DimseAddress
    load: Load
    patience: Patience
    stop: threading.Event
    link: Link | None = None
    _later: list[Task] = field(default_factory=list)
    _unanswered: int = 0

    def run(self) -> Iterator[Result]:
        """Give results as they become final, until the load is empty or there is no association any more.

        What was refused for a passing reason is sent again after all others.
        """
        try:
            self._associate()
            while (task := self.load.take()) and not self.stop.is_set():
                yield from self._deliver(task)
            while (again := self._later) and not self.stop.is_set():
                self._later = []
                self.stop.wait(self.patience.pause(again[0].attempts))
                while again:
                    yield from self._deliver(again.pop(0), again)
        except _GaveUp as gave_up:
            self.load.gave_up = str(gave_up)
            LOGGER.warning("%s: gave up: %s", self.address, gave_up)
            for task in self._later:
                assert task.answer is not None, "it was refused for a passing reason"
                yield task.answered(task.answer)
        finally:
            if self.link is not None:
                self.link.close()
                self.link = None

    def _deliver(self, task: Task, others: list[Task] | None = None) -> Iterator[Result]:
        """Send an instance until there is an answer; `others` wait for their turn if this has to be the end."""
        try:
            result = self._try(task)
        except _GaveUp as gave_up:
            yield task.answered(task.answer) if task.answer else task.unknown(str(gave_up))
            self._later += others or []
            raise
        if result is not None:
            yield result
        if self._unanswered >= _MOST_UNANSWERED:
            self._later += others or []
            raise _GaveUp(f"{counted(self._unanswered, 'instance')} in a row without an answer")

    def _try(self, task: Task) -> Result | None:
        """Return what became of an instance; None if it is to be sent again later."""
        while True:
            link = self._associate()
            try:
                context, data = self._encoded(task.sendable, link)
            except ValuesError as error:
                task.attempts += 1
                return task.result(Category.REFUSED, error.message)
            except DeriveError as error:
                return task.result(Category.UNSENT, error.message)
            task.attempts += 1
            try:
                task.answer = link.store(context, task.sendable.sop_instance_uid, data)
            except Lost as lost:
                self.link = None
                LOGGER.warning("%s: %s at attempt %d: %s", self.address, task.sendable.name, task.attempts, lost)
                if self.stop.is_set():
                    raise _GaveUp("stopped") from lost
                task.answer = None
                if task.attempts >= self.patience.attempts:
                    self._unanswered += 1
                    return task.unknown(str(lost))
                self.stop.wait(self.patience.pause(task.attempts))
                continue
            return self._judged(task, task.answer)

    def _judged(self, task: Task, answer: StoreResponse) -> Result | None:
        self._unanswered = 0
        result = task.answered(answer)
        if not result.category.stored:
            LOGGER.warning(
                "%s: %s: status 0x%04X",
                self.address,
                task.sendable.name or task.sendable.sop_instance_uid,
                answer.status,
            )
        if result.category is Category.TRANSIENT and task.attempts < self.patience.attempts:
            self._later.append(task)
            return None
        return result

    def _encoded(self, sendable: Sendable, link: Link) -> tuple[Context, memoryview]:
        """Return what is sent: the bytes as they are where that is accepted."""
        own, *others = wanted(sendable)
        if link.accepts(own):
            return own, data_set(sendable.mapped(), sendable.name)
        for context in others:
            if link.accepts(context):
                LOGGER.info("%s: %s goes as %s", self.address, sendable.name, UID(context.transfer_syntax_uid).name)
                return context, memoryview(recoded(sendable.read(), context.transfer_syntax_uid))
        raise ValuesError("NET-CONTEXT", link.refusal((own, *others)))

    def _associate(self) -> Link:
        """Return an association; a lost one is asked for again.

        Raises
        ------
        _GaveUp
            If it cannot be had.
        """
        if self.link is not None and not self.link.alive:
            # It was ended between two messages: nothing is lost with it.
            self.link.close()
            self.link = None
        attempt = 0
        while self.link is None:
            if self.stop.is_set():
                raise _GaveUp("stopped")
            attempt += 1
            try:
                self.link = Link(self.address, self.load.contexts, self.stop)
            except NetworkError as error:
                if attempt >= self.patience.attempts or not error.facts.get("transient"):
                    raise _GaveUp(error.message) from error
                self.stop.wait(self.patience.pause(attempt))
        return self.link
