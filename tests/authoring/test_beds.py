"""PET of several beds: what was measured at a bed is that of one frame, the one that Frame Reference Time is of."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, mean_projection, minip, mip, resample
from tests.helpers.asserting import each, every
from tests.helpers.sources import make_series

#: Slices 0 to 3 are of the second bed, 4 to 7 of the first: the later a bed, the larger its factor.
BEDS = {
    "FrameReferenceTime": lambda k: 180000.0 if k < 4 else 60000.0,
    "DecayFactor": lambda k: 1.021 if k < 4 else 1.007,
}
MIXED = [
    gaussian_blur(sigma_mm=2.0),
    resample(spacing_mm=1.5),
    resample(spacing_mm=(2.0, 2.0, 3.0), interpolator="lanczos"),
    mip(slab_mm=6.0),
    minip(),
    mean_projection(plane="coronal"),
]


@pytest.mark.parametrize("step", MIXED, ids=str)
def test_every_image_has_the_decay_factor_of_the_frame_that_its_time_is_of(step, tmp_path):
    source = derive.read(make_series("PT", 8, **BEDS))
    derive.build(source, step).write(tmp_path / "out")
    images = each(pydicom.dcmread(path) for path in sorted((tmp_path / "out").iterdir()))
    assert every(
        (float(d.FrameReferenceTime), float(d.DecayFactor)) in ((180000, 1.021), (60000, 1.007)) for d in images
    )
    assert every(float(d.FrameReferenceTime) == 60000 for d in images if crosses(d, source))
    assert derive.check(tmp_path / "out").findings == ()


def crosses(image, source) -> bool:
    """Whether images of both beds contributed."""
    places = {r.sop_instance_uid: k for k, r in enumerate(source.references)}
    return len({places[i.ReferencedSOPInstanceUID] < 4 for i in image.SourceImageSequence}) == 2


def test_two_frames_of_one_time_give_the_first(tmp_path):
    beds = {"FrameReferenceTime": 0.0, "DecayFactor": lambda k: 1.01 + k / 1000}
    derive.build(derive.read(make_series("PT", 4, **beds)), mip()).write(tmp_path / "out")
    (image,) = (pydicom.dcmread(path) for path in (tmp_path / "out").iterdir())
    assert float(image.DecayFactor) == 1.01


def test_of_gates_of_several_lengths_the_longest_is_said():
    gates = {
        "SeriesType": ["GATED", "IMAGE"],
        "TriggerTime": 0,
        "FrameTime": lambda k: 100 + k,
        "BeatRejectionFlag": "N",
    }
    made = next(derive.build(derive.read(make_series("PT", 8, **BEDS, **gates)), mip()).instances())
    assert made.FrameTime == 107
