"""Values of every value representation: what is legal, what is not, and that nothing makes the judge fail."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import convert_encodings

from derive import standard
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, encode_item
from derive.elements.legal import faults, problem
from derive.standard import AttributeRule, ValueRule
from tests.helpers.asserting import each

CT = standard.iod("1.2.840.10008.5.1.4.1.1.2")


def rule(vr: str, vm: str = "1", entity: str = "Image", items: tuple[AttributeRule, ...] = ()) -> AttributeRule:
    return AttributeRule("AnyKeyword", 0x00091001, vr, vm, "3", "any-module", entity, items)


def said(vr: str, value: bytes, vm: str = "1", charset: str | list[str] = "") -> str | None:
    element = Element(0x00091001, vr, value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2))
    return problem(element, rule(vr, vm), (), tuple(convert_encodings(charset or None)))


LEGAL: list[tuple[str, bytes]] = [
    ("AE", b"ARCHIVE 1"),
    ("AS", b"018M"),
    ("AT", b"\x10\0\x20\0"),
    ("CS", b"MAX_IP 2"),
    ("DA", b"20240229"),
    ("DS", b"-1.5E-3"),
    ("DS", b" 1.25"),
    ("DS", b"1234567890.12345"),
    ("DT", b"20260102030405.123456+0100"),
    ("DT", b"2026"),
    ("DT", b"2026-0500"),
    ("FD", struct.pack("<d", 1.5)),
    ("FL", struct.pack("<f", 1.5)),
    ("IS", b"-2147483648"),
    ("IS", b"+7"),
    ("LO", b"x" * 64),
    ("LT", b"line\r\n\ttab\x0cpage"),
    ("OB", b"\0\1\2\3"),
    ("OW", b"\0\1"),
    ("PN", b"Family^Given^Middle^Dr^Jr=ideo=phon"),
    ("SH", b"x" * 16),
    ("SL", b"\0" * 4),
    ("SS", b"\0\0"),
    ("ST", b"with \\ in it"),
    ("TM", b"235960"),
    ("TM", b"0102"),
    ("TM", b"010203.5"),
    ("UC", b"x" * 2000),
    ("UI", b"1.2.840.10008.1.2"),
    ("UI", b"2.25.329800735698586629295641978511506172918"),
    ("UL", b"\0" * 4),
    ("UR", b"https://example.org/a?b=c"),
    ("US", b"\1\0"),
    ("UT", b"x" * 20000),
]
ILLEGAL: list[tuple[str, bytes, str]] = [
    ("AE", b"x" * 17, "16"),
    ("AS", b"18M", "nnnD"),
    ("AT", b"\0\0", "multiple of 4"),
    ("CS", b"lower", "upper case"),
    ("CS", b"A-B", "upper case"),
    ("CS", b"X" * 17, "at most 16"),
    ("DA", b"20230229", "calendar"),
    ("DA", b"2023.01.01", "YYYYMMDD"),
    ("DA", b"20230101-", "YYYYMMDD"),
    ("DS", b"1.2345678901234567", "at most 16"),
    ("DS", b"1,5", "decimal"),
    ("DS", b"nan", "decimal"),
    ("DT", b"20261302", "YYYYMMDD"),
    ("DT", b"20260102030405+1500", "offset"),
    ("DT", b"20260101-20270101", "range"),
    ("FD", b"\0" * 4, "multiple of 8"),
    ("IS", b"2147483648", "2^31"),
    ("IS", b"1.0", "integer"),
    ("LO", b"x" * 65, "at most 64"),
    ("LO", b"a\nb", "control character 0A"),
    ("LO", b"trailing\0", "control character 00"),
    ("LT", b"bell\x07", "control character 07"),
    ("PN", b"a=b=c=d", "component groups"),
    ("PN", b"a^b^c^d^e^f", "6 components"),
    ("PN", b"x" * 65, "65 characters"),
    ("SH", b"x" * 17, "at most 16"),
    ("ST", b"x" * 1025, "at most 1024"),
    ("TM", b"24:00", "HHMMSS"),
    ("TM", b"2400", "HHMMSS"),
    ("UI", b"1.02", "leading zeros"),
    ("UI", b"1.2.", "leading zeros"),
    ("UI", b"1." + b"2" * 63, "at most 64"),
    ("UI", b"3.1.2", "arc"),
    ("UI", b"1.40.2", "arc"),
    ("UI", b"7", "arc"),
    ("UR", b"no spaces here", "URI"),
    ("US", b"\1", "multiple of 2"),
]


@pytest.mark.parametrize(("vr", "value"), LEGAL)
def test_legal_values(vr: str, value: bytes) -> None:
    assert said(vr, value) is None


@pytest.mark.parametrize(("vr", "value", "why"), ILLEGAL)
def test_illegal_values(vr: str, value: bytes, why: str) -> None:
    found = problem(Element(0x00091001, vr, value), rule(vr)) if vr in ("US", "AT", "FD") else said(vr, value)
    assert found is not None
    assert why in found


@pytest.mark.parametrize("vr", sorted({vr for vr, _ in LEGAL}))
def test_an_empty_value_is_legal(vr: str) -> None:
    assert said(vr, b"") is None


@pytest.mark.parametrize(
    ("vm", "count", "legal"),
    [
        ("1", 1, True),
        ("1", 2, False),
        ("2", 1, False),
        ("6", 6, True),
        ("1-2", 2, True),
        ("1-2", 3, False),
        ("1-n", 9, True),
        ("2-n", 1, False),
        ("2-2n", 4, True),
        ("2-2n", 5, False),
        ("3-3n", 6, True),
        ("1-n or 1", 3, True),
    ],
)
def test_value_multiplicity(vm: str, count: int, legal: bool) -> None:
    assert (said("DS", b"\\".join([b"1"] * count), vm) is None) is legal
    assert (said("US", b"\1\0" * count, vm) is None) is legal


def test_several_text_values_are_judged_one_by_one() -> None:
    assert said("LO", b"\\".join([b"x" * 64] * 3), "1-n") is None
    assert "value 2" in str(said("CS", b"OK\\bad\\OK", "1-n"))


@pytest.mark.parametrize(
    ("charset", "value", "legal"),
    [
        ("", b"plain", True),
        ("", b"Gr\xf6\xdfe", False),
        ("ISO_IR 6", b"Gr\xf6\xdfe", False),
        ("ISO_IR 100", b"Gr\xf6\xdfe", True),
        ("ISO_IR 192", b"Gr\xf6\xdfe", False),
        ("ISO_IR 192", "Größe".encode(), True),
        ("ISO_IR 192", b"x" * 63 + "ö".encode(), True),
        ("ISO_IR 13", b"\xd4\xcf\xc0\xde", True),
        ("GB18030", "山\\本".encode("gb18030"), True),
    ],
)
def test_text_and_its_character_set(charset: str, value: bytes, legal: bool) -> None:
    assert (said("LO", value, "1-n", charset) is None) is legal


def test_a_backslash_in_a_multibyte_character_divides_nothing() -> None:
    value = "乗乘".encode("gb18030")
    assert b"\\" in value
    assert said("LO", value, "1", "GB18030") is None


def test_escape_sequences_need_their_character_set() -> None:
    value = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
    assert said("PN", value, "1", ["", "ISO 2022 IR 87"]) is None
    assert said("PN", value, "1") is not None


def test_vr_is_that_of_the_rule_or_one_of_its_choices() -> None:
    assert problem(Element(0, "SS", b"\0\0"), rule("US or SS")) is None
    assert problem(Element(0, "OW", b"\0\0"), rule("US or SS")) == "has the value representation OW; wanted US or SS"
    assert "wanted DS" in str(problem(Element(0, "FD", b"\0" * 8), rule("DS")))


def test_enumerated_values_judge_and_defined_terms_do_not() -> None:
    def listed(kind: str, number: int | None = None) -> tuple[ValueRule, ...]:
        return (ValueRule("AnyKeyword", "any-module", kind, ("YES", "NO"), number, "C.1", "2026b"),)

    wrong, right = Element(0x00091001, "CS", b"MAYBE "), Element(0x00091001, "CS", b"NO")
    assert problem(wrong, rule("CS"), listed("enumerated")) == "is not one of YES, NO"
    assert problem(right, rule("CS"), listed("enumerated")) is None
    assert problem(wrong, rule("CS"), listed("defined")) is None
    second = Element(0x00091001, "CS", b"MAYBE\\NO")
    assert problem(second, rule("CS", "2"), listed("enumerated", 2)) is None
    assert problem(second, rule("CS", "2"), listed("enumerated", 1)) is not None
    number = (ValueRule("AnyKeyword", "any-module", "enumerated", ("0", "1"), None, "C.1", "2026b"),)
    assert problem(Element(0x00091001, "US", b"\2\0"), rule("US"), number) == "2 is not one of 0, 1"


def test_text_that_is_not_legal_is_not_repeated() -> None:
    """It can be anybody's name, whatever its attribute is for."""
    for entity in each(["Patient", "Image"]):
        found = problem(Element(0, "CS", b"secret"), rule("CS", entity=entity))
        assert found
        assert "secret" not in found


def code_item(**changes: object) -> bytes:
    values = {"CodeValue": "113088", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Gaussian blur"} | changes
    return encode_item({k: v for k, v in values.items() if v is not None})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"CodeMeaning": None}, "item 1>CodeMeaning: is absent"),
        ({"CodeMeaning": ""}, "item 1>CodeMeaning: is empty"),
        ({"CodeValue": None}, "CodeValue: is absent; required if"),
        ({"CodeValue": ""}, "item 1>CodeValue: is empty"),
        ({"CodingSchemeDesignator": None}, "CodingSchemeDesignator: is absent; required if"),
        ({"ContextGroupExtensionFlag": "Y"}, "ContextGroup"),
        ({"LongCodeValue": "x", "CodeValue": None}, None),
    ],
)
def test_items_are_judged_by_their_rules(changes: dict[str, object], why: str | None) -> None:
    element = encode("DerivationCodeSequence", [code_item(**changes)])
    found = problem(element, CT.attributes["DerivationCodeSequence"])
    assert found is None if why is None else why in str(found)


def test_items_inside_items_are_judged() -> None:
    purpose = [code_item(CodeMeaning=None)]
    source = {"ReferencedSOPClassUID": "1.2.3", "ReferencedSOPInstanceUID": "1.02"}
    element = encode("SourceImageSequence", [source | {"PurposeOfReferenceCodeSequence": purpose}])
    found = faults(element, CT.attributes["SourceImageSequence"])
    assert {(f.code, ">".join(f.path)) for f in found} == {
        ("CHK-SYNTAX", "item 1>ReferencedSOPInstanceUID"),
        ("CHK-TYPE1", "item 1>PurposeOfReferenceCodeSequence>item 1>CodeMeaning"),
    }


def test_text_of_an_item_takes_the_character_set_of_the_whole() -> None:
    values = {"CodeValue": "113088", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Größe"}
    element = encode("DerivationCodeSequence", [values], ["utf_8"])
    assert problem(element, CT.attributes["DerivationCodeSequence"], (), ("utf_8",)) is None
    assert problem(element, CT.attributes["DerivationCodeSequence"]) is not None


def test_a_sequence_that_is_none_is_a_problem() -> None:
    element = Element(tag_of("SourceImageSequence"), "SQ", b"no items here!")
    assert "cannot be read" in str(problem(element, CT.attributes["SourceImageSequence"]))


def test_rules_with_one_name_are_not_confused() -> None:
    element = Element(0x00091001, "CS", b"A\\B ")
    for vm, legal in each([("1", False), ("2", True), ("1", False)] * 50):
        assert (problem(element, rule("CS", vm)) is None) is legal


@settings(max_examples=400, deadline=None)
@given(
    keyword=st.sampled_from(sorted(CT.attributes)),
    value=st.binary(max_size=60),
    charset=st.sampled_from(["", "ISO_IR 100", "ISO_IR 192", "ISO_IR 13", "GB18030"]),
)
def test_no_bytes_make_the_judge_fail(keyword: str, value: bytes, charset: str) -> None:
    asked = CT.attributes[keyword]
    element = Element(asked.tag, asked.vr.split(" or ")[0], value)
    found = problem(element, asked, standard.values(CT.name, keyword), convert_encodings(charset or None))
    assert found is None or found
