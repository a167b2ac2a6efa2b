"""Associations: opened as an address says, refused in words, and closed whatever happened (PS3.8)."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse import _pynetdicom
from derive.pacs.dimse.transport import Opener

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

LOGGER = logging.getLogger(__name__)
#: Largest P-DATA that is taken from the other side, in bytes.
MAXIMUM_PDU = 131072
VERIFICATION = "1.2.840.10008.1.1"
#: How long an abort may wait for a transfer that hangs before its connection is cut.
_GRACE_SECONDS = 1.0
_TRANSIENT = 2
_HINTS = {
    (1, 1, 3): "it does not know our AE title {calling}: have it added there, or call with another one",
    (1, 1, 7): "{called} is not its AE title: correct the address",
    (2, 3, 1): "it is busy: try again later",
    (2, 3, 2): "it has as many associations as it takes: try again later, or with fewer side by side",
}


def open_association(
    address: DimseAddress,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Association:
    """Open an association.

    Parameters
    ----------
    address : DimseAddress
    contexts : sequence of pynetdicom PresentationContext
        At most 128.
    roles : sequence
        Extended negotiation items, such as pynetdicom's ``build_role`` makes.
    handlers : sequence of (event, function) or (event, function, arguments)

    Returns
    -------
    pynetdicom Association
        To be closed with :func:`close` or :func:`abort`.

    Raises
    ------
    NetworkError
        ``NET-UNREACHABLE`` without a connection, ``NET-TLS`` if it cannot be secured, ``NET-REJECTED`` (PS3.8 9.3.4),
        ``NET-CONTEXT`` if none of the contexts is accepted, ``NET-ABORTED``, ``NET-TIMEOUT``. Their fact
        ``transient`` says whether trying again may help.
    """
    error: NetworkError | None = None
    for host in _resolve(address):
        try:
            return _Attempt(address).associate(host, contexts, roles, handlers)
        except NetworkError as failed:
            if failed.code != "NET-UNREACHABLE":
                raise
            error = failed
    assert error is not None, "a name has an address"
    raise error


@contextmanager
def associated(
    address: DimseAddress,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Iterator[Association]:
    """Give an established association; it is released at the end, and aborted after an error.

    Raises
    ------
    NetworkError
        As :func:`open_association`.
    """
    association = open_association(address, contexts, roles=roles, handlers=handlers)
    try:
        yield association
    except BaseException:
        abort(association)
        raise
    close(association)


def echo(address: DimseAddress) -> float:
    """Ask whether an application entity answers (C-ECHO, PS3.7 9.1.5).

    Returns
    -------
    float
        Seconds from the request to the answer, without the association.

    Raises
    ------
    NetworkError
        As :func:`open_association`; ``NET-TIMEOUT`` or ``NET-ABORTED`` without an answer; ``NET-ECHO`` for an answer
        other than success.
    """
    from pynetdicom import build_context

    with associated(address, [build_context(VERIFICATION)]) as association:
        begun = time.monotonic()
        status = association.send_c_echo()
        took = time.monotonic() - begun
        if "Status" not in status:
            raise no_answer(address, "C-ECHO", took)
        if status.Status != 0:
            raise NetworkError("NET-ECHO", f"{address} answers C-ECHO with 0x{status.Status:04X}; wanted 0x0000")
    return took


def no_answer(address: DimseAddress, message: str, waited: float) -> NetworkError:
    """Return the error for a message without an answer: nothing came in time, or the association ended."""
    if waited >= address.timeouts.message:
        return NetworkError("NET-TIMEOUT", f"{address}: no answer to {message} within {address.timeouts.message:g} s")
    return NetworkError("NET-ABORTED", f"{address} ended the association without an answer to {message}")


def close(association: Association) -> None:
    """Release an association; one that the other side has ended is only cleaned up."""
    if sys.is_finalizing():  # its threads stand still for ever now
        _pynetdicom.cut(association)
        return
    if _pynetdicom.let_go(association):
        # A release or abort came: its thread answers it and ends.
        association.join(_GRACE_SECONDS)
    else:
        association.release()
    if not association.is_released:
        abort(association)


def abort(association: Association) -> None:
    """End an association at once; what is under way is cut off."""
    if sys.is_finalizing():
        _pynetdicom.cut(association)
        return
    # pynetdicom waits until its thread has sent what it is sending, which the other side may never take.
    timer = threading.Timer(_GRACE_SECONDS, _pynetdicom.cut, [association])
    timer.daemon = True
    timer.start()
    try:
        association.abort()
        association.kill()
    finally:
        timer.cancel()


class _Attempt:
    """One try to open an association, and why it failed: pynetdicom itself only logs that."""

    def __init__(self, address: DimseAddress) -> None:
        self.address = address
        self.opener = Opener(address)
        self.started: Association | None = None
        self.received: list[Any] = []

    def associate(
        self,
        host: str | tuple[str, int, int],
        contexts: Sequence[PresentationContext],
        roles: Sequence[Any],
        handlers: Sequence[Any],
    ) -> Association:
        from pynetdicom import evt

        own = [(evt.EVT_REQUESTED, self._requested), (evt.EVT_ACSE_RECV, self._received)]
        try:
            association: Association = self._entity().associate(
                host,
                self.address.port,
                contexts=list(contexts),
                ae_title=self.address.aet,
                max_pdu=MAXIMUM_PDU,
                ext_neg=list(roles),
                # pynetdicom uses it to wrap its socket, with or without TLS
                tls_args=(cast(Any, self.opener), self.address.host),
                evt_handlers=[*own, *handlers],
            )
        except OSError as error:  # e.g. this machine has no IPv6
            raise self._unreachable(error) from error
        except BaseException:
            if self.started is not None:
                abort(self.started)
            raise
        if not association.is_established:
            raise self._why(association)
        _pynetdicom.tame(association)
        return association

    def _entity(self) -> ApplicationEntity:
        made, times = _pynetdicom.entity(self.address.calling_aet), self.address.timeouts
        made.connection_timeout, made.acse_timeout = times.connect, times.association
        made.dimse_timeout, made.network_timeout = times.message, times.network
        return made

    def _requested(self, event: Any) -> None:
        self.started = event.assoc

    def _received(self, event: Any) -> None:
        self.received.append(event.primitive)

    def _why(self, association: Association) -> NetworkError:
        where, times = self.address, self.address.timeouts
        if self.opener.insecure is not None:
            return NetworkError("NET-TLS", f"{where}: no secured connection: {self.opener.insecure}", transient=False)
        if not self.opener.connected:
            return self._unreachable(self.opener.failure)
        if not self.received:
            _pynetdicom.look_again(association)
        answer = next((r for r in self.received if type(r).__name__ == "A_ASSOCIATE"), None)
        if answer is not None and answer.result in (1, 2):
            return _rejected(where, answer)
        if answer is not None and association.rejected_contexts:
            contexts = [c for c in association.rejected_contexts if c.transfer_syntax]
            refused = {(str(c.abstract_syntax), str(c.transfer_syntax[0])): c.result for c in contexts}
            said = f"{where} accepts none of what was proposed"
            return NetworkError("NET-CONTEXT", said, refused=refused, transient=False)
        if not self.received and self.opener.failure is None:
            said = f"{where}: no answer to an association request within {times.association:g} s"
            return NetworkError("NET-TIMEOUT", said, transient=True)
        hint = "" if where.tls else "; if it wants TLS, give certificates"
        said = f"{where} closed the connection instead of answering an association request{hint}"
        return NetworkError("NET-ABORTED", said, transient=True)

    def _unreachable(self, error: OSError | None) -> NetworkError:
        reason = "" if error is None else f" ({error.strerror or error})"
        said = f"{self.address}: no connection{reason}; wanted an archive that listens: check host and port"
        return NetworkError("NET-UNREACHABLE", said, transient=True)


def _rejected(address: DimseAddress, answer: Any) -> NetworkError:
    numbers = (answer.result, answer.result_source, answer.diagnostic)
    hint = _HINTS.get(numbers, "").format(calling=address.calling_aet, called=address.aet)
    words = f"{answer.result_str}, by {answer.source_str}: {answer.reason_str}"
    return NetworkError(
        "NET-REJECTED",
        f"{address} rejects the association of {address.calling_aet} ({words})" + (f"; {hint}" if hint else ""),
        result=numbers[0],
        source=numbers[1],
        reason=numbers[2],
        transient=numbers[0] == _TRANSIENT,
    )


def _resolve(address: DimseAddress) -> list[str | tuple[str, int, int]]:
    """Addresses of a host, to be tried in turn; pynetdicom tries one of a name alone."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        said = f"{address}: the host has no address ({getattr(error, 'strerror', None) or error}); correct its name"
        raise NetworkError("NET-UNREACHABLE", said, transient=False) from error
    hosts: list[str | tuple[str, int, int]] = []
    for family, *_, where in found:
        if family == socket.AF_INET:
            hosts.append(str(where[0]))
        elif family == socket.AF_INET6 and len(where) == 4:
            hosts.append((str(where[0]), int(where[2]), int(where[3])))
    return hosts
