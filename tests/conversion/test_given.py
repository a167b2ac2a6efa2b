"""Whose a conversion is: what is said arrives, nothing is made up, and a reference gives what is known of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime
from importlib import resources

import jsonschema
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image
from pydicom.uid import CTImageStorage, MRImageStorage

import derive
from derive import standard
from derive.cli import main
from tests.helpers.convert_files import (
    CT,
    OF_MODALITY,
    PATIENT,
    PET,
    affine_of,
    hu,
    nifti,
    read_back,
    read_reference,
    saved,
    written,
)
from tests.helpers.peers import SCRIPTS, dcentvfy_messages, dciodvfy_errors, sitk_volume
from tests.helpers.sources import make_series

NOW = datetime(2026, 11, 21, 9, 30)
#: Of the reference.
SHAPE = (6, 12, 14)
ABSENT = "absent"


def run(*arguments):
    return main(["convert", *map(str, arguments)])


def value(dataset, keyword):
    return str(dataset[keyword].value) if keyword in dataset else ABSENT


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
    assert {k: value(first, k) for k in empty if k not in first or not first[k].is_empty} == {}
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
        assert {k: value(dataset, k) for k in wanted} == wanted


def test_what_is_set_arrives(tmp_path):
    for dataset in written(hu(), tmp_path / "out", **CT, set=SET).datasets:
        assert {k: value(dataset, k) for k in SET} == SET
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


def test_in_a_study_that_exists_a_number_is_not_guessed(tmp_path):
    assert written(hu(), tmp_path / "out", **CT, study=STUDY).first["SeriesNumber"].is_empty


# UIDs

UIDS = ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"]


def test_uids_are_new_and_all_different(tmp_path):
    one, other = (written(hu(), tmp_path / name, **CT).datasets for name in "ab")
    uids = [d[k].value for d in (*one, *other) for k in UIDS]
    assert len(set(uids)) == 2 * (3 + len(one))
    assert all(u.startswith("2.25.") and len(u) <= 64 for u in uids)
    assert all(d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID for d in one)


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
    assert all(e.reason for e in entries.values())
    assert [e.keyword for e in entries.values() if not e.section] == []
    assert {entries[k].action for k in (*OF_STUDY, "PatientName", "PatientID", "SOPClassUID", "Modality")} == {"given"}
    assert {entries[k].action for k in ("PatientBirthDate", "PatientSex", *NOBODY_SAID[modality])} == {"emptied"}
    assert {entries[k].action for k in ("PixelData", "SOPInstanceUID", "ImageType", "Rows")} == {"recomputed"}


def test_the_account_and_the_explanation_agree_with_what_is_written(tmp_path):
    series = derive.convert(hu(), **CT, set={"KVP": "120", "SeriesDescription": "mine"})
    series.write(tmp_path / "out")
    (first, *_) = read_back(tmp_path / "out")
    for entry in series.explained():
        assert (entry.action == "emptied") <= first[entry.keyword].is_empty
    said = {e.keyword: e.action for e in series.account}
    assert (said["KVP"], said["SeriesDescription"]) == ("given", "given")


# The command line

SAID = ["--patient-id", "PH01", "--patient-name", "Phantom^A"]


@pytest.fixture(scope="module")
def materials(tmp_path_factory):
    """What the commands of the README start from: a series, volumes of it, raw bytes and a picture."""
    folder = tmp_path_factory.mktemp("materials")
    ct = derive.read(saved(folder / "ct"))
    for name in ("volume.nii.gz", "denoised.nii.gz"):
        derive.export(ct, folder / name)
    np.arange(-1000, 5000, dtype="<i2").tofile(folder / "vol.raw")
    Image.fromarray(np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)).save(folder / "photo.png")
    return folder


@pytest.fixture
def here(materials, tmp_path, monkeypatch):
    """A copy of them, where one stands."""
    shutil.copytree(materials, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entries_of(text):
    return {line.split()[1]: line.split()[0] for line in text.splitlines()}


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_explain_lists_everything_and_writes_nothing(as_json, here, capsys):
    before = sorted(here.rglob("*"))
    target = [] if as_json else ["-o", "out"]
    flags = ["--json"] if as_json else []
    assert run("volume.nii.gz", *target, "--modality", "CT", *SAID, "--set", "KVP=120", "--explain", *flags) == 0
    out = capsys.readouterr().out
    if as_json:
        said = json.loads(out)
        schema = json.loads(
            resources.files("derive.cli").joinpath("schemas/convert-explain.json").read_text(encoding="utf-8")
        )
        jsonschema.validate(said, schema, cls=jsonschema.Draft202012Validator)
        assert all(a["reason"] and a["section"] for a in said["attributes"])
        actions = {a["keyword"]: a["action"] for a in said["attributes"]}
    else:
        assert all("(PS3.3 " in line and "(PS3.3 )" not in line for line in out.splitlines())
        actions = entries_of(out)
    series = derive.convert("volume.nii.gz", modality="CT", patient=PATIENT, set={"KVP": "120"})
    assert actions == {e.keyword: e.action for e in series.explained()}
    assert (actions["KVP"], actions["PatientSex"], actions["PixelData"]) == ("given", "emptied", "recomputed")
    assert "Phantom" not in out
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("flags", [[], ["--reference", "ct"]], ids=["nobody's", "of a reference"])
def test_a_dry_run_says_what_it_would_be_and_writes_nothing(flags, here, capsys):
    before = sorted(here.rglob("*"))
    said = flags or ["--modality", "CT", *SAID]
    assert run("volume.nii.gz", "-o", "out", *said, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "images  6 of SOP Class 1.2.840.10008.5.1.4.1.1.2" in out
    assert "14 x 12 x 6 voxels of 1 x 1.25 x 2 mm" in out
    assert run("volume.nii.gz", "-o", "out", *said, "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["images"], plan["pixel_bytes"]) == (6, 6 * 12 * 14 * 2)
    assert sorted(here.rglob("*")) == before


def test_a_manifest_says_what_was_made_and_not_of_whom(here, capsys):
    assert run("volume.nii.gz", "-o", "out", "--modality", "CT", *SAID, "--manifest", "made.json") == 0
    text = (here / "made.json").read_text()
    said = json.loads(text)
    assert said["source"] is None
    assert [i["file"] for i in said["instances"]] == [p.name for p in sorted((here / "out").iterdir())]
    assert [i["sop_instance_uid"] for i in said["instances"]] == [d.SOPInstanceUID for d in read_back(here / "out")]
    assert (said["value_error"], said["units"], said["findings"]) == (0, "HU", [])
    (step,) = said["steps"]
    assert step["parameters"]["format"] == "NIfTI-1"
    assert "Phantom" not in text
    assert "PH01" not in text
    assert run("volume.nii.gz", "-o", "out2", "--reference", "ct", "--manifest", "made2.json") == 0
    said = json.loads((here / "made2.json").read_text())
    assert len(said["source"]["instances"]) == 6
    assert [len(i["sources"]) for i in said["instances"]] == [1] * 6


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["volume.nii.gz", "-o", "out", "--modality", "CT", *SAID], 0),
        (["volume.nii.gz", "-o", "out", "--modality", "CT"], 2),
        (["volume.nii.gz", "-o", "out", "--modality", "CT", *SAID, "--set", "Nothing=1"], 2),
        (["nowhere.nii.gz", "-o", "out", "--modality", "CT", *SAID], 3),
        (["photo.jpg", "-o", "out", "--modality", "CT", *SAID], 3),
        (["volume.nii.gz", "-o", "out", "--reference", "empty"], 3),
        (["bare.nrrd", "-o", "out", "--modality", "CT", *SAID], 4),
        (["photo.png", "-o", "out", "--modality", "CT", *SAID, "--spacing-mm", "1"], 5),
        (["volume.nii.gz", "-o", "ct", "--modality", "CT", *SAID], 6),
        (["volume.nii.gz", "-o", ".", "--modality", "CT", *SAID, "--overwrite"], 6),
        (["volume.nii.gz", "-o", "out", "--modality", "CT", *SAID, "--manifest", "out/m.json"], 6),
        (["ct", "-o", "volume.nii.gz"], 6),
        (["ct", "-o", "new.nii.gz", "--modality", "CT"], 2),
        (["volume.nii.gz", "ct", "-o", "out"], 2),
    ],
)
def test_exit_codes(arguments, status, here, capsys):
    (here / "empty").mkdir()
    text = "NRRD0004\ntype: int16\ndimension: 3\nsizes: 5 4 3\nendian: little\nencoding: raw\n\n"
    (here / "bare.nrrd").write_bytes(text.encode() + hu().tobytes())
    before = {p: p.read_bytes() for p in here.rglob("*") if p.is_file()}
    assert run(*arguments) == status
    assert (here / "out").is_dir() == (status == 0)
    said = capsys.readouterr().err
    assert (status == 0) == (said == "")
    assert "Phantom" not in said
    assert {p: p.read_bytes() for p in before} == before


def test_an_error_comes_as_json_too(here, capsys):
    assert run("volume.nii.gz", "-o", "out", "--modality", "CT", "--json") == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["exit_code"]) == ("GIV-PATIENT", 2)


# The commands of the README


def test_a_volume_becomes_a_ct(here):
    command = ["volume.nii.gz", "-o", "out/", "--modality", "CT", *SAID, "--set", "StudyDescription=Resampled to 1 mm"]
    assert run(*command) == 0
    datasets = read_back(here / "out")
    assert {d.StudyDescription for d in datasets} == {"Resampled to 1 mm"}
    assert {d.SOPClassUID for d in datasets} == {CTImageStorage}
    source = derive.stack(derive.read(here / "ct"))
    result = derive.stack(derive.read(here / "out"))
    assert np.array_equal(result.array, source.array)
    assert result.geometry.largest_distance(source.geometry) < 1e-4


def test_a_result_goes_back_to_its_reference(here):
    command = ["denoised.nii.gz", "-o", "out/", "--reference", "ct/", "--code", "Smoothing"]
    assert run(*command, "--description", "denoised by X 2.1") == 0
    assert (
        derive.check(here / "out", here / "ct").findings == () if False else derive.check(here / "out").findings == ()
    )
    sources, datasets = read_back(here / "ct"), read_back(here / "out")
    for source, dataset in zip(sources, datasets, strict=True):
        assert np.array_equal(dataset.pixel_array * 1.0 + float(dataset.RescaleIntercept), source.pixel_array - 1024.0)
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "StudyDate", "KVP"):
            assert dataset[keyword].value == source[keyword].value
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
        (image,) = dataset.SourceImageSequence
        assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert image.SpatialLocationsPreserved == "YES"
        (code,) = dataset.DerivationCodeSequence
        assert code.CodeMeaning == "Smoothing"
        assert dataset.DerivationDescription.startswith("denoised by X 2.1; convert(format='NIfTI-1'")
    assert dcentvfy_messages([*(here / "ct").iterdir(), *(here / "out").iterdir()]) == set()


def test_raw_bytes_become_a_ct(here):
    layout = ["--shape", "20", "30", "10", "--dtype", "int16", "--byte-order", "little"]
    place = ["--spacing-mm", "0.7", "0.7", "1", "--modality", "CT", "--values", "scale=1,0"]
    assert run("vol.raw", "-o", "out/", *layout, *place, *SAID) == 0
    datasets = read_back(here / "out")
    assert [list(d.ImagePositionPatient) for d in datasets] == [[0, 0, k] for k in range(10)]
    assert list(datasets[0].PixelSpacing) == [0.7, 0.7]
    wanted = np.arange(-1000, 5000, dtype=np.int16).reshape(10, 30, 20)
    assert np.array_equal(np.stack([d.pixel_array for d in datasets]), wanted)
    assert np.array_equal(sitk_volume(here / "out")[0], wanted)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("offset", [0, 352])
def test_raw_bytes_of_either_order_and_after_a_header(order, offset, here):
    wanted = np.arange(-1000, 5000, dtype=np.int16).reshape(10, 30, 20)
    content = wanted.astype("<i2" if order == "little" else ">i2").tobytes()
    (here / "v.raw").write_bytes(b"x" * offset + content)
    layout = ["--shape", 20, 30, 10, "--dtype", "int16", "--byte-order", order, "--offset", offset]
    assert run("v.raw", "-o", "out", *layout, "--spacing-mm", "1", "--modality", "CT", *SAID) == 0
    assert np.array_equal(np.stack([d.pixel_array for d in read_back(here / "out")]), wanted)


def test_a_photo_becomes_a_secondary_capture_of_the_references_patient(here):
    command = ["photo.png", "-o", "out/", "--modality", "OT", "--as", "secondary-capture", "--reference", "ct/"]
    assert run(*command, "--burned-in-annotation", "NO") == 0
    (file,) = (here / "out").iterdir()
    dataset, source = pydicom.dcmread(file), read_back(here / "ct")[0]
    assert dataset.SOPClassUID.name == "Secondary Capture Image Storage"
    assert dataset.BurnedInAnnotation == "NO"
    assert np.array_equal(dataset.pixel_array, np.asarray(Image.open(here / "photo.png")))
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "AccessionNumber"):
        assert dataset[keyword].value == source[keyword].value
    assert not {"FrameOfReferenceUID", "ImagePositionPatient", "KVP"} & set(dataset.dir())
    assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
    assert dciodvfy_errors([file]) == {}


READERS = {
    ".nii.gz": lambda path: np.asanyarray(nibabel.load(path).dataobj).T,
    ".nrrd": lambda path: sitk.GetArrayFromImage(sitk.ReadImage(str(path))),
    ".mha": lambda path: sitk.GetArrayFromImage(sitk.ReadImage(str(path))),
    ".npy": np.load,
}


@pytest.mark.parametrize("suffix", READERS)
def test_a_series_becomes_a_volume(suffix, here, capsys):
    assert run("ct/", "-o", f"there{suffix}") == 0
    assert capsys.readouterr().out.startswith(f"there{suffix}: ")
    wanted = derive.stack(derive.read(here / "ct")).array
    assert np.array_equal(READERS[suffix](here / f"there{suffix}"), wanted)
    assert run("ct/", "-o", f"there{suffix}") == 6
    assert run("ct/", "-o", f"there{suffix}", "--overwrite", "--json") == 0
    assert json.loads(capsys.readouterr().out)["shape_xyz"] == [14, 12, 6]


IDLE = [
    *[["--modality", "CT"], ["--as", "secondary-capture"], ["--reference", "ct"], ["--require-overlap", "0.9"]],
    *[["--values", "hu"], ["--units", "HU"], ["--original"], ["--code", "Smoothing"], ["--description", "x"]],
    *[["--nan-value", "-1"], ["--nan-value", "0"], ["--frame-index", "1"], ["--frame-index", "0"]],
    *[["--frame-time-ms", "5"], ["--burned-in-annotation", "NO"], ["--patient-id", "1"], ["--patient-name", "A^B"]],
    *[["--patient-birth-date", "19700101"], ["--patient-sex", "M"], ["--study-uid", "1.2"]],
    *[["--frame-of-reference-uid", "1.2"], ["--charset", "ISO_IR 192"], ["--spacing-mm", "1"]],
    *[["--origin-mm", "0", "0", "0"], ["--orientation", "LPS"], ["--plane", "axial"], ["--shape", "1", "1", "1"]],
    *[["--dtype", "int16"], ["--byte-order", "little"], ["--offset", "5"], ["--series-description", "x"]],
    *[["--series-number", "4"], ["--series-number", "0"], ["--set", "KVP=1"], ["--uids", "reproducible"]],
    *[["--uid-prefix", "1.2"], ["--timestamp", "2026-01-01T00:00:00"], ["--explain"], ["--dry-run"]],
    *[["--manifest", "m.json"], ["--require-overlap", "0"]],
]


@pytest.mark.parametrize("flags", IDLE, ids=" ".join)
def test_flags_that_mean_nothing_for_a_volume_are_refused(flags, materials, tmp_path, capsys):
    assert run(materials / "ct", "-o", tmp_path / "there.nrrd", *flags) == 2
    said = capsys.readouterr().err
    assert said.startswith("derive: EXP-FLAGS: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flags", [[], ["--quiet"], ["--jobs", "1"], ["--series", "#1"]], ids=str)
def test_flags_that_mean_something_for_a_volume_are_taken(flags, materials, tmp_path):
    assert run(materials / "ct", "-o", tmp_path / "there.nrrd", *flags) == 0
    assert (tmp_path / "there.nrrd").is_file()
    derive.set_jobs(None)


def test_the_command_is_a_program(here):
    tool = shutil.which("derive", path=SCRIPTS)
    command = [tool] if tool else [sys.executable, "-m", "derive"]
    line = [*command, "convert", "volume.nii.gz", "-o", "out", "--modality", "CT", *SAID]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("6 images in out: geometry 0.0000 mm, values within 0 HU, check clean")
    assert done.stderr == ""


def test_the_python_of_the_readme_runs(tmp_path):
    array = hu((10, 12, 14))
    patient = derive.Patient("PH01", "Phantom^A")
    study = derive.Study(description="Simulation")
    series = derive.convert(array, modality="CT", spacing_xyz=(0.7, 0.7, 1.0), patient=patient, study=study)
    report = series.write(tmp_path / "out")
    assert str(report).endswith(
        "10 images in " + str(tmp_path / "out") + ": geometry 0.0000 mm, values within 0 HU, check clean"
    )
    assert report.files == tuple(sorted((tmp_path / "out").iterdir()))
    result = derive.stack(derive.read(tmp_path / "out"))
    assert np.array_equal(result.array, array)
    assert result.geometry.spacing == (1.0, 0.7, 0.7)


@pytest.mark.parametrize("form", ["array", "SimpleITK", "nibabel", "path", "text"])
def test_objects_of_other_libraries_are_taken_as_they_are(form, tmp_path):
    path = nifti(tmp_path / "v.nii.gz", hu(), np.diag([0.7, 0.8, 1.5, 1]))
    image = sitk.GetImageFromArray(hu())
    image.SetSpacing((0.7, 0.8, 1.5))
    sources = {"SimpleITK": image, "nibabel": nibabel.load(path), "path": path, "text": str(path), "array": hu()}
    spacing = {"spacing_xyz": (0.7, 0.8, 1.5)} if form == "array" else {}
    found = written(sources[form], tmp_path / "out", modality="CT", patient=PATIENT, **spacing)
    assert np.array_equal(found.values, hu())
    assert [list(d.ImagePositionPatient) for d in found.datasets] == [[0, 0, 0], [0, 0, 1.5], [0, 0, 3]]
    assert list(found.first.PixelSpacing) == pytest.approx([0.8, 0.7])


# A reference of another class

#: Of the reference as of any class.
KNOWN = ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"]
KNOWN += ["StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID"]
KNOWN += ["BodyPartExamined"]
#: Of the acquisition, the scanner and its people.
ACQUIRED = [
    "EchoTime",
    "RepetitionTime",
    "ProtocolName",
    "ScanningSequence",
    "SequenceVariant",
    "MagneticFieldStrength",
    "KVP",
    "Exposure",
    "ConvolutionKernel",
    "ReconstructionDiameter",
    "GantryDetectorTilt",
    "AcquisitionNumber",
    "InPlanePhaseEncodingDirection",
    "CountsSource",
    "CorrectedImage",
    "DecayCorrection",
    "FrameReferenceTime",
    "DoseCalibrationFactor",
    "DeviceSerialNumber",
    "StationName",
    "OperatorsName",
    "PerformedProcedureStepID",
    "ImageComments",
]
PAIRS = [("CT", "MR"), ("CT", "PT"), ("MR", "CT"), ("MR", "PT"), ("PT", "CT"), ("PT", "MR")]


def with_protocol(modality):
    """A reference that says all that is of its acquisition."""
    datasets = make_series(modality, ProtocolName="a protocol", ImageComments="a remark")
    return datasets, derive.read(datasets)


@pytest.mark.parametrize(("modality", "of"), PAIRS)
def test_a_reference_of_another_class_gives_what_is_true_of_both(modality, of, tmp_path):
    datasets, reference = with_protocol(of)
    path = nifti(tmp_path / "v.nii", hu(SHAPE) + 1000, affine_of(reference))
    options = {k: v for k, v in OF_MODALITY[modality].items() if k in ("modality", "units", "set")}
    said = options.get("set", {})
    found = written(path, tmp_path / "out", reference=reference, **options)
    assert np.array_equal(found.values, hu(SHAPE) + 1000)
    for dataset, source in zip(found.datasets, datasets, strict=True):
        assert {k: value(dataset, k) for k in KNOWN} == {k: value(source, k) for k in KNOWN}
        assert dataset.Modality == modality
        assert dataset.SOPClassUID != source.SOPClassUID
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
        assert list(dataset.ImagePositionPatient) == pytest.approx(list(source.ImagePositionPatient), abs=1e-4)
        acquired = {
            k: value(dataset, k) for k in ACQUIRED if k in dataset and not dataset[k].is_empty and k not in said
        }
        # MR has terms for what is unknown, where it has to have one
        assert acquired == ({"ScanningSequence": "RM", "SequenceVariant": "NONE"} if modality == "MR" else {})
        (image,) = dataset.SourceImageSequence
        assert image.ReferencedSOPClassUID == source.SOPClassUID
        assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
        (series,) = dataset.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == source.SeriesInstanceUID
        (instance,) = series.ReferencedInstanceSequence
        assert instance.ReferencedSOPClassUID == source.SOPClassUID
        assert dataset.Manufacturer != source.Manufacturer
    assert dciodvfy_errors(found.report.files[:1]) == {}


def test_a_synthetic_ct_of_an_mr_is_no_mr(tmp_path):
    _, reference = with_protocol("MR")
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    found = written(path, tmp_path / "out", reference=reference, modality="CT", description="synthetic CT, Y 1.0")
    assert {d.SourceImageSequence[0].ReferencedSOPClassUID for d in found.datasets} == {MRImageStorage}
    assert list(found.first.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert (found.first.RescaleType, rescale_of(found.first)) == ("HU", (1.0, 0.0))
    # the window of an MR means nothing in HU
    assert (found.first.WindowCenter, found.first.WindowWidth) != (40, 400)


def rescale_of(dataset):
    return float(dataset.RescaleSlope), float(dataset.RescaleIntercept)


def test_what_is_set_beside_a_reference_of_another_class_arrives(tmp_path):
    _, reference = with_protocol("MR")
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    said = {"KVP": "120", "ConvolutionKernel": "synthetic", "BodyPartExamined": "HEAD"}
    first = written(path, tmp_path / "out", reference=reference, modality="CT", set=said).first
    assert {k: value(first, k) for k in said} == said


def test_without_a_modality_it_is_that_of_the_reference(tmp_path):
    reference = read_reference("MR")
    path = nifti(tmp_path / "v.nii", hu(SHAPE) + 1000, affine_of(reference))
    first = written(path, tmp_path / "out", reference=reference).first
    assert (first.Modality, first.SOPClassUID) == ("MR", MRImageStorage)
    # of the same class, what is known of the acquisition is
    assert (first.EchoTime, first.ScanningSequence) == (12, "SE")
