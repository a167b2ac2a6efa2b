"""``deid_check`` and ``derive deid-check``: whole folders, whoever wrote them, whatever the files are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import validate
from pydicom.dataset import Dataset, FileMetaDataset

import derive
from derive.cli.main import main
from derive.deidentification.profile.profile import Profile, profile_of
from tests.helpers.asserting import raises_code
from tests.helpers.by_hand import cleaned, image, presentation, stored
from tests.helpers.planted import DATES, Study

DIRECTORY = "1.2.840.10008.1.3.10"
SCHEMA = Path(derive.__file__).parent / "cli" / "schemas" / "deid-check.json"


def folder(path: Path, datasets: list[Dataset]) -> Path:
    """Write data sets, the last one first, under names that tell nothing."""
    path.mkdir(parents=True)
    for number, ds in enumerate(reversed(datasets)):
        (path / f"IM{number:05}.dcm").write_bytes(stored(ds))
    return path


@pytest.fixture
def study(tmp_path):
    """Originals and what is left of them, in folders."""
    made = Study()
    return folder(tmp_path / "study", made.originals), folder(tmp_path / "out", made.written[::-1]), made


def codes(report: derive.DeidCheckReport) -> set[str]:
    """The codes of a report."""
    return {violation.code for violation in report.violations}


def test_files_are_found_by_what_stays(study):
    report = derive.deid_check(*study[:2])
    assert (report.ok(), report.files, report.paired, report.violations) == (True, 3, 3, ())


@pytest.mark.parametrize("changed", ["PixelData", "ImagePositionPatient", "InstanceNumber"])
def test_files_are_found_whatever_was_changed(tmp_path, study, changed):
    first = study[2].first
    first[changed].value = {"PixelData": bytes(32), "InstanceNumber": "77"}.get(changed, [0, 0, 77])
    report = derive.deid_check(study[0], folder(tmp_path / "changed", study[2].written), Profile(options=("pixels",)))
    assert report.paired == 3
    assert "DCK-NO-ORIGINAL" not in codes(report)


def test_what_is_of_no_original_is_checked_alone(tmp_path, study):
    stranger = cleaned(image(2))
    stranger.Rows, stranger.SOPClassUID = 8, "1.2.840.10008.5.1.4.1.1.4"
    stranger.PatientComments = "anything"
    found = derive.deid_check(study[0], folder(tmp_path / "more", [*study[2].written, stranger]))
    assert {"DCK-NO-ORIGINAL", "DCK-PRESENT"} <= codes(found)


def test_an_original_of_which_nothing_was_written_is_told(tmp_path, study):
    assert "DCK-NO-OUTPUT" in codes(derive.deid_check(study[0], folder(tmp_path / "less", study[2].written[:2])))


def test_a_folder_is_checked_without_originals(tmp_path, study):
    assert codes(derive.deid_check(None, study[1])) == {"DCK-NO-ORIGINAL"}
    assert {"DCK-PRESENT", "DCK-PRIVATE", "DCK-MARK", "DCK-META", "DCK-PREAMBLE"} <= codes(
        derive.deid_check(None, study[0])
    )


@pytest.mark.parametrize("name", ["Quillfeather.dcm", "MRN778812X/IM1.dcm", "1.2.826.0.1.3680043.99.7.1.dcm"])
def test_names_of_files_name_nobody(study, name):
    target = study[1] / name
    target.parent.mkdir(exist_ok=True)
    (study[1] / "IM00000.dcm").rename(target)
    assert codes(derive.deid_check(*study[:2])) == {"DCK-NAME"}


def test_what_cannot_be_read_is_a_violation(study):
    cut_off, broken = study[1] / "IM00000.dcm", study[1] / "IM00001.dcm"
    cut_off.write_bytes(cut_off.read_bytes()[:700])
    broken.write_bytes(bytes(128) + b"DICM" + b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"abcdefgh" * 9)
    assert {"DCK-READ", "DCK-TRAILING"} <= codes(derive.deid_check(*study[:2]))


@pytest.mark.parametrize("name", ["notes.txt", "DICOMDIR", "report.json"])
def test_what_is_no_object_names_nobody_either(study, name):
    (study[1] / name).write_bytes(b"made of 3 files")
    assert derive.deid_check(*study[:2]).ok()
    (study[1] / name).write_bytes(b"made for Quillfeather, 3 files")
    assert codes(derive.deid_check(*study[:2])) == {"DCK-IDENTIFIER"}


def test_a_directory_that_was_copied_is_found(study):
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID, directory.file_meta.TransferSyntaxUID = (
        DIRECTORY,
        "1.2.840.10008.1.2.1",
    )
    record = Dataset()
    record.DirectoryRecordType, record.PatientID = "PATIENT", "MRN778812X"
    directory.DirectoryRecordSequence = [record]
    directory.save_as(study[1] / "DICOMDIR", enforce_file_format=False)
    assert codes(derive.deid_check(*study[:2])) == {"DCK-IDENTIFIER"}


def test_two_patients_do_not_share_a_shift(tmp_path):
    one, other = Study(DATES), Study(DATES)
    for ds in (*other.originals, *other.written):
        ds.PatientID = "another" if ds in other.originals else "SOMEBODY"
        ds.StudyDate = "20210101" if ds in other.originals else "20200101"
    originals = folder(tmp_path / "a", [image(1), *other.originals[2:]])
    written = folder(tmp_path / "b", [one.first, *other.written[2:]])
    assert "DCK-SHIFT" in codes(derive.deid_check(originals, written, Profile(options=DATES)))
    assert "PatientID" not in {v.path for v in derive.deid_check(originals, written, Profile(options=DATES)).violations}


def test_others_are_named_nowhere(tmp_path, study):
    other = presentation()
    other.PatientName, other.PatientID, other.SOPInstanceUID = "Ptarmigan^Pia", "ZZ9911882", "1.2.3.4"
    (study[0] / "other.dcm").write_bytes(stored(other))
    study[2].first.FilterType = "PTARMIGAN"
    found = derive.deid_check(study[0], folder(tmp_path / "named", study[2].written))
    assert ("DCK-IDENTIFIER", "FilterType") in {(v.code, v.path) for v in found.violations}


def test_the_command_says_so(study, capsys):
    assert main(["deid-check", *map(str, study[:2])]) == 0
    assert "3 files, 3 of them beside their originals: 0 errors, 0 warnings" in capsys.readouterr().out
    assert main(["deid-check", str(study[0]), str(study[0])]) == 1
    told = capsys.readouterr().out
    assert "error DCK-KEPT: PatientName" in told
    assert "Quillfeather" not in told


def test_the_command_gives_json(study, capsys):
    assert main(["deid-check", str(study[0]), str(study[0]), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    validate(said, json.loads(SCHEMA.read_text()))
    assert said["errors"] > 20


def test_the_command_takes_a_profile(study, capsys):
    assert main(["deid-check", *map(str, study[:2]), "--retain", "device-identity"]) == 1
    assert "DCK-LOST: DeviceSerialNumber" in capsys.readouterr().out
    assert main(["deid-check", *map(str, study[:2]), "--retain", "modified-dates", "--fail-on", "warning"]) == 1


def test_the_command_takes_a_configuration(study, tmp_path, capsys):
    config = tmp_path / "site.toml"
    config.write_text('profile = "basic"\n\n[[rule]]\ntag = "DeviceSerialNumber"\nmethod = "keep"\n')
    assert main(["deid-check", *map(str, study[:2]), "--config", str(config)]) == 1
    assert "DCK-LOST: DeviceSerialNumber" in capsys.readouterr().out


def test_an_unknown_option_is_refused_before_anything_is_read(tmp_path, capsys):
    assert main(["deid-check", str(tmp_path), str(tmp_path), "--retain", "everything"]) == 2
    assert "DEID-OPTION" in capsys.readouterr().err
    with raises_code("DEID-PROFILE"):
        derive.deid_check(None, tmp_path, "none of ours")


def test_a_profile_that_promises_nothing_is_not_held_to_more(study):
    """It keeps all but UIDs, and what stands around the data set."""
    found = derive.deid_check(study[0], study[0], profile_of("keep-all"))
    assert codes(found) == {"DCK-UID-KEPT", "DCK-META", "DCK-PREAMBLE"}
