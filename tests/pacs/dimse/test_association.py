"""Associations: refused in words, told apart from what is none, and echoed."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from pynetdicom import build_context, evt

from derive.errors import NetworkError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse.association import VERIFICATION, associated, close, echo, open_association
from derive.pacs.outcome import Category
from tests.helpers.dimse_peers import (
    SHORT,
    agrees,
    archive,
    categories,
    listener,
    send,
    sendables,
)
from tests.helpers.servers import free_port, storescp


def code_of(address, **options):
    with pytest.raises(NetworkError) as failed:
        send(address, sendables(2), **options)
    return failed.value.code


def test_an_absent_server_is_named():
    with pytest.raises(NetworkError, match=r"PEER@127\.0\.0\.1:\d+: no connection \(Connection refused\)") as failed:
        send(DimseAddress("PEER", "127.0.0.1", free_port()), sendables(2))
    assert failed.value.code == "NET-UNREACHABLE"


def test_a_host_without_an_address_is_named():
    assert code_of(DimseAddress("PEER", "no-such-host.invalid", 104)) == "NET-UNREACHABLE"


def test_a_name_is_resolved():
    with archive() as peer:
        agrees(send(peer.address(host="localhost"), sendables(2)), peer)
        assert len(peer.stored) == 2


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ({"require_calling_aet": ["SOMEBODY"]}, "does not know our AE title DERIVE"),
        ({"require_called_aet": True, "ae_title": "OTHER"}, "PEER is not its AE title"),
    ],
)
def test_a_rejection_says_which_name_is_wrong(setting, hint):
    with archive(**setting) as peer, pytest.raises(NetworkError, match=hint) as failed:
        send(peer.address(), sendables(2))
    assert failed.value.code == "NET-REJECTED"
    assert failed.value.facts["result"] == 1
    assert not peer.requests


def test_a_server_that_refuses_associations(tmp_path):
    with storescp(tmp_path, "--refuse") as server:
        address = DimseAddress(server.aet, "127.0.0.1", server.port)
        # Many times: its answer and the end of the connection come together, which pynetdicom misses now and then.
        assert {code_of(address) for _ in range(150)} == {"NET-REJECTED"}
        assert not list((tmp_path / "in").iterdir())


def test_a_rejection_for_now_is_tried_again():
    with archive(maximum_associations=1) as peer:
        first = open_association(peer.address(), [build_context(VERIFICATION)])
        threading.Timer(0.3, close, [first]).start()
        results = send(peer.address(), sendables(3), attempts=20, backoff_s=0.05)
        assert "EVT_REJECTED" in peer.events
        assert categories(results) == {Category.STORED: 3}
        agrees(results, peer)


@pytest.mark.parametrize(
    ("serve", "code"),
    [(lambda connection: None, "NET-TIMEOUT"), (lambda connection: connection.close(), "NET-ABORTED")],
    ids=["silent", "closes"],
)
def test_something_else_that_listens_is_told_apart(serve, code):
    with listener(serve) as port:
        address = DimseAddress("PEER", "127.0.0.1", port, timeouts=SHORT)
        assert code_of(address) == code
        with pytest.raises(NetworkError) as failed:
            echo(address)
        assert failed.value.code == code


def test_half_an_answer_to_an_association_request_is_not_waited_for_for_ever():
    with listener(lambda connection: connection.sendall(b"\x02\x00\x00")) as port:
        assert code_of(DimseAddress("PEER", "127.0.0.1", port, timeouts=SHORT)).startswith("NET-")


def test_an_echo_that_fails_is_told():
    with (
        archive(handlers=[(evt.EVT_C_ECHO, lambda event: 0x0122)]) as peer,
        pytest.raises(NetworkError, match="0x0122") as failed,
    ):
        echo(peer.address())
    assert failed.value.code == "NET-ECHO"


def test_an_echo_without_an_answer_is_told():
    over = threading.Event()

    def silent(event):
        over.wait(10)
        return 0

    with archive(handlers=[(evt.EVT_C_ECHO, silent)]) as peer:
        with pytest.raises(NetworkError) as failed:
            echo(peer.address(timeouts=SHORT))
        over.set()
    assert failed.value.code == "NET-TIMEOUT"


def test_messages_of_pynetdicom_are_each_answered():
    with archive() as peer, associated(peer.address(), [build_context("1.2.840.10008.1.1")]) as association:
        assert {association.send_c_echo().Status for _ in range(200)} == {0}
    assert peer.events.count("EVT_RELEASED") == 1


def test_a_program_that_ends_with_an_error_while_it_sends_does_end():
    with archive() as peer:
        program = (
            "from tests.helpers.dimse_peers import *\nfrom derive.pacs.dimse.send import DimseSender\n"
            f"sending = DimseSender(DimseAddress('PEER', '127.0.0.1', {peer.port}), parallel=1).send(sendables(4))\n"
            "next(sending)\nraise SystemExit(9)\n"
        )
        ended = subprocess.run([sys.executable, "-c", program], timeout=50, capture_output=True)
    assert ended.returncode == 9, ended.stderr
