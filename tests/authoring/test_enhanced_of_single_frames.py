"""Multi-frame images of single-frame ones: what the class asks for is pulled, composed, said by a person, or named."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import each, raises_code
from tests.helpers.enhanced import assert_accepted, groups_of, written

BLUR = gaussian_blur(sigma_mm=2.0)
#: What nobody but a person can say of these series, by their folder: assumed of the source, and set in the result.
SAID = {
    "ct_small_ge_3": (
        {
            "IrradiationEventUID": "1.2.826.0.1.3680043.10.1111.9",
            "BodyPartExamined": "CHEST",
            "BurnedInAnnotation": "NO",
            "LossyImageCompression": "00",
        },
        {},
    ),
    "mr_philips_classic24_and_enhanced/501_T1W_FFE_Sno_CS4": (
        {"BurnedInAnnotation": "NO", "LossyImageCompression": "00"},
        {"ApplicableSafetyStandardAgency": "IEC"},
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_a_volume_of_single_frames_is_one_instance(real, name, tmp_path):
    assume, given = SAID[name]
    source = derive.read(real(name), assume=assume)
    series = derive.build(source, BLUR, into="enhanced", set=given)
    report = series.write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert dataset.NumberOfFrames == len(source.frames)
    assert dataset.DimensionOrganizationType == "3D"
    assert_accepted(real(name), tmp_path / "out")
    back = derive.read(tmp_path / "out")
    np.testing.assert_allclose(np.asarray(back), np.asarray(series), atol=report.value_error * 1.001)
    np.testing.assert_allclose(back.geometry.affine, source.geometry.affine, atol=1e-4)
    for index, groups in enumerate(each(groups_of(dataset), at_least=3)):
        items = groups.DerivationImageSequence[0].SourceImageSequence
        named = {item.ReferencedSOPInstanceUID for item in items}
        assert named == {source.references[c.frame].sop_instance_uid for c in series.frames.contributors(index)}
        assert not any("ReferencedFrameNumber" in item for item in items)
        assert groups.FrameAnatomySequence[0].AnatomicRegionSequence


@pytest.mark.parametrize("name", SAID)
def test_all_that_is_missing_is_named_at_once_before_a_pixel_is_computed(real, name, tmp_path):
    with raises_code("ASM-TYPE1") as refused:
        derive.build(real(name), BLUR, into="enhanced").plan()
    assume, given = SAID[name]
    for keyword in each([*assume, *given]):
        assert keyword in str(refused.value)


def test_what_a_macro_has_to_say_of_an_acquired_frame_is_said_whole_or_not(real, tmp_path):
    assume, _ = SAID["ct_small_ge_3"]
    source = derive.read(real("ct_small_ge_3"), assume=assume)
    derive.build(source, BLUR, into="enhanced").write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    for groups in each(groups_of(dataset), at_least=3):
        assert "CTReconstructionSequence" not in groups
        assert groups.PixelValueTransformationSequence[0].RescaleType == "HU"
        assert groups.IrradiationEventIdentificationSequence[0].IrradiationEventUID == assume["IrradiationEventUID"]
