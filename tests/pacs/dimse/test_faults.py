"""Archives that fail on the way: nothing is lost, and nothing is called stored that is not."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1

from derive.errors import UsageError
from derive.pacs.address import DimseAddress, Timeouts
from derive.pacs.dimse.link import Link
from derive.pacs.dimse.send import DimseSender
from derive.pacs.dimse.status import category_of, meaning
from derive.pacs.outcome import Category, by_uid
from derive.pacs.sendable import Sendable
from tests.helpers.asserting import every, raises_code
from tests.helpers.dimse_peers import PATIENT, SHORT, agrees, archive, between, categories, send, sendables, series
from tests.helpers.servers import free_port, storescp


def test_a_class_that_is_refused_is_named_and_the_rest_is_stored():
    mixed = sendables(2) + sendables(2, modality="MR", number=1) + sendables(2, modality="PT", number=2)
    taken = {p.sop_class_uid for p in (mixed[0], mixed[4])}
    with archive(classes=taken) as peer:
        results = send(peer.address(), mixed)
        agrees(results, peer)
        refused = [r for r in results if not r.category.stored]
        assert categories(results) == {Category.STORED: 4, Category.REFUSED: 2}
        assert every("MR Image Storage (1.2.840.10008.5.1.4.1.1.4)" in r.comment for r in refused)
        assert every("the class is not supported" in r.comment for r in refused)
        assert {r.status for r in refused} == {None}


def test_if_every_class_is_refused_there_is_still_a_result_for_each():
    with archive(classes=["1.2.840.10008.5.1.4.1.1.2"]) as peer:
        results = send(peer.address(), sendables(3, modality="MR"))
        assert categories(results) == {Category.REFUSED: 3}
        assert "Explicit VR Little Endian" in results[0].comment


def test_a_transfer_syntax_that_is_refused_and_cannot_be_decoded_is_refused(tmp_path):
    dataset = series(1)[0]
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset["PixelData"].VR = "OB"
    dataset.PixelData = encapsulate([b"this is no JPEG "])
    dataset.save_as(tmp_path / "broken.dcm", enforce_file_format=True)
    broken = Sendable.of_file(tmp_path / "broken.dcm")
    with archive() as peer:
        results = send(peer.address(), [broken, *sendables(2, number=1)])
        agrees(results, peer)
        assert results[0].category is Category.REFUSED
        assert "cannot be encoded as Explicit VR Little Endian" in results[0].comment
        assert results[0].file == "broken.dcm"
        assert len(peer.stored) == 2


def test_only_another_transfer_syntax_is_refused_with_its_name():
    with archive(syntaxes=[str(JPEGLosslessSV1)]) as peer:
        results = send(peer.address(), sendables(2))
        assert categories(results) == {Category.REFUSED: 2}
        assert "the transfer syntax is not supported" in results[0].comment


@pytest.mark.parametrize("parallel", [1, 2])
def test_out_of_resources_once_is_sent_again(parallel):
    def full_once(event, before, _):
        return 0xA700 if before == 2 else 0x0000

    with archive(full_once) as peer:
        results = send(peer.address(), sendables(6), parallel=parallel)
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 6}
        assert sorted(r.attempts for r in results) == [1, 1, 1, 1, 1, 2]
        assert len(peer.requests) == 7


def test_out_of_resources_always_stays_transient_and_the_rest_is_stored():
    instances = sendables(5)
    third = instances[2].sop_instance_uid

    def full_for_one(event, *_):
        return 0xA700 if event.request.AffectedSOPInstanceUID == third else 0x0000

    with archive(full_for_one) as peer:
        results = send(peer.address(), instances)
        agrees(results, peer)
        assert len(peer.stored) == 4
        assert peer.requests.count(third) == 3
        (left,) = [r for r in results if not r.category.stored]
        assert (left.category, left.status, left.attempts) == (Category.TRANSIENT, 0xA700, 3)
        assert left.comment == "out of resources"


@pytest.mark.parametrize("status", [0xA900, 0xC001, 0x0110, 0x0122, 0x0124, 0x0210])
def test_what_the_archive_refuses_is_sent_once(status):
    instances = sendables(3)
    with archive(lambda event, before, _: status if before == 1 else 0x0000) as peer:
        results = send(peer.address(), instances)
        agrees(results, peer)
        assert [r.category for r in results] == [Category.STORED, Category.REFUSED, Category.STORED]
        assert results[1].status == status
        assert len(peer.requests) == 3


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_a_warning_is_stored_and_said(status):
    with archive(lambda *_: status) as peer:
        results = send(peer.address(), sendables(2))
        agrees(results, peer)
        assert {(r.category, r.status) for r in results} == {(Category.WARNING, status)}
        assert every(r.comment.startswith("stored, ") for r in results)


def test_only_success_and_warnings_are_stored():
    stored = {s for s in range(0x10000) if category_of(s).stored}
    assert stored == {0x0000, *range(0xB000, 0xC000)}
    assert {s for s in range(0x10000) if category_of(s) is Category.TRANSIENT} == {0x0213, *range(0xA700, 0xA800)}
    assert all(meaning(s) for s in range(0x10000))


@pytest.mark.parametrize("after", [300, 20_000, 70_000])
def test_a_connection_that_breaks_is_taken_up_again(after):
    instances = sendables(4, shape=(128, 128))
    with archive() as peer, between(peer.port, cut=after) as way:
        results = send(peer.address(port=way.port, timeouts=SHORT), [*instances], attempts=3)
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 4}
        assert way.connections == 2
    assert len(set(peer.requests)) == 4


def test_a_connection_that_always_breaks_in_a_data_set_leaves_nothing_unsaid():
    instances = sendables(6, shape=(128, 128))
    with archive() as peer, between(peer.port, cut=20_000, times=999) as way:
        results = send(peer.address(port=way.port, timeouts=SHORT), instances)
        agrees(results, peer)
        assert categories(results) == {Category.UNSENT: 6}
        # The archive is not asked for ever: what came after was not tried.
        assert [r.attempts for r in results] == [3, 3, 0, 0, 0, 0]
        assert "may have it or not" in results[0].comment
        assert "in a row without an answer" in results[-1].comment


def test_a_side_that_stops_reading_does_not_hold_everything():
    (large,) = sendables(1, shape=(4096, 4096))
    with archive() as peer, between(peer.port, stall=100_000, times=1) as way:
        results = send(peer.address(port=way.port, timeouts=SHORT), [large], attempts=2)
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 1}
        assert results[0].attempts == 2


@pytest.mark.parametrize("parallel", [1, 2])
def test_no_answer_in_time_is_unknown_and_not_stored(parallel):
    silence = threading.Event()

    def never(*_):
        silence.wait(20)
        return 0xC000

    times = Timeouts(connect=5, association=5, message=0.3, network=5)
    with archive(never) as peer:
        results = send(peer.address(timeouts=times), sendables(4), attempts=2, parallel=parallel)
        silence.set()
        assert categories(results) == {Category.UNSENT: 4}
        assert any("no answer within 0.3 s" in r.comment for r in results)
        agrees(results, peer)


def test_an_answer_that_is_lost_is_asked_for_again_with_the_same_instance():
    def deaf_once(event, before, peer):
        if before == 1:
            peer.stored[str(event.request.AffectedSOPInstanceUID)] = b""
            event.assoc.abort()
        return 0x0000

    with archive(deaf_once) as peer:
        results = send(peer.address(), sendables(4))
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 4}
        assert [r.attempts for r in results] == [1, 2, 1, 1]
        assert len(peer.requests) == 5


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("each", [1, 3])
def test_an_association_that_is_dropped_now_and_then_is_taken_up_where_it_was(each, parallel):
    served: Counter[object] = Counter()

    def drop(event, *_):
        served[event.assoc] += 1
        if served[event.assoc] > each:
            event.assoc.abort()
            return 0xC000
        return 0x0000

    with archive(drop) as peer:
        results = send(peer.address(), sendables(8), parallel=parallel)
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 8}


def test_an_association_that_is_released_by_the_archive_costs_no_attempt():
    def release(event, *_):
        threading.Timer(0.05, event.assoc.release).start()
        return 0x0000

    with archive(release) as peer:
        results = []
        for result in DimseSender(peer.address(), attempts=1).send(sendables(3)):
            results.append(result)
            time.sleep(0.5)  # the archive asks for the release meanwhile
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 3}
        assert {r.attempts for r in results} == {1}
    assert Counter(peer.events)["EVT_RELEASED"] == 3


@pytest.mark.parametrize("flag", ["--abort-after", "--abort-during"])
def test_a_server_that_aborts_every_time_is_believed_in_nothing(tmp_path, flag):
    with storescp(tmp_path, flag) as server:
        address = DimseAddress(server.aet, "127.0.0.1", server.port, timeouts=PATIENT)
        results = send(address, sendables(4, shape=(64, 64)), attempts=2)
        assert categories(results) == {Category.UNSENT: 4}


def test_a_server_that_is_slow_is_waited_for(tmp_path):
    with storescp(tmp_path, "--sleep-after", "1") as server:
        address = DimseAddress(server.aet, "127.0.0.1", server.port, timeouts=PATIENT)
        assert categories(send(address, sendables(2))) == {Category.STORED: 2}
        assert len(list((tmp_path / "in").iterdir())) == 2


def test_a_server_that_dies_leaves_the_rest_unsent_and_a_second_run_sends_it():
    instances = sendables(4) + sendables(4, number=1)
    with archive() as peer:
        address = peer.address(timeouts=SHORT)
        sending = DimseSender(address, attempts=2, backoff_s=0.02).send(instances)
        results = [next(sending), next(sending)]
        got = set(peer.stored)
    results += sending
    assert Counter(r.sop_instance_uid for r in results) == Counter(p.sop_instance_uid for p in instances)
    assert {r.sop_instance_uid for r in results if r.category.stored} == got
    assert categories(results) == {Category.STORED: 2, Category.UNSENT: 6}
    first = by_uid(results)
    rest = [p for p in instances if not first[p.sop_instance_uid].category.stored]
    with archive() as again:
        second = send(again.address(), rest)
        agrees(second, again)
        assert got | set(again.stored) == {p.sop_instance_uid for p in instances}
        assert not got & set(again.stored)


@pytest.mark.parametrize("place", ["message", "instance"])
def test_an_answer_to_something_else_is_not_taken(place):
    instances = sendables(2)
    mine, other = (p.sop_instance_uid.encode() for p in instances)
    number = b"\0\0\x20\x01\2\0\0\0"  # Message ID Being Responded To

    def tamper(data):
        return data.replace(number + b"\1\0", number + b"\7\0") if place == "message" else data.replace(mine, other)

    with archive() as peer, between(peer.port, tamper=tamper) as way:
        results = send(peer.address(port=way.port), instances[:1], attempts=2)
    assert categories(results) == {Category.UNSENT: 1}
    assert "an answer came to something else than was sent" in results[0].comment


def test_a_server_with_one_association_at_a_time_gets_everything_from_several():
    with archive(maximum_associations=1) as peer:
        results = send(peer.address(), sendables(12), parallel=3)
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 12}


def test_instances_that_cannot_be_sent_do_not_hold_up_the_others(tmp_path):
    (good, gone, cut, long) = sendables(4)
    path = tmp_path / "gone.dcm"
    missing = Sendable(*_identity(gone), path=path)
    truncated = Sendable(*_identity(cut), data=cut.data[:140])
    too_long = Sendable(long.sop_class_uid + ".1" * 40, *_identity(long)[1:], data=long.data)
    with archive() as peer:
        results = send(peer.address(), [missing, truncated, too_long, good])
        agrees(results, peer)
        assert categories(results) == {Category.STORED: 1, Category.UNSENT: 3}
        said = {r.comment for r in results if not r.category.stored}
        assert any("gone.dcm cannot be read" in c for c in said)
        assert any("SOP Class UID is no UID" in c for c in said)


def _identity(sendable):
    return (
        sendable.sop_class_uid,
        sendable.sop_instance_uid,
        sendable.study_instance_uid,
        sendable.series_instance_uid,
        sendable.transfer_syntax_uid,
    )


@pytest.mark.parametrize("parallel", [1, 2])
def test_to_stop_early_ends_the_associations(parallel):
    before = set(threading.enumerate())
    with archive() as peer:
        sending = DimseSender(peer.address(), parallel=parallel).send(sendables(40))
        assert next(sending).category is Category.STORED
        sending.close()
        _ended(peer, parallel)
        assert len(peer.stored) < 40
    _gone(before)


@pytest.mark.parametrize("parallel", [1, 2])
def test_an_interruption_ends_the_associations(parallel, monkeypatch):
    count = 0
    store = Link.store

    def interrupted(self, *arguments):
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        return store(self, *arguments)

    monkeypatch.setattr(Link, "store", interrupted)
    before = set(threading.enumerate())
    with archive() as peer:
        with pytest.raises(KeyboardInterrupt):
            send(peer.address(), sendables(20), parallel=parallel)
        _ended(peer, 1)
    _gone(before)


def _ended(peer, least):
    """Hold that every association that was accepted was released or aborted."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        seen = Counter(peer.events)
        if seen["EVT_ACCEPTED"] >= least and seen["EVT_RELEASED"] + seen["EVT_ABORTED"] == seen["EVT_ACCEPTED"]:
            return
        time.sleep(0.02)
    raise AssertionError(peer.events)


def _gone(before):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not [t for t in threading.enumerate() if t not in before]:
            return
        time.sleep(0.02)
    raise AssertionError(threading.enumerate())


@pytest.mark.parametrize(
    ("code", "wrong"),
    [("OPT-PARALLEL", {"parallel": 0}), ("OPT-ATTEMPTS", {"attempts": 0}), ("OPT-ATTEMPTS", {"backoff_s": -1})],
)
def test_numbers_that_make_no_sense_are_refused(code, wrong):
    with raises_code(code, UsageError):
        DimseSender(DimseAddress("PEER", "127.0.0.1", 104), **wrong)


def test_nothing_to_send_needs_no_server():
    assert send(DimseAddress("PEER", "127.0.0.1", free_port()), []) == []
