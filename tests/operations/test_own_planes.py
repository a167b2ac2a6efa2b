"""Crop, pad and resample of images that lie in no patient: each in its plane, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread

import derive
from derive.errors import GeometryError
from derive.operations import crop, pad, resample
from tests.helpers.asserting import raises_code
from tests.helpers.cines import make_cine, stored_of
from tests.helpers.enhanced import assert_accepted, saved


def result_of(source, step, folder):
    derive.build(derive.read(source), step).write(folder)
    (path,) = folder.glob("*.dcm")
    assert_accepted(source, folder)
    return dcmread(path)


@pytest.fixture
def source(tmp_path):
    return saved(tmp_path / "source", make_cine())


def test_a_crop_has_the_pixels_of_its_box_and_the_spacing_of_its_source(source, tmp_path):
    result = result_of(source, crop(from_voxel=(2, 3, 0), to_voxel=(9, 10, 0)), tmp_path / "out")
    np.testing.assert_array_equal(result.pixel_array, stored_of()[:, 3:11, 2:10])
    assert (list(result.ImagerPixelSpacing), result.NumberOfFrames, result.FrameTime) == ([0.3, 0.2], 8, 40)
    assert result.DerivationCodeSequence[0].CodeValue == "113077"


def test_space_is_put_around_each_frame_and_none_behind_it(source, tmp_path):
    result = result_of(source, pad(by_mm=0.6, fill=7), tmp_path / "out")
    np.testing.assert_array_equal(result.pixel_array, np.pad(stored_of(), ((0, 0), (2, 2), (3, 3)), constant_values=7))


@pytest.mark.parametrize("spacing", [0.6, (0.6, 0.6, 5.0)], ids=["one", "three"])
def test_each_frame_is_resampled_in_its_plane(spacing, source, tmp_path):
    result = result_of(source, resample(spacing_mm=spacing, interpolator="nearest"), tmp_path / "out")
    assert (result.NumberOfFrames, result.Rows, result.Columns) == (8, 6, 5)
    assert list(result.ImagerPixelSpacing) == [0.6, 0.6]
    rows, columns = (np.arange(6) * 2 + 0.5).astype(int), np.arange(5) * 3 + 1
    found = result.pixel_array
    below, above = stored_of()[:, rows][:, :, columns[:4]], stored_of()[:, rows + 1][:, :, columns[:4]]
    assert ((found[:, :, :4] == below) | (found[:, :, :4] == above)).all()  # half-way between two rows


REFUSED = {
    "crop": crop(from_mm=(0, 0, 0), to_mm=(1, 1, 0)),
    "pad": pad(from_mm=(0, 0, 0), to_mm=(9, 9, 0)),
    "resample": resample(reference=derive.read(make_cine()).geometry),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_place_in_the_patient_is_refused_by_name(name, source):
    with raises_code("GEO-PLANE", GeometryError):
        derive.build(derive.read(source), REFUSED[name])


def test_lengths_are_refused_where_pixels_have_no_size(tmp_path):
    unsized = derive.read(make_cine(ImagerPixelSpacing=None))
    for step in (resample(spacing_mm=1.0), pad(by_mm=1.0)):
        with raises_code("GEO-SIZE", GeometryError):
            derive.build(unsized, step)
    derive.build(unsized, crop(from_voxel=(0, 0, 0), to_voxel=(4, 4, 0))).write(tmp_path / "out")
    (path,) = (tmp_path / "out").glob("*.dcm")
    assert dcmread(path).Rows == 5
