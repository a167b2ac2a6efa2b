"""C-FIND against Orthanc, dcmqrscp and the small archive; and against archives that fail."""

from __future__ import annotations

import logging

import pytest

from derive.errors import NetworkError, UsageError
from derive.pacs.address import DimseAddress
from derive.pacs.dimse import finder
from derive.pacs.dimse.find import find_series, instances_of, twice
from derive.pacs.dimse.finder import Unanswered
from derive.pacs.dimse.retrieve import retrieve_series
from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import (
    CT,
    MR,
    OTHER_PATIENT,
    OTHER_STUDY,
    SERIES,
    Lacking,
    address_of,
    keys_of,
    lacking,
    some_series,
    store,
    uids,
)
from tests.helpers.sources import ROOT


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
    assert instances_of(address_of(archive), f"{ROOT}.1", f"{ROOT}.2.77").items == ()
    assert instances_of(address_of(archive), f"{ROOT}.77", f"{ROOT}.2.1").items == ()


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
    [{"PatientSex": "X"}, {"StudyInstanceUID": "1.2.*"}, {"SeriesInstanceUID": "../x"}, {"PatientID": "A\\B"}],
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
        monkeypatch.setattr(finder, "MOST", 2)
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
            raise Unanswered("NET-FIND", "lost")
        return "answer"

    assert twice(ask) == "answer"
    with pytest.raises(Unanswered):
        twice(lambda: (_ for _ in ()).throw(Unanswered("NET-FIND", "lost")))


def test_text_beyond_ascii_is_found(tmp_path):
    series = some_series(5, SpecificCharacterSet="ISO_IR 192", SeriesDescription="Schädel", PatientID="PÄT")
    with ArchiveService(tmp_path, port=0) as service:
        store(service, series)
        (found,) = find_series(address_of(service), {"PatientID": "PÄT", "SeriesDescription": "Sch?del"})
        assert (found.series_description, found.patient_id) == ("Schädel", "PÄT")
