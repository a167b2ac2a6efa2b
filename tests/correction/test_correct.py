"""A set corrected and taken back: on the disk, in memory, over the command line."""

from __future__ import annotations

import filecmp
import json
import shutil
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

import derive
from derive.cli.main import main
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import make_series


@pytest.fixture
def study(tmp_path) -> Path:
    """A study of two series, one of them below another folder, with a file that is none of it."""
    folder = tmp_path / "study"
    for modality in ("CT", "MR"):
        below = folder / modality
        below.mkdir(parents=True)
        for number, dataset in enumerate(make_series(modality, count=3)):
            dataset.save_as(below / f"{number}.dcm", enforce_file_format=True)
    (folder / "notes.txt").write_text("not DICOM")
    return folder


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def same(one: Path, other: Path, names: list[str]) -> bool:
    return filecmp.cmpfiles(one, other, names, shallow=False) == (names, [], [])


def test_files_keep_their_names_and_come_back_byte_for_byte(study, tmp_path):
    report = derive.correct(study, set={"PatientID": "4711"}, source="City").write(tmp_path / "out")
    names = [name for name in files(study) if name.endswith(".dcm")]
    assert (report.count, report.changed, [o.name for o in report.others]) == (6, 6, ["notes.txt"])
    assert files(tmp_path / "out") == names
    for name in each(names):
        before, after = dcmread(study / name), dcmread(tmp_path / "out" / name)
        assert after.PatientID == "4711"
        assert after.SOPInstanceUID == before.SOPInstanceUID
        assert after.PixelData == before.PixelData
    back = derive.correct(tmp_path / "out", undo=1).write(tmp_path / "back")
    assert back.changed == 6
    assert same(study, tmp_path / "back", names)


def test_what_is_so_already_is_copied_so_that_the_study_stays_whole(study, tmp_path):
    first = dcmread(study / "CT/0.dcm")
    first.PatientComments = "once"
    first.save_as(study / "CT/0.dcm")
    report = derive.correct(study, remove=["PatientComments"]).write(tmp_path / "out")
    assert (report.count, report.changed) == (6, 1)
    names = [name for name in files(tmp_path / "out") if name != "CT/0.dcm"]
    assert len(names) == 5
    assert same(study, tmp_path / "out", names)
    second = derive.correct(tmp_path / "out", set={"PatientID": "2"}).write(tmp_path / "two")
    assert second.changed == 6
    derive.correct(tmp_path / "two", undo=2).write(tmp_path / "back")
    assert same(study, tmp_path / "back", files(tmp_path / "out"))


def test_a_plan_writes_nothing_and_masks_what_tells_whose_images_they_are(study, tmp_path):
    plan = derive.correct(study, set={"PatientID": "4711", "StationName": "CT7"}).plan()
    assert plan.folder is None
    told = {change.shown() for change in plan.changes}
    assert "PatientID: (masked) -> (masked) in 6 objects" in told
    assert any("4711" in change.shown(values=True) for change in plan.changes)
    assert files(tmp_path) == [f"study/{name}" for name in files(study)]


def test_all_or_nothing(study, tmp_path):
    (study / "MR/2.dcm").write_bytes((study / "MR/2.dcm").read_bytes()[:600])
    with raises_code("SRC-UNREADABLE"):
        derive.correct(study, set={"PatientID": "4711"}).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_result_has_no_error_that_its_source_has_not(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (dataset,) = make_series(count=1)
    dataset.save_as(source / "a.dcm", enforce_file_format=True)
    with raises_code("CHK-INVALID"):
        derive.correct(source, remove=["PatientPosition"]).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_study_does_not_fall_apart_and_patients_do_not_come_together_unsaid(study, tmp_path):
    for path in each(sorted((study / "MR").iterdir())):
        dataset = dcmread(path)
        dataset.PatientID, dataset.StudyInstanceUID = "OTHER", "1.2.3.4"
        dataset.save_as(path)
    with raises_code("COR-MOVE"):
        derive.correct(study, set={"PatientID": "4711"}).write(tmp_path / "out")
    derive.correct(study, set={"StationName": "X"}).write(tmp_path / "named")
    report = derive.correct(study, set={"PatientID": "4711"}, move=True).write(tmp_path / "out")
    assert report.changed == 6


def test_a_part_of_a_study_stays_its_patient_s_unless_it_is_said():
    options = {"set": {"PatientID": "4711"}, "is_part": True}
    with raises_code("COR-MOVE"):
        derive.correct(make_series(count=2), **options).plan()
    assert derive.correct(make_series(count=2), **options, move=True).plan().changed == 2
    assert derive.correct(make_series(count=2), set={"StationName": "X"}, is_part=True).plan().changed == 2


def test_what_is_de_identified_is_not_corrected_unless_it_is_said(tmp_path):
    datasets = make_series(count=1, PatientIdentityRemoved="YES")
    with raises_code("COR-DEIDENTIFIED"):
        list(derive.correct(datasets, set={"PatientName": "Doe^Jane"}).instances())
    (made,) = derive.correct(datasets, set={"PatientName": "Doe^Jane"}, reidentify=True).instances()
    assert made.PatientName == "Doe^Jane"


def test_de_identification_takes_the_old_values_out(study, tmp_path):
    derive.correct(study, set={"PatientName": "Roe^Ann"}, source="Old Hospital").write(tmp_path / "out")
    report = derive.deidentify(tmp_path / "out", tmp_path / "clean")
    assert report.ok
    for path in each([tmp_path / "clean" / name for name in files(tmp_path / "clean")]):
        data = path.read_bytes()
        assert "OriginalAttributesSequence" not in dcmread(path)
        assert not any(text in data for text in (b"Roe", b"Old Hospital"))


def test_sources_stay_and_a_target_that_is_there_is_refused(study, tmp_path):
    before = {name: (study / name).read_bytes() for name in files(study)}
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with raises_code("OUT-EXISTS"):
        derive.correct(study, set={"PatientID": "1"}).write(tmp_path / "out")
    assert {name: (study / name).read_bytes() for name in files(study)} == before


def test_data_sets_in_memory_stay_as_they_are():
    datasets = make_series(count=2)
    made = list(derive.correct(datasets, set={"PatientID": "4711"}).instances())
    assert [d.PatientID for d in made] == ["4711", "4711"]
    assert "4711" not in [d.PatientID for d in datasets]
    for dataset in each(made):
        assert isinstance(dataset, Dataset)
        assert "OriginalAttributesSequence" in dataset


def test_the_command_line(study, tmp_path, capsys):
    out, back = str(tmp_path / "out"), str(tmp_path / "back")
    assert main(["correct", str(study), "-o", out, "--set", "PatientName=Roe^Ann", "--remove", "OperatorsName"]) == 0
    assert "corrected: 6 of 6 objects" in capsys.readouterr().out
    assert main(["correct", out, "-o", back, "--undo", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["undone"], said["changed"], said["reason"]) == (1, 6, "CORRECT")
    assert same(study, tmp_path / "back", files(tmp_path / "out"))
    assert main(["correct", out, "-o", back, "--set", "PatientNaem=x"]) == 2
    assert "PatientName" in capsys.readouterr().err


def test_a_zip_archive_is_a_source(study, tmp_path):
    packed = shutil.make_archive(str(tmp_path / "study"), "zip", study)
    report = derive.correct(packed, set={"PatientID": "4711"}).write(tmp_path / "out")
    assert report.count == 6


@pytest.mark.parametrize("name", ["ct_philips_scout", "us_regions_philips_sr", "xa_rubo_96f", "enhanced_ct_2f"])
def test_real_objects_of_other_classes(real, name, tmp_path):
    source = real(name)
    options = {"set": {"PatientName": "Roe^Ann", "AccessionNumber": "A1"}, "reidentify": True}
    report = derive.correct(source, **options).write(tmp_path / "out")
    assert report.changed == report.count > 0
    derive.correct(tmp_path / "out", undo=1).write(tmp_path / "back")
    assert same(source, tmp_path / "back", files(tmp_path / "out"))
