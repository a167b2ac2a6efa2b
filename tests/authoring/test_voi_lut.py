"""A VOI LUT Sequence stays while what it acts on does: what the modality LUT gives, or stored values (PS3.3 C.11.2)."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

import derive
from derive.operations import apply, gaussian_blur, mip, resample
from tests.helpers.asserting import each
from tests.helpers.sources import make_series

NO_WINDOW = {"WindowCenter": None, "WindowWidth": None}
BLUR = gaussian_blur(sigma_mm=1.0)
OTHER = apply(function=np.negative, code="Smoothing", units="mm2/s", halo_slices=0)


def tables(name="BONE", first=-1000, length=256):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS", [length, first, 16])
    item.LUTExplanation = name
    item.add_new("LUTData", "OW", np.arange(length, dtype="<u2").tobytes())
    return [item]


def made(folder, *steps, modality="CT", **changes):
    report = derive.build(derive.read(make_series(modality, **changes)), *steps).write(folder)
    assert not report.findings
    return [pydicom.dcmread(f) for f in report.files]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("step", [BLUR, resample(spacing_mm=2.0)], ids=["same grid", "new grid"])
def test_it_stays_with_the_quantity_and_no_window_is_made_beside_it(step, modality, tmp_path):
    changes = {**NO_WINDOW, "VOILUTSequence": tables()}
    for dataset in each(made(tmp_path / "out", step, modality=modality, **changes)):
        (item,) = dataset.VOILUTSequence
        assert (list(item.LUTDescriptor), item.LUTExplanation) == ([256, -1000, 16], "BONE")
        assert item.LUTData == tables()[0].LUTData
        assert "WindowCenter" not in dataset


def test_it_stays_beside_the_window_of_the_source(tmp_path):
    for dataset in each(made(tmp_path / "out", BLUR, VOILUTSequence=tables()), 6):
        assert dataset.VOILUTSequence[0].LUTExplanation == "BONE"
        assert dataset.WindowCenter == 40


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        (OTHER, {"VOILUTSequence": tables()}),
        (mip(), {"VOILUTSequence": tables()}),
        (BLUR, {"VOILUTSequence": lambda k: tables(first=k)}),
        (BLUR, {"VOILUTSequence": []}),
    ],
    ids=["new quantity", "projection", "several", "empty"],
)
def test_it_goes_where_it_is_another_or_acts_on_something_else_and_a_window_is_made(step, changes, tmp_path):
    for dataset in each(made(tmp_path / "out", step, **NO_WINDOW, **changes)):
        assert "VOILUTSequence" not in dataset
        assert "WindowCenter" in dataset


def test_mr_that_is_rescaled_and_stored_otherwise_loses_it(tmp_path):
    changes = {**NO_WINDOW, "VOILUTSequence": tables(), "RescaleSlope": 0.001, "RescaleIntercept": 0}
    for dataset in each(made(tmp_path / "out", BLUR, modality="MR", **changes)):
        assert "VOILUTSequence" not in dataset
        assert "WindowCenter" in dataset


def test_what_is_not_legal_of_it_is_left_out(tmp_path):
    broken = tables()
    del broken[0].LUTData
    for dataset in each(made(tmp_path / "out", BLUR, **NO_WINDOW, VOILUTSequence=broken), 6):
        assert "VOILUTSequence" not in dataset
        assert "WindowCenter" in dataset
