"""An instance of many frames: its pixels come from aside, and each frame lies where it was computed to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
import pydicom
import pytest

from derive.authoring.order import AuthoredInstance, Frame
from derive.elements.datasets import from_dataset, to_dataset
from derive.elements.encoding import encode
from derive.model.geometry import Plane, triple
from derive.pixels import shared
from derive.pixels.encode import Encoding, as_they_are
from derive.pixels.spool import Spool
from derive.writing.filing import Writer
from derive.writing.part10 import file_meta, name_of
from derive.writing.places import Places
from tests.helpers.asserting import raises_code
from tests.helpers.multi_frame import frames_items, multi_frame, shared_item

FORM = {"slices": 5, "shape": (12, 14)}


@dataclass(frozen=True)
class Lying:
    """Frames that know where they are, and nothing else."""

    planes: tuple[Plane, ...]

    def plane(self, index):
        return self.planes[index]


def planes_of(dataset):
    common = shared_item(dataset)
    return tuple(plane_of(common, own) for own in frames_items(dataset))


def plane_of(common, own):
    def said(keyword):
        return (own if keyword in own else common)[keyword].value[0]

    cosines = said("PlaneOrientationSequence").ImageOrientationPatient
    position = said("PlanePositionSequence").ImagePositionPatient
    spacing = said("PixelMeasuresSequence").PixelSpacing
    return Plane(triple(position), triple(cosines[:3]), triple(cosines[3:]), tuple(map(float, spacing)))


def made_of(dataset):
    """The instance as it would be in the making: its pixels wait aside."""
    stored = dataset.pixel_array
    waiting = Spool()
    for frame in stored:
        waiting.add(frame)
    encoded = replace(as_they_are(stored[0]), encoding=Encoding(1.0, 0.0, False))
    frames = tuple(Frame(k, 1, (), encoded, k) for k in range(len(stored)))
    elements = from_dataset(dataset)
    assert "PixelData" not in to_dataset(elements.values())
    return AuthoredInstance(replace(frames[0], frames=frames), elements, waiting.close())


@pytest.fixture(params=["CT", "MR", "PT"])
def dataset(request):
    return multi_frame(request.param, **FORM)


@pytest.mark.parametrize("in_memory", [1, 1 << 20])
def test_the_file_is_what_pydicom_writes(dataset, tmp_path, monkeypatch, in_memory):
    monkeypatch.setattr(shared, "IN_MEMORY", in_memory)
    made = made_of(dataset)
    with Writer(tmp_path, Lying(planes_of(dataset))) as writer:
        writer.add(made, "x.dcm")
        writer.finish()
    whole = to_dataset(made.whole.values())
    whole.file_meta = file_meta(whole)
    expected = BytesIO()
    whole.save_as(expected, enforce_file_format=True)
    assert (tmp_path / "x.dcm").read_bytes() == expected.getvalue()
    assert np.array_equal(pydicom.dcmread(tmp_path / "x.dcm").pixel_array, dataset.pixel_array)
    assert writer.geometry_error_mm < 1e-9
    assert [w.frames for w in writer.written] == [5]
    assert [p.name for p in tmp_path.iterdir()] == ["x.dcm"]


def test_each_frame_is_held_against_its_place(dataset):
    made, planes = made_of(dataset), planes_of(dataset)
    Places(Lying(planes)).check(made, "x.dcm")
    x, y, z = planes[3].position
    off = [*planes[:3], replace(planes[3], position=(x, y + 0.01, z)), planes[4]]
    wide = [*planes[:4], replace(planes[4], pixel_spacing=(planes[4].pixel_spacing[0] + 0.01, 1.0))]
    for wrong in (off, wide):
        with raises_code("OUT-REREAD"):
            Places(Lying(tuple(wrong))).check(made, "x.dcm")


@pytest.mark.parametrize("keyword", ["PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence"])
def test_a_frame_that_does_not_say_where_it_is_is_noticed(dataset, keyword):
    planes = planes_of(dataset)
    for groups in (shared_item(dataset), frames_items(dataset)[2]):
        if keyword in groups:
            del groups[keyword]
    with raises_code("OUT-REREAD"):
        Places(Lying(planes)).check(made_of(dataset), "x.dcm")


def test_frames_that_lie_nowhere_are_not_asked(dataset):
    places = Places(Lying((None,) * 5))
    places.check(made_of(dataset), "x.dcm")
    assert places.worst_mm == 0


def test_parts_of_a_concatenation_have_names_of_their_own(dataset):
    elements = made_of(dataset).elements
    part = encode("InConcatenationNumber", 2)
    assert name_of(3, elements) == "IM00003.dcm"
    assert name_of(3, {**elements, part.tag: part}) == "IM00003-02.dcm"
