"""CT series of any length, with headers as long as a scanner's, made from nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, generate_uid

from derive.writing.part10 import file_meta

ROWS = COLUMNS = 512
SPACING_MM, SLICE_SPACING_MM = 0.7, 1.0
INTERCEPT = -1024
#: Distinct noise images; slices take them in turn.
NOISES = 7
PRIVATE_ELEMENTS = 60


def make_series(folder: Path, slices: int) -> Path:
    """Write an abdomen-like phantom with noise as CT Image instances; what is there already is kept."""
    if folder.is_dir():
        return folder
    part = folder.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    noises = random.normal(0, 12, (NOISES, ROWS, COLUMNS))
    uids = [generate_uid(None) for _ in range(3)]
    for index in range(slices):
        dataset = header(index, slices, uids)
        values = np.rint(body(index / slices) + noises[index % NOISES]) - INTERCEPT
        dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = int(values.min()), int(values.max())
        dataset.PixelData = values.clip(0, 4095).astype("<i2").tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.file_meta = file_meta(dataset)
        dataset.save_as(part / f"{index:05d}.dcm", enforce_file_format=True)
    part.rename(folder)
    return folder


def body(height: float) -> np.ndarray:
    """HU of a slice at a relative height from 0 to 1: an ellipse of soft tissue with bone and air in it."""
    y, x = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
    values = np.full((ROWS, COLUMNS), -1000.0)
    values[np.hypot(x / (0.75 + 0.1 * height), y / 0.55) < 1] = 40
    values[np.hypot(x - 0.3 * height, y + 0.2) < 0.15] = -800
    values[np.hypot(x, y - 0.35) < 0.1 + 0.05 * np.sin(40 * height)] = 700
    return values


def header(index: int, slices: int, uids: list[str]) -> Dataset:
    """Attributes of one slice: about a hundred standard ones, and private ones."""
    taken = datetime(2026, 1, 5, 10, 30) + timedelta(milliseconds=40 * index)
    dataset = Dataset()
    dataset.update(CONSTANT)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = uids
    dataset.SOPInstanceUID = generate_uid(None)
    for moment in ("InstanceCreation", "Acquisition", "Content"):
        setattr(dataset, f"{moment}Date", taken.strftime("%Y%m%d"))
        setattr(dataset, f"{moment}Time", taken.strftime("%H%M%S.%f"))
    position = index * SLICE_SPACING_MM - 200
    dataset.InstanceNumber = slices - index
    dataset.ImagePositionPatient = [-(COLUMNS - 1) / 2 * SPACING_MM, -(ROWS - 1) / 2 * SPACING_MM, position]
    dataset.SliceLocation, dataset.TableHeight = position, 120.5
    dataset.XRayTubeCurrent, dataset.Exposure = 200 + index % 40, 80 + index % 16
    dataset.WindowCenter, dataset.WindowWidth = [40, 300], [400, 1500]
    private = dataset.private_block(0x0019, "BENCHMARK SCANNER", create=True)
    for element in range(PRIVATE_ELEMENTS):
        private.add_new(element, "DS", f"{(index * 7 + element) % 100}.25")
    return dataset


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _constant() -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SpecificCharacterSet = "ISO_IR 100"
    for keyword, value in TEXT.items():
        setattr(dataset, keyword, value)
    dataset.AnatomicRegionSequence = Sequence([_code("818981001", "SCT", "Abdomen")])
    dataset.ProcedureCodeSequence = Sequence([_code("CTABD", "99LOCAL", "CT abdomen")])
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = "RP1", "SPS1"
    dataset.RequestAttributesSequence = Sequence([request])
    return dataset


#: What a scanner says of every slice of a series.
TEXT: dict[str, object] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "HELIX"],
    **{f"{entity}Date": "20260105" for entity in ("Study", "Series")},
    **{f"{entity}Time": "102500" for entity in ("Study", "Series")},
    "AccessionNumber": "BENCH1",
    "Modality": "CT",
    "Manufacturer": "Benchmark",
    "InstitutionName": "Nowhere Hospital",
    "ReferringPhysicianName": "",
    "StationName": "CT1",
    "StudyDescription": "CT abdomen",
    "SeriesDescription": "abdomen 1.0 B30",
    "ManufacturerModelName": "Phantom 9000",
    "PatientName": "Benchmark^Phantom",
    "PatientID": "BENCH-400",
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "PatientAge": "056Y",
    "PatientSize": "1.75",
    "PatientWeight": "75",
    "BodyPartExamined": "ABDOMEN",
    "ScanOptions": "HELICAL MODE",
    "SliceThickness": "1",
    "KVP": "120",
    "SpacingBetweenSlices": "1",
    "DataCollectionDiameter": "500",
    "DeviceSerialNumber": "42",
    "SoftwareVersions": "1.0",
    "ProtocolName": "Abdomen",
    "ReconstructionDiameter": "358.4",
    "DistanceSourceToDetector": "1040",
    "DistanceSourceToPatient": "570",
    "GantryDetectorTilt": "0",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "FilterType": "BODY",
    "GeneratorPower": "80",
    "FocalSpots": ["0.6", "0.7"],
    "ConvolutionKernel": "B30f",
    "PatientPosition": "HFS",
    "RevolutionTime": 0.5,
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 38.4,
    "TableSpeed": 46.0,
    "TableFeedPerRotation": 23.0,
    "SpiralPitchFactor": 0.6,
    "CTDIvol": 8.5,
    "StudyID": "1",
    "SeriesNumber": "3",
    "AcquisitionNumber": "2",
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": ROWS,
    "Columns": COLUMNS,
    "PixelSpacing": [SPACING_MM, SPACING_MM],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "RescaleIntercept": INTERCEPT,
    "RescaleSlope": 1,
    "RescaleType": "HU",
    "LossyImageCompression": "00",
    "PerformedProcedureStepStartDate": "20260105",
    "PerformedProcedureStepStartTime": "102500",
    "PerformedProcedureStepID": "PPS1",
}
CONSTANT = _constant()
