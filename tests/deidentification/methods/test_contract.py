"""What holds of every method, whatever it does: legal values, the same for the same, and nothing of what was there."""

from __future__ import annotations

import pickle
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import encode_string
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, convert_raw_data_element

import derive
from derive.deidentification.methods import METHODS, checked_method, checked_rule
from derive.deidentification.methods.values import NUMBERS
from derive.deidentification.profile.profile import Profile
from derive.deidentification.profile.rule import Address, Rule
from derive.deidentification.run.dummies import dummies, meaning
from derive.elements.element import Element
from derive.elements.encoding import raw
from derive.standard.value_syntax import WIDTHS, fault, split
from derive.standard.vr import CHARSET_VRS, TEXT_VRS
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.methods import OTHER_KEY, changed, run_with

#: One legal value of each value representation, and an attribute that has it.
VALUES = {
    "AE": (0x00080055, b"STATION "),
    "AS": (0x00101010, b"042Y"),
    "CS": (0x00100040, b"F "),
    "DA": (0x00080020, b"20240301"),
    "DS": (0x00101030, b"71.5"),
    "DT": (0x0008002A, b"20240301120000.5+0100 "),
    "IS": (0x00200013, b"17"),
    "LO": (0x00081030, b"Thorax of Doe "),
    "LT": (0x00104000, b"Jane\r\nDoe"),
    "PN": (0x00081070, b"Doe^Jane"),
    "SH": (0x00080050, b"A0815 "),
    "ST": (0x00080081, b"Street 1"),
    "TM": (0x00080030, b"093000"),
    "UC": (0x00189919, b"Detector"),
    "UI": (0x00080018, b"1.3.6.1 "),
    "UR": (0x00081190, b"http://pacs/doe "),
    "UT": (0x00340002, b"source"),
    **{
        vr: (0x00091001, (b"\1\2\3\4\5\6\7\x40" * 2)[: max(WIDTHS.get(vr, 4), 4)])
        for vr in ("OB", "UN", "AT", *NUMBERS)
    },
}
#: Those that leave it, or take it out.
SIMPLE = {"keep", "remove"}
#: Methods of the other parts have their own tests; here are those that a rule may name for any attribute.
OURS = [
    *("cryptoHash", "dateShift", "generalize", "maskCharacters", "perturb", "redact", "refreshUID", "replace"),
    "substitute",
]
#: What a person puts in the place of a value, where it is not 1.
SAID = {"CS": "OTHER", "DA": "20000101", "DT": "2000", "TM": "12", "AS": "001Y", "UI": "1.2.3", "UR": "urn:x"}


def settings_of(name, vr):
    return {"replace_with": SAID.get(vr, "1")} if name == "substitute" else {}


def pairs():
    return [(name, vr) for name in OURS for vr in VALUES if METHODS[name].is_for(vr) and (name, vr) not in OUT]


#: A text cannot become bytes.
OUT = {("substitute", vr) for vr in ("OB", "UN", "AT")}


def element_with(vr, value=None):
    tag, usual = VALUES[vr]
    return Element(tag, vr, usual if value is None else value)


def is_legal(element, encodings=("ascii",)):
    if len(element.value) % 2:
        return False
    if element.vr in TEXT_VRS:
        return every(fault(element.vr, text) is None for text in [*split(element.vr, element.value, encodings), ""])
    return len(element.value) % WIDTHS.get(element.vr, 1) == 0


@pytest.mark.parametrize(("name", "vr"), pairs())
def test_a_method_makes_legal_values_and_the_same_of_the_same(name, vr):
    element = element_with(vr)
    made = changed(name, element, settings=settings_of(name, vr))
    assert made is not None
    assert (made.tag, made.vr) == (element.tag, vr)
    assert is_legal(made), made
    assert made == changed(name, element, settings=settings_of(name, vr))
    assert pickle.loads(pickle.dumps(made)) == made
    with warnings.catch_warnings(action="error"):
        decoded = convert_raw_data_element(raw(made))
        assert vr == DataElement(made.tag, vr, decoded.value, validation_mode=IGNORE).VR


KEPT_AS_THEY_ARE = {("dateShift", "TM")}


@pytest.mark.parametrize(("name", "vr"), [p for p in pairs() if p not in KEPT_AS_THEY_ARE])
def test_a_method_changes_every_value(name, vr):
    element = element_with(vr)
    assert changed(name, element, settings=settings_of(name, vr)) != element


@pytest.mark.parametrize(("name", "vr"), pairs())
def test_an_empty_value_stays_empty_or_becomes_a_dummy(name, vr):
    made = changed(name, element_with(vr, b""), settings=settings_of(name, vr))
    assert made is not None
    assert is_legal(made)
    assert bool(made.value) is (name in ("replace", "substitute"))


@pytest.mark.parametrize(("name", "vr"), [p for p in pairs() if p[1] in TEXT_VRS - {"LT", "ST", "UT", "UR"}])
def test_each_of_several_values_becomes_one(name, vr):
    value = b"\\".join([element_with(vr).value.strip()] * 3)
    made = changed(name, element_with(vr, value + b" " * (len(value) % 2)), settings=settings_of(name, vr))
    assert made is not None
    assert is_legal(made)
    assert made.value.count(b"\\") == (0 if name in ("redact", "substitute") else 2)


@pytest.mark.parametrize("name", ["cryptoHash", "refreshUID", "dateShift", "perturb"])
def test_another_key_makes_other_values(name):
    vr = {"refreshUID": "UI", "dateShift": "DA", "perturb": "FD"}.get(name, "LO")
    element = element_with(vr)
    assert changed(name, element) != changed(name, element, run=run_with(OTHER_KEY))


@pytest.mark.parametrize(("name", "vr"), [p for p in pairs() if p[0] != "substitute" and p[1] in TEXT_VRS])
@pytest.mark.parametrize("kind", ["1", "1C", "2", "3", None])
def test_what_is_no_value_of_its_kind_never_stays(name, vr, kind):
    """A damaged file has names wherever there is room; what cannot be read is a dummy where a value is required."""
    odd = element_with(vr, b"DOE^JANE MRN-0815" + b" " * 1)
    made = changed(name, odd, type=kind)
    assert made is not None
    assert b"MRN-0815" not in made.value
    assert b"DOE" not in made.value or vr not in ("DA", "DT", "TM", "AS", "DS", "IS", "UI")
    if kind in ("1", "1C") and name in ("dateShift", "perturb", "generalize", "replace"):
        assert made.value


ENCODINGS = [
    ("utf_8",),
    ("iso8859",),
    ("latin_1",),
    ("iso8859", "iso2022_jp"),
    ("shift_jis",),
    ("gb18030",),
    ("euc_kr",),
]
ODD = st.lists(st.sampled_from([*b"\x1b$B;3ED\x1b(B^=\\ \0abcXYZ0189.+-\xe5\xff\xa4\xc3\xbc\r\n"]), max_size=24).map(
    bytes
)


@given(
    st.sampled_from(pairs()),
    st.binary(max_size=24) | ODD,
    st.sampled_from(ENCODINGS),
    st.sampled_from(["1", "2", None]),
)
@settings(max_examples=400)
def test_whatever_bytes_there_are_what_is_made_of_them_is_legal(pair, value, encodings, kind):
    name, vr = pair
    said = {"keep_first": 2} if name == "maskCharacters" else settings_of(name, vr)
    value += b" " * (len(value) % 2)
    element = element_with(vr, value)
    with warnings.catch_warnings(action="ignore"):  # pydicom's of what the character set does not have
        made = changed(name, element, settings=said, encodings=encodings, type=kind)
    assert made is not None
    assert len(made.value) % 2 == 0
    if element.stripped() and name != "maskCharacters":
        assert is_legal(made, encodings)


@given(st.sampled_from(sorted(TEXT_VRS - {"UI"})), st.lists(st.text(max_size=12), max_size=3), st.booleans())
@settings(max_examples=300)
def test_a_dummy_is_legal_and_never_the_value_that_was_there(vr, texts, has_dummy):
    usual = dummies()[vr]
    texts = [text.replace("\\", "") for text in texts] + [usual.dummy, usual.other] * has_dummy
    joined = "\\".join(texts) if vr not in ("LT", "ST", "UT", "UR") else "".join(texts)
    encoded = encode_string(joined, ["utf_8"]) if vr in CHARSET_VRS else joined.encode("utf-8")
    element = Element(0x00091001, vr, encoded + b" " * (len(encoded) % 2))
    made = changed("replace", element, encodings=("utf_8",), type="1")
    assert made is not None
    assert made.value.strip()
    assert is_legal(made, ("utf_8",))
    if vr not in ("LT", "ST", "UT", "UR"):
        new, old = made.value.decode().split("\\"), encoded.decode("utf-8").split("\\")
        assert every(meaning(vr, a) != meaning(vr, b) or a.strip() == "" for a, b in zip(new, old, strict=False))


@given(st.sampled_from(sorted(NUMBERS)), st.binary(min_size=8, max_size=32))
def test_a_dummy_number_is_never_the_number_that_was_there(vr, value):
    value = value[: len(value) // 8 * 8]
    for was in (value, bytes(len(value))):
        made = changed("replace", element_with(vr, was))
        assert made is not None
        width = WIDTHS[vr]
        assert len(made.value) % width == 0
        assert every(made.value[i : i + width] != was[i : i + width] for i in range(0, len(made.value), width))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_says_what_it_does_and_what_can_be_set(name):
    named = METHODS[name]
    assert named.change.__doc__
    assert {*named.settings.values()} <= {str, int, float, bool, list, tuple, object}  # object: a function, from Python
    assert named.vrs <= {*VALUES, "SQ"}
    assert checked_method(name.upper(), {}) is named


@pytest.mark.parametrize(
    ("name", "said", "code", "hint"),
    [
        ("cryptoHahs", {}, "DEID-METHOD", "did you mean cryptoHash"),
        ("", {}, "DEID-METHOD", "there are"),
        ("keep", {"value": "x"}, "DEID-SETTING", "it has none"),
        ("substitute", {"replaceWith": "x"}, "DEID-SETTING", "did you mean replace_with"),
        ("substitute", {"replace_with": 1}, "DEID-SETTING", "wants a text"),
        ("perturb", {"span": True}, "DEID-SETTING", "wants a number"),
        ("perturb", {"span": 0}, "DEID-SETTING", "above 0"),
        ("perturb", {"round_to": 29}, "DEID-SETTING", "0 to 28"),
        ("perturb", {"range_type": "gauss"}, "DEID-SETTING", "fixed, proportional"),
        ("perturb", {"scope": "hospital"}, "DEID-SETTING", "patient"),
        ("cryptoHash", {"algorithm": "md5"}, "DEID-SETTING", "sha256"),
        ("cryptoHash", {"length": 0}, "DEID-SETTING", "1 to 128"),
        ("cryptoHash", {"dialect": "google"}, "DEID-SETTING", "microsoft"),
        ("dateShift", {"scope": "hospital"}, "DEID-SETTING", "patient"),
        ("dateShift", {"range": "0..0"}, "DEID-DATES", "move no date"),
        ("dateShift", {"days": 0}, "DEID-DATES", "move no date"),
        ("dateShift", {"days": 3, "range": "-3..-1"}, "DEID-SETTING", "exclude"),
        ("dateShift", {"dialect": "dcm4chee"}, "DEID-SETTING", "microsoft"),
        ("generalize", {"to": "day"}, "DEID-SETTING", "year, month"),
        ("generalize", {"years": 0}, "DEID-SETTING", "1 to 89"),
        ("maskCharacters", {"character": "**"}, "DEID-SETTING", "one printable"),
        ("maskCharacters", {"character": "^"}, "DEID-SETTING", "one printable"),
        ("maskCharacters", {"keep_first": -1}, "DEID-SETTING", "how many"),
        ("redact", {"partial_dates": "yes"}, "DEID-SETTING", "true or false"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_file_is_read(name, said, code, hint):
    with raises_code(code) as caught:
        checked_method(name, said, "rule 3 of site.toml")
    assert hint in str(caught.value)
    assert "rule 3 of site.toml" in str(caught.value)


def test_there_are_all_methods_of_the_profile():
    assert {*OURS, *SIMPLE, "encrypt", "subject"} <= METHODS.keys()
    assert each(dummies(), at_least=17)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("PatientBirthDate", "cryptoHash"),
        ("DA", "encrypt"),
        ("(0010,0020)", "dateShift"),
        ("Rows", "maskCharacters"),
        ("SH", "encrypt"),
    ],
)
def test_a_method_that_is_never_for_an_attribute_is_refused_before_any_file_is_read(address, name):
    with raises_code("DEID-METHOD") as caught:
        checked_rule(Rule(Address(address), name, told="rule 3 of site.toml"))
    assert "rule 3 of site.toml" in str(caught.value)
    assert address in str(caught.value)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("PatientBirthDate", "DATESHIFT"),
        ("(0010,xxxx)", "cryptohash"),
        ('(0029,"ACME",10)', "encrypt"),
        ("PixelData", "cryptoHash"),
    ],
)
def test_where_it_may_be_the_rule_is_followed(address, name):
    rule = checked_rule(Rule(Address(address), name))
    assert rule.method in METHODS
    assert rule.address == Address(address)


@pytest.mark.parametrize("form", ["rules", "profile"])
def test_rules_of_a_caller_in_python_are_checked_too(tmp_path, form):
    rule = Rule(Address("PatientBirthDate"), "cryptoHash")
    said = {"rules": [rule]} if form == "rules" else {"profile": Profile(rules=(rule,))}
    with raises_code("DEID-METHOD"):
        derive.deidentify(tmp_path / "no such folder", tmp_path / "out", **said)
