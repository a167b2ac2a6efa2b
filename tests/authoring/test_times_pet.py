"""PET in time: what a series of several times says of them, and what becomes of them in a mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

import derive
from derive.authoring.options import Options
from derive.builder import DerivedSeries
from derive.model.dimension import Dimension
from derive.model.frames import Volumes
from derive.model.volume import Volume
from derive.operations import gaussian_blur, maximum_over, mean_over
from tests.helpers.sources import make_series

SLICES = 3
#: When each time began and how long it was counted, ms; the scan goes on over midnight.
BEGINS, DURATIONS = (0, 60000, 120000, 240000), (60000, 60000, 120000, 240000)
#: Mid-frame.
TIMES = tuple(b + d / 2 for b, d in zip(BEGINS, DURATIONS, strict=True))
HALF_LIFE_MS = 6586.2e3
CLOCK = (("20260102", "235830"), ("20260102", "235930"), ("20260103", "000030"), ("20260103", "000230"))


def factor(time):
    return round(float(2 ** (time / HALF_LIFE_MS)), 6)


def series(kind="DYNAMIC", per_volume=(), **same):
    """Give four times of three slices, their files and Instance Numbers in a random order."""
    found, numbers = [], np.random.default_rng(3).permutation(len(TIMES) * SLICES) + 1
    for volume in range(len(TIMES)):
        own = {
            "SeriesType": [kind, "IMAGE"],
            "SeriesTime": "235830",
            "AcquisitionDate": CLOCK[volume][0],
            "AcquisitionTime": CLOCK[volume][1],
            "FrameReferenceTime": TIMES[volume],
            "ActualFrameDuration": DURATIONS[volume],
            "DecayFactor": factor(TIMES[volume]),
            "NumberOfSlices": SLICES,
            "NumberOfTimeSlices": len(TIMES) if kind == "DYNAMIC" else None,
            **same,
            **{k: values[volume] for k, values in dict(per_volume).items()},
        }
        for place, dataset in enumerate(make_series("PT", count=SLICES, **own)):
            k = len(found)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.6.{k + 1}"
            dataset.InstanceNumber, dataset.ImageIndex = int(numbers[k]), volume * SLICES + place + 1
            dataset.RescaleSlope = 0.5 + 0.25 * volume
            found.append(dataset)
    return [found[k] for k in np.random.default_rng(4).permutation(len(found))]


def gated():
    gates = (0, 200, 400, 600)
    return series(
        "GATED",
        {"TriggerTime": gates, "FrameReferenceTime": (1000,) * 4, "ActualFrameDuration": (50000,) * 4},
        FrameTime=200,
        NumberOfTimeSlots=4,
        NumberOfRRIntervals=1,
        BeatRejectionFlag="N",
        DecayFactor=1.0,
        AcquisitionDate="20260102",
        AcquisitionTime="235830",
    )


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
