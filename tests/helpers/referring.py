"""A study in which objects refer to each other: images, presentation state, report, notes, structures, segments."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from derive.deidentification.check.values import is_registered
from tests.helpers.by_hand import CT, ROOT, code, image, item, named, presentation

REPORT, NOTES = "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.59"
STRUCTURES, SEGMENTS = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.66.4"
_IMAGES = [f"{ROOT}7.1", f"{ROOT}7.2"]
_FRAME_OF_REFERENCE, _SERIES, _STUDY = f"{ROOT}5", f"{ROOT}3.1", f"{ROOT}2"


def study() -> list[Dataset]:
    """Return all objects of it."""
    return [image(1), image(2), presentation(), report(), notes(), structures(), segments()]


def _reference(uid: str, sop_class: str = CT) -> Dataset:
    return item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid)


def _evidence() -> list[Dataset]:
    series = item(SeriesInstanceUID=_SERIES, ReferencedSOPSequence=[_reference(uid) for uid in _IMAGES])
    return [item(StudyInstanceUID=_STUDY, ReferencedSeriesSequence=[series])]


def _content(value_type: str, concept: Dataset, relation: str = "CONTAINS", **values: object) -> Dataset:
    return item(RelationshipType=relation, ValueType=value_type, ConceptNameCodeSequence=[concept], **values)


def _document(sop_class: str, instance: str, series: str, modality: str) -> Dataset:
    ds = named(sop_class, instance, series)
    ds.Modality, ds.InstanceNumber, ds.ValueType, ds.ContinuityOfContent = modality, 1, "CONTAINER", "SEPARATE"
    ds.ReferencedPerformedProcedureStepSequence, ds.PerformedProcedureCodeSequence = [], []
    ds.CurrentRequestedProcedureEvidenceSequence = _evidence()
    return ds


def report() -> Dataset:
    """A report with findings on both images."""
    ds = _document(REPORT, f"{ROOT}9.1", f"{ROOT}3.4", "SR")
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    images = [
        _content("IMAGE", code("121112", "DCM", "Source of Measurement"), ReferencedSOPSequence=[_reference(uid)])
        for uid in _IMAGES
    ]
    tracked = _content("UIDREF", code("112040", "DCM", "Tracking Unique Identifier"), UID=f"{ROOT}9.9")
    finding = _content("TEXT", code("121071", "DCM", "Finding"), TextValue="a nodule, says Quillfeather")
    person = _content("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName="Ombrelle^Odo")
    ds.ContentSequence = [*images, tracked, finding, person]
    return ds


def notes() -> Dataset:
    """Key images: the second one, and the report."""
    ds = _document(NOTES, f"{ROOT}9.2", f"{ROOT}3.5", "KO")
    ds.ConceptNameCodeSequence = [code("113000", "DCM", "Of Interest")]
    report_ = _reference(f"{ROOT}9.1", REPORT)
    series = item(SeriesInstanceUID=f"{ROOT}3.4", ReferencedSOPSequence=[report_])
    ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence.append(series)
    concept = code("113012", "DCM", "Key Object Description")
    shown = [
        item(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[_reference(_IMAGES[1])]),
        item(RelationshipType="CONTAINS", ValueType="COMPOSITE", ReferencedSOPSequence=[report_]),
    ]
    ds.ContentSequence = [*shown, _content("TEXT", concept, TextValue="look here")]
    return ds


def structures() -> Dataset:
    """Structures that were drawn on both images."""
    ds = named(STRUCTURES, f"{ROOT}9.3", f"{ROOT}3.6")
    ds.Modality, ds.InstanceNumber = "RTSTRUCT", 1
    ds.StructureSetLabel, ds.StructureSetDate, ds.StructureSetTime = "PLAN", "20200306", "101500"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = _FRAME_OF_REFERENCE, ""
    contoured = item(SeriesInstanceUID=_SERIES, ContourImageSequence=[_reference(uid) for uid in _IMAGES])
    in_study = item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=_STUDY,
        RTReferencedSeriesSequence=[contoured],
    )
    ds.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=_FRAME_OF_REFERENCE, RTReferencedStudySequence=[in_study])
    ]
    ds.StructureSetROISequence = [
        item(ROINumber=1, ReferencedFrameOfReferenceUID=_FRAME_OF_REFERENCE, ROIName="LIVER", ROIGenerationAlgorithm="")
    ]
    contour = item(
        ContourImageSequence=[_reference(_IMAGES[0])],
        ContourGeometricType="POINT",
        NumberOfContourPoints=1,
        ContourData=[0, 0, 1],
    )
    ds.ROIContourSequence = [item(ReferencedROINumber=1, ContourSequence=[contour])]
    ds.RTROIObservationsSequence = [
        item(ObservationNumber=1, ReferencedROINumber=1, RTROIInterpretedType="ORGAN", ROIInterpreter="")
    ]
    return ds


def segments() -> Dataset:
    """A segmentation of both images."""
    ds = named(SEGMENTS, f"{ROOT}9.4", f"{ROOT}3.7")
    ds.Modality, ds.InstanceNumber, ds.FrameOfReferenceUID = "SEG", 1, _FRAME_OF_REFERENCE
    ds.ImageType, ds.ContentLabel, ds.ContentCreatorName = ["DERIVED", "PRIMARY"], "LIVER", "Nightjar^Nell"
    ds.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=_SERIES, ReferencedInstanceSequence=[_reference(uid) for uid in _IMAGES])
    ]
    organization = f"{ROOT}9.8"
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organization)]
    ds.DimensionIndexSequence = [item(DimensionOrganizationUID=organization, DimensionIndexPointer=0x0062000B)]
    purpose = code("121322", "DCM", "Source image for image processing operation")
    source = _reference(_IMAGES[0])
    source.PurposeOfReferenceCodeSequence = [purpose]
    derivation = item(SourceImageSequence=[source], DerivationCodeSequence=[code("113076", "DCM", "Segmentation")])
    ds.PerFrameFunctionalGroupsSequence = [item(DerivationImageSequence=[derivation])]
    ds.SegmentSequence = [item(SegmentNumber=1, SegmentLabel="liver", TrackingUID=f"{ROOT}9.9", TrackingID="one")]
    ds.Rows = ds.Columns = 4
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.NumberOfFrames = 1, "MONOCHROME2", 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.SegmentationType, ds.PixelData = "FRACTIONAL", bytes(16)
    return ds


Place = tuple[object, ...]


def uids_in(dataset: Dataset, at: Place = ()) -> Iterator[tuple[Place, str]]:
    """Give every UID of an object that is nobody's but its own, with where it stands."""
    for element in dataset:
        here = (*at, element.keyword)
        if element.VR == "SQ":
            for number, inner in enumerate(element.value):
                yield from uids_in(inner, (*here, number))
        elif element.VR == "UI" and element.value and not is_registered(str(element.value)):
            yield here, str(element.value)
