"""DIMSE: C-ECHO, C-STORE and Storage Commitment, for those who may call (PS3.4 A, B, J)."""

from __future__ import annotations

import time
from typing import Any

from pydicom.dataset import Dataset

from derive.errors import NetworkError
from derive.many.node.ledger import NodeLedger
from derive.many.node.reception import Reception
from derive.many.node.settings import Doors
from derive.many.node.store import NodeStore
from derive.pacs.dimse.association import VERIFICATION
from derive.pacs.dimse.listener import opened, serving, settled
from derive.pacs.dimse.proposal import supported_context, supported_storage
from derive.pacs.dimse.transport import server_context
from derive.pacs.service.commit import Committing
from derive.pacs.service.index import Kept

#: How long associations may still go on when the node ends.
_GRACE_S = 2.0
_LONGEST_COMMENT = 64


class Promised:
    """What storage commitment finds: what is on the disk; and what is promised is not removed any more.

    2026-12-01: a node is no archive, but who is told that an instance is kept may delete it. So a series of which
    anything was promised stays, however old it is.
    """

    def __init__(self, store: NodeStore, ledger: NodeLedger) -> None:
        self._store, self._ledger = store, ledger

    def get(self, sop_instance_uid: str) -> Kept | None:
        """Return an instance that is kept."""
        came = self._ledger.instance(sop_instance_uid)
        if came is None or came.gone:
            return None
        self._ledger.promise([came.uid])
        values = {"SOPInstanceUID": came.uid, "SOPClassUID": came.sop_class}
        return Kept(self._store.path(came.series, came.uid), came.syntax, values)


class Listening:
    """The DIMSE side of a node.

    Parameters
    ----------
    doors : Doors
    reception : Reception
    promised : Promised
    """

    def __init__(self, doors: Doors, reception: Reception, promised: Promised) -> None:
        self._doors, self._reception = doors, reception
        self._committing = Committing(promised, doors.reports, doors.aet)
        self._entity: Any = None
        self._server: Any = None
        self.port = doors.port

    def begin(self) -> None:
        """Listen.

        Raises
        ------
        NetworkError
            ``NET-LISTEN`` if the port cannot be used, ``NET-TLS`` if a certificate cannot.
        """
        doors = self._doors
        tls = server_context(doors.tls) if doors.tls is not None else None
        self._entity = serving(doors.aet)
        self._entity.maximum_associations = doors.associations
        self._entity.require_calling_aet = list(doors.callers)
        contexts = [
            supported_context(VERIFICATION),
            supported_context(Committing.SOP_CLASS, both_roles=True),
            *supported_storage(),
        ]
        try:
            self._server = self._entity.start_server(
                (doors.host, doors.port),
                block=False,
                ssl_context=tls,
                evt_handlers=self._handlers(),
                contexts=contexts,
            )
        except OSError as error:
            said = f"{doors.host}:{doors.port} cannot be listened at ({error.strerror}); choose another port"
            raise NetworkError("NET-LISTEN", said) from error
        self.port = self._server.server_address[1]

    @property
    def associations(self) -> int:
        """How many there are now."""
        return len(self._entity.active_associations) if self._entity is not None else 0

    def end(self) -> None:
        """Let nobody in any more, give those who are in a moment, and abort who stays."""
        if self._server is None:
            return
        self._server.shutdown()
        until = time.monotonic() + _GRACE_S
        while self.associations and time.monotonic() < until:
            time.sleep(0.05)
        self._entity.shutdown()

    def _handlers(self) -> list[tuple[Any, Any]]:
        from pynetdicom import evt

        return [
            (evt.EVT_CONN_OPEN, opened),
            (evt.EVT_ESTABLISHED, settled),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_N_ACTION, self._committing.requested),
            (evt.EVT_DIMSE_SENT, self._committing.answered),
        ]

    def _store(self, event: Any) -> Dataset:
        """Answer C-STORE."""
        uid, sop_class = event.request.AffectedSOPInstanceUID, event.request.AffectedSOPClassUID
        data = event.encoded_dataset()
        reply = self._reception.take(data, SOPInstanceUID=str(uid), SOPClassUID=str(sop_class))
        status = Dataset()
        status.Status = reply.status
        if reply.comment:
            status.ErrorComment = reply.comment[:_LONGEST_COMMENT]
        return status
