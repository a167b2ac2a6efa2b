"""pydicom 3.0.2, which is gone round where its warnings, its encoding or its leniency would reach a user."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from derive.pacs.matching import texts
from tests.helpers.sources import make_series


def part_10(dataset):
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_warnings_show_the_values_that_they_complain_of():
    """Once they do not: `matching.texts` can read values by pydicom."""
    (dataset,) = make_series(count=1, PatientID="X" * 12)
    data = part_10(dataset).replace(b"X" * 12, b"SECRET\x81\x82\x83\x84\xff ")
    # in a process of its own: who records warnings loses them to any thread that does so too
    program = (
        "import io, sys, pydicom; pydicom.dcmread(io.BytesIO(sys.stdin.buffer.read())).StudyInstanceUID = '1.2.SECRET'"
    )
    ran = subprocess.run([sys.executable, "-W", "always", "-c", program], input=data, capture_output=True, check=True)
    assert b"SECRET" in ran.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert texts(dcmread(io.BytesIO(data)))["PatientID"].startswith("SECRET")


def test_retired_group_lengths_are_left_out_when_a_data_set_is_written():
    """Once they are not: what is sent may be what pydicom writes; see `link.Link` and `service.ArchiveService`."""
    (dataset,) = make_series(count=1)
    data = part_10(dataset)
    begin = 144 + int.from_bytes(data[140:144], "little")
    length = b"\x08\x00\x00\x00UL\x04\x00\x10\x00\x00\x00"
    again = part_10(dcmread(io.BytesIO(data[:begin] + length + data[begin:])))
    assert length not in again
    assert again[begin:] == data[begin:]


def test_text_that_was_not_decoded_is_encoded_anew_where_nobody_says_how_it_was_read():
    """Once bytes stay bytes: `elements.datasets.to_dataset` need not say it."""
    text = b"M\xfcller\xff"
    dataset = Dataset({Tag(0x00100010): RawDataElement(Tag(0x00100010), "PN", len(text), text, 0, False, True)})
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    assert text not in buffer.getvalue()


def test_a_sequence_that_does_not_start_with_an_item_is_read_as_if_it_did():
    """Once it is an error: `checking.files` need not look (PS3.5 7.5)."""
    (dataset,) = make_series(count=1)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.add_new(0x00081140, "SQ", [Dataset()])
    dataset[0x00081140].value[0].ReferencedSOPInstanceUID = "1.2"
    data = part_10(dataset)
    at = data.index(b"\x08\x00\x40\x11SQ") + 12
    assert data[at : at + 4] == b"\xfe\xff\x00\xe0"
    broken = data[:at] + b"\x08\x00\x55\x11" + data[at + 4 :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert dcmread(io.BytesIO(broken)).get("ReferencedImageSequence") is not None
