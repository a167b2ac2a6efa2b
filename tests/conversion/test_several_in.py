"""A file of several volumes becomes a series that says what tells them apart, or a series each."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from tests.helpers import conversions as of
from tests.helpers.asserting import every, raises_code
from tests.helpers.commands import run
from tests.helpers.conversions import PATIENT, Placed
from tests.helpers.volumes import rotation

DWI = ["siemens_xa60_enh_7t", "siemens_xa61_enh_dwi"]
B_VALUES = (0.0, 1000.0, 1000.0, 2000.0)
VECTORS = np.array([(0, 0, 0), (0.6, 0, 0.8), (0, 1, 0), (0.6, 0, 0.8)]).T


def four_d(folder, count=4, *, left=False, name="v.nii.gz"):
    """An oblique file of several volumes whose voxels all differ."""
    values = np.stack([of.distinct((5, 6, 7), first=1000 * t) for t in range(count)], axis=-1)
    axes = rotation(20) @ np.diag([-1.0 if left else 1.0, 1.0, 1.0])
    placed = Placed(values, of.affine_of(axes, (2.0, 2.5, 3.0)))
    return of.save(folder / name, placed), placed


def by_weight(values, b_values, directions):
    """Volumes by b-value and direction in the patient."""
    return {
        (float(b), tuple(np.round(d, 4) + 0.0) if d is not None else None): v
        for v, b, d in zip(values, b_values, directions, strict=True)
    }


@pytest.mark.parametrize("name", DWI)
def test_what_dcm2niix_made_comes_in_with_its_b_values_and_directions(name, real, tmp_path):
    (path,) = real(name).glob("ref/*.nii.gz")
    assert (
        run("convert", path, "-o", tmp_path / "out", "--modality", "MR", "--patient-id", "P", "--patient-name", "A^B")
        == 0
    )
    back, source = derive.read(tmp_path / "out"), derive.read(real(f"{name}/dwi"))
    found, wanted = (
        by_weight([v.array for v in s.volumes], s.dimensions[0].values, s.dimensions[1].values) for s in (back, source)
    )
    assert found.keys() == wanted.keys()
    assert every(np.array_equal(found[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("columns", [False, True])
def test_directions_are_in_the_patient_whatever_the_order_of_the_voxels(columns, left, tmp_path):
    path, placed = four_d(tmp_path, left=left)
    np.savetxt(tmp_path / "v.bval", [B_VALUES], fmt="%g")
    np.savetxt(tmp_path / "v.bvec", VECTORS.T if columns else VECTORS, fmt="%.4f")
    report = derive.convert(path, modality="MR", patient=PATIENT).write(tmp_path / "out")
    series = derive.read(tmp_path / "out")
    assert [d.keyword for d in series.dimensions] == ["DiffusionBValue", "DiffusionGradientOrientation"]
    axes = placed.affine[:3, :3] / np.linalg.norm(placed.affine[:3, :3], axis=0)
    flipped = np.diag([-1 if np.linalg.det(axes) > 0 else 1, 1, 1])
    told = by_weight(range(4), series.dimensions[0].values, series.dimensions[1].values)
    wanted = by_weight(range(4), B_VALUES, [d if d.any() else None for d in (axes @ flipped @ VECTORS).T])
    assert told.keys() == wanted.keys()
    for key, number in wanted.items():
        one = Placed(placed.values[..., number], placed.affine)
        volume = series.volumes[told[key]]
        of.assert_alike(Placed(volume.array.transpose(), volume.geometry.affine[:, [2, 1, 0, 3]]), one)
    assert not [f for f in report.findings if f.severity == "error"]
    assert "DiffusionBValue" in {e.keyword for e in derive.convert(path, modality="MR", patient=PATIENT).explained()}


def test_volumes_that_were_measured_twice_are_counted(tmp_path):
    path, _ = four_d(tmp_path)
    (tmp_path / "v.bval").write_text("0 0 1000 1000\n")
    derive.convert(path, modality="MR", patient=PATIENT).write(tmp_path / "out")
    series = derive.read(tmp_path / "out")
    assert len(series.volumes) == 4
    assert series.dimensions[0].values == (0, 0, 1000, 1000)


BAD = {
    "of other volumes": (".bval", "0 1000 1000", "SRC-BESIDE"),
    "no numbers": (".bval", "0 a b c", "SRC-DAMAGED"),
    "two rows": (".bval", "0 0 0 0\n1 1 1 1", "SRC-DAMAGED"),
    "not finite": (".bval", "0 nan 0 0", "SRC-DAMAGED"),
    "directions of other volumes": (".bvec", "0 1\n0 0\n1 0", "SRC-BESIDE"),
    "directions of no length": (".bvec", "0 .5 1 1\n0 0 0 0\n0 0 0 0", "SRC-DAMAGED"),
    "ragged": (".bvec", "0 1 1 1\n0 0 0\n0 0 0 0", "SRC-DAMAGED"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_lies_beside_and_does_not_fit_is_refused_by_its_name(name, tmp_path):
    suffix, text, code = BAD[name]
    path, _ = four_d(tmp_path)
    (tmp_path / "v.bval").write_text("0 1000 1000 2000\n")
    (tmp_path / f"v{suffix}").write_text(text)
    with raises_code(code) as caught:
        _ = derive.convert(path, modality="MR", patient=PATIENT).frames
    assert f"v{suffix}" in str(caught.value)


def test_a_ct_of_several_times_is_a_series_each_of_one_study(tmp_path):
    path, placed = four_d(tmp_path, 3)
    series = derive.convert(path, modality="CT", patient=PATIENT, values="scale=1,-1024")
    report = series.write(tmp_path / "out")
    assert len(report.series) == 3
    headers = [pydicom.dcmread(next(f.glob("*.dcm"))) for f in sorted((tmp_path / "out").iterdir())]
    assert len({h.SeriesInstanceUID for h in headers}) == 3
    assert len({(h.StudyInstanceUID, h.FrameOfReferenceUID) for h in headers}) == 1
    for number, folder in enumerate(sorted((tmp_path / "out").iterdir())):
        one = Placed(placed.values[..., number].astype(float) - 1024, placed.affine)
        of.assert_alike(of.dicom_by_derive(folder), one)


def test_times_are_said_only_of_frames_that_have_them(tmp_path):
    path, _ = four_d(tmp_path, 3)
    for modality, options in (("MR", {}), ("CT", {"values": "scale=1,-1024"})):
        with raises_code("OPT-FRAMETIMES"):
            _ = derive.convert(path, modality=modality, patient=PATIENT, frame_times=(0, 1, 2, 3), **options).frames
