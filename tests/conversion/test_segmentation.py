"""Labels become a Segmentation that highdicom and derive read alike, on the grid of the series that they are of."""

from __future__ import annotations

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest

import derive
from derive.conversion.labels import known_segments, segments_said
from derive.operations import mask
from derive.standard import is_single_frame
from tests.helpers.asserting import each, raises_code
from tests.helpers.convert_files import affine_of, nifti, read_reference
from tests.helpers.peers import dciodvfy_errors
from tests.helpers.sources import OBLIQUE, make_series

SHAPE = (6, 12, 14)
LIVER, BONE = "1=Liver,SCT,10200004,Liver", "2=Bone,SCT,272673000,Bone,SCT,85756007,Tissue"
MANUAL = {"kind": "segmentation", "label": [LIVER, BONE], "algorithm_type": "manual"}
MODEL = derive.Algorithm("Organs", "2.1", "ACME")


@pytest.fixture
def ct():
    return read_reference()


def labels() -> np.ndarray:
    """Two lopsided segments in some of the slices."""
    found = np.zeros(SHAPE, np.uint8)
    found[1:4, 2:7, 3:11], found[3:5, 8:11, 1:5] = 1, 2
    return found


def made(source, reference, folder, **said):
    """Convert and write; give what highdicom reads, and the report."""
    report = derive.convert(source, reference=reference, **{**MANUAL, **said}).write(folder)
    (file,) = report.files
    return highdicom.seg.segread(file), report


def by_highdicom(found, ct) -> np.ndarray:
    """What highdicom says that each voxel belongs to, on the grid of a series."""
    volume = found.get_volume(combine_segments=True, allow_missing_positions=True)
    whole = np.zeros(ct.geometry.shape, int)
    positions = np.array([ct.geometry.position(k) for k in range(len(whole))])
    for k, plane in enumerate(volume.array):
        at = (volume.affine @ [k, 0, 0, 1])[:3]
        whole[np.linalg.norm(positions - at, axis=1).argmin()] = plane
    return whole


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_labels_come_back_as_they_were(kind, ct, tmp_path):
    path = nifti(tmp_path / "organs_seg.nii.gz", labels(), affine_of(ct))
    found, report = made(path, ct, tmp_path / "out", segmentation_type=kind)
    assert found.segmentation_type.name == kind.upper()
    assert np.array_equal(by_highdicom(found, ct), labels())
    assert not dciodvfy_errors(report.files)
    assert not derive.check(tmp_path / "out").findings
    counts = {1: (labels() == 1).sum(), 2: (labels() == 2).sum()}
    voxel_ml = np.prod(ct.geometry.spacing) / 1000
    ml = {s.number: s.volume_ml for s in report.segments}
    assert ml == pytest.approx({n: count * voxel_ml for n, count in counts.items()}, abs=1e-6)
    assert derive.read_segmentation(tmp_path / "out").volumes_ml == pytest.approx(ml, abs=1e-6)


@pytest.mark.parametrize("axes", ["RAS", "LPI", "PIR", "SLA", "ASR"])
def test_a_file_in_any_orientation_lies_where_it_says(axes, ct, tmp_path):
    path = nifti(tmp_path / "l.nii.gz", labels(), affine_of(ct))
    image = nibabel.load(path)
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(axes)
    )
    nibabel.save(image.as_reoriented(turn), tmp_path / "turned.nii.gz")
    found, _ = made(tmp_path / "turned.nii.gz", ct, tmp_path / "out")
    assert np.array_equal(by_highdicom(found, ct), labels())


def test_frames_without_anything_are_left_out_and_each_names_its_image(ct, tmp_path):
    found, report = made(labels(), ct, tmp_path / "out", orientation="reference")
    assert int(found.NumberOfFrames) == 3 + 2
    uids = [r.sop_instance_uid for r in ct.references]
    places = [k for segment in (1, 2) for k in np.flatnonzero((labels() == segment).any(axis=(1, 2)))]
    for frame, place in each(list(zip(found.PerFrameFunctionalGroupsSequence, places, strict=True))):
        (item,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert item.ReferencedSOPInstanceUID == uids[place]
        assert frame.PlanePositionSequence[0].ImagePositionPatient == list(ct.geometry.position(place))
    (series,) = found.ReferencedSeriesSequence
    assert {i.ReferencedSOPInstanceUID for i in series.ReferencedInstanceSequence} == {uids[k] for k in set(places)}
    assert found.FrameOfReferenceUID == ct.geometry.frame_of_reference_uid
    assert (found.PatientID, found.StudyInstanceUID, found.Modality) == ("P1", ct.text("StudyInstanceUID"), "SEG")
    assert report.notes == ()


def test_segments_say_what_they_are_and_how_they_were_found(ct, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text(
        "number,label,scheme,value,meaning,modifier_scheme,modifier_value,modifier_meaning,colour\n"
        "1,Left kidney,SCT,64033007,Kidney,SCT,7771000,Left,#DD8265\n2,liver,,,,,,,\n7,spleen,,,,,,,\n"
    )
    said = {"label": (), "labels": str(table), "algorithm_type": "automatic", "algorithm": MODEL}
    found, report = made(labels(), ct, tmp_path / "out", orientation="reference", **said)
    kidney, liver = found.SegmentSequence
    assert (kidney.SegmentLabel, kidney.SegmentAlgorithmType, kidney.SegmentAlgorithmName) == (
        "Left kidney",
        "AUTOMATIC",
        "Organs",
    )
    (type_,) = kidney.SegmentedPropertyTypeCodeSequence
    assert type_.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert kidney.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
    lab = highdicom.color.CIELabColor(0, 0, 0)
    lab._value = tuple(kidney.RecommendedDisplayCIELabValue)
    assert np.abs(np.subtract(lab.to_rgb(clip=True), (0xDD, 0x82, 0x65))).max() <= 6  # of the white of D65
    assert liver.SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    assert report.notes == ("1 segment that was listed is not in numpy array: spleen",)


def test_a_label_map_says_what_nothing_is_and_keeps_its_numbers(ct, tmp_path):
    numbered = np.where(labels() == 2, 300, labels().astype(np.int32))
    said = {"label": [LIVER, BONE.replace("2=", "300=")], "segmentation_type": "labelmap"}
    found, _ = made(numbered, ct, tmp_path / "out", orientation="reference", **said)
    assert [item.SegmentNumber for item in found.SegmentSequence] == [0, 1, 300]
    assert (found.BitsAllocated, found.PixelPaddingValue, int(found.NumberOfFrames)) == (16, 0, SHAPE[0])
    assert np.array_equal(found.pixel_array, numbered)
    bits, _ = made(numbered, ct, tmp_path / "bits", orientation="reference", label=said["label"])
    assert [item.SegmentNumber for item in bits.SegmentSequence] == [1, 2]


def test_fractions_are_stored_of_255(ct, tmp_path):
    shares = np.zeros((2, *SHAPE), np.float32)
    shares[0, 1:3, 2:9, 3:8], shares[1, 2:4, 5:10, 6:12] = 0.25, 1.0
    said = {"segmentation_type": "fractional", "fractional_type": "probability", "orientation": "reference"}
    found, report = made(shares, ct, tmp_path / "out", **said)
    assert (found.SegmentationFractionalType, found.MaximumFractionalValue) == ("PROBABILITY", 255)
    assert [s.frames for s in report.segments] == [2, 2]
    assert set(np.unique(found.pixel_array)) == {0, 64, 255}
    voxel_ml = np.prod(ct.geometry.spacing) / 1000
    assert report.segments[0].volume_ml == pytest.approx(2 * 7 * 5 * 64 / 255 * voxel_ml, abs=1e-6)
    assert not dciodvfy_errors(report.files)


def test_masks_may_overlap_and_lie_in_files_of_their_own(ct, tmp_path):
    one, other = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    one[1:4, 2:9, 3:8], other[2:5, 5:10, 6:12] = 1, 255
    files = [nifti(tmp_path / f"{name}.nii.gz", values, affine_of(ct)) for name, values in (("a", one), ("b", other))]
    found, report = made(files, ct, tmp_path / "out")
    assert found.SegmentsOverlap == "YES"
    voxel_ml = np.prod(ct.geometry.spacing) / 1000
    assert [s.volume_ml for s in report.segments] == pytest.approx(
        [one.sum() * voxel_ml, (other > 0).sum() * voxel_ml], abs=1e-6
    )
    assert report.inputs == ("a.nii.gz", "b.nii.gz")


def test_another_grid_is_resampled_to_the_nearest_voxel_and_that_is_said(ct, tmp_path):
    fine = labels().repeat(2, axis=1).repeat(2, axis=2)
    affine = affine_of(ct).copy()
    affine[:3, 3] -= affine[:3, :2].sum(axis=1) / 4
    affine[:3, :2] /= 2
    path = nifti(tmp_path / "fine.nii.gz", fine, affine)
    found, report = made(path, ct, tmp_path / "out")
    assert np.array_equal(by_highdicom(found, ct), labels())
    assert report.notes[-1] == "fine.nii.gz lies on another grid than the reference: resampled to the nearest voxel"


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_a_segment_between_the_voxels_of_the_reference_does_not_vanish_unsaid(kind, ct, tmp_path):
    fine = labels().repeat(3, axis=1).repeat(3, axis=2)
    fine[fine == 2] = 0
    fine[2, 30, 36] = 2
    affine = affine_of(ct).copy()
    affine[:3, 3] -= affine[:3, :2].sum(axis=1) / 3
    affine[:3, :2] /= 3
    path = nifti(tmp_path / "fine.nii.gz", fine, affine)
    found, report = made(path, ct, tmp_path / "out", segmentation_type=kind)
    assert list(found.segment_numbers) == [1]
    assert report.notes[-1] == "1 segment without a voxel of the reference, not written: Bone"
    with raises_code("SEG-CODES"):
        derive.convert(path, reference=ct, **{**MANUAL, "label": [LIVER]})


def test_a_number_is_said_once_and_one_by_one_over_the_table(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("number,label,scheme,value,meaning\n1,Liver,SCT,10200004,Liver\n")
    (over,) = segments_said(table, ["1=Hepar,SCT,10200004,Liver"])
    assert over.label == "Hepar"
    (over,) = segments_said(table, [over])
    assert over.label == "Hepar"
    for twice in ([LIVER, "1=Spleen,SCT,78961009,Spleen"], [over, over]):
        with raises_code("SEG-LABEL"):
            segments_said(None, twice)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_every_class_of_source_is_referred_to_and_what_is_illegal_there_stops_nothing(modality, tmp_path):
    images = make_series(modality, cosines=OBLIQUE, StationName="x" * 40, InstitutionName=None)
    ct = derive.read(images)
    found, report = made(labels(), ct, tmp_path / "out", orientation="reference")
    assert not dciodvfy_errors(report.files)
    assert "KVP" not in found
    assert "StationName" not in found
    assert found.get_volume(allow_missing_positions=True).shape[1:3] == SHAPE[1:]


def test_uids_can_be_made_again(ct, tmp_path):
    again = [
        derive.convert(labels(), reference=ct, orientation="reference", uids="reproducible", **{**MANUAL, **said})
        for said in ({}, {}, {"label": [LIVER.replace("=Liver", "=Hepar"), BONE]})
    ]
    uids = [series.write(tmp_path / str(k)).instances[0].sop_instance_uid for k, series in enumerate(again)]
    assert uids[0] == uids[1] != uids[2]


def test_what_was_made_masks_its_series_by_number_label_and_code(ct, tmp_path):
    made(labels(), ct, tmp_path / "out", orientation="reference")
    found = derive.read_segmentation(tmp_path / "out")
    for said, number in (("2", 2), ("liver", 1), ("SCT:272673000", 2), ("10200004", 1)):
        kept = np.asarray(derive.build(ct, mask(found, segment=said)))
        assert np.array_equal(kept, np.where(labels() == number, np.asarray(ct), -1000))


def test_inspect_tells_segments_by_code_and_size_and_no_label(ct, tmp_path):
    said = {"label": ["1=Doe Jane,SCT,10200004,Liver", BONE]}
    _, report = made(labels(), ct, tmp_path / "out", orientation="reference", **said)
    inspection = derive.inspect(tmp_path / "out")
    (found,) = inspection.segmentations
    assert [(s.number, s.type, s.meaning, s.how) for s in found.segments] == [
        (1, "SCT:10200004", "Liver", "MANUAL"),
        (2, "SCT:272673000", "", "MANUAL"),
    ]
    assert [s.volume_ml for s in found.segments] == pytest.approx([s.volume_ml for s in report.segments])
    assert "SCT:10200004 Liver, manual, 3 frames" in str(inspection)
    assert "Doe" not in str(inspection)


def test_a_label_map_that_becomes_a_series_is_told_of_segments(ct, tmp_path):
    said = {"values": "as-is", "units": "1", "description": "labels"}
    for name, told in (("liver_mask.nii.gz", 1), ("liver.nii.gz", 0)):
        path = nifti(tmp_path / name, labels().astype(np.int16), affine_of(ct))
        report = derive.convert(path, reference=ct, **said).write(tmp_path / name.partition(".")[0])
        assert sum('kind="segmentation"' in note for note in report.notes) == told


def test_a_result_that_highdicom_reads_otherwise_is_not_kept(ct, tmp_path, monkeypatch):
    series = derive.convert(labels(), reference=ct, orientation="reference", **MANUAL)
    monkeypatch.setattr(highdicom.seg.Segmentation, "get_stored_frame", lambda self, n: np.ones(SHAPE[1:], np.uint8))
    with pytest.raises(derive.errors.OutputError, match="other pixels in frame 1"):
        series.write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_known_names_have_codes_and_none_stands_twice():
    whole = segments_said("totalsegmentator")
    assert [s.number for s in whole] == list(range(1, 118))
    assert {s.label: s.type.value for s in whole}["liver"] == "10200004"
    assert len(known_segments()) == 170
    for name in each(list(known_segments())):
        (segment,) = segments_said(None, [f"3={name}"])
        assert segment.colour


def test_real_labels_of_a_real_series(real, tmp_path):
    ct = derive.read(real("ct_varian_cbct_64"))
    hu = np.asarray(ct)
    found = np.digitize(hu, [-300, 400]).astype(np.uint8)
    _, report = made(found, ct, tmp_path / "out", orientation="reference")
    (file,) = report.files
    assert not dciodvfy_errors(report.files)
    dataset = pydicom.dcmread(file)
    numbers = [
        f.SegmentIdentificationSequence[0].ReferencedSegmentNumber for f in dataset.PerFrameFunctionalGroupsSequence
    ]
    for number in (1, 2):
        frames = dataset.pixel_array[np.array(numbers) == number]
        assert np.array_equal(frames.sum(), (found == number).sum())


@pytest.mark.parametrize("name", ["enhanced_ct_2f", "siemens_xa60_enh_7t", "mr_siemens_dwi_b0_500_1500"])
def test_multi_frame_images_and_several_volumes_are_referred_to_frame_by_frame(name, real, tmp_path):
    source = derive.read(real(name))
    found = np.zeros(source.geometry.shape, np.uint8)
    found[-2:, 10:20, 5:30] = 1
    segmentation, report = made(found, source, tmp_path / "out", orientation="reference", label=[LIVER])
    _, frame = segmentation.PerFrameFunctionalGroupsSequence
    items = frame.DerivationImageSequence[0].SourceImageSequence
    slices = source.geometry.shape[0]
    behind = [f for k, f in enumerate(source.frames) if k % slices == slices - 1]
    assert [(i.ReferencedSOPInstanceUID, i.get("ReferencedFrameNumber")) for i in items] == [
        (f.reference.sop_instance_uid, None if is_single_frame(f.reference.sop_class_uid) else f.number) for f in behind
    ]
    assert not dciodvfy_errors(report.files)
