"""What nobody changes passes as the bytes that it was; what is changed is encoded as its file is."""

from __future__ import annotations

import io
from functools import partial

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.rewriting.file import LARGEST_READ, Passage, StoredFile, stored_dataset, stored_file
from derive.rewriting.rewrite import Act, Fate, spliced
from derive.rewriting.stored import AttributePath, SequenceStep
from tests.helpers.asserting import raises_code

NAME = tag_of("PatientName")


class Changes:
    """Goes through everything, and changes what it is told to."""

    def __init__(self, changes=(), added=()):
        self.changes, self.new = dict(changes), added

    def fate(self, scope, element):
        path = AttributePath(element.tag, element.vr, element.creator, scope)
        return Fate(Act.ITEMS if element.vr == "SQ" else Act.VALUE, path)

    def value(self, scope, fate, element):
        if fate.path.text not in self.changes:
            return element
        value = self.changes[fate.path.text]
        return None if value is None else Element(element.tag, element.vr, value)

    def item(self, scope, fate, item, among):
        return (*fate.path.above, SequenceStep(fate.path.tag, fate.path.creator))

    def emptied(self, fate):
        return True

    def added(self, scope, done):
        return () if scope else self.new


def header(stored: StoredFile, changes: Changes) -> bytes:
    return b"".join(spliced(stored.head, (), changes, implicit=stored.implicit))


def as_it_was(stored: StoredFile) -> bytes:
    spans = stored.head.spans
    return stored.head.data[spans[0][2] : spans[-1][4]]


def example(syntax=ExplicitVRLittleEndian) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.PatientName = "Doe^Jane"
    block = dataset.private_block(0x0029, "OUR CREATOR", create=True)
    inner = Dataset()
    inner.PatientName = "Doe^Jane"
    block.add_new(0x01, "SQ", [inner])
    step = Dataset()
    step.AccessionNumber, step.RequestedProcedureID = "A1", "P1"
    dataset.RequestAttributesSequence = [step, Dataset()]
    dataset.Rows = dataset.Columns = 2
    dataset.BitsAllocated, dataset.PixelRepresentation = 16, 0
    dataset.PixelData = b"\1\0\2\0\3\0\4\0"
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def stored(data: bytes) -> StoredFile:
    return stored_file("file", partial(io.BytesIO, data))


ENCODINGS = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]


@pytest.mark.parametrize("syntax", ENCODINGS, ids=lambda s: s.name)
def test_what_is_changed_is_read_back_and_all_else_is_as_it_was(syntax):
    file = stored(example(syntax))
    changes = Changes(
        {"PatientName": b"X ", '(0029,"OUR CREATOR",01).PatientName': None},
        [encode("DeidentificationMethodCodeSequence", [{"CodeValue": "113100", "CodingSchemeDesignator": "DCM"}])],
    )
    changes.changes["RequestAttributesSequence.AccessionNumber"] = b"B234"
    plain = header(file, changes)
    read = dcmread(io.BytesIO(plain + b"".join([file.pixels.head, file.pixels.value])), force=True)
    assert read.PatientName == "X"
    assert read.RequestAttributesSequence[0].AccessionNumber == "B234"
    assert read.RequestAttributesSequence[0].RequestedProcedureID == "P1"
    assert len(read.RequestAttributesSequence) == 2
    assert read.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert b"Doe" not in plain
    big = syntax == ExplicitVRBigEndian  # pydicom wrote its words as they were given
    assert read.PixelData == (b"\0\1\0\2\0\3\0\4" if big else b"\1\0\2\0\3\0\4\0")
    assert file.recoded == big


def test_a_data_set_in_memory_lies_as_its_file():
    file = stored_dataset(dcmread(io.BytesIO(example())))
    assert header(file, Changes()) == as_it_was(stored(example()))


def test_every_header_of_the_data_passes_byte_for_byte(real):
    count = 0
    for path in sorted(real("pydicom_test_files").rglob("*.dcm")):
        if path.read_bytes()[128:132] != b"DICM" or path.name == "rtplan_truncated.dcm":
            continue
        file = stored_file(path.name, partial(open, path, "rb"))
        if not file.is_directory and not file.recoded:
            assert header(file, Changes()) == as_it_was(file), path.name
            count += 1
    assert count > 50


def test_elements_in_two_encodings_become_explicit():
    data = example()
    name = data.index(b"\x10\0\x10\0PN\x08\0Doe^Jane")
    mixed = data[:name] + b"\x10\0\x10\0\x08\0\0\0Doe^Jane" + data[name + 16 :]
    file = stored(mixed)
    assert mixed != data
    assert not file.implicit
    assert file.transfer_syntax == ExplicitVRLittleEndian
    assert header(file, Changes()) == as_it_was(stored(data))


def test_what_a_text_hides_behind_a_nul_goes_where_it_stays():
    data = example().replace(b"Doe^Jane", b"Doe\0Jane", 1)
    changes = Changes()
    changes.fate = lambda scope, element: Fate(Act.TEXT if element.vr == "PN" else Act.KEEP, None)
    assert b"\x10\0\x10\0PN\4\0Doe " in header(stored(data), changes)


def test_a_file_that_ends_in_the_middle_of_an_element_is_refused(real):
    path = real("pydicom_test_files/test_files/rtplan_truncated.dcm")
    with raises_code("SRC-UNREADABLE"):
        stored_file(path.name, partial(open, path, "rb"))


def test_of_a_large_file_the_pixels_pass_unread(tmp_path):
    path = tmp_path / "large.dcm"
    data = example()
    at = data.rindex(b"\xe0\x7f\x10\x00")
    size = LARGEST_READ + 10
    with path.open("wb") as stream:
        stream.write(data[: at + 8] + size.to_bytes(4, "little"))
        stream.truncate(at + 12 + size)
        stream.seek(0, 2)
        stream.write(b"\xfc\xff\xfc\xff" + b"OB\0\0" + b"\2\0\0\0" + b"\0\0")
    file = stored_file("large.dcm", partial(open, path, "rb"))
    assert isinstance(file.pixels.value, Passage)
    assert sum(map(len, file.pixels.value.chunks())) == size
    assert [e.tag for e in file.tail.stored()] == [0xFFFCFFFC]
