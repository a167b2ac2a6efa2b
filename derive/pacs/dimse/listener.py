"""A listener of ours for as long as an archive sends to it: C-MOVE, storage commitment."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse._pynetdicom import (
    guard,
    send_small_packets_at_once,
    server,
    tame,
    wait_no_longer,
    wake,
)
from derive.pacs.dimse.association import VERIFICATION, abort
from derive.pacs.dimse.intake import Intake
from derive.pacs.dimse.proposal import supported_context, supported_storage
from derive.pacs.dimse.transport import server_context

if TYPE_CHECKING:
    from pynetdicom.ae import ApplicationEntity


@contextmanager
def listening(address: DimseAddress, port: int, store: Callable[[Any], int]) -> Iterator[None]:
    """Take C-STORE requests under our AE title until the block ends; on loopback alone where the archive is there.

    Raises
    ------
    NetworkError
        ``NET-LISTEN`` if the port cannot be used; ``NET-TLS`` if the connection to the archive is secured and there is
        no certificate of ours to secure what it sends here.
    """
    from pynetdicom import evt

    tls = server_context(address.tls) if address.tls is not None else None
    entity = serving(address.calling_aet)
    times = address.timeouts
    entity.acse_timeout, entity.dimse_timeout, entity.network_timeout = times.association, times.message, times.network
    contexts = [supported_context(VERIFICATION), *supported_storage()]
    handlers: list[Any] = [(evt.EVT_C_STORE, store), (evt.EVT_CONN_OPEN, opened), (evt.EVT_ESTABLISHED, settled)]
    where = (_interface(address), port)
    try:
        entity.start_server(where, block=False, ssl_context=tls, evt_handlers=handlers, contexts=contexts)
    except OSError as error:
        message = (
            f"port {port} cannot be listened at: {error.strerror}; wanted one that is free, and that {address} knows"
        )
        raise NetworkError("NET-LISTEN", message) from error
    try:
        yield
    finally:
        entity.shutdown()


def serving(aet: str) -> ApplicationEntity:
    """Return an application entity of ours that listens, and answers to its own name alone."""
    entity = server(aet)
    entity.require_called_aet = True
    return entity


def _interface(address: DimseAddress) -> str:
    """Where to listen: at loopback for an archive that is there, else everywhere."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    hosts = [str(item[4][0]).partition("%")[0] for item in found]
    local = all(ipaddress.ip_address(host).is_loopback for host in hosts)
    return hosts[0] if local else "0.0.0.0"


@contextmanager
def watched(address: DimseAddress, association: Any, intake: Intake) -> Iterator[None]:
    """Abort when neither a response nor an instance came for as long as a message may take.

    An archive need not send responses while it moves instances (PS3.4 C.4.2.3.1), so the time-out of the association
    alone would end a retrieval that goes on well.
    """
    seconds, done = address.timeouts.message, threading.Event()
    association.dimse_timeout = None
    intake.hear()

    def watch() -> None:
        while not done.wait(min(1.0, seconds / 4)):
            if time.monotonic() - intake.heard > seconds:
                abort(association)
                wake(association)
                return

    watcher = threading.Thread(target=watch, name="derive-move", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def opened(event: Any) -> None:
    """Make a connection that others opened survive what is no message (event ``EVT_CONN_OPEN``)."""
    guard(event.assoc)
    wait_no_longer(event.assoc, event.assoc.network_timeout)


def settled(event: Any) -> None:
    """Make an association that others opened like those that we open (event ``EVT_ESTABLISHED``).

    Small packets go at once, nothing is logged that it carries, and no answer gets lost.
    """
    send_small_packets_at_once(event.assoc)
    tame(event.assoc)
