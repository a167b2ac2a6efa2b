"""Small volumes that are no DICOM, and what is read back of the series that they become."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
import pydicom
from pydicom.dataset import Dataset

import derive
from tests.helpers.peers import tool
from tests.helpers.sources import make_series

PATIENT = derive.Patient("PH01", "Phantom^A")
#: What is said of an array of Hounsfield units.
CT: dict[str, Any] = {"modality": "CT", "spacing_xyz": (0.7, 0.8, 1.5), "patient": PATIENT}
#: What has to be said of PET, since nobody else can know it.
PET_SAID = {
    "SeriesDate": "20260102",
    "SeriesTime": "101112",
    "AcquisitionDate": "20260102",
    "AcquisitionTime": "101112",
    "CountsSource": "EMISSION",
    "DecayCorrection": "START",
    "DecayFactor": "1",
    "FrameReferenceTime": "0",
    "SeriesType": "STATIC\\IMAGE",
}
PET: dict[str, Any] = {**CT, "modality": "PT", "units": "BQML", "set": PET_SAID}
MR: dict[str, Any] = {**CT, "modality": "MR"}
OF_MODALITY = {"CT": CT, "MR": MR, "PT": PET}
#: RAS and LPS are each other's mirror.
MIRROR = np.diag([-1.0, -1.0, 1.0, 1.0])
ABSENT = "absent"


def hu(shape: Sequence[int] = (3, 4, 5)) -> np.ndarray:
    """Whole numbers from -1000 up, all different."""
    return (np.arange(np.prod(shape)) * 7 - 1000).astype(np.int16).reshape(shape)


def nifti(path: Path, values: np.ndarray, affine_lps: np.ndarray | None = None, **header: Any) -> Path:
    """Write values (slice, row, column) as NIfTI; without an affine it says no place in a patient."""
    image = nibabel.Nifti1Image(values.T, np.eye(4) if affine_lps is None else MIRROR @ affine_lps)
    code = 0 if affine_lps is None else 1
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code)
    for field, value in header.items():
        image.header[field] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)
    return path


def affine_of(series: derive.SourceSeries) -> np.ndarray:
    """Affine of (column, row, slice) of a series to LPS."""
    return series.geometry.affine[:, [2, 1, 0, 3]]


def read_reference(modality: str = "CT") -> derive.SourceSeries:
    """A series of 6 slices of 12 x 14, 1 x 1.25 x 2 mm."""
    return derive.read(make_series(modality))


def saved(folder: Path, modality: str = "CT") -> Path:
    """Write a series as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, dataset in enumerate(make_series(modality)):
        dataset.save_as(folder / f"{index}.dcm", enforce_file_format=True)
    return folder


class Written(NamedTuple):
    """A series that was written and read back: in spatial order."""

    report: derive.Report
    datasets: list[Dataset]

    @property
    def first(self) -> Dataset:
        return self.datasets[0]

    @property
    def stored(self) -> np.ndarray:
        return np.stack([d.pixel_array for d in self.datasets])

    @property
    def values(self) -> np.ndarray:
        return np.stack([real_values(d) for d in self.datasets])

    @property
    def step(self) -> float:
        """Largest difference between two neighbouring values that can be stored."""
        return max(rescale(d)[0] for d in self.datasets)


def written(source: Any, folder: Path, **options: Any) -> Written:
    """Convert, write and read back; the check has found nothing, neither while writing nor afterwards."""
    report = derive.convert(source, **options).write(folder)
    assert report.findings == ()
    assert report.saturated == 0
    # afterwards, only that what no image is behind was derived of none
    left = [f for f in derive.check(folder).findings if f.code != "CHK-SOURCES" or "reference" in options]
    assert not left, list(map(str, left))
    return Written(report, read_back(folder))


def read_back(folder: Path) -> list[Dataset]:
    """Instances of a folder along their normal."""
    datasets = [pydicom.dcmread(f) for f in folder.iterdir()]
    return sorted(datasets, key=lambda d: np.cross(*np.reshape(d.ImageOrientationPatient, (2, 3))) @ _position(d))


def _position(dataset: Dataset) -> np.ndarray:
    return np.array(dataset.ImagePositionPatient, dtype=float)


def rescale(dataset: Dataset) -> tuple[float, float]:
    """Slope and intercept, wherever the class says them; an MR image without a mapping has values as stored."""
    if "RescaleSlope" in dataset:
        return float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    if "RealWorldValueMappingSequence" not in dataset:
        return 1.0, 0.0
    (mapping,) = dataset.RealWorldValueMappingSequence
    return mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept


def real_values(dataset: Dataset) -> np.ndarray:
    """Stored values as the attributes say what they mean."""
    slope, intercept = rescale(dataset)
    return dataset.pixel_array.astype(np.float64) * slope + intercept


def dciodvfy_messages(file: Path) -> set[str]:
    """Errors and warnings of dciodvfy."""
    done = subprocess.run([tool("dciodvfy"), "-new", str(file)], capture_output=True, text=True, errors="replace")
    assert done.returncode in (0, 1), f"dciodvfy ended with {done.returncode}"
    lines = (done.stdout + done.stderr).splitlines()
    return {re.sub(r"\s+", " ", line) for line in lines if line.startswith(("Error", "Warning"))}


def text_of(dataset: Dataset, keyword: str) -> str:
    """The value as text, or ABSENT."""
    return str(dataset[keyword].value) if keyword in dataset else ABSENT
