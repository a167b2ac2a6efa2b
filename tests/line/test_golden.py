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
from PIL import Image

import derive
from derive.operations import apply, gaussian_blur, mean_projection, minip, mip, resample
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import ROOT, make_series

GOLDEN = Path(__file__).parents[1] / "golden"


def invert(values: np.ndarray) -> np.ndarray:
    return -values


invert.__module__ = "tests.test_golden"  # the name that the dumps hold

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
    assert ROOT in compare(series.write(tmp_path / "out"), f"{modality}-{name}")


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_the_text_of_a_multi_frame_instance_is_as_it_was(modality, tmp_path):
    multi_frame(modality, slices=3).save_as(tmp_path / "source.dcm", enforce_file_format=True)
    series = derive.build(tmp_path / "source.dcm", *OPERATIONS["chain"], timestamp=datetime(2026, 3, 4, 5, 6, 7))
    assert ROOT in compare(series.write(tmp_path / "out"), f"multi-frame-{modality}-chain")


PATIENT, STUDY = derive.Patient("PH01", "Phantom^A"), derive.Study(description="Sim")
PET = {
    "CountsSource": "EMISSION",
    "DecayCorrection": "NONE",
    "SeriesDate": "20260304",
    "SeriesTime": "050607",
    "FrameReferenceTime": "0",
    "SeriesType": "STATIC\\IMAGE",
}
RAMP = np.linspace(-900.0, 1100.0, 4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
ORIGINAL = {"KVP": "120", "Manufacturer": "ACME", "BodyPartExamined": "CHEST"}
#: Conversions of every class, by the name of their dump.
CONVERSIONS = {
    "CT": {"modality": "CT"},
    "CT-original": {"modality": "CT", "original": True, "set": ORIGINAL},
    "CT-as-is": {"modality": "CT", "values": "as-is", "units": "MGML"},
    "MR": {"modality": "MR", "units": "mm2/s"},
    "PT": {"modality": "PT", "units": "BQML", "set": PET},
}
PICTURES = {
    "L": np.arange(30, dtype=np.uint8).reshape(5, 6),
    "RGB": np.arange(90, dtype=np.uint8).reshape(5, 6, 3),
    "word": np.arange(30, dtype=np.uint16).reshape(5, 6) * 1000,
    "bit": np.arange(30).reshape(5, 6) % 3 == 0,
}
NOW = datetime(2026, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("name", CONVERSIONS)
def test_the_text_of_a_conversion_is_as_it_was(name, tmp_path):
    series = derive.convert(
        RAMP, spacing_xyz=(0.7, 0.8, 2.5), patient=PATIENT, study=STUDY, timestamp=NOW, **CONVERSIONS[name]
    )
    compare(series.write(tmp_path / "out"), f"convert-{name}")


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_the_text_of_a_conversion_with_a_reference_is_as_it_was(modality, tmp_path):
    reference = derive.read(make_series(modality))
    values = derive.stack(reference).filled()
    series = derive.convert(
        values,
        modality="CT",
        orientation="reference",
        reference=reference,
        values="scale=0.5,-400",
        timestamp=NOW,
        code="Smoothing",
        description="denoised by X 2.1",
    )
    compare(series.write(tmp_path / "out"), f"convert-CT-of-{modality}")


@pytest.mark.parametrize("kind", ["secondary-capture", "multi-frame-secondary-capture"])
@pytest.mark.parametrize("name", PICTURES)
def test_the_text_of_pictures_is_as_it_was(name, kind, tmp_path):
    pages = [Image.fromarray(PICTURES[name])] * 2
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    series = derive.convert(
        tmp_path / "pages.tif", kind=kind, patient=PATIENT, timestamp=NOW, set={"BurnedInAnnotation": "NO"}
    )
    compare(series.write(tmp_path / "out"), f"{kind}-{name}")


def compare(report, name):
    """Hold the instance in the middle against its dump; return its text."""
    text = dump(pydicom.dcmread(report.files[len(report.files) // 2]))
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("DERIVE_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    return text


def dump(dataset):
    """Text of a data set without what differs from run to run: new UIDs and a number, our version, the pixels."""
    del dataset.PixelData
    text = re.sub(r"2\.25\.[0-9]+", "2.25.NEW", str(dataset)).replace(f"'{derive.__version__}'", "'VERSION'")
    text = re.sub(r"(Series Number +IS: '[0-9]*)[0-9]{6}'", r"\1NNNN'", text)  # a place that follows from the UID
    text = "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(("(0002,", "Dataset.file", "----"))
    )
    return text + "\n"
