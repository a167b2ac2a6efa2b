"""Input that a conversion refuses: each by its code, nothing is written, and no message says who the patient is."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image

import derive
from tests.helpers.convert_files import (
    CT,
    PET_SAID,
    hu,
    nifti,
)
from tests.helpers.refused_conversions import MARKED, refused, spoiled

CHINESE, SURROGATE = "王^小东", "\ud800"

Made = tuple[Any, dict[str, Any]]


def array(values: Any, /, **options: Any) -> Callable[[Path], Made]:
    return lambda folder: (values() if callable(values) else values, CT | {"patient": MARKED} | options)


def file(make: Callable[[Path], Path], **options: Any) -> Callable[[Path], Made]:
    """A file that says its own spacing."""
    said = {"modality": "CT", "patient": MARKED} | options
    return lambda folder: (make(folder), said)


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


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
    "PET of several times": ("GEO-4D", array(FOUR_D, modality="PT", units="BQML", set=PET_SAID)),
    "a time after the last": ("GEO-4D", array(FOUR_D, frame_index=3)),
    "a time before the first": ("GEO-4D", array(FOUR_D, frame_index=-1)),
    "a second time of one": ("GEO-4D", array(hu, frame_index=1)),
    # pictures
    "pictures of which nobody looked what they show": (
        "GIV-BURNED",
        file(lambda f: picture(f), modality="OT", kind="secondary-capture"),
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
    "a kind that is none": ("OPT-KIND", array(hu, kind="surface")),
    "a share of overlap above 1": ("GEO-OVERLAP", array(hu, require_overlap=1.5)),
    "original and a code": ("OPT-ORIGINAL", array(hu, original=True, code="Smoothing")),
    "original and a description": ("OPT-ORIGINAL", array(hu, original=True, description="smoothed")),
    "a code that is none": ("OP-CODE", array(hu, code="Smoothly")),
    "a series description of 65 characters": ("SET-LENGTH", array(hu, series_description="x" * 65)),
    "a value that the attribute cannot have": ("SET-VALUE", array(hu, **setting("PatientAge", "40"))),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_by_its_code(name, tmp_path, place):
    code, make = CASES[name]
    source, options = make(tmp_path)
    refused(code, place, source, **options)
