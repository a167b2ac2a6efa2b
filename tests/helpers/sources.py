"""Small synthetic source series of the three classes, as data sets in memory: valid, and with what must not survive."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, PositronEmissionTomographyImageStorage

from derive.model.geometry import triple

CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}
ROOT = "1.2.826.0.1.3680043.10.1111"
OBLIQUE = ((0.96, 0.28, 0.0), (-0.28, 0.96, 0.0))
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def make_series(modality="CT", count=6, shape=(12, 14), cosines=AXIAL, spacing=(1.25, 1.0), step=2.0, **changes):
    """Give `count` data sets along the normal; `changes` are attributes of all, or functions of the index."""
    return [_instance(modality, k, shape, cosines, spacing, step, changes) for k in range(count)]


def _instance(modality, index, shape, cosines, spacing, step, changes):
    dataset = _common(modality, index)
    normal = np.cross(*cosines)
    dataset.ImageOrientationPatient = [float(v) for v in (*cosines[0], *cosines[1])]
    dataset.ImagePositionPatient = list(triple(np.round(np.array([-10.5, 20.25, -30.0]) + normal * step * index, 6)))
    dataset.PixelSpacing = list(spacing)
    dataset.Rows, dataset.Columns = shape
    rng = np.random.default_rng(index)
    stored = (rng.integers(0, 400, shape) + 100 * index + 500).astype("<i2" if modality != "MR" else "<u2")
    _pixels(dataset, modality, stored, index)
    for keyword, value in changes.items():
        chosen = value(index) if callable(value) else value
        if chosen is None:
            if keyword in dataset:
                del dataset[keyword]
        else:
            setattr(dataset, keyword, chosen)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    return dataset


def _common(modality, index):
    dataset = Dataset()
    dataset.SOPClassUID = CLASSES[modality]
    dataset.SOPInstanceUID = f"{ROOT}.4.{index + 1}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = (
        f"{ROOT}.1",
        f"{ROOT}.2",
        f"{ROOT}.3",
    )
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = (
        "Doe^Jane",
        "P1",
        "19700101",
        "F",
    )
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = "20260102"
    dataset.StudyTime, dataset.SeriesTime, dataset.ContentTime = "101500", "102000", "102500"
    dataset.AcquisitionTime = f"1021{index:02d}"
    dataset.StudyID, dataset.AccessionNumber, dataset.ReferringPhysicianName = "S1", "A1", "Ref^Erring"
    dataset.StudyDescription, dataset.SeriesDescription = "Study", "Thorax 2.0"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, 3, index + 1
    dataset.Manufacturer, dataset.ManufacturerModelName, dataset.DeviceSerialNumber = "ACME", "Scanner 1", "42"
    dataset.InstitutionName, dataset.StationName, dataset.SoftwareVersions = "Hospital", "CT1", "1.0"
    dataset.OperatorsName, dataset.PerformingPhysicianName = "Op^Erator", "Per^Former"
    dataset.PerformedProcedureStepID, dataset.PerformedProcedureStepDescription = "PPS1", "A step"
    dataset.BodyPartExamined, dataset.PatientPosition, dataset.PositionReferenceIndicator = "CHEST", "HFS", ""
    dataset.ImageComments, dataset.SliceLocation, dataset.SliceThickness = "a remark", -30.0 + 2 * index, 2.0
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    block = dataset.private_block(0x0009, "ACME PRIVATE", create=True)
    block.add_new(0x01, "LO", "secret sauce")
    dataset.add_new(0x60000010, "US", 4)
    dataset.add_new(0x60000011, "US", 4)
    _of_modality(dataset, modality, index)
    return dataset


def _of_modality(dataset, modality, index):
    if modality == "CT":
        dataset.KVP, dataset.AcquisitionNumber, dataset.Exposure = 120, 1, 100 + index
        dataset.ConvolutionKernel, dataset.ReconstructionDiameter, dataset.GantryDetectorTilt = "B30", 15.0, 0
        dataset.RescaleType = "HU"
    elif modality == "MR":
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "NONE", ""
        dataset.MRAcquisitionType, dataset.RepetitionTime, dataset.EchoTime, dataset.EchoTrainLength = "2D", 500, 12, 1
        dataset.MagneticFieldStrength, dataset.InPlanePhaseEncodingDirection = 3, "ROW"
    else:
        dataset.ImageType = ["ORIGINAL", "PRIMARY"]
        dataset.Units, dataset.CountsSource, dataset.DecayCorrection = "BQML", "EMISSION", "START"
        dataset.SeriesType, dataset.CorrectedImage, dataset.CollimatorType = ["STATIC", "IMAGE"], ["DECY"], "NONE"
        dataset.NumberOfSlices, dataset.ImageIndex, dataset.FrameReferenceTime = 6, index + 1, 1000 * (index // 3)
        dataset.ActualFrameDuration, dataset.DecayFactor, dataset.DoseCalibrationFactor = 120000, 1.0, 1.5
        isotope = Dataset()
        isotope.RadiopharmaceuticalStartTime, isotope.RadionuclideTotalDose = "093000", 3.7e8
        isotope.RadionuclideHalfLife = 6586.2
        dataset.RadiopharmaceuticalInformationSequence = Sequence([isotope])
        dataset.PatientOrientationCodeSequence = Sequence()
        dataset.PatientGantryRelationshipCodeSequence = Sequence()
        dataset.PatientPosition = None
        del dataset.PatientPosition


def _pixels(dataset, modality, stored, index):
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, int(stored.dtype.kind == "i")
    if modality == "CT":
        dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    elif modality == "PT":
        dataset.RescaleIntercept, dataset.RescaleSlope = 0, 0.5 + 0.125 * index
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = int(stored.min()), int(stored.max())
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
