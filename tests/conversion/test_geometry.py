"""Where a converted voxel lies, as others read the file that it came from and what became of it.

Volumes are compared as sets of (point in the patient, value): no test knows in which order the axes are written.
"""

from __future__ import annotations

import numpy as np
import pytest

from derive.cli.main import main
from tests.helpers import conversions as of
from tests.helpers.conversions import Placed
from tests.helpers.placements import (
    ACROSS,
    SIGNED,
    SPACING,
    SPACINGS,
    oblique_volume,
    units_of,
    written,
)

#: Row and column cosines of the planes that people look at (LPS), by the axis of the patient that they are across.
EXPECTED = {2: (1, 0, 0, 0, 1, 0), 1: (1, 0, 0, 0, 0, -1), 0: (0, 1, 0, 0, 0, -1)}
OBLIQUE_SEEDS = range(12)
#: Values that are said to be HU, and the line that makes HU of them.
MEANINGS = [{}, {"values": "scale=1,0"}, {"values": "hu"}]


def signed_volume(number: int) -> Placed:
    """The volume of one of the 48."""
    return Placed(of.distinct(), of.affine_of(SIGNED[number], SPACINGS[number % 3]))


def assert_read_alike(folder, wanted: Placed) -> None:
    """derive and SimpleITK find every voxel of the original, in slices that ascend."""
    for found in (of.dicom_by_derive(folder), of.dicom_by_itk(folder)):
        of.assert_alike(found, wanted)
        assert np.linalg.det(found.affine[:3, :3]) > 0
    of.assert_ascending(folder)


def normal_of(folder) -> np.ndarray:
    row, column = np.array(of.headers(folder)[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    return np.cross(row, column)


# The judge

FAULTS = {
    "mirrored values": lambda values, affine: (values[::-1], affine),
    "a mirrored frame": lambda values, affine: (values, affine @ np.diag([-1.0, 1.0, 1.0, 1.0])),
    "moved": lambda values, affine: (values, affine + np.pad([[2e-4]], ((0, 3), (3, 0)))),
    "stretched": lambda values, affine: (values, affine * [1.0002, 1.0, 1.0, 1.0]),
    "a slice less": lambda values, affine: (values[:-1], affine),
    "one value": lambda values, affine: (np.where(values == values[1, 2, 3], 0, values), affine),
    "two axes exchanged": lambda values, affine: (values, affine[:, [1, 0, 2, 3]]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_volumes_that_differ_are_not_called_alike(fault):
    placed = oblique_volume(1)
    of.assert_alike(Placed(placed.values.transpose(2, 0, 1), placed.affine[:, [2, 0, 1, 3]]), placed)
    with pytest.raises(AssertionError):
        of.assert_alike(Placed(*FAULTS[fault](*placed)), placed)


# All 48 orientations along the axes of the patient


def test_the_orientations_are_all_48_and_half_of_them_are_left_handed():
    assert len({directions.tobytes() for directions in SIGNED}) == 48
    assert sum(np.linalg.det(directions) < 0 for directions in SIGNED) == 24


@pytest.mark.parametrize("number", range(48))
def test_every_orientation_of_a_nifti_is_read_alike_in_the_planes_across_its_coarsest_spacing(number, tmp_path):
    placed = signed_volume(number)
    path = of.save(tmp_path / "v.nii", placed, qform=number % 5 == 0)
    wanted = of.by_nibabel(path)
    of.assert_alike(wanted, placed)
    written(path, tmp_path / "out", **MEANINGS[number % len(MEANINGS)])
    assert_read_alike(tmp_path / "out", wanted)
    coarsest = int(np.argmax(SPACINGS[number % 3]))
    across = int(np.abs(SIGNED[number][:, coarsest]).argmax())
    first = of.headers(tmp_path / "out")[0]
    assert [float(c) for c in first.ImageOrientationPatient] == list(EXPECTED[across])
    assert len(of.headers(tmp_path / "out")) == placed.values.shape[coarsest]
    assert float(first.SpacingBetweenSlices) == pytest.approx(max(SPACING), abs=1e-6)
    assert sorted(map(float, first.PixelSpacing)) == pytest.approx(sorted(SPACING)[:2], abs=1e-6)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "mha", "mhd", "SimpleITK", "nibabel"])
@pytest.mark.parametrize("number", range(0, 48, 9))
def test_other_formats_and_objects_are_read_alike_in_any_orientation(number, suffix, tmp_path):
    placed = signed_volume((number + sum(map(ord, suffix))) % 48)
    if suffix == "SimpleITK":
        source = of.itk_image(placed)
    elif suffix == "nibabel":
        source = of.nibabel_image(placed)
    else:
        source = of.save(tmp_path / f"v.{suffix}", placed)
    wanted = of.by_others(source)
    of.assert_alike(wanted, placed)
    written(source, tmp_path / "out")
    assert_read_alike(tmp_path / "out", wanted)


@pytest.mark.parametrize("number", range(48))
def test_dcm2niix_makes_the_nifti_again(number, tmp_path):
    path = of.save(tmp_path / "v.nii", signed_volume(number))
    written(path, tmp_path / "out")
    of.assert_alike(of.dicom_by_dcm2niix(tmp_path / "out", tmp_path / "back"), of.by_nibabel(path), mm=1e-3)


# Obliques, and which plane


@pytest.mark.parametrize("seed", OBLIQUE_SEEDS)
def test_an_oblique_volume_is_read_alike(seed, tmp_path):
    placed = oblique_volume(seed)
    path = of.save(tmp_path / ("v.nii", "v.nrrd", "v.mha")[seed % 3], placed)
    wanted = of.by_others(path)
    of.assert_alike(wanted, placed)
    written(path, tmp_path / "out")
    assert_read_alike(tmp_path / "out", wanted)
    along = units_of(placed.affine)[:, int(np.argmax(SPACINGS[seed % 3]))]
    assert abs(normal_of(tmp_path / "out") @ along) == pytest.approx(1.0, abs=1e-6)
    if seed % 4 == 0:
        of.assert_alike(of.dicom_by_dcm2niix(tmp_path / "out", tmp_path / "back"), wanted, mm=1e-3)


@pytest.mark.parametrize("plane", ACROSS)
@pytest.mark.parametrize("seed", range(0, 12, 3))
def test_a_plane_that_is_asked_for_is_the_nearest_whatever_the_spacing_and_the_slice_axis(seed, plane, tmp_path):
    placed = oblique_volume(seed)
    path = of.save(tmp_path / "v.nii", placed, slice_axis=seed % 3)
    written(path, tmp_path / "out", plane=plane)
    assert_read_alike(tmp_path / "out", of.by_nibabel(path))
    likeness = np.abs(units_of(placed.affine)[ACROSS[plane]])
    assert abs(normal_of(tmp_path / "out")[ACROSS[plane]]) == pytest.approx(likeness.max(), abs=1e-6)


@pytest.mark.parametrize("plane", ACROSS)
@pytest.mark.parametrize("number", [0, 13, 26, 47])
def test_a_plane_asked_for_on_the_command_line_has_the_rows_and_columns_people_look_at(number, plane, tmp_path):
    path = of.save(tmp_path / "v.nii.gz", signed_volume(number))
    flags = ["--modality", "CT", "--patient-id", "PH01", "--patient-name", "Phantom^A", "--plane", plane, "--quiet"]
    assert main(["convert", str(path), "-o", str(tmp_path / "out"), *flags]) == 0
    assert_read_alike(tmp_path / "out", of.by_nibabel(path))
    first = of.headers(tmp_path / "out")[0]
    assert [float(c) for c in first.ImageOrientationPatient] == list(EXPECTED[ACROSS[plane]])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("seed", [1, 4, 8])
def test_the_slice_axis_that_a_nifti_names_goes_before_the_coarsest_spacing(seed, axis, tmp_path):
    placed = oblique_volume(seed)
    path = of.save(tmp_path / "v.nii", placed, slice_axis=axis)
    written(path, tmp_path / "out")
    assert_read_alike(tmp_path / "out", of.by_nibabel(path))
    assert abs(normal_of(tmp_path / "out") @ units_of(placed.affine)[:, axis]) == pytest.approx(1.0, abs=1e-6)
    assert len(of.headers(tmp_path / "out")) == placed.values.shape[axis]


@pytest.mark.parametrize("suffix", ["nii", "nrrd", "mha"])
@pytest.mark.parametrize("seed", [2, 5, 6, 9])
def test_isotropic_volumes_become_axial(seed, suffix, tmp_path):
    placed = oblique_volume(seed, (1.2, 1.2, 1.2))
    path = of.save(tmp_path / f"v.{suffix}", placed)
    written(path, tmp_path / "out")
    assert_read_alike(tmp_path / "out", of.by_others(path))
    assert abs(normal_of(tmp_path / "out")[2]) == pytest.approx(np.abs(units_of(placed.affine)[2]).max(), abs=1e-6)
