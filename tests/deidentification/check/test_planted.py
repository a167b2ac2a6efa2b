"""The check finds what was planted: one omission each, in a study in which it finds nothing else."""

from __future__ import annotations

import pytest

from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.check.violation import Violation, violation_kinds
from derive.deidentification.profile.profile import Profile
from tests.helpers.asserting import every
from tests.helpers.omissions import OMISSIONS
from tests.helpers.planted import DATES, Study

#: Values are planted that are not legal.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")


def found(study: Study) -> list[Violation]:
    """All that the check says of a study."""
    checker = DeidChecker(Profile(options=study.options))
    said = [v for number, files in enumerate(study.files()) for v in checker.pair(*files, f"IM{number}")]
    return [*said, *checker.finish()]


@pytest.mark.parametrize("options", [(), DATES], ids=["basic", "dates and private"])
def test_nothing_is_found_where_nothing_was_planted(options):
    assert [str(v) for v in found(Study(options))] == []


@pytest.mark.parametrize("omission", OMISSIONS, ids=lambda o: o.what)
def test_an_omission_is_found(omission):
    study = Study(omission.options)
    omission.plant(study)
    said = {(v.code, v.path) for v in found(study)}
    assert (omission.code, omission.path) in said


def test_every_kind_of_violation_was_planted_or_needs_a_set():
    planted = {omission.code for omission in OMISSIONS}
    others = {"DCK-READ", "DCK-NO-ORIGINAL", "DCK-NO-OUTPUT", "DCK-NAME"}
    warnings = {"DCK-UNCLAIMED", "DCK-BURNED-IN-RISK", "DCK-WORD"}
    assert violation_kinds().keys() - planted - others - warnings == set()


def test_no_violation_shows_a_value():
    study = Study()
    study.written = study.originals
    texts = [e for ds in study.originals for e in ds if e.VR in ("PN", "LO", "SH", "DA", "UI") and e.tag != 0x70530010]
    values = {str(element.value) for element in texts if len(str(element.value)) > 3}
    said = "\n".join(str(v) for v in found(study))
    assert every((value not in said for value in values), 20)
