"""Storage commitment by the small archive."""

from __future__ import annotations

import queue

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from derive.pacs.service.commit import Committing
from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import (
    CT,
    MR,
    collection,
    connected,
    keys_of,
    store,
    uids,
)

SERIES = collection()


EVERYTHING = [d for series in SERIES.values() for d in series]


def _keys(name):
    study, series = keys_of(SERIES[name])
    return [
        *("-k", f"StudyInstanceUID={study}"),
        *("-k", f"SeriesInstanceUID={series}"),
        *("-k", "SOPInstanceUID="),
    ]


def request_of(instances, *absent):
    action = Dataset()
    action.TransactionUID = generate_uid()
    action.ReferencedSOPSequence = Sequence()
    for class_uid, uid in [*((d.SOPClassUID, d.SOPInstanceUID) for d in instances), *absent]:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid, uid
        action.ReferencedSOPSequence.append(item)
    return action


class Reports:
    """Takes N-EVENT-REPORT."""

    def __init__(self):
        self.came, self.times = queue.Queue(), 0

    def __call__(self, event):
        self.times += 1
        self.came.put((event.event_type, event.event_information))
        return 0x0000, None


def ask_to_commit(peer, action, reports):
    from pynetdicom import build_context, evt

    contexts = [build_context(Committing.SOP_CLASS)]
    with connected(peer, contexts, handlers=[(evt.EVT_N_EVENT_REPORT, reports)]) as association:
        status, _ = association.send_n_action(action, 1, Committing.SOP_CLASS, Committing.INSTANCE)
        assert status.Status == 0
        return reports.came.get(timeout=20)


def test_what_is_kept_is_committed_to_on_the_same_association(filled):
    action = request_of(SERIES[CT])
    kind, report = ask_to_commit(filled, action, Reports())
    assert kind == 1
    assert report.TransactionUID == action.TransactionUID
    assert [i.ReferencedSOPInstanceUID for i in report.ReferencedSOPSequence] == uids(SERIES[CT])


def test_what_is_not_kept_is_not_committed_to(filled):
    ct, mr = SERIES[CT][0], SERIES[MR][0]
    action = request_of(SERIES[CT], (ct.SOPClassUID, "1.2.3"), (ct.SOPClassUID, mr.SOPInstanceUID))
    kind, report = ask_to_commit(filled, action, Reports())
    assert kind == 2
    assert len(report.ReferencedSOPSequence) == 4
    reasons = {i.ReferencedSOPInstanceUID: i.FailureReason for i in report.FailedSOPSequence}
    assert reasons == {"1.2.3": 0x0112, mr.SOPInstanceUID: 0x0119}


def test_a_file_that_was_lost_is_not_committed_to(service):
    store(service, SERIES[CT])
    next(service.folder.rglob(f"{SERIES[CT][0].SOPInstanceUID}.dcm")).unlink()
    kind, report = ask_to_commit(service, request_of(SERIES[CT]), Reports())
    assert kind == 2
    assert [i.ReferencedSOPInstanceUID for i in report.FailedSOPSequence] == uids(SERIES[CT])[:1]


def test_a_known_destination_gets_its_report_on_an_association_of_its_own(tmp_path):
    from pynetdicom import AE, evt

    here, own = Reports(), Reports()
    listener = AE("TESTER")
    listener.add_supported_context(Committing.SOP_CLASS, scu_role=True, scp_role=True)
    server = listener.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, own)])
    known = {"TESTER": ("127.0.0.1", server.server_address[1])}
    try:
        with ArchiveService(tmp_path, port=0, destinations=known) as service:
            store(service, SERIES[CT])
            here.came = own.came
            kind, _ = ask_to_commit(service, request_of(SERIES[CT]), here)
    finally:
        listener.shutdown()
    assert kind == 1
    assert own.times == 1
    assert here.times == 0
