"""Elements are encoded as pydicom encodes them."""

from __future__ import annotations

import io
import struct

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.uid import UID

from derive.elements.datasets import from_dataset
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, encode, numbers_of, pack, pack_parts
from derive.pixels.encode import decimal
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\^="), max_size=12)
NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(decimal)
#: A keyword of each VR, and values that it takes.
VALUES = {
    "Rows": st.integers(0, 65535),
    "SmallestImagePixelValue": st.integers(0, 65535),
    "SeriesNumber": st.integers(-(2**31), 2**31 - 1),
    "SliceLocation": NUMBERS,
    "PixelSpacing": st.lists(NUMBERS, min_size=2, max_size=2),
    "ImageType": st.lists(ASCII.map(str.strip), min_size=1, max_size=4),
    "SeriesDescription": ASCII,
    "StudyInstanceUID": st.sampled_from(["1.2.3", "1.2.34", UID("1.2.840.10008.1.2")]),
    "ContentDate": st.just("20260506"),
    "PixelData": st.binary(max_size=9).filter(lambda b: len(b) % 2 == 0),
}


def as_pydicom_writes(tag, vr, value):
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_data_element(buffer, DataElement(tag, vr, value), ["iso8859"])
    return buffer.getvalue()


@pytest.mark.parametrize("keyword", VALUES)
@given(st.data())
def test_an_element_is_encoded_as_pydicom_does(keyword, data):
    value = data.draw(VALUES[keyword])
    element = encode(keyword, value)
    assert pack([element]) == as_pydicom_writes(element.tag, element.vr, value)


def test_numbers_are_decoded_from_any_numeric_vr():
    for vr, form, value in [
        ("US", "<2H", (1, 65535)),
        ("SS", "<2h", (-1, 3)),
        ("FL", "<2f", (0.5, -2)),
        ("FD", "<d", (3,)),
    ]:
        assert numbers_of(Element(1, vr, struct.pack(form, *value))) == list(map(float, value))
    assert numbers_of(Element(1, "DS", b"1.5\\-2e3 ")) == [1.5, -2000.0]
    for vr, value in [("DS", b"1\\"), ("DS", b"x "), ("DS", b""), ("IS", b"  "), ("US", b"123"), ("LO", b"12")]:
        assert numbers_of(Element(1, vr, value)) == []


def test_packed_parts_joined_are_the_packed_elements_however_large_they_are():
    for number, dataset in each(enumerate(make_series("CT", 3))):
        dataset.PixelData = bytes(70_000 if number else 100)
        elements = from_dataset(dataset) | {0x7FE00010: Element(0x7FE00010, "OW", dataset.PixelData)}
        elements[0xFFFCFFFC] = Element(0xFFFCFFFC, "OB", b"\0\0")
        parts = pack_parts(elements)
        assert b"".join(parts) == pack(elements.values())
        assert len(parts) == (3 if number else 1)


def test_what_is_decoded_is_what_pydicom_decodes():
    dataset = make_series("CT", 1)[0]
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    read = pydicom.dcmread(buffer, stop_before_pixels=True)
    for tag, element in from_dataset(read).items():
        assert decode(element) == (read[tag].value or None) or decode(element) == read[tag].value
    assert decode(Element(tag_of("Rows"), "US", b"")) is None
