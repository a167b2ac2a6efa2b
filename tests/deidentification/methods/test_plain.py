"""What becomes of one value by the methods of the table."""

from __future__ import annotations

import pytest

from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import run_of
from tests.helpers.methods import KEY, OTHER_KEY, changed, element_of, run_with, value_of


def test_the_actions_of_the_table():
    name = element_of("PatientComments", "LT", "of Jane")
    assert changed("keep", name) is name
    assert changed("remove", name) is None
    assert changed("redact", name) == name._replace(value=b"")
    assert value_of("replace", "PatientComments", "LT", "of Jane") == "ANONYMIZED"
    assert value_of("replace", "PatientComments", "LT", "ANONYMIZED") == "REMOVED"


def test_uids_are_mapped_each_by_itself_and_well_known_ones_stay():
    new = value_of("refreshUID", "RelatedFrameOfReferenceUID", "UI", "1.2.3\\1.2.840.10008.1.4.1.1\\1.2.3")
    first, space, last = str(new).split("\\")
    assert first == last == run_with().uids.new("1.2.3") != run_with(OTHER_KEY).uids.new("1.2.3")
    assert first.startswith("2.25.")
    assert space == "1.2.840.10008.1.4.1.1"


@pytest.mark.parametrize(("vr", "value"), [("DA", "20240301"), ("DT", "20240301120000.5+0100"), ("DT", "2024")])
def test_dates_move_by_the_shift_of_the_patient(vr, value):
    moved = value_of("dateShift", "AcquisitionDateTime", vr, value)
    assert moved != value
    assert len(str(moved)) == len(value)
    assert str(moved)[8:] == value[8:]


def test_what_is_no_date_does_not_stay():
    assert value_of("dateShift", "StudyDate", "DA", "Jane Doe") == ""
    assert value_of("dateShift", "StudyDate", "DA", "Jane Doe", type="1") == "19000101"
    assert value_of("dateShift", "StudyTime", "TM", "Jane Doe") == ""
    assert value_of("dateShift", "StudyTime", "TM", "Jane Doe", type="1") == "000000"


@pytest.mark.parametrize(
    ("value", "wanted"), [("1200", "1200"), ("12:00:01", "120001"), ("120001.5\\12", "120001.5\\12")]
)
def test_times_stay(value, wanted):
    assert value_of("dateShift", "StudyTime", "TM", value) == wanted
    element = element_of("StudyTime", "TM", wanted)
    assert changed("dateShift", element) is element


def test_a_patient_is_called_by_a_new_name():
    new = value_of("replace", "PatientID", "LO", "MRN1")
    assert new == value_of("replace", "PatientName", "PN", "Doe^Jane") == value_of("subject", "PatientID", "LO", "")
    assert "MRN" not in str(new)


@pytest.mark.parametrize(
    ("vr", "value", "wanted"),
    [
        *(("DA", "20240301", "19991111"), ("DA", "19991111", "19000101"), ("DT", "2024", "19991111111111")),
        *(("TM", "1200", "111111"), ("IS", "7", "0"), ("LO", "Doe", "REMOVED"), ("LO", "removed", "ANONYMIZED")),
        ("AS", "042Y", "000D"),
    ],
)
def test_dummies_of_dcm4chees_dialect_are_its_own(vr, value, wanted):
    run = run_of(Profile(dialect="dcm4chee"), KEY)
    assert value_of("replace", "SelectorASValue", vr, value, run=run) == wanted
