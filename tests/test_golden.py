"""One instance of every class x operation as text: a change of what we write is a change that is read.

``DERIVE_UPDATE_GOLDEN=1 python -m pytest tests/test_golden.py`` writes the dumps anew.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

import derive
from derive.operations import apply, gaussian_blur, mean_projection, minip, mip, resample
from tests.sources import ROOT, make_series

GOLDEN = Path(__file__).parent / "golden"


def invert(values: np.ndarray) -> np.ndarray:
    return -values


OPERATIONS = {
    "gaussian_blur": [gaussian_blur(sigma_mm=1.0)],
    "resample": [resample(spacing_mm=(1.5, 1.5, 3.0))],
    "mip": [mip(slab_mm=6.0, plane="coronal")],
    "minip": [minip()],
    "mean_projection": [mean_projection(slab_mm=4.0, step_mm=2.0)],
    "apply": [apply(function=invert, code="99DERIVE:INV:Inversion", description="inverted", halo_slices=0)],
    "apply-new-quantity": [],
    "chain": [resample(spacing_mm=2.0), gaussian_blur(sigma_mm=2.0)],
}


def steps(name, modality):
    if name == "apply-new-quantity":
        return [apply(function=invert, code="Smoothing", units="PROPCPS" if modality == "PT" else "mm2/s")]
    return OPERATIONS[name]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_the_text_of_an_instance_is_as_it_was(modality, name, tmp_path):
    source = derive.read(make_series(modality))
    series = derive.build(source, *steps(name, modality), timestamp=datetime(2026, 3, 4, 5, 6, 7))
    report = series.write(tmp_path / "out")
    middle = report.files[len(report.files) // 2]
    text = dump(pydicom.dcmread(middle))
    golden = GOLDEN / f"{modality}-{name}.txt"
    if os.environ.get("DERIVE_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def dump(dataset):
    """Text of a data set without what differs from run to run: new UIDs, our version, the pixels."""
    del dataset.PixelData
    text = re.sub(r"2\.25\.[0-9]+", "2.25.NEW", str(dataset)).replace(f"'{derive.__version__}'", "'VERSION'")
    text = "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(("(0002,", "Dataset.file", "----"))
    )
    assert ROOT in text
    return text + "\n"
