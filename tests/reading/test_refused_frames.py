"""Multi-frame instances whose frames, groups and pixels do not go together are refused by name (C.7.6.16)."""

from __future__ import annotations

from copy import deepcopy

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from derive import read
from tests.helpers.multi_frame import concatenation, frames_items, multi_frame, only_frames, shared_item
from tests.helpers.multi_frame_macros import item, one
from tests.helpers.refusals import refused

OWN, SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"


def spoiled(change, modality="CT", **form):
    dataset = multi_frame(modality, **form)
    change(dataset)
    return [dataset]


def of_number(value):
    """Bytes of Number of Frames that pydicom would not write."""

    def change(dataset):
        tag = Tag("NumberOfFrames")
        dataset[tag] = RawDataElement(tag, "IS", len(value), value, 0, False, True)

    return change


def without(keyword, place="instance"):
    def change(dataset):
        holders = {"instance": [dataset], "shared": [shared_item(dataset)], "frame": frames_items(dataset)[3:4]}
        for holder in holders[place]:
            del holder[keyword]

    return change


def twice(keyword, place):
    def change(dataset):
        holder = shared_item(dataset) if place == "shared" else frames_items(dataset)[3]
        holder[keyword].value.append(deepcopy(holder[keyword].value[0]))

    return change


def cut(dataset):
    dataset.PixelData = dataset.PixelData[: -dataset.Rows * dataset.Columns * 2]


def longer(dataset):
    dataset.PixelData = dataset.PixelData + bytes(range(1, 13)) * dataset.Rows * dataset.Columns


def one_item_less(dataset):
    setattr(dataset, OWN, Sequence(frames_items(dataset)[:-1]))


def one_item_more(dataset):
    setattr(dataset, OWN, Sequence([*frames_items(dataset), deepcopy(frames_items(dataset)[0])]))


def shared_twice(dataset):
    dataset[SHARED].value.append(deepcopy(shared_item(dataset)))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (cut, "VAL-TRUNCATED", "need 2016 bytes and there are 1680"),
        (longer, "VAL-LENGTH", ""),
        (one_item_less, "SRC-FRAMES", "6 frames, and 5 items in PerFrameFunctionalGroupsSequence"),
        (one_item_more, "SRC-FRAMES", "6 frames, and 7 items"),
        (without(OWN), "SRC-FRAMES", "6 frames, and no items"),
        (without("NumberOfFrames"), "SRC-FRAMES", "no Number of Frames"),
        (of_number(b""), "SRC-FRAMES", "no Number of Frames"),
        (of_number(b"0 "), "SRC-FRAMES", "Number of Frames 0"),
        (of_number(b"-6"), "SRC-FRAMES", "Number of Frames -6"),
        (of_number(b"2147483647"), "SRC-FRAMES", "2147483647 frames"),
        (without(SHARED), "SRC-FRAMES", "no SharedFunctionalGroupsSequence"),
        (shared_twice, "SRC-FRAMES", "2 items"),
        (without("PlanePositionSequence", "frame"), "GEO-MISSING", "frame 4 has no ImagePositionPatient"),
        (without("PlaneOrientationSequence", "shared"), "GEO-MISSING", "no ImageOrientationPatient"),
        (without("PixelMeasuresSequence", "shared"), "GEO-MISSING", "no PixelSpacing"),
        (without("PixelValueTransformationSequence", "shared"), "VAL-RESCALE", "lacks Rescale"),
        (twice("PlanePositionSequence", "frame"), "SRC-FRAMES", "PlanePositionSequence of frame 4"),
        (twice("PixelMeasuresSequence", "shared"), "SRC-FRAMES", "PixelMeasuresSequence of SharedFunctional"),
        (twice("PixelValueTransformationSequence", "shared"), "SRC-FRAMES", "PixelValueTransformationSequence"),
    ],
)
def test_what_does_not_go_together_is_refused(change, code, said):
    assert said in refused(spoiled(change), code).message


def test_a_number_of_frames_that_is_missing_can_be_said():
    source = spoiled(without("NumberOfFrames"))
    series = read(source, assume={"NumberOfFrames": 6})
    assert len(series.frames) == 6
    assert series.assumed == {"NumberOfFrames": "6"}


def test_neither_of_the_groups(tmp_path):
    def change(dataset):
        del dataset[SHARED], dataset[OWN]

    assert "6 frames" in refused(spoiled(change), "SRC-FRAMES").message


def test_groups_that_are_no_sequence_are_refused(tmp_path):
    dataset = multi_frame("CT")
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    data = (tmp_path / "a.dcm").read_bytes()
    at = data.index(b"\x00\x52\x30\x92SQ") + 12
    (tmp_path / "a.dcm").write_bytes(data[: at + 4] + b"\xff\xff\xff\x7f" + data[at + 8 :])
    refused(tmp_path / "a.dcm", "SRC-UNREADABLE")


def test_what_says_only_what_nobody_needs_twice_is_not_refused():
    series = read(spoiled(twice("MREchoSequence", "shared"), "MR"))
    assert len(series.frames) == 6
    assert series.value("EchoTime") is None
    assert [r.keyword for r in series.remarks if r.code == "SRC-GROUPS"] == ["MREchoSequence"]


def test_what_stands_beside_the_macros_is_no_attribute_of_a_frame():
    def change(dataset):
        frames_items(dataset)[2].PatientID, shared_item(dataset).WindowWidth = "P2", 7

    series = read(spoiled(change))
    assert series.value("PatientID") == "P1"
    assert series.value("WindowWidth") == 400
    assert [r.keyword for r in series.remarks if r.code == "SRC-GROUPS"] == ["PatientID", "WindowWidth"]


def test_a_shared_group_that_nobody_misses_is_not_refused():
    dataset = multi_frame("CT", shared=False)
    del dataset[SHARED]
    assert len(read([dataset]).frames) == 6


@pytest.mark.parametrize("said", ["MONOCHROME1", "MONOCHROME2"])
def test_photometric_interpretation_of_a_frame_alone(said):
    def change(dataset):
        groups = frames_items(dataset)[2]
        groups.UnassignedPerFrameConvertedAttributesSequence[0].PhotometricInterpretation = said

    source = spoiled(change, legacy=True)
    if said == "MONOCHROME2":
        assert len(read(source).frames) == 6
    else:
        assert "PhotometricInterpretation" in refused(source, "SRC-FRAMES").message


def test_mixed_photometric_interpretation_of_instances():
    whole = multi_frame("CT")
    parts = [only_frames(whole, [0, 1, 2], 1), only_frames(whole, [3, 4, 5], 2)]
    parts[1].PhotometricInterpretation = "MONOCHROME1"
    refused(parts, "VAL-COLOUR")


def test_an_identity_in_a_group_is_not_that_of_the_instance():
    def change(dataset):
        for number, groups in enumerate(frames_items(dataset)):
            kept = groups.UnassignedPerFrameConvertedAttributesSequence[0]
            kept.SOPInstanceUID, kept.InstanceNumber = f"1.2.3.{number}", number + 20

    series = read(spoiled(change, legacy=True))
    assert {f.reference.sop_instance_uid for f in series.frames} == {multi_frame("CT").SOPInstanceUID}
    assert series.values("InstanceNumber") == [20, 21, 22, 23, 24, 25]


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.840.10008.5.1.4.1.1.4.3", "Enhanced MR Color Image Storage"),
        ("1.2.840.10008.5.1.4.1.1.12.1.1", "Enhanced XA Image Storage"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
    ],
)
def test_other_multi_frame_classes_are_refused_by_name(uid, name):
    def change(dataset):
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid

    assert name in refused(spoiled(change, "MR"), "SRC-CLASS").message


def test_pointers_to_nothing_are_said_and_nothing_is_refused():
    def change(dataset):
        pointer = item(DimensionIndexPointer=Tag("TriggerTime"), FunctionalGroupPointer=Tag("MREchoSequence"))
        pointer.DimensionOrganizationUID = dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID
        dataset.DimensionIndexSequence.append(pointer)

    series = read(spoiled(change, "MR"))
    assert len(series.frames) == 6


def test_an_illegal_value_in_a_macro_is_as_if_it_were_not_there():
    def change(dataset):
        shared_item(dataset).FrameVOILUTSequence = one(WindowCenter=40, WindowWidth=-4)
        timing = shared_item(dataset).MRTimingAndRelatedParametersSequence[0]
        timing[Tag("FlipAngle")] = RawDataElement(Tag("FlipAngle"), "FD", 3, b"abc", 0, False, True)

    series = read(spoiled(change, "MR"))
    assert series.value("FlipAngle") is None
    assert series.value("RepetitionTime") == 500


PARTS = [[0, 1], [2, 3], [4, 5]]


def _parts(change=None):
    parts = concatenation(multi_frame("CT"), *PARTS)
    if change:
        change(parts)
    return parts


def no_total(parts):
    for part in parts:
        del part.InConcatenationTotalNumber


def without_the_middle(parts):
    no_total(parts)
    del parts[1]


def other_total(parts):
    parts[0].InConcatenationTotalNumber = 4


def one_twice(parts):
    parts[2].InConcatenationNumber = 2


def no_number(parts):
    del parts[1].InConcatenationNumber


def other_offset(parts):
    parts[2].ConcatenationFrameOffsetNumber = 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda parts: parts.pop(1), "1 of 3 instances are missing: In-concatenation Number 2"),
        (lambda parts: parts.pop(), "1 of 3 instances are missing: In-concatenation Number 3"),
        (without_the_middle, "In-concatenation Number 2"),
        (other_total, "do not say the same"),
        (one_twice, "are several instances"),
        (no_number, "no In-concatenation Number"),
        (other_offset, "Concatenation Frame Offset Number 5"),
    ],
)
def test_a_concatenation_that_is_not_whole_is_refused(change, said):
    assert said in refused(_parts(change), "SRC-CONCATENATION").message


def test_a_concatenation_of_unknown_length_is_read():
    assert len(read(_parts(no_total)).frames) == 6


def test_a_copy_of_a_part_is_left_out():
    parts = _parts()
    series = read([*parts, deepcopy(parts[1])])
    assert len(series.frames) == 6
    assert len(series.skipped) == 1
