"""Exported b-values and directions are those that dcm2niix writes of the same files, of every vendor that it knows."""

from __future__ import annotations

import subprocess

import nibabel
import numpy as np
import pytest

import derive
from tests.helpers.peers import tool
from tests.helpers.sources import AXIAL
from tests.helpers.vendors import VENDORS, diffusion_series
from tests.reading.test_vendor_frames import diffusion
from tests.reading.test_vendor_words import KNOWN_TO_DCM2NIIX, TILTED

#: It takes what frames of these say for directions along other axes, or for none.
FRAMES = ("CANON_MEC", "Philips Medical Systems", "Hyperfine")


def both(datasets, tmp_path):
    """Images, b-values and directions of the patient, as we export files and as dcm2niix converts them."""
    source, theirs = tmp_path / "in", tmp_path / "theirs"
    for folder in (source, theirs):
        folder.mkdir()
    for number, dataset in enumerate(datasets):
        dataset.save_as(source / f"{number}.dcm", enforce_file_format=True)
    derive.export(derive.read(source), tmp_path / "ours" / "x.nii")
    command = [tool("dcm2niix"), "-f", "x", "-z", "n", "-o", str(theirs), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return [_diffusion(folder) for folder in (tmp_path / "ours", theirs)]


def _diffusion(folder):
    """Directions of FSL are along voxels, the first turned where axes are right-handed; axes differ between tools."""
    image = nibabel.load(folder / "x.nii")
    axes = image.affine[:3, :3]
    vectors = np.loadtxt(folder / "x.bvec").T * ([-1, 1, 1] if np.linalg.det(axes) > 0 else [1, 1, 1])
    canonical = nibabel.as_closest_canonical(image)
    return canonical.get_fdata(), np.loadtxt(folder / "x.bval"), vectors @ (axes / np.linalg.norm(axes, axis=0)).T


@pytest.mark.parametrize("plane", [AXIAL, TILTED])
@pytest.mark.parametrize("vendor", KNOWN_TO_DCM2NIIX)
def test_single_frames(vendor, plane, tmp_path):
    assert vendor in VENDORS
    ours, theirs = both(diffusion_series(vendor, plane), tmp_path)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=2e-3)


@pytest.mark.parametrize("manufacturer", FRAMES)
def test_frames(manufacturer, tmp_path):
    ours, theirs = both([diffusion(manufacturer, shape=(16, 16), spacing=(1.0, 1.0))], tmp_path)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=2e-3)
