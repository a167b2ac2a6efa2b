"""Nuclear medicine as a result: vectors, and what they number, are true of the frames that there are."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from pydicom.tag import Tag

import derive
from derive.model.vectors import frame_types
from derive.operations import apply, crop, gaussian_blur, maximum_over, mean_over, mip, reformat, resample, unsharp_mask
from tests.helpers.asserting import every
from tests.helpers.enhanced import assert_accepted, saved
from tests.helpers.nuclear import COSINES, COUNTS, FIRST, make_nm, numbers_of_frames, stored_counts
from tests.helpers.peers import dciodvfy_errors

SAME = apply(function=lambda values: values, code="Smoothing", halo_slices=0)
BLUR = gaussian_blur(sigma_mm=4, in_planes=True)


def derived(source, operation, folder, **choice):
    """The one image that becomes of a source: written, checked by us and by dciodvfy, and read back."""
    folder.parent.mkdir(exist_ok=True)
    result = derive.build(derive.read([source], **choice), operation)
    result.write(folder)
    assert derive.check(folder).ok()
    assert_accepted(saved(folder.parent / "source", source), folder)
    (image,) = [pydicom.dcmread(p) for p in sorted(folder.glob("*.dcm"))]
    return image


def column(image, keyword):
    """A vector as a list: pydicom gives the only number of one by itself."""
    value = image[keyword].value
    return [value] if isinstance(value, int) else list(value)


def pointers(image):
    value = image.FrameIncrementPointer
    return [Tag(v) for v in ([value] if isinstance(value, int) else value)]


def first_item(image, keyword):
    (item,) = image[keyword].value
    return item


@pytest.mark.parametrize("image_type", COUNTS)
def test_all_frames_keep_all_that_is_said_of_them(image_type, tmp_path):
    source = make_nm(image_type)
    image = derived(source, SAME, tmp_path / "out")
    np.testing.assert_array_equal(image.pixel_array, source.pixel_array)
    assert image.SOPClassUID == source.SOPClassUID
    assert list(image.ImageType)[:4] == ["DERIVED", "PRIMARY", image_type, "EMISSION"]
    kept = [e for e in source if e.tag.group == 0x0054 or e.keyword in ("NumberOfFrames", "FrameIncrementPointer")]
    for element in kept:
        assert image[element.tag].value == element.value, element.keyword
    assert image.CountsAccumulated is None
    assert image.get("ActualFrameDuration") == source.get("ActualFrameDuration")


@pytest.mark.parametrize("image_type", COUNTS)
def test_vectors_go_through_a_filter_in_planes_and_back(image_type, tmp_path):
    image = derived(make_nm(image_type), BLUR, tmp_path / "out")
    rows = numbers_of_frames(image_type, COUNTS[image_type])
    for keyword, numbers in zip(frame_types()[image_type].vectors, zip(*rows, strict=True), strict=True):
        assert tuple(column(image, keyword)) == numbers
    before, after = derive.read([make_nm(image_type)]), derive.read(tmp_path / "out")
    assert (after.geometry, after.dimensions) == (before.geometry, before.dimensions)


def test_items_that_no_frame_is_of_go_and_the_others_are_numbered_anew(tmp_path):
    source = make_nm("STATIC")
    image = derived(source, SAME, tmp_path / "out", where={"EnergyWindowVector": 2})
    assert (column(image, "EnergyWindowVector"), image.NumberOfEnergyWindows) == ([1, 1], 1)
    assert (column(image, "DetectorVector"), image.NumberOfDetectors) == ([1, 2], 2)
    assert first_item(image, "EnergyWindowInformationSequence") == source.EnergyWindowInformationSequence[1]
    assert image.DetectorInformationSequence == source.DetectorInformationSequence
    np.testing.assert_array_equal(image.pixel_array, source.pixel_array[2:])


@pytest.mark.parametrize(
    ("frames", "views", "angle", "step"),
    [("3-6", 4, 22, 6), ("3,5,7,9", 4, 22, 12), ("9", 1, 58, 6)],
    ids=["a-run", "every-second", "one"],
)
@pytest.mark.parametrize("direction", ["CC", "CW"])
def test_a_rotation_begins_at_the_first_view_that_is_left(direction, frames, views, angle, step, tmp_path):
    source = make_nm("TOMO", counts={"AngularViewVector": 9})
    rotation = source.RotationInformationSequence[0]
    rotation.RotationDirection, rotation.RadialPosition = direction, [200.0 + n for n in range(9)]
    image = derived(source, SAME, tmp_path / "out", frames=frames)
    assert column(image, "AngularViewVector") == list(range(1, views + 1))
    now = first_item(image, "RotationInformationSequence")
    turned = angle if direction == "CC" else (20 - angle) % 360
    assert (now.StartAngle, now.AngularStep, now.ScanArc) == (turned, step, step * views)
    assert now.NumberOfFramesInRotation == views
    first = int(frames.replace(",", "-").split("-")[0])
    radii = now.RadialPosition if views > 1 else [now.RadialPosition]
    assert (radii[0], len(radii)) == (199.0 + first, views)


def test_views_that_follow_each_other_unevenly_keep_their_numbers(tmp_path):
    source = make_nm("TOMO", counts={"AngularViewVector": 9})
    image = derived(source, SAME, tmp_path / "out", frames="3,5,8,9")
    assert column(image, "AngularViewVector") == [3, 5, 8, 9]
    assert image.RotationInformationSequence == source.RotationInformationSequence


def test_the_delay_of_a_phase_is_from_the_last_frame_that_is_left(tmp_path):
    source = make_nm("DYNAMIC", counts={"PhaseVector": 3, "TimeSliceVector": 4})
    for item, pause in zip(source.PhaseInformationSequence, (0, 100, 0), strict=True):
        item.PauseBetweenFrames, item.PhaseDelay = pause, 50
    image = derived(source, SAME, tmp_path / "out", frames="3,9-12")
    assert column(image, "PhaseVector") == [1, 2, 2, 2, 2]
    assert column(image, "TimeSliceVector") == [1, 1, 2, 3, 4]
    # phase 1: 50 to 4050 ms, 1000 each; phase 2: 4100 to 12400; phase 3 from 12450 on
    told = [(i.PhaseDelay, i.NumberOfFramesInPhase, i.ActualFrameDuration) for i in image.PhaseInformationSequence]
    assert told == [(2050, 1, 1000), (12450 - 3050, 4, 3000)]


def test_slots_that_are_left_begin_later_behind_the_trigger(tmp_path):
    source = make_nm("GATED")
    image = derived(source, SAME, tmp_path / "out", frames="2-3")
    assert (column(image, "TimeSlotVector"), image.NumberOfTimeSlots) == ([1, 2], 2)
    gated = first_item(image, "GatedInformationSequence")
    assert gated.TriggerTime == 50
    slots = gated.DataInformationSequence[0].TimeSlotInformationSequence
    assert [slot.TimeSlotTime for slot in slots] == [2000, 3000]


@pytest.mark.parametrize(
    ("image_type", "counts", "then", "lasted"),
    [
        ("DYNAMIC", {"TimeSliceVector": 4}, "STATIC", 4000),
        ("GATED", {"TimeSlotVector": 4}, "STATIC", 10000),
        ("TOMO", {"AngularViewVector": 6}, "STATIC", 120000),
        ("RECON GATED TOMO", {"TimeSlotVector": 3, "SliceVector": 4}, "RECON TOMO", None),
    ],
)
def test_frames_that_became_one_are_of_another_type(image_type, counts, then, lasted, tmp_path):
    source = make_nm(image_type, counts=counts)
    image = derived(source, mean_over(), tmp_path / "out")
    assert image.ImageType[2] == then
    assert pointers(image) == [Tag(k) for k in frame_types()[then].vectors]
    assert image.get("ActualFrameDuration") == lasted
    gone = set(frame_types()[image_type].vectors) - set(frame_types()[then].vectors)
    assert every(keyword not in image for keyword in gone)
    assert not {"PhaseInformationSequence", "GatedInformationSequence"} & {e.keyword for e in image}
    slices = counts.get("SliceVector", 1)
    mean = source.pixel_array.reshape(-1, slices, *source.pixel_array.shape[1:]).mean(axis=0)
    np.testing.assert_allclose(image.pixel_array.reshape(mean.shape), mean, atol=0.5)


def test_a_gate_that_does_not_say_how_long_it_lasted_stays_gated(tmp_path):
    source = make_nm("GATED")
    del source.GatedInformationSequence[0].DataInformationSequence[0].TimeSlotInformationSequence
    image = derived(source, maximum_over(), tmp_path / "out")
    assert image.ImageType[2] == "GATED"
    assert (column(image, "TimeSlotVector"), image.NumberOfTimeSlots) == ([1], 1)
    assert len(image.GatedInformationSequence) == 0


def test_images_that_became_one_are_one_image(tmp_path):
    images = make_nm("STATIC"), make_nm("STATIC", 2, frames=stored_counts(4, seed=3))
    derive.build(derive.read(list(images)), mean_over(along="InstanceNumber")).write(tmp_path / "out")
    (image,) = [pydicom.dcmread(p) for p in (tmp_path / "out").glob("*.dcm")]
    assert (column(image, "EnergyWindowVector"), column(image, "DetectorVector")) == ([1, 1, 2, 2], [1, 2, 1, 2])
    mean = np.mean([each.pixel_array for each in images], axis=0)
    np.testing.assert_allclose(image.pixel_array, mean, atol=0.5)


def test_of_windows_that_became_one_nothing_is_said(tmp_path):
    image = derived(make_nm("STATIC"), mean_over(along="EnergyWindowVector"), tmp_path / "out")
    assert (column(image, "EnergyWindowVector"), column(image, "DetectorVector")) == ([1, 1], [1, 2])
    assert (image.NumberOfEnergyWindows, len(image.EnergyWindowInformationSequence)) == (1, 0)


@pytest.mark.parametrize("step", [5, -5], ids=["along", "against"])
def test_a_volume_is_written_along_its_normal(step, tmp_path):
    source = make_nm("RECON TOMO", SpacingBetweenSlices=step)
    image = derived(source, SAME, tmp_path / "out")
    stored = source.pixel_array if step > 0 else source.pixel_array[::-1]
    np.testing.assert_array_equal(image.pixel_array, stored)
    assert image.SpacingBetweenSlices == 5
    detector = first_item(image, "DetectorInformationSequence")
    assert detector.ImagePositionPatient == [*FIRST[:2], FIRST[2] if step > 0 else FIRST[2] - 20]
    assert detector.ImageOrientationPatient == COSINES


@pytest.mark.parametrize(
    ("operation", "shape", "position", "spacing", "step"),
    [
        (crop(from_voxel=(2, 3, 1), to_voxel=(8, 7, 2)), (2, 5, 7), (-54.5, 42.25, 105), (4, 3), 5),
        (resample(spacing_mm=2.5), (10, 16, 14), (-60.75, 29.5, 98.75), (2.5, 2.5), 2.5),
        (reformat(plane="coronal"), (10, 5, 12), (-60.5, 30.25, 120), (5, 3), 4),
        (mip(), (1, 10, 12), (-60.5, 30.25, 110), (4, 3), 25),
        (gaussian_blur(sigma_mm=6), (5, 10, 12), FIRST, (4, 3), 5),
    ],
    ids=["crop", "resample", "reformat", "mip", "blur"],
)
def test_a_new_grid_has_its_place_and_its_slices(operation, shape, position, spacing, step, tmp_path):
    image = derived(make_nm("RECON TOMO"), operation, tmp_path / "out")
    assert (int(image.NumberOfFrames), image.Rows, image.Columns) == shape
    assert column(image, "SliceVector") == list(range(1, shape[0] + 1))
    assert image.NumberOfSlices == shape[0]
    detector = first_item(image, "DetectorInformationSequence")
    np.testing.assert_allclose(detector.ImagePositionPatient, position)
    assert (tuple(image.PixelSpacing), image.SpacingBetweenSlices) == (spacing, step)
    assert derive.read(tmp_path / "out").geometry.shape == shape


@pytest.mark.parametrize("step", [5, -5], ids=["along", "against"])
def test_others_read_a_volume_where_it_lies(step, tmp_path):
    source = make_nm("RECON TOMO", SpacingBetweenSlices=step)
    source.DetectorInformationSequence[0].ImageOrientationPatient = [0.8, 0.6, 0, 0, 0, -1]
    derived(source, resample(spacing_mm=2), tmp_path / "out")
    series = derive.read(tmp_path / "out")
    (path,) = (tmp_path / "out").glob("*.dcm")
    theirs, ours = sitk.ReadImage(path), series.geometry
    np.testing.assert_allclose(theirs.GetOrigin(), ours.first_position, atol=1e-6)
    np.testing.assert_allclose(theirs.GetSpacing(), ours.spacing[::-1])
    np.testing.assert_allclose(np.reshape(theirs.GetDirection(), (3, 3)), ours.directions[:, ::-1], atol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(theirs), np.asarray(derive.stack(series)))


def test_gates_keep_their_numbers_in_a_smaller_box(tmp_path):
    box = crop(from_voxel=(2, 3, 1), to_voxel=(8, 7, 2))
    source = make_nm("RECON GATED TOMO")
    image = derived(source, box, tmp_path / "out")
    assert column(image, "TimeSlotVector") == [1, 1, 2, 2, 3, 3]
    assert column(image, "SliceVector") == [1, 2] * 3
    kept = source.pixel_array.reshape(3, 4, 10, 12)[:, 1:3, 3:8, 2:9]
    np.testing.assert_array_equal(image.pixel_array.reshape(kept.shape), kept)


def test_values_below_0_are_signed_in_a_class_that_does_not_say_which_they_are(tmp_path):
    image = derived(make_nm("STATIC"), unsharp_mask(sigma_mm=4, amount=5, in_planes=True), tmp_path / "out")
    assert image.PixelRepresentation == 1
    assert image.pixel_array.min() < 0


def test_slices_between_which_some_are_left_out_have_no_one_step(tmp_path):
    source = make_nm("RECON TOMO", DetectorInformationSequence=None)
    run = derived(source, SAME, tmp_path / "run" / "out", frames="2-4")
    assert (run.SpacingBetweenSlices, column(run, "SliceVector")) == (5, [1, 2, 3])
    image = derived(source, SAME, tmp_path / "some" / "out", frames="1,2,4")
    assert image.SpacingBetweenSlices is None


def test_a_real_reconstruction_keeps_its_slices(real, tmp_path):
    series = derive.read(real("nm_13frame"))
    derive.build(series, BLUR).write(tmp_path / "out")
    sources = [p for p in real("nm_13frame").iterdir() if p.suffix != ".md"]
    assert not dciodvfy_errors(sorted((tmp_path / "out").glob("*.dcm"))).keys() - dciodvfy_errors(sources).keys()
    (image,) = [pydicom.dcmread(p) for p in (tmp_path / "out").glob("*.dcm")]
    assert column(image, "SliceVector") == list(range(1, 14))
    assert (image.SpacingBetweenSlices, image.SliceThickness, image.ImageType[2]) == (6.231669, 6.231669, "RECON TOMO")
