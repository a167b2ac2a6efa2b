"""What a cleaner leaves of one value, in every type, value representation and character set."""

from __future__ import annotations

import pytest
from pydicom.charset import convert_encodings, encode_string

from derive.deidentification.methods import METHODS
from derive.deidentification.methods.registry import checked_method
from derive.deidentification.profile.profile import Transformation
from derive.elements.element import Element, tag_of
from tests.helpers.asserting import each, raises_code
from tests.helpers.methods import OTHER_KEY, changed, element_of, run_with, value_of
from tests.helpers.texts import patient, read

TEXTS = [("StudyDescription", "LO"), ("RTPlanLabel", "SH"), ("DerivationDescription", "ST"), ("ImageComments", "LT"),
         ("LabelText", "UT"), ("TextValue", "UC")]  # fmt: skip


@pytest.fixture(scope="module")
def instance():
    return read(patient())


def left(instance, keyword, vr, value, name="cleanDescriptors", **said):
    return value_of(name, keyword, vr, value, instance=instance, **said)


@pytest.mark.parametrize(("keyword", "vr"), TEXTS)
def test_a_text_loses_what_names_somebody_and_no_more(instance, keyword, vr):
    assert left(instance, keyword, vr, "knee Yamada") == "knee"
    same = element_of(keyword, vr, "knee 3mm")
    assert changed("cleanDescriptors", same, instance=instance) is same


@pytest.mark.parametrize(
    ("kind", "wanted"), [("1", "ANONYMIZED"), ("1C", "ANONYMIZED"), ("2", ""), ("2C", ""), ("3", None), ("", None)]
)
def test_where_nothing_may_stay_the_type_decides(instance, kind, wanted):
    for name in each(["cleanDescriptors", "searchText", "cleanStructuredContent", "infoTypes"], 4):
        assert left(instance, "ProtocolName", "LO", "Yamada Tarou", name, type=kind) == wanted


def test_each_of_several_values_is_cleaned_in_its_place(instance):
    assert left(instance, "TreatmentSites", "LO", "Yamada\\knee\\Tarou hip") == "\\knee\\hip"
    assert left(instance, "ImageComments", "LT", "a\\Yamada\\b") == "a\\ \\b"


@pytest.mark.parametrize(
    ("charset", "name", "text"),
    [
        ("ISO_IR 100", "Müller^Anne", "Müller Größe"),
        ("ISO_IR 144", "Иванов^Пётр", "Иванов колено"),
        ("ISO_IR 192", "山田^太郎", "山田 頭部"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", "山田 頭部"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "홍 무릎"),
        ("GB18030", "王^小东", "王 膝盖"),
    ],
)
def test_names_are_found_in_the_character_set_of_the_object_and_the_rest_is_written_in_it(charset, name, text):
    plain = {"InstitutionName": "Charity", "ReferringPhysicianName": "Miller"}
    instance = read(patient(SpecificCharacterSet=charset, PatientName=name, **plain))
    encodings = tuple(convert_encodings(charset))
    value = encode_string(text, list(encodings))
    element = Element(tag_of("StudyDescription"), "LO", value + b" " * (len(value) % 2))
    cleaned = changed("cleanDescriptors", element, instance=instance, encodings=encodings)
    assert cleaned is not None
    rest = encode_string(text.split()[1], list(encodings))
    assert cleaned.stripped() == rest


@pytest.mark.parametrize("name", ["cleanDescriptors", "searchText", "infoTypes"])
def test_bytes_that_are_no_text_of_their_character_set_go(instance, name):
    element = Element(tag_of("StudyDescription"), "LO", b"M\xfcller ")
    assert changed(name, element, instance=instance, type="2") == element._replace(value=b"")
    blob = Element(tag_of("MakerNote"), "OB", b"Yamada")
    assert changed("cleanDescriptors", blob, instance=instance) is None


def test_a_text_beyond_the_table_loses_persons_only(instance):
    search = "searchText"
    assert left(instance, "SoftwareVersions", "LO", "12345\\2024-01-19", search) == "12345\\2024-01-19"
    assert left(instance, "Manufacturer", "LO", "made by Charite", search) == "made by Charite"
    assert left(instance, "SequenceName", "SH", "se_yamada_2", search) == "se_2"
    whole = "of Charité Universitätsmedizin Berlin".encode()
    assert left(instance, "RescaleType", "LO", whole, search, encodings=("utf_8",)) == "of"
    assert left(instance, "Manufacturer", "LO", whole, search, encodings=("utf_8",)) == whole.decode("latin-1")
    assert left(instance, "SequenceName", "SH", "MRN-778812", search, type="3") is None


def test_a_name_in_a_report_becomes_a_dummy(instance):
    assert left(instance, "PersonName", "PN", "Watson^John", "cleanStructuredContent") == "ANONYMIZED"


def transformed(instance, keyword, vr, value, *wanted, **said):
    settings = {"transformations": wanted}
    return left(instance, keyword, vr, value, "infoTypes", settings=settings, **said)


@pytest.mark.parametrize(
    ("method", "settings", "wanted"),
    [
        ("redact", {}, "knee of"),
        ("replaceWithInfoType", {}, "knee of [PERSON_NAME]"),
        ("characterMask", {}, "knee of ****** *****"),
        ("characterMask", {"masking_character": "#"}, "knee of ###### #####"),
    ],
)
def test_each_transformation_changes_what_is_found_and_nothing_else(instance, method, settings, wanted):
    value = transformed(
        instance, "StudyDescription", "LO", "knee of Yamada Tarou", Transformation(method, (), settings)
    )
    assert value == wanted


def test_digests_are_keyed_the_same_for_the_same_text_and_cut_to_the_value_representation(instance):
    hashed = Transformation("cryptoHash")
    one = transformed(instance, "ImageComments", "LT", "of Yamada, of YAMADA", hashed)
    first, second = str(one).replace(",", "").split("of ")[1:]
    assert first.strip() == second.strip()
    assert len(first.strip()) == 44
    again = transformed(instance, "ImageComments", "LT", "of Yamada, of YAMADA", hashed, run=run_with(OTHER_KEY))
    assert one != again
    assert len(str(transformed(instance, "SequenceName", "SH", "of Yamada", hashed))) == 16


@pytest.mark.parametrize(
    ("vr", "value", "moves"),
    [
        ("LO", "on 2024-01-19", True),
        ("LO", "on 20240119", True),
        ("LO", "on 19.1.2024", True),
        ("LO", "on 25/12/2023", True),
        ("LO", "on 03/04/2024", False),
        ("LO", "on May 3, 2024", False),
        ("DA", "20240119", True),
        ("DT", "20240119120000", True),
    ],
)
def test_dates_move_as_they_were_written_or_go_where_they_can_be_read_in_two_ways(instance, vr, value, moves):
    made = str(transformed(instance, "StudyDescription", vr, value, Transformation("dateShift", ("DATE",)), type="2"))
    assert made != value
    assert (len(made) in (len(value), len(value) - 1, len(value) + 1)) is moves
    assert not any(c.isalpha() for c in made.removeprefix("on"))


def test_the_first_transformation_that_is_for_a_kind_holds_and_what_none_is_for_stays(instance):
    names = Transformation("replaceWithInfoType", ("PERSON_NAME",))
    dates = Transformation("redact", ("DATE",))
    text = "Yamada 20240119, tel. 450 12345"
    assert transformed(instance, "ImageComments", "LT", text, names, dates) == "[PERSON_NAME] , tel. 450 12345"
    assert transformed(instance, "ImageComments", "LT", text, names, Transformation("redact")).startswith(
        "[PERSON_NAME]"
    )
    assert transformed(instance, "PatientName", "PN", "Yamada^Tarou", names) == "[PERSON_NAME]"
    assert (
        transformed(instance, "PatientID", "LO", "1", Transformation("replaceWithInfoType", ("ID",)))
        == "[MEDICAL_RECORD_NUMBER]"
    )
    assert transformed(instance, "PatientAge", "AS", "075Y", names) == "075Y"
    assert transformed(instance, "PatientAge", "AS", "075Y", Transformation("characterMask"), type="3") is None


def test_every_method_of_texts_leaves_an_empty_value(instance):
    for name in each(["cleanDescriptors", "searchText", "infoTypes", "cleanStructuredContent"], 4):
        assert name in METHODS
        empty = element_of("StudyDescription", "LO", "")
        assert changed(name, empty, instance=instance) is empty


def test_a_rule_says_what_else_goes_and_a_function_has_the_last_word(instance):
    text = "knee Schmidt of lab7, P-1, 12345"
    assert left(instance, "StudyDescription", "LO", text, "clean") == "knee Schmidt of lab7, P-1"
    terms = {"terms": ["Schmidt", "P-1"]}
    assert left(instance, "StudyDescription", "LO", text, "clean", settings=terms) == "knee of lab7"
    others = {"values_of": ["StationName", "PatientName"]}
    assert left(instance, "SequenceName", "SH", "AWP66035 x", settings=others) == "x"
    using = {"using": lambda text: text.replace("knee", "joint")}
    assert left(instance, "StudyDescription", "LO", "knee Yamada", "clean", settings=using) == "joint"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("clean", {"values_of": ["PatientNam"]}),
        ("clean", {"using": "str"}),
        ("infoTypes", {"transformations": [{"method": "hide"}]}),
        ("infoTypes", {"transformations": [{"method": "redact", "info_types": ["PERSON_NAMES"]}]}),
        ("infoTypes", {"transformations": ["redact"]}),
    ],
)
def test_settings_that_mean_nothing_are_refused_before_any_file_is_read(name, settings):
    with raises_code("DEID-SETTING"):
        checked_method(name, settings)


def test_makers_may_be_called_like_patients_and_institutions():
    instance = read(patient(PatientName="Philips^Maria", InstitutionName="Siemens Healthineers"))
    for maker in each(["Philips", "Philips Medical Systems", "SIEMENS", "Siemens Healthineers"], 4):
        assert left(instance, "Manufacturer", "LO", maker, "searchText") == maker
    assert left(instance, "Manufacturer", "LO", "Philips Maria", "searchText", type="2") == ""
    assert left(instance, "SequenceName", "SH", "of Philips", "searchText") == "of"
