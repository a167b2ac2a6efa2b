"""Real volumes that are no DICOM become sound series that are read alike."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from tests.helpers import conversions as of
from tests.helpers.asserting import every
from tests.helpers.conversions import PATIENT, Placed
from tests.helpers.convert_files import rescale
from tests.helpers.placements import (
    SIGNED,
    SPACING,
    allowed,
    assert_sound,
    by_time,
)
from tests.helpers.volumes import rotation

REAL_VOLUMES = {
    "nifti_ct_totalseg/example_ct.nii.gz": "CT",
    "nifti_ct_totalseg/example_mr_sm.nii.gz": "MR",
    "nrrd_mha/AIM-Harvard+pyradiomics/data/brain2_image.nrrd": "MR",
    "nrrd_mha/AIM-Harvard+pyradiomics/data/prostate_phantom_subvolume.nrrd": "MR",
    "nrrd_mha/DIAGNijmegen+rse-panimg/tests/resources/image10x10x10.mha": "MR",
}
OF_TIMES = "nrrd_mha/DIAGNijmegen+rse-panimg/tests/resources/image10x11x12x13.mha"


@pytest.mark.parametrize("name", REAL_VOLUMES)
def test_a_real_volume_becomes_a_sound_series_that_is_read_alike(name, real, tmp_path):
    path = real(name)
    series = derive.convert(path, modality=REAL_VOLUMES[name], patient=PATIENT)
    report = series.write(tmp_path / "out")
    assert report.saturated == 0
    wanted = of.by_others(path)
    assert_sound(tmp_path / "out", report)
    of.assert_alike(of.dicom_by_derive(tmp_path / "out"), wanted, value=allowed(report, wanted.values))
    of.assert_ascending(tmp_path / "out")
    found = of.dicom_by_itk(tmp_path / "out")
    if REAL_VOLUMES[name] == "MR":
        found = found._replace(values=real_world(found.values, pydicom.dcmread(report.files[0])))
    of.assert_alike(found, wanted, value=allowed(report, wanted.values))


def real_world(stored, dataset) -> np.ndarray:
    """Stored values of MR by their Real World Value Mapping; as they are without."""
    slope, intercept = rescale(dataset)
    return stored * slope + intercept


def timed_file(name, real, tmp_path):
    """The real 4-D file, or one made here whose voxels all differ."""
    if name == "real":
        return real(OF_TIMES)
    values = np.stack([of.distinct((5, 6, 7), first=10_000 * t - 20_000) for t in range(3)], axis=-1)
    return of.save(tmp_path / f"v.{name}", Placed(values, of.affine_of(rotation(20) @ SIGNED[9], SPACING)))


@pytest.mark.parametrize("name", ["real", "mha", "nii.gz", "nrrd"])
def test_a_file_of_several_times_is_one_mr_series_that_tells_them_apart(name, real, tmp_path):
    path = timed_file(name, real, tmp_path)
    report = derive.convert(path, modality="MR", patient=PATIENT).write(tmp_path / "out")
    wanted, times = of.by_others(path), by_time(tmp_path / "out")
    count = wanted.values.shape[3]
    assert sorted(times) == list(range(1, count + 1))
    everything = [dataset for datasets in times.values() for dataset in datasets]
    assert len({dataset.SeriesInstanceUID for dataset in everything}) == 1
    assert {int(dataset.NumberOfTemporalPositions) for dataset in everything} == {count}
    assert len({int(dataset.InstanceNumber) for dataset in everything}) == len(everything)
    assert_sound(tmp_path / "out", report)
    for time, datasets in times.items():
        one = Placed(wanted.values[..., time - 1], wanted.affine)
        of.assert_alike(of.dicom_by_derive(datasets), one, value=allowed(report, wanted.values))


@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("name", ["real", "mha", "nii.gz", "nrrd"])
def test_one_of_several_times_is_a_series_of_one_volume(name, modality, real, tmp_path):
    path, index = timed_file(name, real, tmp_path), 1
    options = {"values": "scale=1,-1024"} if modality == "CT" else {}
    series = derive.convert(path, modality=modality, patient=PATIENT, frame_index=index, **options)
    report = series.write(tmp_path / "out")
    whole = of.by_others(path)
    values = whole.values[..., index].astype(np.float64) - (1024 if modality == "CT" else 0)
    assert_sound(tmp_path / "out", report)
    of.assert_alike(of.dicom_by_derive(tmp_path / "out"), Placed(values, whole.affine), value=allowed(report, values))
    assert every("NumberOfTemporalPositions" not in dataset for dataset in of.headers(tmp_path / "out"))
