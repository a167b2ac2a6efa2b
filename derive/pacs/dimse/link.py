"""One association that carries instances: a C-STORE request as bytes, and the answer to just that request."""

from __future__ import annotations

import logging
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from derive.pacs.address import DimseAddress
from derive.pacs.dimse._pynetdicom import PDV_HEAD, is_alive, is_known, next_message, park, send_as_it_is, write
from derive.pacs.dimse.association import MAXIMUM_PDU, abort, close, open_association
from derive.pacs.dimse.contexts import Context
from derive.writing.unfinished import scratch

LOGGER = logging.getLogger(__name__)
_POLL_SECONDS = 0.2
_COMMAND, _DATA, _LAST = 1, 0, 2
_C_STORE_RQ, _MEDIUM, _WITH_DATA_SET = 0x0001, 0x0000, 0x0001
_REASONS = {
    1: "refused by the archive",
    2: "refused without a reason",
    3: "the class is not supported",
    4: "the transfer syntax is not supported",
}


class Lost(Exception):  # noqa: N818 - it is an association that is lost
    """There is no answer, and no association any more; nobody knows what became of what was sent."""


@dataclass(frozen=True)
class StoreResponse:
    """A C-STORE response (PS3.7 9.1.1).

    Parameters
    ----------
    status : int
    comment : str
        Error Comment and Offending Elements, if there are any.
    """

    status: int
    comment: str = ""


class Link:
    """An association for C-STORE.

    Parameters
    ----------
    address : DimseAddress
    contexts : sequence of Context
    stop : threading.Event
        Ends the waiting for an answer.
    by_library : bool
        Whether pynetdicom sends by its own means; it does where it is not as it is known here.

    Raises
    ------
    NetworkError
        As :func:`derive.pacs.dimse.association.open_association`.
    """

    def __init__(
        self,
        address: DimseAddress,
        contexts: Sequence[Context],
        stop: threading.Event,
        *,
        by_library: bool = False,
    ) -> None:
        from pynetdicom import build_context

        proposed = [build_context(c.sop_class_uid, c.transfer_syntax_uid) for c in contexts]
        self._association = open_association(address, proposed)
        self._address, self._stop, self._messages = address, stop, 0
        accepted = self._association.accepted_contexts
        self._ids = {Context(str(c.abstract_syntax), str(c.transfer_syntax[0])): c.context_id or 0 for c in accepted}
        self._refused = {
            Context(str(c.abstract_syntax), str(c.transfer_syntax[0])): c.result
            for c in self._association.rejected_contexts
            if c.transfer_syntax
        }
        theirs = self._association.acceptor.maximum_length or MAXIMUM_PDU
        # Fragments are of even length (PS3.8 E.1).
        self._fragment = max(2, min(theirs, MAXIMUM_PDU) - PDV_HEAD) & ~1
        self._by_library = by_library or not is_known(self._association)
        if not self._by_library:
            self._association.dimse_timeout = _POLL_SECONDS
        LOGGER.info("%s: association with %d of %d contexts", address, len(accepted), len(contexts))

    @property
    def alive(self) -> bool:
        """Whether nothing was heard of its end."""
        return is_alive(self._association)

    def accepts(self, context: Context) -> bool:
        """Whether instances of this class can be sent in this transfer syntax."""
        return context in self._ids

    def refusal(self, contexts: Sequence[Context]) -> str:
        """Say why none of some contexts can be used."""
        return refusal_of(contexts, self._refused)

    def store(self, context: Context, sop_instance_uid: str, data: memoryview) -> StoreResponse:
        """Send an instance and wait for what is said of it.

        Parameters
        ----------
        context : Context
            One that is accepted.
        sop_instance_uid : str
        data : memoryview
            The data set, encoded in the transfer syntax of the context.

        Raises
        ------
        Lost
            If there is no answer; the association is gone then.
        """
        try:
            self._messages = self._messages % 0xFFFF + 1
            if self._by_library:
                return self._left_to_library(context, sop_instance_uid, data)
            # The association's own thread must not take the answer.
            park(self._association)
            command = _store_request(context.sop_class_uid, sop_instance_uid, self._messages)
            fragments = chain(self._fragments(command, _COMMAND), self._fragments(data, _DATA))
            try:
                write(self._association, self._ids[context], fragments, self._check)
            except OSError as error:  # a time-out among them: the connection stands still
                raise Lost("the connection ended while the instance was sent") from error
            return self._answer(sop_instance_uid)
        except BaseException:
            self.abort()
            raise

    def _left_to_library(self, context: Context, sop_instance_uid: str, data: memoryview) -> StoreResponse:
        """Let pynetdicom send it, of a file: from there alone it takes a data set as it is encoded."""
        with scratch(tidy=False) as folder:
            path = Path(folder) / "instance.dcm"
            with path.open("wb") as stream:
                stream.write(_part_10_head(context, sop_instance_uid))
                stream.write(data)
            status = send_as_it_is(self._association, path, self._messages)
        if "Status" not in status:
            raise Lost("the connection ended, or stayed silent, before there was an answer")
        return _response_of(status.Status, status.get("ErrorComment"), status.get("OffendingElement"))

    def close(self) -> None:
        """Release the association."""
        close(self._association)

    def abort(self) -> None:
        """End the association at once."""
        abort(self._association)

    def _fragments(self, data: bytes | memoryview, kind: int) -> Iterator[bytes]:
        for start in range(0, len(data), self._fragment):
            last = _LAST if start + self._fragment >= len(data) else 0
            yield b"".join((bytes((kind | last,)), data[start : start + self._fragment]))

    def _check(self) -> None:
        if self._stop.is_set():
            raise Lost("stopped")
        if not self.alive:
            raise Lost("the connection ended while the instance was sent")

    def _answer(self, sop_instance_uid: str) -> StoreResponse:
        limit = self._address.timeouts.message
        until = time.monotonic() + limit
        while True:
            ended = not self.alive
            # What was received before the end is in the queue by now.
            response = next_message(self._association, block=not ended)
            if response is not None:
                return self._checked(response, sop_instance_uid)
            if ended:
                raise Lost("the connection ended before there was an answer")
            if self._stop.is_set():
                raise Lost("stopped")
            if time.monotonic() > until:
                raise Lost(f"no answer within {limit:g} s")

    def _checked(self, response: Any, sop_instance_uid: str) -> StoreResponse:
        """Take what is an answer to this request, and nothing else."""
        kind = type(response).__name__
        if kind != "C_STORE" or not response.is_valid_response:
            raise Lost(f"something else than an answer came ({kind.replace('_', '-')})")
        named = str(response.AffectedSOPInstanceUID or "").rstrip("\0 ")
        if response.MessageIDBeingRespondedTo != self._messages or named not in ("", sop_instance_uid):
            raise Lost("an answer came to something else than was sent")
        return _response_of(response.Status, response.ErrorComment, response.OffendingElement)


def _response_of(status: int, comment: object, offending: object) -> StoreResponse:
    said = [str(comment)] if comment else []
    if offending:
        many = offending if isinstance(offending, Sequence) else [offending]
        said.append("offending " + ", ".join(map(str, many)))
    return StoreResponse(int(status), "; ".join(said))


def refusal_of(contexts: Sequence[Context], results: Mapping[Context, int | None]) -> str:
    """Say why none of some contexts is accepted (PS3.8 9.3.3.2).

    Parameters
    ----------
    contexts : sequence of Context
        Of one class.
    results : mapping of Context to int
        Result/Reason of those that were refused.
    """
    named = UID(contexts[0].sop_class_uid)
    whole = f"{named.name} ({named})" if named.name != named else named
    reasons = [
        f"{UID(c.transfer_syntax_uid).name}: {_REASONS.get(results.get(c) or 0, 'not accepted')}" for c in contexts
    ]
    return f"no presentation context for {whole}: {'; '.join(reasons)}"


def _part_10_head(context: Context, sop_instance_uid: str) -> bytes:
    """Encode preamble and File Meta Information (PS3.10 7.1)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(context.sop_class_uid), UID(sop_instance_uid)
    meta.TransferSyntaxUID = UID(context.transfer_syntax_uid)
    stream = DicomBytesIO()
    write_file_meta_info(stream, meta)
    return b"\0" * 128 + b"DICM" + stream.getvalue()


def _store_request(sop_class_uid: str, sop_instance_uid: str, message_id: int) -> bytes:
    """Encode the command set of a C-STORE request (PS3.7 9.3.1.1), in Implicit VR Little Endian as all are (6.3.1)."""
    elements = (
        _uid(0x0002, sop_class_uid)
        + _short(0x0100, _C_STORE_RQ)
        + _short(0x0110, message_id)
        + _short(0x0700, _MEDIUM)
        + _short(0x0800, _WITH_DATA_SET)
        + _uid(0x1000, sop_instance_uid)
    )
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def _short(element: int, value: int) -> bytes:
    return struct.pack("<HHLH", 0, element, 2, value)


def _uid(element: int, value: str) -> bytes:
    encoded = value.encode("ascii") + b"\0" * (len(value) % 2)
    return struct.pack("<HHL", 0, element, len(encoded)) + encoded
