"""One of several volumes as a file: the one that was chosen, where and what another reader has it."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

import derive
from tests.helpers.commands import run

FIELD_MAP = "philips_enh_fieldmap_2echo_magphase"
DWI = "siemens_xa60_enh_7t"
#: What is chosen, the reference beside it, which volume of that, and whether the reader rescaled by a private factor.
CHOSEN = {
    "first-echo": (FIELD_MAP, "dicom", {"stack": "magnitude", "volumes": 1}, "*_enh_e1.nii.gz", None),
    "phase-of-second-echo": (FIELD_MAP, "dicom", {"stack": "phase", "volumes": 2}, "*_enh_e2_ph.nii.gz", None),
    "b0": (DWI, "dwi", {"where": {"DiffusionBValue": 0}}, "*.nii.gz", 0),
    "fifth": (DWI, "dwi", {"volumes": 5}, "*.nii.gz", 4),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_chosen_volume_is_that_of_another_reader(name, real, tmp_path):
    folder, images, chosen, reference, index = CHOSEN[name]
    (path,) = real(folder).glob(f"*/{reference}")
    derive.export(derive.read(real(f"{folder}/{images}"), **chosen), tmp_path / "v.nii.gz")
    has, wanted = (nibabel.as_closest_canonical(nibabel.load(p)) for p in (tmp_path / "v.nii.gz", path))
    assert np.abs(has.affine - wanted.affine).max() < 1e-4
    values, expected = has.get_fdata(), wanted.get_fdata()
    if index is not None:
        np.testing.assert_array_equal(values, expected[..., index])
        return
    # The reference has the scanner's own units, by a private factor.
    factor = np.abs(expected).max() / np.abs(values).max()
    np.testing.assert_allclose(values * factor, expected, atol=np.abs(expected).max() * 1e-3)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_several_volumes_are_one_file_of_every_format(suffix, real, tmp_path):
    series = derive.read(real(f"{DWI}/dwi"))
    assert run("convert", real(f"{DWI}/dwi"), "-o", tmp_path / f"v{suffix}") == 0
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"v{suffix}")))
    found = np.moveaxis(found, -1, 0) if suffix == ".nrrd" else found
    assert np.array_equal(found, np.stack([volume.array for volume in series.volumes]))
    assert run("convert", real(f"{DWI}/dwi"), "-o", tmp_path / f"one{suffix}", "--volume", 2) == 0
