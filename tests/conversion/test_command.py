"""The command that converts, and the commands of the README."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import resources

import jsonschema
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image
from pydicom.uid import CTImageStorage

import derive
from derive.cli.main import main
from tests.helpers.asserting import every
from tests.helpers.convert_files import (
    PATIENT,
    hu,
    nifti,
    read_back,
    saved,
    written,
)
from tests.helpers.peers import SCRIPTS, dcentvfy_messages, dciodvfy_errors, sitk_volume


def run(*arguments):
    return main(["convert", *map(str, arguments)])


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
        assert every(a["reason"] and a["section"] for a in said["attributes"])
        actions = {a["keyword"]: a["action"] for a in said["attributes"]}
    else:
        assert every("(PS3.3 " in line and "(PS3.3 )" not in line for line in out.splitlines())
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
        assert "SpatialLocationsPreserved" not in image  # nobody said so
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
