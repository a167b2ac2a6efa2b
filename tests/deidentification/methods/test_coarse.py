"""Values that say less: parts of dates, bands of ages, masks, noise, and dates of a rule's own shift."""

from __future__ import annotations

import struct
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.errors import ValuesError
from derive.standard.value_syntax import fault
from tests.helpers.asserting import every, raises_code
from tests.helpers.methods import changed, element_of, instance_of, run_with, value_of

TODAY = date.today()
#: Somebody of 89 years, and somebody of 90.
YOUNG, OLD = TODAY.replace(year=TODAY.year - 89, day=1), TODAY.replace(year=TODAY.year - 90, day=1)


@pytest.mark.parametrize(
    ("vr", "value", "wanted"),
    [
        *(("DA", "20210130", "20210101"), ("DA", "2021.01.30", "20210101"), ("DA", f"{OLD:%Y%m%d}", "")),
        *(("DA", f"{YOUNG:%Y%m%d}", f"{YOUNG:%Y}0101"), ("DA", "20210130\\18000101\\20220130", "20210101\\20220101")),
        *(("DT", "20210130120000.5+0100", "20210101000000.000000+0100"), ("DT", "2021", "20210101000000.000000")),
        *(("DT", "18000101", ""), ("AS", "089Y", "089Y"), ("AS", "090Y", ""), ("AS", "999M", "999M"), ("AS", "1X", "")),
        *(("LO", "anything", ""), ("TM", "1200", "")),
    ],
)
def test_parts_that_stay_as_microsoft_keeps_them(vr, value, wanted):
    keyword = {"DA": "PatientBirthDate", "DT": "AcquisitionDateTime", "AS": "PatientAge"}.get(vr, "PatientID")
    assert value_of("redact", keyword, vr, value, settings={"partial_dates": True, "partial_ages": True}) == wanted
    assert value_of("redact", keyword, vr, value) == ""


@pytest.mark.parametrize(
    ("vr", "value", "settings", "wanted"),
    [
        ("AS", "042Y", {}, "040Y"),
        ("AS", "042Y", {"years": 10}, "040Y"),
        ("AS", "089Y", {"years": 1}, "089Y"),
        ("AS", "090Y", {"years": 10}, "090Y"),
        ("AS", "105Y", {}, "090Y"),
        ("AS", "018M", {}, "000Y"),
        ("AS", "120M", {}, "010Y"),
        ("AS", "400D", {"years": 1}, "001Y"),
        ("AS", "4Y", {}, ""),
        ("DA", "20240317", {}, "20240101"),
        ("DA", "20240317", {"to": "month"}, "20240301"),
        ("DA", "17990317", {}, ""),
        ("DA", "20241317", {}, ""),
        ("DT", "20240317120000.5+0100", {}, "2024"),
        ("DT", "20240317120000.5+0100", {"to": "month"}, "202403"),
        ("DT", "2024", {"to": "month"}, "2024"),
    ],
)
def test_generalize(vr, value, settings, wanted):
    keyword = {"DA": "PatientBirthDate", "DT": "AcquisitionDateTime"}.get(vr, "PatientAge")
    assert value_of("generalize", keyword, vr, value, settings=settings) == wanted


@pytest.mark.parametrize(
    ("vr", "value", "settings", "wanted"),
    [
        ("LO", "MRN-0815", {}, "********"),
        ("LO", "MRN-0815", {"character": "#", "keep_last": 2, "skip": "-"}, "###-##15"),
        ("SH", "0815", {"keep_first": 2, "keep_last": 2}, "****"),
        ("PN", "Doe^Jane", {"keep_first": 1}, "D**^****"),
        ("LO", "one\\two", {"keep_first": 1}, "o**\\t**"),
    ],
)
def test_masks(vr, value, settings, wanted):
    keyword = "PatientName" if vr == "PN" else "PatientID"
    assert value_of("maskCharacters", keyword, vr, value, settings=settings) == wanted


@given(st.floats(-1e4, 1e4), st.floats(0.1, 100), st.booleans())
def test_noise_is_within_its_span(number, span, proportional):
    settings = {"span": span, "range_type": "proportional" if proportional else "fixed", "round_to": 10}
    made = changed("perturb", element_of("PatientWeight", "FD", struct.pack("<d", number)), settings=settings)
    assert made is not None
    (moved,) = struct.unpack("<d", made.value)
    assert abs(moved - number) <= span / 2 * (abs(number) if proportional else 1) + 1e-9


def test_noise_is_the_same_in_all_images_of_a_patient_and_for_each_attribute_its_own():
    first = value_of("perturb", "PatientWeight", "DS", "71.5", instance=instance_of(SOPInstanceUID="1.3.1"))
    assert first == value_of("perturb", "PatientWeight", "DS", "71.5", instance=instance_of(SOPInstanceUID="1.3.2"))
    others = {
        value_of("perturb", "PatientWeight", "DS", "71.5", instance=instance_of(PatientID="MRN2")),
        value_of("perturb", "PatientSize", "DS", "71.5"),
        value_of(
            "perturb",
            "PatientWeight",
            "DS",
            "71.5",
            instance=instance_of(SOPInstanceUID="1.3.1"),
            settings={"scope": "instance"},
        ),
    }
    assert first not in others


def test_what_is_rounded_and_what_cannot_be_negative():
    assert every(
        (
            len(
                str(value_of("perturb", "PatientWeight", "DS", f"{n / 7:.6f}", settings={"round_to": 1})).partition(
                    "."
                )[2]
            )
            <= 1
        )
        for n in range(1, 30)
    )
    made = [
        changed(
            "perturb", element_of("Rows", "US", struct.pack("<H", n)), settings={"span": 900.0, "range_type": "fixed"}
        )
        for n in (0, 1, 65535)
    ]
    assert every(m is not None and len(m.value) == 2 for m in made)
    age = str(value_of("perturb", "PatientAge", "AS", "042Y", settings={"span": 10.0, "range_type": "fixed"}))
    assert age[3] == "Y"
    assert 37 <= int(age[:3]) <= 47
    assert value_of("perturb", "PatientWeight", "DS", "heavy") == ""
    assert value_of("perturb", "PatientWeight", "DS", "heavy", type="1") == "0"


@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [({"days": 30}, 30, 30), ({"range": "-9..-2"}, -9, -2), ({"scope": "study"}, -365, -1)],
)
def test_a_rule_has_a_shift_of_its_own(settings, least, most):
    moved = str(value_of("dateShift", "StudyDate", "DA", "20240301", settings=settings))
    days = (date(int(moved[:4]), int(moved[4:6]), int(moved[6:])) - date(2024, 3, 1)).days
    assert least <= days <= most


@pytest.mark.parametrize(
    ("vr", "value", "rest"),
    [
        ("DA", "20150207", ""),
        ("DT", "20150207132817-0500", "000000.000000-0500"),
        ("DT", "20150207132817.12", "000000.000000"),
    ],
)
def test_dates_moved_as_microsoft_moves_them(vr, value, rest):
    """By the series, 50 days at most, and to midnight."""
    one = instance_of(SeriesInstanceUID="456", StudyInstanceUID="123")
    moved = str(value_of("dateShift", "StudyDate", vr, value, settings={"dialect": "microsoft"}, instance=one))
    days = run_with().secrets.microsoft_days("456", 50)
    assert moved == f"{date(2015, 2, 7) + timedelta(days):%Y%m%d}{rest}"
    wide = {"dialect": "microsoft", "scope": "study", "range": "-100..100"}
    moved = str(value_of("dateShift", "StudyDate", vr, value, settings=wide, instance=one))
    assert moved == f"{date(2015, 2, 7) + timedelta(run_with().secrets.microsoft_days('123', 100)):%Y%m%d}{rest}"


def test_dates_of_long_ago_go_as_microsoft_has_it():
    theirs = {"dialect": "microsoft"}
    young = value_of("dateShift", "StudyDate", "DA", "20150207", settings=theirs)
    assert value_of("dateShift", "StudyDate", "DA", "18000101\\20150207", settings=theirs) == young
    assert value_of("dateShift", "PatientBirthDate", "DA", "18000101", settings=theirs) == ""


@pytest.mark.parametrize(
    ("vr", "text"),
    [("CS", "lower"), ("DA", "today"), ("US", "70000"), ("FD", "x"), ("OB", "1"), ("SH", "x" * 17), ("LO", "Größe")],
)
def test_a_new_value_that_its_attribute_cannot_hold_is_refused(vr, text):
    with raises_code("DEID-VALUE", ValuesError):
        changed("substitute", element_of("PatientID", vr, b"\0\0"), settings={"replace_with": text})


def test_new_values_as_a_person_says_them():
    assert value_of("substitute", "PatientID", "LO", "MRN1") == "ANONYMOUS"
    made = changed("substitute", element_of("Rows", "US", b"\1\0\2\0"), settings={"replace_with": "3\\4"})
    assert made is not None
    assert made.value == b"\3\0\4\0"
    text = changed(
        "substitute", element_of("PatientID", "LO", "MRN1"), settings={"replace_with": "Größe"}, encodings=("latin_1",)
    )
    assert text is not None
    assert text.value == "Größe ".encode("latin-1")


@given(
    st.sampled_from(["FL", "FD", "OF", "OD", "US", "SS", "UL", "SL", "UV", "SV", "OW"]),
    st.binary(min_size=8, max_size=64),
)
def test_noise_on_any_bytes_is_a_value_still(vr, value):
    value = value[: len(value) // 8 * 8]
    made = changed("perturb", element_of("SelectorOFValue", vr, value), settings={"span": 1.5})
    assert made is not None
    assert len(made.value) in (0, len(value))


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "1e308\\1e308", "nan", "1\\\\3", "9999999999999999", "1e-300", "-0"]
)
@pytest.mark.parametrize("vr", ["DS", "IS"])
def test_noise_on_any_text_is_a_value_still(vr, text):
    made = value_of("perturb", "PatientWeight", vr, text, settings={"span": 1e3, "range_type": "fixed"}, type="1")
    assert every(fault(vr, one) is None for one in str(made).split("\\"))
