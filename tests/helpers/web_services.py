"""A DICOMweb service that says what it is told to, and goes wrong in every way."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from derive.pacs.address import Timeouts, WebAddress
from derive.pacs.outcome import Category
from derive.pacs.web.stow import WebSender

STORED, WARNING, REFUSED = Category.STORED, Category.WARNING, Category.REFUSED


TRANSIENT, UNSENT = Category.TRANSIENT, Category.UNSENT


JSON = "application/dicom+json"


SECRET = "Doe^Jane^Secret"


@dataclass
class Say:
    """One answer; without a status the connection is cut."""

    status: int | None = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    reason: str | None = None
    #: Bytes of the body that are really sent.
    cut_after: int | None = None
    read: bool = True
    #: Neither Content-Length nor chunks: the end of the connection is the end of the body.
    until_close: bool = False


@dataclass
class Fake:
    """A service; `say` gives the answer to each request."""

    say: object
    url: str = ""
    requests: list = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def batches(self):
        return [uids for method, _, uids, _ in self.requests if method == "POST"]


def handler_of(fake):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            self.answer(b"")

        def do_POST(self):
            self.answer(None)

        def answer(self, body):
            uids = []
            number = len(fake.requests)
            fake.requests.append((self.command, self.path, uids, dict(self.headers)))
            length = int(self.headers.get("Content-Length", 0))
            if getattr(fake.say, "slow", 0):
                fake.held.wait(fake.say.slow)
            if body is None:
                # The UIDs are in the heads of the files: enough to know them before everything is read.
                body = self.rfile.read(length) if not getattr(fake.say, "unread", False) else self.rfile.read(64)
                uids += re.findall(rb"\x02\x00\x03\x00UI..([0-9.]+)", body, re.S)
                uids[:] = [u.decode() for u in uids]
            said = fake.say(number, uids)
            if said is None:
                fake.held.wait(20)
                self.close_connection = True
                return
            if said.status is None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            self.speak(said)

        def speak(self, said):
            self.send_response(said.status, said.reason)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if not said.until_close:
                self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body[: said.cut_after])
            if said.cut_after is not None or said.until_close or not said.read:
                self.close_connection = True

    return Handler


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


@contextmanager
def service(say, context=None):
    fake = Fake(say)
    server = Quiet(("127.0.0.1", 0), handler_of(fake))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}/dicom-web"
    try:
        yield fake
    finally:
        fake.held.set()
        server.shutdown()
        thread.join()
        server.server_close()


def module(stored=(), failed=(), others=(), warned=()):
    """Body of an answer: Store Instances Response."""

    def item(uid, tag=None, reason=None):
        found = {"00081150": {"vr": "UI", "Value": ["1.2"]}, "00081155": {"vr": "UI", "Value": [uid]}}
        return found | ({tag: {"vr": "US", "Value": [reason]}} if tag else {})

    dataset = {}
    if stored or warned:
        items = [*map(item, stored), *(item(u, "00081196", r) for u, r in warned)]
        dataset["00081199"] = {"vr": "SQ", "Value": items}
    if failed:
        dataset["00081198"] = {"vr": "SQ", "Value": [item(u, "00081197", r) for u, r in failed]}
    if others:
        dataset["0008119A"] = {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [r]}} for r in others]}
    return json.dumps(dataset).encode()


def store_all(_, uids):
    return Say(200, module(uids), {"Content-Type": JSON})


def in_turn(*says):
    """Give these answers one after the other, then store all."""
    return lambda number, uids: says[number](number, uids) if number < len(says) else store_all(number, uids)


def always(said):
    return lambda number, uids: said


def address(fake, **changes):
    return WebAddress(fake.url, **({"timeouts": Timeouts(2, 2, 0.4, 2)} | changes))


def sent(fake, sendables, **options):
    """Send; hold the results against what the service said that it stored."""
    results = list(WebSender(address(fake), **({"backoff_s": 0.01} | options)).send(sendables))
    assert sorted(r.sop_instance_uid for r in results) == sorted(p.sop_instance_uid for p in sendables), "one each"
    return {r.sop_instance_uid: r for r in results}


def categories(results, sendables):
    return [results[p.sop_instance_uid].category for p in sendables]


def uid(sendables, k):
    return sendables[k].sop_instance_uid


def related(sendables, end=b"\r\n--b x--\r\n", head=b""):
    parts = b"".join(b"\r\n--b x\r\nContent-Type: application/dicom\r\n\r\n" + p.data for p in sendables)
    return head + parts[0 if head else 2 :] + end


MULTIPART = {"Content-Type": 'multipart/related; type="application/dicom"; boundary="b x"'}
