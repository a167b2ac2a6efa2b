"""All that is reached into of pynetdicom (3.0.4) beside what it documents, why, and what becomes of it without.

No other file names a private part of it, or the providers ``dul`` and ``dimse`` of an association. Where a part is not
as it is known here, pynetdicom goes its own way: it is slower and may lose an answer, which is seen, and asked again.
Each function names what it is there for; the tests of this folder's workarounds fail once pynetdicom does without.
"""

from __future__ import annotations

import logging
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association

_log = logging.getLogger(__name__)
#: What pynetdicom calls a PDU that is none (PS3.8 9.2.2): the association is aborted, and its user is told.
_INVALID_PDU = "Evt19"
#: pynetdicom looks for an answer once in 1 ms, which is most of what an instance takes; more often costs some CPU.
_LOOK_SECONDS = 0.0002
#: How many bytes may wait to be sent: enough to keep the connection busy, few enough to see that it stands still.
_AHEAD_BYTES = 1 << 20
_ROOM_SECONDS = 0.0005
#: Type, reserved, length; length of the only item and its presentation context (PS3.8 9.3.5).
_P_DATA, _P_DATA_TF = struct.Struct(">BBLLB"), 0x04
#: A PDV item has its length, its context and its message control header before the data (PS3.8 9.3.5.1, E.2).
PDV_HEAD = 6


#: pynetdicom's loggers that write tracebacks of what came from the other side.
_TALKATIVE = [
    "acse",
    "ae",
    "association",
    "dimse",
    "dimse_messages",
    "dimse_primitives",
    "dsutils",
    "dul",
    "events",
    "fsm",
    "pdu",
    "pdu_items",
    "pdu_primitives",
    "presentation",
    "service_class",
    "service_class_n",
    "transport",
    "utils",
]


def quiet() -> None:
    """Have pynetdicom log no identifiers, as they hold patient data, and no tracebacks of what others send."""
    from pynetdicom import _config

    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    for name in _TALKATIVE:
        logging.getLogger(f"pynetdicom.{name}").addFilter(_FILTER)  # the same one is not added twice


class _WithoutTraceback(logging.Filter):
    """Leaves of an exception its kind: its text may be what came, and whoever sent that is not mended by ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0] is not None:
            record.msg, record.args = record.exc_info[0].__name__, ()
            record.exc_info = record.exc_text = None
        return True


_FILTER = _WithoutTraceback()


def entity(aet: str) -> ApplicationEntity:
    """Return an application entity whose associations do not keep the process from ending."""
    from pynetdicom import AE

    quiet()

    class Entity(AE):
        def _create_socket(self, assoc: Association, *arguments: Any) -> Any:
            # The last place before its thread starts.
            assoc.dul.daemon = True
            guard(assoc)
            return super()._create_socket(assoc, *arguments)

    return Entity(aet)


def server(aet: str) -> ApplicationEntity:
    """Return an application entity that others open associations with; what they carry is not logged."""
    from pynetdicom import AE

    quiet()
    return AE(aet)


def tame(association: Association) -> None:
    """Take away what logs messages, which costs time and would show patient data; put in a checkpoint that holds."""
    for event in association.get_events():
        handlers = association.get_handlers(event)
        for handler, *_ in handlers if isinstance(handlers, list) else ():
            if getattr(handler, "__module__", "") == "pynetdicom._handlers":
                association.unbind(event, handler)
    if hasattr(association, "_reactor_checkpoint"):
        association._reactor_checkpoint = _Checkpoint(association)
    if hasattr(association.dul, "_run_loop_delay"):
        association.dul._run_loop_delay = _LOOK_SECONDS


def guard(association: Association) -> None:
    """Have no message end a thread of an association by an exception; before it starts.

    pynetdicom 3.0.4 takes a message for what it says it is: one without its Command Field, or of a presentation context
    that was never accepted, ends the thread that reads with a traceback on standard error. The connection stays open
    then, the association counts for ever, and an archive takes none any more after some.
    """
    machine = association.dul.state_machine
    act, run = machine.do_action, association.run
    ended = False

    def guarded_action(event: str) -> None:
        nonlocal ended
        try:
            act(event)
        except Exception as error:
            _log.warning("a message came that is none (%s); its association is ended", type(error).__name__)
            if ended or event == _INVALID_PDU:
                _end(association)
                return
            ended = True
            association.dul.event_queue.put(_INVALID_PDU)
        if association.is_acceptor and association.dul._kill_thread and association.requestor.primitive is None:
            # Else its other thread waits on for a request that cannot come any more, and counts as an association.
            association.dul.to_user_queue.put(None)  # what a time-out gives, too

    def guarded_run() -> None:
        try:
            run()
        except Exception as error:
            _log.warning("an association ends, for its requests cannot be served (%s)", type(error).__name__)
            _end(association)

    machine.do_action = guarded_action  # type: ignore[method-assign]
    association.run = guarded_run  # type: ignore[method-assign]


def _end(association: Association) -> None:
    """End both threads of an association, and its connection, whatever state they are in."""
    association.is_aborted, association.is_established = True, False
    association._kill = association.dul._kill_thread = True
    cut(association)
    wake(association)
    checkpoint = _checkpoint(association)
    if checkpoint is not None:
        checkpoint.set()


def wait_no_longer(association: Association, seconds: float | None) -> None:
    """Bound how long the reading of a PDU may take; pynetdicom waits for ever for a side that stops inside one."""
    connection = _connection(association)
    if connection is not None:
        with suppress(OSError):
            connection.settimeout(seconds)


def is_known(association: Association) -> bool:
    """Whether messages can be exchanged beside pynetdicom's own thread; else they are left to pynetdicom."""
    return isinstance(_checkpoint(association), _Checkpoint) and hasattr(association.dul, "to_provider_queue")


def park(association: Association) -> None:
    """Keep the association's own thread from taking messages until pynetdicom's next ``send_...`` or the end."""
    checkpoint = _checkpoint(association)
    if isinstance(checkpoint, _Checkpoint):
        checkpoint.clear()


def let_go(association: Association) -> bool:
    """Let its thread answer a release or abort that came while it was parked; say whether one came."""
    checkpoint = _checkpoint(association)
    if not isinstance(checkpoint, _Checkpoint) or association.dul.peek_next_pdu() is None:
        return False
    checkpoint.set()
    return True


def is_alive(association: Association) -> bool:
    """Whether nothing was heard of its end."""
    return association.dul.is_alive() and association.dul.peek_next_pdu() is None


def look_again(association: Association) -> None:
    """Take what came together with the end of the connection, which pynetdicom does not look for."""
    association.dul.receive_pdu()


def next_message(association: Association, *, block: bool) -> Any:
    """Return the next message that came whole; None if none did, or none within its ``dimse_timeout``."""
    return association.dimse.get_msg(block=block)[1]


def wake(association: Association) -> None:
    """Wake who waits for a message: pynetdicom wakes nobody when the abort is our own."""
    association.dimse.msg_queue.put((None, None))


def cut(association: Association) -> None:
    """End the connection under an association, whatever its threads do."""
    connection = _connection(association)
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def send_small_packets_at_once(association: Association) -> None:
    """Set TCP_NODELAY where others opened the connection, and pynetdicom has its socket already."""
    connection = _connection(association)
    if connection is not None:
        with suppress(OSError):  # it may be closed again by now
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def write(association: Association, context_id: int, fragments: Iterator[bytes], check: Callable[[], None]) -> None:
    """Send fragments of messages (PDVs), while its own thread is parked and has nothing to write.

    Parameters
    ----------
    association : pynetdicom Association
    context_id : int
    fragments : iterator of bytes
        Each with its message control header (PS3.8 E.2).
    check : callable
        Raises if there is no sense in going on; called before every megabyte.

    Raises
    ------
    OSError
        If the connection ended, or stands still.
    """
    connection = _connection(association)
    if connection is None or isinstance(connection, ssl.SSLSocket):
        # A secured connection cannot be written to beside the thread that reads it.
        _queue(association, context_id, fragments, check)
        return
    first = next(fragments)
    ahead = max(2, _AHEAD_BYTES // len(first))
    batch = [first, *islice(fragments, ahead - 1)]
    while batch:
        check()
        # One by one, PDUs (PS3.8 9.3.5) take most of the time.
        pdus = [(_P_DATA.pack(_P_DATA_TF, 0, len(f) + PDV_HEAD - 1, len(f) + 1, context_id), f) for f in batch]
        connection.sendall(b"".join(part for pdu in pdus for part in pdu))
        batch = list(islice(fragments, ahead))


def send_as_it_is(association: Association, path: Path, message_id: int) -> Dataset:
    """Send a Part 10 file by C-STORE, as pynetdicom itself sends data sets that it shall not decode.

    Returns
    -------
    pydicom Dataset
        The status; empty if there was no answer, and no association any more.
    """
    from pynetdicom import _config

    _config.STORE_SEND_CHUNKED_DATASET = True
    return association.send_c_store(path, message_id)


def _queue(association: Association, context_id: int, fragments: Iterator[bytes], check: Callable[[], None]) -> None:
    """Leave the writing to its thread, and wait while it has a megabyte to write."""
    from pynetdicom.pdu_primitives import P_DATA

    dul = association.dul
    for fragment in fragments:
        while dul.to_provider_queue.qsize() * len(fragment) >= _AHEAD_BYTES:
            # Whether the connection stands still is seen by its own time-out.
            check()
            time.sleep(_ROOM_SECONDS)
        item = P_DATA()
        item.presentation_data_value_list = [[context_id, fragment]]  # type: ignore[list-item]  # it checks for a list
        dul.send_pdu(item)


def _checkpoint(association: Association) -> threading.Event | None:
    return getattr(association, "_reactor_checkpoint", None)


def _connection(association: Association) -> socket.socket | None:
    """Return the socket below pynetdicom's own."""
    found = getattr(association.dul.socket, "socket", None)
    return found if isinstance(found, socket.socket) else None


class _Checkpoint(threading.Event):
    """Where pynetdicom's association thread halts while a message is exchanged, and is known to have halted.

    pynetdicom 3.0.4 takes the thread for halted when it is about to be; the answer to a message is then now and then
    taken by that thread, and lost. Here ``clear`` returns when the thread stands still.
    """

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association = association
        self._change = threading.Condition()
        self._halted = False
        super().set()

    def wait(self, timeout: float | None = None) -> bool:
        with self._change:
            if self.is_set():
                return True
            # Looked at and said under one lock: who clears it meanwhile would wait for ever.
            self._halted = True
            self._change.notify_all()
            passes = self._change.wait_for(self.is_set, timeout)
            self._halted = False
            return passes

    def set(self) -> None:
        with self._change:
            super().set()
            self._change.notify_all()

    def clear(self) -> None:
        with self._change:
            super().clear()
            if threading.current_thread() is not self._association:
                while self._association.is_alive() and not self._halted:
                    self._change.wait(0.05)
                # What pynetdicom waits for next, without an end: it stands still here, or is gone.
                self._association._is_paused = True
