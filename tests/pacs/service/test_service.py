"""The small archive for trying out: with dcmtk's programs as its clients, and with what must not get into it."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom import config, dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import RLELossless

from derive.errors import NetworkError, OutputError
from derive.pacs.dimse.find import find_series, instances_of
from derive.pacs.dimse.retrieve import retrieve_series
from derive.pacs.service.service import ArchiveService
from tests.helpers import servers
from tests.helpers.archive_peers import (
    CT,
    MR,
    OTHER_PATIENT,
    OTHER_STUDY,
    address_of,
    came_bytes,
    collection,
    compressed,
    connected,
    data_set,
    keys_of,
    sent_bytes,
    some_series,
    store,
    store_bytes,
    uids,
)
from tests.helpers.sources import ROOT

SERIES = collection()


EVERYTHING = [d for series in SERIES.values() for d in series]


def encoded(dataset):
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, dataset)
    return stream.getvalue()


def files_of(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def dcmtk(program, *arguments, peer, aet=None):

    command = [
        servers.program(program),
        "-v",
        "-aec",
        aet or peer.aet,
        "127.0.0.1",
        str(peer.port),
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def written(folder, instances):
    folder.mkdir(parents=True, exist_ok=True)
    for k, dataset in enumerate(instances):
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return sorted(folder.iterdir())


def test_instances_lie_by_study_and_series_with_the_bytes_that_came(service):
    instances = [*SERIES[CT], *compressed()]
    assert store(service, instances) == [0] * len(instances)
    files = files_of(service.folder)
    assert sorted(files) == sorted("/".join((*keys_of([d]), f"{d.SOPInstanceUID}.dcm")) for d in instances)
    assert came_bytes(files.values()) == sent_bytes(instances)


def test_bytes_that_pydicom_would_write_differently_are_kept_as_they_are(service):
    dataset = SERIES[CT][0]
    odd = b"\x08\0\0\0UL\4\0\x10\0\0\0" + encoded(dataset)  # a retired group length, and a wrong one
    assert store_bytes(service, dataset, odd) == 0
    (file,) = files_of(service.folder).values()
    assert data_set(file) == odd


def test_the_same_instance_again_is_a_success_and_another_one_under_its_uid_a_duplicate(service):
    first = SERIES[CT][0]
    changed = some_series(1)[0]
    changed.PixelData = b"\1\0" * (len(changed.PixelData) // 2)
    moved = some_series(1, SeriesInstanceUID=f"{ROOT}.2.99")[0]
    assert store(service, [first, first, changed, moved]) == [0, 0, 0x0111, 0x0111]
    zipped = some_series(1)[0]
    zipped.compress(RLELossless, generate_instance_uid=False)
    assert store(service, [zipped]) == [0x0111]
    assert came_bytes(files_of(service.folder).values()) == sent_bytes([first])


@pytest.mark.parametrize(
    "evil",
    ["../../../evil", "/tmp/evil", "..", ".", "", "1.2/../../3", "1.2.03", "1.2.", "evil", "1.2\\..\\evil", "1." * 40],
)
@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.filterwarnings("ignore:.*Invalid value for VR UI")  # pynetdicom shows the UID that was announced
def test_what_is_no_uid_gets_no_file(filled, tmp_path_factory, keyword, evil):
    root = filled.folder.parent
    before = sorted(p for p in root.rglob("*") if p.is_relative_to(filled.folder) or "evil" in p.name)
    dataset = some_series(77)[0]
    data = encoded(dataset)
    genuine = dataset[keyword].value.encode()
    genuine += b"\0" * (len(genuine) % 2)
    value = evil.encode() + b"\0" * (len(evil) % 2)
    old, new = (b"UI" + len(v).to_bytes(2, "little") + v for v in (genuine, value))
    assert data.count(old) == 1
    announced = evil[:64] if keyword == "SOPInstanceUID" and evil else None
    status = store_bytes(filled, dataset, data.replace(old, new), uid=announced)
    assert status in (0xA900, 0xC000)
    assert sorted(p for p in root.rglob("*") if p.is_relative_to(filled.folder) or "evil" in p.name) == before


@pytest.mark.filterwarnings("ignore:Expected explicit VR")
def test_what_cannot_be_read_or_is_announced_as_another_is_refused(service):
    dataset = SERIES[CT][0]
    assert store_bytes(service, dataset, b"\xff\xfe no data set at all..") == 0xC000
    assert store_bytes(service, dataset, encoded(dataset), uid="1.2.3") == 0xA900
    assert files_of(service.folder) == {}


def test_a_disk_that_takes_nothing_is_a_passing_reason_and_leaves_no_part(service, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        patch.setattr(os, "replace", full)
        assert store(service, SERIES[CT][:1]) == [0xA700]
    assert files_of(service.folder) == {}
    assert store(service, SERIES[CT][:1]) == [0]


def test_many_may_store_at_once_and_nothing_is_lost(service):
    many = [some_series(n, count=6) for n in range(10, 16)]
    with ThreadPoolExecutor(8) as pool:
        # Two send each series, at the same time.
        statuses = list(pool.map(lambda series: store(service, series), [*many, *many]))
    assert statuses == [[0] * 6] * 12
    everything = [d for series in many for d in series]
    assert came_bytes(files_of(service.folder).values()) == sent_bytes(everything)
    assert len(service.index) == len(everything)
    assert not list(service.folder.rglob("*.part"))


def test_one_of_two_different_instances_with_one_uid_wins_and_the_other_is_told(service):
    other = some_series(1)
    for dataset in other:
        dataset.ImageComments = "another"
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda series: store(service, series), [SERIES[CT], other])
    assert [{a, b} for a, b in zip(first, second, strict=True)] == [{0, 0x0111}] * 4
    kept = came_bytes(files_of(service.folder).values())
    for uid, a in zip(uids(other), first, strict=True):
        assert kept[uid] == (sent_bytes(SERIES[CT]) if a == 0 else sent_bytes(other))[uid]


def test_a_restart_keeps_everything(tmp_path):
    with ArchiveService(tmp_path, port=0) as service:
        store(service, [*EVERYTHING, *compressed()])
        before = find_series(address_of(service), {"PatientID": "*"})
    (tmp_path / "notes.dcm").write_bytes(b"no DICOM file")
    (tmp_path / ".1.2.3.999.part").write_bytes(b"left by a crash")
    shutil.copy(next(tmp_path.rglob("*.4.1.1.dcm")), tmp_path / "copy.dcm")
    with ArchiveService(tmp_path, port=0) as service:
        assert set(find_series(address_of(service), {"PatientID": "*"})) == set(before)
        assert sorted(instances_of(address_of(service), *keys_of(SERIES[MR]))) == sorted(uids(SERIES[MR]))
        assert store(service, EVERYTHING) == [0] * len(EVERYTHING)
        files = []
        retrieve_series(address_of(service), *keys_of(compressed()), files.append, listen=None)
    assert came_bytes(files) == sent_bytes(compressed())


def find(peer, level, root="2", **keys):
    from pynetdicom import build_context

    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        vr = dictionary_VR(keyword)
        identifier.add(DataElement(tag_for_keyword(keyword), vr, value, validation_mode=config.IGNORE))
    model = f"1.2.840.10008.5.1.4.1.2.{root}.1"
    with connected(peer, [build_context(model)]) as association:
        *answers, (last, _) = association.send_c_find(identifier, model)
    return last.Status, [a for _, a in answers]


@pytest.mark.parametrize(
    ("level", "keys", "key", "wanted"),
    [
        ("STUDY", {"StudyDate": "20260101-20260131"}, "StudyInstanceUID", {f"{ROOT}.1", f"{ROOT}.1.3"}),
        ("STUDY", {"StudyDate": "-20251231"}, "StudyInstanceUID", {f"{ROOT}.1.2"}),
        ("STUDY", {"StudyDate": "20250615"}, "StudyInstanceUID", {f"{ROOT}.1.2"}),
        ("STUDY", {"PatientName": "roe^*"}, "StudyInstanceUID", {f"{ROOT}.1.3"}),
        ("STUDY", {"ModalitiesInStudy": "MR"}, "StudyInstanceUID", {f"{ROOT}.1"}),
        ("STUDY", {"StudyInstanceUID": [f"{ROOT}.1.2", f"{ROOT}.1.3", "1.2"]}, "PatientID", {"PAT-1", "PAT-2"}),
        ("SERIES", {"StudyInstanceUID": f"{ROOT}.1", "Modality": "?R"}, "SeriesInstanceUID", {f"{ROOT}.2.2"}),
        ("SERIES", {"SeriesDescription": "*T1"}, "SeriesInstanceUID", {f"{ROOT}.2.2"}),
        ("IMAGE", {"SeriesInstanceUID": f"{ROOT}.2.2", "InstanceNumber": "2"}, "SOPInstanceUID", {f"{ROOT}.4.2.2"}),
        ("IMAGE", {"SOPInstanceUID": f"{ROOT}.4.1.1"}, "SOPClassUID", {str(SERIES[CT][0].SOPClassUID)}),
        ("IMAGE", {"SOPInstanceUID": "1.2.3"}, "SOPClassUID", set()),
    ],
)
def test_queries_match_by_value_list_wildcard_and_range(filled, level, keys, key, wanted):
    status, answers = find(filled, level, **{key: "", **keys})
    assert status == 0
    assert {str(a[key].value) for a in answers} == wanted
    assert {a.RetrieveAETitle for a in answers} <= {"ARCHIVE"}


def test_counts_are_of_everything_below_whatever_was_asked_for(filled):
    _, (study,) = find(
        filled,
        "STUDY",
        StudyInstanceUID=f"{ROOT}.1",
        Modality="MR",
        NumberOfStudyRelatedSeries=None,
        NumberOfStudyRelatedInstances=None,
        ModalitiesInStudy="",
    )
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (2, 7)
    assert list(study.ModalitiesInStudy) == ["CT", "MR"]
    _, patients = find(filled, "PATIENT", root="1", PatientID="", NumberOfPatientRelatedStudies=None)
    assert {p.PatientID: p.NumberOfPatientRelatedStudies for p in patients} == {"PAT-1": 2, "PAT-2": 1}


@pytest.mark.parametrize(("level", "root"), [("PATIENT", "2"), ("FRAME", "2"), ("", "1")])
def test_a_level_that_the_model_does_not_have_is_refused(filled, level, root):
    assert find(filled, level, root=root, PatientID="*") == (0xA900, [])


def test_echoscu_is_answered_and_another_called_title_rejected(filled):
    assert dcmtk("echoscu", peer=filled)[0] == 0
    code, said = dcmtk("echoscu", peer=filled, aet="SOMEBODY")
    assert code != 0
    assert "Called AE Title Not Recognized" in said


def test_storescu_stores_what_findscu_finds_and_getscu_gets(service, tmp_path):
    files = written(tmp_path / "in", SERIES[OTHER_PATIENT])
    code, said = dcmtk("storescu", *files, peer=service)
    assert code == 0, said
    code, said = dcmtk("findscu", "-S", "-k", "QueryRetrieveLevel=IMAGE", *_keys(OTHER_PATIENT), peer=service)
    assert code == 0
    assert sorted(set(re.findall(rf"{re.escape(ROOT)}\.4\.4\.\d+", said))) == sorted(uids(SERIES[OTHER_PATIENT]))
    (tmp_path / "out").mkdir()
    level = ("-k", "QueryRetrieveLevel=SERIES")
    code, said = dcmtk("getscu", "-S", "-od", tmp_path / "out", *level, *_keys(OTHER_PATIENT)[:4], peer=service)
    assert code == 0, said
    came = {str(d.SOPInstanceUID): d for d in map(dcmread, (tmp_path / "out").iterdir())}
    assert came == {str(d.SOPInstanceUID): d for d in SERIES[OTHER_PATIENT]}


def test_movescu_has_a_series_sent_to_a_known_destination_and_to_no_other(tmp_path):
    with servers.storescp(tmp_path / "scp") as there:
        known = {"STORESCP": ("127.0.0.1", there.port)}
        with ArchiveService(tmp_path / "archive", port=0, destinations=known) as service:
            store(service, EVERYTHING)
            level = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={ROOT}.1")
            code, said = dcmtk("movescu", "-S", "-aem", "STORESCP", *level, peer=service)
            assert code == 0, said
            came = {str(dcmread(p).SOPInstanceUID) for p in (there.folder / "in").iterdir()}
            assert came == {*uids(SERIES[CT]), *uids(SERIES[MR])}
            _, said = dcmtk("movescu", "-S", "-aem", "NOBODY", *level, peer=service)
            assert re.search("a801|MoveDestinationUnknown", said)


def test_a_retrieval_that_names_nothing_gets_nothing(filled):
    from pynetdicom import build_context, build_role
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as Get

    storage = SERIES[CT][0].SOPClassUID
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "SERIES", f"{ROOT}.1"
    roles = [build_role(storage, scp_role=True)]
    with connected(filled, [build_context(Get), build_context(storage)], roles=roles) as association:
        ((status, _),) = association.send_c_get(identifier, Get)
    assert status.Status == 0xA900


def _keys(name):
    study, series = keys_of(SERIES[name])
    return [
        *("-k", f"StudyInstanceUID={study}"),
        *("-k", f"SeriesInstanceUID={series}"),
        *("-k", "SOPInstanceUID="),
    ]


def test_it_says_plainly_that_it_is_for_trying_out(filled):
    assert "for trying out: no access control" in filled.describe()
    assert f"ARCHIVE@127.0.0.1:{filled.port}" in filled.describe()
    assert "NO ACCESS CONTROL" in (ArchiveService.__doc__ or "")


def test_it_listens_on_loopback_alone():
    import inspect

    assert inspect.signature(ArchiveService).parameters["host"].default == "127.0.0.1"


def test_no_log_tells_of_a_patient(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with ArchiveService(tmp_path, port=0) as service:
        store(service, SERIES[OTHER_STUDY])
        changed = some_series(3, StudyInstanceUID=f"{ROOT}.1.2", ImageComments="changed")
        assert store(service, changed[:1]) == [0x0111]
        # pydicom would show it, as no legal date.
        dataset = some_series(6)[0]
        assert store_bytes(service, dataset, encoded(dataset).replace(b"19700101", b"Doe 1970")) == 0
        find(service, "STUDY", PatientID="PAT-1", PatientName="Doe*")
        files = []
        retrieve_series(address_of(service), *keys_of(SERIES[OTHER_STUDY]), files.append, listen=None)
    assert caplog.records
    assert not re.search("PAT-1|Doe|Jane|Thorax", caplog.text)


def test_a_port_that_is_taken_and_a_folder_that_is_a_file_are_named(filled, tmp_path):
    with pytest.raises(NetworkError, match=f"NET-LISTEN.*{filled.port}"), ArchiveService(tmp_path, port=filled.port):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="OUT-WRITE"), ArchiveService(tmp_path / "file", port=0):
        pass


def test_a_series_sent_back_is_the_series_that_was_stored_bit_by_bit(filled):
    for series in SERIES.values():
        files = []
        retrieve_series(address_of(filled), *keys_of(series), files.append, listen=None)
        digests = {uid: hashlib.sha256(data).digest() for uid, (_, data) in came_bytes(files).items()}
        assert digests == {uid: hashlib.sha256(data).digest() for uid, (_, data) in sent_bytes(series).items()}
