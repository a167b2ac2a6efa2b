"""requests 2.34 and urllib3 2.7, which derive/pacs/web/session.py keeps from telling too much and from giving up."""

from __future__ import annotations

import logging
import socket
import ssl
import threading

import pytest
import requests
from urllib3.connection import HTTPConnection

from tests.helpers.asserting import every
from tests.helpers.web_services import SECRET, Say, always, service


def test_urls_and_so_what_was_asked_for_get_into_the_log(caplog):
    """Once they do not: `session._WithoutQuery` can go."""
    pool = logging.getLogger("urllib3.connectionpool")
    filters, pool.filters = pool.filters, []
    try:
        with service(always(Say(200, b"[]"))) as fake, caplog.at_level(logging.DEBUG, pool.name):
            requests.get(f"{fake.url}/series", params={"PatientID": SECRET}, timeout=5)
    finally:
        pool.filters = filters
    assert "Secret" in caplog.text


def test_the_time_out_of_the_connection_stands_while_a_request_is_sent():
    """Once that of the message does: `session._patient` can go."""
    sockets, connect = [], HTTPConnection.connect

    def noted(self):
        connect(self)
        sockets.append(self.sock.gettimeout())

    with service(always(Say(200, b"[]"))) as fake, pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPConnection, "connect", noted)
        requests.get(fake.url, timeout=(3.0, 60.0))
    assert sockets == [3.0]


def test_the_certificates_of_the_system_are_not_looked_at(tmp_path, monkeypatch):
    """Once they are: `session._adapter` needs no context of its own."""
    contexts, load = [], ssl.SSLContext.load_verify_locations

    def noted(self, cafile=None, capath=None, cadata=None):
        contexts.append(cafile)
        return load(self, cafile, capath, cadata)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        with pytest.raises(requests.RequestException):
            requests.get(f"https://127.0.0.1:{server.getsockname()[1]}", timeout=5)
    named = {str(c) for c in contexts if c}
    assert named
    assert every("certifi" in name for name in named)
