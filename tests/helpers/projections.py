"""Small synthetic images without an Image Plane, of one frame: radiographs, mammograms, photographs, ultrasound."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalIntraOralXRayImageStorageForPresentation,
    DigitalIntraOralXRayImageStorageForProcessing,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    VLEndoscopicImageStorage,
    VLPhotographicImageStorage,
)

from tests.helpers.multi_frame_macros import code
from tests.helpers.sources import ROOT

#: By modality, and the intent of what is told apart by it.
CLASSES = {
    "CR": ComputedRadiographyImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
    "DX raw": DigitalXRayImageStorageForProcessing,
    "MG": DigitalMammographyXRayImageStorageForPresentation,
    "MG raw": DigitalMammographyXRayImageStorageForProcessing,
    "IO": DigitalIntraOralXRayImageStorageForPresentation,
    "IO raw": DigitalIntraOralXRayImageStorageForProcessing,
    "US": UltrasoundImageStorage,
    "US cine": UltrasoundMultiFrameImageStorage,
    "SC": SecondaryCaptureImageStorage,
    "ES": VLEndoscopicImageStorage,
    "XC": VLPhotographicImageStorage,
}
#: Classes of 8 bits a pixel.
BYTES = ("US", "US cine", "ES", "XC")
_CHEST = code("51185008", "SCT", "Chest")
_BREAST = code("76752008", "SCT", "Breast")


def stored_of(bits=16, shape=(12, 14), seed=0, most=4000):
    """(rows, columns): stored values, none of them 0."""
    rng = np.random.default_rng(seed)
    return rng.integers(100, 240 if bits == 8 else most, shape).astype("<u1" if bits == 8 else "<u2")


def make_projection(kind="DX", stored=None, number=1, **changes):
    """One image of a kind of `CLASSES`; `changes` are attributes, None takes one out."""
    stored = stored_of(8 if kind in BYTES else 16, seed=number) if stored is None else stored
    modality, _, raw = kind.partition(" ")
    if kind == "US cine" and stored.ndim == 2:
        stored = np.stack([stored, stored // 2 + 30, 255 - stored])
    bits = stored.dtype.itemsize * 8
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSES[kind], f"{ROOT}.24.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.22"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Doe^Jane", "P1", "", "F"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20260102", "101112", "S1", ""
    dataset.ReferringPhysicianName, dataset.Manufacturer, dataset.Modality = "", "maker", modality
    dataset.SeriesNumber, dataset.InstanceNumber = 3, number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""] if modality in ("DX", "MG", "IO") else ["ORIGINAL", "PRIMARY"]
    dataset.PatientOrientation = ["L", "F"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    if stored.ndim > 2:
        dataset.NumberOfFrames, dataset.FrameTime = len(stored), 40
        dataset.FrameIncrementPointer = Tag(0x0018, 0x1063)
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    dataset.update(_SAYING[modality]() if modality in _SAYING else {})
    if modality in ("DX", "MG", "IO"):
        dataset.update(_digital(raw))
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", stored.tobytes() + b"\0" * (stored.nbytes % 2))
    for keyword, value in changes.items():
        if value is None:
            if keyword in dataset:
                del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _saying(**said):
    dataset = Dataset()
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    return dataset


def _computed():
    return _saying(BodyPartExamined="CHEST", ViewPosition="PA", KVP=80, ImagerPixelSpacing=[0.15, 0.2])


def _digital(raw):
    window = {} if raw else {"WindowCenter": 2000, "WindowWidth": 4000}
    return _saying(
        PresentationIntentType="FOR PROCESSING" if raw else "FOR PRESENTATION",
        PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=1,
        RescaleIntercept=0,
        RescaleSlope=1,
        RescaleType="US",
        PresentationLUTShape="IDENTITY",
        LossyImageCompression="00",
        BurnedInAnnotation="NO",
        DetectorType="DIRECT",
        ImagerPixelSpacing=[0.15, 0.2],
        AcquisitionContextSequence=Sequence(),
        **window,
    )


def _chest():
    return _saying(
        AnatomicRegionSequence=Sequence([_CHEST]),
        ImageLaterality="U",
        PositionerType="NONE",
        ViewPosition="PA",
        KVP=80,
    )


def _breast():
    view = code("399162004", "SCT", "cranio-caudal")
    view.ViewModifierCodeSequence = Sequence()
    return _saying(
        AnatomicRegionSequence=Sequence([_BREAST]),
        ImageLaterality="L",
        PositionerType="MAMMOGRAPHIC",
        OrganExposed="BREAST",
        BreastImplantPresent="NO",
        ViewCodeSequence=Sequence([view]),
        PatientOrientation=["A", "L"],
        EstimatedRadiographicMagnificationFactor=1.1,
    )


def _tooth():
    return _saying(
        AnatomicRegionSequence=Sequence([code("661005", "SCT", "Jaw region")]),
        PrimaryAnatomicStructureSequence=Sequence([code("38199008", "SCT", "Tooth")]),
        ImageLaterality="B",
        PositionerType="NONE",
    )


def _sound():
    return _saying(PixelSpacing=[0.2, 0.25], BodyPartExamined="ABDOMEN")


def _capture():
    return _saying(
        ConversionType="WSD",
        PixelSpacing=[0.2, 0.25],
        PixelSpacingCalibrationType="GEOMETRY",
        PixelSpacingCalibrationDescription="a ruler",
        BodyPartExamined="ABDOMEN",
        Modality="OT",
    )


def _light():
    return _saying(LossyImageCompression="00", AcquisitionContextSequence=Sequence(), PixelSpacing=[0.1, 0.1])


_SAYING = {
    "CR": _computed,
    "DX": _chest,
    "MG": _breast,
    "IO": _tooth,
    "ES": _light,
    "XC": _light,
    "US": _sound,
    "SC": _capture,
}
