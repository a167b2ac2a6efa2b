"""dicomweb-client 0.61.2, in whose place derive/pacs/web speaks DICOMweb itself.

Once most of these fail, STOW-RS (`web/stow.py`) or QIDO-RS and WADO-RS (`web/query.py`) can be left to it.
"""

from __future__ import annotations

import io
import logging

import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.pacs.sendable import Sendable
from tests.helpers.sources import make_series
from tests.helpers.web_services import JSON, MULTIPART, SECRET, Say, always, module, related, service, store_all


def client_of(fake, **options):
    return DICOMwebClient(fake.url, **options)


@pytest.fixture(scope="module")
def sendables():
    return [Sendable.of_dataset(d) for d in make_series(count=4)]


@pytest.fixture
def dataset():
    return make_series(count=1)[0]


def posted(monkeypatch):
    """Bodies of the requests that are made from now on."""
    bodies, request = [], requests.Session.request

    def noted(self, method, url, **options):
        bodies.append(options.get("data"))
        return request(self, method, url, **options)

    monkeypatch.setattr(requests.Session, "request", noted)
    return bodies


# --- STOW-RS --------------------------------------------------------------------------------------------------------


def test_data_sets_are_encoded_anew(dataset, monkeypatch):
    """A retired group length, which pydicom leaves out, is in the file and not in what is sent."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    whole = buffer.getvalue()
    first = whole.index(b"\x08\x00\x05\x00") if b"\x08\x00\x05\x00" in whole else whole.index(b"\x08\x00\x08\x00CS")
    length = b"\x08\x00\x00\x00UL\x04\x00\x10\x00\x00\x00"
    file = whole[:first] + length + whole[first:]
    bodies = posted(monkeypatch)
    with service(store_all) as fake:
        client_of(fake).store_instances([dcmread(io.BytesIO(file))])
    assert len(bodies) == 1
    assert file[first + len(length) :] in bodies[0]
    assert length not in bodies[0]


def test_all_instances_are_joined_in_memory(monkeypatch):
    bodies = posted(monkeypatch)
    with service(store_all) as fake:
        client_of(fake).store_instances(make_series(count=4))
    assert [type(b) for b in bodies] == [bytes]


def test_a_conflict_is_an_error_without_what_its_body_says_of_each_instance(dataset):
    uid = dataset.SOPInstanceUID
    said = Say(409, module(failed=[(uid, 0x0110)]), {"Content-Type": JSON})
    with service(always(said)) as fake, pytest.raises(requests.HTTPError) as raised:
        client_of(fake).store_instances([dataset])
    assert uid not in str(raised.value)


@pytest.mark.parametrize("status", [200, 202])
def test_what_failed_in_a_success_is_not_looked_at(dataset, status, caplog):
    said = Say(status, module(failed=[(dataset.SOPInstanceUID, 0x0110)]), {"Content-Type": JSON})
    with service(always(said)) as fake, caplog.at_level(logging.WARNING, "dicomweb_client"):
        client_of(fake).store_instances([dataset])
    assert caplog.records == []


def test_a_body_whose_type_has_a_parameter_is_taken_for_an_empty_one(dataset):
    body = module(failed=[(dataset.SOPInstanceUID, 0x0110)])
    with service(always(Say(200, body, {"Content-Type": f"{JSON}; charset=utf-8"}))) as fake:
        assert client_of(fake).store_instances([dataset]) == Dataset()


def test_an_empty_body_looks_as_if_nothing_had_failed(dataset):
    with service(always(Say(200))) as fake:
        assert client_of(fake).store_instances([dataset]) == Dataset()


# --- QIDO-RS --------------------------------------------------------------------------------------------------------


def test_what_was_asked_for_and_so_who_the_patient_is_gets_into_the_log(caplog):
    with service(always(Say(200, b"[]", {"Content-Type": JSON}))) as fake, caplog.at_level(logging.DEBUG):
        client_of(fake).search_for_series(search_filters={"PatientID": SECRET})
    own = [r.getMessage() for r in caplog.records if r.name.startswith("dicomweb_client")]
    assert any("Doe" in text for text in own)


def test_wildcards_are_encoded():
    with service(always(Say(200, b"[]", {"Content-Type": JSON}))) as fake:
        client_of(fake).search_for_series(search_filters={"SeriesDescription": "THX*"})
    ((_, path, _, _),) = fake.requests
    assert "THX%2A" in path


def test_the_host_is_named_without_its_port():
    with service(always(Say(200, b"[]", {"Content-Type": JSON}))) as fake:
        client_of(fake).search_for_series()
    ((_, _, _, headers),) = fake.requests
    assert headers["Host"] == "127.0.0.1"


# --- WADO-RS --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("missing", "parts"), [(10, 3), (None, 2)], ids=["in the pixels", "after a part"])
def test_a_body_that_ends_too_early_is_taken_for_a_whole_one(sendables, missing, parts):
    """The last of the parts are missing, and with them the closing delimiter."""
    whole, third = related(sendables), sendables[2].data
    begin = whole.index(third)
    cut = whole[: begin + len(third) - missing] if missing else whole[: whole.rindex(b"\r\n--b x", 0, begin)]
    with service(always(Say(200, cut, MULTIPART))) as fake:
        came = list(client_of(fake).iter_series("1.2", "1.3"))
    assert len(came) == parts


def test_a_series_comes_as_data_sets_and_not_as_the_bytes_that_were_stored(sendables):
    with service(always(Say(200, related(sendables), MULTIPART))) as fake:
        came = list(client_of(fake).iter_series("1.2", "1.3"))
    assert len(came) == len(sendables)
    assert {isinstance(d, Dataset) for d in came} == {True}


def test_an_answer_is_understood_where_nothing_is_wrong(dataset):
    """So that none of the tests above holds because nothing is understood at all."""
    with service(store_all) as fake:
        said = client_of(fake).store_instances([dataset])
    assert [i.ReferencedSOPInstanceUID for i in said.ReferencedSOPSequence] == [dataset.SOPInstanceUID]
