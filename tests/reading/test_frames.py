"""A frame of a multi-frame instance is an image: what it says, from wherever it stood (C.7.6.16)."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from derive import read
from derive.elements.element import GROUPS_OF_FRAMES, tag_of
from derive.elements.instance import items_of
from derive.reading.files import find
from derive.reading.frames import frames_of
from derive.reading.scan import scan
from tests.helpers.asserting import every
from tests.helpers.multi_frame import (
    CREATOR,
    Spot,
    concatenation,
    frames_items,
    multi_frame,
    only_frames,
    shared_item,
    spots_of,
    stored_of,
)
from tests.helpers.multi_frame_macros import item, one
from tests.helpers.source_files import save

MODALITIES = ("CT", "MR", "PT")


def frames(source):
    """Headers of the frames of one instance."""
    (header,) = scan(find(source if isinstance(source, list) else [source]))
    return frames_of(header)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_frame_says_what_the_instance_and_the_groups_say(modality, shared):
    made = frames([multi_frame(modality, shared=shared, slope=lambda spot: 1 + spot.slice / 4)])
    assert [frame.frame_number for frame in made] == [1, 2, 3, 4, 5, 6]
    for index, frame in enumerate(made):
        assert frame.text("PatientID") == "P1"
        assert frame.numbers("PixelSpacing") == (1.25, 1.0)
        assert frame.numbers("ImagePositionPatient") == (-10.5, 20.25, -30 + 2.0 * index)
        assert frame.numbers("ImageOrientationPatient") == (1, 0, 0, 0, 1, 0)
        assert frame.numbers("RescaleSlope") == (1 + index / 4,)
        assert frame.numbers("WindowWidth") == (400,)
        assert frame.integer("InStackPositionNumber") == index + 1
        assert GROUPS_OF_FRAMES.isdisjoint(frame.elements)
        assert GROUPS_OF_FRAMES.isdisjoint(frame.tags)
        assert {tag_of("PixelMeasuresSequence"), tag_of("FrameContentSequence")} <= frame.elements.keys()
        assert list(frame.elements) == sorted(frame.elements)


def test_the_frame_comes_before_the_shared_group_and_that_before_the_instance():
    dataset = multi_frame("CT")
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 1, 2, "SIGMOID"
    own = frames_items(dataset)[2]
    own.FrameVOILUTSequence = one(WindowCenter=7, WindowWidth=8)
    shared_item(dataset).FrameVOILUTSequence[0].WindowCenterWidthExplanation = "soft"
    made = frames([dataset])
    assert [frame.number("WindowCenter") for frame in made] == [40, 40, 7, 40, 40, 40]
    assert {frame.text("VOILUTFunction") for frame in made} == {"SIGMOID"}
    assert [frame.text("WindowCenterWidthExplanation") for frame in made] == [
        "soft",
        "soft",
        "",
        "soft",
        "soft",
        "soft",
    ]


def test_an_empty_macro_of_a_frame_says_nothing():
    dataset = multi_frame("CT")
    frames_items(dataset)[2].PixelMeasuresSequence = Sequence([])
    assert {frame.numbers("PixelSpacing") for frame in frames([dataset])} == {(1.25, 1.0)}


def test_what_a_conversion_kept_beside_the_macros_has_the_last_word():
    dataset = multi_frame("CT", legacy=True)
    shared_item(dataset).UnassignedSharedConvertedAttributesSequence[0].AcquisitionNumber = 7
    frames_items(dataset)[1].UnassignedPerFrameConvertedAttributesSequence[0].AcquisitionNumber = 8
    assert [frame.integer("AcquisitionNumber") for frame in frames([dataset])] == [7, 8, 7, 7, 7, 7]


def test_values_are_rescaled_frame_by_frame():
    series = read([multi_frame("PT", slope=lambda spot: 0.5 + spot.slice, shuffled=5, legacy=True)])
    assert [frame.rescale for frame in series.frames] == [(0.5 + k, 0.0) for k in range(6)]


@pytest.mark.parametrize("legacy", [False, True])
def test_mr_without_a_rescale_is_read_by_its_mapping_or_as_it_is_stored(legacy):
    dataset = multi_frame("MR", legacy=legacy)
    del shared_item(dataset).PixelValueTransformationSequence
    assert {frame.rescale for frame in read([dataset]).frames} == {(1.0, 0.0)}
    mapping = item(RealWorldValueSlope=2.0, RealWorldValueIntercept=3.0, LUTLabel="x", LUTExplanation="x")
    mapping.add_new("RealWorldValueFirstValueMapped", "US", 0)
    mapping.add_new("RealWorldValueLastValueMapped", "US", 65535)
    mapping.MeasurementUnitsCodeSequence = one(CodeValue="1", CodingSchemeDesignator="UCUM", CodeMeaning="no units")
    shared_item(dataset).RealWorldValueMappingSequence = Sequence([mapping])
    assert {frame.rescale for frame in read([dataset]).frames} == {(2.0, 3.0)}


def test_frames_know_their_number_and_their_instance():
    form = {"modality": "CT", "shuffled": 7}
    series = read([multi_frame(**form)])
    assert len(set(series.references)) == 1
    assert [spots_of(**form)[frame.number - 1].slice for frame in series.frames] == list(range(6))


@pytest.mark.parametrize("split", [([0, 1, 2], [3, 4, 5]), ([5, 0, 3], [1], [4, 2])])
@pytest.mark.parametrize("concatenated", [False, True])
def test_instances_of_a_series_join(split, concatenated):
    whole = multi_frame("CT")
    if concatenated:
        parts = concatenation(whole, *split)
    else:
        parts = [only_frames(whole, kept, number) for number, kept in enumerate(split, 1)]
    series = read(parts[::-1])
    assert series.geometry == read([whole]).geometry
    assert np.array_equal(np.asarray(series), np.asarray(read([whole])))
    owner = {k: (part.SOPInstanceUID, kept.index(k) + 1) for part, kept in zip(parts, split, strict=True) for k in kept}
    assert [(f.reference.sop_instance_uid, f.number) for f in series.frames] == [owner[k] for k in range(6)]


def test_private_attributes_of_groups_are_kept_whole():
    made = frames([multi_frame("MR", private=True)])
    for index, frame in enumerate(made):
        assert frame.elements[0x00190010].stripped() == CREATOR.encode()
        (inner,) = items_of(frame.elements[0x00191010], private=True)
        assert {e.tag: e.stripped() for e in inner}[0x00191001] == str(index).encode()
        assert {0x00190010, 0x00191010} <= frame.tags


def test_a_shared_private_macro_whose_block_a_frame_gives_to_somebody_else_is_not_of_that_frame():
    dataset = multi_frame("MR", private=True)
    block = shared_item(dataset).private_block(0x0019, "SOMEBODY ELSE", create=True)
    block.add_new(0x20, "LO", "shared")
    made = frames([dataset])
    assert every(0x00191020 not in frame.elements for frame in made)
    for groups in frames_items(dataset):
        del groups[0x00190010], groups[0x00191010]
    assert every(frame.elements[0x00191020].value == b"shared" for frame in frames([dataset]))


@pytest.mark.parametrize("private", ["Größe".encode("latin-1"), "Größe".encode()])
def test_text_of_groups_in_several_character_sets_becomes_utf_8(private):
    whole = multi_frame("MR", private=True)
    for groups in frames_items(whole):
        groups.FrameContentSequence[0].FrameComments = "Zürich"
        tag = Tag(0x0019, 0x1002)
        groups[0x00191010].value[0][tag] = RawDataElement(tag, "LO", len(private), private, 0, False, True)
    parts = [only_frames(whole, [0, 1, 2], 1), only_frames(whole, [3, 4, 5], 2)]
    parts[1].SpecificCharacterSet = "ISO_IR 100"
    series = read(parts)
    assert series.value("SpecificCharacterSet") == "ISO_IR 192"
    assert series.values("ImageComments") == ["Zürich"] * 6
    contents = series.table.column(tag_of("FrameContentSequence"))
    assert every("Zürich".encode() in e.value for e in contents)


def _without(header, tags):
    return {tag: element for tag, element in header.elements.items() if tag not in tags}


def _private_value(header):
    (inner,) = items_of(header.elements[0x00191010], private=True)
    return {e.tag: e.value.strip() for e in inner}[0x00191001]


SYNTAXES = {
    "implicit": (ImplicitVRLittleEndian, {"implicit_vr": True, "little_endian": True}),
    "big endian": (ExplicitVRBigEndian, {"implicit_vr": False, "little_endian": False}),
    "deflated": (DeflatedExplicitVRLittleEndian, {}),
}


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("modality", MODALITIES)
def test_however_it_is_encoded_the_frames_say_the_same(modality, syntax, tmp_path):
    form = {"modality": modality, "shuffled": 2, "private": True}
    uid, options = SYNTAXES[syntax]
    dataset = multi_frame(**form)
    dataset.file_meta.TransferSyntaxUID = uid
    if syntax == "big endian":
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    if options:
        save(dataset, tmp_path / "a.dcm", **options)
    else:
        dataset.save_as(tmp_path / "a.dcm")
    for before, after in zip(frames([multi_frame(**form)]), frames(tmp_path / "a.dcm"), strict=True):
        # What is private has no VR there, nor has what is in it.
        private = {0x00191010} if syntax == "implicit" else set()
        assert _without(before, private) == _without(after, private)
        assert _private_value(before) == _private_value(after) is not None
    for place, frame in enumerate(read(tmp_path / "a.dcm").frames):
        assert np.array_equal(frame.stored_values(), stored_of(Spot(0, 0, place)))


def test_a_member_of_an_archive_is_read_as_the_file_is(tmp_path):
    import zipfile

    multi_frame("MR").save_as(tmp_path / "a.dcm", enforce_file_format=True)
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / f"{kind}.zip", "w", kind) as archive:
            archive.write(tmp_path / "a.dcm", "a.dcm")
        series = read(tmp_path / f"{kind}.zip")
        assert np.array_equal(np.asarray(series), np.asarray(read(tmp_path / "a.dcm")))


def test_private_macros_that_differ_only_in_what_is_private_are_not_one():
    column = read([multi_frame("MR", private=True)]).table.column(0x00191010)
    assert len(set(column)) == 6


#: Multi-frame images of scanners, each in one stack and one volume.
REAL = [
    "enhanced_ct_2f/eCT_Supplemental.dcm",
    "legacy_converted_ct/multiframe/mf.dcm",
    "philips_balls_enh/dicom/T2-interleaved.dcm",
    "siemens_xa61_enh_dwi/dwi/88972785",
    "enhanced_mr/icometrix+dicom2nifti/tests/data/hyperfine/anatomical/001/001.dcm",
    "enhanced_mr/icometrix+dicom2nifti/tests/data/siemens_multiframe/anatomical/001/IM-0001-0001-0001.dcm",
]
_PLACES = {
    "ImagePositionPatient": ("PlanePositionSequence", "ImagePositionPatient"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "RescaleSlope": ("PixelValueTransformationSequence", "RescaleSlope"),
    "RescaleIntercept": ("PixelValueTransformationSequence", "RescaleIntercept"),
    "DimensionIndexValues": ("FrameContentSequence", "DimensionIndexValues"),
}


def _by_pydicom(dataset, index, sequence, keyword):
    own = frames_items(dataset)[index]
    holder = own if sequence in own or "SharedFunctionalGroupsSequence" not in dataset else shared_item(dataset)
    value = holder[sequence].value[0].get(keyword) if sequence in holder else None
    return () if value is None else tuple(np.atleast_1d(np.array(value, float)))


@pytest.mark.parametrize("name", REAL)
def test_a_real_frame_says_and_holds_what_pydicom_finds(real, name):
    dataset = pydicom.dcmread(real(name))
    pixels = dataset.pixel_array
    series = {frame.number: frame for frame in read(real(name)).frames}
    for index, frame in enumerate(frames(real(name))):
        for keyword, place in _PLACES.items():
            assert frame.numbers(keyword) == pytest.approx(_by_pydicom(dataset, index, *place)), keyword
        assert np.array_equal(series[index + 1].stored_values(), pixels[index])


@pytest.mark.parametrize("name", ["philips_balls_enh/dicom/T2.dcm", "siemens_xa60_enh_7t/dwi/75739673"])
def test_frames_of_scanners_that_are_shuffled_are_the_same_volume(real, name):
    dataset = pydicom.dcmread(real(name))
    order = np.random.default_rng(1).permutation(dataset.NumberOfFrames)
    mixed = only_frames(dataset, list(order), 7)
    one_, other = read(real(name)), read([mixed])
    assert other.geometry == one_.geometry
    assert np.array_equal(np.asarray(other), np.asarray(one_), equal_nan=True)
    assert [order[frame.number - 1] + 1 for frame in other.frames] == [frame.number for frame in one_.frames]


def test_a_series_of_many_instances_joins(real):
    folder = real("siemens_xa61_enh_dwi/dwi")
    paths = sorted(p for p in folder.iterdir() if p.is_file())
    series = read(folder)
    assert len(series.frames) == sum(pydicom.dcmread(p, stop_before_pixels=True).NumberOfFrames for p in paths)
    assert set(series.paths) == set(paths)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("wrong", [False, True])
def test_an_extended_offset_table_that_is_wrong_is_said_and_not_used(wrong, in_memory, tmp_path):
    dataset = multi_frame("CT", shape=(16, 16))
    dataset.compress(RLELossless, generate_instance_uid=False, encapsulate_ext=True)
    if wrong:
        dataset.ExtendedOffsetTable = dataset.ExtendedOffsetTable[:8] + (7777).to_bytes(8, "little") * 5
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    series = read([dataset] if in_memory else tmp_path / "a.dcm")
    assert ("SRC-OFFSETS" in {remark.code for remark in series.remarks}) is wrong
    for place, frame in enumerate(series.frames):
        assert np.array_equal(frame.stored_values(), stored_of(Spot(0, 0, place), (16, 16)))
