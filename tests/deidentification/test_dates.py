"""Shifts of dates: one for all of a patient, and every interval stays."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.dates import SCOPES, KeyedShifts, days_told, shifted
from derive.deidentification.run.run import RunPlan, run_of
from derive.standard.value_syntax import fault
from tests.helpers.asserting import every, raises_code
from tests.helpers.methods import KEY, instance_of

DATES = st.dates(date(1900, 1, 1), date(2100, 1, 1))
DAYS = st.integers(-2000, 2000)
REST = st.sampled_from(["", "12", "1200", "120000", "120000.5", "120000.123456", "120000+0100", "120000.000001-0530"])


@given(DATES, DAYS, REST)
def test_a_day_moves_and_its_time_and_offset_stay(day, days, rest):
    moved = shifted(f"{day:%Y%m%d}{rest}", days)
    assert moved == f"{day + timedelta(days):%Y%m%d}{rest}"
    assert fault("DT", str(moved)) is None


@given(st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)), min_size=2, max_size=8), DAYS)
def test_every_interval_stays(moments, days):
    moved = [shifted(f"{m:%Y%m%d%H%M%S.%f}", days) for m in moments]
    read = [datetime.strptime(str(text), "%Y%m%d%H%M%S.%f") for text in moved]
    assert every((b - a == d - c for (a, b), (c, d) in zip(pairwise(moments), pairwise(read), strict=True)))


@given(DATES, DAYS)
def test_what_is_not_exact_to_the_day_stays_as_exact_as_it_was(day, days):
    for form in ("%Y", "%Y%m"):
        moved = str(shifted(day.strftime(form), days))
        assert len(moved) == len(day.strftime(form))
        assert fault("DT", moved) is None
    first = day.replace(day=1) + timedelta(days)
    assert shifted(f"{day:%Y%m}+0100", days) == f"{first:%Y%m}+0100"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "20240230",
        "00000000",
        "2024-03.01",
        "2024 03 01",
        "20241301",
        "2024030",
        "DOE^JANE",
        "20240301Jane",
        "٢٠٢٤٠٣٠١",
    ],
)
def test_what_is_no_date_is_told(text):
    assert shifted(text, -10) is None


def test_dates_that_others_write_and_the_ends_of_the_calendar():
    assert [shifted(text, -1) for text in ("2024.03.01", "2024-03-01", "2024/03/01")] == ["20240229"] * 3
    assert shifted("00010101", -1) is None
    assert shifted("99991231", 1) is None
    assert shifted(" 20240301 ", 1) == "20240302"
    assert shifted("09990101", 1) == "09990102"


PATIENT = {"StudyInstanceUID": "1.3.1", "SeriesInstanceUID": "1.3.2", "SOPInstanceUID": "1.3.3"}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_has_one_shift_and_others_have_another(scope):
    shifts = run_of(Profile(), KEY, RunPlan(date_scope=scope, date_shift=(-5000, 5000))).dates
    level = [*SCOPES].index(scope)
    names = ["PatientID", *PATIENT]
    same = instance_of(**PATIENT | dict.fromkeys(names[level + 1 :], "1.9.9"))
    other = instance_of(**PATIENT | {names[level]: "1.9.9"})
    assert shifts.days(same) == shifts.days(instance_of(**PATIENT)) != shifts.days(other)
    assert shifts.keeps_intervals is (scope == "patient")


@given(st.text("0123456789ABC", min_size=1, max_size=16), st.integers(-400, 400), st.integers(0, 400))
def test_a_shift_is_in_its_range_and_never_none(patient, first, width):
    if first == width == 0:
        return
    shifts = KeyedShifts(run_of(Profile(), KEY).secrets, "patient", first, first + width or 1)
    days = shifts.days(instance_of(PatientID=patient))
    assert first <= days <= (first + width or 1)
    assert days != 0


def test_shifts_are_spread_over_their_range():
    shifts = run_of(Profile(), KEY, RunPlan(date_shift=(-2, 2))).dates
    assert {shifts.days(instance_of(PatientID=str(n))) for n in range(200)} == {-2, -1, 1, 2}


def test_ranges_as_they_are_given():
    assert days_told("-365..-1") == (-365, -1)
    assert days_told(" +10..20 ") == (10, 20)
    assert days_told("-30") == (-30, -30)
    for text in ("", "0", "0..0", "5..-5", "a..b", "-365..-1..3", "1.5", "-40000..-1"):
        with raises_code("DEID-DATES"):
            days_told(text)
    for plan in ({"date_scope": "hospital"}, {"date_shift": (0, 0)}, {"date_shift": (2, 1)}):
        with raises_code("DEID-DATES"):
            run_of(Profile(), KEY, RunPlan(**plan))
