"""Files that are no DICOM beside a series: read in its space, recorded by a digest, computed again where given."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK

import derive
from derive.cli.main import main
from derive.errors import GeometryError, SourceError, ValuesError
from derive.operations import mask, multiply
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import OBLIQUE, make_series


def saved(images, folder):
    folder.mkdir()
    for k, image in enumerate(images):
        image.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def ball(shape):
    """A lopsided body, so that a mirrored one is another."""
    k, r, c = np.ogrid[: shape[0], : shape[1], : shape[2]]
    return ((k - 2) ** 2 / 4 + (r - 4) ** 2 / 9 + (c - 8) ** 2 / 25 < 1).astype(np.int16)


def nifti(path, array, geometry, axes=(2, 1, 0), flips=(1, 1, 1), shift=(0, 0, 0)):
    """Write (slice, row, column) with the axes of the file in any order."""
    affine = geometry.affine[:, [*(axes), 3]].copy()
    moved = array.transpose(axes)
    for axis, flip in enumerate(flips):
        if flip < 0:
            affine[:3, 3] += (moved.shape[axis] - 1) * affine[:3, axis]
            affine[:3, axis] *= -1
            moved = np.flip(moved, axis)
    affine[:3, 3] += shift
    nibabel.save(nibabel.Nifti1Image(moved, np.diag([-1, -1, 1, 1]) @ affine), path)
    return path


@pytest.fixture
def ct(tmp_path):
    return derive.read(saved(make_series(cosines=OBLIQUE), tmp_path / "ct"))


@pytest.mark.parametrize("name", ["mask.nii.gz", "mask.nrrd", "mask.mha"])
def test_a_mask_of_each_format_lies_where_it_says(name, ct, tmp_path, capsys):
    inside = ball(ct.geometry.shape)
    path = tmp_path / name
    if name.endswith(".gz"):
        nifti(path, inside, ct.geometry)
    else:
        image, grid = SimpleITK.GetImageFromArray(inside), ct.geometry
        image.SetSpacing(grid.spacing[::-1])
        image.SetOrigin(grid.first_position)
        image.SetDirection(grid.directions[:, ::-1].ravel().tolist())
        SimpleITK.WriteImage(image, path)
    out = tmp_path / "out"
    manifest = tmp_path / "report.json"
    assert main(["mask", str(tmp_path / "ct"), str(path), "-o", str(out), "--manifest", str(manifest)]) == 0
    np.testing.assert_array_equal(derive.read(out), np.where(inside > 0, np.asarray(ct), -1000))
    assert derive.check(out).ok()
    assert json.loads(manifest.read_text())["inputs"] == [name]
    image = pydicom.dcmread(next(iter(sorted(out.glob("*.dcm")))))
    assert image.DerivationDescription.startswith("mask(series='values sha256:")
    assert len(image.SourceImageSequence) == 1
    assert derive.verify(out, [tmp_path / "ct", path]).verdict == "SAME"
    alone = derive.verify(out, tmp_path / "ct")
    assert alone.verdict == "NOT-RECOMPUTABLE"
    assert "no file at hand has it" in alone.reason
    assert main(["verify", str(out), "--sources", str(tmp_path / "ct"), "--sources", str(path)]) == 0
    assert "SAME" in capsys.readouterr().out


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
@pytest.mark.parametrize("axes", [(2, 1, 0), (0, 1, 2), (1, 2, 0)])
def test_the_order_of_the_axes_of_a_file_does_not_matter(axes, flips, ct, tmp_path):
    inside = ball(ct.geometry.shape)
    volume = derive.read_volume(nifti(tmp_path / "m.nii", inside, ct.geometry, axes, flips), ct)
    np.testing.assert_array_equal(volume, inside)
    wanted = np.where(inside > 0, np.asarray(ct), -1000)
    np.testing.assert_array_equal(derive.build(ct, mask(volume)), wanted)


def test_a_leaning_stack_takes_its_own_grid(tmp_path):
    lean = make_series(ImagePositionPatient=lambda k: [-10.5, 20.25 + 0.5 * k, -30 + 2 * k])
    source = derive.read(saved(lean, tmp_path / "ct"))
    assert source.geometry.tilted
    inside = ball(source.geometry.shape)
    volume = derive.read_volume(nifti(tmp_path / "m.nii", inside, source.geometry), source)
    series = derive.build(source, mask(volume))
    series.write(tmp_path / "out")
    np.testing.assert_array_equal(
        series.volume.array, np.where(inside > 0, derive.build(source, mask(volume, threshold=-1)).volume.array, -1000)
    )
    assert derive.verify(tmp_path / "out", [tmp_path / "ct", tmp_path / "m.nii"]).verdict == "SAME"


def test_another_grid_is_refused_and_interpolated_on_request(ct, tmp_path):
    inside = ball(ct.geometry.shape)
    near = derive.read_volume(nifti(tmp_path / "near.nii", inside, ct.geometry, shift=(0.005, 0, 0)), ct)
    np.testing.assert_array_equal(derive.build(ct, mask(near)), np.where(inside > 0, np.asarray(ct), -1000))
    path = nifti(tmp_path / "far.nii", inside, ct.geometry, shift=(0.02, 0, 0))
    with raises_code("GEO-GRID", GeometryError):
        derive.build(ct, mask(derive.read_volume(path, ct)))
    derive.build(ct, mask(derive.read_volume(path, ct), align="resample")).write(tmp_path / "out")
    np.testing.assert_array_equal(derive.read(tmp_path / "out"), np.where(inside > 0, np.asarray(ct), -1000))
    assert derive.verify(tmp_path / "out", [tmp_path / "ct", path]).verdict == "SAME"


def test_numbers_of_which_nobody_says_the_units_are_no_hu(ct, tmp_path, capsys):
    values = np.asarray(ct) / 2
    path = nifti(tmp_path / "half.nii", values.astype(np.float32), ct.geometry)
    out = tmp_path / "out"
    command = ["subtract", str(tmp_path / "ct"), str(path), "-o", str(out)]
    assert main(command) == 5
    assert "half.nii are these says so: --other-units HU" in capsys.readouterr().err
    assert main([*command, "--other-units", "HU"]) == 0
    np.testing.assert_allclose(derive.read(out), np.asarray(ct) - values, atol=0.51)
    assert derive.verify(out, [tmp_path / "ct", path]).verdict == "SAME"
    product = derive.build(ct, multiply(derive.read_volume(path, ct)))
    np.testing.assert_allclose(product, np.asarray(ct) * values, rtol=1e-6)


def test_what_is_no_volume_at_a_place_is_refused(ct, tmp_path):
    np.save(tmp_path / "bare.npy", np.zeros(ct.geometry.shape))
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4, 2)), np.eye(4)), tmp_path / "times.nii")
    nifti(tmp_path / "inf.nii", np.full(ct.geometry.shape, np.inf, np.float32), ct.geometry)
    SimpleITK.WriteImage(
        SimpleITK.GetImageFromArray(np.zeros((4, 4, 4, 3), np.uint8), isVector=True), tmp_path / "rgb.mha"
    )
    refused = {
        "bare.npy": ("GEO-UNPLACED", GeometryError),
        "times.nii": ("GEO-4D", GeometryError),
        "inf.nii": ("VAL-NONFINITE", ValuesError),
        "rgb.mha": ("VAL-COLOUR", ValuesError),
        "none.nii": ("SRC-MISSING", SourceError),
    }
    for name in each(refused):
        with raises_code(*refused[name]):
            derive.read_volume(tmp_path / name, ct)


def test_another_file_is_not_taken_for_the_one_that_entered(ct, tmp_path):
    inside = ball(ct.geometry.shape)
    volume = derive.read_volume(nifti(tmp_path / "m.nii", inside, ct.geometry), ct)
    derive.build(ct, mask(volume), mask(volume, inverted=True, outside=0)).write(tmp_path / "out")
    nifti(tmp_path / "m.nii", inside[::-1], ct.geometry)
    assert derive.verify(tmp_path / "out", [tmp_path / "ct", tmp_path / "m.nii"]).verdict == "NOT-RECOMPUTABLE"
