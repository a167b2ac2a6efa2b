"""Compressed results on the disk: offset tables, frames of many, what other readers take out of them."""

from __future__ import annotations

import io
import struct

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames, parse_basic_offsets

import derive
from derive.operations import apply, gaussian_blur
from derive.pixels.compressions import is_installed, rows
from derive.pixels.encapsulating import EncapsulatedFrames, Encapsulator
from tests.helpers.asserting import every, raises_code
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series

BLUR = gaussian_blur(sigma_mm=1.0)
METHODS = [
    pytest.param(name, marks=pytest.mark.skipif(not is_installed(row), reason=f"needs {' '.join(row.needs)}"))
    for (name, lossy), row in rows().items()
    if not lossy
]
FORMS = {
    "classic": lambda: make_series("CT", shape=(48, 40)),
    "enhanced": lambda: multi_frame(shape=(48, 40), slices=5),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", METHODS)
def test_a_compressed_series_has_the_values_of_a_native_one(method, form, tmp_path):
    source = derive.read(FORMS[form]())
    native = derive.build(source, BLUR, uids="reproducible").write(tmp_path / "native")
    report = derive.build(source, BLUR, uids="reproducible", compress=method).write(tmp_path / "packed")
    assert report.compression.ratio > 1
    assert report.to_json()["compression"]["method"] == method
    assert len(native.files) == len(report.files) > 0
    for one, other in zip(native.files, report.files, strict=True):
        wanted, found = pydicom.dcmread(one), pydicom.dcmread(other)
        assert wanted.SOPInstanceUID == found.SOPInstanceUID  # the same pixels, otherwise encoded
        assert found.file_meta.TransferSyntaxUID.name != wanted.file_meta.TransferSyntaxUID.name
        assert np.array_equal(wanted.pixel_array, found.pixel_array)
        assert other.stat().st_size < one.stat().st_size
    again, checked = derive.read(tmp_path / "packed"), derive.check(tmp_path / "packed")
    assert np.array_equal(np.asarray(again), np.asarray(derive.read(tmp_path / "native")))
    assert [f for f in checked.findings if f.severity == "error"] == []


def test_colour_is_transformed_and_said_to_be(tmp_path):
    pytest.importorskip("imagecodecs", reason="needs the package imagecodecs")
    random = np.random.default_rng(2)

    def drawn(volume):
        return random.integers(0, 256, (2, 40, 44, 3)).astype(np.uint8)

    options = {"set": {"BurnedInAnnotation": "NO"}, "into": "secondary-capture"}
    made = derive.build(
        derive.read(make_series("CT")), apply(function=drawn, code="Smoothing"), **options, compress="jpeg2000"
    )
    report = made.write(tmp_path / "o")
    first = pydicom.dcmread(report.files[0])
    assert (first.PhotometricInterpretation, first.PlanarConfiguration) == ("YBR_RCT", 0)
    assert first.pixel_array.shape == (40, 44, 3)


def test_bits_are_refused_before_anything_is_drawn(tmp_path):
    def drawn(volume):
        return np.zeros((1, 16, 16), np.bool_)

    source, wanted = derive.read(make_series("CT")), {"BurnedInAnnotation": "NO"}
    made = derive.build(
        source,
        apply(function=drawn, code="Smoothing"),
        set=wanted,
        into="multi-frame-secondary-capture",
        compress="rle",
    )
    with raises_code("VAL-COMPRESS", derive.ValuesError):
        made.plan()
    with raises_code("VAL-COMPRESS", derive.ValuesError):
        made.write(tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_instances_in_memory_are_compressed_too(tmp_path):
    source = derive.read(make_series("CT", shape=(48, 40)))
    native = [d.pixel_array for d in derive.build(source, BLUR).instances()]
    made = list(derive.build(source, BLUR, compress="rle").instances())
    assert {d.file_meta.TransferSyntaxUID for d in made} == {pydicom.uid.RLELossless}
    assert every(np.array_equal(d.pixel_array, n) for d, n in zip(made, native, strict=True))


def _encapsulated(most_basic: int) -> tuple[EncapsulatedFrames, list[bytes]]:
    frames = [b"one", b"the second", b"3rd"]
    into = Encapsulator("1.2.840.10008.1.2.5")
    for frame in frames:
        into.add(frame, 100)
    made = into.close()
    return EncapsulatedFrames(made.transfer_syntax, made.lengths, made.native_length, made._shared, most_basic), frames


def test_the_basic_offset_table_says_where_each_frame_begins():
    made, frames = _encapsulated(1000)
    value = b"".join(made.runs())
    assert made.extended == {}
    assert parse_basic_offsets(value) == [0, 12, 30]
    assert [f.rstrip(b"\0") for f in generate_frames(value, number_of_frames=3)] == frames
    assert made.ratio == pytest.approx(300 / 16)


def test_what_32_bits_cannot_say_stands_in_the_extended_table():
    made, frames = _encapsulated(29)
    value = b"".join(made.runs())
    assert parse_basic_offsets(value) == []
    offsets, lengths = (struct.unpack("<3Q", value) for value in made.extended.values())
    assert (offsets, lengths) == ((0, 12, 30), (3, 10, 3))
    begins = io.BytesIO(value[8:])
    for offset, length, frame in zip(offsets, lengths, frames, strict=True):
        begins.seek(offset + 8)
        assert begins.read(length) == frame


def test_a_file_with_an_extended_table_is_read_by_pydicom_and_by_us(tmp_path, monkeypatch):
    monkeypatch.setattr(EncapsulatedFrames.__init__, "__defaults__", (100, 0))
    source = derive.read(FORMS["enhanced"]())
    native = derive.build(source, BLUR).write(tmp_path / "native")
    report = derive.build(source, BLUR, compress="rle").write(tmp_path / "o")
    found = pydicom.dcmread(report.files[0])
    assert len(found.ExtendedOffsetTable) == 8 * 5
    assert np.array_equal(found.pixel_array, pydicom.dcmread(native.files[0]).pixel_array)
    assert derive.read(tmp_path / "o").geometry.shape[0] == 5
