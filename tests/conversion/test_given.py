"""Whose a conversion is: what is said arrives, and nothing is made up."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

import derive
from derive import standard
from tests.helpers.asserting import every
from tests.helpers.convert_files import (
    CT,
    OF_MODALITY,
    PET,
    hu,
    read_back,
    text_of,
    written,
)
from tests.helpers.peers import dciodvfy_errors

NOW = datetime(2026, 11, 21, 9, 30)


# Nobody else knows: what was said, and nothing that was not


@pytest.mark.parametrize("modality", OF_MODALITY)
def test_every_attribute_of_types_1_and_2_is_there(modality, tmp_path):
    found = written(hu() + 1000, tmp_path / "out", **OF_MODALITY[modality])
    for dataset in found.datasets:
        iod = standard.iod(dataset.SOPClassUID)
        mandatory = {m.module for m in iod.modules if m.usage == "M"}
        rules = [r for r in iod.attributes.values() if r.module in mandatory and r.type in ("1", "2")]
        assert len(rules) > 30
        assert [r.keyword for r in rules if r.keyword not in dataset] == []
        assert [r.keyword for r in rules if r.type == "1" and dataset[r.keyword].is_empty] == []


#: Nobody said them, and a program that fills them in lies.
NOBODY_SAID = {
    "CT": ["KVP", "AcquisitionNumber", "PatientPosition"],
    "MR": ["RepetitionTime", "EchoTime", "EchoTrainLength", "MRAcquisitionType", "ScanOptions", "PatientPosition"],
    "PT": ["RadiopharmaceuticalInformationSequence", "PatientGantryRelationshipCodeSequence"],
}
OF_ALL = ["StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "PatientBirthDate"]
OF_ALL += ["PatientSex", "PositionReferenceIndicator"]
NOT_THERE = ["StudyDescription", "BodyPartExamined", "InstitutionName", "ProtocolName", "StationName", "OperatorsName"]
NOT_THERE += [
    "BurnedInAnnotation",
    "LossyImageCompression",
    "PatientAge",
    "MagneticFieldStrength",
    "ContrastBolusAgent",
]
NOT_THERE += ["SourceImageSequence", "DerivationCodeSequence", "ContributingEquipmentSequence"]


@pytest.mark.parametrize("modality", OF_MODALITY)
def test_what_nobody_said_is_empty_or_not_there(modality, tmp_path):
    first = written(hu() + 1000, tmp_path / "out", **OF_MODALITY[modality]).first
    empty = [*OF_ALL, *NOBODY_SAID[modality]]
    assert {k: text_of(first, k) for k in empty if k not in first or not first[k].is_empty} == {}
    assert [k for k in NOT_THERE if k in first] == []
    assert first.SeriesNumber == 1
    assert "SpecificCharacterSet" not in first


def test_a_ct_has_no_dates_but_those_of_the_conversion(tmp_path):
    first = written(hu(), tmp_path / "out", **CT, timestamp=NOW).first
    dates = {e.keyword: e.value for e in first if e.VR in ("DA", "DT") and e.value}
    assert dates == dict.fromkeys(["ContentDate", "InstanceCreationDate", "SeriesDate"], "20261121")
    times = {e.keyword: e.value for e in first if e.VR == "TM" and e.value}
    assert {t[:6] for t in times.values()} == {"093000"}


STUDY = derive.Study(
    description="Abdomen",
    id="S7",
    date="20250102",
    time="101112",
    accession_number="A77",
    referring_physician="Ref^Erring",
    uid="1.2.826.0.1.3680043.10.1111.7",
    frame_of_reference_uid="1.2.826.0.1.3680043.10.1111.8",
)
OF_STUDY = {
    "StudyDescription": "Abdomen",
    "StudyID": "S7",
    "StudyDate": "20250102",
    "StudyTime": "101112",
    "AccessionNumber": "A77",
    "ReferringPhysicianName": "Ref^Erring",
    "StudyInstanceUID": "1.2.826.0.1.3680043.10.1111.7",
    "FrameOfReferenceUID": "1.2.826.0.1.3680043.10.1111.8",
}
OF_PATIENT = {"PatientID": "P7", "PatientName": "Doe^John^^Dr", "PatientBirthDate": "19700131", "PatientSex": "M"}
SET = {
    "PatientAge": "040Y",
    "PatientWeight": "70",
    "StudyDescription": "Resampled to 1 mm",
    "AcquisitionDate": "20250102",
    "SliceThickness": "2.5",
    "BodyPartExamined": "HEAD",
    "InstitutionName": "Hospital",
    "PatientPosition": "HFS",
    "ProtocolName": "a protocol",
    "ImageComments": "a comment",
    "KVP": "120",
    "ConvolutionKernel": "B30",
}


@pytest.mark.parametrize("modality", OF_MODALITY)
def test_what_is_said_of_the_patient_and_the_study_arrives(modality, tmp_path):
    patient = derive.Patient("P7", "Doe^John^^Dr", birth_date="19700131", sex="M")
    options = OF_MODALITY[modality] | {"patient": patient, "study": STUDY}
    wanted = OF_STUDY | OF_PATIENT
    for dataset in written(hu() + 1000, tmp_path / "out", **options).datasets:
        assert {k: text_of(dataset, k) for k in wanted} == wanted


def test_what_is_set_arrives(tmp_path):
    for dataset in written(hu(), tmp_path / "out", **CT, set=SET).datasets:
        assert {k: text_of(dataset, k) for k in SET} == SET
        assert "Laterality" not in dataset


def test_a_setting_of_the_study_wins_over_the_study(tmp_path):
    found = written(hu(), tmp_path / "out", **CT, study=STUDY, set={"StudyDescription": "mine"})
    assert found.first.StudyDescription == "mine"


def test_values_of_several_are_set_with_backslashes(tmp_path):
    found = written(hu() + 1000, tmp_path / "out", **PET)
    assert list(found.first.SeriesType) == ["STATIC", "IMAGE"]


@pytest.mark.parametrize(("text", "number"), [("Mine", 12), (None, None)])
def test_series_description_and_number_are_the_callers_or_ours(text, number, tmp_path):
    found = written(hu(), tmp_path / "out", **CT, series_description=text, series_number=number)
    assert found.first.SeriesDescription == (text or "from numpy")
    assert found.first.SeriesNumber == (number or 1)


def test_in_a_study_that_exists_a_series_has_a_number_of_its_own(tmp_path):
    found = [written(hu(), tmp_path / str(k), **CT, study=STUDY).first.SeriesNumber for k in range(2)]
    assert every(100_000 <= number <= 999_999 for number in found)
    assert found[0] != found[1]


# UIDs

UIDS = ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"]


def test_uids_are_new_and_all_different(tmp_path):
    one, other = (written(hu(), tmp_path / name, **CT).datasets for name in "ab")
    uids = [d[k].value for d in (*one, *other) for k in UIDS]
    assert len(set(uids)) == 2 * (3 + len(one))
    assert every(u.startswith("2.25.") and len(u) <= 64 for u in uids)
    assert every(d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID for d in one)


def test_uids_are_under_the_root_of_the_organisation(tmp_path):
    root = "1.2.826.0.1.3680043.10"
    for dataset in written(hu(), tmp_path / "out", **CT, uid_prefix=root).datasets:
        assert all(dataset[k].value.startswith(root + ".") for k in UIDS)


def files(folder):
    return [p.read_bytes() for p in sorted(folder.iterdir())]


@pytest.mark.parametrize("modality", OF_MODALITY)
def test_reproducible_uids_make_the_same_bytes(modality, tmp_path):
    options = OF_MODALITY[modality] | {"uids": "reproducible", "timestamp": NOW}
    for name in "ab":
        written(hu() + 1000, tmp_path / name, **options)
    assert files(tmp_path / "a") == files(tmp_path / "b")


OTHERS = {
    "patient": {"patient": derive.Patient("PH02", "Phantom^B")},
    "name": {"patient": derive.Patient("PH01", "Phantom^B")},
    "study": {"study": derive.Study(description="Sim")},
    "setting": {"set": {"BodyPartExamined": "HEAD"}},
    "series": {"series_description": "another"},
    "number": {"series_number": 2},
    "original": {"original": True},
    "description": {"description": "phantom"},
    "spacing": {"spacing_xyz": (1.0, 1.0, 1.5)},
    "origin": {"origin_xyz": (1.0, 2.0, 3.0)},
    "orientation": {"orientation": "LAS"},
    "plane": {"plane": "coronal"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_reproducible_uids_of_something_else_are_others(name, tmp_path):
    """An object with a UID is the same everywhere: what differs in any attribute has another one."""
    values = np.full((4, 4, 4), 40, np.int16)  # the same bytes in whatever order
    one = written(values, tmp_path / "a", **CT, uids="reproducible", timestamp=NOW).datasets
    other = written(values, tmp_path / "b", **CT | OTHERS[name], uids="reproducible", timestamp=NOW).datasets
    assert not {d.SOPInstanceUID for d in one} & {d.SOPInstanceUID for d in other}
    assert one[0].SeriesInstanceUID != other[0].SeriesInstanceUID


def test_reproducible_uids_of_the_same_bytes_in_another_shape_are_others(tmp_path):
    values = np.full(2 * 4 * 8, 40, np.int16)
    uids = []
    for shape in ((2, 4, 8), (2, 8, 4), (4, 4, 4)):
        found = written(values.reshape(shape), tmp_path / str(shape), **CT, uids="reproducible", timestamp=NOW)
        uids += [found.first.SeriesInstanceUID]
    assert len(set(uids)) == 3


# Original


def test_original_values_are_original_and_derived_of_nothing(tmp_path):
    found = written(hu(), tmp_path / "out", **CT, original=True)
    for dataset in found.datasets:
        assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
        assert not {"DerivationDescription", "DerivationCodeSequence", "SourceImageSequence"} & set(dataset.dir())
    assert derive.check(tmp_path / "out").findings == ()
    assert found.report.to_json()["steps"] == []


@pytest.mark.parametrize(
    ("modality", "wanted"),
    [
        ("CT", ["ORIGINAL", "PRIMARY", "AXIAL"]),
        ("MR", ["ORIGINAL", "PRIMARY", "OTHER"]),
        ("PT", ["ORIGINAL", "PRIMARY"]),
    ],
)
def test_image_type_of_what_was_acquired_like_this(modality, wanted, tmp_path):
    found = written(hu() + 1000, tmp_path / "out", **OF_MODALITY[modality], original=True)
    assert list(found.first.ImageType) == wanted


def test_what_was_done_is_described_and_coded(tmp_path):
    first = written(hu(), tmp_path / "out", **CT, code="Smoothing", description="denoised by X 2.1").first
    assert first.ImageType[0] == "DERIVED"
    assert first.DerivationDescription == "denoised by X 2.1; convert(format='numpy', values='hu')"
    (code,) = first.DerivationCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("113087", "DCM")
    assert first.SeriesDescription == "denoised by X 2.1"


# Names as people have them

NAMES = ["Müller^Jürgen", "王^小东", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Иванов^Пётр", "Ælfgifu^Þórr", "Αθηνά^"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_script_are_read_back(name, tmp_path):
    patient = derive.Patient("PH01", name)
    options = CT | {"patient": patient, "study": derive.Study(description="größer")}
    for dataset in written(hu(), tmp_path / "out", **options, set={"InstitutionName": "Hôpital"}).datasets:
        assert dataset.SpecificCharacterSet == "ISO_IR 192"
        assert str(dataset.PatientName) == name
        assert (dataset.StudyDescription, dataset.InstitutionName) == ("größer", "Hôpital")


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jürgen"),
        ("ISO_IR 144", "Иванов^Пётр"),
        ("ISO_IR 192", "Phantom^A"),
        ("GB18030", "王^小东"),
        ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎"),
    ],
)
def test_a_character_set_is_the_callers_to_choose(charset, name, tmp_path):
    options = CT | {"patient": derive.Patient("PH01", name), "character_set": charset}
    found = written(hu(), tmp_path / "out", **options)
    said = found.first.SpecificCharacterSet
    assert (said if isinstance(said, str) else "\\".join(said)) == charset
    assert str(found.first.PatientName) == name
    (file, *_) = found.report.files
    assert dciodvfy_errors([file]) == {}


@pytest.mark.parametrize("option", ["series_description", "description"])
def test_text_beside_the_patients_is_no_less_whole(option, tmp_path):
    first = written(hu(), tmp_path / "out", **CT, **{option: "geglättet"}).first
    assert first.SeriesDescription == "geglättet"


def test_a_character_set_that_is_asked_for_is_the_one_that_is_written(tmp_path):
    """Or it is refused, as it is for the text of a name."""
    options = CT | {"patient": derive.Patient("PH01", "Müller^A"), "character_set": "ISO_IR 100"}
    try:
        first = written(hu(), tmp_path / "out", **options, series_description="平滑").first
    except derive.UsageError as refusal:
        if refusal.code != "SET-CHARSET":
            raise
        return
    assert first.SpecificCharacterSet == "ISO_IR 100"


# Arguments as programs have them


@pytest.mark.parametrize(
    "options",
    [
        {"orientation": np.array([1.0, 0, 0, 0, 1, 0])},
        {"orientation": [1, 0, 0, 0, 1, 0]},
        {"origin_xyz": np.array([0.0, 0, 0])},
        {"spacing_xyz": np.array([0.7, 0.8, 1.5])},
        {"spacing_xyz": np.float32(1.5)},
        {"spacing_xyz": np.int64(2)},
        {"nan_value": np.float32(0)},
        {"frame_index": np.int64(0)},
        {"require_overlap": np.float64(0.1)},
    ],
    ids=lambda options: " ".join(f"{k} {type(v).__name__}" for k, v in options.items()),
)
def test_numbers_may_be_of_numpy(options, tmp_path):
    found = written(hu(), tmp_path / "out", **CT | options)
    assert np.array_equal(found.values, hu())
    assert list(found.first.ImagePositionPatient) == [0, 0, 0]


# The account


@pytest.mark.parametrize("modality", OF_MODALITY)
def test_every_attribute_of_the_first_instance_is_explained(modality, tmp_path):
    options = OF_MODALITY[modality] | {"study": STUDY}
    series = derive.convert(hu() + 1000, **options)
    entries = {e.keyword: e for e in series.explained()}
    first = next(series.instances())
    assert list(entries) == [e.keyword for e in first]
    assert {e.action for e in entries.values()} <= {"given", "emptied", "recomputed"}
    assert every(e.reason for e in entries.values())
    assert [e.keyword for e in entries.values() if not e.section] == []
    assert {entries[k].action for k in (*OF_STUDY, "PatientName", "PatientID", "Modality")} == {"given"}
    assert {entries[k].action for k in ("PatientBirthDate", "PatientSex", *NOBODY_SAID[modality])} == {"emptied"}
    assert {entries[k].action for k in ("PixelData", "SOPClassUID", "SOPInstanceUID", "ImageType", "Rows")} == {
        "recomputed"
    }


def test_the_account_and_the_explanation_agree_with_what_is_written(tmp_path):
    series = derive.convert(hu(), **CT, set={"KVP": "120", "SeriesDescription": "mine"})
    series.write(tmp_path / "out")
    (first, *_) = read_back(tmp_path / "out")
    for entry in series.explained():
        assert (entry.action == "emptied") <= first[entry.keyword].is_empty
    said = {e.keyword: e.action for e in series.account}
    assert (said["KVP"], said["SeriesDescription"]) == ("given", "given")
