"""Mutations of valid series: what the check, dciodvfy and dcentvfy say of each, as the table has it."""

from __future__ import annotations

import pytest

from derive.checking.finding import CheckReport, strictly
from tests.helpers.asserting import each
from tests.helpers.instances import CLASSES
from tests.helpers.mutations import (
    Mutation,
    asked,
    found_by_check,
    in_words,
    mutations,
    severity_of,
    write_mutated,
)

#: Errors of a validator that are none.
ALLOWED = {
    "AcquisitionTime = 105960": "a second of 60 is a leap second (PS3.5 6.2)",
}
#: Errors of a validator that are warnings even for a derived file.
LENIENT = {
    "PixelPaddingValue = -2001": "of the equipment, and still a matter of each image: it stands beside its pixels",
}
TABLE = mutations()


def of(modality: str) -> list[Mutation]:
    return each([m for m in TABLE if m.modality == modality], 30)


@pytest.mark.parametrize("modality", CLASSES)
def test_the_check_says_what_the_table_has(modality, tmp_path):
    """Also strictly: what a validator calls an error is one."""
    wrong = []
    for number, mutation in enumerate(of(modality)):
        folder = tmp_path / str(number)
        write_mutated(folder, mutation)
        report = CheckReport(found_by_check(folder), 3, 1)
        if in_words(report.findings) != mutation.check:
            wrong.append((mutation.change, in_words(report.findings), mutation.check))
        error = "error" in (mutation.dciodvfy, mutation.dcentvfy)
        if error and strictly(report).ok() and mutation.change not in ALLOWED | LENIENT:
            wrong.append((mutation.change, "no error, strictly", mutation.check))
    assert wrong == []


@pytest.mark.parametrize("modality", CLASSES)
def test_the_validators_say_what_the_table_has(modality, tmp_path):
    wanted = of(modality)
    said = [(severity_of(set(s.dciodvfy)), severity_of(set(s.dcentvfy))) for s in asked(tmp_path, wanted)]
    differ = [(m.change, s) for m, s in zip(wanted, said, strict=True) if s != (m.dciodvfy, m.dcentvfy)]
    assert differ == []


def test_no_error_of_a_validator_is_passed_over_in_silence():
    errors = each([m for m in TABLE if "error" in (m.dciodvfy, m.dcentvfy)], 300)
    assert {m.change for m in errors if not m.check} == set(ALLOWED)
    warned = [m for m in TABLE if m.dciodvfy == "warning" and not m.check]
    assert [m.change for m in warned] == ["LO 00090010 = ACME ; LO 00091001 = secret"]


def test_the_table_has_mutations_of_every_kind():
    assert len(TABLE) >= 208
    assert len({(m.modality, m.which, m.change) for m in TABLE}) == len(TABLE)
    found = {code.split()[1] for m in TABLE for code in m.check.split(", ") if code}
    assert {"CHK-TYPE1", "CHK-TYPE2", "CHK-CONDITION", "CHK-ENUM", "CHK-VM", "CHK-SYNTAX", "CHK-ENTITY"} <= found
    assert {m.which for m in TABLE} == {"all", "last"}
