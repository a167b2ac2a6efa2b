"""PET in time: what a series of several times says of them, and what becomes of them in a mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

import derive
from derive.authoring.options import Options
from derive.builder import DerivedSeries
from derive.model.decay import decay_of, zero_of
from derive.model.dimension import Dimension
from derive.model.frames import Volumes
from derive.model.volume import Volume
from derive.operations import gaussian_blur, maximum_over, mean_over
from tests.helpers.pet import BEATS, CLOCK, DURATIONS, PARTS, SLICES, TIMES, factor, gated, of_two_beats, series


def written(folder):
    images = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    return sorted(images, key=lambda d: d.ImageIndex)


def test_times_are_those_of_the_frames_in_whatever_order_and_over_midnight(tmp_path):
    source = derive.read(series())
    assert source.dimensions[0].keyword == "FrameReferenceTime"
    assert source.dimensions[0].values == TIMES
    report = derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert not report.series
    images = written(tmp_path / "out")
    assert [d.ImageIndex for d in images] == list(range(1, 13))
    assert {(tuple(d.SeriesType), d.NumberOfSlices, d.NumberOfTimeSlices) for d in images} == {
        (("DYNAMIC", "IMAGE"), SLICES, 4)
    }
    said = [(d.FrameReferenceTime, d.ActualFrameDuration, d.AcquisitionDate, d.AcquisitionTime) for d in images]
    assert said == [(t, d, *c) for t, d, c in zip(TIMES, DURATIONS, CLOCK, strict=True) for _ in range(SLICES)]
    assert [d.ImagePositionPatient[2] for d in images[:SLICES]] == sorted(d.ImagePositionPatient[2] for d in images)[
        ::4
    ]
    assert derive.read(tmp_path / "out").dimensions[0].values == TIMES


def test_a_mean_over_times_is_weighted_and_of_a_time_of_its_own(tmp_path):
    source = derive.read(series())
    built = derive.build(source, mean_over(along="FrameReferenceTime"))
    assert built.derivation.description == "mean_over(along='FrameReferenceTime', weights='duration')"
    built.write(tmp_path / "out")
    wanted = np.average([v.array for v in source.volumes], axis=0, weights=DURATIONS)
    made = derive.read(tmp_path / "out")
    np.testing.assert_allclose(made.volume.array, wanted, atol=max(f.rescale[0] for f in made.frames))
    first = written(tmp_path / "out")[0]
    assert list(first.SeriesType) == ["STATIC", "IMAGE"]
    assert "NumberOfTimeSlices" not in first
    assert first.ActualFrameDuration == sum(DURATIONS)
    time = np.average(TIMES, weights=DURATIONS)
    assert first.FrameReferenceTime == pytest.approx(time)
    assert first.DecayFactor == pytest.approx(factor(time), abs=1e-5)
    assert (first.AcquisitionDate, first.AcquisitionTime) == CLOCK[0]


def test_a_mean_is_recomputed_with_its_weights(tmp_path):
    (tmp_path / "source").mkdir()
    for dataset in series():
        dataset.save_as(tmp_path / "source" / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    derive.build(tmp_path / "source", mean_over(from_=50000)).write(tmp_path / "out")
    assert derive.verify(tmp_path / "out", tmp_path / "source").same
    assert written(tmp_path / "out")[0].ActualFrameDuration == sum(DURATIONS[1:])


def test_a_maximum_is_of_a_time_that_was_there(tmp_path):
    derive.build(derive.read(series()), maximum_over()).write(tmp_path / "out")
    first = written(tmp_path / "out")[0]
    assert first.FrameReferenceTime == TIMES[0]
    assert first.ActualFrameDuration is None
    assert list(first.SeriesType) == ["STATIC", "IMAGE"]


def test_some_of_the_times_are_counted_anew(tmp_path):
    derive.build(derive.read(series(), volumes=[1, 3]), gaussian_blur(sigma_mm=1)).write(tmp_path / "two")
    images = written(tmp_path / "two")
    assert {(d.SeriesType[0], d.NumberOfTimeSlices) for d in images} == {("DYNAMIC", 2)}
    assert [d.ImageIndex for d in images] == list(range(1, 7))


def test_a_series_a_time_is_static(tmp_path):
    report = derive.build(derive.read(series()), gaussian_blur(sigma_mm=1), series_per="volume").write(tmp_path / "out")
    assert len(report.series) == 4
    image = written(tmp_path / "out" / "volume-02")[0]
    assert (image.SeriesType[0], image.FrameReferenceTime, image.ImageIndex) == ("STATIC", TIMES[1], 1)


def test_times_that_a_static_series_has_are_dynamic(tmp_path):
    derive.build(derive.read(series("STATIC")), gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert {(d.SeriesType[0], d.NumberOfTimeSlices) for d in written(tmp_path / "out")} == {("DYNAMIC", 4)}


def test_gates_are_counted_as_slots(tmp_path):
    source = derive.read(gated())
    assert source.dimensions[0].keyword == "TriggerTime"
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    images = written(tmp_path / "out")
    assert {(d.SeriesType[0], d.NumberOfTimeSlots, d.NumberOfRRIntervals) for d in images} == {("GATED", 4, 1)}
    assert [d.TriggerTime for d in images[::SLICES]] == [0, 200, 400, 600]
    derive.build(source, mean_over()).write(tmp_path / "mean")
    first = written(tmp_path / "mean")[0]
    assert first.SeriesType[0] == "STATIC"
    assert not {"TriggerTime", "FrameTime", "NumberOfTimeSlots", "NumberOfRRIntervals"} & set(first.dir())
    assert first.ActualFrameDuration == 200000
    derive.build(derive.read(gated(), volumes=[2]), gaussian_blur(sigma_mm=1)).write(tmp_path / "gate")
    first = written(tmp_path / "gate")[0]
    assert (first.SeriesType[0], first.TriggerTime, first.NumberOfTimeSlots) == ("GATED", 200, 1)


def test_times_that_are_given_beside_durations_are_said_of_each(tmp_path):
    """As a file of four dimensions is handed over: no image is behind any of its volumes."""
    like = derive.read([d for d in series() if d.FrameReferenceTime == TIMES[0]])
    values = np.random.default_rng(2).uniform(0, 1000, (2, *like.geometry.shape)).astype(np.float32)
    dimensions = (
        Dimension("FrameReferenceTime", (500.0, 2500.0), "ms"),
        Dimension("ActualFrameDuration", (1000.0, 3000.0), "ms"),
    )
    quantity = like.volume.quantity
    frames = Volumes(tuple(replace(Volume.from_array(v, like.geometry), quantity=quantity) for v in values), dimensions)
    order = derive.build(like, gaussian_blur(sigma_mm=1)).order
    made = DerivedSeries(replace(order, frames=frames), Options())
    assert len(made.series) == 1
    found = list(made.instances())
    assert [(d.FrameReferenceTime, d.ActualFrameDuration) for d in found[::SLICES]] == [(500, 1000), (2500, 3000)]
    assert {(d.SeriesType[0], d.NumberOfTimeSlices) for d in found} == {("DYNAMIC", 2)}


def test_gates_of_two_beats_are_slots_of_two_intervals(tmp_path):
    source = derive.read(of_two_beats())
    assert [d.keyword for d in source.dimensions] == ["LowRRValue", "TriggerTime"]
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    images = written(tmp_path / "out")
    assert [d.ImageIndex for d in images] == list(range(1, 19))
    counts = {(d.SeriesType[0], d.NumberOfSlices, d.NumberOfTimeSlots, d.NumberOfRRIntervals) for d in images}
    assert counts == {("GATED", SLICES, 3, 2)}
    said = [(d.LowRRValue, d.HighRRValue, d.TriggerTime) for d in images[::SLICES]]
    assert said == [(*beat, at) for beat, parts in zip(BEATS, PARTS, strict=True) for at in parts]
    assert not [r for r in derive.read(tmp_path / "out").remarks if r.code == "SRC-COUNTS"]


def test_a_mean_over_the_parts_of_each_beat_is_of_two_intervals(tmp_path):
    derive.build(derive.read(of_two_beats()), mean_over(along="TriggerTime")).write(tmp_path / "out")
    images = written(tmp_path / "out")
    assert [(d.LowRRValue, d.ImageIndex) for d in images[::SLICES]] == [(700, 1), (900, 4)]
    assert {d.ActualFrameDuration for d in images} == {150000}
    assert {(d.SeriesType[0], d.TriggerTime, d.NumberOfTimeSlots, d.NumberOfRRIntervals) for d in images} == {
        ("GATED", 0, 1, 2)
    }


def test_one_slot_of_each_beat_is_one_slot_of_two_intervals(tmp_path):
    source = derive.read(of_two_beats(), where={"TriggerTime": 0})
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    images = written(tmp_path / "out")
    assert [d.ImageIndex for d in images] == list(range(1, 7))
    assert {(d.SeriesType[0], d.NumberOfTimeSlots, d.NumberOfRRIntervals) for d in images} == {("GATED", 1, 2)}


def later(scan=None):
    """Give the dynamic series as one that was made again two days later, with GE's private scan time or without."""
    datasets = series(SeriesDate="20260104", SeriesTime="081500")
    for dataset in datasets:
        if scan:
            dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", scan)
    return datasets


@pytest.mark.parametrize("scan", [None, "20260102235830.00"])
def test_what_is_made_of_a_series_that_was_made_later_says_its_start(tmp_path, scan):
    source = derive.read(later(scan))
    zero = zero_of(source)
    assert zero.told_by == ("DecayCorrectionDateTime" if scan else "AcquisitionTime, FrameReferenceTime")
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert {(d.SeriesDate, d.SeriesTime) for d in written(tmp_path / "out")} == {("20260102", "235830")}
    again = zero_of(derive.read(tmp_path / "out"))
    assert (again.moment, again.told_by) == (zero.moment, "SeriesTime")


@pytest.mark.parametrize("correction", ["ADMIN", "NONE"])
def test_what_is_corrected_to_something_else_keeps_the_date_that_its_times_are_counted_from(tmp_path, correction):
    source = derive.read(series(DecayCorrection=correction, DecayFactor=None if correction == "NONE" else 1.0))
    derive.build(source, mean_over()).write(tmp_path / "out")
    assert {(d.SeriesDate, d.SeriesTime) for d in written(tmp_path / "out")} == {("20260102", "235830")}
    assert {d.DecayCorrection for d in written(tmp_path / "out")} == {correction}


STEPS = {
    "blurred": ({}, [gaussian_blur(sigma_mm=1)]),
    "a mean": ({}, [mean_over()]),
    "a mean of some": ({}, [mean_over(from_=50000, to=200000)]),
    "one by number": ({"volumes": [3]}, [gaussian_blur(sigma_mm=1)]),
    "one by its time": ({"where": {"FrameReferenceTime": 90000}}, [gaussian_blur(sigma_mm=1)]),
}


@pytest.mark.parametrize("name", STEPS)
def test_whatever_is_derived_is_decay_corrected_to_the_same_moment_and_says_nothing_odd(tmp_path, name):
    chosen, steps = STEPS[name]
    source = derive.read(series(), **chosen)
    before = decay_of(source)
    derive.build(source, *steps).write(tmp_path / "out")
    made = derive.read(tmp_path / "out")
    after = decay_of(made)
    assert (after.zero.moment, after.injected, after.half_life_s) == (before.zero.moment, before.injected, 6586.2)
    assert after.dose_bq() == before.dose_bq()
    assert not [r for r in made.remarks if r.code in ("SRC-TIMES", "SRC-COUNTS")]


@pytest.mark.parametrize("change", ["blurred", "a mean"])
def test_gates_say_nothing_odd_either(tmp_path, change):
    for number, form in enumerate((gated, of_two_beats)):
        step = mean_over(along="TriggerTime") if change == "a mean" else gaussian_blur(sigma_mm=1)
        derive.build(derive.read(form()), step).write(tmp_path / str(number))
        made = derive.read(tmp_path / str(number))
        assert not [r for r in made.remarks if r.code in ("SRC-TIMES", "SRC-COUNTS")]
