"""Character sets: texts encoded anew at every depth, undeclared ones said; values that follow; what can be mended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import derive
from derive.correction.computed import COMPUTATIONS
from derive.elements.element import tag_of
from tests.helpers.asserting import each, raises_code
from tests.helpers.sources import make_series


def made(datasets, **options):
    return list(derive.correct(datasets, **options).instances())


def written(name: str, charset) -> list[Dataset]:
    inside = Dataset()
    inside.PerformingPhysicianName = name
    inside.CodeMeaning = "x"
    return make_series(
        count=1, SpecificCharacterSet=charset, PatientName=name, RequestAttributesSequence=Sequence([inside])
    )


SETS = [
    ("ISO_IR 192", "Müller^山田=山田^太郎"),
    ("GB18030", "Wang^XiaoDong=王^小东"),
    ("ISO_IR 100", "Buc^Jérôme"),
    ("ISO_IR 144", "\u0418\u0432\u0430\u043d\u043e\u0432"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    (["ISO 2022 IR 6", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
]


@pytest.mark.parametrize(("charset", "name"), SETS, ids=lambda v: str(v)[:24])
def test_texts_are_the_same_in_utf_8_at_every_depth(charset, name):
    (after,) = made(written(name, charset), character_set="ISO_IR_192", set={"StationName": "X"})
    assert after.SpecificCharacterSet == "ISO_IR 192"
    assert str(after.PatientName) == name
    assert str(after.RequestAttributesSequence[0].PerformingPhysicianName) == name
    (back,) = made([after], undo=1)
    assert str(back.PatientName) == name
    assert back.get("SpecificCharacterSet") == written(name, charset)[0].SpecificCharacterSet


@pytest.mark.parametrize(("charset", "name"), SETS[1:4], ids=lambda v: str(v)[:24])
def test_texts_go_from_utf_8_into_another_set(charset, name):
    (after,) = made(written(name, "ISO_IR 192"), character_set=charset.replace("IR ", "IR_"))
    assert (after.SpecificCharacterSet, str(after.PatientName)) == (charset, name)


def test_a_set_that_cannot_say_a_text_is_refused():
    with raises_code("COR-CHARSET") as caught:
        made(written("山田", "ISO_IR 192"), character_set="ISO_IR_100")
    assert "PatientName" in str(caught.value)
    assert "山田" not in str(caught.value)


def test_undeclared_texts_are_what_a_person_says(tmp_path):
    (source,) = written("Doe", None)
    source.PatientName = "王^小东".encode("gb18030")
    source["PatientName"]._value = source["PatientName"].value
    path = tmp_path / "a.dcm"
    source.save_as(path, enforce_file_format=True)
    (said,) = made(path, text_is="GB18030")
    assert (said.SpecificCharacterSet, str(said.PatientName)) == ("GB18030", "王^小东")
    (plain,) = made(path, text_is="GB18030", character_set="ISO_IR_192")
    assert (plain.SpecificCharacterSet, str(plain.PatientName)) == ("ISO_IR 192", "王^小东")
    before = plain.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert str(before.PatientName) == "王^小东"
    with raises_code("COR-CHARSET"):
        made(path, character_set="ISO_IR_192")


def test_older_corrections_are_not_read_in_another_set():
    first = made(written("Jérôme", "ISO_IR 100"), set={"PatientName": "Doe"})
    with raises_code("COR-HISTORY"):
        made(first, character_set="ISO_IR_192")


@given(st.text(st.characters(codec="gb18030", exclude_characters="\\^=", exclude_categories=["C", "Z"]), max_size=20))
def test_any_text_goes_there_and_back(text):
    sources = make_series(count=1, SpecificCharacterSet="ISO_IR 192", PatientComments=text)
    (after,) = made(sources, character_set="GB18030")
    assert after.PatientComments.strip() == text.strip()
    (back,) = made([after], undo=1)
    assert back.PatientComments == text


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("19800105", "20260104", "045Y"),
        ("19800104", "20260104", "046Y"),
        ("20240301", "20260301", "002Y"),
        ("20240302", "20260301", "023M"),
        ("20260201", "20260228", "027D"),
        ("20260228", "20260228", "000D"),
    ],
)
def test_an_age_follows_from_two_dates(born, day, age):
    sources = make_series(count=1, PatientBirthDate=born, AcquisitionDate=day, PatientAge=None)
    (after,) = made(sources, compute=["PatientAge"])
    assert after.PatientAge == age


def test_computed_values_follow_from_what_the_object_says():
    sources = make_series(
        count=1, PatientSize=2.0, PatientWeight=80.0, AcquisitionDate="20260102", AcquisitionTime="1011"
    )
    (after,) = made(sources, compute=["PatientBodyMassIndex", "AcquisitionDateTime"])
    assert (float(after.PatientBodyMassIndex), after.AcquisitionDateTime) == (20.0, "202601021011")
    assert {*COMPUTATIONS} == {"PatientAge", "PatientBodyMassIndex", "AcquisitionDateTime"}
    assert all(map(tag_of, COMPUTATIONS))


@pytest.mark.parametrize(
    ("keyword", "changes"),
    [
        ("PatientAge", {"PatientBirthDate": ""}),
        ("PatientAge", {"PatientBirthDate": "30000101"}),
        ("PatientBodyMassIndex", {"PatientSize": None, "PatientWeight": 80.0}),
        ("PatientBodyMassIndex", {"PatientSize": 180.0, "PatientWeight": 80.0}),
        ("AcquisitionDateTime", {"AcquisitionTime": None, "AcquisitionDate": "20260102"}),
    ],
)
def test_what_does_not_follow_is_refused(keyword, changes):
    with raises_code("COR-COMPUTE"):
        made(make_series(count=1, **changes), compute=[keyword])


def test_what_a_rule_can_mend_is_mended_and_what_it_would_guess_stays(tmp_path):
    (source,) = make_series(count=1)
    source.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    data = (tmp_path / "a.dcm").read_bytes()
    day = source.StudyDate.encode()
    data = data.replace(
        b"\x08\0\x20\0DA\x08\0" + day, b"\x08\0\x20\0DA\x0a\0" + b".".join([day[:4], day[4:6], day[6:]]), 1
    )
    (tmp_path / "a.dcm").write_bytes(data)
    (after,) = made(tmp_path / "a.dcm", mend=True)
    assert after.StudyDate == day.decode()
    derive.correct(tmp_path / "a.dcm", mend=True).write(tmp_path / "out")
    derive.correct(tmp_path / "out", undo=1).write(tmp_path / "back")
    assert (tmp_path / "back" / "a.dcm").read_bytes() == data


def test_what_is_right_is_not_mended():
    for dataset in each(made(make_series(count=2), mend=True)):
        assert "OriginalAttributesSequence" not in dataset
