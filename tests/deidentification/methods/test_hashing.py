"""Digests in the place of values, our own and those of Microsoft's tool to the letter."""

from __future__ import annotations

import hmac

import pytest
from pydicom.charset import encode_string

from derive.deidentification.methods.hashing import microsoft_digits
from tests.helpers.asserting import each, every
from tests.helpers.methods import KEY, changed, element_of, run_with, value_of

NAME = "Doe^Jane"


class _Secrets:
    """The key of Microsoft's own tests, which is shorter than we allow."""

    @staticmethod
    def microsoft_digest(text, algorithm):
        return hmac.digest(b"123", text, algorithm)


class _Run:
    secrets = _Secrets()


MICROSOFT = {"dialect": "microsoft"}


@pytest.mark.parametrize(
    ("keyword", "vr", "value", "wanted"),
    [
        (
            "ConsultingPhysicianName",
            "PN",
            "Test\\Test",
            "\\".join(["d61ffce34b0192c52d7a67215be73f1e2d640d01383dd8115170b9bd20779a91"] * 2),
        ),
        ("LongCodeValue", "UC", "TEST", "2e7acefff0307262cef6f503fa7019257f3f9d47fc987fb2c5a31ae4f4d3c022"),
        ("EventTimerNames", "LO", "TestTimer", "967df06624010af6b86a019e26aff938976a82e947e96331d8f1fdf387a88089"),
        (
            "DerivationDescription",
            "ST",
            "TestDescription",
            "79a5ed3e37eba9bcd14cc30759916ad5df394047a2fed4ad69f1d8ec5edc5337",
        ),
        ("RetrieveAETitle", "AE", "TEST", "2e7acefff0307262"),
        ("QueryRetrieveLevel", "CS", "0", "976FEB2C9F52FF3C"),
        ("EventElapsedTimes", "DS", "1234.5", "9219540212405967"),
        ("StageNumber", "IS", "1234", "217710395"),
        ("PatientTelephoneNumbers", "SH", "TEST", "2e7acefff0307262"),
        ("SOPClassesInStudy", "UI", "12345", "8127147313404203169507445126330115037552104983052141112794412800"),
    ],
)
def test_microsofts_own_examples(keyword, vr, value, wanted):
    """Of the unit tests of their CryptoHashProcessor: the key is 123."""
    assert value_of("cryptoHash", keyword, vr, value, settings=MICROSOFT, run=_Run) == wanted


def test_microsofts_own_examples_of_bytes_and_other_algorithms():
    element = element_of("SelectorOBValue", "OB", b"test")
    made = changed("cryptoHash", element, settings=MICROSOFT, run=_Run)
    assert made is not None
    assert made.value.hex() == "a7f5c8c626f994482813230854f66700e626208f52d913b9bd6b4e039aab0f41"
    wanted = (
        "58585acd673067f96bea32a1c57bf3fc3fd5a42678567e72d5cb0ab7f08ea41d"
        "cf3a41af96c53948e13184ae6fe6cd0b8b4193fc593dfb2693b00c2b0ee7a316"
    )
    assert (
        value_of("cryptoHash", "LongCodeValue", "UC", "abc", settings=MICROSOFT | {"algorithm": "sha512"}, run=_Run)
        == wanted
    )


@pytest.mark.parametrize("length", [1, 2, 8, 18, 19, 40, 200])
def test_digits_of_the_length_that_a_value_had(length):
    made = [microsoft_digits(hmac.digest(b"123", str(n).encode(), "sha256"), length) for n in range(20)]
    assert {len(digits) for digits in each(made)} == {length}
    assert len({*made}) > 3
    assert every(digits.isdecimal() for digits in made)


def test_digits_go_through_single_precision():
    """0x80000000 is half of the span, but for single precision: 45 of 10 to 99."""
    assert microsoft_digits(b"\0\0\0\x80", 2) == "54"
    assert microsoft_digits(b"\xff\xff\xff\xff", 1) == "9"
    assert microsoft_digits(b"\0\0\0\0", 1) == "0"
    # 10^9 - 1 - 10^8 has no single precision of its own, so that what is made is a multiple of 64
    assert (int(microsoft_digits(b"\xff\xff\xff\xff", 9)) - 10**8) % 64 == 0


def test_our_digests_are_cut_to_what_a_value_representation_holds():
    secrets = run_with().secrets
    whole = secrets.digest("cryptoHash", b"A0815").hex()
    assert value_of("cryptoHash", "PatientID", "LO", "A0815") == whole
    assert value_of("cryptoHash", "AccessionNumber", "SH", "A0815") == whole[:16]
    assert value_of("cryptoHash", "PatientID", "LO", "A0815", settings={"length": 12}) == whole[:12]
    assert value_of("cryptoHash", "PatientID", "LO", "A0815", settings={"match_length": True}) == whole[:5]
    longer = secrets.digest("cryptoHash", b"A0815", "sha512").hex()
    assert value_of("cryptoHash", "LongCodeValue", "UC", "A0815", settings={"algorithm": "sha512"}) == longer
    assert value_of("cryptoHash", "SOPInstanceUID", "UI", "1.3.6") == run_with().uids.new("1.3.6")
    assert KEY not in whole


def test_a_name_is_one_whatever_its_character_set_and_its_padding():
    name = "Yamada^Tarou=山田^太郎"
    sets = {"utf_8": encode_string(name, ["utf_8"]), "iso2022_jp": encode_string(name, ["iso8859", "iso2022_jp"])}
    made = {
        value_of("cryptoHash", "PatientName", "PN", value + b" " * (len(value) % 2), encodings=encodings)
        for encodings, value in ((("utf_8",), sets["utf_8"]), (("iso8859", "iso2022_jp"), sets["iso2022_jp"]))
    }
    assert len(made) == 1
    assert value_of("cryptoHash", "PatientName", "PN", NAME) == value_of("cryptoHash", "PatientName", "PN", f"{NAME}  ")
