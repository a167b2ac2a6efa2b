"""What can be set, and what cannot: judged before anything is written, with a code for each."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword

import derive
from derive.correction.paths import path_of
from derive.correction.values import assignments_of, unsettable
from derive.elements.element import tag_of
from derive.errors import DeriveError
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import make_series

ONE_OF_EACH_VR = {
    "AE": ("StationAETitle", "STORE1"),
    "AS": ("PatientAge", "045Y"),
    "AT": ("RepresentativeFrameNumber", "1"),
    "CS": ("PatientSex", "O"),
    "DA": ("StudyDate", "20250203"),
    "DS": ("PatientWeight", "70.5"),
    "DT": ("AcquisitionDateTime", "20260102030405"),
    "FD": ("ExposureTimeInms", "1.5"),
    "FL": ("RecommendedDisplayFrameRateInFloat", "12.5"),
    "IS": ("SeriesNumber", "12"),
    "LO": ("PatientID", "4711"),
    "LT": ("AdditionalPatientHistory", "a longer text\nof two lines"),
    "PN": ("PatientName", "Doe^Jane=Doe^Jane"),
    "SH": ("AccessionNumber", "A12"),
    "ST": ("InstitutionAddress", "1 Street"),
    "TM": ("StudyTime", "101112.5"),
    "UC": ("StrainDescription", "a strain"),
    "UL": ("SelectorULValue", "7"),
    "US": ("FailureReason", "5"),
    "UT": ("TextValue", "text"),
}


def corrected(datasets=None, **options):
    return list(derive.correct(datasets or make_series(count=1), source="A", **options).instances())


@pytest.mark.parametrize("vr", sorted(ONE_OF_EACH_VR.keys() - {"AT"}))
def test_a_value_of_each_vr_is_set_and_taken_back(vr, tmp_path):
    keyword, text = ONE_OF_EACH_VR[vr]
    assert dictionary_VR(tag_for_keyword(keyword)) == vr
    (made,) = corrected(set={keyword: text})
    buffer = io.BytesIO()
    made.save_as(buffer)
    again = dcmread(io.BytesIO(buffer.getvalue()))
    value = again[keyword].value
    assert float(value) == float(text) if vr in ("DS", "FD", "FL", "IS", "UL", "US") else str(value) == text
    (back,) = derive.correct([again], undo=1).instances()
    assert back.get(keyword) == make_series(count=1)[0].get(keyword)


def test_several_values_are_joined_by_a_backslash_or_are_a_list():
    for value in each(["A\\B", ["A", "B"]]):
        (made,) = corrected(set={"OtherPatientNames": value})
        assert [str(v) for v in made.OtherPatientNames] == ["A", "B"]


def test_an_empty_value_is_one_where_the_type_allows_it():
    (made,) = corrected(set={"AccessionNumber": ""})
    assert made.AccessionNumber == ""
    with raises_code("COR-VALUE"):
        corrected(set={"Modality": ""})


BAD = [
    ({"PatientNmae": "Doe"}, "COR-KEYWORD"),
    ({"(0029,1010)": "x"}, "COR-KEYWORD"),
    ({"PatientName[0]": "Doe"}, "COR-PATH"),
    ({"RequestAttributesSequence.AccessionNumber": "A"}, "COR-PATH"),
    ({"RequestAttributesSequence[5].AccessionNumber": "A"}, "COR-PATH"),
    ({"ProcedureCodeSequence[0].CodeValue": "A"}, "COR-PATH"),
    ({"PatientName..": "A"}, "COR-PATH"),
    ({"SOPInstanceUID": "1.2"}, "COR-REFUSED"),
    ({"StudyInstanceUID": "1.2"}, "COR-REFUSED"),
    ({"Rows": "2"}, "COR-REFUSED"),
    ({"PixelSpacing": "1\\1"}, "COR-REFUSED"),
    ({"ImageType": "ORIGINAL\\PRIMARY"}, "COR-REFUSED"),
    ({"RescaleSlope": "2"}, "COR-REFUSED"),
    ({"RequestAttributesSequence": "x"}, "COR-REFUSED"),
    ({"PixelData": "x"}, "COR-REFUSED"),
    ({"SpecificCharacterSet": "GB18030"}, "COR-REFUSED"),
    ({"PatientIdentityRemoved": "YES"}, "COR-REFUSED"),
    ({"StudyDate": "2026-01-02"}, "COR-VALUE"),
    ({"StudyDate": "20260231"}, "COR-VALUE"),
    ({"PatientSex": "Q"}, "COR-VALUE"),
    ({"PatientWeight": "heavy"}, "COR-VALUE"),
    ({"AccessionNumber": "A" * 17}, "COR-VALUE"),
    ({"PatientID": "A\\B"}, "COR-VALUE"),
    ({"ExposureTimeInms": "long"}, "COR-VALUE"),
    ({"PatientName": "山田"}, "COR-CHARSET"),
    ({"PatientName": "\udcff"}, "COR-CHARSET"),
]


@pytest.mark.parametrize(("values", "code"), BAD, ids=lambda v: str(v)[:40])
def test_what_cannot_be_is_refused_and_nothing_is_written(values, code, tmp_path):
    with raises_code(code) as caught:
        derive.correct(make_series(count=2), set=values).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert "山田" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "COR-NOTHING"),
        ({"set": {"PatientID": "1"}, "reason": "BECAUSE"}, "COR-REASON"),
        ({"set": {"PatientID": "1"}, "source": "A" * 65}, "COR-SOURCE"),
        ({"set": {"PatientID": "1"}, "undo": 1}, "COR-UNDO"),
        ({"undo": -1}, "COR-UNDO"),
        ({"set": {"PatientID": "1"}, "remove": ["PatientID"]}, "COR-TWICE"),
        ({"remove": ["StudyInstanceUID"]}, "COR-REFUSED"),
        ({"compute": ["PatientMood"]}, "COR-COMPUTE"),
        ({"character_set": "KLINGON"}, "COR-CHARSET"),
        ({"sets": {"PatientID": "1"}}, "OPT-UNKNOWN"),
        ({"like": {}, "entities": ["patients"]}, "COR-ENTITY"),
        ({"like": {}, "entities": []}, "COR-ENTITY"),
    ],
    ids=str,
)
def test_what_is_asked_wrongly_is_refused_before_anything_is_read(options, code):
    with raises_code(code):
        derive.correct("nowhere", **options)


def test_what_has_to_be_there_is_not_taken_out():
    with raises_code("COR-REFUSED"):
        corrected(remove=["Modality"])
    (made,) = corrected(make_series(count=1, PatientComments="x"), remove=["PatientComments"])
    assert "PatientComments" not in made


def test_the_table_of_what_cannot_be_set_names_what_there_is():
    assert {what for what, _ in unsettable()} == {"vr", "module", "keyword"}
    for name in each([name for what, name in unsettable() if what == "keyword"]):
        assert tag_of(name)


@given(st.text(max_size=40))
def test_no_text_is_a_path_by_accident(text):
    try:
        path = path_of(text)
    except DeriveError as error:
        code = error.code
    else:
        code = "" if path_of(path.text) == path else "another path"
    assert code in ("", "COR-PATH", "COR-KEYWORD")


def test_values_and_paths_are_read_once_for_all():
    found = assignments_of({"PatientName": "Doe", "(0010,0020)": 5}, ["PatientComments"])
    assert [p.text for p in found.values] == ["PatientName", "PatientID"]
    assert [p.text for p in found.removed] == ["PatientComments"]
