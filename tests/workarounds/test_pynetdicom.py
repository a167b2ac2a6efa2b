"""pynetdicom 3.0.4, which is gone round in derive/pacs/dimse."""

from __future__ import annotations

import copy
import inspect
import socket
import subprocess
import sys
import threading
import time

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.presentation import PresentationContext

from derive.pacs.dimse import _pynetdicom
from tests.helpers.cut_archives import associate_request, exchanged, message
from tests.helpers.dimse_peers import archive, listener

VERIFICATION = "1.2.840.10008.1.1"


@pytest.fixture
def association():
    """One that pynetdicom opens by its own means, to an application entity that answers."""
    with archive() as peer:
        entity = AE("DERIVE")
        entity.add_requested_context(VERIFICATION)
        entity.dimse_timeout, entity.acse_timeout = 1.5, 5
        found = entity.associate("127.0.0.1", peer.port, ae_title="PEER")
        assert found.is_established
        yield found
        found.abort()


def slowed(association):
    """Let its thread be late behind the checkpoint, and its user late between request and answer: as threads may be."""
    checkpoint, dimse = association._reactor_checkpoint, association.dimse
    wait, send = checkpoint.wait, dimse.send_msg

    def late(timeout=None):
        found = wait(timeout)
        time.sleep(0.15)
        return found

    def then_late(*arguments):
        send(*arguments)
        time.sleep(0.5)

    checkpoint.wait, dimse.send_msg = late, then_late
    time.sleep(0.2)


def test_an_answer_is_lost_to_a_thread_that_is_taken_for_halted(association):
    """Once it is not: `_Checkpoint`, `park` and `twice` can go."""
    slowed(association)
    assert "Status" not in association.send_c_echo()


def test_no_answer_is_lost_with_a_checkpoint_that_holds(association):
    _pynetdicom.tame(association)
    slowed(association)
    assert association.send_c_echo().Status == 0x0000


def test_a_side_that_stops_inside_a_pdu_is_waited_for_for_ever_and_packets_are_held_back(association):
    """Once neither is so: `transport.Opener` and `send_small_packets_at_once` can go."""
    connection = association.dul.socket.socket
    assert connection.gettimeout() is None
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0


def test_a_thread_keeps_the_process_from_ending(association):
    """Once it does not: `_pynetdicom.entity` can be an AE."""
    assert not association.dul.daemon


def test_answers_are_looked_for_once_a_millisecond(association):
    """Once it waits for the socket: `_run_loop_delay` can stay as it is."""
    assert association.dul._run_loop_delay >= 0.001


def test_messages_are_logged_unless_the_handlers_are_taken_away(association):
    """Once they are not, or are asked for by name: the first half of `tame` can go."""
    bound = [h for event in association.get_events() for h in flat(association.get_handlers(event))]
    assert "pynetdicom._handlers" in {getattr(h, "__module__", "") for h, *_ in bound}


def flat(handlers):
    return handlers if isinstance(handlers, list) else []


def test_identifiers_which_name_patients_are_logged_by_default():
    """Once they are not: `quiet` can go."""
    code = "from pynetdicom import _config as c; print(c.LOG_REQUEST_IDENTIFIERS, c.LOG_RESPONSE_IDENTIFIERS)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "True"]


def test_a_message_that_is_none_ends_a_thread_with_a_traceback(monkeypatch):
    """Once it does not: `guard` can go."""
    heard = []
    monkeypatch.setattr(threading, "excepthook", lambda raised: heard.append(raised.exc_type))
    entity = AE("PEER")
    entity.add_supported_context(VERIFICATION)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    try:
        exchanged(server.server_address[1], associate_request(), message([(0x110, b"\1\0")]), seconds=0.3)
    finally:
        server.shutdown()
    assert heard


def test_our_own_abort_wakes_nobody_who_waits_for_a_message(association):
    """Once it does: `wake` can go."""
    association.dimse_timeout = None
    association._reactor_checkpoint.clear()
    came = threading.Event()
    threading.Thread(target=lambda: (association.dimse.get_msg(block=True), came.set()), daemon=True).start()
    association.abort()
    assert not came.wait(1.0)
    _pynetdicom.wake(association)
    assert came.wait(5)


def test_a_connection_that_fails_is_no_error():
    """Once it is one: `transport._Patient.failure` and `_Attempt._why` can go."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    entity = AE()
    entity.add_requested_context(VERIFICATION)
    assert entity.associate("127.0.0.1", port).is_aborted


def test_one_address_of_a_name_is_tried_alone(monkeypatch):
    """Once the others are tried too: `association._resolve` can go."""
    with archive() as peer:
        here, elsewhere = ("127.0.0.1", peer.port), ("127.0.0.2", peer.port)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", where) for where in (elsewhere, here)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        entity = AE()
        entity.add_requested_context(VERIFICATION)
        assert entity.associate("archive", peer.port, ae_title="PEER").is_aborted
        monkeypatch.undo()


def test_contexts_are_copied_for_each_association():
    """Once they are shared: `proposal.Shared` can go."""
    copies = []

    class Counted(PresentationContext):
        def __deepcopy__(self, memo):
            copies.append(self)
            return copy.copy(self)

    context = Counted()
    context.abstract_syntax, context.transfer_syntax = VERIFICATION, ["1.2.840.10008.1.2"]
    entity = AE("PEER")
    server = entity.start_server(("127.0.0.1", 0), block=False, contexts=[context])
    caller = AE()
    caller.add_requested_context(VERIFICATION)
    found = caller.associate("127.0.0.1", server.server_address[1])
    found.release()
    entity.shutdown()
    assert copies


def test_what_a_handler_raises_is_answered_and_swallowed():
    """Once it is told to somebody: `Intake.error` can go."""

    def broken(event):
        raise RuntimeError("nobody hears of it")

    entity = AE("PEER")
    entity.add_supported_context(VERIFICATION)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, broken)])
    caller = AE()
    caller.add_requested_context(VERIFICATION)
    found = caller.associate("127.0.0.1", server.server_address[1])
    try:
        assert found.send_c_echo().get("Status") == 0x0000
    finally:
        found.release()
        entity.shutdown()


def test_a_data_set_is_sent_as_it_is_from_a_file_alone():
    """Once it is from bytes too: `Link._left_to_library` needs no file, and `_pynetdicom.write` may be given up."""
    from pynetdicom.association import Association

    accepted = inspect.signature(Association.send_c_store).parameters["dataset"].annotation
    assert "bytes" not in str(accepted)


def test_an_answer_that_comes_with_the_end_is_not_looked_for():
    """Once it is: `look_again` can go."""
    rejected, seen = bytes.fromhex("03000000000400010103"), []

    def serve(connection):
        connection.recv(65536)
        connection.sendall(rejected)
        connection.close()

    entity = AE()
    entity.add_requested_context(VERIFICATION)
    # Its thread is late, as any may be: answer and end are there when it looks.
    handlers = [
        (evt.EVT_REQUESTED, lambda event: time.sleep(0.5)),
        (evt.EVT_ACSE_RECV, lambda event: seen.append(type(event.primitive).__name__)),
    ]
    with listener(serve) as port:
        found = entity.associate("127.0.0.1", port, evt_handlers=handlers)
        assert found.is_aborted
        assert seen == []
        _pynetdicom.look_again(found)
        assert seen == ["A_ASSOCIATE"]


def test_a_retrieval_cannot_fail_before_it_says_how_many_instances_there_are():
    """Once it can: `ArchiveService._sent` need not give a number first."""

    def refusing(event):
        yield 0xA900, None

    get = "1.2.840.10008.5.1.4.1.2.2.3"
    entity, caller = AE("PEER"), AE()
    entity.add_supported_context(get)
    caller.add_requested_context(get)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_GET, refusing)])
    found = caller.associate("127.0.0.1", server.server_address[1])
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "SERIES"
    try:
        said = [status.Status for status, _ in found.send_c_get(identifier, get)]
    finally:
        found.release()
        entity.shutdown()
    assert len(said) == 1
    assert said != [0xA900]
