"""Files that are not one series of images that derive reads are refused, each by its code."""

from __future__ import annotations

import pydicom
import pytest

import derive
from tests.helpers.refusals import only, refused
from tests.helpers.source_files import copied, save


@pytest.mark.parametrize("folder", ["nifti_ct_totalseg", "nrrd_mha"])
def test_no_image(real, folder):
    assert "not a DICOM file" in refused(real(folder), "SRC-NONE").message


def test_an_empty_folder_and_an_empty_list(tmp_path):
    refused(tmp_path, "SRC-NONE")
    refused([], "SRC-NONE")


def test_a_path_that_does_not_exist(tmp_path):
    assert "nowhere" in refused(tmp_path / "nowhere", "SRC-MISSING").message


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("pydicom_test_files/test_files/rtdose.dcm", "RT Dose Storage"),
        ("pydicom_test_files/test_files/liver_1frame.dcm", "Segmentation Storage"),
    ],
)
def test_other_classes_are_named(real, folder, name):
    error = refused(real(folder), "SRC-CLASS")
    assert name in error.message
    assert "no image of a class that is read: those of CT, MR, PT" in error.message


def test_several_frames_and_several_classes(changed):
    refused(changed(only(1, NumberOfFrames=2)), "SRC-CLASS")
    mixed = changed(only(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.4"))
    assert "MR Image Storage (1 image," in refused(mixed, "SRC-CLASS").message


def test_several_series_are_listed(real):
    error = refused(real("mr_siemens_obliques"), "SRC-SERIES")
    assert [row["series_number"] for row in error.facts["series"]] == ["8001", "10001", "12001"]
    assert [row["images"] for row in error.facts["series"]] == [3, 3, 3]
    for row in error.facts["series"]:
        assert row["series_instance_uid"] in error.message


def test_a_lone_localizer(real):
    assert "I10" in refused(real("ct_philips_scout"), "SRC-LOCALIZER").message


def test_a_localizer_in_the_series_of_the_slices(real, tmp_path, changed):
    files = changed(lambda d, i: None)
    first = pydicom.dcmread(files[0])

    def join(dataset, index):
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "PatientName", "FrameOfReferenceUID"):
            setattr(dataset, keyword, first[keyword].value)

    (scout,) = copied(real("ct_philips_scout").iterdir(), tmp_path / "scout", join)
    scout.rename(files[0].parent / "scout.dcm")
    error = refused(files[0].parent, "SRC-LOCALIZER")
    assert [(row["name"], row["images"]) for row in error.facts["stacks"]] == [("slices", 4), ("localizer", 1)]
    assert "scout.dcm" in error.message
    assert len(derive.read(files[0].parent, stack="slices").frames) == 4


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"PatientID": "other"}, "SRC-PATIENT"),
        ({"PatientName": "Other^Person"}, "SRC-PATIENT"),
        ({"StudyInstanceUID": "1.2.3"}, "SRC-STUDY"),
        ({"SeriesInstanceUID": ""}, "SRC-SERIES"),
        ({"StudyInstanceUID": ""}, "SRC-UID"),
        ({"SOPInstanceUID": ""}, "SRC-UID"),
    ],
)
def test_identities_that_differ(changed, attributes, code):
    refused(changed(only(2, **attributes)), code)


def test_two_images_of_one_instance_uid(changed):
    files = changed(lambda d, i: None)
    dataset = pydicom.dcmread(files[1])
    dataset.SOPInstanceUID = pydicom.dcmread(files[0]).SOPInstanceUID
    save(dataset, files[1])
    assert refused(files, "SRC-DUPLICATE").facts["files"] == ["000.dcm", "001.dcm"]


def test_a_copy_with_other_pixels_is_no_copy(changed):
    files = changed(lambda d, i: None)
    dataset = pydicom.dcmread(files[0])
    dataset.PixelData = dataset.PixelData[:-2] + b"\x07\x07"
    save(dataset, files[0].parent / "other.dcm")
    refused(files[0].parent, "SRC-DUPLICATE")
