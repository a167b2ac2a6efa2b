"""Image Orientation (Patient) that differs a little or is rounded: read, written orthonormal, and said."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.model.orientation import skew_of
from derive.operations import gaussian_blur, mip, resample
from tests.conftest import DATA
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.sources import make_series

#: Rows of 5 and columns of 6 pixels: the corners are a few mm from the first pixel.
OBLIQUE = [0.80901699, 0.58778525, 0.0, -0.1227878, 0.16900290, 0.97793705]


def series(orientation, modality="CT"):
    return make_series(modality, ImageOrientationPatient=orientation)


def turned(angle):
    """Rows and columns of each second slice turned in their plane, the others the other way."""

    def of(index):
        a = angle * (-1 if index % 2 else 1)
        return [round(v, 9) for v in (np.cos(a), np.sin(a), 0, -np.sin(a), np.cos(a), 0)]

    return of


def written(datasets, folder, *steps):
    report = derive.build(derive.read(datasets), *(steps or [gaussian_blur(sigma_mm=0.4)])).write(folder)
    return report, [pydicom.dcmread(f) for f in report.files]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("angle", [1e-5, 2e-4, 2e-3])
def test_orientations_that_differ_a_little_are_one(angle, modality, tmp_path):
    report, made = written(series(turned(angle), modality), tmp_path / "o")
    for dataset in each(made, 6):
        assert list(dataset.ImageOrientationPatient) == list(made[0].ImageOrientationPatient)
        np.testing.assert_allclose(dataset.ImageOrientationPatient, [1, 0, 0, 0, 1, 0], atol=1e-9)
    rows, columns = made[0].Rows - 1, made[0].Columns - 1
    far = np.hypot(rows * made[0].PixelSpacing[0], columns * made[0].PixelSpacing[1])
    assert report.geometry_error_mm == pytest.approx(angle * far, rel=0.05, abs=1e-4)
    assert derive.check(tmp_path / "o").ok()


def test_their_order_does_not_matter(tmp_path):
    datasets = series(turned(1e-3))
    found = [derive.read(order).geometry for order in (datasets, datasets[::-1], datasets[3:] + datasets[:3])]
    assert found[0] == found[1] == found[2]


def test_the_distance_is_said_for_a_new_grid_too(tmp_path):
    for name, step in (("mip", mip(slab_mm=4)), ("resample", resample(spacing_mm=1.5))):
        report, made = written(series(turned(2e-3)), tmp_path / name, step)
        assert 0.005 < report.geometry_error_mm < 0.05
        assert skew_of(made[0].ImageOrientationPatient[:3], made[0].ImageOrientationPatient[3:]) < 1e-9


@pytest.mark.parametrize("angle", [0.012, 0.05, 1.0])
def test_orientations_that_differ_by_more_are_refused_with_the_distance(angle):
    with raises_code("GEO-ORIENTATION") as caught:
        derive.read(series(turned(angle)))
    off = caught.value.facts["off_mm"]
    assert f"{off:.3g} mm" in str(caught.value)
    assert off > 0.05 or angle < 0.02


@pytest.mark.parametrize("digits", [3, 4, 5])
def test_rounded_cosines_are_normalised_when_written(digits, tmp_path):
    rounded = [round(v, digits) for v in OBLIQUE]
    datasets = series(rounded)
    for dataset in datasets:
        place(dataset, rounded)
    report, made = written(datasets, tmp_path / "o")
    for dataset in each(made, 6):
        cosines = np.array(dataset.ImageOrientationPatient, dtype=float)
        assert skew_of(cosines[:3], cosines[3:]) < 1e-9
        assert np.abs(cosines - OBLIQUE).max() < 2 * 10.0**-digits
    assert report.geometry_error_mm <= 0.05
    assert derive.check(tmp_path / "o").ok()


def place(dataset, cosines):
    """Put a slice on the normal of the others."""
    normal = np.cross(cosines[:3], cosines[3:])
    at = 2.0 * dataset.InstanceNumber * normal / np.linalg.norm(normal)
    dataset.ImagePositionPatient = [round(float(v), 6) for v in at]


def test_good_cosines_are_written_as_they_were_read(tmp_path):
    said = [round(v, 6) for v in OBLIQUE]
    datasets = series(said)
    for dataset in datasets:
        place(dataset, said)
    _, made = written(datasets, tmp_path / "o")
    for dataset in each(made, 6):
        assert [float(v) for v in dataset.ImageOrientationPatient] == said


@pytest.mark.parametrize("cosines", [[1, 0, 0, 1, 0, 0], [1.5, 0, 0, 0, 1, 0], [0] * 6, [1, 0.03, 0, 0, 1, 0]])
def test_rows_and_columns_that_are_no_orientation_are_refused_with_the_distance(cosines):
    with raises_code("GEO-COSINES") as caught:
        derive.read(series(cosines))
    assert f"{caught.value.facts['off_mm']:.3g} mm" in str(caught.value)


def test_cosines_of_three_decimals_are_read_over_a_large_field_and_the_report_says_how_far(tmp_path):
    said = [round(v, 3) for v in OBLIQUE]
    report, made = written(make_series("CT", cosines=(said[:3], said[3:]), spacing=(40.0, 40.0)), tmp_path / "o")
    assert 0.05 < report.geometry_error_mm < 0.15
    for dataset in each(made, 6):
        assert skew_of(dataset.ImageOrientationPatient[:3], dataset.ImageOrientationPatient[3:]) < 1e-8
        np.testing.assert_allclose(dataset.ImageOrientationPatient, said, atol=1e-3)


def test_one_slice_that_is_skewed_is_named():
    with raises_code("GEO-COSINES") as caught:
        derive.read(series(lambda k: [1, 0, 0, 0.2 * (k == 2), 1, 0]))
    assert len(caught.value.facts["files"]) == 1


@pytest.mark.parametrize(
    ("cosines", "code"),
    [
        ([1, 0, 0, 0, 0.9999, 0.01], "CHK-IOP-ROUNDED"),
        ([0.9995, 0, 0, 0, 1, 0], "CHK-IOP-ROUNDED"),
        ([1, 0, 0, 1e-4, 1, 0], "CHK-IOP-ROUNDED"),
        ([0.99, 0, 0, 0, 1, 0], "CHK-IOP"),
        ([1, 0, 0, 0.1, 1, 0], "CHK-IOP"),
        ([0.707107, 0.707107, 0, 0, 0, -1], None),
    ],
)
def test_the_check_finds_cosines_that_are_not_orthonormal(cosines, code, tmp_path):
    for index, dataset in enumerate(series(cosines)):
        place(dataset, cosines)
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    found = [f for f in derive.check(tmp_path).findings if f.code.startswith("CHK-IOP")]
    assert [f.code for f in found] == ([code] * 6 if code else [])
    assert every(("mm at the corners" in f.message for f in found), len(found))


def test_the_case_of_a_real_scanner(tmp_path):
    case = DATA.parent / "cases" / "20-iop-differs-2e-4"
    if not case.exists():
        pytest.skip(f"{case} is not there")
    report = derive.build(derive.read(case), gaussian_blur(sigma_mm=0.4)).write(tmp_path / "o")
    assert 0.001 < report.geometry_error_mm < 0.05
    assert derive.check(tmp_path / "o").ok()
