"""Storage Commitment, the side of the archive: what is kept is committed to (PS3.4 J)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse.association import associated
from derive.pacs.service.index import Kept

_ALL, _NOT_ALL = 1, 2
_NO_SUCH_INSTANCE, _OTHER_CLASS = 0x0112, 0x0119
_NO_SUCH_ACTION, _INVALID = 0x0123, 0x0115
_log = logging.getLogger(__name__)


class Keeping(Protocol):
    """Who knows what is kept."""

    def get(self, sop_instance_uid: str) -> Kept | None:
        """Return an instance that is kept."""
        ...


class Committing:
    """Answers N-ACTION, and reports afterwards what is kept: by N-EVENT-REPORT.

    The report goes to the requesting AE title on an association of its own where it is a known destination, else (or if
    that fails) on the association that the request came on, as long as it is open.

    Parameters
    ----------
    index : Keeping
    destinations : mapping AE title -> (host, port)
    aet : str
        Of the archive.
    """

    SOP_CLASS = "1.2.840.10008.1.20.1"
    INSTANCE = "1.2.840.10008.1.20.1.1"

    def __init__(self, index: Keeping, destinations: Mapping[str, tuple[str, int]], aet: str) -> None:
        self._index, self._destinations, self._aet = index, destinations, aet
        self._due: dict[Any, list[tuple[int, Dataset]]] = {}

    def requested(self, event: Any) -> tuple[int, Dataset | None]:
        """Answer N-ACTION; the report is due when the answer has gone."""
        if event.action_type != 1:
            return _NO_SUCH_ACTION, None
        if str(event.request.RequestedSOPInstanceUID) != self.INSTANCE:
            return _NO_SUCH_INSTANCE, None
        request = event.action_information
        if not request.get("TransactionUID") or not request.get("ReferencedSOPSequence"):
            return _INVALID, None
        self._due.setdefault(event.assoc, []).append(self._report(request))
        return 0x0000, None

    def answered(self, event: Any) -> None:
        """Send what is due after an N-ACTION response, from another thread: this one has to take the response to it."""
        if type(event.message).__name__ != "N_ACTION_RSP":
            return
        for kind, report in self._due.pop(event.assoc, ()):
            arguments = (event.assoc, kind, report)
            threading.Thread(target=self._send, args=arguments, name="derive-commitment", daemon=True).start()

    def _report(self, request: Dataset) -> tuple[int, Dataset]:
        kept, failed = [], []
        for wanted in request.ReferencedSOPSequence:
            item = Dataset()
            item.ReferencedSOPClassUID = wanted.get("ReferencedSOPClassUID")
            item.ReferencedSOPInstanceUID = wanted.get("ReferencedSOPInstanceUID")
            found = self._index.get(str(item.ReferencedSOPInstanceUID))
            if found is not None and found.path.is_file() and found.sop_class_uid == item.ReferencedSOPClassUID:
                kept.append(item)
                continue
            item.FailureReason = _NO_SUCH_INSTANCE if found is None or not found.path.is_file() else _OTHER_CLASS
            failed.append(item)
        report = Dataset()
        report.TransactionUID = request.TransactionUID
        if kept:
            report.ReferencedSOPSequence = Sequence(kept)
        if failed:
            report.FailedSOPSequence = Sequence(failed)
        return (_NOT_ALL if failed else _ALL), report

    def _send(self, association: Any, kind: int, report: Dataset) -> None:
        aet = str(association.requestor.ae_title).strip()
        if aet in self._destinations and self._elsewhere(aet, kind, report):
            return
        if not (association.is_established and self._on(association, kind, report)):
            _log.warning("the report of commitment %s reached nobody at %s", report.TransactionUID, aet)

    def _elsewhere(self, aet: str, kind: int, report: Dataset) -> bool:
        """Report on an association of our own, as the SCP of the service that we are."""
        from pynetdicom import build_context, build_role

        contexts, roles = [build_context(self.SOP_CLASS)], [build_role(self.SOP_CLASS, scp_role=True)]
        try:
            with associated(
                DimseAddress(aet, *self._destinations[aet], self._aet), contexts, roles=roles
            ) as association:
                return self._on(association, kind, report)
        except NetworkError as error:
            _log.warning("no report of commitment to %s: %s", aet, error)
            return False

    def _on(self, association: Any, kind: int, report: Dataset) -> bool:
        try:
            status, _ = association.send_n_event_report(report, kind, self.SOP_CLASS, self.INSTANCE)
        except (RuntimeError, ValueError) as error:
            _log.warning("no report of commitment on this association: %s", type(error).__name__)
            return False
        return "Status" in status and status.Status == 0x0000
