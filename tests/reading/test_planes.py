"""Where the images of a stack lie: each as it says itself, and all as one geometry."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.errors import GeometryError
from tests.helpers.sources import OBLIQUE, make_series


def test_every_frame_has_the_plane_that_it_says_itself():
    """Cosines and spacings that are as good as one are kept as each image has them."""
    tiny = 4e-5
    datasets = make_series(cosines=OBLIQUE, PixelSpacing=lambda k: [1.25, 1.0 + tiny * (k == 2)])
    series = derive.read(datasets[::-1])
    assert len(series.frames) == 6
    for k, (frame, dataset) in enumerate(zip(series.frames, datasets, strict=True)):
        assert frame.reference.sop_instance_uid == dataset.SOPInstanceUID
        assert frame.plane.position == tuple(map(float, dataset.ImagePositionPatient))
        assert frame.plane.position == series.geometry.position(k)
        assert frame.plane.cosines == tuple(map(float, dataset.ImageOrientationPatient))
        assert frame.plane.pixel_spacing == (1.25, 1.0 + tiny * (k == 2))
    np.testing.assert_array_equal(series.geometry.affine[:3, 3], datasets[0].ImagePositionPatient)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_an_image_that_does_not_say_where_it_is_is_refused(keyword):
    datasets = make_series()
    del datasets[3][keyword]
    with pytest.raises(GeometryError) as error:
        derive.read(datasets)
    assert error.value.code == "GEO-MISSING"
    assert keyword in error.value.message
