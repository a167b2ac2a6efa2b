"""Corrections of one instance: what they write down, what they leave alone, and how they are taken back."""

from __future__ import annotations

import io
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.rewriting.change import AttributeChange, parts_of
from derive.rewriting.correct import corrected, undone
from derive.rewriting.file import Passage, StoredFile, stored_file
from derive.rewriting.history import CREATOR, HISTORY, CorrectionNote, corrections
from derive.rewriting.nested import NestedPath
from tests.helpers.asserting import each, raises_code
from tests.rewriting.test_rewrite import example

NOTE = CorrectionNote("CORRECT", "City Hospital", "derive", "20261130120000")
PLAIN = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


def stored(data: bytes) -> StoredFile:
    return stored_file("file", partial(io.BytesIO, data), exact=True)


def whole(parts) -> bytes:
    return b"".join(b"".join(p.chunks()) if isinstance(p, Passage) else p for p in parts)


def top(keyword, value=None) -> AttributeChange:
    return AttributeChange(NestedPath((), tag_of(keyword)), None if value is None else encode(keyword, value))


def correct(data: bytes, *changes: AttributeChange, note=NOTE, charset="") -> bytes:
    file = stored(data)
    return whole(corrected(file, parts_of(file, changes), note, charset))


def read(data: bytes) -> Dataset:
    return dcmread(io.BytesIO(data))


ACCESSION = NestedPath(((tag_of("RequestAttributesSequence"), 0),), tag_of("AccessionNumber"))


@pytest.mark.parametrize("syntax", PLAIN, ids=lambda s: s.name)
def test_one_item_holds_all_and_only_what_changed(syntax):
    data = example(syntax)
    found = read(correct(data, top("PatientName", "Roe^Ann"), top("PatientID", "4711"), top("Rows", 2)))
    (item,) = found.OriginalAttributesSequence
    assert (found.PatientName, found.PatientID) == ("Roe^Ann", "4711")
    assert item.ReasonForTheAttributeModification == "CORRECT"
    assert item.SourceOfPreviousValues == "City Hospital"
    assert item.ModifyingSystem == "derive"
    assert item.AttributeModificationDateTime == "20261130120000"
    (before,) = item.ModifiedAttributesSequence
    assert {e.keyword: e.value for e in before} == {"PatientName": "Doe^Jane"}
    assert item.private_block(0x0401, CREATOR)[1].value == tag_of("PatientID") or syntax == ImplicitVRLittleEndian


@pytest.mark.parametrize("syntax", PLAIN, ids=lambda s: s.name)
def test_a_nested_attribute_is_kept_with_its_whole_sequence(syntax):
    data = example(syntax)
    made = correct(data, AttributeChange(ACCESSION, encode("AccessionNumber", "A1234")))
    found = read(made)
    assert found.RequestAttributesSequence[0].AccessionNumber == "A1234"
    assert len(found.RequestAttributesSequence) == 2
    (before,) = found.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert [e.keyword for e in before] == ["RequestAttributesSequence"]
    assert before.RequestAttributesSequence == read(data).RequestAttributesSequence
    assert whole(undone(stored(made))) == data


@pytest.mark.parametrize("syntax", PLAIN, ids=lambda s: s.name)
@pytest.mark.parametrize("history", [None, [], ["older"]], ids=["none", "empty", "one"])
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_corrections_are_taken_back_one_by_one_to_the_last_byte(syntax, history, undefined):
    dataset = read(example(syntax))
    if history is not None:
        older = Dataset()
        older.ReasonForTheAttributeModification, older.ModifyingSystem = "COERCE", "dcm4che"
        dataset.OriginalAttributesSequence = [older] if history else []
        dataset["OriginalAttributesSequence"].is_undefined_length = undefined and bool(history)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    data = buffer.getvalue()
    first = correct(data, top("PatientName", "Roe"), top("StudyDate", "20260101"))
    second = correct(first, top("PatientName"), top("StudyDate", "20260102"))
    assert len(corrections(stored(second))) == 2 + len(history or [])
    assert whole(undone(stored(second))) == first
    assert whole(undone(stored(second), 2)) == data
    assert whole(undone(stored(first))) == data


def test_a_coerced_instance_says_when(monkeypatch):
    made = correct(example(), top("PatientID", "1"), note=NOTE._replace(reason="COERCE"))
    assert read(made).InstanceCoercionDateTime == "20261130120000"
    assert whole(undone(stored(made))) == example()


def test_a_value_that_is_none_lies_beside_as_bytes():
    data = example().replace(b"\x10\0\x10\0PN", b"\x08\0\x20\0DA\x0a\x002026-01-01\x10\0\x10\0PN", 1)
    made = correct(data, top("StudyDate", "20260101"))
    item = read(made).OriginalAttributesSequence[0]
    (bad,) = item.NonconformingModifiedAttributesSequence
    assert bad.SelectorAttribute == tag_of("StudyDate")
    assert bad.NonconformingDataElementValue == b"2026-01-01"
    assert len(item.ModifiedAttributesSequence[0]) == 0
    assert whole(undone(stored(made))) == data


def test_old_values_are_read_in_their_own_character_set():
    said = encode("SpecificCharacterSet", "ISO_IR 192")
    name = Element(tag_of("PatientName"), "PN", "Müller".encode() + b" ")
    data = example().replace(b"Doe^Jane", "Müller  ".encode("latin-1"), 1)
    made = correct(
        data,
        AttributeChange(NestedPath((), tag_of("SpecificCharacterSet")), said),
        AttributeChange(NestedPath((), tag_of("PatientName")), name),
        charset="ISO_IR 100",
    )
    found = read(made)
    assert found.PatientName == "Müller"
    assert found.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientName == "Müller"
    assert whole(undone(stored(made))) == data


def test_nothing_changes_where_all_is_so_already():
    file = stored(example())
    assert corrected(file, parts_of(file, [top("PatientName", "Doe^Jane")]), NOTE) is None


def test_there_has_to_be_something_to_take_back():
    with raises_code("COR-UNDO"):
        undone(stored(example()))
    with raises_code("COR-UNDO"):
        undone(stored(correct(example(), top("PatientID", "1"))), 2)


@pytest.mark.parametrize(
    "path",
    [
        NestedPath(((tag_of("RequestAttributesSequence"), 2),), tag_of("AccessionNumber")),
        NestedPath(((tag_of("ProcedureCodeSequence"), 0),), tag_of("CodeValue")),
        NestedPath(((tag_of("PatientName"), 0),), tag_of("CodeValue")),
    ],
    ids=lambda path: path.text,
)
def test_a_path_that_leads_nowhere_is_refused(path):
    file = stored(example())
    with raises_code("COR-PATH"):
        parts_of(file, [AttributeChange(path, encode("CodeValue", "1"))])


def test_a_deflated_data_set_comes_back_as_it_was():
    data = example(DeflatedExplicitVRLittleEndian)
    back = stored(whole(undone(stored(correct(data, top("PatientName", "Roe"))))))
    file = stored(data)
    assert (back.head.data, back.start) == (file.head.data, file.start)


def test_the_length_of_a_group_follows():
    data = example()
    at = data.index(b"\x10\0\x10\0PN")
    group = b"\x10\0\0\0UL\4\0" + (16).to_bytes(4, "little")
    grouped = data[:at] + group + data[at:]
    made = correct(grouped, top("PatientName", "Roe^Annabel"))
    assert b"\x10\0\0\0UL\4\0" + (20).to_bytes(4, "little") in made
    assert whole(undone(stored(made))) == grouped


@given(
    st.dictionaries(st.sampled_from(["PatientName", "PatientID", "StudyDate", "PatientAge"]), st.none() | st.just(""))
)
def test_any_choice_of_attributes_is_taken_back(values):
    data = example()
    file = stored(data)
    made = corrected(file, parts_of(file, [top(k, v) for k, v in values.items()]), NOTE)
    assert made is None or whole(undone(stored(whole(made)))) == data


def test_every_object_is_corrected_and_taken_back_byte_for_byte(real):
    paths = [p for p in sorted(real("pydicom_test_files").rglob("*")) if p.is_file()]
    names = []
    for path in each(paths):
        data = path.read_bytes()
        if data[128:132] != b"DICM" or path.name == "rtplan_truncated.dcm":
            continue
        file = stored(data)
        if file.recoded or file.is_directory or file.transfer_syntax == DeflatedExplicitVRLittleEndian:
            continue
        made = whole(corrected(file, parts_of(file, [top("PatientName", "Roe^Ann"), top("StudyDate")]), NOTE))
        assert HISTORY in stored(made).head.elements
        assert whole(undone(stored(made))) == data, path.name
        names.append(path.name)
    assert len(names) > 50
