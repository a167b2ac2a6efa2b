"""Times and counts of a PET that contradict each other are said, and stop nothing."""

from __future__ import annotations

import pytest

import derive
from tests.helpers.pet import SLICES, TIMES, factor, gated, of_two_beats, series
from tests.helpers.sources import make_series

START = "RadiopharmaceuticalInformationSequence>RadiopharmaceuticalStartDateTime"


def said(source, **choice):
    """What is said of the times and counts of a series: keyword, message, how many files."""
    found = derive.read(source, **choice).remarks
    return {r.keyword: (r.message, len(r.names)) for r in found if r.code in ("SRC-TIMES", "SRC-COUNTS")}


@pytest.mark.parametrize("form", [series, gated, of_two_beats])
def test_nothing_is_said_of_what_goes_together(form):
    assert said(form()) == {}


def test_nothing_is_said_of_some_of_the_volumes():
    assert said(series(), volumes=[2]) == said(series(), volumes=[1, 3]) == {}


def injected(date_time):
    datasets = make_series("PT")
    for dataset in datasets:
        dataset.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = date_time
    return datasets


#: What is wrong, what it is said of, in how many files, and a part of the sentence.
ODD = {
    "a series made later": (
        lambda: series(SeriesDate="20260104"),
        "SeriesTime",
        12,
        "that is told by AcquisitionTime, FrameReferenceTime",
    ),
    "a late series of which nobody knows the start": (
        lambda: series(SeriesDate="20260104", per_volume={"FrameReferenceTime": (1e6, 2e6, 3e6, 4e6)}),
        "SeriesTime",
        12,
        "nothing else tells that",
    ),
    "a Frame Reference Time of another start": (
        lambda: series(per_volume={"FrameReferenceTime": (*TIMES[:3], TIMES[3] + 1e6)}),
        "FrameReferenceTime",
        SLICES,
        "up to 1000 s",
    ),
    "frames longer than there is time": (
        lambda: series(per_volume={"ActualFrameDuration": (60000, 90000, 120000, 240000)}),
        "ActualFrameDuration",
        SLICES,
        "up to 30 s longer",
    ),
    "a Decay Factor of something else": (
        lambda: series(per_volume={"DecayFactor": (*map(factor, TIMES[:3]), 1.3)}),
        "DecayFactor",
        SLICES,
        "%",
    ),
    "an injection behind the scan": (lambda: injected("20260103093000"), START, 6, "behind the end"),
    "an injection long ago": (lambda: injected("20250102093000"), START, 6, "nothing would be left"),
    "too few images": (lambda: make_series("PT", count=5), "NumberOfSlices", 5, "makes 6 images, and there are 5"),
    "too many times": (
        lambda: series(NumberOfTimeSlices=5),
        "NumberOfSlices",
        12,
        "times NumberOfTimeSlices makes 15 images, and there are 12",
    ),
    "too many intervals": (
        lambda: [d for d in of_two_beats() if d.LowRRValue == 700],
        "NumberOfSlices",
        9,
        "times NumberOfTimeSlots times NumberOfRRIntervals makes 18 images, and there are 9",
    ),
    "one index for all": (lambda: make_series("PT", ImageIndex=1), "ImageIndex", 6, "in several images"),
    "indices in another order": (
        lambda: make_series("PT", ImageIndex=lambda k: (1, 3, 2, 4, 5, 6)[k]),
        "ImageIndex",
        6,
        "along the slices",
    ),
    "a dynamic series of one time": (
        lambda: make_series("PT", SeriesType=["DYNAMIC", "IMAGE"], NumberOfTimeSlices=1),
        "SeriesType",
        6,
        "there is one time",
    ),
    "a static series of four": (lambda: series("STATIC", NumberOfSlices=12), "SeriesType", 12, "there are 4 times"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_contradicts_is_said_with_numbers(name):
    make, keyword, files, part = ODD[name]
    found = said(make())
    assert keyword in found
    message, count = found[keyword]
    assert part in message
    assert count == files


def test_indices_that_mix_the_times_are_said():
    """Slice by slice, each of all times: the volumes are told apart by their times all the same."""
    datasets = series()
    for dataset in datasets:
        volume, place = divmod(dataset.ImageIndex - 1, SLICES)
        dataset.ImageIndex = place * 4 + volume + 1
    assert "mixes the volumes" in said(datasets)["ImageIndex"][0]
    assert len(derive.read(datasets).volumes) == 4


def test_no_value_of_a_file_is_said():
    datasets = make_series("PT", SeriesType=["DYNAMIC", "IMAGE"], NumberOfTimeSlices=7, PatientName="Private^Person")
    assert "Private" not in repr(derive.read(datasets).remarks)
