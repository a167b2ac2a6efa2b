"""PET in several times: dynamic over midnight, gated, and of several R-R intervals."""

from __future__ import annotations

import numpy as np

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


def series(kind="DYNAMIC", per_volume=(), volumes=4, **same):
    """Give four times of three slices, their files and Instance Numbers in a random order."""
    found, numbers = [], np.random.default_rng(3).permutation(volumes * SLICES) + 1
    for volume in range(volumes):
        time = volume % len(TIMES)
        own = {
            "SeriesType": [kind, "IMAGE"],
            "SeriesTime": "235830",
            "AcquisitionDate": CLOCK[time][0],
            "AcquisitionTime": CLOCK[time][1],
            "FrameReferenceTime": TIMES[time],
            "ActualFrameDuration": DURATIONS[time],
            "DecayFactor": factor(TIMES[time]),
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


#: Two beats of different length, each in three parts of a third of it, ms.
BEATS = ((700, 900), (900, 1200))
PARTS = ((0, 266, 533), (0, 350, 700))


def of_two_beats():
    """Give a gated series of two R-R intervals with three time slots each, as C.8.9.3 counts them."""
    volumes = [(low, high, at) for (low, high), parts in zip(BEATS, PARTS, strict=True) for at in parts]
    return series(
        "GATED",
        {
            "LowRRValue": [v[0] for v in volumes],
            "HighRRValue": [v[1] for v in volumes],
            "TriggerTime": [v[2] for v in volumes],
            "FrameTime": (266,) * 3 + (350,) * 3,
            "FrameReferenceTime": (1000,) * 6,
            "ActualFrameDuration": (50000,) * 6,
            "DecayFactor": (1.0,) * 6,
        },
        volumes=6,
        NumberOfTimeSlots=3,
        NumberOfRRIntervals=2,
        BeatRejectionFlag="Y",
        AcquisitionDate="20260102",
        AcquisitionTime="235830",
    )
