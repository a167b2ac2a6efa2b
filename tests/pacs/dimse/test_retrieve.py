"""C-GET and C-MOVE from Orthanc, dcmqrscp and the small archive; and from archives that fail."""

from __future__ import annotations

import io
import threading
import time
from types import SimpleNamespace

import pytest
from pydicom import dcmread

from derive.errors import DeriveError, NetworkError
from derive.pacs.dimse import retrieve
from derive.pacs.dimse.find import find_series, images_of
from derive.pacs.dimse.proposal import transfer_syntaxes
from derive.pacs.dimse.retrieve import retrieve_series
from tests.helpers import servers
from tests.helpers.archive_peers import (
    CT,
    IMPATIENT,
    MR,
    OTHER_PATIENT,
    OTHER_STUDY,
    QUICK,
    RLE,
    SERIES,
    Lacking,
    address_of,
    came_bytes,
    keys_of,
    lacking,
    sent_bytes,
    store,
    uids,
)
from tests.helpers.asserting import every, raises_code
from tests.helpers.sources import ROOT


@pytest.mark.parametrize("name", list(SERIES))
def test_a_series_comes_back_as_it_was_sent(archive, name, way):
    files = []
    retrieve_series(address_of(archive), *keys_of(SERIES[name]), files.append, **way)
    assert came_bytes(files) == sent_bytes(SERIES[name])


@pytest.mark.parametrize("kind", ["orthanc", "own"])
def test_a_compressed_series_comes_back_compressed_as_it_was(archives, kind, way):
    files = []
    retrieve_series(address_of(archives(kind)), *keys_of(RLE), files.append, **way)
    assert came_bytes(files) == sent_bytes(RLE)
    assert every((dcmread(io.BytesIO(f)).pixel_array > 0).any() for f in files)


def test_every_transfer_syntax_comes_back_as_it_was(real, archives, way):
    instances = []
    for number, path in enumerate(sorted(real("cornerstone_one_ct_all_syntaxes").glob("*.dcm"))):
        dataset = dcmread(path)
        if str(dataset.file_meta.TransferSyntaxUID) in transfer_syntaxes():
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.1.7", f"{ROOT}.2.7"
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.4.7.{number + 1}"
            dataset.PatientID = dataset.AccessionNumber = dataset.SeriesDescription = "SYNTAXES"
            instances.append(dataset)
    assert len({d.file_meta.TransferSyntaxUID for d in instances}) > 10
    assert set(store(archives("own"), instances)) == {0}
    files = []
    retrieve_series(address_of(archives("own")), *keys_of(instances), files.append, **way)
    assert came_bytes(files) == sent_bytes(instances)


def test_an_unknown_series_is_an_error_that_names_it(archive, way):
    with pytest.raises(NetworkError, match=rf"NET-RETRIEVE.*no instance of {ROOT}\.2\.77"):
        retrieve_series(address_of(archive), f"{ROOT}.1", f"{ROOT}.2.77", pytest.fail, **way)


def test_a_destination_that_the_archive_does_not_know_is_explained(archive, monkeypatch):
    monkeypatch.setattr(retrieve, "_GET", {})
    port = servers.free_port()
    with pytest.raises(NetworkError, match=rf"know the AE title STRANGER at this host, port {port}") as error:
        retrieve_series(address_of(archive, "STRANGER"), *keys_of(SERIES[CT]), pytest.fail, listen=port)
    # Orthanc answers with a status that says nothing of the destination.
    assert error.value.code == "NET-DESTINATION" or archive.aet == "ORTHANC"


def test_a_destination_that_is_elsewhere_is_explained(archive, monkeypatch, listen):
    monkeypatch.setattr(retrieve, "_GET", {})
    with pytest.raises(NetworkError, match="has to know the AE title DERIVE"):
        retrieve_series(address_of(archive), *keys_of(SERIES[CT]), pytest.fail, listen=servers.free_port())


def test_an_archive_without_c_get_is_asked_by_c_move(tmp_path, listen):
    files = []
    with lacking(tmp_path, "1.3", "2.3", port=listen) as service:
        retrieve_series(address_of(service), *keys_of(SERIES[MR]), files.append, listen=listen)
        with pytest.raises(NetworkError, match=r"NET-RETRIEVE.*no C-GET.*give a port to listen at"):
            retrieve_series(address_of(service), *keys_of(SERIES[MR]), pytest.fail, listen=None)
    assert came_bytes(files) == sent_bytes(SERIES[MR])


def test_an_archive_without_either_is_named(tmp_path):
    with lacking(tmp_path, "1.3", "2.3", "1.2", "2.2") as service, pytest.raises(NetworkError, match="neither C-GET"):
        retrieve_series(address_of(service), *keys_of(SERIES[MR]), pytest.fail, listen=1)


def test_an_archive_with_the_patient_root_model_alone_is_told_the_patient(tmp_path, way, listen):
    files = []
    with lacking(tmp_path, "2.1", "2.2", "2.3", port=listen) as service:
        retrieve_series(address_of(service), *keys_of(SERIES[OTHER_PATIENT]), files.append, **way)
    assert came_bytes(files) == sent_bytes(SERIES[OTHER_PATIENT])


def test_an_archive_without_queries_still_sends(tmp_path):
    files = []
    with lacking(tmp_path, "1.1", "2.1") as service:
        retrieve_series(address_of(service), *keys_of(SERIES[CT]), files.append, listen=None)
        with pytest.raises(NetworkError, match="has no instance of"):
            retrieve_series(address_of(service), f"{ROOT}.1", f"{ROOT}.2.77", pytest.fail, listen=None)
    assert came_bytes(files) == sent_bytes(SERIES[CT])


def test_a_port_that_is_taken_is_named(archives, monkeypatch):
    monkeypatch.setattr(retrieve, "_GET", {})
    taken = archives("own").port
    with pytest.raises(NetworkError, match=f"NET-LISTEN.*port {taken}"):
        retrieve_series(address_of(archives("own")), *keys_of(SERIES[CT]), pytest.fail, listen=taken)


def test_what_cannot_be_taken_ends_the_retrieval_with_its_own_error(archive, way):
    files = []

    def take(data):
        files.append(data)
        if len(files) == 2:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        retrieve_series(address_of(archive), *keys_of(SERIES[CT]), take, **way)
    assert len(files) == 2


class Sending(Lacking):
    """Sends what it is told to, by either service, and ends with a status."""

    sends: tuple = ()
    ends: int | None = None
    waits = None
    pause = 0.0

    def _sent(self, event, wanted):
        yield len(self.sends) + (self.ends is not None)
        for dataset in self.sends:
            time.sleep(self.pause)
            yield 0xFF00, dataset
        if self.waits is not None:
            self.waits.wait(20)
        if self.ends is not None:
            yield self.ends, None


@pytest.fixture
def sending(tmp_path, listen):
    with lacking(tmp_path, port=listen, kind=Sending) as service:
        yield service


_FIRST = SERIES[CT][0]


_UIDS = uids(SERIES[CT])


@pytest.mark.parametrize(
    ("sends", "ends", "missing", "words"),
    [
        (SERIES[CT][:3], None, _UIDS[3:], "3 instances of .*, 1 did not"),
        (SERIES[CT][:1], 0xA702, _UIDS[1:], "3 did not .*0xA702, .*Out of resources"),
        ((), 0xC001, _UIDS, "0 instances .*, 4 did not .*0xC001, Unable"),
        ([*SERIES[CT], SERIES[OTHER_STUDY][0]], None, [], "not taken: it is of another series than was asked for"),
        ((), None, _UIDS, "0 instances .* 4 did not"),
    ],
    ids=["one less", "gives up", "fails at once", "another series", "success without anything"],
)
def test_what_is_not_whole_is_an_error_that_names_what_is_missing(sending, way, sends, ends, missing, words):
    sending.sends, sending.ends = tuple(sends), ends
    files = []
    with pytest.raises(NetworkError, match=words) as error:
        retrieve_series(address_of(sending), *keys_of(SERIES[CT]), files.append, **way)
    assert error.value.code == "NET-RETRIEVE"
    assert error.value.facts["missing"] == missing
    assert sorted(error.value.facts["received"]) == sorted(set(_UIDS) - set(missing))
    assert [uid for uid in missing if uid not in error.value.message] == []
    assert sorted(came_bytes(files)) == sorted(error.value.facts["received"])


def test_an_instance_that_comes_twice_is_handed_over_once_and_another_one_under_its_uid_is_refused(sending, way):
    changed = dcmread(io.BytesIO(_file(_FIRST)))
    changed.ImageComments = "another"
    sending.sends = (*SERIES[CT], _FIRST, changed)
    files = []
    with pytest.raises(NetworkError, match="a second time, and was another one"):
        retrieve_series(address_of(sending), *keys_of(SERIES[CT]), files.append, **way)
    assert len(files) == len(SERIES[CT])


def test_an_archive_that_moves_slowly_and_says_nothing_of_it_is_waited_for(sending, monkeypatch, listen):
    from pynetdicom.dimse import DIMSEServiceProvider
    from pynetdicom.dimse_primitives import C_MOVE

    monkeypatch.setattr(retrieve, "_GET", {})
    send = DIMSEServiceProvider.send_msg

    def without_pending(self, message, context):
        if not (isinstance(message, C_MOVE) and message.Status == 0xFF00):
            send(self, message, context)

    monkeypatch.setattr(DIMSEServiceProvider, "send_msg", without_pending)
    sending.sends, sending.pause = tuple(SERIES[CT]), 0.6 * IMPATIENT.message
    files = []
    retrieve_series(address_of(sending, timeouts=IMPATIENT), *keys_of(SERIES[CT]), files.append, listen=listen)
    assert came_bytes(files) == sent_bytes(SERIES[CT])


def test_an_archive_that_falls_silent_is_not_waited_for(sending, way):
    sending.sends, sending.waits = tuple(SERIES[CT][:2]), threading.Event()
    sending.ends = 0x0000
    files = []
    with pytest.raises(NetworkError, match=r"fell silent .* after 2 instances"):
        retrieve_series(address_of(sending, timeouts=IMPATIENT), *keys_of(SERIES[CT]), files.append, **way)
    sending.waits.set()
    assert len(files) == 2


def _file(dataset):
    from derive.pacs.sendable import Sendable

    return Sendable.of_dataset(dataset).read()


def test_an_archive_that_is_not_there_is_an_error():
    nobody = SimpleNamespace(aet="NOBODY", port=servers.free_port())
    for ask in (
        lambda: find_series(address_of(nobody), {"PatientID": "X"}),
        lambda: retrieve_series(address_of(nobody), "1.2", "1.3", pytest.fail, listen=None),
    ):
        with raises_code("NET-UNREACHABLE", DeriveError) as error:
            ask()
        assert error.value.exit_code == 7


def test_instances_come_one_by_one_where_they_are_asked_for_so(archive, way):
    files = []
    wanted = _UIDS[1:3]
    retrieve_series(address_of(archive), *keys_of(SERIES[CT]), files.append, only=wanted, **way)
    assert sorted(came_bytes(files)) == wanted
    with raises_code("NET-RETRIEVE", NetworkError) as error:
        retrieve_series(address_of(archive), *keys_of(SERIES[CT]), files.append, only=[f"{ROOT}.77", _UIDS[0]], **way)
    assert error.value.facts["missing"] == [f"{ROOT}.77"]
    assert sorted(came_bytes(files)) == _UIDS[:3]


def test_sop_classes_are_listed_with_the_instances(archives):
    listed = images_of(address_of(archives("own"), timeouts=QUICK), *keys_of(SERIES[CT]))
    assert dict(listed) == dict.fromkeys(_UIDS, str(_FIRST.SOPClassUID))
