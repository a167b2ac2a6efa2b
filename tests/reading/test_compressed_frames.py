"""Frames of multi-frame images in every transfer syntax, in archives and deflated: the same values."""

from __future__ import annotations

import zipfile
from copy import deepcopy
from functools import cache

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

import derive
from derive.model.stacking import stack
from derive.pixels.frames import frame_pixels
from derive.pixels.recode import encoded
from derive.pixels.samples import SampleLayout
from derive.reading.files import plain
from derive.reading.header import Reader
from derive.reading.pixel_attributes import layout_of
from tests.helpers.asserting import each, raises_code
from tests.helpers.multi_frame import multi_frame

REAL = "enhanced_mr/pydicom+pydicom-data/data_store/data"
UID = "1.2.840.10008.1.2."
SHAPE, SLICES = (36, 40), 5
COMPRESSED = ["4.57", "4.70", "4.80", "4.90", "5"]
NATIVE = [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


@cache
def original():
    return multi_frame("CT", slices=SLICES, shape=SHAPE, shuffled=3)


@cache
def streams(syntax):
    layout = SampleLayout(UID + syntax, 1, *SHAPE, 1, False, 16, 16, 15, False, "MONOCHROME2")
    return tuple(encoded(frame[..., None], layout, "x") for frame in original().pixel_array)


def saved(path, syntax, value=None, **changes):
    dataset = deepcopy(original())
    dataset.file_meta.TransferSyntaxUID = syntax
    if value is not None:
        dataset.PixelData = value
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    for keyword, changed in changes.items():
        setattr(dataset, keyword, changed)
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    if not little:
        dataset.PixelData = original().pixel_array.astype(">u2").tobytes()
    dataset.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return path


def volume():
    return stack(derive.read(original())).array


@pytest.mark.parametrize("syntax", NATIVE)
def test_native_frames_in_any_encoding(tmp_path, syntax):
    series = derive.read(saved(tmp_path / "x.dcm", syntax))
    assert np.array_equal(stack(series).array, volume())


def forms(frames):
    extended, offsets, lengths = encapsulate_extended([*frames])
    tables = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths}
    return {
        "table": (encapsulate([*frames]), {}),
        "no-table": (encapsulate([*frames], has_bot=False), {}),
        "fragments": (encapsulate([*frames], fragments_per_frame=3), {}),
        "extended": (extended, tables),
    }


@pytest.mark.parametrize("form", ["table", "no-table", "fragments", "extended"])
@pytest.mark.parametrize("syntax", COMPRESSED)
def test_compressed_frames_in_any_form(tmp_path, syntax, form):
    if (syntax, form) == ("5", "fragments"):
        pytest.skip("a run-length code is one fragment a frame (PS3.5 A.4.2)")
    value, tables = forms(streams(syntax))[form]
    series = derive.read(saved(tmp_path / "x.dcm", UID + syntax, value, **tables))
    assert np.array_equal(stack(series).array, volume())
    assert not series.remarks


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_wrong_table_is_told(tmp_path, syntax):
    value = bytearray(encapsulate([*streams(syntax)]))
    value[12] ^= 0x10  # the offset of the second frame
    series = derive.read(saved(tmp_path / "x.dcm", UID + syntax, bytes(value)))
    assert np.array_equal(stack(series).array, volume())
    assert "SRC-OFFSETS" in {r.code for r in series.remarks}


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize("syntax", ["4.90", "5"])
def test_a_frame_too_many_or_too_few(tmp_path, syntax, change):
    frames = [*streams(syntax), streams(syntax)[0]] if change > 0 else streams(syntax)[:-1]
    with raises_code("VAL-LENGTH" if change > 0 else "VAL-TRUNCATED"):
        derive.read(saved(tmp_path / "x.dcm", UID + syntax, encapsulate([*frames])))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("syntax", [UID + "1", UID + "4.90", DeflatedExplicitVRLittleEndian])
def test_frames_of_a_member_of_an_archive(tmp_path, method, syntax):
    value = encapsulate([*streams("4.90")]) if syntax == UID + "4.90" else None
    file = saved(tmp_path / "x.dcm", syntax, value)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.write(file, "a/x.dcm")
    series = derive.read(tmp_path / "x.zip")
    assert np.array_equal(stack(series).array, volume())
    derive.build(series, derive.operations.gaussian_blur(sigma_mm=1)).write(tmp_path / "out")


def test_real_frames_are_the_same_in_all_transfer_syntaxes(real):
    files = each(real(REAL).glob("emri_small*.dcm"), 6)
    expected = pydicom.dcmread(real(REAL) / "emri_small.dcm").pixel_array
    syntaxes = set()
    for file in files:
        header = Reader().read(plain(file))
        syntaxes.add(header.transfer_syntax)
        layout = layout_of(header)
        places = frame_pixels(layout, header.pixels, len(expected), file.name).frames
        found = [derive.pixels.decode.decode(layout, None, place, file.name) for place in places]
        assert np.array_equal(found, expected)
    assert len(syntaxes) == 5
