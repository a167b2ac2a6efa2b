"""Small synthetic images of nuclear medicine, one of each kind: frames that index vectors tell apart."""

from __future__ import annotations

import itertools

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, NuclearMedicineImageStorage

from derive.model.vectors import frame_types, frame_vectors
from tests.helpers.multi_frame_macros import code
from tests.helpers.sources import ROOT

#: How many there are of what a vector numbers, by Image Type value 3.
COUNTS = {
    "STATIC": {"EnergyWindowVector": 2, "DetectorVector": 2},
    "WHOLE BODY": {"DetectorVector": 2},
    "DYNAMIC": {"DetectorVector": 1, "PhaseVector": 2, "TimeSliceVector": 3},
    "GATED": {"DetectorVector": 1, "TimeSlotVector": 4},
    "TOMO": {"DetectorVector": 1, "RotationVector": 2, "AngularViewVector": 4},
    "GATED TOMO": {"TimeSlotVector": 2, "AngularViewVector": 3},
    "RECON TOMO": {"SliceVector": 5},
    "RECON GATED TOMO": {"TimeSlotVector": 3, "SliceVector": 4},
}
SHAPE = (10, 12)
#: Where slice 1 lies, and how.
FIRST, COSINES = [-60.5, 30.25, 100.0], [1, 0, 0, 0, 1, 0]
WINDOWS = ((126.0, 154.0), (180.0, 210.0))


def numbers_of_frames(image_type, counts):
    """One row a frame: its number in each vector, the last one the fastest."""
    ranges = [range(1, counts.get(k, 1) + 1) for k in frame_types()[image_type].vectors]
    return list(itertools.product(*ranges))


def stored_counts(count, shape=SHAPE, seed=0):
    """(count, rows, columns) uint16: counts of events, a blob that fades from frame to frame."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    blob = 400 * np.exp(-((rows - shape[0] / 2) ** 2 + (columns - shape[1] / 3) ** 2) / 6)
    fading = 1 / (1 + 0.1 * np.arange(count))[:, None, None]
    return rng.poisson(20 + blob * fading).astype("<u2")


def item(**values):
    """An item of a sequence."""
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def _windows(count):
    return [
        item(
            EnergyWindowName=f"window {n}",
            EnergyWindowRangeSequence=Sequence([item(EnergyWindowLowerLimit=low, EnergyWindowUpperLimit=high)]),
        )
        for n, (low, high) in enumerate(itertools.islice(itertools.cycle(WINDOWS), count), 1)
    ]


def _detectors(count, *, placed):
    where = {"ImagePositionPatient": FIRST, "ImageOrientationPatient": COSINES} if placed else {}
    return [
        item(
            CollimatorType="PARA",
            FocalDistance=0,
            **(where or {"ImagePositionPatient": [n, 2.5, -3], "ImageOrientationPatient": [-1, 0, 0, 0, 0, -1]}),
        )
        for n in range(1, count + 1)
    ]


def _phases(count, steps):
    return [
        item(PhaseDelay=0, ActualFrameDuration=1000 * n, PauseBetweenFrames=0, NumberOfFramesInPhase=steps)
        for n in range(1, count + 1)
    ]


def _rotations(count, steps):
    return [
        item(
            StartAngle=10.0 * n,
            AngularStep=6,
            RotationDirection="CC",
            ScanArc=6.0 * steps,
            ActualFrameDuration=20000,
            NumberOfFramesInRotation=steps,
        )
        for n in range(1, count + 1)
    ]


def _intervals(count, steps, *, slots_said):
    slots = [item(TimeSlotTime=1000.0 * n) for n in range(1, steps + 1)]
    data = item(FrameTime=50, **({"TimeSlotInformationSequence": Sequence(slots)} if slots_said else {}))
    return [item(TriggerTime=0, DataInformationSequence=Sequence([data])) for _ in range(count)]


def make_nm(image_type="STATIC", number=1, counts=None, frames=None, order=None, **changes):
    """One instance; `counts` by vector, `order` of its frames; `changes` are attributes, None takes one out."""
    counts = counts or COUNTS[image_type]
    kind, each = frame_types()[image_type], numbers_of_frames(image_type, counts)
    frames = stored_counts(len(each)) if frames is None else frames
    order = range(len(each)) if order is None else order
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = NuclearMedicineImageStorage, f"{ROOT}.20.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.21"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Doe^Jane", "P1", "", "F"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20260102", "101112", "S1", ""
    dataset.ReferringPhysicianName, dataset.Manufacturer, dataset.Modality = "", "maker", "NM"
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.BodyPartExamined = 3, number, "HEART"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20260102", "102030"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", image_type, "EMISSION"]
    dataset.PatientOrientation = ["L", "F"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.PixelSpacing = 15, 0, [4.0, 3.0]
    dataset.NumberOfFrames, dataset.CountsAccumulated = len(each), int(frames.sum())
    dataset.FrameIncrementPointer = [Tag(keyword) for keyword in kind.vectors]
    for keyword, column in zip(kind.vectors, zip(*(each[k] for k in order), strict=True), strict=True):
        setattr(dataset, keyword, list(column))
    _number(dataset, kind, counts)
    dataset.EnergyWindowInformationSequence = Sequence(_windows(dataset.NumberOfEnergyWindows))
    dataset.DetectorInformationSequence = Sequence(_detectors(dataset.NumberOfDetectors, placed=kind.placed))
    dataset.RadiopharmaceuticalInformationSequence = Sequence(
        [
            item(
                Radiopharmaceutical="MIBI",
                RadionuclideCodeSequence=Sequence([code("72454007", "SCT", "Tc-99m")]),
            )
        ]
    )
    dataset.PatientOrientationCodeSequence = Sequence([code("102538003", "SCT", "recumbent")])
    dataset.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = Sequence(
        [code("40199007", "SCT", "supine")]
    )
    dataset.PatientGantryRelationshipCodeSequence = Sequence([code("102540008", "SCT", "headfirst")])
    _particulars(dataset, image_type, counts)
    dataset.add_new("PixelData", "OW", frames[list(order)].tobytes())
    return _changed(dataset, changes)


def _number(dataset, kind, counts):
    dataset.NumberOfEnergyWindows = counts.get("EnergyWindowVector", 1)
    dataset.NumberOfDetectors = counts.get("DetectorVector", 1)
    for vector in frame_vectors().values():
        if vector.number and vector.keyword in kind.vectors:
            setattr(dataset, vector.number, counts.get(vector.keyword, 1))


def _particulars(dataset, image_type, counts):
    """What the modules of a kind ask for."""
    if image_type in ("STATIC", "WHOLE BODY"):
        dataset.ActualFrameDuration = 60000
    if image_type == "WHOLE BODY":
        dataset.ScanVelocity, dataset.ScanLength = 10, 40
    if image_type == "DYNAMIC":
        dataset.PhaseInformationSequence = Sequence(_phases(dataset.NumberOfPhases, counts["TimeSliceVector"]))
    if "GATED" in image_type:
        dataset.GatedInformationSequence = Sequence(
            _intervals(dataset.NumberOfRRIntervals, counts["TimeSlotVector"], slots_said=image_type == "GATED")
        )
    if "TOMO" in image_type:
        dataset.NumberOfRotations = counts.get("RotationVector", 1)
        dataset.RotationInformationSequence = Sequence(
            _rotations(dataset.NumberOfRotations, counts.get("AngularViewVector", 60))
        )
    if "RECON" in image_type:
        dataset.SliceThickness, dataset.SpacingBetweenSlices = 5, 5
        dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = f"{ROOT}.22", ""


def _changed(dataset, changes):
    for keyword, value in changes.items():
        if value is None:
            if keyword in dataset:
                del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset
