"""Real stacks that lean or have gaps: rectified as other tools do it, or left exactly where they are."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import SimpleITK
from scipy.ndimage import map_coordinates

import derive
from derive.model.stacking import stacked
from derive.operations import gaussian_blur, rectify, resample
from derive.records.verify import verify
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.conversions import tool
from tests.helpers.source_files import in_order

TILTED, GAPPED = "ct_ge_tilt_irregular_28", "ct_missing_slice_ge_4"
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def even_run(real, tmp_path_factory):
    """The folder of the slices of the tilted head that lie even, 7 mm apart."""
    folder = tmp_path_factory.mktemp("even")
    series = derive.read(real(TILTED))
    along = [np.dot(p, series.geometry.normal) for p in series.geometry.measured_positions]
    kept = [k for k in range(1, len(along)) if along[k] - along[k - 1] > 6]
    for k in each(kept):
        shutil.copy(series.frames[k].path, folder)
    return folder


def rectified(folder, **parameters):
    return derive.build(derive.read(folder), rectify(**parameters)).volume


def test_a_tilted_stack_is_the_volume_that_dcm2niix_corrects(even_run, tmp_path):
    command = [tool("dcm2niix"), "-b", "n", "-z", "n", "-f", "out", "-o", str(tmp_path), str(even_run)]
    subprocess.run(command, check=True, capture_output=True)
    (name,) = [p for p in tmp_path.glob("*.nii") if "Tilt" in p.name]
    image, ours = nibabel.load(name), rectified(even_run)
    theirs = np.asarray(image.dataobj, dtype=np.float64)
    assert theirs.shape[2] == ours.shape[0] == len(list(even_run.iterdir()))
    to_index = np.linalg.inv(image.affine) @ LPS_TO_RAS @ ours.geometry.affine
    rows, columns = np.meshgrid(np.arange(60, 500), np.arange(60, 450), indexing="ij")
    off, compared = [], 0
    for k in range(ours.shape[0]):
        points = np.stack([np.full(rows.shape, k), rows, columns, np.ones(rows.shape)], axis=-1) @ to_index.T
        near = np.round(points[..., :3])
        assert np.abs(points[..., :3] - near).max() < 0.02  # one grid, but for whole pixels
        i, j, n = np.moveaxis(near.astype(int), -1, 0)
        inside = (i >= 0) & (i < theirs.shape[0]) & (j >= 0) & (j < theirs.shape[1])
        values = theirs[i[inside], j[inside], n[inside]]
        mine = ours.array[k][60:500, 60:450][inside]
        held = (values > -1000) & (mine > -1000)
        off.append(np.abs(values - mine)[held])
        compared += int(held.sum())
    assert compared > 500_000
    assert np.quantile(np.concatenate(off), 0.99) <= 0.5


def test_all_uneven_slices_are_nearer_to_what_was_measured_than_those_of_dcm2niix(real, tmp_path):
    """Of uneven slices it makes even ones first (``_Tilt_Eq``): the same first and last, others between as many."""
    command = [tool("dcm2niix"), "-b", "n", "-z", "n", "-f", "out", "-o", str(tmp_path), str(real(TILTED))]
    subprocess.run(command, check=True, capture_output=True)
    (name,) = [p for p in tmp_path.glob("*.nii") if "Tilt_Eq" in p.name]
    theirs = np.asarray(nibabel.load(name).dataobj, dtype=np.float64).transpose(2, 1, 0)[:, ::-1]
    source = stacked(derive.read(real(TILTED)), uneven=True).volumes[0]
    ours = rectified(real(TILTED), max_gap_mm=7)
    assert theirs.shape[1:] == ours.shape[1:]
    places, grid = np.array(source.geometry.measured_positions), source.geometry
    length = float((places[-1] - places[0]) @ np.array(grid.normal))
    rows, columns = np.meshgrid(np.arange(100, 420, 3), np.arange(100, 420, 3), indexing="ij")
    in_plane = np.multiply.outer(rows, np.array(grid.column_cosines) * grid.pixel_spacing[0])
    in_plane += np.multiply.outer(columns, np.array(grid.row_cosines) * grid.pixel_spacing[1])
    off = []
    for k in range(source.shape[0]):
        points = places[k] + in_plane
        at = np.moveaxis(ours.geometry.index_of(points), -1, 0)
        through = at[0] * ours.geometry.slice_spacing / length * (theirs.shape[0] - 1)
        each_of = ((ours.array, at[0]), (theirs, through))
        both = [map_coordinates(a, [z, *at[1:]], order=1, mode="nearest") for a, z in each_of]
        off.append([float(np.median(np.abs(values - source.array[k][rows, columns]))) for values in both])
    assert max(off[0]) <= 0.5
    assert max(off[-1][1:]) <= 0.5
    mine, other = np.mean(off, axis=0)
    assert mine < other


def test_a_tilted_stack_is_what_simpleitk_resamples_of_the_same_lattice(even_run):
    series = derive.read(even_run)
    source = stacked(series, uneven=True).volumes[0]
    step = np.array(source.geometry.slice_step)
    image = SimpleITK.GetImageFromArray(source.array)
    image.SetOrigin(source.geometry.first_position)
    image.SetSpacing((*source.geometry.pixel_spacing[::-1], float(np.linalg.norm(step))))
    axes = [source.geometry.row_cosines, source.geometry.column_cosines, step / np.linalg.norm(step)]
    image.SetDirection(np.array(axes).T.ravel().tolist())
    ours = rectify()(source)
    grid = SimpleITK.Image([int(n) for n in ours.shape[::-1]], SimpleITK.sitkFloat32)
    grid.SetOrigin(ours.geometry.first_position)
    grid.SetSpacing(ours.geometry.spacing[::-1])
    grid.SetDirection(np.array([*axes[:2], ours.geometry.normal]).T.ravel().tolist())
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(image, grid, SimpleITK.Transform(), SimpleITK.sitkLinear, -4000.0)
    )
    both = (theirs > -3999) & (ours.array != source.quantity.fill)
    assert both.sum() > 0.9 * np.isfinite(source.array).sum()  # what is no padding
    assert np.abs(theirs - ours.array)[both].max() < 0.05


def test_the_whole_head_is_one_regular_volume_and_verified(real, tmp_path):
    series = derive.build(derive.read(real(TILTED)), rectify(max_gap_mm=7.5), resample(spacing_mm=4))
    report = series.write(tmp_path / "out")
    again = derive.read(tmp_path / "out")
    assert again.uneven is None
    assert every(v is None for v in again.values("GantryDetectorTilt"))
    assert "found='18.50 degrees, 23 of 37 planes between slices'" in again.text("DerivationDescription")
    assert [c.CodeValue for c in again.value("DerivationCodeSequence")][-2:] == ["113085", "113085"]
    assert not [f for f in report.findings if f.severity == "error"]
    assert verify(tmp_path / "out", real(TILTED)).same


def test_slices_that_stay_have_the_very_positions_of_the_source(real, tmp_path):
    for name in each((TILTED, GAPPED), at_least=2):
        source = derive.read(real(name))
        target = tmp_path / name
        report = derive.build(source, gaussian_blur(sigma_mm=1, in_planes=True)).write(target)
        result = derive.read(target)
        assert result.geometry.measured_positions == source.geometry.measured_positions
        assert result.uneven.code == source.uneven.code
        assert {f.code for f in report.findings if "SERIES" in f.code} >= {"CHK-SERIES-GAP"}
        assert verify(target, real(name)).same


def test_a_missing_slice_is_filled_where_that_is_said(real):
    folder = real(GAPPED)
    with raises_code("GEO-GAP"):
        derive.build(derive.read(folder), rectify())
    volume, source = rectified(folder, max_gap_mm=10), derive.read(folder)
    there = stacked(source, uneven=True).volumes[0]
    lies = volume.geometry.index_of(source.geometry.measured_positions)[:, 0].round().astype(int)
    np.testing.assert_array_equal(volume.array[lies], there.array)
    (made,) = set(range(volume.shape[0])) - set(lies.tolist())
    np.testing.assert_allclose(volume.array[made], (volume.array[made - 1] + volume.array[made + 1]) / 2, atol=1e-3)


def test_who_needs_an_even_stack_says_the_files_and_what_helps(real):
    series = derive.read(real(TILTED))
    for use in each(
        (lambda: derive.stack(series), lambda: series.volumes, lambda: derive.build(series, resample(spacing_mm=2)))
    ):
        with raises_code("GEO-TILT") as caught:
            use()
        assert "01.dcm" in caught.value.message
        assert "rectify" in caught.value.message


def test_a_regular_stack_is_not_said_to_be_rectified(real):
    series = derive.build(derive.read(in_order(real("ct_small_ge_3"))), rectify(), gaussian_blur(sigma_mm=1))
    assert series.derivation.description == "gaussian_blur(sigma_mm=1)"


def test_a_grid_that_leans_is_none_to_resample_to(real):
    reference, series = derive.read(real(TILTED)), derive.read(real("ct_small_ge_3"))
    with raises_code("GEO-TILT"):
        derive.build(series, resample(reference=replace(reference)))
