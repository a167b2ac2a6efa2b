"""Patient and study of another object taken over as whole entities, and new UIDs with all that refers to them."""

from __future__ import annotations

import json

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import derive
from derive.correction.like import ENTITIES, tags_of
from derive.elements.element import keyword_of, tag_of
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import make_series


def other(**changes) -> Dataset:
    """An object of another patient and study."""
    (dataset,) = make_series(
        "MR",
        count=1,
        PatientName="Roe^Ann=ロー^アン",
        PatientID="4711",
        IssuerOfPatientID="HOSPITAL",
        OtherPatientNames="Roh^Anne",
        StudyInstanceUID="1.2.3.4.5",
        AccessionNumber="A12",
        StudyDescription="HEAD",
        SpecificCharacterSet="ISO_IR 192",
        **changes,
    )
    return dataset


def made(datasets, **options):
    return list(derive.correct(datasets, **options).instances())


def test_entities_are_those_of_the_table():
    assert {*ENTITIES} == {"patient", "study"}
    assert tag_of("IssuerOfPatientID") in tags_of("patient")
    assert tag_of("AccessionNumber") in tags_of("study")
    assert not tags_of("patient") & tags_of("study") - {tag_of("PatientComments")}


def test_all_that_an_object_says_of_patient_and_study_is_taken_and_the_rest_goes():
    sources = make_series(count=2, PatientComments="tall", EthnicGroup="x", SpecificCharacterSet="ISO_IR 192")
    for ct in each(made(sources, like=other(PatientComments=None), reason="COERCE")):
        assert (ct.PatientName, ct.PatientID, ct.IssuerOfPatientID) == ("Roe^Ann=ロー^アン", "4711", "HOSPITAL")
        assert (ct.StudyInstanceUID, ct.AccessionNumber, ct.StudyDescription) == ("1.2.3.4.5", "A12", "HEAD")
        assert "PatientComments" not in ct
        assert ct.Modality == "CT"
        before = ct.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
        assert before.PatientComments == "tall"
        assert ct.InstanceCoercionDateTime


def test_another_that_declares_no_character_set_is_taken_over_where_it_is_ascii():
    coded = Dataset()
    coded.PatientID, coded.TypeOfPatientID = "77", "TEXT"
    second = make_series("MR", count=1, PatientID="4711", OtherPatientIDsSequence=[coded])[0]
    (ct,) = made(make_series(count=1), like=second)
    assert (ct.PatientID, ct.OtherPatientIDsSequence[0].PatientID) == ("4711", "77")
    second.OtherPatientIDsSequence[0].PatientID = b"M\xfcller"
    with raises_code("COR-CHARSET"):
        made(make_series(count=1), like=second)


def test_one_entity_alone():
    (ct,) = made(make_series(count=1, SpecificCharacterSet="ISO_IR 192"), like=other(), entities=["patient"])
    assert ct.PatientID == "4711"
    assert ct.StudyInstanceUID == make_series(count=1)[0].StudyInstanceUID


def test_what_is_identical_is_not_written_down():
    (first, second) = make_series(count=2)
    second.PatientComments = "only here"
    (ct,) = made([first], like=second)
    before = ct.OriginalAttributesSequence[0]
    assert "ModifiedAttributesSequence" in before
    assert len(before.ModifiedAttributesSequence[0]) == 0
    assert ct.PatientComments == "only here"


def test_an_answer_in_json_says_what_it_says(tmp_path):
    answer = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Roe^Ann"}]},
        "00100020": {"vr": "LO", "Value": ["4711"]},
        "00080050": {"vr": "SH", "Value": ["A12"]},
    }
    path = tmp_path / "answer.json"
    path.write_text(json.dumps([answer]))
    for said in each([answer, path]):
        (ct,) = made(make_series(count=1, PatientComments="stays"), like=said)
        assert (ct.PatientName, ct.PatientID, ct.AccessionNumber) == ("Roe^Ann", "4711", "A12")
        assert ct.PatientComments == "stays"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[]", "COR-LIKE"),
        ('[{"00100020": {"vr": "LO"}}, {}]', "COR-LIKE"),
        ("[1]", "COR-LIKE"),
        ('{"00080060": {"vr": "CS", "Value": ["CT"]}}', "COR-LIKE"),
        ('{"0010": 5}', "SRC-UNREADABLE"),
        ("{not json", "SRC-UNREADABLE"),
    ],
)
def test_an_answer_that_says_nothing_is_refused(content, code, tmp_path):
    path = tmp_path / "answer.json"
    path.write_text(content)
    with raises_code(code):
        made(make_series(count=1), like=path)


def test_a_folder_of_two_patients_is_no_patient(tmp_path):
    for number, dataset in enumerate([*make_series(count=1), other()]):
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    with raises_code("COR-LIKE"):
        made(make_series(count=1), like=tmp_path)


def test_text_that_the_character_set_cannot_say_is_refused_and_can_be_said_in_another():
    with raises_code("COR-CHARSET"):
        made(make_series(count=1), like=other())
    (ct,) = made(make_series(count=1), like=other(), character_set="ISO_IR_192")
    assert str(ct.PatientName) == "Roe^Ann=ロー^アン"


def study() -> list[Dataset]:
    """Images, and one that refers to another of the set and to one outside."""
    sources = make_series(count=3)
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        sources[0].SOPClassUID,
        sources[0].SOPInstanceUID,
    )
    outside = Dataset()
    outside.ReferencedSOPClassUID, outside.ReferencedSOPInstanceUID = sources[0].SOPClassUID, "1.2.3.99"
    sources[2].ReferencedImageSequence = Sequence([reference, outside])
    return sources


def test_new_uids_are_followed_by_what_refers_to_them():
    before = study()
    after = made(before, new_uids=True)
    assert len({d.SOPInstanceUID for d in after} | {d.SOPInstanceUID for d in before}) == 6
    assert len({d.SeriesInstanceUID for d in after}) == 1
    assert after[0].SeriesInstanceUID != before[0].SeriesInstanceUID
    inside, outside = after[2].ReferencedImageSequence
    assert inside.ReferencedSOPInstanceUID == after[0].SOPInstanceUID
    assert outside.ReferencedSOPInstanceUID == "1.2.3.99"
    for old, new in each(zip(before, after, strict=True)):
        assert new.StudyInstanceUID == old.StudyInstanceUID
        assert new.ImageType == old.ImageType
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
        assert new.SourceImageSequence[-1].ReferencedSOPInstanceUID == old.SOPInstanceUID
        (series,) = [s for s in new.ReferencedSeriesSequence if s.SeriesInstanceUID == old.SeriesInstanceUID]
        assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID


def test_new_uids_are_taken_back_byte_for_byte(tmp_path):
    (tmp_path / "in").mkdir()
    for number, dataset in enumerate(study()):
        dataset.save_as(tmp_path / "in" / f"{number}.dcm", enforce_file_format=True)
    derive.correct(tmp_path / "in", new_uids=True, uid_prefix="1.2.826.0.1.3680043").write(tmp_path / "out")
    derive.correct(tmp_path / "out", undo=1).write(tmp_path / "back")
    for path in each(sorted((tmp_path / "in").iterdir())):
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()


def test_what_refers_to_the_study_of_an_object_follows_it_into_another():
    (ct,) = make_series(count=1, SpecificCharacterSet="ISO_IR 192")
    evidence = Dataset()
    evidence.StudyInstanceUID = ct.StudyInstanceUID
    ct.StudiesContainingOtherReferencedInstancesSequence = Sequence([evidence])
    (after,) = made([ct], like=other())
    assert after.StudiesContainingOtherReferencedInstancesSequence[0].StudyInstanceUID == "1.2.3.4.5"


def test_keywords_of_entities_are_told_by_name():
    assert "PatientName" in {keyword_of(tag) for tag in tags_of("patient")}
