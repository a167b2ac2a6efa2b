"""Derived multi-frame PET has one slope for all frames: readers that know of one read it right."""

from __future__ import annotations

import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from derive.operations import gaussian_blur
from tests.helpers.multi_frame import multi_frame


def test_a_reader_that_takes_the_slope_of_the_first_frame_reads_all_of_them(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    multi_frame("PT", slices=6, slope=lambda spot: 1.0 + 2 * spot.slice).save_as(
        source / "pet.dcm", enforce_file_format=True
    )
    (path,) = derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out").files
    wanted = np.asarray(derive.read(tmp_path / "out"))
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-3)
    (transformation,) = pydicom.dcmread(path).SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    assert transformation.RescaleIntercept == 0
    assert derive.verify(tmp_path / "out", source).same
