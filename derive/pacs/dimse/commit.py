"""Storage Commitment Push Model: the archive is asked to answer for what it has (PS3.4 J)."""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse._pynetdicom import server
from derive.pacs.dimse.association import VERIFICATION, associated, no_answer
from derive.pacs.dimse.transport import server_context
from derive.pacs.outcome import Commitment

LOGGER = logging.getLogger(__name__)
PUSH_MODEL, PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
_REQUEST = 1
_SUCCESS, _NO_SUCH_ARGUMENT, _PROCESSING_FAILURE = 0x0000, 0x0114, 0x0110
#: How long our answer to the report, and what comes after it, may take.
_GRACE_SECONDS = 5.0


class Referenced(Protocol):
    """Anything that names an instance: what was sent, or a result."""

    @property
    def sop_class_uid(self) -> str: ...  # noqa: D102
    @property
    def sop_instance_uid(self) -> str: ...  # noqa: D102


def commit(
    address: DimseAddress, instances: Iterable[Referenced], *, listen: int | None = None, wait_s: float = 30.0
) -> Commitment:
    """Ask an archive to commit itself to keep instances, and wait for its report.

    Parameters
    ----------
    address : DimseAddress
    instances : iterable of Sendable or Result
        What it was sent.
    listen : int, optional
        Port at which its report is expected over an association of its own; it has to know our AE title, host and
        port. Without it, the report is expected over the association of the request, which stays open that long.
    wait_s : float
        How long to wait for the report.

    Returns
    -------
    Commitment
        An instance of which the report says nothing is neither committed nor failed. ``answered`` is False if there
        was no report in time.

    Raises
    ------
    NetworkError
        As :func:`derive.pacs.dimse.association.open_association`; ``NET-COMMITMENT`` if the request is refused,
        ``NET-TIMEOUT`` or ``NET-ABORTED`` if it is not answered, ``NET-LISTEN`` if the port cannot be used.
    """
    from pynetdicom import build_context

    asked = {i.sop_instance_uid: i.sop_class_uid for i in instances}
    report = _Report(str(generate_uid()), asked)
    if not asked:
        return report.commitment()
    with ExitStack() as stack:
        if listen is not None:
            stack.enter_context(_listening(address, listen, report))
        with associated(address, [build_context(PUSH_MODEL)], handlers=report.handlers()) as association:
            if listen is None:
                # Nothing has to be heard until the report comes.
                association.network_timeout = None
            _ask(address, association, report)
            if listen is None:
                report.wait(wait_s, association)
        # With a listener the association is released first: some archives report only then.
        if listen is not None:
            report.wait(wait_s)
    return report.commitment()


def _ask(address: DimseAddress, association: Any, report: _Report) -> None:
    """Send the N-ACTION request (PS3.4 J.3.2)."""
    begun = time.monotonic()
    status, _ = association.send_n_action(report.information(), _REQUEST, PUSH_MODEL, PUSH_MODEL_INSTANCE)
    if "Status" not in status:
        raise no_answer(address, "N-ACTION", time.monotonic() - begun)
    if status.Status != _SUCCESS:
        said = f"{address} refuses a request for storage commitment with 0x{status.Status:04X}; wanted 0x0000"
        raise NetworkError("NET-COMMITMENT", said, status=int(status.Status))


class _Report:
    """What is asked, and the N-EVENT-REPORT that answers it (PS3.4 J.3.3), whichever association it comes over.

    Parameters
    ----------
    transaction_uid : str
    asked : mapping of str to str
        SOP Class UID by SOP Instance UID.
    """

    def __init__(self, transaction_uid: str, asked: Mapping[str, str]) -> None:
        self.transaction_uid = transaction_uid
        self._asked = asked
        self._committed: tuple[str, ...] = ()
        self._failed: dict[str, int] = {}
        self._came, self._acknowledged = threading.Event(), threading.Event()

    def information(self) -> Dataset:
        """Return the Action Information."""
        dataset = Dataset()
        dataset.TransactionUID = self.transaction_uid
        items = []
        for instance, sop_class in self._asked.items():
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
            items.append(item)
        dataset.ReferencedSOPSequence = items
        return dataset

    def handlers(self) -> list[Any]:
        """Return what an association has to call."""
        from pynetdicom import evt

        return [(evt.EVT_N_EVENT_REPORT, self._reported), (evt.EVT_PDU_SENT, self._sent)]

    def wait(self, seconds: float, association: Any = None) -> None:
        """Wait for the report and until it is answered; not longer than the association lasts, if it comes over one."""
        until = time.monotonic() + seconds
        while not self._came.wait(0.05) and time.monotonic() < until:
            if association is not None and not association.is_established:
                break
        if self._came.is_set():
            self._acknowledged.wait(_GRACE_SECONDS)

    def commitment(self) -> Commitment:
        """Return what is known now."""
        answered = self._came.is_set() or not self._asked
        unnamed = len(self._asked) - len(self._committed) - len(self._failed)
        if answered and unnamed:
            LOGGER.warning("the report of transaction %s lacks %d instances", self.transaction_uid, unnamed)
        return Commitment(self.transaction_uid, self._committed, self._failed, answered)

    @property
    def came(self) -> bool:
        """Whether it is there."""
        return self._came.is_set()

    def _reported(self, event: Any) -> tuple[int, None]:
        try:
            information = event.event_information
            if str(information.get("TransactionUID", "")) != self.transaction_uid:
                return _NO_SUCH_ARGUMENT, None
            failed = {
                str(i.ReferencedSOPInstanceUID): int(i.get("FailureReason") or _PROCESSING_FAILURE)
                for i in information.get("FailedSOPSequence") or ()
            }
            named = {str(i.ReferencedSOPInstanceUID) for i in information.get("ReferencedSOPSequence") or ()}
        except Exception as error:  # whatever pydicom raises for what another program has encoded
            LOGGER.warning("a report of storage commitment cannot be read: %s", type(error).__name__)
            return _PROCESSING_FAILURE, None
        self._failed = {uid: reason for uid, reason in failed.items() if uid in self._asked}
        # What is named as both is not committed.
        self._committed = tuple(uid for uid in self._asked if uid in named and uid not in failed)
        self._came.set()
        return _SUCCESS, None

    def _sent(self, event: Any) -> None:
        if self._came.is_set() and type(event.pdu).__name__ == "P_DATA_TF":
            self._acknowledged.set()


@contextmanager
def _listening(address: DimseAddress, port: int, report: _Report) -> Iterator[None]:
    """Accept associations for a report until the block ends."""
    entity = server(address.calling_aet)
    # The archive proposes to be the SCP, most with role selection, some without.
    entity.add_supported_context(PUSH_MODEL, scu_role=True, scp_role=True)
    entity.add_supported_context(VERIFICATION)
    entity.acse_timeout, entity.dimse_timeout = address.timeouts.association, address.timeouts.message
    secured = server_context(address.tls) if address.tls is not None else None
    try:
        entity.start_server((_interface(address.host), port), False, secured, report.handlers())
    except OSError as error:
        said = f"port {port} cannot be listened at ({error.strerror}); give another one, which the archive knows"
        raise NetworkError("NET-LISTEN", said) from error
    try:
        yield
        until = time.monotonic() + _GRACE_SECONDS
        # It is for the archive to release its association.
        while report.came and entity.active_associations and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        entity.shutdown()


def _interface(host: str) -> str:
    """Return where to listen: nobody but this machine is let in if the archive is on it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "127.0.0.1" if host == "localhost" else "0.0.0.0"
    if address.is_loopback:
        return str(address)
    return "0.0.0.0" if address.version == 4 else "::0"
