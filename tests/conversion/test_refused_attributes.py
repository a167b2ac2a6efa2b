"""Attributes that a conversion does not let the caller say, or needs and was not told."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive import standard
from tests.helpers.asserting import every, raises_code
from tests.helpers.convert_files import (
    CT,
    PET,
    PET_SAID,
    hu,
    nifti,
)
from tests.helpers.convert_files import written as converted
from tests.helpers.refused_conversions import SHAPE, refused, spoiled

PET_CLASS = "1.2.840.10008.5.1.4.1.1.128"
FORBIDDEN = [
    "Rows",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceLocation",
    "SpacingBetweenSlices",
    "PixelData",
    "BitsStored",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "WindowCenter",
    "SmallestImagePixelValue",
    "ImageType",
    "InstanceNumber",
    "DerivationDescription",
    "SourceImageSequence",
    "ContentDate",
    "InstanceCreationDate",
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "ReferencedSeriesSequence",
]


@pytest.mark.parametrize("keyword", FORBIDDEN)
def test_what_is_computed_and_uids_are_nobodys_to_say(keyword, place):
    refused("SET-FORBIDDEN", place, hu(), **CT, set={keyword: "1"})


def test_a_setting_makes_no_ct_of_another_modality(place):
    with raises_code("SET-FORBIDDEN"):
        derive.convert(hu(), **CT, set={"Modality": "MR"}).write(place / "out")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("PatientPosition2", "PatientPosition"), ("kvp", "KVP"), ("StudyDescripton", "StudyDescription")],
)
def test_an_unknown_keyword_is_refused_with_the_nearest_one(typed, meant, place):
    assert meant in refused("SET-KEYWORD", place, hu(), **CT, set={typed: "1"}).message


@pytest.mark.parametrize(
    ("size", "shape", "dtype", "fits"),
    [
        (20 * 30 * 10 * 2, (20, 30, 9), "int16", ["20 x 30 x 10 int16"]),
        (20 * 30 * 10 * 2, (20, 30, 10), "float32", ["20 x 30 x 5 float32", "the stated shape as int16", "uint16"]),
        (512 * 512 * 7 * 2, (512, 512, 8), "uint16", ["512 x 512 x 7 uint16"]),
        (512 * 512 * 7 * 2, (100, 100, 10), "int16", ["512 x 512 x 7 int16", "256 x 256 x 28 int16"]),
        (352 + 20 * 30 * 10 * 2, (20, 30, 10), "int16", ["at an offset of 352"]),
    ],
)
def test_raw_bytes_that_do_not_fit_are_refused_with_what_does(size, shape, dtype, fits, tmp_path, place):
    path = tmp_path / "v.raw"
    path.touch()
    with path.open("r+b") as stream:
        stream.truncate(size)
    error = refused("RAW-SIZE", place, path, **CT, raw=derive.RawLayout(shape, dtype))
    assert f"{size} bytes" in error.message
    assert every(fit in error.message for fit in fits), error.message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("options", [CT, PET, CT | {"modality": "MR"}], ids=["CT", "PT", "MR"])
def test_what_is_no_number_is_accepted_as_what_the_caller_says_it_is(value, options, place):
    wanted = spoiled(-5.0) + 1000
    values = spoiled(value) + 1000
    found = converted(values, place / "out", **options, nan_value=995.0)
    assert np.abs(found.values - wanted).max() <= found.step / 2 * 1.001
    assert found.values[1, 2, 3] == pytest.approx(995, abs=found.step / 2 * 1.001)


def type_1_that_nobody_can_compute() -> set[str]:
    """Of the mandatory modules of PET: what is neither identity, nor pixels, nor the plane, nor said otherwise."""
    made = {"ImageType", "ImageIndex", "NumberOfSlices", "Modality", "Units", "RescaleSlope", "RescaleIntercept"}
    iod = standard.iod(PET_CLASS)
    return (
        {r.keyword for r in iod.attributes.values() if r.type == "1" and r.module.startswith("pet-")}
        - made
        - {r.keyword for r in iod.attributes.values() if r.module in ("image-pixel", "image-plane")}
    )


@pytest.mark.parametrize("said", [{}, {"SeriesDate": "20260102", "CountsSource": "EMISSION"}], ids=["none", "some"])
def test_pet_names_everything_that_nobody_said_at_once(said, place):
    needed = type_1_that_nobody_can_compute() - said.keys()
    assert {"SeriesTime", "DecayCorrection", "FrameReferenceTime", "SeriesType"} <= needed
    error = refused("ASM-TYPE1", place, hu(), **PET | {"set": said})
    assert set(error.facts["keywords"]) == needed
    assert every(f'"{keyword}": VALUE' in error.message for keyword in needed)


def test_pet_that_is_said_to_be_all_that_it_names_is_made(place):
    needed = refused("ASM-TYPE1", place, hu() + 1000, **PET | {"set": {}}).facts["keywords"]
    said = {k: PET_SAID[k] for k in needed} | {"DecayCorrection": "NONE"}
    converted(hu() + 1000, place / "out", **PET | {"set": said})


# A place for a file that says none


def test_a_nifti_without_a_place_is_accepted_where_the_caller_says_how_it_lies(tmp_path, place):
    path = nifti(tmp_path / "v.nii.gz", hu())
    first = converted(path, place / "out", modality="CT", patient=derive.Patient("1", "A^B"), orientation="RAS").first
    # x runs to the right and y to the front, so that rows to the left and columns to the back begin at their ends
    assert list(first.ImagePositionPatient) == [-4, -3, 0]
    assert list(first.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
    assert np.array_equal(first.pixel_array, hu()[0, ::-1, ::-1])


def test_a_nifti_without_a_place_is_accepted_as_the_voxels_of_the_reference(tmp_path, place, reference):
    path = nifti(tmp_path / "v.nii", hu(SHAPE))
    found = converted(path, place / "out", reference=reference, orientation="reference")
    assert np.array_equal(found.values, hu(SHAPE))
    assert [list(d.ImagePositionPatient) for d in found.datasets] == [
        list(p) for p in reference.geometry.measured_positions
    ]


@pytest.mark.parametrize("orientation", [None, "RAS"])
def test_beside_a_reference_no_place_is_assumed(orientation, tmp_path, place, reference):
    path = nifti(tmp_path / "v.nii", hu(SHAPE))
    refused("GEO-UNPLACED", place, path, reference=reference, orientation=orientation)


def test_a_grid_of_another_shape_is_not_that_of_the_reference(tmp_path, place, reference):
    path = nifti(tmp_path / "v.nii", hu((6, 14, 12)))
    refused("GEO-SHAPE", place, path, reference=reference, orientation="reference")
