"""What is no picture, or more than an instance takes, is refused and nothing is written."""

from __future__ import annotations

import zlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own customary name
from PIL import Image

import derive
from derive.model import pages as pages_of_pictures
from tests.helpers.captures import (
    KINDS,
    MULTI,
    ROOT,
    SINGLE,
    array,
    convert,
    every_kind,
    instances,
    noise,
    saved,
)


def png_of_16_bit_colours(folder: Path) -> Path:
    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    rows = b"".join(b"\0" + bytes(range(12)) for _ in range(3))
    header = (2).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (folder / "a.png").write_bytes(data)
    return folder / "a.png"


def wide_vector(folder: Path) -> sitk.Image:
    return sitk.GetImageFromArray(np.ones((2, 3, 4, 3), np.uint16), isVector=True)


REFUSED = {
    "negative": (array([[[-1, 5]]], "int16"), "VAL-PICTURE"),
    "above-16-bits": (array([[[0, 65536]]], "int32"), "VAL-PICTURE"),
    "float32": (array([[[0, 1]]], "float32"), "VAL-PICTURE"),
    "float64": (array([[[0.5, 1]]], "float64"), "VAL-PICTURE"),
    "float-tiff": (saved("a.tif", Image.fromarray(np.ones((3, 4), np.float32))), "VAL-PICTURE"),
    "scaled": (lambda folder: scaled_nifti(folder), "VAL-PICTURE"),
    "png-16-bit-colours": (png_of_16_bit_colours, "VAL-COLOUR"),
    "vector-16-bit-colours": (wide_vector, "VAL-COLOUR"),
    "several-volumes": (array(np.zeros((2, 3, 4, 5)), "uint8"), "GEO-4D"),
}


def scaled_nifti(folder: Path) -> Path:
    """An image of whole numbers that mean others, and that does not say where it lies."""
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), None)
    image.header.set_slope_inter(2.0, 1.0)
    nibabel.save(image, folder / "a.nii")
    return folder / "a.nii"


@every_kind
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_and_nothing_is_written(name, kind, tmp_path):
    source, code = REFUSED[name]
    with pytest.raises(derive.DeriveError) as refusal:
        convert(source(tmp_path), kind).write(tmp_path / "out")
    assert refusal.value.code == code
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        *[(kind, {"values": "hu"}, "VAL-MEANING") for kind in KINDS],
        *[(kind, {"values": "scale=2,1"}, "VAL-MEANING") for kind in KINDS],
        *[(kind, {"units": "1"}, "VAL-MEANING") for kind in KINDS],
        *[(kind, {"nan_value": 0.0}, "VAL-MEANING") for kind in KINDS],
        (SINGLE, {"frame_time_ms": 40}, "OPT-FRAMETIME"),
        *[(MULTI, {"frame_time_ms": t}, "OPT-FRAMETIME") for t in (0, -40, [0, 40], float("nan"), float("inf"))],
        *[(kind, {"burned": ""}, "GIV-BURNED") for kind in KINDS],
        *[(kind, {"burned": "PERHAPS"}, "SET-VALUE") for kind in KINDS if kind == MULTI],
        *[(kind, {"set": {"PixelSpacing": "1\\1"}}, "SET-FORBIDDEN") for kind in KINDS],
        *[(kind, {"set": {"SOPClassUID": ROOT}}, "SET-FORBIDDEN") for kind in KINDS],
        *[(kind, {"patient": None}, "GIV-PATIENT") for kind in KINDS],
    ],
)
def test_what_pictures_cannot_be_told_is_refused(kind, options, code, tmp_path):
    with pytest.raises(derive.DeriveError) as refusal:
        convert(noise("bytes", 2, 7, 9), kind, **options).write(tmp_path / "out")
    assert refusal.value.code == code
    assert not (tmp_path / "out").exists()


def test_pages_of_single_bits_cannot_say_where_they_lie(tmp_path):
    with pytest.raises(derive.UsageError, match=r"OPT-PLACED.*secondary-capture"):
        convert(noise("bits", 2, 7, 9), MULTI, spacing_xyz=(1, 1, 2))


@pytest.mark.parametrize(("limit", "most"), [("MOST_PAGES", 4), ("MOST_BYTES", 5 * 7 * 9 - 1)])
def test_more_pages_than_an_instance_takes_are_refused_and_make_instances_of_their_own(
    limit, most, monkeypatch, tmp_path
):
    pages = noise("bytes", 5, 7, 9)
    monkeypatch.setattr(pages_of_pictures, limit, most)
    with pytest.raises(derive.ValuesError, match=r"VAL-PAGES.*secondary-capture"):
        convert(pages, MULTI)
    assert len(convert(pages, SINGLE).write(tmp_path / "single").files) == 5
    monkeypatch.setattr(pages_of_pictures, limit, most + 1)
    assert len(convert(pages, MULTI).write(tmp_path / "multi").files) == 1


@every_kind
def test_an_image_has_at_most_65535_columns(kind, tmp_path):
    with pytest.raises(derive.GeometryError, match="GEO-MATRIX"):
        convert(np.zeros((1, 1, 65536), np.uint8), kind)
    (dataset,) = instances(convert(np.zeros((1, 1, 65535), np.uint8), kind).write(tmp_path / "out"))
    assert (dataset.Rows, dataset.Columns) == (1, 65535)
