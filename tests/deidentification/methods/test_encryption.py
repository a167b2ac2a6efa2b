"""Values that whoever has the key can read again."""

from __future__ import annotations

import base64

import pytest

from derive.deidentification.methods.encryption import decrypted
from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import run_of
from derive.errors import ValuesError
from tests.helpers.asserting import raises_code
from tests.helpers.methods import OTHER_KEY, changed, element_of, run_with, value_of

ciphers = pytest.importorskip("cryptography.hazmat.primitives.ciphers", reason="cryptography is not installed")


@pytest.mark.parametrize(
    ("vr", "value"), [("LO", "MRN-0815"), ("PN", "Doe^Jane"), ("UT", "long " * 40), ("LT", "Größe")]
)
def test_the_key_reads_it_again_and_no_other_does(vr, value):
    sealed = value_of("encrypt", "PatientID", vr, value.strip(), encodings=("utf_8",))
    assert sealed == value_of("encrypt", "PatientID", vr, value.strip(), encodings=("utf_8",))
    assert value.strip() not in str(sealed)
    assert "=" not in str(sealed)
    assert decrypted(str(sealed), run_with().secrets) == value.strip()
    for text in (str(sealed), str(sealed)[:-2], "not sealed", "ü"):
        with raises_code("DEID-ENCRYPT", ValuesError):
            decrypted(text, run_with(OTHER_KEY).secrets)


@pytest.mark.parametrize("dialect", [{}, {"dialect": "microsoft"}])
def test_what_its_vr_cannot_hold_is_refused(dialect):
    run = run_of(Profile(), "k" * 32)
    with raises_code("DEID-ENCRYPT", ValuesError) as caught:
        changed("encrypt", element_of("PatientID", "LO", "x" * 40), settings=dialect, run=run)
    assert "PatientID" in str(caught.value)
    assert "x" * 4 not in str(caught.value)
    assert value_of("encrypt", "PatientID", "LO", "x" * 31, settings=dialect, run=run)


@pytest.mark.parametrize("length", [16, 24, 32])
def test_microsofts_tool_can_read_its_dialect(length):
    key = b"k" * length
    sealed = value_of(
        "encrypt", "PatientID", "LO", "MRN-0815", settings={"dialect": "microsoft"}, run=run_of(Profile(), key)
    )
    whole = base64.b64decode(str(sealed))
    reader = ciphers.Cipher(ciphers.algorithms.AES(key), ciphers.modes.CBC(whole[:16])).decryptor()
    text = reader.update(whole[16:]) + reader.finalize()
    assert text[: -text[-1]] == b"MRN-0815"
    with raises_code("DEID-KEY"):
        value_of(
            "encrypt", "PatientID", "LO", "MRN1", settings={"dialect": "microsoft"}, run=run_of(Profile(), "k" * 20)
        )


def test_bytes_are_sealed_as_bytes():
    made = changed("encrypt", element_of("SelectorOBValue", "OB", b"\0\1\2\3"))
    assert made is not None
    assert len(made.value) == 20
