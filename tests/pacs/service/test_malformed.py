"""Messages that are none: no traceback in the archive's log, and it goes on; and so does whoever is sent them."""

from __future__ import annotations

import random
import socket
import threading
import time

import pytest
from pydicom.dataset import Dataset

from derive.cli.main import main
from derive.errors import NetworkError
from derive.pacs.address import DimseAddress, Timeouts
from derive.pacs.archive import archive_at
from derive.pacs.dimse.association import echo
from derive.pacs.service.service import ArchiveService
from tests.helpers.asserting import raises_code
from tests.helpers.cut_archives import associate_request, damaged, echo_request, exchanged, find_request, message

_FIND = b"1.2.840.10008.5.1.4.1.2.2.1"
_ASSOCIATION_ACCEPTED, _P_DATA = 2, 4
ROUNDS = 200


@pytest.fixture
def heard(monkeypatch):
    """What ended a thread, which Python would print as a traceback."""
    found = []
    monkeypatch.setattr(threading, "excepthook", lambda about: found.append(about.exc_type))
    return found


@pytest.fixture
def archive(tmp_path):
    with ArchiveService(tmp_path / "store", port=0) as service:
        yield service


def goes_on(service):
    accepted, answered = exchanged(service.port, associate_request(), echo_request())
    return accepted[:1] == bytes([_ASSOCIATION_ACCEPTED]) and answered[:1] == bytes([_P_DATA])


def identifier():
    dataset = Dataset()
    dataset.QueryRetrieveLevel, dataset.PatientID, dataset.StudyInstanceUID = "STUDY", "*", ""
    return dataset


@pytest.mark.filterwarnings("ignore")  # pydicom shows values that it finds odd
def test_two_hundred_damaged_messages_end_nothing(archive, heard, capfd, caplog):
    chosen = random.Random(12)
    kinds = [
        lambda: [damaged(chosen, associate_request())],
        lambda: [associate_request(), damaged(chosen, echo_request())],
        lambda: [associate_request(abstract=_FIND), damaged(chosen, find_request(identifier()))],
        lambda: [chosen.randbytes(chosen.randint(1, 60))],
    ]
    for number in range(ROUNDS):
        exchanged(archive.port, *kinds[number % len(kinds)](), seconds=0.05)
    assert heard == []
    assert goes_on(archive)
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err + caplog.text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "sent",
    [
        message([(2, b"1.2.840.10008.1.1\0"), (0x110, b"\1\0"), (0x800, b"\1\1")]),
        message([(2, b"1.2.840.10008.1.1\0"), (0x100, b"\x30\0"), (0x110, b"\1\0")]),
        message([(0x100, b"\xff\xff"), (0x110, b"\1\0"), (0x800, b"\1\1")]),
        message([]),
        echo_request()[:10] + b"\x63" + echo_request()[11:],
        b"\4\0\0\0\0\0",
        b"\4\0\xff\xff\xff\xff\0\0\0\1",
        b"\x09\0\0\0\0\1x",
    ],
    ids=["no field", "no type", "unknown field", "no command", "context", "empty", "endless", "unknown PDU"],
)
def test_a_message_that_lacks_something_ends_its_association_alone(archive, heard, sent):
    for _ in range(3):
        exchanged(archive.port, associate_request(), sent, seconds=0.1)
    assert heard == []
    assert goes_on(archive)


def test_connections_that_say_nothing_leave_no_association_behind(archive, heard):
    def waiting():
        return sum("AcceptorThread" in t.name for t in threading.enumerate())

    for _ in range(80):  # more than associations at once are taken
        exchanged(archive.port, b"GET / HTTP/1.1\r\n\r\n", seconds=0.05)
    until = time.monotonic() + 20
    while waiting() > 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert waiting() <= 2
    assert heard == []
    assert goes_on(archive)


# ---- our side, when the other one sends what is none


def answering(*answers):
    """A peer that answers each thing it hears with the next of these bytes; give its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    for answer in answers:
                        connection.recv(1 << 16)
                        connection.sendall(answer)
                    connection.recv(1 << 16)
                except OSError:
                    continue

    threading.Thread(target=run, daemon=True).start()
    return listener


GARBAGE = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": b"\0" * 64,
    "cut": b"\2\0\0\0\1\0",
    "accept without anything": b"\2\0\0\0\0\x44" + b"\0\1\0\0" + b" " * 32 + b"\0" * 32,
    "a request": associate_request(),
    "data": echo_request(),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(GARBAGE))
def test_garbage_in_place_of_an_answer_is_an_error_of_ours(name, heard, capfd):
    listener = answering(GARBAGE[name])
    with listener:
        where = DimseAddress("PEER", *listener.getsockname(), timeouts=Timeouts(2, 1.0, 1.0, 1.0))
        accepted = name == "accept without anything"
        with raises_code("NET-CONTEXT" if accepted else "NET-ABORTED", NetworkError):
            echo(where)
        with raises_code("NET-FIND" if accepted else "NET-ABORTED", NetworkError):
            archive_at(where).instances("1.2", "1.2.3")
        assert main(["echo", str(where), "--timeout", "1"]) == 7
    assert heard == []
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.filterwarnings("ignore")
def test_damaged_answers_of_an_archive_are_errors_of_ours(archive, heard, capfd):
    chosen = random.Random(3)
    real = exchanged(archive.port, associate_request(), echo_request())
    for _ in range(12):
        listener = answering(real[0], damaged(chosen, real[1]))
        with listener:
            where = DimseAddress("PEER", *listener.getsockname(), timeouts=Timeouts(2, 1.0, 0.3, 0.3))
            try:
                echo(where)
            except NetworkError:
                continue
    assert heard == []
    assert "Traceback" not in "".join(capfd.readouterr())
