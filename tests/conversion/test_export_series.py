"""A series of several volumes as one file: values, places, times and directions as another reader has them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tracemalloc
from datetime import datetime, timedelta

import nibabel
import numpy as np
import pydicom
import pytest
from nibabel.affines import apply_affine

import derive
from tests.helpers.asserting import raises_code
from tests.helpers.commands import run
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import OBLIQUE, make_series

#: Folders with what dcm2niix made of them beside them, and folders of which it is asked.
STORED = {"siemens_xa60_enh_7t/dwi": "../ref", "siemens_xa61_enh_dwi/dwi": "../ref"}
ASKED = [
    "mr_siemens_dwi_b0_500_1500",
    "mr_ge_4d_fmri_15x10",
    "mr_siemens_mosaic/mr_0003",
    "philips_balls_enh/dicom/T2_.dcm",
    "philips_balls_enh/dicom/T2_-interleaved.dcm",
]
#: Facts that both say in numbers.
SHARED = ["EchoTime", "RepetitionTime", "FlipAngle", "MagneticFieldStrength", "EchoTrainLength", "SliceThickness"]


def theirs(name, source, folder):
    """The file that dcm2niix makes of a folder."""
    if name in STORED:
        (found,) = (source / STORED[name]).glob("*.nii.gz")
        return found
    tool = shutil.which("dcm2niix")
    if tool is None:
        pytest.skip("dcm2niix is not installed (apt-get install dcm2niix)")
    folder.mkdir()
    command = [
        tool,
        "-z",
        "y",
        "-p",
        "n",
        "-f",
        "t",
        *(["-s", "y"] if source.is_file() else []),
        "-o",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob("*.nii.gz")
    return found


def beside(path, suffix):
    return path.with_name(path.name.removesuffix(".nii.gz") + suffix)


@pytest.mark.parametrize("name", [*STORED, *ASKED])
def test_dcm2niix_makes_the_same_file(name, real, tmp_path):
    source, ours = real(name), tmp_path / "v.nii.gz"
    reference = theirs(name, source, tmp_path / "theirs")
    assert run("convert", source, "-o", ours) == 0
    has, wanted = nibabel.load(ours), nibabel.load(reference)
    assert has.shape == wanted.shape
    assert np.abs(has.affine - wanted.affine).max() < 1e-3
    values, expected = has.get_fdata(), wanted.get_fdata()
    np.testing.assert_allclose(values, expected, atol=1e-6 * np.abs(expected).max())
    step, units = float(has.header["pixdim"][4]), has.header.get_xyzt_units()[1]
    if units == "sec":
        assert step == pytest.approx(float(wanted.header["pixdim"][4]), abs=1e-4)
    else:
        assert (step, units) == (0, "unknown")
    for suffix in (".bval", ".bvec"):
        assert beside(ours, suffix).exists() == beside(reference, suffix).exists()
        if beside(reference, suffix).exists():
            np.testing.assert_allclose(
                np.loadtxt(beside(ours, suffix)), np.loadtxt(beside(reference, suffix)), atol=2e-5
            )
    said, known = (json.loads(beside(p, ".json").read_text()) for p in (ours, reference))
    for key in SHARED:
        assert key not in known or said[key] == pytest.approx(known[key], rel=1e-4)
    if name in STORED:
        assert said["SliceTiming"] == pytest.approx(known["SliceTiming"], abs=2e-3)


def test_directions_in_the_patient_are_those_of_the_images(real, tmp_path):
    # oblique: no axis of the voxels is one of the patient
    series = derive.read(real("philips_balls_enh/dicom/DTI.dcm"), stack="magnitude")
    derive.export(series, tmp_path / "v.nii")
    axes = nibabel.load(tmp_path / "v.nii").affine[:3, :3]
    assert np.linalg.det(axes) < 0  # so that the first component is along the first axis, as FSL has it
    found = axes / np.linalg.norm(axes, axis=0) @ np.loadtxt(tmp_path / "v.bvec")
    told = series.dimensions[1].values
    wanted = np.array([np.multiply(d or (0, 0, 0), (-1, -1, 1)) for d in told]).T
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.loadtxt(tmp_path / "v.bval").tolist() == list(series.dimensions[0].values)


@pytest.mark.parametrize(("name", "b_value"), [("siemens_xa60_enh_7t/dwi", 1000), ("mr_siemens_dwi_b0_500_1500", 500)])
def test_b_values_are_said_where_all_volumes_have_the_same(name, b_value, real, tmp_path):
    # single-frame images of Siemens say it in a private attribute
    series = derive.read(real(name), where={"DiffusionBValue": b_value})
    derive.export(series, tmp_path / "v.nii")
    assert np.loadtxt(tmp_path / "v.bval").tolist() == [b_value] * 6
    np.testing.assert_allclose(np.linalg.norm(np.loadtxt(tmp_path / "v.bvec"), axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".npy"])
def test_every_voxel_of_every_volume_is_where_and_what_it_was(suffix, tmp_path):
    times = {"TemporalPositionTimeOffset": (0.0, 1.5, 3.0)}
    made = multi_frame("MR", slices=11, shape=(5, 7), along=times, orientations=(OBLIQUE,), slope=lambda s: 0.5)
    series = derive.read([made])
    exported = derive.export(series, tmp_path / f"v{suffix}")
    assert (exported.volumes, exported.time_step_s) == (3, 1.5)
    wanted = np.stack([v.array for v in series.volumes])
    if suffix == ".npy":
        found, axes = np.load(tmp_path / "v.npy"), ["volume", "slice", "row", "column"]
        described = json.loads((tmp_path / "v.json").read_text())
        assert (described["axes"], described["time_step_s"]) == (axes, 1.5)
        np.testing.assert_array_equal(found, wanted)
        return
    image = nibabel.load(tmp_path / f"v{suffix}")
    index = np.array(list(np.ndindex(*wanted.shape[1:])))
    affine = series.geometry.affine
    in_ras = (index @ affine[:3, :3].T + affine[:3, 3]) * (-1, -1, 1)
    i, j, k = np.rint(apply_affine(np.linalg.inv(image.affine), in_ras)).astype(int).T
    assert np.abs(apply_affine(image.affine, np.stack([i, j, k], axis=1)) - in_ras).max() < 1e-3
    found = np.asanyarray(image.dataobj)
    for number, volume in enumerate(wanted):
        np.testing.assert_array_equal(found[i, j, k, number], volume.ravel())
    assert image.header.get_zooms()[3] == 1.5


def echoes():
    return multi_frame("MR", along={"EffectiveEchoTime": (2.5, 5.0, 9.0)})


def test_what_tells_volumes_apart_is_beside_them_in_seconds(tmp_path):
    exported = derive.export(derive.read([echoes()]), tmp_path / "v.nii.gz")
    assert (exported.time_step_s, exported.beside) == (6.0, ("v.json",))  # one echo was acquired after the other
    said = json.loads((tmp_path / "v.json").read_text())
    assert said["EchoTime"] == [0.0025, 0.005, 0.009]
    assert said["VolumeDimensions"] == [{"keyword": "EchoTime", "units": "ms", "values": [2.5, 5.0, 9.0]}]
    assert "RepetitionTime" not in said or isinstance(said["RepetitionTime"], float)
    text = (tmp_path / "v.nii.gz").read_bytes() + (tmp_path / "v.json").read_bytes()
    dataset = echoes()
    assert all(str(dataset[k].value).encode() not in text for k in ("PatientID", "PatientName", "StudyInstanceUID"))


def dynamic_pet(*, night=False):
    """Three PET frames of growing length at each of four places."""
    start = datetime(2026, 1, 2, 23, 59, 30) if night else datetime(2026, 1, 2, 10, 0, 0)
    begins, lengths = (0, 10, 40), (10_000, 30_000, 60_000)
    datasets = []
    for time, (begin, length) in enumerate(zip(begins, lengths, strict=True)):
        for dataset in make_series("PT", count=4):
            moment = start + timedelta(seconds=begin)
            dataset.SOPInstanceUID = pydicom.uid.generate_uid()
            dataset.AcquisitionDate, dataset.AcquisitionTime = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
            dataset.ActualFrameDuration = length
            dataset.FrameReferenceTime = begin * 1000 + length / 2
            dataset.RescaleSlope = time + 1
            datasets.append(dataset)
    return datasets


@pytest.mark.parametrize("night", [False, True])
def test_frames_of_pet_say_when_they_begin_and_how_long_they_are(night, tmp_path):
    exported = derive.export(derive.read(dynamic_pet(night=night)), tmp_path / "v.nii.gz")
    said = json.loads((tmp_path / "v.json").read_text())
    assert said["FrameTimesStart"] == [0, 10, 40]
    assert said["FrameDuration"] == [10, 30, 60]
    assert said["FrameReferenceTime"] == [5, 25, 70]
    assert said["Units"] == "BQML"
    assert exported.time_step_s is None
    assert nibabel.load(tmp_path / "v.nii.gz").header["pixdim"][4] == 0


@pytest.mark.parametrize("suffix", [".bval", ".bvec", ".json"])
def test_what_lies_beside_and_is_of_another_is_not_replaced(suffix, tmp_path):
    series, target = derive.read([echoes()]), tmp_path / "v.nii.gz"
    (tmp_path / f"v{suffix}").write_text("0 0 0\n")
    with raises_code("OUT-EXISTS" if suffix == ".json" else "OUT-FOREIGN"):
        derive.export(series, target)
    with raises_code("OUT-FOREIGN"):
        derive.export(series, target, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"v{suffix}"]
    (tmp_path / f"v{suffix}").unlink()
    derive.export(series, target)
    derive.export(series, target, overwrite=True)


def test_memory_is_that_of_slabs_however_many_volumes_there_are(tmp_path):
    along = {"TemporalPositionTimeOffset": tuple(float(k) for k in range(24))}
    multi_frame("MR", slices=8, shape=(256, 256), along=along).save_as(tmp_path / "v.dcm")
    derive.export(derive.read([echoes()]), tmp_path / "warm.nii")
    series = derive.read(tmp_path / "v.dcm")
    tracemalloc.start()
    try:
        derive.export(series, tmp_path / "v.nii")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * 8 * 256 * 256 * 4  # all of them are 24
