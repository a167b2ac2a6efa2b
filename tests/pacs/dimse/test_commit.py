"""Storage commitment: what is reported is taken, of this transaction and over either association."""

from __future__ import annotations

import threading

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt

from derive.errors import NetworkError
from derive.pacs.dimse.commit import PUSH_MODEL, PUSH_MODEL_INSTANCE, commit
from tests.helpers.dimse_peers import (
    address_of,
    archive,
    send,
    sendables,
)
from tests.helpers.servers import free_port, orthanc


def test_orthanc_commits_itself_to_what_it_has_and_to_nothing_else(tmp_path):
    port, instances = free_port(), sendables(4)
    with orthanc(tmp_path / "o", known={"DERIVE": port}) as server:
        address = address_of(server)
        results = send(address, instances[:3])
        answer = commit(address, results, listen=port, wait_s=20)
        assert answer.answered
        assert set(answer.committed) == {p.sop_instance_uid for p in instances[:3]}
        assert answer.failed == {}
        answer = commit(address, instances, listen=port, wait_s=20)
        assert set(answer.committed) == {p.sop_instance_uid for p in instances[:3]}
        assert answer.failed == {instances[3].sop_instance_uid: 0x0112}


@pytest.mark.parametrize("own_association", [True, False])
def test_a_report_is_taken_over_either_association(own_association):
    port = free_port()
    reporter = _Reporter(port if own_association else None)
    with reporter.running() as peer:
        instances = sendables(3)
        answer = commit(peer.address(), instances, listen=port if own_association else None, wait_s=20)
        reporter.finished.wait(10)
    assert answer.answered
    assert answer.transaction_uid == reporter.asked.TransactionUID
    assert answer.committed == tuple(p.sop_instance_uid for p in instances[:-1])
    assert answer.failed == {instances[-1].sop_instance_uid: 0x0213}
    assert reporter.answers == [0x0000]


def test_a_report_of_another_transaction_is_not_taken():
    reporter = _Reporter(None, transaction="1.2.3")
    with reporter.running() as peer:
        answer = commit(peer.address(), sendables(2), wait_s=1)
        reporter.finished.wait(10)
    assert (answer.answered, answer.committed, answer.failed) == (False, (), {})
    assert reporter.answers == [0x0114]


def test_an_instance_of_which_the_report_says_nothing_is_not_committed():
    reporter = _Reporter(None, leave_out=1)
    with reporter.running() as peer:
        instances = sendables(3)
        answer = commit(peer.address(), instances, wait_s=20)
    assert answer.committed == (instances[1].sop_instance_uid,)
    assert set(answer.failed) == {instances[2].sop_instance_uid}


@pytest.mark.parametrize("listens", [True, False])
def test_without_a_report_nothing_is_committed(listens):
    with _Reporter(None, silent=True).running() as peer:
        answer = commit(peer.address(), sendables(2), listen=free_port() if listens else None, wait_s=0.5)
    assert (answer.answered, answer.committed, answer.failed) == (False, (), {})


def test_a_request_that_is_refused_is_told():
    with (
        _Reporter(None, status=0x0110).running() as peer,
        pytest.raises(NetworkError, match="0x0110") as failed,
    ):
        commit(peer.address(), sendables(2), wait_s=5)
    assert failed.value.code == "NET-COMMITMENT"


def test_an_archive_without_storage_commitment_is_told():
    with archive() as peer, pytest.raises(NetworkError) as failed:
        commit(peer.address(), sendables(2), wait_s=5)
    assert failed.value.code == "NET-CONTEXT"


def test_a_port_that_is_taken_is_told():
    with _Reporter(None).running() as peer, pytest.raises(NetworkError) as failed:
        commit(peer.address(), sendables(2), listen=peer.port, wait_s=5)
    assert failed.value.code == "NET-LISTEN"


class _Reporter:
    """An archive that commits itself to all but the last instance, and says so here or at a port."""

    def __init__(self, port, *, transaction=None, leave_out=0, silent=False, status=0x0000):
        self.port, self.transaction, self.leave_out, self.silent, self.status = (
            port, transaction, leave_out, silent, status,
        )  # fmt: skip
        self.asked, self.answers, self.finished = Dataset(), [], threading.Event()

    def running(self):
        return archive(classes=[PUSH_MODEL], handlers=[(evt.EVT_N_ACTION, self._action)])

    def _action(self, event):
        self.asked = event.action_information
        if self.status == 0 and not self.silent:
            threading.Timer(0.2, self._report, [event.assoc]).start()
        return self.status, None

    def _report(self, same):
        information = Dataset()
        information.TransactionUID = self.transaction or self.asked.TransactionUID
        *good, bad = self.asked.ReferencedSOPSequence
        bad.FailureReason = 0x0213
        information.ReferencedSOPSequence, information.FailedSOPSequence = good[self.leave_out :], [bad]
        association = same
        if self.port is not None:
            entity = AE("PEER")
            association = entity.associate("127.0.0.1", self.port, [build_context(PUSH_MODEL)])
        status, _ = association.send_n_event_report(information, 2, PUSH_MODEL, PUSH_MODEL_INSTANCE)
        self.answers.append(status.get("Status"))
        if association is not same:
            association.release()
        self.finished.set()
