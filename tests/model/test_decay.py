"""To which moment a PET is decay corrected, whatever its scanner, and however it says it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive.errors import SourceError
from derive.model.counted import of_mean_activity_s
from derive.model.decay import decay_of, zero_of
from derive.model.moments import date_told, moment_at, moment_of, time_told
from tests.helpers.refusals import PET
from tests.helpers.sources import make_series

SERIES = datetime(2026, 1, 2, 10, 20)
F18_S, RB82_S, ZR89_S = 6586.2, 76.38, 282276.0
START = "RadiopharmaceuticalStart"


def series(injection=None, count=3, **changes):
    """A PET of which the injection says something else, or nothing where it is None."""
    datasets = make_series("PT", count=count, NumberOfSlices=count, **changes)
    for dataset in datasets:
        item = dataset.RadiopharmaceuticalInformationSequence[0]
        for keyword, value in (injection or {}).items():
            if value is None:
                del item[keyword]
            else:
                setattr(item, keyword, value)
    return derive.read(datasets)


def refusal(ask, source):
    with pytest.raises(SourceError) as caught:
        ask(source)
    assert caught.value.code == "SRC-DECAY"
    return caught.value.message


def at(moment, **after):
    """Acquisition Date and Time that long behind a moment."""
    moment += timedelta(**after)
    return {"AcquisitionDate": date_told(moment), "AcquisitionTime": time_told(moment)}


# To what values are corrected


def test_start_is_the_time_of_the_series():
    zero = zero_of(series())
    assert (zero.correction, zero.moment, zero.told_by) == ("START", SERIES, "SeriesTime")
    assert zero.moments == (SERIES,) * 3


def test_admin_is_the_injection():
    zero = zero_of(series(DecayCorrection="ADMIN"))
    assert (zero.moment, zero.told_by) == (datetime(2026, 1, 2, 9, 30), "RadiopharmaceuticalStartTime")


def test_what_is_not_corrected_is_of_the_time_when_it_was_counted():
    zero = zero_of(series(DecayCorrection="NONE", AcquisitionTime=lambda k: f"10{20 + 2 * k:02d}00"))
    middle = of_mean_activity_s(120, F18_S)
    assert middle == pytest.approx(60 - 120**2 * math.log(2) / F18_S / 24, abs=1e-3)
    assert zero.moments == tuple(SERIES + timedelta(minutes=2 * k, seconds=middle) for k in range(3))


def test_what_is_not_corrected_may_say_it_by_frame_reference_time_alone():
    zero = zero_of(series(DecayCorrection="NONE", AcquisitionTime="", FrameReferenceTime=90000.0))
    assert zero.moments == (SERIES + timedelta(seconds=90),) * 3


HABITS = {"begin": lambda d: 0, "middle": lambda d: d / 2, "mean activity": lambda d: of_mean_activity_s(d, F18_S)}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("bed_s", [(120, 120, 120), (60, 180, 300)], ids=["equal beds", "unequal beds"])
def test_a_series_that_was_made_later_is_corrected_to_the_start_of_the_acquisition(habit, bed_s):
    """Beds one behind the other, of a reconstruction that was done in the afternoon."""
    begins = [sum(bed_s[:k]) for k in range(3)]
    acquired = [time_told(SERIES + timedelta(seconds=b)) for b in begins]
    zero = zero_of(
        series(
            SeriesTime="161500",
            AcquisitionTime=lambda k: acquired[k],
            ActualFrameDuration=lambda k: bed_s[k] * 1000,
            FrameReferenceTime=lambda k: 1000 * (begins[k] + HABITS[habit](bed_s[k])),
        )
    )
    assert abs((zero.moment - SERIES).total_seconds()) < 0.01
    assert zero.told_by == "AcquisitionTime, FrameReferenceTime"


def test_frames_of_a_later_series_that_say_different_starts_are_refused():
    message = refusal(zero_of, series(SeriesTime="161500", FrameReferenceTime=lambda k: 1e6 * k))
    assert "Series Time (0008,0031)" in message
    assert 'derive correct set={"SeriesTime": HHMMSS}' in message


def test_the_scan_time_of_ge_is_the_zero_of_what_was_made_later():
    datasets = make_series("PT", count=3, SeriesTime="161500", FrameReferenceTime=lambda k: 1e6 * k)
    for dataset in datasets:
        dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20260102102000.00")
    zero = zero_of(derive.read(datasets))
    assert (zero.moment, zero.told_by) == (SERIES, "DecayCorrectionDateTime")


def test_a_correction_that_nobody_names_is_refused_with_what_helps():
    datasets = make_series("PT", DecayCorrection=None)
    assert """assume={"DecayCorrection": 'START'}""" in refusal(zero_of, derive.read(datasets))
    assert zero_of(derive.read(datasets, assume={"DecayCorrection": "START"})).moment == SERIES


# The injection


@pytest.mark.parametrize("dated", [True, False])
def test_a_scan_over_midnight(dated):
    """Series at 00:20, injected at 23:50: half an hour, whether or not images say their day."""
    start = datetime(2026, 1, 3, 0, 20)
    when = at(start) if dated else {"AcquisitionTime": time_told(start), "AcquisitionDate": None}
    source = series({f"{START}Time": "235000"}, SeriesDate="20260103", SeriesTime="002000", **when)
    decay = decay_of(source)
    assert (decay.injected, decay.zero.moment) == (datetime(2026, 1, 2, 23, 50), start)
    assert decay.dose_bq() == pytest.approx(3.7e8 * 2 ** (-1800 / F18_S))


def test_a_scan_that_begins_before_the_injection_and_before_midnight():
    """A dynamic scan: frames from 23:59 on, injected 30 s behind midnight."""
    begin = datetime(2026, 1, 2, 23, 59)
    decay = decay_of(
        series(
            {f"{START}Time": "000030", "RadionuclideHalfLife": RB82_S},
            SeriesTime="235900",
            AcquisitionDate=lambda k: at(begin, minutes=k)["AcquisitionDate"],
            AcquisitionTime=lambda k: at(begin, minutes=k)["AcquisitionTime"],
        )
    )
    assert decay.injected == datetime(2026, 1, 3, 0, 0, 30)
    assert decay.dose_bq() > decay.total_dose_bq


def test_a_date_and_time_is_stronger_than_a_time():
    said = {f"{START}DateTime": "20260102084500", f"{START}Time": "093000"}
    decay = decay_of(series(said))
    assert (decay.injected, decay.injected_by) == (datetime(2026, 1, 2, 8, 45), f"{START}DateTime")


def test_an_offset_from_utc_is_told_on_the_clock_of_the_place():
    said = {f"{START}DateTime": "20260102083000+0000", f"{START}Time": None}
    assert decay_of(series(said, TimezoneOffsetFromUTC="+0100")).injected == datetime(2026, 1, 2, 9, 30)


@pytest.mark.parametrize("day", ["20260103", "20190102"])
def test_a_day_that_cannot_be_true_gives_way_to_the_time_beside_it(day):
    """Dates of images were shifted, and those in items of sequences were not."""
    decay = decay_of(series({f"{START}DateTime": f"{day}093000", f"{START}Time": "093000"}))
    assert (decay.injected, decay.injected_by) == (datetime(2026, 1, 2, 9, 30), f"{START}Time")


IMPOSSIBLE = {
    "no time": ({f"{START}Time": None}, "Start DateTime (0018,1078), or Start Time"),
    "a false day alone": ({f"{START}Time": None, f"{START}DateTime": "20260103093000"}, "behind the scan"),
    "two times": ({f"{START}DateTime": "20260103111500"}, "behind the scan"),
    "all decayed": ({f"{START}Time": "140000"}, "nothing would be left"),
    "a slow tracer": ({"RadionuclideHalfLife": ZR89_S}, "decays slowly"),
    "no half-life": ({"RadionuclideHalfLife": None}, "Radionuclide Half Life (0018,1075)"),
    "no dose": ({"RadionuclideTotalDose": None}, "Radionuclide Total Dose (0018,1074)"),
    "a dose in MBq": ({"RadionuclideTotalDose": 370}, "370 Bq"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_is_missing_is_named_with_what_helps(name):
    said, told = IMPOSSIBLE[name]
    message = refusal(decay_of, series(said))
    assert told in message
    assert 'set={"RadiopharmaceuticalInformationSequence[0].' in message
    assert zero_of(series(said)).moment == SERIES  # which needs none of that


def test_a_slow_tracer_with_a_date_is_taken():
    decay = decay_of(series({"RadionuclideHalfLife": ZR89_S, f"{START}DateTime": "20251229093000"}))
    assert decay.dose_bq() == pytest.approx(3.7e8 * 2 ** (-(4 * 86400 + 3000) / ZR89_S))


def test_two_injections_are_not_one():
    datasets = make_series("PT", count=3)
    for dataset in datasets:
        dataset.RadiopharmaceuticalInformationSequence.append(dataset.RadiopharmaceuticalInformationSequence[0])
    assert "2 radiopharmaceuticals" in refusal(decay_of, derive.read(datasets))


def test_a_real_source_whose_date_of_injection_was_shifted_by_a_day(real):
    decay = decay_of(derive.read(real(PET)))
    assert (decay.correction, decay.injected) == ("ADMIN", datetime(2006, 1, 28, 13, 51))
    assert decay.dose_bq() == decay.total_dose_bq == 433344096


# Whatever the times are


@settings(deadline=None, max_examples=60)
@given(
    start=st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)).map(lambda m: m.replace(microsecond=0)),
    before_s=st.integers(0, 11 * 3600),
)
def test_a_time_of_injection_is_found_on_its_day(start, before_s):
    injected = start - timedelta(seconds=before_s)
    source = series(
        {f"{START}Time": time_told(injected)},
        count=1,
        SeriesDate=date_told(start),
        SeriesTime=time_told(start),
        ActualFrameDuration=60000,
        **at(start),
    )
    decay = decay_of(source)
    assert decay.injected == injected
    assert decay.dose_bq() == pytest.approx(decay.total_dose_bq * 0.5 ** (before_s / F18_S))


@given(st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)))
def test_moments_are_read_as_they_are_told(moment):
    assert moment_at(date_told(moment), time_told(moment)) == moment
    assert moment_of(date_told(moment) + time_told(moment) + "-0500") == moment


@pytest.mark.parametrize("text", ["", "20260102", "2026010210x0", "20261302103000", "20260102103000.1.2", "noon"])
def test_what_is_no_moment_is_none(text):
    assert moment_of(text) is None


@given(st.floats(0.1, 1e5), st.floats(1, 1e7))
def test_the_mean_activity_is_within_the_first_half_of_a_frame(duration_s, life_s):
    after = of_mean_activity_s(duration_s, life_s)
    assert 0 < after <= duration_s / 2 * (1 + 1e-9)
    rate = math.log(2) / life_s
    mean = -math.expm1(-rate * duration_s) / (rate * duration_s)
    assert math.exp(-rate * after) == pytest.approx(mean, rel=1e-4)
