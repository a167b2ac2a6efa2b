"""C-FIND, C-GET and C-MOVE against Orthanc, dcmqrscp and the small archive; and against archives that fail."""

from __future__ import annotations

import io
import logging
import threading
import time
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest
from pydicom import dcmread

from derive.errors import DeriveError, NetworkError, UsageError
from derive.pacs.address import DimseAddress, Timeouts
from derive.pacs.dimse import find as query
from derive.pacs.dimse import retrieve
from derive.pacs.dimse.find import find_series, images_of, instances_of
from derive.pacs.dimse.proposal import COMMON, storage_contexts, transfer_syntaxes
from derive.pacs.dimse.retrieve import retrieve_series
from derive.pacs.matching import is_uid, matches
from derive.pacs.outcome import FoundSeries
from derive.pacs.service.service import ArchiveService
from tests.helpers import servers
from tests.helpers.archive_peers import (
    CT,
    MR,
    OTHER_PATIENT,
    OTHER_STUDY,
    QUICK,
    address_of,
    came_bytes,
    collection,
    compressed,
    keys_of,
    sent_bytes,
    some_series,
    store,
    uids,
)
from tests.helpers.sources import ROOT

SERIES = collection()
RLE = compressed()
IMPATIENT = Timeouts(connect=5, association=5, message=2, network=5)
_MODELS = "1.2.840.10008.5.1.4.1.2."


@pytest.fixture(scope="module")
def listen():
    return servers.free_port()


@pytest.fixture(scope="module")
def archives(tmp_path_factory, listen):
    """Give what starts an archive of a kind, once; all of them know DERIVE at the port."""
    folder = tmp_path_factory.mktemp("archives")
    with ExitStack() as stack:
        running = {}

        def get(kind):
            if kind not in running:
                running[kind] = stack.enter_context(_start(kind, folder / kind, listen))
                held = [d for series in SERIES.values() for d in series] + (RLE if kind != "dcmqrscp" else [])
                assert store(running[kind], held) == [0] * len(held)
            return running[kind]

        yield get


def _start(kind, folder, port):
    if kind == "own":
        return ArchiveService(folder, port=0, destinations={"DERIVE": ("127.0.0.1", port)})
    return {"orthanc": servers.orthanc, "dcmqrscp": servers.dcmqrscp}[kind](folder, known={"DERIVE": port})


@pytest.fixture(params=["orthanc", "dcmqrscp", "own"])
def archive(request, archives):
    return archives(request.param)


@pytest.fixture(params=["C-GET", "C-MOVE"])
def way(request, monkeypatch, listen):
    """Either service; C-MOVE by taking C-GET from what is proposed."""
    if request.param == "C-MOVE":
        monkeypatch.setattr(retrieve, "_GET", {})
    return {"listen": listen if request.param == "C-MOVE" else None}


class Lacking(ArchiveService):
    """The small archive without some of its services, given by the end of their UIDs."""

    lacks: tuple[str, ...] = ()

    def _contexts(self):
        return [c for c in super()._contexts() if c.abstract_syntax not in [_MODELS + end for end in self.lacks]]


@contextmanager
def lacking(folder, *lacks, port=0, kind=Lacking):
    service = kind(folder, port=0, destinations={"DERIVE": ("127.0.0.1", port)})
    service.lacks = lacks
    with service:
        store(service, [d for series in SERIES.values() for d in series])
        yield service


# --- find ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"SeriesInstanceUID": f"{ROOT}.2.1"}, [CT]),
        ({"StudyInstanceUID": f"{ROOT}.1"}, [CT, MR]),
        ({"StudyInstanceUID": f"{ROOT}.1", "SeriesInstanceUID": f"{ROOT}.2.2"}, [MR]),
        ({"StudyInstanceUID": f"{ROOT}.1.3", "SeriesInstanceUID": f"{ROOT}.2.2"}, []),
        ({"PatientID": "PAT-1"}, [CT, MR, OTHER_STUDY]),
        ({"PatientID": "PAT-?", "Modality": "PT"}, [OTHER_PATIENT]),
        ({"PatientID": "PAT-1", "Modality": "CT", "AccessionNumber": "A2"}, [OTHER_STUDY]),
        ({"AccessionNumber": "A2"}, [OTHER_STUDY]),
        ({"AccessionNumber": "A2", "SeriesInstanceUID": ""}, [OTHER_STUDY]),
        ({"Modality": "MR"}, [MR]),
        ({"SeriesInstanceUID": "1.2.3"}, []),
        ({"PatientID": "NOBODY"}, []),
        ({"StudyInstanceUID": f"{ROOT}.1\\{ROOT}.1.2", "Modality": "CT"}, [CT, OTHER_STUDY]),
    ],
)
def test_series_are_found_by_keys_of_any_level(archive, filters, wanted):
    found = find_series(address_of(archive), filters)
    ours = {name: keys_of(SERIES[name]) for name in wanted}
    assert {(f.study_instance_uid, f.series_instance_uid) for f in found} == set(ours.values())
    assert len(found) == len(wanted)


def test_what_is_found_says_what_the_series_is(archive):
    (found,) = find_series(address_of(archive), {"SeriesInstanceUID": f"{ROOT}.2.4"})
    assert (found.modality, found.series_number, found.patient_id) == ("PT", 4, "PAT-2")
    assert found.instances in (None, 3)


@pytest.mark.parametrize("kind", ["orthanc", "own"])
@pytest.mark.parametrize(("text", "wanted"), [("Thorax*", 3), ("Head T?", 1), ("Nothing*", 0)])
def test_series_are_found_by_their_description(archives, kind, text, wanted):
    found = find_series(address_of(archives(kind)), {"PatientID": "PAT-*", "SeriesDescription": text})
    assert len(found) == wanted


def test_an_archive_that_cannot_match_by_a_key_is_not_believed(archives):
    with pytest.raises(NetworkError, match="does not match by SeriesDescription"):
        find_series(address_of(archives("dcmqrscp")), {"PatientID": "PAT-1", "SeriesDescription": "Head*"})


def test_instances_are_counted_one_by_one(archive):
    for series in SERIES.values():
        assert sorted(instances_of(address_of(archive), *keys_of(series))) == sorted(uids(series))
    assert instances_of(address_of(archive), f"{ROOT}.1", f"{ROOT}.2.77") == []
    assert instances_of(address_of(archive), f"{ROOT}.77", f"{ROOT}.2.1") == []


def test_nothing_of_the_patient_is_in_a_repr_or_a_log(archive, caplog):
    caplog.set_level(logging.DEBUG)
    found = find_series(address_of(archive), {"PatientID": "PAT-2"})
    files = []
    retrieve_series(address_of(archive), *keys_of(SERIES[OTHER_PATIENT]), files.append, listen=None)
    assert found
    assert files
    for told in (repr(found), caplog.text):
        assert not any(word in told for word in ("PAT-2", "Roe", "Richard", "Thorax"))


@pytest.mark.parametrize(
    "filters",
    [{"PatientName": "X"}, {"StudyInstanceUID": "1.2.*"}, {"SeriesInstanceUID": "../x"}, {"PatientID": "A\\B"}],
)
def test_filters_that_cannot_be_are_refused_before_anything_is_sent(filters):
    with pytest.raises(UsageError, match="NET-FILTER"):
        find_series(DimseAddress("NOBODY", "127.0.0.1", 1), filters)


def test_an_archive_with_the_patient_root_model_alone_is_asked_from_the_patient_down(tmp_path):
    with lacking(tmp_path, "2.1") as service:
        found = find_series(address_of(service), {"SeriesInstanceUID": f"{ROOT}.2.4"})
        assert [f.patient_id for f in found] == ["PAT-2"]
        assert len(find_series(address_of(service), {"AccessionNumber": "A1"})) == 2
        assert sorted(instances_of(address_of(service), *keys_of(SERIES[MR]))) == sorted(uids(SERIES[MR]))


class Strict(Lacking):
    """Answers only with the unique keys of all levels above, as the standard demands of everybody."""

    how = "refuse"

    def _find(self, event):
        identifier = event.identifier
        above = {"STUDY": [], "SERIES": ["StudyInstanceUID"], "IMAGE": ["StudyInstanceUID", "SeriesInstanceUID"]}
        if all(identifier.get(k) for k in above[identifier.QueryRetrieveLevel]):
            yield from super()._find(event)
        elif self.how == "refuse":
            yield 0xA900, None


@pytest.mark.parametrize("how", ["refuse", "say nothing"])
def test_a_series_is_found_where_studies_have_to_be_asked_one_by_one(tmp_path, monkeypatch, how):
    monkeypatch.setattr(Strict, "how", how)
    with lacking(tmp_path, kind=Strict) as service:
        assert len(find_series(address_of(service), {"SeriesInstanceUID": f"{ROOT}.2.4"})) == 1
        monkeypatch.setattr(query, "MOST", 2)
        with pytest.raises(NetworkError, match=r"3 at level STUDY.*name StudyInstanceUID"):
            find_series(address_of(service), {"SeriesInstanceUID": f"{ROOT}.2.4"})


class Refusing(Lacking):
    def _find(self, event):
        yield 0xA700, None


def test_a_query_that_is_refused_says_why_in_words(tmp_path):
    with lacking(tmp_path, kind=Refusing) as service, pytest.raises(NetworkError, match=r"0xA700, .*Out of Res") as e:
        instances_of(address_of(service), f"{ROOT}.1", f"{ROOT}.2.1")
    assert e.value.code == "NET-FIND"
    assert e.value.facts["status"] == 0xA700


def test_an_archive_without_queries_is_named(tmp_path):
    with lacking(tmp_path, "1.1", "2.1") as service, pytest.raises(NetworkError, match=r"NET-FIND.*offers no queries"):
        find_series(address_of(service), {"PatientID": "PAT-1"})


def test_a_lost_answer_is_asked_for_once_more():
    asked = []

    def ask():
        asked.append(1)
        if len(asked) == 1:
            raise query.Unanswered("NET-FIND", "lost")
        return "answer"

    assert query.twice(ask) == "answer"
    with pytest.raises(query.Unanswered):
        query.twice(lambda: (_ for _ in ()).throw(query.Unanswered("NET-FIND", "lost")))


def test_text_beyond_ascii_is_found(tmp_path):
    series = some_series(5, SpecificCharacterSet="ISO_IR 192", SeriesDescription="Schädel", PatientID="PÄT")
    with ArchiveService(tmp_path, port=0) as service:
        store(service, series)
        (found,) = find_series(address_of(service), {"PatientID": "PÄT", "SeriesDescription": "Sch?del"})
        assert (found.series_description, found.patient_id) == ("Schädel", "PÄT")


# --- retrieve -----------------------------------------------------------------------------------------------------


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
    assert all((dcmread(io.BytesIO(f)).pixel_array > 0).any() for f in files)


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
    assert all(uid in error.value.message for uid in missing)
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
        with pytest.raises(DeriveError) as error:
            ask()
        assert error.value.exit_code == 7


# --- what they are made of ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "vr", "wanted"),
    [
        ("", "x", "LO", True),
        ("*", "", "LO", True),
        ("A1", "A1", "SH", True),
        ("A1", "a1", "SH", False),
        ("doe^*", "Doe^Jane", "PN", True),
        ("T?2", "T12", "LO", True),
        ("T?2", "T2", "LO", False),
        ("a.c", "abc", "LO", False),
        ("1.2\\1.3", "1.3", "UI", True),
        ("1.2", "1.2.3", "UI", False),
        ("1.*", "1.2", "UI", False),
        ("20260101-20260131", "20260131", "DA", True),
        ("20260101-20260131", "20260201", "DA", False),
        ("-20260131", "20250101", "DA", True),
        ("20260101-", "20251231", "DA", False),
        ("20260101-", "", "DA", False),
        ("1000-1015", "101559.5", "TM", True),
        ("1000-1015", "101600", "TM", False),
        ("20260101", "20260101", "DA", True),
        ("DERIVED", "DERIVED\\PRIMARY", "CS", True),
    ],
)
def test_keys_match_as_the_standard_says(key, value, vr, wanted):
    assert matches(key, value, vr) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.2.840.10008.1.1", True),
        ("1.0.3", True),
        ("1." + "1" * 62, True),
        ("1." + "1" * 63, False),
        ("1.02", False),
        ("", False),
        (".", False),
        ("..", False),
        ("1..2", False),
        ("1.2/../3", False),
        ("1.2\n", False),
        ("\u0661.\u0662", False),
    ],
)
def test_only_uids_are_uids(text, wanted):
    assert is_uid(text) is wanted


@pytest.mark.parametrize("classes", [0, 1, 2, 3, 30, 122, 200])
def test_never_more_contexts_are_proposed_than_there_may_be(classes):
    contexts = storage_contexts([f"1.2.{k}" for k in range(classes)], room=124)
    assert len(contexts) <= 124
    for name in {str(c.abstract_syntax) for c in contexts}:
        proposed = [str(s) for c in contexts if c.abstract_syntax == name for s in c.transfer_syntax]
        assert sorted(proposed) == sorted(transfer_syntaxes())
    assert len({str(c.abstract_syntax) for c in contexts}) == min(classes, 124)


def test_common_classes_are_those_of_the_standard_and_once():
    from pynetdicom import AllStoragePresentationContexts

    known = {str(c.abstract_syntax) for c in AllStoragePresentationContexts}
    assert set(map(str, COMMON)) <= known
    assert len(set(COMMON)) == len(COMMON)


def test_what_is_found_shows_no_patient():
    found = FoundSeries("1.2", "1.3", "CT", 1, "Thorax of Doe", "PAT-1", 3)
    assert "Doe" not in repr(found)
    assert "PAT-1" not in repr(found)


def test_sop_classes_that_are_known_need_not_be_asked_for(archives):
    files = []
    classes = [str(_FIRST.SOPClassUID)]
    address = address_of(archives("own"), timeouts=QUICK)
    retrieve_series(address, *keys_of(SERIES[CT]), files.append, listen=None, sop_class_uids=classes)
    assert len(files) == len(SERIES[CT])
    assert set(images_of(address, *keys_of(SERIES[CT])).values()) == set(classes)
