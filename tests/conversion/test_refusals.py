"""What a conversion refuses: each with its code, nothing is written, and no message says who the patient is."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image

import derive
from derive import standard
from derive.cli import main
from tests.helpers.convert_files import (
    CT,
    MIRROR,
    PET,
    PET_SAID,
    affine_of,
    hu,
    nifti,
    read_back,
    read_reference,
    saved,
)
from tests.helpers.convert_files import written as converted

MARKED = derive.Patient("SECRET-4711", "Secret^Person", birth_date="19550505")
MARKS = ("secret", "person", "4711", "19550505", "doe^", "jane", "19700101")
CHINESE, SURROGATE = "王^小东", "\ud800"
PET_CLASS = "1.2.840.10008.5.1.4.1.1.128"
#: Of the reference.
SHAPE = (6, 12, 14)

Made = tuple[Any, dict[str, Any]]


@pytest.fixture(scope="module")
def reference():
    return read_reference()


@pytest.fixture
def place(tmp_path):
    """An empty folder; what is written would lie in it."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def refused(code: str, place: Path, source: Any, /, **options: Any) -> derive.DeriveError:
    """Convert and write; it is refused with this code, without a trace on the disk or of the patient in the text."""
    before = sorted(place.rglob("*"))
    with pytest.raises(derive.DeriveError) as caught:
        derive.convert(source, **options).write(place / "new" / "out")
    assert caught.value.code == code
    assert sorted(place.rglob("*")) == before
    said = f"{caught.value} {caught.value.facts}".lower()
    assert not [mark for mark in MARKS if mark in said]
    return caught.value


def array(values: Any, /, **options: Any) -> Callable[[Path], Made]:
    return lambda folder: (values() if callable(values) else values, CT | {"patient": MARKED} | options)


def file(make: Callable[[Path], Path], **options: Any) -> Callable[[Path], Made]:
    """A file that says its own spacing."""
    said = {"modality": "CT", "patient": MARKED} | options
    return lambda folder: (make(folder), said)


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


def spoiled(value: float) -> np.ndarray:
    values = hu().astype(np.float32)
    values[1, 2, 3] = value
    return values


def sheared() -> np.ndarray:
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[0, 2] = 0.5
    return affine


def flat() -> np.ndarray:
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[:3, 2] = affine[:3, 1]
    return affine


def picture(folder: Path, colours: int = 3) -> Path:
    values = np.arange(8 * 9 * colours, dtype=np.uint8).reshape(8, 9, colours)
    Image.fromarray(values if colours > 1 else values[..., 0]).save(folder / "p.png")
    return folder / "p.png"


def rgb_nifti(folder: Path) -> Path:
    values = np.zeros((3, 4, 5), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    return nifti(folder / "rgb.nii", values, np.eye(4))


def nrrd(folder: Path) -> Path:
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(-1000, 1000, (6, 30, 30), dtype=np.int16))
    sitk.WriteImage(image, str(folder / "v.nrrd"), useCompression=True)
    return folder / "v.nrrd"


def shorn_gzip(folder: Path) -> Path:
    """A file that ends with its last voxel: only the checksum is missing."""
    path = nifti(folder / "v.nii", hu(), np.eye(4))
    whole = gzip.compress(path.read_bytes())
    (folder / "v.nii.gz").write_bytes(whole[:-8])
    return folder / "v.nii.gz"


def noise(path: Path) -> Path:
    return nifti(path, np.random.default_rng(0).integers(-1000, 1000, (6, 30, 30), dtype=np.int16), np.eye(4))


def text(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def setting(keyword: str, value: str) -> dict[str, Any]:
    return {"set": {keyword: value}}


def tall(rows: int, columns: int) -> np.ndarray:
    """An array of that many rows and columns that takes hardly any memory."""
    return np.broadcast_to(np.array([-1000, 40], np.int16)[:, None, None], (2, rows, columns))


def around(centre: float, spread: float) -> np.ndarray:
    return centre + spread * np.linspace(0, 1, 60).reshape(3, 4, 5)


FAR = around(1e9, 1.0)
AS_IS = {"values": "as-is", "units": "US"}
FOUR_D = np.stack([hu()] * 3)
CASES: dict[str, tuple[str, Callable[[Path], Made]]] = {
    # what the file is
    "no such file": ("SRC-MISSING", file(lambda f: f / "nowhere.nii")),
    "an unknown format": ("SRC-FORMAT", file(text("v.docx", b"x"))),
    "a folder": ("SRC-FORMAT", file(lambda f: f)),
    "a truncated .nii.gz": ("SRC-DAMAGED", file(lambda f: cut(noise(f / "v.nii.gz"), 500))),
    "a .nii.gz without its checksum": ("SRC-DAMAGED", file(shorn_gzip)),
    "a truncated .nii": ("SRC-DAMAGED", file(lambda f: cut(noise(f / "v.nii"), 10))),
    "a truncated gzip NRRD": ("SRC-DAMAGED", file(lambda f: cut(nrrd(f), 500))),
    "a NRRD without its checksum": ("SRC-DAMAGED", file(lambda f: cut(nrrd(f), 8))),
    "an empty file": ("SRC-DAMAGED", file(text("v.nii.gz", b""))),
    "an object of no kind that is known": ("SRC-INPUT", array([[1, 2], [3, 4]])),
    "raw bytes without a layout": ("SRC-FORMAT", file(text("v.raw", b"12345678"))),
    "a layout for an array": ("RAW-LAYOUT", array(hu, raw=derive.RawLayout((5, 4, 3), "int16"))),
    # what the numbers are
    "NaN": ("VAL-NAN", array(spoiled(np.nan))),
    "infinity": ("VAL-NAN", array(spoiled(-np.inf))),
    "NaN in MR": ("VAL-NAN", array(spoiled(np.nan), modality="MR")),
    "nothing but NaN": ("VAL-EMPTY", array(np.full((3, 4, 5), np.nan), nan_value=-1000)),
    "a nan_value that is none": ("VAL-NAN", array(hu, nan_value=np.inf)),
    "no values at all": ("VAL-EMPTY", array(np.zeros((0, 4, 5), np.int16))),
    "five dimensions": ("VAL-5D", array(np.zeros((2, 2, 3, 4, 5), np.int16))),
    "five dimensions in NIfTI": ("VAL-5D", file(lambda f: nifti(f / "v.nii", np.zeros((2, 1, 3, 4, 5)), np.eye(4)))),
    "complex numbers": ("VAL-COMPLEX", array(hu().astype(np.complex64))),
    "text": ("VAL-TYPE", array(np.full((3, 4, 5), "a"))),
    "colours where grey is needed": ("VAL-COLOUR", file(picture, spacing_xyz=1.0)),
    "an RGB NIfTI where grey is needed": ("VAL-COLOUR", file(rgb_nifti)),
    "CT from 0 to 1": ("VAL-HU", array(around(0.0, 1.0))),
    "CT from -1 to 1": ("VAL-HU", array(around(-1.0, 2.0).astype(np.float32))),
    "CT that is a mask": ("VAL-HU", array((hu() > -900).astype(np.uint8))),
    "CT that is a mask of booleans": ("VAL-HU", array(hu() > -900)),
    "CT that is constant 0": ("VAL-HU", array(np.zeros((3, 4, 5), np.int16))),
    "an 8-bit label map": ("VAL-UNSIGNED", array((hu() % 5).astype(np.uint8))),
    "unsigned 16-bit CT": ("VAL-UNSIGNED", array((hu() + 1024).astype(np.uint16))),
    "unsigned 16-bit CT in NIfTI": (
        "VAL-UNSIGNED",
        file(lambda f: nifti(f / "v.nii", (hu() + 1024).astype(np.uint16), np.eye(4))),
    ),
    "floats far from 0": ("VAL-PRECISION", array(FAR, **AS_IS)),
    "floats far from 0 as MR": ("VAL-PRECISION", array(FAR, modality="MR")),
    "Hounsfield units of MR": ("VAL-MEANING", array(hu, modality="MR", values="hu")),
    "a meaning that is none": ("VAL-MEANING", array(hu, values="scale=1")),
    "a slope of 0": ("VAL-MEANING", array(hu, values="scale=0,5")),
    "PET without units": ("VAL-UNITS", array(hu, modality="PT", set=PET_SAID)),
    # where they lie
    "more rows than an image can have": ("GEO-MATRIX", array(tall(65536, 2))),
    "more columns than an image can have": ("GEO-MATRIX", array(tall(2, 65536))),
    "a picture of too many rows": (
        "GEO-MATRIX",
        array(
            tall(65536, 2).astype(np.uint8),
            modality="OT",
            kind="secondary-capture",
            spacing_xyz=None,
            **setting("BurnedInAnnotation", "NO"),
        ),
    ),
    "a determinant of 0": ("GEO-DETERMINANT", file(lambda f: nifti(f / "v.nii", hu(), flat()))),
    "no place in a patient": ("GEO-UNPLACED", file(lambda f: nifti(f / "v.nii", hu()))),
    "no spacing": ("GEO-UNPLACED", array(hu, spacing_xyz=None)),
    "a spacing of 0": ("GEO-UNPLACED", array(hu, spacing_xyz=(1.0, 0.0, 1.0))),
    "a spacing below 0": ("GEO-UNPLACED", array(hu, spacing_xyz=(1.0, -1.0, 1.0))),
    "a spacing that is infinite": ("GEO-UNPLACED", array(hu, spacing_xyz=np.inf)),
    "two numbers of spacing": ("GEO-UNPLACED", array(hu, spacing_xyz=(1.0, 1.0))),
    "an origin that is NaN": ("GEO-UNPLACED", array(hu, origin_xyz=(0, 0, np.nan))),
    "shear": ("GEO-SHEAR", file(lambda f: nifti(f / "v.nii", hu((6, 10, 10)), sheared()))),
    "a spacing for a file that says its own": (
        "GEO-STATED",
        file(lambda f: nifti(f / "v.nii", hu(), np.eye(4)), spacing_xyz=1.0),
    ),
    "an origin for a file that says its own": (
        "GEO-STATED",
        file(lambda f: nifti(f / "v.nii", hu(), np.eye(4)), origin_xyz=(0, 0, 0)),
    ),
    "an orientation for a file that says its own": (
        "GEO-STATED",
        file(lambda f: nifti(f / "v.nii", hu(), np.eye(4)), orientation="RAS"),
    ),
    "another spacing than the header's": (
        "GEO-STATED",
        file(lambda f: nifti(f / "v.nii", hu()), orientation="RAS", spacing_xyz=(2.0, 1.0, 1.0)),
    ),
    "two letters of one pair": ("GEO-ORIENTATION", array(hu, orientation="LRS")),
    "two letters": ("GEO-ORIENTATION", array(hu, orientation="LP")),
    "letters that are none": ("GEO-ORIENTATION", array(hu, orientation="XYZ")),
    "cosines that are not at right angles": ("GEO-ORIENTATION", array(hu, orientation=(1, 0, 0, 0.5, 0.5, 0))),
    "cosines that are NaN": ("GEO-ORIENTATION", array(hu, orientation=(np.nan, 0, 0, 0, 1, 0))),
    "five cosines": ("GEO-ORIENTATION", array(hu, orientation=(1, 0, 0, 0, 1))),
    "the reference's orientation without one": (
        "GEO-ORIENTATION",
        file(lambda f: nifti(f / "v.nii", hu()), orientation="reference"),
    ),
    "a plane that is none": ("GEO-PLANE", array(hu, plane="oblique")),
    "CT of several times": ("GEO-4D", array(FOUR_D)),
    "PET of several times": ("GEO-4D", array(FOUR_D, modality="PT", units="BQML", set=PET_SAID)),
    "a time after the last": ("GEO-4D", array(FOUR_D, frame_index=3)),
    "a time before the first": ("GEO-4D", array(FOUR_D, frame_index=-1)),
    "a second time of one": ("GEO-4D", array(hu, frame_index=1)),
    # pictures
    "pictures of which nobody looked what they show": (
        "GIV-BURNED",
        file(lambda f: picture(f), modality="OT", kind="secondary-capture"),
    ),
    "pages of one instance that lie in a patient": (
        "GEO-PAGES",
        file(
            lambda f: nifti(f / "v.nii", (hu() + 1000).astype(np.uint16), np.eye(4)),
            modality="OT",
            kind="multi-frame-secondary-capture",
            **setting("BurnedInAnnotation", "NO"),
        ),
    ),
    "pictures of negative numbers": (
        "VAL-PICTURE",
        array(hu, modality="OT", kind="secondary-capture", spacing_xyz=None, **setting("BurnedInAnnotation", "NO")),
    ),
    "pictures with units": (
        "VAL-MEANING",
        file(picture, modality="OT", kind="secondary-capture", units="BQML", **setting("BurnedInAnnotation", "NO")),
    ),
    # whose it is
    "no patient": ("GIV-PATIENT", array(hu, patient=None)),
    "a patient without an ID": ("GIV-PATIENT", array(hu, patient=derive.Patient("", "Secret^Person"))),
    "a patient without a name": ("GIV-PATIENT", array(hu, patient=derive.Patient("SECRET-4711", " "))),
    "a name of nothing but carets": ("GIV-PATIENT", array(hu, patient=derive.Patient("SECRET-4711", "^^"))),
    "a patient ID of 65 characters": (
        "SET-VALUE",
        array(hu, patient=derive.Patient("SECRET-4711" + "x" * 54, "Secret^Person")),
    ),
    "a patient ID of two values": ("SET-VALUE", array(hu, patient=derive.Patient("SECRET\\4711", "Secret^Person"))),
    "a patient ID of two lines": ("SET-VALUE", array(hu, patient=derive.Patient("SECRET\n4711", "Secret^Person"))),
    "a name of two values": ("SET-VALUE", array(hu, patient=derive.Patient("SECRET-4711", "Secret\\Person^A"))),
    "a sex that is none": ("SET-VALUE", array(hu, patient=derive.Patient("SECRET-4711", "Secret^Person", sex="X"))),
    "a date of birth with hyphens": (
        "SET-VALUE",
        array(hu, patient=derive.Patient("SECRET-4711", "Secret^Person", birth_date="1955-05-05")),
    ),
    "a day that there was not": ("SET-VALUE", array(hu, study=derive.Study(date="20250230"))),
    "a study UID that is none": ("SET-VALUE", array(hu, study=derive.Study(uid="1.02.3"))),
    "a name as people write it": ("SET-NAME", array(hu, patient=derive.Patient("SECRET-4711", "Secret Person"))),
    "a physician as people write it": ("SET-NAME", array(hu, study=derive.Study(referring_physician="John Smith"))),
    "a name that the character set has not": (
        "SET-CHARSET",
        array(hu, patient=derive.Patient("SECRET-4711", CHINESE), character_set="ISO_IR 100"),
    ),
    "a character set that is none": ("SET-CHARSET", array(hu, character_set="ISO_IR 999")),
    "a character set as others call it": ("SET-CHARSET", array(hu, character_set="UTF-8")),
    # half of a pair, as a broken file name gives it: no character set can say it
    "a name with a lone surrogate": ("SET-CHARSET", array(hu, patient=derive.Patient("4711", f"Secret^{SURROGATE}"))),
    "a study with a lone surrogate": ("SET-CHARSET", array(hu, study=derive.Study(description=SURROGATE))),
    "a setting with a lone surrogate": ("SET-CHARSET", array(hu, **setting("ProtocolName", SURROGATE))),
    "a comment with a lone surrogate": ("SET-CHARSET", array(hu, **setting("ImageComments", SURROGATE))),
    "a series with a lone surrogate": ("SET-CHARSET", array(hu, series_description=SURROGATE)),
    "a description with a lone surrogate": ("SET-CHARSET", array(hu, description=SURROGATE)),
    # what is said of it
    "no modality": ("OPT-MODALITY", array(hu, modality=None)),
    "a modality of no class": ("OPT-MODALITY", array(hu, modality="US")),
    "an unknown option": ("OPT-UNKNOWN", array(hu, colour="red")),
    "a kind that is none": ("OPT-KIND", array(hu, kind="segmentation")),
    "a share of overlap above 1": ("GEO-OVERLAP", array(hu, require_overlap=1.5)),
    "original and a code": ("OPT-ORIGINAL", array(hu, original=True, code="Smoothing")),
    "original and a description": ("OPT-ORIGINAL", array(hu, original=True, description="smoothed")),
    "a code that is none": ("OP-CODE", array(hu, code="Smoothly")),
    "a series description of 65 characters": ("SET-LENGTH", array(hu, series_description="x" * 65)),
    "a value that the attribute cannot have": ("SET-VALUE", array(hu, **setting("PatientAge", "40"))),
}
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


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_by_its_code(name, tmp_path, place):
    code, make = CASES[name]
    source, options = make(tmp_path)
    refused(code, place, source, **options)


@pytest.mark.parametrize("keyword", FORBIDDEN)
def test_what_is_computed_and_uids_are_nobodys_to_say(keyword, place):
    refused("SET-FORBIDDEN", place, hu(), **CT, set={keyword: "1"})


def test_a_setting_makes_no_ct_of_another_modality(place):
    with pytest.raises(derive.UsageError):
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
    assert all(fit in error.message for fit in fits), error.message


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
    assert all(f"--set {keyword}=VALUE" in error.message for keyword in needed)


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


# With a reference


def test_a_volume_elsewhere_than_its_reference_is_refused(tmp_path, place, reference):
    """RAS written as if it were LPS: the mistake that everybody makes once."""
    path = nifti(tmp_path / "v.nii", hu(SHAPE), MIRROR @ affine_of(reference))
    error = refused("GEO-OVERLAP", place, path, reference=reference)
    assert error.facts["share"] == 0
    assert "signs of x and y" in error.message
    converted(nifti(tmp_path / "w.nii", hu(SHAPE), affine_of(reference)), place / "out", reference=reference)


@pytest.mark.parametrize(("moved", "share"), [(1, 5 / 6), (3, 1 / 2), (4, 1 / 3)])
def test_as_much_of_it_has_to_lie_in_the_reference_as_the_caller_says_or_half(moved, share, tmp_path, place, reference):
    affine = affine_of(reference)
    affine[2, 3] += 2.0 * moved
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine)
    error = refused("GEO-OVERLAP", place, path, reference=reference, require_overlap=share + 0.02)
    assert error.facts["share"] == pytest.approx(share, abs=0.02)
    if share < 0.5:
        refused("GEO-OVERLAP", place, path, reference=reference)
    report = derive.convert(path, reference=reference, require_overlap=share - 0.02).write(place / "out")
    # slices that no image is behind are told of
    assert [(f.code, f.severity) for f in report.findings] == [("CHK-SOURCES", "warning")] * moved


TOGETHER = {
    "a patient": ("GIV-REFERENCE", {"patient": MARKED}),
    "a study": ("GIV-REFERENCE", {"study": derive.Study(description="x")}),
    "original": ("OPT-ORIGINAL", {"original": True}),
    "a character set": ("SET-CHARSET", {"character_set": "ISO_IR 192"}),
    "the name of a patient": ("SET-FORBIDDEN", {"set": {"PatientName": "Secret^Person"}}),
    "a study date": ("SET-FORBIDDEN", {"set": {"StudyDate": "20260101"}}),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_a_reference_says_whose_it_is_and_nobody_else(name, tmp_path, place, reference):
    code, options = TOGETHER[name]
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    refused(code, place, path, reference=reference, **options)


def test_pet_with_a_pet_reference_still_needs_its_units(tmp_path, place):
    reference = read_reference("PT")
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    assert "BQML" in refused("VAL-UNITS", place, path, reference=reference).message


# The target


def test_a_folder_that_is_not_empty_stays_as_it_is(place):
    (place / "out").mkdir()
    (place / "out" / "mine.txt").write_text("mine")
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(hu(), **CT).write(place / "out")
    assert caught.value.code == "OUT-EXISTS"
    assert sorted(p.relative_to(place).as_posix() for p in place.rglob("*")) == ["out", "out/mine.txt"]
    derive.convert(hu(), **CT).write(place / "out", overwrite=True)
    assert len(read_back(place / "out")) == 3


def test_a_file_is_no_folder_to_write_to(place):
    (place / "out").write_text("mine")
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(hu(), **CT).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-EXISTS"
    assert (place / "out").read_text() == "mine"


def beside(folder: Path) -> Path:
    return nifti(folder / "out" / "v.nii.gz", hu(), np.eye(4))


def deeper(folder: Path) -> Path:
    return nifti(folder / "out" / "a" / "b" / "v.nii.gz", hu(), np.eye(4))


def linked(folder: Path) -> Path:
    (folder / "elsewhere").mkdir()
    link = folder / "elsewhere" / "link.nii.gz"
    link.symlink_to(beside(folder))
    return link


def in_two_parts(folder: Path) -> Path:
    """A header whose data are in the target."""
    (folder / "out").mkdir()
    image = sitk.GetImageFromArray(hu())
    sitk.WriteImage(image, str(folder / "out" / "v.mhd"))
    header = (folder / "out" / "v.mhd").read_text().replace("= v.raw", "= out/v.raw")
    (folder / "out" / "v.mhd").unlink()
    (folder / "v.mhd").write_text(header)
    return folder / "v.mhd"


@pytest.mark.parametrize("make", [beside, deeper, linked, in_two_parts])
def test_the_input_survives_a_target_that_holds_it(make, place):
    source = make(place)
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(source, modality="CT", patient=MARKED).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert {p: p.read_bytes() for p in place.rglob("*") if p.is_file()} == before


def test_the_file_of_an_image_of_nibabel_survives_a_target_that_holds_it(place):
    image = nibabel.load(beside(place))
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(image, modality="CT", patient=MARKED).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert [p.name for p in (place / "out").iterdir()] == ["v.nii.gz"]


def test_the_input_survives_where_it_is_named_as_seen_from_here(place, monkeypatch):
    before = beside(place).read_bytes()
    monkeypatch.chdir(place / "out")
    with pytest.raises(derive.OutputError) as caught:
        derive.convert("v.nii.gz", modality="CT", patient=MARKED).write(".", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert (place / "out" / "v.nii.gz").read_bytes() == before


def test_the_reference_survives_a_target_that_holds_it(tmp_path, place):
    reference = derive.read(saved(place / "out"))
    path = nifti(tmp_path / "v.nii", hu(SHAPE), affine_of(reference))
    with pytest.raises(derive.OutputError) as caught:
        derive.convert(path, reference=reference).write(place / "out", overwrite=True)
    assert caught.value.code == "OUT-SOURCE"
    assert len(list((place / "out").iterdir())) == 6


# The command line says the same


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (["{in}", "-o", "{place}/out"], "SRC-INPUT", 2),
        (["{in}/v.nii", "{in}/v.nii", "-o", "{place}/out"], "SRC-INPUT", 2),
        (["{in}/v.nii"], "OUT-NONE", 2),
        (["{in}/v.nii", "-o", "{place}/out"], "GIV-PATIENT", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--patient-id", "SECRET-4711"], "GIV-PATIENT", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--spacing-mm", "1"], "GEO-STATED", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--orientation", "1", "0", "x"], "GEO-ORIENTATION", 2),
        (["{in}/v.nii", "-o", "{place}/out", "--shape", "5", "4", "3"], "RAW-LAYOUT", 2),
        (["{in}/w.nii", "-o", "{place}/out"], "SRC-MISSING", 3),
        (["{in}/v.nii", "-o", "{place}/v.nii"], "EXP-SOURCE", 2),
    ],
)
def test_the_command_line_refuses_with_code_and_status(arguments, code, status, tmp_path, place, capsys):
    nifti(tmp_path / "in" / "v.nii", hu(), np.eye(4))
    named = [a.replace("{in}", str(tmp_path / "in")).replace("{place}", str(place)) for a in arguments]
    assert main(["convert", *named, "--modality", "CT"]) == status
    said = capsys.readouterr()
    assert said.err.startswith(f"derive: {code}: ")
    assert said.out == ""
    assert list(place.iterdir()) == []
    assert not [mark for mark in MARKS if mark in said.err.lower()]
