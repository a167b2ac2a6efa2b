"""Many volumes cost the memory of a few: what is remembered of the last slabs is of so many steps, not of all volumes.

Peaks are counted by the interpreter (tracemalloc), not asked of the system: they are the same on every machine.
"""

from __future__ import annotations

import tracemalloc

import pytest

import derive
from derive.operations import gaussian_blur, mean_over
from tests.helpers.kinds import SAID
from tests.helpers.sources import make_series

SLICES, SHAPE = 3, (160, 160)
#: The last slabs of two dozen volumes are remembered (``derive.model.volume``), so that fewer say nothing.
FEW, MANY = 26, 52
BLUR = gaussian_blur(sigma_mm=1)


def derived(*steps, **options):
    return lambda folder, out: derive.build(folder, *steps, **options).write(out)


def exported(folder, out):
    out.mkdir()
    derive.export(derive.read(folder), out / "volumes.nii")


JOBS = {
    "blur": derived(BLUR),
    "mean over": derived(mean_over()),
    "a series a volume": derived(BLUR, series_per="volume"),
    "enhanced": derived(BLUR, into="enhanced"),
    "export": exported,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """MR in few and in many times."""
    made = {}
    for count in (FEW, MANY):
        made[count] = tmp_path_factory.mktemp("times")
        for time in range(count):
            times = {"TemporalPositionIdentifier": time + 1, "NumberOfTemporalPositions": count}
            for place, dataset in enumerate(make_series("MR", SLICES, shape=SHAPE, **SAID["MR"], **times)):
                dataset.InstanceNumber = time * SLICES + place + 1
                dataset.SOPInstanceUID = f"1.2.3.{dataset.InstanceNumber}"
                dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
                dataset.save_as(made[count] / f"{dataset.InstanceNumber}.dcm", enforce_file_format=True)
    return made


@pytest.mark.parametrize("job", JOBS)
def test_memory_does_not_grow_with_the_number_of_volumes(job, folders, tmp_path):
    JOBS[job](folders[MANY], tmp_path / "before")  # what is imported and cached on the way counts for neither
    peaks = {}
    for count, folder in folders.items():
        tracemalloc.start()
        JOBS[job](folder, tmp_path / str(count))
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    values = (MANY - FEW) * SLICES * SHAPE[0] * SHAPE[1] * 4
    assert peaks[MANY] - peaks[FEW] < values / 2, peaks  # headers, and what is remembered of their judgement
