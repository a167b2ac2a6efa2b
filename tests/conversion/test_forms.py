"""The same pixels in another form: single frames of multi-frame instances (PS3.3 C.12.1, CID 7005)."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name

import derive
from derive.cli.main import main
from derive.reading.whole import read_whole
from tests.helpers.asserting import raises_code
from tests.helpers.forms import MULTI_FRAME, assert_same_frames, files_of, header
from tests.helpers.multi_frame import frames_items, multi_frame
from tests.helpers.multi_frame_macros import item
from tests.helpers.peers import dcentvfy_messages, dciodvfy_errors, spread


@pytest.fixture(scope="module", params=MULTI_FRAME)
def converted(request, real, tmp_path_factory):
    """A real multi-frame series, and the folder of its single frames."""
    source, folder = real(request.param), tmp_path_factory.mktemp("classic") / "out"
    derive.convert(source, into="classic").write(folder)
    return source, folder


def test_each_frame_is_an_image_with_its_pixels_and_its_place(converted):
    source, folder = converted
    before = read_whole(source)
    after = assert_same_frames(before, folder)
    for keyword in ("PatientID", "StudyInstanceUID", "Manufacturer", "SeriesDescription"):
        assert after.value(keyword) == before.value(keyword), keyword
    for keyword in ("SeriesInstanceUID", "SOPInstanceUID"):
        assert not {*after.values(keyword)} & {*before.values(keyword)}, keyword


def test_validators_find_no_fault_that_the_source_has_not(converted):
    source, folder = converted
    files = files_of(folder)
    faults = dciodvfy_errors(files_of(source)).keys()
    silent = {"status 1 without a message"} if faults else set()  # a private scheme that the source has too
    assert dciodvfy_errors(spread(files, 3)).keys() <= faults | silent
    told = dcentvfy_messages([*spread(files), *files_of(source)]) - dcentvfy_messages(files_of(source))
    assert not [message for message in told if message.startswith("Error")]
    assert not [f for f in derive.check(folder).findings if f.severity == "error"]


def test_it_says_who_gave_it_another_form_and_that_nothing_was_derived(converted):
    source, folder = converted
    files = spread(files_of(folder), 2)
    assert files
    for path in files:
        dataset, before = header(path), header(files_of(source)[0])
        purpose = dataset.ContributingEquipmentSequence[-1].PurposeOfReferenceCodeSequence[0]
        assert (purpose.CodeValue, purpose.CodeMeaning) == ("109105", "Frame Extracting Equipment")
        assert dataset.get("Manufacturer", "") == before.get("Manufacturer", "")
        assert dataset.ImageType[0] == before.ImageType[0]
        assert dataset.get("ContentDate", "") == before.get("ContentDate", "")


def by_direction(series):
    """Give volumes in an order that no number of an image has a say in."""
    values = zip(*(d.values for d in series.dimensions), strict=True) if series.dimensions else [()]
    return [volume for _, volume in sorted(zip(map(str, values), series.volumes, strict=True), key=lambda p: p[0])]


def test_volumes_are_read_as_they_were(real, tmp_path):
    source = real("philips_balls_enh/dicom/DTI.dcm")
    derive.convert(source, into="classic").write(tmp_path / "out")
    for stack in ("magnitude", "trace"):
        before, after = derive.read(source, stack=stack), derive.read(tmp_path / "out", stack=stack)
        assert [d.keyword for d in after.dimensions] == [d.keyword for d in before.dimensions]
        for one, other in zip(by_direction(before), by_direction(after), strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_simple_itk_reads_the_volume(real, tmp_path):
    source = real("philips_balls_enh/dicom/T1.dcm")
    derive.convert(source, into="classic").write(tmp_path / "out")
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "out"))
    image = sitk.ReadImage(files)
    ours = derive.read(source)
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), np.asarray(ours), rtol=1e-6)
    np.testing.assert_allclose(image.GetOrigin(), ours.geometry.first_position, atol=1e-3)


def test_the_command_line_converts_and_refuses_what_it_cannot_use(real, tmp_path, capsys):
    source, out = str(real("enhanced_ct_2f")), str(tmp_path / "out")
    assert main(["convert", source, "-o", out, "--as", "classic", "--shape", "2", "2", "--dtype", "int16"]) != 0
    assert "EXP-FLAGS: --dtype, --shape" in capsys.readouterr().err
    assert main(["convert", source, "-o", out, "--as", "enhanced"]) != 0
    assert "OPT-FORM" in capsys.readouterr().err
    assert main(["convert", source, "-o", out, "--as", "classic", "-q", "--series-number", "7"]) == 0
    assert {pydicom.dcmread(p).SeriesNumber for p in files_of(tmp_path / "out")} == {7}


def test_what_has_the_form_already_or_no_frames_is_refused(real, tmp_path):
    with raises_code("OPT-FORM"):
        derive.convert(real("ct_small_ge_3"), into="classic")
    with raises_code("OPT-FORM"):
        derive.convert(real("enhanced_ct_2f"), into="modern")
    with raises_code("OPT-UNKNOWN"):
        derive.convert(real("enhanced_ct_2f"), into="classic", modality="CT")
    with raises_code("OPT-FORM"):
        derive.convert(real("enhanced_ct_2f"), into="classic", patient=derive.Patient("1", "A^B"))


def test_pet_counts_its_slices_where_a_multi_frame_one_need_not(tmp_path):
    dataset = multi_frame("PT", slices=5)
    derive.convert([dataset], into="classic").write(tmp_path / "out")
    found = [header(p) for p in files_of(tmp_path / "out")]
    assert {d.NumberOfSlices for d in found} == {5}
    assert sorted(d.ImageIndex for d in found) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_shuffled_frames_with_a_slope_each_and_private_groups_come_out_as_they_are(tmp_path, modality):
    dataset = multi_frame(modality, slope=lambda spot: 1.0 + spot.slice, shuffled=3, private=True)
    before = read_whole([dataset])
    derive.convert([dataset], into="classic").write(tmp_path / "out")
    after = assert_same_frames(before, tmp_path / "out")
    assert len({frame.rescale for frame in after.frames}) == len(after.frames)


def test_what_a_frame_has_to_say_and_an_image_need_not_is_asked_for(real, tmp_path):
    source = real("ct_missing_slice_ge_4")
    with raises_code("ASM-TYPE1") as caught:
        derive.convert(source, into="legacy-converted").plan()
    assert "SliceThickness" in str(caught.value)
    derive.convert(source, into="legacy-converted", assume={"SliceThickness": "2.5"}).write(tmp_path / "out")
    assert_same_frames(read_whole(source), tmp_path / "out")


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_enhanced_images_come_back_from_their_single_frames(tmp_path, modality):
    dataset = multi_frame(modality, slope=lambda spot: 1.0 + spot.slice, shuffled=3)
    derive.convert([dataset], into="classic").write(tmp_path / "classic")
    before = read_whole(tmp_path / "classic")
    derive.convert(tmp_path / "classic", into="enhanced").write(tmp_path / "enhanced")
    after = assert_same_frames(before, tmp_path / "enhanced")
    assert after.frames[0].reference.sop_class_uid == dataset.SOPClassUID
    assert not dciodvfy_errors(files_of(tmp_path / "enhanced"))


@pytest.mark.parametrize("one_slope", [False, True], ids=["several", "one"])
def test_slopes_that_common_readers_take_for_one_are_told(tmp_path, one_slope):
    """What they make of them is held in tests/workarounds; a conversion keeps what is stored."""
    dataset = multi_frame("PT", slices=4, slope=lambda spot: 2.0 if one_slope else 1.0 + spot.slice)
    derive.convert([dataset], into="classic").write(tmp_path / "classic")
    report = derive.convert(tmp_path / "classic", into="legacy-converted").write(tmp_path / "legacy")
    assert ("SRC-SLOPES" in {r.code for r in report.remarks}) is not one_slope
    assert_same_frames(read_whole(tmp_path / "classic"), tmp_path / "legacy")
    back = derive.convert(tmp_path / "legacy", into="classic").write(tmp_path / "back")
    assert "SRC-SLOPES" not in {r.code for r in back.remarks}, "single frames are read alike"


@pytest.mark.parametrize(("encoded", "said"), [(0.0, False), (1.0, True)], ids=["none", "half"])
def test_a_direction_of_length_zero_does_not_get_to_the_top_of_an_image(tmp_path, encoded, said):
    """Philips writes 0 0 0 into frames without velocity; where some frames have a direction all are told."""
    dataset = multi_frame("MR", slices=4)
    for number, groups in enumerate(frames_items(dataset)):
        velocity = item(VelocityEncodingDirection=[0.0, 0.0, encoded * (number % 2)])
        velocity.VelocityEncodingMinimumValue, velocity.VelocityEncodingMaximumValue = 0.0, 50.0
        groups.MRVelocityEncodingSequence = pydicom.Sequence([velocity])
    derive.convert([dataset], into="classic").write(tmp_path / "out")
    assert {"VelocityEncodingDirection" in header(p) for p in files_of(tmp_path / "out")} == {said}
    assert {"VelocityEncodingMaximumValue" in header(p) for p in files_of(tmp_path / "out")} == {True}


@pytest.mark.parametrize(
    ("modality", "bits", "into", "wanted"),
    [
        ("CT", (8, 8), "classic", (16, 12)),
        ("MR", (8, 8), "classic", (16, 8)),
        ("CT", (16, 13), "legacy-converted", (16, 16)),
        ("MR", (16, 10), "legacy-converted", (16, 12)),
    ],
)
def test_bits_are_as_many_as_the_class_lists_and_values_the_same(tmp_path, modality, bits, into, wanted):
    dataset = multi_frame(modality, slices=3)
    allocated, stored = bits
    values = (dataset.pixel_array % (1 << stored)).astype("u1" if allocated == 8 else "<u2")
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, stored, stored - 1
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OB" if allocated == 8 else "OW"
    source = [dataset]
    if into == "legacy-converted":
        derive.convert(source, into="classic").write(tmp_path / "classic")
        source = tmp_path / "classic"
    derive.convert(source, into=into).write(tmp_path / "out")
    files = files_of(tmp_path / "out")
    found = header(files[0])
    assert (found.BitsAllocated, found.BitsStored, found.HighBit) == (*wanted, wanted[1] - 1)
    assert [text for text in dciodvfy_errors(files) if "Bit" in text] == []
    one, other = read_whole(source), read_whole(tmp_path / "out")
    for index in range(3):
        np.testing.assert_array_equal(one.frames[index].stored_values(), other.frames[index].stored_values())
    assert [f.rescale for f in one.frames] == [f.rescale for f in other.frames]
