"""What was changed in a written series or in its sources is found by verify, and named."""

from __future__ import annotations

import shutil
from copy import deepcopy

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, mip, resample
from tests.helpers.sources import make_series
from tests.helpers.verification import edit, pixels_of, save, verified


@pytest.mark.parametrize("bit", [0, 7, 14])
def test_a_flipped_bit_is_found_in_its_image_and_no_other(bit, derived_on_disk):
    out, source, written = derived_on_disk()

    def flip(dataset):
        values = pixels_of(dataset)
        values[17] ^= 1 << bit
        dataset.PixelData = values.tobytes()

    edit(written[3], flip)
    found = verified(out, source)
    assert found.verdict == "DIFFERS"
    (image,) = found.differing
    assert (image.name, image.place, image.voxels) == (written[3].name, 3, 1)
    assert image.largest == image.steps == 2**bit
    assert f"1 of 8 images, in 1 voxels of 1 by {2**bit} HU" in found.reason


def test_a_flipped_bit_in_a_real_pet_series_is_told_in_its_units(real, tmp_path):
    report = derive.build(derive.read(real("petctmr_ibsi_sts002/PET")), gaussian_blur(sigma_mm=3)).write(tmp_path / "o")
    slope = float(pydicom.dcmread(report.files[20]).RescaleSlope)

    def flip(dataset):
        dataset.PixelData = (pixels_of(dataset) ^ 4).tobytes()

    edit(report.files[20], flip)
    (image,) = verified(tmp_path / "o", real("petctmr_ibsi_sts002/PET")).differing
    assert image.name == report.files[20].name
    assert image.voxels == image.of_voxels
    assert image.steps == pytest.approx(4)
    assert image.largest == pytest.approx(4 * slope)


def test_pixels_of_two_images_that_were_exchanged_are_found_and_told(derived_on_disk):
    out, source, written = derived_on_disk()
    one, other = pydicom.dcmread(written[2]), pydicom.dcmread(written[5])
    one.PixelData, other.PixelData = other.PixelData, one.PixelData
    one.save_as(written[2])
    other.save_as(written[5])
    found = verified(out, source)
    assert found.verdict == "DIFFERS"
    assert {i.name: i.faults[-1] for i in found.differing} == {
        written[2].name: f"holds the pixels of {written[5].name}",
        written[5].name: f"holds the pixels of {written[2].name}",
    }


@pytest.mark.parametrize(
    ("step", "now"),
    [
        (gaussian_blur(sigma_mm=1.5), "gaussian_blur(sigma_mm=1.6)"),
        (gaussian_blur(sigma_mm=1.5), "gaussian_blur(sigma_mm=6)"),
        (resample(spacing_mm=3.0), "resample(spacing_mm=3, interpolator='nearest')"),
        (resample(spacing_mm=3.0), "resample(spacing_mm=3.01, interpolator='linear')"),
        (mip(slab_mm=4.0), "minip(slab_mm=4, plane='native')"),
        (mip(slab_mm=4.0), "mip(slab_mm=6, plane='native')"),
        (mip(slab_mm=4.0), "mip(slab_mm=4, plane='coronal')"),
    ],
)
def test_a_changed_recorded_parameter_is_found(step, now, derived_on_disk):
    out, source, written = derived_on_disk(step)
    for file in written:
        edit(file, lambda d: setattr(d, "DerivationDescription", now))
    found = verified(out, source)
    assert found.verdict == "DIFFERS"
    assert [s.text for s in found.steps] == [now]


def test_one_image_that_records_other_steps_is_found(derived_on_disk):
    out, source, written = derived_on_disk()
    edit(written[1], lambda d: setattr(d, "DerivationDescription", "mip(plane='native')"))
    (image,) = verified(out, source).differing
    assert image.name == written[1].name
    assert image.faults == ("records other steps than the others",)


def changed_source(dataset):
    dataset.SourceImageSequence = dataset.SourceImageSequence[1:]


def all_preserved(dataset):
    for item in dataset.SourceImageSequence:
        item.SpatialLocationsPreserved = "YES"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (changed_source, "Source Image Sequence lacks 1.2.826.0.1.3680043.10.1111.4.1, which contributed"),
        (all_preserved, "Spatial Locations Preserved is YES for"),
        (lambda d: setattr(d, "ImagePositionPatient", [-10.5, 20.35, -30.0]), "lies 0.1 mm off"),
        (lambda d: setattr(d, "ImageOrientationPatient", [0, 1, 0, 1, 0, 0]), "mm off"),
        (lambda d: setattr(d, "PixelSpacing", [1.2, 1.0]), "mm off"),
        (lambda d: setattr(d, "SpacingBetweenSlices", 2.5), "SpacingBetweenSlices is 2.5; recomputed 2"),
        (lambda d: setattr(d, "RescaleIntercept", -1000), "voxels differ, by 24 HU"),
        (lambda d: setattr(d, "RescaleSlope", 2), "voxels differ"),
        (lambda d: setattr(d, "PixelData", d.PixelData[:-40]), "its pixels cannot be read"),
        (lambda d: d.__delitem__("PixelData"), "has no Pixel Data"),
        (lambda d: setattr(d, "ImagePositionPatient", [-10.5, 20.25, 500.0]), "make no image"),
    ],
)
def test_whatever_else_is_changed_in_an_image_is_named(change, fault, derived_on_disk):
    out, source, written = derived_on_disk()
    edit(written[0], change)
    found = verified(out, source)
    assert found.verdict == "DIFFERS"
    (image,) = found.differing
    assert image.name == written[0].name
    assert any(fault in f for f in image.faults)


def test_a_source_that_did_not_contribute_is_named(derived_on_disk):
    out, source, written = derived_on_disk(mip(slab_mm=4.0))

    def also(dataset):
        item = deepcopy(dataset.SourceImageSequence[0])
        item.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.10.1111.4.8"
        dataset.SourceImageSequence.append(item)
        dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence.append(deepcopy(item))

    edit(written[0], also)
    (image,) = verified(out, source).differing
    assert "names 1.2.826.0.1.3680043.10.1111.4.8, which did not contribute" in image.faults[0]


def test_an_image_that_is_missing_and_one_that_is_there_twice_are_found(derived_on_disk):
    out, source, written = derived_on_disk()
    shutil.copy(written[4], out / "copy.dcm")
    edit(out / "copy.dcm", lambda d: setattr(d, "SOPInstanceUID", "1.2.3.4"))
    found = verified(out, source)
    assert [i.faults for i in found.differing] == [(f"lies where {written[4].name} lies",)]
    (out / "copy.dcm").unlink()
    written[4].unlink()
    found = verified(out, source)
    assert (found.verdict, found.reason) == ("DIFFERS", "not there: 1 image that the steps make")


def test_source_images_that_are_not_at_hand_are_named(derived_on_disk):
    out, source, _ = derived_on_disk()
    files_ = sorted(source.iterdir())
    uid = pydicom.dcmread(files_[2]).SOPInstanceUID
    files_[2].unlink()
    found = verified(out, source)
    assert (found.verdict, found.missing, found.images) == ("NOT-RECOMPUTABLE", (uid,), ())
    assert "1 of 8 source images are not at hand, of series 1.2.826.0.1.3680043.10.1111.2" in found.reason
    assert uid in str(found)


def test_a_source_that_was_changed_since_is_not_the_same(derived_on_disk):
    out, source, _ = derived_on_disk()
    file = sorted(source.iterdir())[0]
    edit(file, lambda d: setattr(d, "PixelData", (pixels_of(d) + 1).tobytes()))
    assert verified(out, source).verdict == "DIFFERS"


@pytest.mark.parametrize("part", [slice(0, 5), slice(3, 8), slice(2, 6)], ids=["after", "before", "around"])
def test_more_images_at_hand_than_contributed_are_told_apart(part, tmp_path):
    datasets = make_series("CT", 8)
    save(datasets, tmp_path / "source")
    report = derive.build(derive.read(datasets[part]), gaussian_blur(sigma_mm=1.5)).write(tmp_path / "out")
    found = verified(tmp_path / "out", tmp_path / "source")
    assert (found.verdict, found.reason) == ("SAME", "")
    assert len(found.images) == len(report.files) == len(datasets[part])


def test_source_images_that_are_no_sequence_are_as_if_not_said(derived_on_disk):
    out, source, written = derived_on_disk()
    edit(written[3], lambda dataset: dataset.add_new(0x00082112, "LO", "no items"))
    found = verified(out, source)
    assert found.verdict == "DIFFERS"
    assert [image.place for image in found.images if image.faults] == [3]
    assert any("Source Image Sequence lacks" in fault for fault in found.images[3].faults)


def test_an_image_whose_source_images_are_cut_off_is_not_taken_for_one(derived_on_disk):
    out, source, written = derived_on_disk()
    data = written[3].read_bytes()
    item = data.index(b"\xfe\xff\x00\xe0", data.index(b"\x08\x00\x12\x21SQ"))
    written[3].write_bytes(data[: item + 4] + b"\xff\xff\xff\x7f" + data[item + 8 :])
    found = verified(out, source)
    assert found.verdict == "DIFFERS"
    assert [image.place for image in found.images] == [0, 1, 2, 4, 5, 6, 7]
