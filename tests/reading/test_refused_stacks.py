"""Images that are not one even stack are refused, each by its code."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from tests.helpers.refusals import CT, only, refused
from tests.helpers.source_files import copied, in_order, resized, save
from tests.helpers.sources import make_series


def moved(move):
    """Return a change of positions: `move(index) -> (x, y, z)` mm."""

    def change(dataset, index):
        position = np.array(dataset.ImagePositionPatient, dtype=float) + move(index)
        dataset.ImagePositionPatient = [f"{v:.4f}" for v in position]

    return change


# What is not one volume


def test_tilt(real):
    error = refused(real("ct_ge_tilt_irregular_28"), "GEO-TILT")
    assert error.facts["degrees"] == pytest.approx(18.5, abs=0.01)


@pytest.mark.parametrize("degrees", [0.2, -0.2, 3.0])
def test_small_tilts_are_found(changed, degrees):
    files = changed(moved(lambda i: (0, 3.27 * i * np.tan(np.radians(degrees)), 0)), count=20)
    assert refused(files, "GEO-TILT").facts["degrees"] == pytest.approx(abs(degrees), abs=0.01)


def test_a_missing_slice(real):
    error = refused(real("ct_missing_slice_ge_4"), "GEO-GAP")
    assert error.facts["gap_mm"] == pytest.approx(10, abs=1e-3)
    assert error.facts["expected_mm"] == pytest.approx(5, abs=1e-3)
    for name in error.facts["files"]:
        assert name in error.message


@pytest.mark.parametrize(("count", "missing"), [(48, 1), (48, 46), (48, 20), (4, 1), (4, 2)])
def test_any_single_missing_slice_is_found(real, tmp_path, count, missing):
    files = copied(in_order(real(CT))[:count], tmp_path / "s")
    files.pop(missing)
    error = refused(files, "GEO-GAP")
    assert error.facts["files"] == [f"{missing - 1:03d}.dcm", f"{missing + 1:03d}.dcm"]


def test_uneven_spacing(changed):
    error = refused(changed(moved(lambda i: (0, 0, 0.15 * i * i)), count=8), "GEO-SPACING")
    assert error.facts["least_mm"] == pytest.approx(3.42, abs=1e-3)
    assert error.facts["most_mm"] == pytest.approx(3.27 + 0.15 * 13, abs=1e-3)


def test_a_spacing_that_changes_half_way(changed):
    refused(changed(moved(lambda i: (0, 0, 0.05 * max(0, i - 6))), count=12), "GEO-SPACING")


def test_a_slice_that_lies_to_the_side(changed):
    error = refused(changed(moved(lambda i: (2.0 * (i == 3), 0, 0)), count=8), "GEO-SHIFT")
    assert error.facts["files"] == ["003.dcm"]


def test_images_at_one_position(real):
    error = refused(real("ct_duplicate_pos_siemens_4"), "GEO-DUPLICATE")
    assert len(error.facts["files"]) == 4


def test_a_slice_twice_under_another_uid(changed):
    files = changed(lambda d, i: None)
    dataset = pydicom.dcmread(files[1])
    dataset.SOPInstanceUID = "2.999.1"
    save(dataset, files[0].parent / "again.dcm")
    series = derive.read(files[0].parent)
    assert series.geometry.shape[0] == len(files)
    assert [(s.name, s.reason) for s in series.skipped] == [("again.dcm", "the place and the pixels of 001.dcm")]
    assert [(r.code, r.names) for r in series.remarks if r.code == "SRC-COPY"] == [("SRC-COPY", ("again.dcm",))]


def test_a_slice_twice_with_other_pixels(changed):
    files = changed(lambda d, i: None)
    dataset = pydicom.dcmread(files[1])
    dataset.SOPInstanceUID = "2.999.1"
    dataset.PixelData = dataset.PixelData[:-2] + b"\x01\x02"
    save(dataset, files[0].parent / "again.dcm")
    assert refused(files[0].parent, "GEO-DUPLICATE").facts["files"] == ["001.dcm", "again.dcm"]


@pytest.mark.parametrize("off_mm", [0.7, 3.5])
def test_volumes_between_each_other_are_no_uneven_stack(off_mm):
    def position(k):
        return [0.0, 0.0, 5.0 * (k % 6) + off_mm * (k // 6)]

    series = make_series("PT", count=12, ImagePositionPatient=position, FrameReferenceTime=lambda k: 1000.0 * (k // 6))
    error = refused(series, "GEO-4D")
    assert error.facts["off_mm"] == pytest.approx(off_mm)
    assert "FrameReferenceTime" in error.message


def test_a_volume_that_lacks_an_image(real):
    error = refused(real("mr_siemens_multiecho"), "GEO-4D")
    assert (error.facts["positions"], error.facts["images"]) == (3, 7)
    assert error.facts["varying"] == ["EchoTime"]
    assert "EchoTime 40 has 2" in error.message


def test_orientation_differs(real, changed):
    refused(real("pydicom_test_files/test_files/dicomdirtests/98892003/MR700"), "GEO-ORIENTATION")
    error = refused(changed(only(2, ImageOrientationPatient=[0, 1, 0, 0, 0, 1])), "GEO-ORIENTATION")
    assert "(3 images, e.g. 000.dcm)" in error.message
    assert "(1 image, e.g. 002.dcm)" in error.message


def test_cosines_that_are_none(changed):
    refused(changed(lambda d, i: d.__setattr__("ImageOrientationPatient", [1, 0, 0, 1, 0, 0])), "GEO-COSINES")


def test_matrix_differs(changed):
    def crop(dataset, index):
        if index == 2:
            resized(dataset, 100, 100)

    assert "100 x 100 (1 image, e.g. 002.dcm)" in refused(changed(crop), "GEO-MATRIX").message


def test_pixel_spacing_differs(changed):
    assert "0.98 x 0.98 mm" in refused(changed(only(2, PixelSpacing=[0.98, 0.98])), "GEO-PIXELS").message


def test_frame_of_reference_differs(changed):
    assert "1.2.3" in refused(changed(only(2, FrameOfReferenceUID="1.2.3")), "GEO-FOR").message


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_planes_that_are_not_stated(changed, keyword):
    error = refused(changed(only(1, **{keyword: None})), "GEO-MISSING")
    assert "001.dcm" in error.message
    assert keyword in error.message


def test_a_plane_stated_by_words(changed):
    def spoil(dataset, index):
        dataset._dict[pydicom.tag.Tag("PixelSpacing")] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag("PixelSpacing"), "DS", 8, b"wide\\big", 0, False, True
        )

    refused(changed(spoil), "GEO-MISSING")


def test_a_single_image_of_unknown_thickness(changed):
    refused(changed(only(0, SliceThickness=None), count=1), "GEO-SINGLE")
