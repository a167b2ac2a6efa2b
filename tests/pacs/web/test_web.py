"""A DICOMweb service that is real: Orthanc stores, finds and gives back what it was sent, byte for byte."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless

from derive.errors import NetworkError, UsageError
from derive.pacs.address import Credentials, WebAddress
from derive.pacs.outcome import Category
from derive.pacs.sendable import Sendable
from derive.pacs.web import query as web_query
from derive.pacs.web.retrieve import retrieve
from derive.pacs.web.stow import WebSender
from tests.helpers.asserting import every, raises_code
from tests.helpers.servers import orthanc
from tests.helpers.sources import ROOT, make_series

PATIENT = "Tscherniq-4711"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


def series(number, count=5, **changes):
    """Data sets of a study and series of their own."""
    identity = {
        "StudyInstanceUID": f"{ROOT}.{number}.1",
        "SeriesInstanceUID": f"{ROOT}.{number}.2",
        "SOPInstanceUID": lambda k: f"{ROOT}.{number}.4.{k + 1}",
        "PatientID": f"{PATIENT}-{number}",
        "AccessionNumber": f"ACC{number}",
    }
    found = make_series(count=count, **(identity | changes))
    for dataset in found:
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return found


def sent(address, sendables, **options):
    return list(WebSender(address, backoff_s=0.01, **options).send(sendables))


def uids(datasets):
    return {str(d.SOPInstanceUID) for d in datasets}


def retrieved(address, study, series_uid):
    found = []
    count = retrieve(address, study, series_uid, found.append)
    assert count == len(found)
    return found


def dataset_bytes(data):
    """What follows the File Meta Information."""
    stream = io.BytesIO(data)
    head = dcmread(stream, stop_before_pixels=True, specific_tags=[])
    return data[132 + 12 + head.file_meta.FileMetaInformationGroupLength :]


@pytest.mark.parametrize("in_files", [False, True])
def test_what_is_stored_comes_back_byte_for_byte(archive, tmp_path, in_files):
    datasets = series(10 + in_files)
    sendables = [Sendable.of_dataset(d) for d in datasets]
    if in_files:
        for k, sendable in enumerate(sendables):
            (tmp_path / f"{k}.dcm").write_bytes(sendable.data)
        sendables = [Sendable.of_file(p) for p in sorted(tmp_path.iterdir())]
    address = WebAddress(archive.url)
    results = sent(address, sendables)
    assert [r.category for r in results] == [Category.STORED] * 5
    assert [r.file for r in results] == [p.name for p in sendables]
    assert {r.sop_instance_uid for r in results} == uids(datasets)
    study, number = str(datasets[0].StudyInstanceUID), str(datasets[0].SeriesInstanceUID)
    assert sorted(web_query.search_instances(address, study, number)) == sorted(uids(datasets))
    before = {p.sop_instance_uid: dataset_bytes(p.read()) for p in sendables}
    after = {str(dcmread(io.BytesIO(d)).SOPInstanceUID): dataset_bytes(d) for d in retrieved(address, study, number)}
    assert after == before


def test_a_compressed_series_comes_back_in_its_own_transfer_syntax(archive):
    pytest.importorskip("jpeg_ls")
    datasets = series(12, count=2, RescaleIntercept=0, PixelRepresentation=0)
    for dataset in datasets:
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    sendables = [Sendable.of_dataset(d) for d in datasets]
    assert every(r.category is Category.STORED for r in sent(WebAddress(archive.url), sendables))
    found = retrieved(WebAddress(archive.url), f"{ROOT}.12.1", f"{ROOT}.12.2")
    assert {dcmread(io.BytesIO(d)).file_meta.TransferSyntaxUID for d in found} == {JPEGLSLossless}
    assert sorted(map(dataset_bytes, found)) == sorted(dataset_bytes(p.read()) for p in sendables)


def test_two_hundred_instances_go_in_several_requests_and_all_are_found(archive, monkeypatch):
    datasets = [d for k in range(4) for d in series(20, count=50, SOPInstanceUID=lambda i, k=k: f"{ROOT}.20.4.{k}.{i}")]
    requests, once = [], web_query.WebSession.once

    def counted(self, method, *arguments, **options):
        requests.append(method)
        return once(self, method, *arguments, **options)

    monkeypatch.setattr(web_query.WebSession, "once", counted)
    sendables = [Sendable.of_dataset(d) for d in datasets]
    size = sum(len(p.data) for p in sendables)
    results = sent(WebAddress(archive.url), sendables, batch_mb=size / 6e6)
    assert [r.sop_instance_uid for r in results] == [p.sop_instance_uid for p in sendables]
    assert {r.category for r in results} == {Category.STORED}
    assert 6 <= requests.count("POST") <= 8
    found = web_query.search_instances(WebAddress(archive.url), f"{ROOT}.20.1", f"{ROOT}.20.2")
    assert sorted(found) == sorted(uids(datasets))


@pytest.mark.parametrize("page", [1, 2, 3, 5, 6])
def test_pages_that_are_smaller_than_the_series_give_every_instance_once(archive, page):
    datasets = series(30)
    sent(WebAddress(archive.url), [Sendable.of_dataset(d) for d in datasets])
    found = web_query.search_instances(WebAddress(archive.url), f"{ROOT}.30.1", f"{ROOT}.30.2", page=page)
    assert sorted(found) == sorted(uids(datasets))


@pytest.mark.parametrize(
    "filters",
    [
        {"StudyInstanceUID": f"{ROOT}.40.1"},
        {"SeriesInstanceUID": f"{ROOT}.40.2"},
        {"AccessionNumber": "ACC40"},
        {"PatientID": f"{PATIENT}-40"},
        {"PatientID": f"{PATIENT}-4?", "Modality": "MR"},
        {"PatientID": "*-40"},
        {"SeriesInstanceUID": f"{ROOT}.40.2", "StudyInstanceUID": f"{ROOT}.40.1"},
    ],
)
@pytest.mark.parametrize("page", [1, 500])
def test_series_are_found_by_what_identifies_them(archive, filters, page):
    datasets = series(40, modality="MR", SeriesDescription="Ünlü sag", SpecificCharacterSet="ISO_IR 100")
    other = series(41, modality="CT")
    sent(WebAddress(archive.url), [Sendable.of_dataset(d) for d in datasets + other])
    (found,) = web_query.search_series(WebAddress(archive.url), filters, page=page)
    told = (found.study_instance_uid, found.series_instance_uid, found.modality, found.series_number)
    assert told == (f"{ROOT}.40.1", f"{ROOT}.40.2", "MR", 3)
    assert (found.series_description, found.patient_id, found.instances) == ("Ünlü sag", f"{PATIENT}-40", 5)
    assert (found.accession_number, found.study_date) == ("ACC40", datasets[0].StudyDate)


ODD_NAMES = ["A B", "A&B=C", "A#B", "A+B", "50%41", "A/B", "A:B", "A'B"]


@pytest.fixture(scope="module")
def odd_patients(archive):
    for k, name in enumerate([*ODD_NAMES, "A-B", "A.B", "50-41"]):
        datasets = series(200 + k, count=1, PatientID=name, SpecificCharacterSet="ISO_IR 100")
        sent(WebAddress(archive.url), [Sendable.of_dataset(d) for d in datasets])


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.usefixtures("odd_patients")
def test_patients_are_found_whose_identifiers_have_characters_that_urls_have_a_use_for(archive, name):
    (found,) = web_query.search_series(WebAddress(archive.url), {"PatientID": name})
    assert (found.patient_id, found.series_instance_uid) == (name, f"{ROOT}.{200 + ODD_NAMES.index(name)}.2")


def test_what_is_asked_for_with_a_space_is_not_found_with_something_else_in_its_place(archive):
    for number, description in [(220, "Lung 2"), (221, "Lung-2")]:
        datasets = series(number, count=1, SeriesDescription=description)
        sent(WebAddress(archive.url), [Sendable.of_dataset(d) for d in datasets])
    (found,) = web_query.search_series(WebAddress(archive.url), {"SeriesDescription": "Lung 2"})
    assert found.series_instance_uid == f"{ROOT}.220.2"


def test_nothing_is_found_of_what_is_not_there(archive):
    address = WebAddress(archive.url)
    assert web_query.search_series(address, {"PatientID": "nobody"}).items == ()
    assert web_query.search_instances(address, f"{ROOT}.99.1", f"{ROOT}.99.2").items == ()
    with pytest.raises(NetworkError) as raised:
        retrieved(address, f"{ROOT}.99.1", f"{ROOT}.99.2")
    assert raised.value.code == "NET-HTTP"
    assert raised.value.facts["status"] == 404


def test_a_series_is_not_found_in_another_study(archive):
    sent(WebAddress(archive.url), [Sendable.of_dataset(d) for d in series(50)])
    address = WebAddress(archive.url)
    assert web_query.search_instances(address, f"{ROOT}.30.1", f"{ROOT}.50.2").items == ()
    assert (
        web_query.search_series(
            address, {"StudyInstanceUID": f"{ROOT}.30.1", "SeriesInstanceUID": f"{ROOT}.50.2"}
        ).items
        == ()
    )


def test_the_same_instance_sent_twice_is_stored_each_time_and_there_once(archive):
    sendables = [Sendable.of_dataset(d) for d in series(60, count=2)]
    results = sent(WebAddress(archive.url), [*sendables, *sendables])
    assert [r.category for r in results] == [Category.STORED] * 4
    assert len(web_query.search_instances(WebAddress(archive.url), f"{ROOT}.60.1", f"{ROOT}.60.2")) == 2


def test_what_the_archive_refuses_is_refused_and_the_rest_is_stored(archive):
    good, bad = series(70, count=3), series(71, count=1)[0]
    del bad.SeriesInstanceUID
    sendables = [Sendable.of_dataset(d) for d in good]
    refused = Sendable.of_dataset(series(71, count=1)[0])
    data = io.BytesIO()
    bad.save_as(data, enforce_file_format=True)
    results = sent(WebAddress(archive.url), [sendables[0], replace(refused, data=data.getvalue()), *sendables[1:]])
    found = {r.sop_instance_uid: r.category for r in results}
    there = set(web_query.search_instances(WebAddress(archive.url), f"{ROOT}.70.1", f"{ROOT}.70.2"))
    assert not found[refused.sop_instance_uid].stored
    assert {uid for uid, category in found.items() if category.stored} <= there
    assert len(results) == 4


def test_an_archive_with_accounts_takes_the_right_one_only(tmp_path, monkeypatch):
    monkeypatch.setenv("DERIVE_TEST_USER", "jäne")
    monkeypatch.setenv("DERIVE_TEST_PASSWORD", "s3cr€t")
    monkeypatch.setenv("DERIVE_TEST_WRONG", "wr0ng")
    sendables = [Sendable.of_dataset(d) for d in series(80, count=2)]
    with orthanc(tmp_path, AuthenticationEnabled=True, RegisteredUsers={"jäne": "s3cr€t"}) as server:
        for credentials in (Credentials(), Credentials(None, "DERIVE_TEST_USER", "DERIVE_TEST_WRONG")):
            address = WebAddress(server.url, credentials)
            for call in (lambda a=address: sent(a, sendables), lambda a=address: web_query.ping(a)):
                with pytest.raises(NetworkError) as raised:
                    call()
                assert raised.value.code == "NET-AUTH"
                assert "wr0ng" not in str(raised.value)
        right = WebAddress(server.url, Credentials(None, "DERIVE_TEST_USER", "DERIVE_TEST_PASSWORD"))
        assert {r.category for r in sent(right, sendables)} == {Category.STORED}
        assert len(web_query.search_instances(right, f"{ROOT}.80.1", f"{ROOT}.80.2")) == 2


def test_no_log_names_the_patient_that_was_asked_for(archive, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    address = WebAddress(archive.url)
    sent(address, [Sendable.of_dataset(d) for d in series(90, count=1)])
    (found,) = web_query.search_series(address, {"PatientID": f"{PATIENT}-90"})
    retrieved(address, found.study_instance_uid, found.series_instance_uid)
    assert "GET" in caplog.text
    assert PATIENT not in caplog.text + repr(found)
    with raises_code("NET-HTTP", NetworkError) as raised:
        web_query.search_series(WebAddress(archive.rest + "/nothing"), {"PatientID": f"{PATIENT}-90"})
    assert PATIENT not in f"{raised.value}{raised.value.__cause__}"


def test_a_service_that_is_there_answers_a_ping(archive):
    """It raises what is wrong with it."""
    web_query.ping(WebAddress(archive.url))
    web_query.ping(WebAddress(archive.url + "/"))


@pytest.mark.parametrize("path", ["", "/app/explorer.html", "/nothing"])
def test_what_is_no_dicomweb_service_does_not(archive, path):
    with pytest.raises(NetworkError) as raised:
        web_query.ping(WebAddress(archive.rest + path))
    assert raised.value.code in ("NET-HTTP", "NET-ANSWER")


@pytest.mark.parametrize("filters", [{}, {"PatientID": ""}, {"NoSuchKeyword": "1"}])
def test_a_question_that_is_none_is_refused_before_anybody_is_asked(filters):
    with pytest.raises(UsageError) as raised:
        web_query.search_series(WebAddress("http://127.0.0.1:9/dicom-web"), filters)
    assert raised.value.code == "NET-FILTER"


@pytest.mark.parametrize("uid", ["", "1.2/../..", "1.2?x=1", "abc", "1" * 65])
def test_what_is_no_uid_does_not_get_into_a_url(uid):
    for call in (web_query.search_instances, lambda *a: retrieve(*a, [].append)):
        with pytest.raises(UsageError) as raised:
            call(WebAddress("http://127.0.0.1:9/dicom-web"), "1.2", uid)
        assert raised.value.code == "NET-UID"
