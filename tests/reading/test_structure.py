"""Attributes that decide how pixels are read: what contradicts is refused by name, or read by the rule and said."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.tag import Tag

import derive
from derive.errors import DeriveError
from tests.helpers.asserting import each, raises_code
from tests.helpers.encodings import encoded, part10
from tests.helpers.sources import make_series

EXPLICIT = "1.2.840.10008.1.2.1"


def tag_bytes(keyword):
    tag = int(Tag(keyword))
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF)


def element(keyword, vr, value):
    value += (b" " if vr in ("DS", "IS", "LO", "CS") else b"\0") * (len(value) % 2)
    if vr in ("OW", "OB", "UN"):
        return tag_bytes(keyword) + vr.encode() + b"\0\0" + struct.pack("<L", len(value)) + value
    return tag_bytes(keyword) + vr.encode() + struct.pack("<H", len(value)) + value


def with_bytes(tmp_path, change, which=(1,), modality="CT"):
    """Three images, in some of which ``change(encoded data set) -> bytes``."""
    folder = tmp_path / "series"
    folder.mkdir()
    for index, dataset in enumerate(make_series(modality, 3)):
        body = encoded(dataset, lambda path: False)
        (folder / f"{index}.dcm").write_bytes(part10(EXPLICIT, change(body) if index in which else body))
    return folder


def exchanged(keyword, new):
    """Return a change that puts another element in the place of one with a short length."""

    def change(body):
        at = body.index(tag_bytes(keyword))
        size = 8 + int.from_bytes(body[at + 6 : at + 8], "little")
        return body[:at] + new + body[at + size :]

    return change


WRONG = {
    "rows-ds": ("Rows", "DS", b"47.7"),
    "rows-text": ("Rows", "LO", b"many"),
    "rows-two": ("Rows", "US", struct.pack("<2H", 12, 14)),
    "rows-three-bytes": ("Rows", "US", b"\x0c\0\0\0\0\0"),
    "rows-zero": ("Rows", "US", bytes(2)),
    "rows-empty": ("Rows", "US", b""),
    "columns-fd": ("Columns", "FD", struct.pack("<d", 14.5)),
    "columns-nan": ("Columns", "FD", struct.pack("<d", float("nan"))),
    "allocated-12": ("BitsAllocated", "US", struct.pack("<H", 12)),
    "allocated-8": ("BitsAllocated", "US", struct.pack("<H", 8)),
    "stored-17": ("BitsStored", "US", struct.pack("<H", 17)),
    "stored-two": ("BitsStored", "US", struct.pack("<2H", 16, 12)),
    "high-31": ("HighBit", "US", struct.pack("<H", 31)),
    "representation-2": ("PixelRepresentation", "US", struct.pack("<H", 2)),
    "representation-0": ("PixelRepresentation", "US", bytes(2)),
    "samples-3": ("SamplesPerPixel", "US", struct.pack("<H", 3)),
    "photometric-1": ("PhotometricInterpretation", "CS", b"MONOCHROME1"),
    "photometric-rgb": ("PhotometricInterpretation", "CS", b"RGB"),
    "slope-two": ("RescaleSlope", "DS", b"1\\2"),
    "slope-python": ("RescaleSlope", "DS", b"1_0"),
    "slope-hex": ("RescaleSlope", "DS", b"0x10"),
    "slope-inf": ("RescaleSlope", "DS", b"inf"),
    "slope-nan": ("RescaleSlope", "FD", struct.pack("<d", float("nan"))),
    "slope-blank": ("RescaleSlope", "DS", b"1 0"),
    "slope-wide": ("RescaleSlope", "DS", "\uff11".encode()),
    "slope-zero": ("RescaleSlope", "DS", b"0"),
    "slope-huge": ("RescaleSlope", "DS", b"1e400"),
    "intercept-two": ("RescaleIntercept", "DS", b"-1024\\0"),
    "intercept-text": ("RescaleIntercept", "LO", b"water"),
    "position-two": ("ImagePositionPatient", "DS", b"1\\2"),
    "position-python": ("ImagePositionPatient", "DS", b"1_0\\2\\3"),
    "position-four": ("ImagePositionPatient", "DS", b"1\\2\\3\\4"),
    "orientation-five": ("ImageOrientationPatient", "DS", b"1\\0\\0\\0\\1"),
    "spacing-one": ("PixelSpacing", "DS", b"1"),
    "spacing-inf": ("PixelSpacing", "DS", b"inf\\1"),
    "spacing-negative": ("PixelSpacing", "DS", b"-1\\1"),
    "spacing-zero": ("PixelSpacing", "DS", b"0\\1"),
}


@pytest.mark.parametrize("which", [(1,), (0, 1, 2)], ids=["one", "all"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_attribute_is_refused_by_name(tmp_path, wrong, which):
    keyword, vr, value = WRONG[wrong]
    folder = with_bytes(tmp_path, exchanged(keyword, element(keyword, vr, value)), which)
    if (wrong, which) in {("representation-0", (0, 1, 2)), ("photometric-1", (0, 1, 2))}:
        return_to_all(folder)
        return
    with pytest.raises(DeriveError) as caught:
        derive.read(folder)
    assert caught.value.code[:4] in ("SRC-", "VAL-", "GEO-")
    words = caught.value.message.replace(" ", "").lower()
    assert keyword.lower() in words or "rescale" in words or "planes" in words or "bytes" in words, caught.value
    assert not derive.inspect(folder).stacks[0].reads.ok


def return_to_all(folder):
    """All images agree: that is what they are."""
    assert len(each(derive.read(folder).frames)) == 3


@pytest.mark.parametrize("excess", [2, 20, 24, 100, 336, 1000])
@pytest.mark.parametrize("fill", [b"\0", b"\1"])
def test_longer_pixels(tmp_path, excess, fill):
    """A few zeros are padding, and said; anything else may be another matrix (12 x 14 pixels of 2 bytes)."""

    def longer(body):
        at = body.index(tag_bytes("PixelData"))
        return body[: at + 8] + struct.pack("<L", 336 + excess) + body[at + 12 :] + fill * excess

    folder = with_bytes(tmp_path, longer, (0, 1, 2))
    if fill == b"\0" and excess < 24:
        series = derive.read(folder)
        assert [r.code for r in series.remarks] == ["SRC-PADDED"]
        assert series.volume.shape == (3, 12, 14)
        return
    with raises_code("VAL-LENGTH"):
        derive.read(folder)


@pytest.mark.parametrize("missing", [1, 2, 100, 336])
def test_shorter_pixels(tmp_path, missing):
    def shorter(body):
        at = body.index(tag_bytes("PixelData"))
        return body[: at + 8] + struct.pack("<L", 336 - missing) + body[at + 12 : len(body) - missing]

    with raises_code("VAL-TRUNCATED"):
        derive.read(with_bytes(tmp_path, shorter))


@pytest.mark.parametrize(
    "keyword", ["Rows", "RescaleSlope", "PatientID", "ImagePositionPatient", "PixelRepresentation"]
)
@pytest.mark.parametrize("place", ["beside", "behind"])
@pytest.mark.parametrize("same", [True, False])
def test_an_element_that_stands_twice(tmp_path, keyword, place, same):
    def twice(body):
        at = body.index(tag_bytes(keyword))
        size = 8 + int.from_bytes(body[at + 6 : at + 8], "little")
        again = body[at : at + size]
        if not same:
            again = again[:8] + bytes([again[8] ^ 1]) + again[9:]
        return body[: at + size] + again + body[at + size :] if place == "beside" else body + again

    folder = with_bytes(tmp_path, twice)
    if same and place == "beside":
        series = derive.read(folder)
        assert {r.code for r in series.remarks} == {"SRC-REPEATED", "SRC-ORDER"}
        return
    with raises_code("SRC-REPEATED") as caught:
        derive.read(folder)
    assert keyword in caught.value.message


@pytest.mark.parametrize("keyword", ["BitsStored", "HighBit"])
def test_what_images_may_differ_in_is_said(tmp_path, keyword):
    new = element("BitsStored", "US", struct.pack("<H", 12)) + element("HighBit", "US", struct.pack("<H", 11))

    def twelve(body):
        at = body.index(tag_bytes("BitsStored"))
        return body[:at] + new + body[at + 20 :]

    series = derive.read(with_bytes(tmp_path, twelve))
    assert keyword in {r.keyword for r in series.remarks if r.code == "SRC-DIFFERS"}
    assert np.isfinite(series.volume.array).all()


def test_another_slope_in_one_image_is_read_by_its_own_and_said(tmp_path):
    series = derive.read(with_bytes(tmp_path, exchanged("RescaleSlope", element("RescaleSlope", "DS", b"2"))))
    assert [(r.code, r.keyword) for r in series.remarks] == [("SRC-DIFFERS", "RescaleSlope")]
    assert [f.rescale[0] for f in series.frames] == [1, 2, 1]
