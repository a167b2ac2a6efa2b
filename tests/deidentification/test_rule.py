"""Which attributes an address names, in each form that people write it in."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR

from derive.deidentification.profile.rule import Address
from derive.rewriting.stored import AttributePath, SequenceStep
from tests.helpers.asserting import each, raises_code

NAME = AttributePath(0x00100010, "PN")
REQUEST = SequenceStep(0x00400275)
ACCESSION = AttributePath(0x00080050, "SH", above=(REQUEST,))
CSA = AttributePath(0x00291010, "OB", "SIEMENS CSA HEADER")


@pytest.mark.parametrize(
    "text",
    [
        *("PatientName", "(0010,0010)", "(0010, 0010)", "0010,0010", "00100010", "0x00100010", " PatientName "),
        *("PN", "(0010,xxxx)", "0010,00xx", "(xxxx,0010)", "xxx0,xxxx", "0010XXXX", ".PatientName"),
    ],
)
def test_the_name_of_a_patient_in_every_form(text):
    address = Address(text)
    assert address.matches(NAME)
    assert not address.matches(AttributePath(0x00080060, "CS"))
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("AccessionNumber", "RequestAttributesSequence.AccessionNumber", "(0040,0275).(0008,0050)", "SH"),
        *("00400275.AccessionNumber", "(0040,xxxx).(0008,xxxx)", ".RequestAttributesSequence.AccessionNumber"),
        *("SQ.AccessionNumber",),
    ],
)
def test_what_stands_in_an_item(text):
    assert Address(text).matches(ACCESSION)


def test_a_path_names_what_its_sequences_hold_at_whatever_depth_and_nothing_else():
    address = Address("RequestAttributesSequence.AccessionNumber")
    deeper = AttributePath(0x00080050, "SH", above=(SequenceStep(0x52009230), REQUEST))
    assert address.matches(deeper)
    assert not Address(".RequestAttributesSequence.AccessionNumber").matches(deeper)
    assert not address.matches(AttributePath(0x00080050, "SH"))
    assert not address.matches(AttributePath(0x00080050, "SH", above=(SequenceStep(0x00400275), SequenceStep(0x81140))))
    assert not Address(".AccessionNumber").matches(ACCESSION)


@pytest.mark.parametrize(
    "text",
    [
        *('(0029,"SIEMENS CSA HEADER",10)', "(0029,'SIEMENS CSA HEADER',10)", '0029,"SIEMENS CSA HEADER",10'),
        *('(0029,"SIEMENS CSA HEADER",xx10)', '(0029,"SIEMENS CSA HEADER",1x)', '(0029,"SIEMENS CSA HEADER",*)'),
        *("(0029,SIEMENS CSA HEADER,10)", '(0029, "SIEMENS CSA HEADER", 0x10)', '(0029,"SIEMENS CSA HEADER",xx)'),
    ],
)
@pytest.mark.parametrize("block", [0x10, 0x27, 0xFF])
def test_a_private_attribute_by_its_creator_whichever_block_it_has(text, block):
    address = Address(text)
    assert address.matches(AttributePath(0x00290010 | block << 8, "OB", "SIEMENS CSA HEADER"))
    assert not address.matches(AttributePath(0x00290010 | block << 8, "OB", "SIEMENS MEDCOM HEADER"))
    assert not address.matches(AttributePath(0x00290010 | block << 8, "OB"))
    assert not address.matches(AttributePath(0x00190010 | block << 8, "OB", "SIEMENS CSA HEADER"))


def test_creators_with_dots_and_brackets_behind_sequences():
    path = AttributePath(
        0x20051070, "LO", "Philips MR Imaging DD 001", (SequenceStep(0x2005140F, "Philips MR 5.4 (x)"),)
    )
    address = Address('(2005,"Philips MR 5.4 (x)",0f).(2005,"Philips MR Imaging DD 001",70)')
    assert address.matches(path)
    assert not address.matches(AttributePath(0x20051070, "LO", "Philips MR Imaging DD 001"))


@pytest.mark.parametrize(
    ("text", "tag"), [("OverlayData", 0x60003000), ("OverlayData", 0x60023000), ("50xx,xxxx", 0x501E3000)]
)
def test_repeating_groups(text, tag):
    assert Address(text).matches(AttributePath(tag, "OW"))
    assert not Address(text).matches(AttributePath(0x7FE00010, "OW"))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("PatientsName", "PatientName"),
        ("patientid", "PatientID"),
        ("", "names no attribute"),
        (".", "names no attribute"),
        ("PatientName.", "names no attribute"),
        ("..PatientName", "names no attribute"),
        ("(0010,001)", "names no attribute"),
        ("(0010,0010", "names no attribute"),
        ("ZZ", "names no attribute"),
        ("PatientName PatientID", "names no attribute"),
        ("(0029,1010)", 'its creator: (0029,"WHO DEFINES IT",10)'),
        ("00291010", "creator"),
        ("(0029,0010)", "creator"),
        ('(0028,"ACME",10)', "even group"),
        ('(0029,"ACME",1010)', "names no attribute"),
    ],
)
def test_what_names_nothing_is_refused_and_what_was_meant_is_said(text, hint):
    with raises_code("DEID-ADDRESS") as caught:
        Address(text)
    assert hint in str(caught.value)


def test_every_keyword_of_the_dictionary_is_an_address():
    for tag, entry in each(DicomDictionary.items(), at_least=5000):
        if entry[4]:
            assert Address(entry[4]).matches(AttributePath(tag, "UN"))


@given(st.sampled_from(sorted(DicomDictionary)), st.sampled_from(["({:04X},{:04X})", "{:04x},{:04X}", "{:04x}{:04x}"]))
def test_a_tag_in_any_form_names_itself_alone(tag, form):
    address = Address(form.format(tag >> 16, tag & 0xFFFF))
    assert address.matches(AttributePath(tag, dictionary_VR(tag)))
    assert not address.matches(AttributePath(tag ^ 0x2, dictionary_VR(tag)))
