"""Classic images as legacy-converted multi-frame ones, and back (PS3.3 A.70 to A.72, C.7.6.16.2.25; Supplement 157)."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from derive.cli.main import main
from derive.elements.element import keyword_of
from derive.elements.meaning import same
from derive.model.classes import class_in_form
from derive.reading.whole import read_whole
from tests.helpers.asserting import raises_code
from tests.helpers.forms import assert_same_frames, files_of, header
from tests.helpers.multi_frame import AXIAL, legacy_converted, multi_frame
from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors, spread

#: Real classic series: of one volume, with a slope an image, of several b-values, of several echoes.
CLASSIC = (
    "ct_small_ge_3",
    "petctmr_ibsi_sts002/PET",
    "mr_siemens_dwi_b0_500_1500",
    "mr_siemens_multiecho",
    "mr_philips_classic24_and_enhanced/501_T1W_FFE_Sno_CS4",
)
#: What another instance says otherwise: which it is, when and by whom it was made, and of what; a frame says its units,
#: and is shown somehow.
OF_THE_INSTANCE = {
    "SOPInstanceUID",
    "SOPClassUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "InstanceCreatorUID",
    "ContributingEquipmentSequence",
    "ConversionSourceAttributesSequence",
    "ContentQualification",
    "PresentationLUTShape",
    "RescaleType",
    "RescaleSlope",
    "RescaleIntercept",
}
#: What is not handed on: references to instances of which nobody says the series, and what may not stand beside codes.
NOT_HANDED_ON = {"ReferencedImageSequence", "SourceImageSequence", "PatientPosition", "FrameTime", "TriggerTime"}
#: What frames say in words of their own beside those of the image, and single frames may say too.
OTHER_WORDS = {
    "AcquisitionDateTime",
    "AcquisitionContrast",
    "ComplexImageComponent",
    "ResonantNucleus",
    "AnatomicRegionSequence",
    "ImageLaterality",
}
#: A PET image of which nobody says how to show it gets a window over its values: the class demands one.
WINDOWS = {"WindowCenter", "WindowWidth"}


@pytest.fixture(scope="module", params=CLASSIC)
def converted(request, real, tmp_path_factory):
    """A real classic series, and the folder of its legacy-converted instance."""
    source, folder = real(request.param), tmp_path_factory.mktemp("legacy") / "out"
    derive.convert(source, into="legacy-converted").write(folder)
    return source, folder


def test_all_images_are_frames_of_one_instance_with_their_pixels_and_places(converted):
    source, folder = converted
    before = read_whole(source)
    assert_same_frames(before, folder)
    (path,) = files_of(folder)
    dataset = header(path)
    assert dataset.SOPClassUID == class_in_form(before.frames[0].reference.sop_class_uid, "legacy-converted")
    assert dataset.NumberOfFrames == len(before.frames)
    assert dataset.BitsStored == max(before.values("BitsStored"))
    purposes = [i.PurposeOfReferenceCodeSequence[0].CodeValue for i in dataset.ContributingEquipmentSequence]
    assert purposes[-1] == "109106"


def test_validators_find_no_fault_that_the_source_has_not(converted):
    source, folder = converted
    sources = files_of(source)
    faults = {_leaf(e) for e in dciodvfy_errors(spread(sources, 3))}
    assert {_leaf(e) for e in dciodvfy_errors(files_of(folder))} <= faults
    told = dcentvfy_messages([*files_of(folder), *sources]) - dcentvfy_messages(sources)
    assert not [message for message in told if message.startswith("Error")]
    known = {f.path for f in derive.check(source).findings if f.severity == "error"}
    assert not [f for f in derive.check(folder).findings if f.severity == "error" and f.path not in known]


def _leaf(error: str) -> str:
    """What is wrong with which attribute, wherever it stands."""
    return error.rpartition("/")[2].partition(" - Module")[0]


def test_back_it_says_what_it_said(converted, tmp_path):
    source, folder = converted
    before = read_whole(source)
    derive.convert(folder, into="classic").write(tmp_path / "back")
    after = read_whole(tmp_path / "back")
    numbers = {int(n): k for k, n in enumerate(after.values("InstanceNumber"))}
    assert sorted(numbers) == sorted(map(int, before.values("InstanceNumber")))
    differing = _differing(before, after, numbers)
    assert differing[True] <= NOT_HANDED_ON | {"ImageType"}
    assert differing[False] <= OTHER_WORDS | WINDOWS
    for i, number in enumerate(before.values("InstanceNumber")):
        one, other = before.frames[i], after.frames[numbers[int(number)]]
        np.testing.assert_array_equal(one.stored_values(), other.stored_values())
        assert (one.rescale, one.plane) == (other.rescale, other.plane)


def _differing(before, after, numbers) -> dict[bool, set[str]]:
    """Keywords of what an image said and does not say any more (True), and of what it says now; empty is nothing."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for i, number in enumerate(before.values("InstanceNumber")):
        k = numbers[int(number)]
        for tag in {*before.table.constant, *before.table.varying, *after.table.constant, *after.table.varying}:
            one, other = before.table.element(tag, i), after.table.element(tag, k)
            if not (one and one.stripped()) and not (other and other.stripped()):
                continue
            if one is None or other is None or not same(one, other, before.encodings):
                found[bool(one and one.stripped())].add(keyword_of(tag))
    return {said: keywords - OF_THE_INSTANCE for said, keywords in found.items()}


def test_it_agrees_with_what_highdicom_converts(real, tmp_path):
    source = real("ct_small_ge_3")
    derive.convert(source, into="legacy-converted").write(tmp_path / "out")
    ours = pydicom.dcmread(files_of(tmp_path / "out")[0])
    theirs = legacy_converted(files_of(source))
    assert ours.SOPClassUID == theirs.SOPClassUID
    places = [[_place(f) for f in d.PerFrameFunctionalGroupsSequence] for d in (ours, theirs)]
    assert sorted(places[0]) == sorted(places[1])
    order = [places[1].index(place) for place in places[0]]
    np.testing.assert_array_equal(ours.pixel_array, theirs.pixel_array[order])
    one, other = (d.SharedFunctionalGroupsSequence[0] for d in (ours, theirs))
    assert one.PixelMeasuresSequence[0].PixelSpacing == other.PixelMeasuresSequence[0].PixelSpacing
    assert one.PixelMeasuresSequence[0].SliceThickness == other.PixelMeasuresSequence[0].SliceThickness
    assert one.PlaneOrientationSequence == other.PlaneOrientationSequence
    assert one.CTImageFrameTypeSequence[0].FrameType[:3] == other.CTImageFrameTypeSequence[0].FrameType[:3]


def _place(groups) -> tuple[float, ...]:
    return tuple(map(float, groups.PlanePositionSequence[0].ImagePositionPatient))


def test_simple_itk_reads_it_as_one_volume(real, tmp_path):
    source = real("ct_small_ge_3")
    derive.convert(source, into="legacy-converted").write(tmp_path / "out")
    image = sitk.ReadImage(files_of(tmp_path / "out")[0])
    ours = derive.read(source)
    theirs = sitk.GetArrayFromImage(image)
    np.testing.assert_array_equal(theirs, np.where(np.isnan(ours), theirs, ours))
    np.testing.assert_allclose(image.GetOrigin(), ours.geometry.first_position, atol=1e-3)
    np.testing.assert_allclose(image.GetSpacing()[:2], ours.geometry.spacing[:0:-1], atol=1e-4)


def test_it_says_what_becomes_of_every_attribute_and_writes_nothing(real, tmp_path, capsys):
    source = str(real("ct_small_ge_3"))
    assert main(["convert", source, "--as", "legacy-converted", "--explain", "--json"]) == 0
    entries = {e["keyword"]: e for e in json.loads(capsys.readouterr().out)["attributes"]}
    assert entries["Manufacturer"]["action"] == "pulled"
    assert "same pixels" in entries["StudyDate"]["reason"]
    assert main(["convert", source, "-o", str(tmp_path / "out"), "--as", "legacy-converted", "--dry-run"]) == 0
    assert not (tmp_path / "out").exists()
    account = {e.keyword: e for e in derive.convert(source, into="legacy-converted").account}
    assert (account["KVP"].action, account["KVP"].section) == ("pulled", "C.7.6.16.2.25")


def test_what_enhanced_images_demand_is_named_at_once_with_its_flags(real, tmp_path, capsys):
    source, out = str(real("ct_small_ge_3")), str(tmp_path / "out")
    assert main(["convert", source, "-o", out, "--as", "enhanced"]) != 0
    message = capsys.readouterr().err
    for flag in ("--set DeviceSerialNumber", "--assume IrradiationEventUID", "--assume BodyPartExamined"):
        assert flag in message
    with raises_code("OPT-FORM"):
        derive.convert(real("enhanced_ct_2f"), into="legacy-converted")


def test_images_of_two_orientations_and_of_two_times_become_frames_of_one_instance(tmp_path):
    sagittal = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
    along = {"EffectiveEchoTime": (10.0, 20.0)}
    dataset = multi_frame("MR", slices=3, orientations=(AXIAL, sagittal), along=along)
    derive.convert([dataset], into="classic").write(tmp_path / "classic")
    files = files_of(tmp_path / "classic")
    assert len(files) == dataset.NumberOfFrames
    before = read_whole(files)
    derive.convert(files, into="legacy-converted").write(tmp_path / "legacy")
    assert_same_frames(before, tmp_path / "legacy")
    content = [
        g.FrameContentSequence[0] for g in header(files_of(tmp_path / "legacy")[0]).PerFrameFunctionalGroupsSequence
    ]
    assert {c.InStackPositionNumber for c in content} == {1, 2, 3}
    indices = [tuple(c.DimensionIndexValues) for c in content]
    assert len(set(indices)) == len(indices)
