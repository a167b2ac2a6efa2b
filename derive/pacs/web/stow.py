"""STOW-RS (PS3.18 10.5): instances to a DICOMweb service, in batches, with what it said of each.

The requests are made here and not by ``DICOMwebClient.store_instances`` (0.61.2), for it encodes data sets anew and
joins them all in memory; raises for 409, whose body says of each instance why it failed; does not look at what failed
when the status is 200 or 202; takes a body whose Content-Type has a parameter for an empty one; and gives an empty
data set for an empty body, as if nothing had failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from derive.errors import SourceError
from derive.pacs.address import WebAddress
from derive.pacs.outcome import Category, Result
from derive.pacs.sendable import Sendable
from derive.pacs.web.answer import StoreOutcome, of_fault, of_response
from derive.pacs.web.faults import WebFault, of_status
from derive.pacs.web.multipart import Related, encoded_size
from derive.pacs.web.session import WebSession

if TYPE_CHECKING:
    from requests import Response

#: An instance and how many bytes it has.
_Sized: TypeAlias = tuple[Sendable, int]
_TOO_LARGE = 413
#: No credentials, or nothing there that takes instances: not found, method not allowed, not implemented.
_NO_SERVICE = (401, 403, 404, 405, 501)
#: It is there, and busy.
_BUSY = (429, 502, 503, 504)
#: After so many batches in a row without an answer that can be used, the rest is not sent any more.
_HOPELESS = 2


class WebSender:
    """Sends instances to a DICOMweb service.

    Parameters
    ----------
    address : WebAddress
    batch_mb : float
        Size of a request; a service that finds it too large (413) gets half of it. A larger instance goes alone.
    attempts : int
        How often an instance is sent that the service cannot store now, or that a lost connection leaves unknown:
        to store the same instance twice changes nothing.
    backoff_s : float
        First pause between two attempts; it doubles, unless the service names another (Retry-After).
    """

    def __init__(
        self, address: WebAddress, *, batch_mb: float = 32.0, attempts: int = 3, backoff_s: float = 0.5
    ) -> None:
        self._address = address
        self._batch_bytes = batch_mb * 1e6
        self._attempts, self._backoff_s = attempts, backoff_s

    def send(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Send instances; give the result of each as soon as it is final.

        An instance is called stored if the status is 200, 202 or 204 and the body names it as stored, and not as
        failed. Of a body that cannot be read, or does not name it, the result is that nobody knows.

        Raises
        ------
        NetworkError
            ``NET-UNREACHABLE``, ``NET-TIMEOUT``, ``NET-TLS``, ``NET-AUTH``, ``NET-HTTP`` if for the first batch there
            is no connection, no authorisation, or no such service.
        UsageError
            ``NET-SECRET``, ``NET-TLS``, ``NET-ADDRESS``.
        """
        with WebSession(self._address, attempts=self._attempts, backoff_s=self._backoff_s) as session:
            yield from _Delivery(session, self._batch_bytes).run(sendables)


class _Delivery:
    """One run of a sender.

    Parameters
    ----------
    session : WebSession
    room : float
        Bytes of a batch; less when the service says so.
    """

    def __init__(self, session: WebSession, room: float) -> None:
        self._session = session
        self._url = session.url("studies")
        self._room = room
        self._reached = False
        self._in_vain = 0

    def run(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Send all that there is, batch by batch."""
        waiting = list(reversed(sendables))
        while waiting:
            batch, unreadable = self._batch(waiting)
            yield from unreadable
            if self._in_vain < _HOPELESS:
                yield from self._delivered(batch, 1)
                continue
            comment = f"not sent: {self._session.host} gave no answer that can be used to what was sent before"
            yield from (_result(p, StoreOutcome(Category.UNSENT, None, comment), 0) for p, _ in batch)

    def _batch(self, waiting: list[Sendable]) -> tuple[list[_Sized], list[Result]]:
        """Take the next batch: as much as there is room for, and no UID twice, as the answer names them by UID only."""
        batch: list[_Sized] = []
        unreadable: list[Result] = []
        uids, total = set[str](), 0
        while waiting:
            try:
                size = encoded_size(waiting[-1])
            except SourceError as error:
                unreadable.append(_unread(waiting.pop(), error))
                continue
            if batch and (total + size > self._room or waiting[-1].sop_instance_uid in uids):
                break
            batch.append((waiting.pop(), size))
            uids.add(batch[-1][0].sop_instance_uid)
            total += size
        return batch, unreadable

    def _delivered(self, batch: Sequence[_Sized], attempt: int) -> Iterator[Result]:
        """Send a batch; send again what was not stored for a passing reason."""
        answer, batch, unreadable = self._posted(batch)
        yield from unreadable
        if answer is None:
            return
        if not isinstance(answer, WebFault) and answer.status_code == _TOO_LARGE and len(batch) > 1:
            self._room, middle = min(self._room, sum(size for _, size in batch)) / 2, len(batch) // 2
            yield from self._delivered(batch[:middle], attempt)
            yield from self._delivered(batch[middle:], attempt)
            return
        last = attempt >= (1 if self._in_vain else self._session.attempts)
        self._judge(answer, last)
        answers = _answers(answer, batch, attempt)
        again = []
        for sendable, size in batch:
            said = answers[sendable.sop_instance_uid]
            if said.again and not last:
                again.append((sendable, size))
            else:
                yield _result(sendable, said, attempt)
        if again:
            self._session.pause(attempt, answer)
            yield from self._delivered(again, attempt + 1)

    def _posted(self, batch: Sequence[_Sized]) -> tuple[Response | WebFault | None, Sequence[_Sized], list[Result]]:
        """Send a batch without those whose files cannot be read any more; the request that met one was cut."""
        unreadable: list[Result] = []
        while batch:
            body = Related(batch)
            headers = {"Content-Type": body.content_type, "Accept": "application/dicom+json"}
            try:
                return self._session.once("POST", self._url, headers=headers, body=body), batch, unreadable
            except SourceError as error:
                unreadable += [_unread(p, error) for p, _ in batch if p is body.current]
                batch = [(p, size) for p, size in batch if p is not body.current]
        return None, batch, unreadable

    def _judge(self, answer: Response | WebFault, last: bool) -> None:
        """Count what was in vain; raise where nothing has reached a service yet, and nothing will."""
        fault = answer if isinstance(answer, WebFault) else of_status(answer, self._session.host)
        status = 0 if isinstance(answer, WebFault) else answer.status_code
        elsewhere = status in _NO_SERVICE or 300 <= status < 400
        nowhere = isinstance(answer, WebFault) and not answer.connected
        final = last or (fault is not None and not fault.passing)
        if fault is not None and not self._reached and final and (elsewhere or nowhere):
            raise fault.error
        self._reached |= not (elsewhere or nowhere)
        if isinstance(answer, WebFault) or elsewhere or status in _BUSY:
            self._in_vain += final
        else:
            self._in_vain = 0


def _answers(answer: Response | WebFault, batch: Sequence[_Sized], attempt: int) -> dict[str, StoreOutcome]:
    uids = [sendable.sop_instance_uid for sendable, _ in batch]
    if isinstance(answer, WebFault):
        return of_fault(answer, uids, doubt=answer.connected or attempt > 1)
    return of_response(answer.status_code, answer.reason, answer.content, uids)


def _result(sendable: Sendable, said: StoreOutcome, attempts: int) -> Result:
    return Result(
        sendable.sop_instance_uid,
        sendable.sop_class_uid,
        sendable.name,
        said.category,
        said.status,
        said.comment,
        attempts,
    )


def _unread(sendable: Sendable, error: SourceError) -> Result:
    return _result(sendable, StoreOutcome(Category.UNSENT, None, error.message), 0)
