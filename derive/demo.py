"""A phantom that needs no data: a CT series of a head-sized cylinder with inserts, made from nothing.

It is labelled as what it is: synthetic, of a patient that does not exist, with no acquisition behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid

from derive.model.classes import target_of
from derive.model.source import SourceSeries
from derive.reading.read import read
from derive.version import MANUFACTURER, MODEL, VERSION
from derive.writing.part10 import file_meta

PATIENT_ID = "DERIVE-PHANTOM"
SLICES, ROWS, COLUMNS = 40, 128, 128
SPACING_MM = 1.5
SLICE_SPACING_MM = 2.5
INTERCEPT = -1024
WATER_HU, AIR_HU, SHELL_HU, PADDING = 0, -1000, 900, -2000
#: Inserts: (x, y, z) centre and radius in mm from the middle, and value in HU.
INSERTS = (((35, 0, 0), 14, 300), ((-35, 10, 10), 12, -100), ((0, -40, -15), 10, 60), ((5, 30, 25), 8, 1200))


def phantom_values() -> NDArray[np.int16]:
    """Stored values (slice, row, column); the corners outside the round field are padding."""
    z, y, x = np.meshgrid(
        (np.arange(SLICES) - (SLICES - 1) / 2) * SLICE_SPACING_MM,
        (np.arange(ROWS) - (ROWS - 1) / 2) * SPACING_MM,
        (np.arange(COLUMNS) - (COLUMNS - 1) / 2) * SPACING_MM,
        indexing="ij",
    )
    values = np.full((SLICES, ROWS, COLUMNS), AIR_HU, dtype=np.int16)
    axis = np.hypot(x / 72, y / 84)
    values[axis < 1] = SHELL_HU
    values[axis < 0.93] = WATER_HU
    for (cx, cy, cz), radius, hu in INSERTS:
        values[(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 < radius**2] = hu
    values -= INTERCEPT
    values[np.hypot(x, y) > ROWS * SPACING_MM / 2] = PADDING
    return values


def phantom_datasets(now: datetime | None = None) -> Iterator[Dataset]:
    """Give the phantom as CT Image instances, one at a time."""
    now = now or datetime.now()
    study, series, frame = (generate_uid(None) for _ in range(3))
    values = phantom_values()
    for index in range(SLICES):
        dataset = _common(now)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (
            study,
            series,
            frame,
        )
        dataset.SOPInstanceUID = generate_uid(None)
        dataset.InstanceNumber = index + 1
        z = (index - (SLICES - 1) / 2) * SLICE_SPACING_MM
        dataset.ImagePositionPatient = [-(COLUMNS - 1) / 2 * SPACING_MM, -(ROWS - 1) / 2 * SPACING_MM, z]
        dataset.SliceLocation = z
        dataset.PixelData = values[index].astype("<i2").tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.file_meta = file_meta(dataset)
        yield dataset


def demo_series() -> SourceSeries:
    """Return the phantom as a source series, in memory."""
    return read(phantom_datasets())


def _common(now: datetime) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    for entity in ("InstanceCreation", "Study", "Series", "Content"):
        setattr(dataset, f"{entity}Date", now.strftime("%Y%m%d"))
        setattr(dataset, f"{entity}Time", now.strftime("%H%M%S"))
    dataset.Modality = target_of(CTImageStorage).modality
    dataset.Manufacturer, dataset.ManufacturerModelName, dataset.SoftwareVersions = (
        MANUFACTURER,
        MODEL,
        VERSION,
    )
    dataset.StudyDescription, dataset.SeriesDescription = "derive demonstration", "Phantom"
    dataset.DerivationDescription = "Synthetic phantom, computed from its description"
    dataset.PatientName, dataset.PatientID = "Phantom^Derive", PATIENT_ID
    for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(dataset, keyword, "")
    dataset.KVP = dataset.AcquisitionNumber = dataset.PositionReferenceIndicator = None
    dataset.BodyPartExamined, dataset.PatientPosition = "HEAD", "HFS"
    dataset.SeriesNumber = 1
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [SPACING_MM, SPACING_MM]
    dataset.SliceThickness = dataset.SpacingBetweenSlices = SLICE_SPACING_MM
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelPaddingValue = PADDING
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = INTERCEPT, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    return dataset
