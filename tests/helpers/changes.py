"""Changes of valid series, each with the code of the one finding that it makes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

from tests.helpers.instances import code, item, raw, uid

Series = list[Dataset]
Change = Callable[[Series], object]


def set_all(**attributes: object) -> Change:
    def change(datasets: Series) -> None:
        for dataset in datasets:
            for keyword, value in attributes.items():
                setattr(dataset, keyword, value)

    return change


def set_one(index: int, **attributes: object) -> Change:
    return lambda datasets: set_all(**attributes)(datasets[index : index + 1])


def drop(*keywords: str) -> Change:
    def change(datasets: Series) -> None:
        for dataset in datasets:
            for keyword in keywords:
                delattr(dataset, keyword)

    return change


def put(keyword: str, vr: str, value: bytes) -> Change:
    return lambda datasets: [raw(d, keyword, vr, value) for d in datasets]


def on_source(**attributes: object) -> Change:
    def change(datasets: Series) -> None:
        for dataset in datasets:
            for keyword, value in attributes.items():
                setattr(dataset.SourceImageSequence[0], keyword, value)

    return change


def on_items(keyword: str, items: Callable[[], list[Dataset]]) -> Change:
    return lambda datasets: [setattr(d, keyword, Items(items())) for d in datasets]


def both(*changes: Change) -> Change:
    return lambda datasets: [change(datasets) for change in changes]


PLANE = (
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "SliceLocation",
)


def original(datasets: Series) -> None:
    for dataset in datasets:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        del dataset.DerivationCodeSequence


def own_source(datasets: Series) -> None:
    for dataset in datasets:
        dataset.SourceImageSequence[0].ReferencedSOPInstanceUID = dataset.SOPInstanceUID
        named = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
        named.ReferencedSOPInstanceUID = dataset.SOPInstanceUID


def twelve_bits(datasets: Series) -> None:
    for dataset in datasets:
        dataset.BitsStored, dataset.HighBit = 12, 11
        values = np.frombuffer(dataset.PixelData, "<i2").copy()
        values[5] |= 0x5000
        dataset.PixelData = values.tobytes()
        del dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue
        del dataset.PixelPaddingValue


def unsigned_padding(datasets: Series) -> None:
    for dataset in datasets:
        dataset.add_new("PixelPaddingValue", "US", 100)


def wide_padding(datasets: Series) -> None:
    for dataset in datasets:
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.add_new("PixelPaddingValue", "SS", -3000)


def padding_limit(datasets: Series) -> None:
    for dataset in datasets:
        dataset.add_new("PixelPaddingRangeLimit", "SS", -2500)


def sheared(datasets: Series) -> None:
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [-10, -20 + index, 100 + 2.5 * index]


def no_meta(datasets: Series) -> None:
    for dataset in datasets:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.SourceApplicationEntityTitle = "A TITLE OF MORE THAN 16"[:16]
        dataset.file_meta[0x00020016]._value = "A TITLE OF MORE THAN 16"


EXTENSION = {
    "MappingResource": "DCMR",
    "ContextGroupVersion": "20200920",
    "ContextGroupLocalVersion": "20260102",
    "ContextGroupExtensionFlag": "Y",
    "ContextIdentifier": "7203",
    "ContextGroupExtensionCreatorUID": "1.2.3.4",
}
INCOMPLETE = {k: v for k, v in EXTENSION.items() if k not in ("ContextIdentifier", "ContextGroupVersion")}

LOSSY = {"LossyImageCompression": "01", "LossyImageCompressionMethod": "ISO_10918_1"}

CHANGES: list[tuple[str, str, Change]] = [
    ("CHK-META", "CT", no_meta),
    ("CHK-CLASS", "CT", set_all(SOPClassUID="1.2.840.10008.5.1.4.1.1.66")),
    ("CHK-MODULE", "CT", set_all(MultienergyCTAcquisition="YES")),
    ("CHK-TYPE1", "CT", drop("RescaleSlope")),
    ("CHK-TYPE1", "CT", put("FrameOfReferenceUID", "UI", b"")),
    ("CHK-TYPE1", "CT", put("RescaleType", "LO", b"")),
    ("CHK-TYPE1", "CT", on_source(ReferencedSOPClassUID="")),
    ("CHK-TYPE2", "CT", drop("KVP")),
    ("CHK-CONDITION", "CT", drop("PatientPosition")),
    ("CHK-CONDITION", "MR", drop("RepetitionTime")),
    ("CHK-CONDITION", "PT", drop("DecayFactor")),
    ("CHK-CONDITION", "PT", set_all(SeriesType=["STATIC", "REPROJECTION"])),
    ("CHK-CONDITION", "SC", drop("PatientOrientation", *PLANE)),
    ("CHK-CONDITION", "CT", on_items("AnatomicRegionSequence", lambda: [item(CodeMeaning="Head")])),
    ("CHK-UNWANTED", "MR", set_all(InversionTime=100)),
    ("CHK-UNWANTED", "PT", set_all(PatientPosition="HFS")),
    ("CHK-POSITION", "PT", set_all(PatientPosition="HFS", PatientOrientationCodeSequence=[])),
    ("CHK-IOP-ROUNDED", "CT", set_all(ImageOrientationPatient=[0.9999, 0, 0, 0, 1, 0])),
    ("CHK-VR", "CT", put("KVP", "FD", b"\0" * 8)),
    ("CHK-VM", "CT", put("PatientPosition", "CS", b"HFS\\HFP ")),
    ("CHK-VM", "CT", put("PixelSpacing", "DS", b"0.5 ")),
    ("CHK-SYNTAX", "CT", put("KVP", "DS", b"120 kV")),
    ("CHK-SYNTAX", "CT", put("SliceThickness", "DS", b"2.5000000000000001")),
    ("CHK-SYNTAX", "CT", put("StudyID", "SH", b"longer than sixteen ")),
    ("CHK-SYNTAX", "CT", put("ContentDate", "DA", b"20260230")),
    ("CHK-SYNTAX", "CT", put("ProtocolName", "LO", b"line\nfeed ")),
    ("CHK-ENUM", "CT", set_all(ImageType=["DERIVED", "TERTIARY", "AXIAL"])),
    ("CHK-ENUM", "PT", set_all(ImageType=["DERIVED", "SECONDARY"])),
    ("CHK-ENUM", "MR", set_all(ScanningSequence="XX")),
    ("CHK-ENUM", "CT", set_all(PatientSex="X")),
    ("CHK-CHARSET", "CT", put("ProtocolName", "LO", b"Gr\xf6\xdfe ")),
    ("CHK-CHARSET", "CT", drop("SpecificCharacterSet")),
    ("CHK-SEQUENCE", "CT", put("RequestAttributesSequence", "SQ", b"\x08\0\x16\0UI\x04\x00garbage!")),
    ("CHK-EXTENDED", "CT", set_all(EchoTime=20)),
    ("CHK-IMAGETYPE", "CT", set_all(ImageType=["DERIVED", "SECONDARY"])),
    ("CHK-IMAGETYPE", "MR", set_all(ImageType=["DERIVED", "SECONDARY", ""])),
    ("CHK-IMAGETYPE-TERM", "MR", set_all(ImageType=["DERIVED", "SECONDARY", "NEW MAP"])),
    ("CHK-MAPPING", "CT", set_all(MultienergyCTAcquisition="YES", ImageType=["DERIVED", "SECONDARY", "AXIAL", "VMI"])),
    ("CHK-HIGHBIT", "CT", set_all(HighBit=14)),
    ("CHK-BITS", "SC", both(set_all(BitsStored=17, HighBit=16), drop("LargestImagePixelValue"))),
    ("CHK-PIXEL-VR", "CT", lambda s: [raw(d, "PixelData", "OB", d.PixelData) for d in s]),
    ("CHK-PIXEL-LENGTH", "CT", lambda s: [raw(d, "PixelData", "OW", d.PixelData + b"\0\0") for d in s]),
    ("CHK-PIXEL-LENGTH", "CT", lambda s: [raw(d, "PixelData", "OW", d.PixelData[:-2]) for d in s]),
    ("CHK-PIXEL-BITS", "CT", twelve_bits),
    ("CHK-FRAMES", "SC", lambda s: [_two_frames(d) for d in s]),
    ("CHK-POINTER", "SC", lambda s: [_points_nowhere(d) for d in s]),
    ("CHK-MINMAX", "CT", set_all(SmallestImagePixelValue=-2000)),
    ("CHK-MINMAX", "CT", set_all(LargestImagePixelValue=231)),
    ("CHK-SIGN-VR", "CT", unsigned_padding),
    ("CHK-PADDING", "CT", wide_padding),
    ("CHK-PADDING-LIMIT", "CT", padding_limit),
    ("CHK-LOSSY", "CT", set_all(LossyImageCompression="01")),
    ("CHK-RESCALE", "CT", set_all(RescaleSlope=0)),
    ("CHK-RESCALE-PET", "PT", set_all(RescaleIntercept=-3)),
    ("CHK-RESCALE-MR", "MR", set_all(RescaleSlope=2, RescaleIntercept=0, RescaleType="US")),
    ("CHK-WINDOW", "CT", set_all(WindowWidth=0.5)),
    ("CHK-WINDOW", "CT", set_all(WindowWidth=0, VOILUTFunction="SIGMOID")),
    ("CHK-WINDOW", "CT", set_all(WindowWidth=[400, 80])),
    ("CHK-IOP", "CT", set_all(ImageOrientationPatient=[1, 0, 0, 0, 1.01, 0])),
    ("CHK-IOP", "CT", set_all(ImageOrientationPatient=[1, 0, 0, 0.1, 0.995, 0])),
    ("CHK-SPACING", "CT", set_all(PixelSpacing=[0.5, 0])),
    ("CHK-SPACING", "SC", both(set_all(SpacingBetweenSlices=-2.5), lambda s: s.__delitem__(slice(1, None)))),
    ("CHK-THICKNESS", "CT", set_all(SliceThickness=0)),
    ("CHK-FOV", "CT", set_all(ReconstructionDiameter=250)),
    ("CHK-TILT", "CT", set_all(GantryDetectorTilt=15)),
    ("CHK-DERIVATION", "CT", drop("DerivationCodeSequence")),
    ("CHK-SOURCES", "CT", drop("SourceImageSequence")),
    ("CHK-EMPTY", "CT", on_items("SourceImageSequence", list)),
    ("CHK-SOURCES-ITEM", "CT", on_source(SpatialLocationsPreserved="MAYBE")),
    ("CHK-SOURCES-ITEM", "CT", lambda s: [_second_purpose(d) for d in s]),
    ("CHK-ORIGINAL", "CT", original),
    ("CHK-SELF", "CT", own_source),
    ("CHK-COMMONREF", "CT", on_source(ReferencedSOPInstanceUID="1.2.3")),
    ("CHK-COMMONREF-NONE", "CT", drop("ReferencedSeriesSequence")),
    ("CHK-CODE-LEFT", "CT", on_items("DerivationCodeSequence", lambda: [code("113063", "DCM", "T1")])),
    ("CHK-CODE-GROUP", "CT", on_items("DerivationCodeSequence", lambda: [code("1", "99X", "mine")])),
    ("CHK-CODE-EXTENSION", "CT", on_items("DerivationCodeSequence", lambda: [code("1", "99X", "mine", **INCOMPLETE)])),
    ("CHK-CODE-MEANING", "CT", on_items("DerivationCodeSequence", lambda: [code("113088", "DCM", "blurred")])),
    ("CHK-CODE-GROUP", "CT", lambda s: [_other_purpose(d.SourceImageSequence[0]) for d in s]),
    ("CHK-CODE-GROUP", "CT", lambda s: [_other_purpose(d.ContributingEquipmentSequence[0]) for d in s]),
    ("CHK-UID-TWICE", "CT", lambda s: setattr(s[1], "SOPInstanceUID", s[0].SOPInstanceUID)),
    ("CHK-UID-SHARED", "CT", set_all(SeriesInstanceUID=uid("study"))),
    ("CHK-UID-KEPT", "CT", set_all(StudyInstanceUID="1.113654.3.12")),
    ("CHK-UID-IDENTITY", "CT", set_all(FrameOfReferenceUID=uid("study"))),
    ("CHK-ENTITY", "CT", set_one(2, PatientID="P2")),
    ("CHK-ENTITY", "CT", set_one(2, FrameOfReferenceUID=uid("other"))),
    ("CHK-ENTITY", "CT", set_one(2, SeriesNumber=8)),
    ("CHK-ENTITY-DIFFERS", "CT", set_one(2, Manufacturer="other")),
    ("CHK-NUMBER", "CT", set_one(2, InstanceNumber=1)),
    ("CHK-SERIES-CLASS", "SC", set_one(3, SOPClassUID="1.2.840.10008.5.1.4.1.1.66")),
    ("CHK-SERIES-TYPE", "CT", set_one(2, ImageType=["DERIVED", "PRIMARY", "AXIAL"])),
    ("CHK-SERIES-UNITS", "CT", set_one(2, RescaleType="US")),
    ("CHK-SERIES-MATRIX", "CT", set_one(2, Rows=2, Columns=12)),
    ("CHK-SERIES-PLANE", "CT", set_one(2, PixelSpacing=[0.6, 0.5])),
    ("CHK-SERIES-PLANE", "CT", set_one(2, ImageOrientationPatient=[0, 1, 0, -1, 0, 0])),
    ("CHK-SERIES-SAME", "CT", set_one(2, ImagePositionPatient=[-10, -20, 100])),
    ("CHK-SERIES-GAP", "CT", lambda s: s.pop(1)),
    ("CHK-SERIES-SHEAR", "CT", sheared),
    ("CHK-SERIES-SPACING", "CT", set_all(SpacingBetweenSlices=2)),
    ("CHK-SERIES-LOCATION", "CT", set_one(1, SliceLocation=20)),
    ("CHK-EMPTY", "CT", both(on_items("DerivationCodeSequence", list), set_all(DerivationDescription="blurred"))),
    ("CHK-EMPTY-INSIDE", "CT", on_source(PurposeOfReferenceCodeSequence=[])),
    ("CHK-EMPTY-ITEM", "CT", on_items("RequestAttributesSequence", lambda: [item()])),
    ("CHK-BANNED", "CT", set_all(Laterality="L")),
    ("CHK-BANNED", "CT", set_all(PixelAspectRatio=[1, 2])),
    ("CHK-TERM", "PT", set_all(CorrectedImage=["DECY", "MINE"])),
    ("CHK-PRIVATE", "CT", lambda s: [d.add_new(0x00091001, "LO", "mine") for d in s]),
    ("CHK-OVERLAY", "CT", lambda s: [d.add_new(0x60000010, "US", 4) for d in s]),
    ("CHK-SAMPLES", "SC", set_all(PhotometricInterpretation="RGB")),
    ("CHK-LUT-SHAPE", "CT", set_all(PresentationLUTShape="INVERSE")),
    ("CHK-ORIENTATION", "SC", set_all(PatientOrientation=["L", "X"])),
    ("CHK-ORIENTATION", "SC", set_all(PatientOrientation=["L", "AP"])),
    ("CHK-MODALITY", "CT", set_all(Modality="MR")),
    ("CHK-TIMEZONE", "CT", set_all(TimezoneOffsetFromUTC="+2500")),
    ("CHK-TEMPORAL", "MR", set_all(TemporalPositionIdentifier=4, NumberOfTemporalPositions=3)),
    ("CHK-DATES", "CT", set_all(PatientBirthDate="20260103", StudyDate="20260102")),
    ("CHK-DATES", "CT", set_all(AcquisitionDateTime="20260102101112", ContentDate="20260102", ContentTime="101111")),
    ("CHK-RANGE", "MR", set_all(EchoTime=-1)),
    ("CHK-RANGE", "PT", set_all(DecayFactor=0.9)),
    ("CHK-RANGE", "PT", lambda s: [_half_life(d, 0) for d in s]),
    ("CHK-MAPPING-ENDS", "CT", on_items("RealWorldValueMappingSequence", lambda: [_mapping(300, -10)])),
    ("CHK-MAPPING-RANGE", "CT", on_items("RealWorldValueMappingSequence", lambda: [_mapping(0, 300)])),
    ("CHK-LOSSY-NONE", "CT", set_all(LossyImageCompression="00", LossyImageCompressionRatio=10)),
    ("CHK-LOSSY-STEPS", "CT", set_all(LossyImageCompressionRatio=[10, 20], **LOSSY)),
    ("CHK-LOSSY-SERIES", "CT", set_one(2, LossyImageCompressionRatio=10, **LOSSY)),
    (
        "CHK-CHARSET-SERIES",
        "CT",
        set_one(2, SpecificCharacterSet=["", "ISO 2022 IR 100"], PatientName="Phantom^Groesse"),
    ),
    ("CHK-PADDING-SERIES", "CT", lambda s: s[2].add_new("PixelPaddingValue", "SS", -2001)),
    ("CHK-REFERENCE-CLASS", "CT", on_source(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")),
    ("CHK-REFERENCE-FRAME", "CT", on_source(ReferencedFrameNumber=1)),
    ("CHK-REFERENCE-TWICE", "CT", lambda s: [d.SourceImageSequence.append(d.SourceImageSequence[0]) for d in s]),
    ("CHK-PET-SLICES", "PT", set_all(NumberOfSlices=5)),
    ("CHK-PET-INDEX", "PT", set_one(2, ImageIndex=1)),
]
#: Findings that come with the one looked for, because the change cannot be made without them.
ALSO = {
    "CHK-SEQUENCE": {"CHK-EMPTY-ITEM"},
    "CHK-CHARSET-SERIES": {"CHK-ENTITY"},
    "CHK-FRAMES": {"CHK-EXTENDED"},
    "CHK-POINTER": {"CHK-EXTENDED"},
    "CHK-SERIES-CLASS": {"CHK-CLASS"},
    "CHK-MODULE": {"CHK-IMAGETYPE", "CHK-MAPPING"},
    "CHK-MAPPING": {"CHK-MODULE"},
}


def _half_life(dataset: Dataset, seconds: float) -> None:
    dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife = seconds


def _mapping(first: int, last: int) -> Dataset:
    mapping = item(
        RealWorldValueSlope=1.0,
        RealWorldValueIntercept=0.0,
        LUTLabel="HU",
        LUTExplanation="attenuation",
        MeasurementUnitsCodeSequence=Items([code("[hnsf'U]", "UCUM", "Hounsfield unit")]),
    )
    mapping.add_new("RealWorldValueFirstValueMapped", "SS", first)
    mapping.add_new("RealWorldValueLastValueMapped", "SS", last)
    return mapping


def _two_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData * 2


def _points_nowhere(dataset: Dataset) -> None:
    dataset.FrameIncrementPointer = 0x00181063  # Frame Time, which is not there


def _second_purpose(dataset: Dataset) -> None:
    purposes = dataset.SourceImageSequence[0].PurposeOfReferenceCodeSequence
    purposes.append(code("121321", "DCM", "Mask image for image processing operation"))


def _other_purpose(holder: Dataset) -> None:
    holder.PurposeOfReferenceCodeSequence = Items([code("113088", "DCM", "Gaussian blur")])
