"""A slope below 0, of a rescale or of a mapping: read, shown, derived and verified as what it means."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import derive
from derive.model.window import real_window
from derive.operations import apply, gaussian_blur, mip, resample
from tests.helpers.sources import make_series
from tests.helpers.verification import save, verified

SLOPE, INTERCEPT = -0.5, 3000.0


def mapping(index):
    item, unit = Dataset(), Dataset()
    item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = 0, 65535
    item.RealWorldValueSlope, item.RealWorldValueIntercept = SLOPE, INTERCEPT
    item.LUTExplanation, item.LUTLabel = "falling", "F"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "ms", "UCUM", "ms"
    item.MeasurementUnitsCodeSequence = Sequence([unit])
    return Sequence([item])


FALLING = {
    "CT": {"RescaleSlope": SLOPE, "RescaleIntercept": INTERCEPT},
    "PT": {"RescaleSlope": SLOPE},
    "MR": {"RealWorldValueMappingSequence": mapping},
}


def falling(modality):
    """Images whose values fall as the stored values grow, and the values."""
    datasets = make_series(modality, 6, **FALLING[modality])
    intercept = 0.0 if modality == "PT" else INTERCEPT
    return datasets, np.stack([d.pixel_array * SLOPE + intercept for d in datasets]).astype(np.float32)


def means(dataset):
    """The values of a written image."""
    if "RescaleSlope" in dataset:
        return dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    (item,) = dataset.RealWorldValueMappingSequence
    return dataset.pixel_array * item.RealWorldValueSlope + item.RealWorldValueIntercept


@pytest.mark.parametrize("modality", FALLING)
def test_it_is_read_as_what_it_means(modality):
    datasets, values = falling(modality)
    np.testing.assert_array_equal(derive.stack(derive.read(datasets)).array, values)


def unchanged(values: np.ndarray) -> np.ndarray:
    return values


@pytest.mark.parametrize("modality", FALLING)
def test_what_is_derived_of_it_has_its_values(modality, tmp_path):
    datasets, values = falling(modality)
    report = derive.build(derive.read(datasets), apply(function=unchanged, code="Smoothing")).write(tmp_path / "out")
    assert (len(report.files), report.saturated) == (6, 0)
    written = np.stack([means(pydicom.dcmread(f)) for f in report.files])
    assert np.abs(written - values).max() <= report.value_error + 1e-4
    assert report.value_error < 1.0


@pytest.mark.parametrize("step", [gaussian_blur(sigma_mm=2.0), resample(spacing_mm=1.7), mip(slab_mm=4.0)], ids=str)
@pytest.mark.parametrize("modality", FALLING)
def test_what_is_derived_of_it_is_recomputed(modality, step, tmp_path):
    datasets, values = falling(modality)
    source = save(datasets, tmp_path / "source")
    report = derive.build(derive.read(source), step).write(tmp_path / "out")
    assert report.saturated == 0
    found = verified(tmp_path / "out", source)
    assert (found.verdict, found.reason) == ("SAME", "")
    written = np.stack([means(pydicom.dcmread(f)) for f in report.files])
    assert values.min() - 1 <= written.min()
    assert written.max() <= values.max() + 1


def test_the_greatest_value_is_that_of_the_least_stored_one(tmp_path):
    datasets, values = falling("CT")
    report = derive.build(derive.read(datasets), mip()).write(tmp_path / "out")
    (dataset,) = map(pydicom.dcmread, report.files)
    assert np.abs(means(dataset) - values.max(axis=0)).max() <= report.value_error + 1e-4


def test_a_window_on_values_stays_and_one_on_stored_values_is_turned(tmp_path):
    ct, mr = ({"WindowCenter": c, "WindowWidth": 300} for c in (2400, 1200))
    for modality, changes, center, width in (("CT", ct, 2400, 300), ("MR", mr, 2400, 150)):
        datasets = make_series(modality, 6, **FALLING[modality], **changes)
        assert real_window(derive.read(datasets), 0) == ((center,), (width,)), modality
