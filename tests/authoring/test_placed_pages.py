"""Pages of Secondary Capture that lie in a patient: functional groups say where (PS3.3 A.8.3 to A.8.5)."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from tests.helpers.asserting import each
from tests.helpers.captures import FORMS, MULTI, convert, noise, pixels
from tests.helpers.enhanced import groups_of, written
from tests.helpers.peers import dciodvfy_errors


def placed(pages: np.ndarray) -> sitk.Image:
    """Pages as an image that lies somewhere."""
    image = sitk.GetImageFromArray(pages, isVector=pages.ndim == 4)
    image.SetSpacing((1.0, 1.25, 2.5))
    image.SetOrigin((-10.5, 20.25, -30.0))
    return image


@pytest.mark.parametrize("form", [form for form in FORMS if form != "bits"])
def test_pages_that_lie_somewhere_say_where(form, tmp_path):
    pages = noise(form, 4, 7, 9)
    report = convert(placed(pages), MULTI).write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert dataset.SOPClassUID == FORMS[form][0]
    assert not dciodvfy_errors(report.files)
    np.testing.assert_array_equal(pixels([dataset], MULTI), pages)
    assert dataset.FrameOfReferenceUID
    assert "DimensionIndexSequence" not in dataset
    positions = []
    for groups in each(groups_of(dataset), at_least=4):
        assert (*groups.PixelMeasuresSequence[0].PixelSpacing,) == (1.25, 1.0)
        assert (*groups.PlaneOrientationSequence[0].ImageOrientationPatient,) == (1, 0, 0, 0, 1, 0)
        positions.append((*groups.PlanePositionSequence[0].ImagePositionPatient,))
    assert positions == [(-10.5, 20.25, -30 + 2.5 * k) for k in range(4)]
    assert report.geometry_error_mm < 1e-6
    image = sitk.ReadImage(str(report.files[0]))
    assert image.GetSize() == (9, 7, 4)
    np.testing.assert_allclose(image.GetOrigin(), (-10.5, 20.25, -30.0))


def test_pages_that_lie_nowhere_stay_pages(tmp_path):
    convert(noise("bytes", 4, 7, 9), MULTI).write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert "SharedFunctionalGroupsSequence" not in dataset
    assert "FrameOfReferenceUID" not in dataset


def test_pages_on_the_grid_of_a_series_are_in_its_space(real, tmp_path):
    reference = derive.read(real("ct_small_ge_3"))
    grid = reference.geometry
    image = sitk.GetImageFromArray(np.full(grid.shape, 200, np.uint8))
    image.SetSpacing((*grid.pixel_spacing[::-1], grid.slice_spacing))
    image.SetOrigin(grid.first_position)
    image.SetDirection(np.stack([grid.row_cosines, grid.column_cosines, grid.normal], axis=1).ravel().tolist())
    convert(image, MULTI, reference=reference).write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert dataset.FrameOfReferenceUID == grid.frame_of_reference_uid
    for index, groups in enumerate(each(groups_of(dataset), at_least=3)):
        position = groups.PlanePositionSequence[0].ImagePositionPatient
        np.testing.assert_allclose(position, grid.position(index), atol=1e-4)
