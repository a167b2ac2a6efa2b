"""Phases and times of CT and MR within one series, in whatever attribute scanners say them."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, mean_over
from tests.helpers.refusals import refused
from tests.helpers.sources import make_series

SLICES = 4


def phases(modality, per_volume, **same):
    """Give a volume of each, at one place, in a random order and with random Instance Numbers."""
    count = len(next(iter(per_volume.values())))
    numbers = np.random.default_rng(7).permutation(count * SLICES) + 1
    datasets = []
    for volume in range(count):
        own = {"AcquisitionTime": "102100", "ContentTime": "102500", "AcquisitionNumber": 1, **same}
        own |= {keyword: values[volume] for keyword, values in per_volume.items()}
        for dataset in make_series(modality, count=SLICES, **own):
            k = len(datasets)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
            dataset.InstanceNumber = int(numbers[k])
            dataset.PixelData = np.full((12, 14), 100 * volume + k % SLICES, "<i2").tobytes()
            datasets.append(dataset)
    return [datasets[k] for k in np.random.default_rng(8).permutation(len(datasets))]


def in_order(series):
    """Which volume each is, by its pixels: as they were given where the values rise."""
    slope, intercept = series.frames[0].rescale
    return [round((float(v.array[0, 0, 0]) - intercept) / slope / 100) for v in series.volumes]


PERCENT = (0, 50, 20)
FOUR_D_CT = {
    "Image Comments": {"ImageComments": [f"T={p}%" for p in PERCENT]},
    "Image Comments with decimals": {"ImageComments": [f"Gated, {p}.0%" for p in PERCENT]},
    "Series Description": {"SeriesDescription": [f"Thorax 4D {p} % Ex 3.0" for p in PERCENT]},
    "of the cycle of breath": {"NominalPercentageOfRespiratoryPhase": [float(p) for p in PERCENT]},
    "of the heart beat": {"NominalPercentageOfCardiacPhase": [float(p) for p in PERCENT]},
    "Acquisition Number": {"AcquisitionNumber": [1 + p for p in PERCENT]},
}


@pytest.mark.parametrize("name", FOUR_D_CT)
def test_phases_of_a_ct_are_volumes_in_their_order(tmp_path, name):
    source = derive.read(phases("CT", FOUR_D_CT[name]))
    (dimension,) = source.dimensions
    assert dimension.keyword == next(iter(FOUR_D_CT[name]))
    assert in_order(source) == [0, 2, 1]
    if name != "Acquisition Number":
        assert (dimension.values, dimension.units) == ((0, 20, 50), "%")
    report = derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert len(report.series) == 3
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    assert len({pydicom.dcmread(f).SeriesInstanceUID for f in files}) == 3
    derive.build(source, mean_over()).write(tmp_path / "mean")
    mean = derive.read(tmp_path / "mean").volume.array
    wanted = np.mean([v.array for v in source.volumes], axis=0)
    np.testing.assert_allclose(mean, wanted, atol=0.51)


def test_texts_of_several_percentages_name_no_phase():
    texts = {"ImageComments": ["20% of 30%", "50% of 30%"]}
    assert "ImageComments" not in refused(phases("CT", texts), "GEO-4D").facts["varying"]


def test_what_all_images_call_alike_is_no_dimension():
    assert (
        derive.read(make_series("CT", ImageComments="FILTER 20%", SeriesDescription="75 % BestDiast")).dimensions == ()
    )


MR = {
    "inversions": ({"InversionTime": [1500.0, 100.0, 700.0]}, (100.0, 700.0, 1500.0), [1, 2, 0]),
    "flip angles": ({"FlipAngle": [15.0, 3.0, 10.0]}, (3.0, 10.0, 15.0), [1, 2, 0]),
    "cine": ({"TriggerTime": [40.0, 0.0, 80.0]}, (0.0, 40.0, 80.0), [1, 0, 2]),
}


@pytest.mark.parametrize("name", MR)
def test_settings_of_an_mr_are_volumes_of_one_series_that_say_theirs(tmp_path, name):
    said, values, order = MR[name]
    source = derive.read(phases("MR", said, ScanningSequence=["GR", "IR"], ScanOptions="CG"))
    assert [(d.keyword, d.values) for d in source.dimensions] == [(next(iter(said)), values)]
    assert in_order(source) == order
    assert not derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out").series
    assert derive.read(tmp_path / "out").dimensions == source.dimensions


def test_phase_contrast_is_a_magnitude_and_a_phase_of_each_time(tmp_path):
    """Velocity images beside magnitudes, both at each time behind the trigger."""
    kinds = [["ORIGINAL", "PRIMARY", kind, "ND"] for kind in ("M", "P")]
    datasets = phases("MR", {"ImageType": kinds * 2, "TriggerTime": [0.0, 0.0, 50.0, 50.0]}, ScanOptions="CG")
    assert [s["name"] for s in refused(datasets, "SRC-STACK").facts["stacks"]] == ["magnitude", "phase"]
    for stack, order in (("magnitude", [0, 2]), ("phase", [1, 3])):
        source = derive.read(datasets, stack=stack)
        assert [(d.keyword, d.values) for d in source.dimensions] == [("TriggerTime", (0.0, 50.0))]
        assert in_order(source) == order
    source = derive.read(datasets, stack="magnitude")
    derive.build(source, gaussian_blur(sigma_mm=1)).write(tmp_path / "out")
    assert derive.read(tmp_path / "out").dimensions == source.dimensions
