"""Small synthetic X-ray cines: of several frames in an instance or of one, in no patient."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    ExplicitVRLittleEndian,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from tests.helpers.sources import ROOT

CLASSES = {"XA": XRayAngiographicImageStorage, "RF": XRayRadiofluoroscopicImageStorage}
TIME, VECTOR = Tag(0x0018, 0x1063), Tag(0x0018, 0x1065)


def stored_of(count=8, shape=(12, 14), bits=8, seed=0):
    """(count, rows, columns): stored values that differ from frame to frame, none of them 0."""
    rng = np.random.default_rng(seed)
    background = rng.integers(100, 200, shape)
    frames = background + rng.integers(-20, 20, (count, *shape))
    return frames.astype("<u1" if bits == 8 else "<u2")


def make_cine(modality="XA", frames=None, number=1, **changes):
    """One instance of some frames, 40 ms apart; `changes` are attributes, None takes one out."""
    frames = stored_of() if frames is None else frames
    bits = frames.dtype.itemsize * 8
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSES[modality], f"{ROOT}.14.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.1", f"{ROOT}.12"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Doe^Jane", "P1", "", "F"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20260102", "101112", "S1", ""
    dataset.ReferringPhysicianName, dataset.Manufacturer, dataset.Modality = "", "maker", modality
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.BodyPartExamined = 3, number, "HEART"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    dataset.PatientOrientation = ["L", "F"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    dataset.PixelIntensityRelationship, dataset.RadiationSetting, dataset.KVP = "LIN", "GR", 80
    dataset.Exposure, dataset.ImagerPixelSpacing = 3, [0.3, 0.2]
    if modality == "XA":
        dataset.PositionerPrimaryAngle, dataset.PositionerSecondaryAngle, dataset.PositionerMotion = 10, -5, "STATIC"
    if len(frames) > 1:
        dataset.NumberOfFrames, dataset.FrameIncrementPointer, dataset.FrameTime = len(frames), TIME, 40
        dataset.CineRate, dataset.RecommendedDisplayFrameRate = 25, 25
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", frames.tobytes() + b"\0" * (frames.nbytes % 2))
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


def masked_by(**said):
    """A Mask Subtraction Sequence of one item."""
    item = Dataset()
    for keyword, value in said.items():
        setattr(item, keyword, value)
    return {"MaskSubtractionSequence": Sequence([item]), "RecommendedViewingMode": "SUB"}


def frames_of(series):
    """(frames, rows, columns) real-world values of all frames of a source or of a result."""
    volumes = series.volumes if hasattr(series, "volumes") else series.frames.volumes
    return np.concatenate([np.asarray(volume) for volume in volumes])
