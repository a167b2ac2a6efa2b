"""What is harvested of a header, wherever it stands, and how it may be written elsewhere."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword

from derive.deidentification.text import identifiers
from derive.deidentification.text.identifiers import (
    KEPT_BY,
    KINDS,
    Identifier,
    identifiers_of,
    unwanted_kinds,
)
from derive.deidentification.text.known import KnownIdentifiers
from derive.deidentification.text.spellings import is_telling, needles, searched_for, spellings, transliterated
from derive.deidentification.text.stopwords import is_placeholder
from tests.helpers.asserting import each
from tests.helpers.instances import code, item, uid
from tests.helpers.texts import patient, read


def said(dataset) -> set[tuple[str, str]]:
    return {(found.kind, found.text) for found in identifiers_of(read(dataset))}


def test_every_kind_is_harvested_with_where_it_stands():
    found = {(i.kind, i.text, i.tag) for i in identifiers_of(read(patient()))}
    assert {
        ("name", "Yamada^Tarou", 0x00100010),
        ("name", "山田^太郎", 0x00100010),
        ("name", "やまだ^たろう", 0x00100010),
        ("name", "Müller^Anne-Marie^^Dr.", 0x00080090),
        ("id", "MRN-778812", 0x00100020),
        ("id", "ACC4711", 0x00080050),
        ("birth-date", "19500123", 0x00100030),
        ("date", "20240119", 0x00080020),
        ("institution", "Charité Universitätsmedizin Berlin", 0x00080080),
        ("device", "AWP66035", 0x00081010),
        ("uid", uid("study"), 0x0020000D),
    } <= found
    assert not {text for kind, text, _ in found if kind == "uid"} & {"1.2.840.10008.5.1.4.1.1.2"}


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_an_identifier_is_found_at_every_depth_and_in_its_own_character_set(depth):
    inner = item(SpecificCharacterSet="ISO_IR 100", OperatorsName="Größe^Jörg")
    for _ in range(depth):
        inner = item(RequestAttributesSequence=[inner])
    assert ("name", "Größe^Jörg") in said(patient(**{"RequestAttributesSequence": inner.RequestAttributesSequence}))


def test_items_of_reports_give_names_and_dates():
    items = [
        item(ValueType="PNAME", ConceptNameCodeSequence=[code("121008", "DCM", "Observer")], PersonName="Watson^John"),
        item(ValueType="DATETIME", DateTime="20231224120000.00+0100"),
    ]
    assert {("name", "Watson^John"), ("date", "20231224")} <= said(patient(ContentSequence=items))


def test_who_says_nothing_gives_nothing():
    empty = patient(PatientName="ANONYMOUS", PatientID="", AccessionNumber="0000", PatientBirthDate="19000101")
    empty.InstitutionName = "N/A"
    kinds = {kind for kind, text in said(empty) if kind in ("id", "birth-date", "institution")}
    assert kinds == set()
    assert ("name", "ANONYMOUS") not in said(empty)


def test_the_last_instance_is_remembered_and_no_other():
    one, other = read(patient()), read(patient(PatientID="OTHER-9"))
    first = identifiers_of(one)
    assert identifiers_of(one) is first
    assert identifiers_of(other) != first == identifiers_of(one)


def test_what_other_objects_of_a_patient_tell_is_known_and_of_other_patients_is_not():
    known = KnownIdentifiers()
    here = read(patient(OperatorsName="Watson^John"))
    there = read(patient(ReferringPhysicianName="Ombrelle^Odo"))
    stranger = read(patient(PatientID="OTHER-9", PatientName="Quillfeather^Aurelia"))
    for instance in (here, there, stranger):
        known.seen(instance)
    names = {i.text for i in known.of(here)}
    assert {"Watson^John", "Ombrelle^Odo", "Yamada^Tarou"} <= names
    assert "Quillfeather^Aurelia" not in names
    assert known.of(there) is known.of(here)
    assert {i.kind for i in known.of(here)} & {"uid", "date"} == set()
    assert {i.kind for i in known.within(here)} >= {"uid", "date", "name"}
    assert pickle.loads(pickle.dumps(known)).of(here) == known.of(here)
    unseen = read(patient(OperatorsName="Never^Seen"))
    assert {"Never^Seen", "Ombrelle^Odo"} <= {i.text for i in known.of(unseen)}


@pytest.mark.parametrize(("option", "kind"), KEPT_BY.items())
def test_what_an_option_keeps_is_not_looked_for(option, kind):
    assert unwanted_kinds([option]) == {*KINDS} - {kind}


def test_every_keyword_of_the_table_is_one_and_every_kind_is_known():
    for tag, kind in each(identifiers._kinds().items(), 60):
        assert kind in KINDS
        assert tag
    text = identifiers.files(identifiers.__package__).joinpath("identifiers.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t")[0] for line in text.splitlines()[1:]]
    assert [k for k in rows if tag_for_keyword(k) is None] == []
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        (
            "name",
            "Doe^Jane^Q",
            {"Doe Jane", "Jane Doe", "Doe, Jane", "DoeJane", "Jane_Doe", "Jane Q Doe", "Doe", "Jane"},
        ),
        ("name", "van der Berg^Piet", {"van der Berg", "Berg", "Piet", "Piet van der Berg"}),
        ("name", "Garcia-Lopez^Ana", {"Garcia", "Lopez", "Garcia-Lopez"}),
        ("name", "SMITH JOHN DR", {"SMITH", "JOHN"}),
        ("name", "O'Brien^Pat", {"O'Brien", "OBrien", "Brien", "P. O'Brien", "PO'Brien"}),
        ("name", "Müller^Jörg", {"Mueller", "Muller", "Joerg", "Jorg", "Jörg Müller"}),
        ("name", "Иванов^Пётр", {"Ivanov", "Петр", "Pyotr".replace("yo", "e")}),
        ("name", "山田^太郎", {"山田太郎", "山田", "太郎"}),
        ("name", "ﾔﾏﾀﾞ^ﾀﾛｳ", {"ヤマダ", "yamada"}),
        ("id", "MRN-0077881", {"MRN0077881", "0077881", "77881"}),
        ("birth-date", "19500123", {"23.01.1950", "01/23/1950", "1950-01-23", "23.1.1950", "23 Jan 1950", "23.01.50"}),
        ("institution", "St. Elsewhere General Hospital", {"Elsewhere", "StElsewhereGeneralHospital"}),
    ],
)
def test_identifiers_are_spelled_as_people_do(kind, text, wanted):
    assert wanted <= spellings(Identifier(kind, text)), sorted(spellings(Identifier(kind, text)))


@pytest.mark.parametrize(
    ("kind", "text", "unwanted"),
    [
        ("name", "Doe^J", {"J"}),
        ("name", "van^Dr", {"van", "Dr"}),
        ("institution", "St. Elsewhere General Hospital", {"General", "Hospital", "St"}),
        ("id", "1", {""}),
        ("organization", "Neurosurgery Ward", {"Ward"}),
    ],
)
def test_what_goes_with_many_names_names_nobody(kind, text, unwanted):
    assert not unwanted & spellings(Identifier(kind, text))


def test_bytes_are_searched_in_all_encodings_and_cases_but_not_for_what_is_anywhere():
    found = needles([Identifier("name", "Müller^Ann")], ["iso8859"])
    assert {"müller".encode(), "MÜLLER".encode("latin-1"), "Müller".encode("utf_16_le"), b"mueller"} <= found
    assert b"Ann" not in found
    assert b"ann" not in found
    japanese = needles([Identifier("name", "山田^太郎")], ["iso2022_jp"])
    assert any(b"\x1b$B" in needle and b";3ED" in needle for needle in japanese)
    assert needles([Identifier("id", "4711"), Identifier("name", "HEAD"), Identifier("id", "1")]) == frozenset()
    whole = needles([Identifier("institution", "Philips Research Lab")])
    assert b"Philips Research Lab" in whole
    assert b"Philips" not in whole


@pytest.mark.parametrize(
    "text", ["HEAD", "Hospital", "Neuroradiology", "Chirurgie", "ann", "4711", "AXIAL", "Anonymous", ""]
)
def test_short_and_common_words_tell_nothing(text):
    assert not is_telling(text)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzäöüßéñØæł", min_size=2, max_size=12))
def test_every_name_is_among_its_own_spellings_and_can_be_written_in_ascii(name):
    found = spellings(Identifier("name", f"{name}^Xaver"))
    assert {f"{name}^Xaver", f"Xaver {name}"} <= found
    assert any(one.isascii() for one in transliterated(name))


@given(st.dates())
def test_every_date_is_spelled_by_day_first_and_by_month_first(day):
    text = f"{day.year:04d}{day.month:02d}{day.day:02d}"
    found = spellings(Identifier("date", text))
    assert {f"{day.day:02d}.{day.month:02d}.{day.year:04d}", f"{day.month:02d}/{day.day:02d}/{day.year:04d}"} <= found
    assert text in searched_for(Identifier("date", text)) or is_placeholder(text)
