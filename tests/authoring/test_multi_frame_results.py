"""Multi-frame images out: what all frames share stands once, each frame says what it was made of, others accept it."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from derive.operations import gaussian_blur, minip, mip, resample
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.enhanced import assert_accepted, groups_of, indices_of, pointers_of, saved, written
from tests.helpers.multi_frame import ENHANCED, concatenation, multi_frame, only_frames
from tests.helpers.peers import dciodvfy_errors

MODALITIES = ("CT", "MR", "PT")
#: Sequence of the frame type macro.
KINDS = {"CT": "CTImageFrameTypeSequence", "MR": "MRImageFrameTypeSequence", "PT": "PETFrameTypeSequence"}
BLUR = gaussian_blur(sigma_mm=1.5)
#: What is done, and the four values of Image Type, the technique and the properties that follow.
DONE = {
    "blur": (BLUR, ("DERIVED", "PRIMARY", "VOLUME", "FILTERED"), "NONE", "VOLUME"),
    "grid": (resample(spacing_mm=3.0), ("DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"), "NONE", "VOLUME"),
    "largest": (mip(slab_mm=4, step_mm=4), ("DERIVED", "PRIMARY", "VOLUME", "MAXIMUM"), "MAX_IP", "SAMPLED"),
    "coronal": (minip(slab_mm=4, plane="coronal"), ("DERIVED", "PRIMARY", "VOLUME", "MINIMUM"), "MIN_IP", "SAMPLED"),
}
#: How several volumes are told apart, and where an index of the result points.
ALONG = {
    "times": ({"TemporalPositionIndex": (1, 2, 3)}, ["TemporalPositionIndex"], 3),
    "echoes": ({"EffectiveEchoTime": (10, 20)}, ["EffectiveEchoTime"], 2),
    "directions": (
        {"DiffusionBValue": (0, (1000, (1, 0, 0)), (1000, (0, 1, 0)))},
        ["DiffusionBValue", "StackID"],
        3,
    ),
    "echoes of times": (
        {"EffectiveEchoTime": (10, 20), "TemporalPositionIndex": (1, 2)},
        ["EffectiveEchoTime", "TemporalPositionIndex"],
        4,
    ),
    "what a vendor says": ({"private": (10, 20)}, ["StackID"], 2),
}


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("name", DONE)
def test_class_in_is_class_out_and_others_accept_it(modality, name, tmp_path):
    operation, image_type, technique, properties = DONE[name]
    before = multi_frame(modality, slices=6)
    image_type = (*image_type[:2], before.ImageType[2], image_type[3])
    source = saved(tmp_path / "in", before)
    series = derive.build(source, operation)
    series.write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert dataset.SOPClassUID == ENHANCED[modality]
    assert (*dataset.ImageType,) == image_type
    for groups in each(groups_of(dataset), at_least=series.count):
        (kind,) = groups[KINDS[modality]]
        assert (*kind.FrameType,) == image_type
        assert (kind.VolumeBasedCalculationTechnique, kind.VolumetricProperties) == (technique, properties)
    assert_accepted(source, tmp_path / "out")
    back = derive.read(tmp_path / "out")
    step = max(g.PixelValueTransformationSequence[0].RescaleSlope for g in groups_of(dataset))
    np.testing.assert_allclose(np.asarray(back), np.asarray(series), atol=step * 0.501)
    np.testing.assert_allclose(back.geometry.affine, series.volume.geometry.affine, atol=1e-6)


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("form", [{"shared": False}, {"shuffled": 3, "permuted": True}, {"private": True}], ids=str)
def test_however_the_source_says_it_the_result_is_the_same(modality, form, tmp_path):
    plain = derive.build(saved(tmp_path / "plain", multi_frame(modality, slices=5)), BLUR)
    other = derive.build(saved(tmp_path / "other", multi_frame(modality, slices=5, **form)), BLUR)
    np.testing.assert_array_equal(np.asarray(plain), np.asarray(other))
    plain.write(tmp_path / "one")
    other.write(tmp_path / "two")
    assert_accepted(tmp_path / "other", tmp_path / "two")
    (one,), (two,) = written(tmp_path / "one"), written(tmp_path / "two")
    assert {e.tag for e in one} == {e.tag for e in two}
    assert {e.tag for g in groups_of(one) for e in g} == {e.tag for g in groups_of(two) for e in g}


def test_each_frame_names_the_frames_that_it_was_made_of(tmp_path):
    source = saved(tmp_path / "in", multi_frame("MR", slices=6))
    series = derive.build(source, BLUR)
    series.write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    (study,) = dataset.SourceImageEvidenceSequence
    (evidence,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    for index, groups in enumerate(each(groups_of(dataset), at_least=6)):
        (derivation,) = groups.DerivationImageSequence
        assert derivation.DerivationCodeSequence[0].CodeMeaning == "Gaussian blur"
        numbers = {item.ReferencedFrameNumber for item in derivation.SourceImageSequence}
        assert numbers == {series.source.frames[c.frame].number for c in series.frames.contributors(index)}
        assert every(
            i.ReferencedSOPInstanceUID == evidence.ReferencedSOPInstanceUID for i in derivation.SourceImageSequence
        )
        there = [
            i.ReferencedFrameNumber for i in derivation.SourceImageSequence if i.SpatialLocationsPreserved == "YES"
        ]
        assert there == [series.source.frames[index].number]
    assert "SourceImageSequence" not in dataset
    assert "DerivationCodeSequence" not in dataset


@pytest.mark.parametrize("name", ALONG)
def test_indices_count_what_they_point_at_from_one_without_gaps(name, tmp_path):
    along, pointers, volumes = ALONG[name]
    source = saved(tmp_path / "in", multi_frame("MR", slices=4, along=along))
    derive.build(source, BLUR).write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert pointers_of(dataset) == [*pointers, "InStackPositionNumber"]
    found = indices_of(dataset)
    assert len(set(found)) == len(found) == 4 * volumes
    for column in zip(*found, strict=True):
        assert set(column) == set(range(1, max(column) + 1))
    assert dataset.get("DimensionOrganizationType") == ("3D_TEMPORAL" if name == "times" else None)
    assert_accepted(source, tmp_path / "out")
    back, before = derive.read(tmp_path / "out"), derive.read(source)
    assert len(back.volumes) == len(before.volumes) == volumes


def test_volumes_of_one_instance_stay_together_and_others_are_one_each(tmp_path):
    whole = multi_frame("MR", slices=3, along={"EffectiveEchoTime": (10, 20)})
    apart = saved(tmp_path / "apart", *(only_frames(whole, range(3 * k, 3 * k + 3), k + 1) for k in range(2)))
    assert derive.build(saved(tmp_path / "whole", whole), BLUR).count == 1
    assert derive.build(apart, BLUR).count == 2
    assert derive.build(apart, BLUR, one_object=True).count == 1
    derive.build(apart, BLUR).write(tmp_path / "two")
    derive.build(apart, BLUR, one_object=True).write(tmp_path / "one")
    assert [d.NumberOfFrames for d in written(tmp_path / "two")] == [3, 3]
    assert [d.InstanceNumber for d in written(tmp_path / "two")] == [1, 2]
    assert [d.NumberOfFrames for d in written(tmp_path / "one")] == [6]
    np.testing.assert_array_equal(
        *(np.stack([np.asarray(v) for v in derive.read(tmp_path / name).volumes]) for name in ("one", "two"))
    )
    for name in ("one", "two"):
        assert_accepted(apart, tmp_path / name)


def test_a_concatenation_comes_out_as_one_instance(tmp_path):
    source = saved(tmp_path / "in", *concatenation(multi_frame("CT", slices=6), [0, 1, 2], [3, 4, 5]))
    derive.build(source, BLUR).write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert dataset.NumberOfFrames == 6
    assert "ConcatenationUID" not in dataset
    named = {
        i.ReferencedSOPInstanceUID for g in groups_of(dataset) for i in g.DerivationImageSequence[0].SourceImageSequence
    }
    assert len(named) == 2
    assert_accepted(source, tmp_path / "out")


def test_what_frames_disagree_on_is_not_said_of_any(tmp_path):
    """Readers take images of which some say it and others do not for two series: so no frame of them does."""
    whole = multi_frame("CT", slices=6)
    for k, item in enumerate(whole.PerFrameFunctionalGroupsSequence):
        item.CTExposureSequence = [pydicom.Dataset()]
        item.CTExposureSequence[0].XRayTubeCurrentInmA = 100.0 + 10 * (k > 2)
    source = saved(tmp_path / "in", whole)
    derive.build(source, BLUR).write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert not any("CTExposureSequence" in g for g in groups_of(dataset))
    assert every("FrameAnatomySequence" in g for g in groups_of(dataset))


def test_a_result_lacks_what_macros_of_its_source_lack(tmp_path):
    whole = multi_frame("MR", slices=3)
    del whole.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness
    source = saved(tmp_path / "in", whole)
    report = derive.build(source, BLUR).write(tmp_path / "out")
    (found,) = (f for f in report.findings if f.code == "CHK-CONDITION")
    assert (found.severity, found.path.rpartition(">")[2]) == ("warning", "SliceThickness")
    derive.build(derive.read(source, assume={"SliceThickness": 2}), BLUR).write(tmp_path / "said")
    (dataset,) = written(tmp_path / "said")
    assert dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness == 2


def test_reproducible_results_are_the_same_to_the_last_uid(tmp_path):
    source = saved(tmp_path / "in", multi_frame("MR", slices=4))
    for name in ("one", "two"):
        derive.build(source, BLUR, uids="reproducible").write(tmp_path / name)
    (one,), (two,) = written(tmp_path / "one"), written(tmp_path / "two")
    assert one.SOPInstanceUID == two.SOPInstanceUID
    keyword = "DimensionOrganizationUID"
    assert one.DimensionOrganizationSequence[0][keyword] == two.DimensionOrganizationSequence[0][keyword]


def test_a_slope_of_each_frame_becomes_one_that_holds_all(tmp_path):
    source = saved(tmp_path / "in", multi_frame("MR", slices=5, slope=lambda spot: 1 + spot.slice))
    series = derive.build(source, BLUR)
    report = series.write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    slopes = Counter(g.PixelValueTransformationSequence[0].RescaleSlope for g in groups_of(dataset))
    assert len(slopes) == 1
    np.testing.assert_allclose(
        np.asarray(derive.read(tmp_path / "out")), np.asarray(series), atol=report.value_error * 1.001
    )


def test_a_class_that_a_source_cannot_become_is_refused_by_what_it_lacks(real, tmp_path):
    with raises_code("ASM-TYPE1") as refused:
        derive.build(real("ct_small_ge_3"), BLUR, into="enhanced").write(tmp_path / "out")
    assert {"IrradiationEventIdentificationSequence"} <= set(refused.value.facts.get("keywords", ())) | {
        refused.value.facts["keyword"]
    }
    assert "IrradiationEventUID" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_frames_lie_along_the_normal(tmp_path):
    source = saved(tmp_path / "in", multi_frame("CT", slices=5, shuffled=7))
    derive.build(source, BLUR).write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    heights = [g.PlanePositionSequence[0].ImagePositionPatient[2] for g in groups_of(dataset)]
    assert every(b > a for a, b in pairwise(heights))


@pytest.mark.parametrize("name", ["directions", "echoes"])
def test_single_frames_still_say_what_tells_their_volumes_apart(name, tmp_path):
    """A b-value is no attribute of the single-frame class, and all makers write it in one."""
    source = saved(tmp_path / "in", multi_frame("MR", slices=4, along=ALONG[name][0]))
    derive.build(source, BLUR, into="classic").write(tmp_path / "out")
    before, after = derive.read(source), derive.read(tmp_path / "out")
    assert [(d.keyword, d.values) for d in after.dimensions] == [(d.keyword, d.values) for d in before.dimensions]
    assert not dciodvfy_errors(sorted((tmp_path / "out").glob("*.dcm"))[:3])


@pytest.mark.parametrize("modality", MODALITIES)
def test_others_read_the_result_as_one_volume_where_it_is(modality, tmp_path):
    highdicom = pytest.importorskip("highdicom")
    series = derive.build(saved(tmp_path / "in", multi_frame(modality, slices=5)), BLUR)
    report = series.write(tmp_path / "out")
    geometry = series.volume.geometry
    image = sitk.ReadImage(str(report.files[0]))
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), np.asarray(series), atol=report.value_error * 1.01 + 1e-3)
    np.testing.assert_allclose(image.GetOrigin(), geometry.first_position)
    np.testing.assert_allclose(image.GetSpacing(), (*geometry.pixel_spacing[::-1], geometry.slice_spacing))
    volume = highdicom.imread(report.files[0]).get_volume(apply_real_world_transform=False)
    first, last = (volume.affine @ (k, 0, 0, 1) for k in (0, volume.spatial_shape[0] - 1))
    ends = sorted([tuple(first[:3].round(6)), tuple(last[:3].round(6))])
    assert ends == sorted(tuple(np.round(geometry.position(k), 6)) for k in (0, geometry.shape[0] - 1))
