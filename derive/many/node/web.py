"""HTTP: STOW-RS in (PS3.18 10.5), and health, metrics and status on loopback."""

from __future__ import annotations

import hmac
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from derive.errors import DeriveError, NetworkError
from derive.many.node.reception import Reception, Reply
from derive.pacs.address import Tls
from derive.pacs.dimse.intake import SUCCESS
from derive.pacs.dimse.transport import server_context
from derive.pacs.web.multipart import boundary_of, parts

_CHUNK = 1 << 20
#: Seconds without a byte after which a connection is ended.
_SILENCE_S = 60
_LONGEST_LINE = 1024
_JSON = "application/dicom+json"
#: What is answered: all stored, some, none (PS3.18 10.5.3).
_ALL, _SOME, _NONE = 200, 202, 409


class HttpPage(BaseHTTPRequestHandler):
    """One request; what is logged of it is said by who takes the instances."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "derive", ""
    timeout = _SILENCE_S

    def log_message(self, *_: object) -> None:
        """Say nothing: a path may hold anything."""

    def answer(self, status: int, kind: str, body: bytes) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, why: str) -> None:
        """Send a refusal; the connection ends, as what follows of the request is not read."""
        self.close_connection = True
        self.answer(status, "text/plain; charset=utf-8", f"{why}\n".encode())


class HttpServer:
    """A server of pages, in threads of its own.

    Parameters
    ----------
    where : (str, int)
        Interface and port; 0 for any port that is free.
    page : class
    tls : Tls, optional

    Raises
    ------
    NetworkError
        ``NET-LISTEN`` if the port cannot be used, ``NET-TLS`` if a certificate cannot.
    """

    def __init__(self, where: tuple[str, int], page: type[HttpPage], tls: Tls | None = None) -> None:
        secured = server_context(tls) if tls is not None else None

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET

            def handle_error(self, *_: object) -> None:
                """Say nothing: a connection that ends is its sender's matter."""

            def finish_request(self, request: Any, client_address: Any) -> None:
                # In the thread of the connection: who does not shake hands keeps nobody else waiting.
                if secured is not None:
                    request.settimeout(_SILENCE_S)
                    request = secured.wrap_socket(request, server_side=True)
                page(request, client_address, self)

        try:
            self._server = Server(where, page)
        except OSError as error:
            said = f"{where[0]}:{where[1]} cannot be listened at ({error.strerror}); choose another port"
            raise NetworkError("NET-LISTEN", said) from error
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="derive-http", daemon=True).start()

    def end(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def stow_page(reception: Reception, token_env: str | None) -> type[HttpPage]:
    """Return the page that takes instances: POST to ``/studies``, under whatever root."""

    class Stow(HttpPage):
        def do_POST(self) -> None:
            """Take instances (PS3.18 10.5)."""
            if not self._may():
                self.refuse(401, "a bearer token is wanted")
                return
            path = self.path.partition("?")[0].rstrip("/")
            head, _, last = path.rpartition("/")
            announced = {} if last == "studies" else {"StudyInstanceUID": last}
            if announced and not head.endswith("/studies"):
                self.refuse(404, "instances are taken at /studies")
                return
            boundary = boundary_of(self.headers.get("Content-Type", ""))
            if boundary is None:
                self.refuse(415, "wanted multipart/related of application/dicom")
                return
            try:
                replies = [reception.take(p, **announced) for p in parts(self._chunks(), boundary, "who sends")]
            except (DeriveError, ValueError, OSError):
                self.refuse(400, "the body has no end, or no length")
                return
            self._answered(replies)

        def _may(self) -> bool:
            if token_env is None:
                return True
            wanted = f"Bearer {os.environ.get(token_env, '')}"
            return hmac.compare_digest(self.headers.get("Authorization", "").encode(), wanted.encode())

        def _chunks(self) -> Iterator[bytes]:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                yield from _chunked(self.rfile)
                return
            left = int(self.headers["Content-Length"] or -1)
            if left < 0:
                raise ValueError("no length")
            while left and (block := self.rfile.read(min(left, _CHUNK))):
                left -= len(block)
                yield block

        def _answered(self, replies: list[Reply]) -> None:
            stored = sum(r.status == SUCCESS for r in replies)
            status = _ALL if stored == len(replies) and stored else _SOME if stored else _NONE
            self.answer(status, _JSON, json.dumps(_said(replies)).encode())

    return Stow


def health_page(health: Callable[[], tuple[bool, str]], metrics: Callable[[], str], status: Callable[[], Any]) -> Any:
    """Return the page of ``/health``, ``/metrics`` and ``/status``."""

    class Health(HttpPage):
        def do_GET(self) -> None:
            """Say how it goes."""
            match self.path.partition("?")[0]:
                case "/health":
                    well, said = health()
                    self.answer(200 if well else 503, "text/plain; charset=utf-8", f"{said}\n".encode())
                case "/metrics":
                    self.answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics().encode())
                case "/status":
                    self.answer(200, "application/json", json.dumps(status()).encode())
                case _:
                    self.refuse(404, "there are /health, /metrics and /status")

    return Health


def _chunked(stream: Any) -> Iterator[bytes]:
    """Give the chunks of a body that has no length (RFC 9112 7.1)."""
    while True:
        size = int(stream.readline(_LONGEST_LINE).partition(b";")[0], 16)
        if size == 0:
            while stream.readline(_LONGEST_LINE).strip():
                pass
            return
        while size > 0:
            block = stream.read(min(size, _CHUNK))
            if not block:
                raise ValueError("the body ends within a chunk")
            size -= len(block)
            yield block
        stream.readline(_LONGEST_LINE)


def _said(replies: list[Reply]) -> dict[str, Any]:
    """Return the answer (PS3.18 I.2): Referenced SOP Sequence of what is stored, Failed SOP Sequence of the rest."""
    stored = [_item(r) for r in replies if r.status == SUCCESS]
    failed = [{**_item(r), "00081197": {"vr": "US", "Value": [r.status]}} for r in replies if r.status != SUCCESS]
    named = [item for item in failed if "00081155" in item]
    others = [{"00081197": item["00081197"]} for item in failed if "00081155" not in item]
    sequences = {"00081199": stored, "00081198": named, "0008119A": others}
    return {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}


def _item(reply: Reply) -> dict[str, Any]:
    values = {"00081150": reply.sop_class, "00081155": reply.uid}
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in values.items() if uid}
