"""Valid derived series of each class, made by hand, and the ways to spoil them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
}
ROWS, COLUMNS, SPACING_MM, STEP_MM = 4, 6, 0.5, 2.5


def uid(*names: object) -> str:
    """The same UID for the same names."""
    return str(generate_uid(entropy_srcs=[str(n) for n in names]))


def item(**attributes: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str, meaning: str, **more: Any) -> Dataset:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning, **more)


def series(modality: str, count: int = 4) -> list[Dataset]:
    """A derived series that has everything its class asks for, in spatial order."""
    return [_instance(modality, index, count) for index in range(count)]


def _instance(modality: str, index: int, count: int) -> Dataset:
    dataset = item(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=CLASSES[modality],
        SOPInstanceUID=uid("new", modality, index),
        StudyInstanceUID=uid("study"),
        SeriesInstanceUID=uid("new series", modality),
        FrameOfReferenceUID=uid("frame"),
        Modality="OT" if modality == "SC" else modality,
        PatientName="Phantom^Größe",
        PatientID="P1",
        SeriesNumber=7,
        InstanceNumber=index + 1,
        BodyPartExamined="HEAD",
        Manufacturer="maker",
        **dict.fromkeys(("PatientBirthDate", "StudyDate", "StudyTime", "ReferringPhysicianName"), ""),
        **dict.fromkeys(("StudyID", "AccessionNumber", "PositionReferenceIndicator"), ""),
        PatientSex="O",
    )
    for part in (_derivation(index), _plane(index), _pixels(index), _OF_CLASS[modality](index, count)):
        dataset.update(part)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _derivation(index: int) -> Dataset:
    purpose = code("121322", "DCM", "Source image for image processing operation")
    source = item(ReferencedSOPClassUID=CLASSES["CT"], ReferencedSOPInstanceUID=uid("old", index))
    named = item(SeriesInstanceUID=uid("old series"), ReferencedInstanceSequence=Items([source]))
    acquired = item(
        Manufacturer="scanner",
        PurposeOfReferenceCodeSequence=Items([code("109101", "DCM", "Acquisition Equipment")]),
    )
    full = item(**{e.keyword: e.value for e in source}, SpatialLocationsPreserved="YES")
    full.PurposeOfReferenceCodeSequence = Items([purpose])
    return item(
        DerivationCodeSequence=Items([code("113088", "DCM", "Gaussian blur")]),
        SourceImageSequence=Items([full]),
        ReferencedSeriesSequence=Items([named]),
        ContributingEquipmentSequence=Items([acquired]),
    )


def _plane(index: int) -> Dataset:
    return item(
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[-10, -20, 100 + STEP_MM * index],
        PixelSpacing=[SPACING_MM, SPACING_MM],
        SliceThickness=STEP_MM,
        SpacingBetweenSlices=STEP_MM,
        SliceLocation=STEP_MM * index,
    )


def stored(index: int) -> np.ndarray:
    """Stored values from -index - 1 to some hundred, none of them -2000."""
    values = np.arange(ROWS * COLUMNS, dtype="<i2").reshape(ROWS, COLUMNS) * 10
    values[0, 0] = -index - 1
    return values


def _pixels(index: int) -> Dataset:
    dataset = item(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=ROWS,
        Columns=COLUMNS,
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=1,
        WindowCenter=40,
        WindowWidth=400,
    )
    dataset.add_new("PixelData", "OW", stored(index).tobytes())
    dataset.add_new("SmallestImagePixelValue", "SS", int(stored(index).min()))
    dataset.add_new("LargestImagePixelValue", "SS", int(stored(index).max()))
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    return dataset


def _ct(index: int, count: int) -> Dataset:
    return item(
        ImageType=["DERIVED", "SECONDARY", "AXIAL"],
        PatientPosition="HFS",
        KVP=None,
        AcquisitionNumber=None,
        RescaleSlope=1,
        RescaleIntercept=0,
        RescaleType="HU",
    )


def _mr(index: int, count: int) -> Dataset:
    return item(
        ImageType=["DERIVED", "SECONDARY", "OTHER"],
        PatientPosition="HFS",
        ScanningSequence="SE",
        SequenceVariant="NONE",
        ScanOptions="",
        MRAcquisitionType="2D",
        RepetitionTime=500,
        EchoTime=20,
        EchoTrainLength=1,
    )


def _pet(index: int, count: int) -> Dataset:
    return item(
        ImageType=["DERIVED", "PRIMARY"],
        SeriesDate="20260102",
        SeriesTime="101112",
        AcquisitionDate="20260102",
        AcquisitionTime="101112",
        Units="BQML",
        CountsSource="EMISSION",
        SeriesType=["STATIC", "IMAGE"],
        NumberOfSlices=count,
        ImageIndex=index + 1,
        DecayCorrection="START",
        DecayFactor=1,
        CollimatorType="NONE",
        CorrectedImage=["DECY", "ATTN"],
        FrameReferenceTime=0,
        ActualFrameDuration=60000,
        RescaleSlope=1.5,
        RescaleIntercept=0,
        RadiopharmaceuticalInformationSequence=Items([item(RadionuclideCodeSequence=Items([_FLUORINE]))]),
        PatientOrientationCodeSequence=Items([code("102538003", "SCT", "recumbent")]),
        PatientGantryRelationshipCodeSequence=Items([code("102540008", "SCT", "headfirst")]),
    )


def _sc(index: int, count: int) -> Dataset:
    return item(
        ImageType=["DERIVED", "SECONDARY"],
        ConversionType="WSD",
        PatientOrientation=["L", "P"],
    )


_FLUORINE = code("77004003", "SCT", "^18^Fluorine")
_OF_CLASS = {"CT": _ct, "MR": _mr, "PT": _pet, "SC": _sc}


def raw(dataset: Dataset, keyword: str, vr: str, value: bytes) -> None:
    """Put bytes in the place of a value, whatever they are."""
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)


def write(folder: Path, datasets: Sequence[Dataset], syntax: UID = ExplicitVRLittleEndian) -> Path:
    """Write a series as files 1.dcm, 2.dcm, ...; in the default syntax bytes that were put in stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, dataset in enumerate(datasets, 1):
        dataset.file_meta.TransferSyntaxUID = syntax
        charset = dataset.get("SpecificCharacterSet")
        if syntax == ExplicitVRLittleEndian:
            dataset.set_original_encoding(False, True, convert_encodings(charset) if charset else default_encoding)
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder
