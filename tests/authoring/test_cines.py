"""X-ray cines as results: what is said of frames in time stays as far as it is true."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

import derive
from derive.operations import apply, gaussian_blur, mean_over
from tests.helpers.cines import CLASSES, VECTOR, frames_of, make_cine, masked_by, stored_of
from tests.helpers.enhanced import assert_accepted, saved

SAME = apply(function=lambda values: values, code="Smoothing", halo_slices=0)
TIMES = "TemporalPositionTimeOffset"
#: What is said of some frames of a cine, and of each.
SAID = {
    "RWavePointer": [2, 5, 8],
    "RepresentativeFrameNumber": 5,
    "FrameLabelVector": [f"F{k}" for k in range(1, 9)],
    "StartTrim": 2,
    "StopTrim": 7,
    "ActualFrameDuration": 12,
    "PreferredPlaybackSequencing": 1,
}
DYNAMIC = {
    "PositionerMotion": "DYNAMIC",
    "PositionerPrimaryAngleIncrement": [1.5 * k for k in range(8)],
    "PositionerSecondaryAngleIncrement": [0.0] * 8,
}


def written(series, folder):
    series.write(folder)
    assert derive.check(folder).ok()
    return [pydicom.dcmread(p) for p in sorted(folder.glob("*.dcm"))]


def lut():
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [256, 0, 16], "US"
    item.add_new("LUTData", "OW", np.arange(0, 512, 2, "<u2").tobytes())
    return Sequence([item])


@pytest.mark.parametrize("modality", CLASSES)
def test_all_frames_keep_all_that_is_said_of_them(modality, tmp_path):
    moved = DYNAMIC if modality == "XA" else {}
    source = make_cine(modality, **SAID, **moved, **masked_by(MaskOperation="TID", TIDOffset=1))
    (image,) = written(derive.build(derive.read([source]), SAME), tmp_path / "out")
    np.testing.assert_array_equal(image.pixel_array, source.pixel_array)
    for keyword in (
        *SAID,
        *moved,
        "NumberOfFrames",
        "FrameTime",
        "FrameIncrementPointer",
        "CineRate",
        "ImagerPixelSpacing",
    ):
        assert image[keyword].value == source[keyword].value, keyword
    assert image.MaskSubtractionSequence[0].MaskOperation == "TID"
    assert list(image.ImageType) == ["DERIVED", "SECONDARY", "SINGLE PLANE"]
    assert list(image.PatientOrientation) == ["L", "F"]
    assert image.PixelIntensityRelationship == "LIN"
    assert [int(i.ReferencedFrameNumber) for i in image.SourceImageSequence] == list(range(1, 9))
    for gone in ("ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "FrameOfReferenceUID"):
        assert gone not in image


def test_some_frames_keep_what_is_true_of_them(tmp_path):
    source = derive.read([make_cine(**SAID, **DYNAMIC, **masked_by(MaskOperation="TID", TIDOffset=1))], frames="2,5-7")
    (image,) = written(derive.build(source, SAME), tmp_path / "out")
    assert image.NumberOfFrames == 4
    assert image.FrameIncrementPointer == VECTOR
    assert list(image.FrameTimeVector) == [0, 120, 40, 40]
    assert "FrameTime" not in image
    assert list(image.RWavePointer) == [1, 2]
    assert image.RepresentativeFrameNumber == 2
    assert list(image.FrameLabelVector) == ["F2", "F5", "F6", "F7"]
    assert list(image.PositionerPrimaryAngleIncrement) == [1.5, 6, 7.5, 9]
    assert (image.ActualFrameDuration, image.PreferredPlaybackSequencing) == (12, 1)
    for gone in ("StartTrim", "StopTrim", "MaskSubtractionSequence", "RecommendedViewingMode"):
        assert gone not in image
    assert [int(i.ReferencedFrameNumber) for i in image.SourceImageSequence] == [2, 5, 6, 7]


def test_one_frame_of_many_says_nothing_of_many(tmp_path):
    stored = stored_of()
    source = derive.read([make_cine(frames=stored, **SAID, **DYNAMIC)])
    (image,) = written(derive.build(source, mean_over(along=TIMES)), tmp_path / "out")
    np.testing.assert_allclose(image.pixel_array, stored.mean(axis=0), atol=0.5)
    for gone in (*SAID, *DYNAMIC, "NumberOfFrames", "FrameIncrementPointer", "FrameTime", "CineRate"):
        assert gone not in image, gone
    assert list(image.ImageType) == ["DERIVED", "SECONDARY", "SINGLE PLANE", "", "MEAN"]
    assert len(image.SourceImageSequence) == 8


def test_each_of_several_cines_is_an_instance_of_its_own(tmp_path):
    first, second = stored_of(3), stored_of(2, seed=1)
    source = derive.read([make_cine(frames=first, number=4), make_cine(frames=second, number=9)])
    images = written(derive.build(source, SAME), tmp_path / "out")
    for image, stored in zip(images, (first, second), strict=True):
        np.testing.assert_array_equal(image.pixel_array, stored)
        assert (image.NumberOfFrames, image.FrameTime) == (len(stored), 40)
    assert [i.SourceImageSequence[0].ReferencedSOPInstanceUID[-1] for i in images] == ["4", "9"]


def test_the_plane_of_the_equipment_stays_whatever_becomes_of_values(tmp_path):
    other = Dataset()
    other.ReferencedSOPClassUID, other.ReferencedSOPInstanceUID = CLASSES["XA"], "1.2.3.4"
    source = make_cine(ImageType=["ORIGINAL", "PRIMARY", "BIPLANE B"], ReferencedImageSequence=Sequence([other]))
    operation = apply(function=lambda values: values * 0.01, code="Smoothing", halo_slices=0, units="1/s")
    (image,) = written(derive.build(derive.read([source]), operation), tmp_path / "out")
    assert image.ImageType[2] == "BIPLANE B"
    assert image.PixelIntensityRelationship == "DISP"
    mapping = image.RealWorldValueMappingSequence[0]
    np.testing.assert_allclose(image.pixel_array * mapping.RealWorldValueSlope, source.pixel_array * 0.01, atol=1e-4)


def test_the_way_back_to_the_beam_stays_with_logarithms(tmp_path):
    source = make_cine(PixelIntensityRelationship="LOG", ModalityLUTSequence=lut())
    (image,) = written(derive.build(derive.read([source]), gaussian_blur(sigma_mm=0.2)), tmp_path / "out")
    assert image.ModalityLUTSequence == source.ModalityLUTSequence
    (less,) = written(
        derive.build(derive.read([source]), derive.operations.subtract(mask_frames="1")), tmp_path / "less"
    )
    assert "ModalityLUTSequence" not in less


def test_an_assumed_spacing_is_said(tmp_path):
    source = derive.read([make_cine(ImagerPixelSpacing=None)], assume={"ImagerPixelSpacing": [0.3, 0.2]})
    (image,) = written(derive.build(source, gaussian_blur(sigma_mm=0.4)), tmp_path / "out")
    assert list(image.ImagerPixelSpacing) == [0.3, 0.2]


def test_frames_whose_times_nobody_knows_stay_as_they_are(tmp_path):
    source = make_cine(FrameTime=0)
    (image,) = written(derive.build(derive.read([source]), SAME), tmp_path / "out")
    assert (image.FrameTime, image.FrameIncrementPointer) == (0, Tag(0x0018, 0x1063))


def test_it_is_computed_again(tmp_path):
    sources = [make_cine(), make_cine(frames=stored_of(3, seed=2), number=2)]
    derive.build(derive.read(sources), gaussian_blur(sigma_mm=0.5)).write(tmp_path / "out")
    report = derive.verify(tmp_path / "out", sources=sources)
    assert report.same
    assert len(report.images) == 11


@pytest.mark.parametrize("modality", CLASSES)
def test_validators_find_nothing_new(modality, tmp_path):
    source = saved(tmp_path / "source", make_cine(modality))
    derive.build(source, gaussian_blur(sigma_mm=0.3)).write(tmp_path / "out")
    derive.build(source, derive.operations.subtract(mask_frames="1")).write(tmp_path / "less")
    derive.build(source, mean_over()).write(tmp_path / "mean")
    for folder in ("out", "less", "mean"):
        assert_accepted(source, tmp_path / folder)


def test_values_below_0_are_stored_unsigned(tmp_path):
    operation = apply(function=lambda values: values - 150, code="Smoothing", halo_slices=0, units="1")
    derive.build(derive.read([make_cine()]), operation).write(tmp_path / "out")
    back = derive.read(tmp_path / "out")
    np.testing.assert_allclose(frames_of(back), stored_of().astype(float) - 150, atol=0.01)
    (path,) = (tmp_path / "out").glob("*.dcm")
    assert pydicom.dcmread(path, stop_before_pixels=True).PixelRepresentation == 0
