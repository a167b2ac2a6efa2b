"""Changes of valid multi-frame images, each with the code of the finding that it makes."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from tests.helpers.instances import code, item
from tests.helpers.multi_frame import frames_items, shared_item

FrameChange = Callable[[Dataset], object]


def in_shared(sequence: str, **attributes: object) -> FrameChange:
    """Set attributes of a macro that is shared; None takes one out."""
    return lambda dataset: _set(shared_item(dataset)[sequence].value[0], attributes)


def in_frames(sequence: str, *numbers: int, **attributes: object) -> FrameChange:
    """Set attributes of a macro of some frames (from 1), or of all."""

    def change(dataset: Dataset) -> None:
        for number, one in enumerate(frames_items(dataset), 1):
            if not numbers or number in numbers:
                _set(one[sequence].value[0], attributes)

    return change


def _set(holder: Dataset, attributes: dict[str, object]) -> None:
    for keyword, value in attributes.items():
        if value is None:
            delattr(holder, keyword)
        else:
            setattr(holder, keyword, value)


def at_top(**attributes: object) -> FrameChange:
    return lambda dataset: _set(dataset, attributes)


def drop_shared(sequence: str) -> FrameChange:
    return lambda dataset: delattr(shared_item(dataset), sequence)


def drop_of(sequence: str, *numbers: int) -> FrameChange:
    """Take a macro out of some frames, or out of all."""

    def change(dataset: Dataset) -> None:
        for number, one in enumerate(frames_items(dataset), 1):
            if not numbers or number in numbers:
                delattr(one, sequence)

    return change


def to_frames(sequence: str, *, keep: bool = False) -> FrameChange:
    """Put a shared macro into every frame."""

    def change(dataset: Dataset) -> None:
        for one in frames_items(dataset):
            one[sequence] = deepcopy(shared_item(dataset)[sequence])
        if not keep:
            delattr(shared_item(dataset), sequence)

    return change


def to_shared(sequence: str) -> FrameChange:
    """Put the macro of the first frame where all frames share it."""

    def change(dataset: Dataset) -> None:
        shared_item(dataset)[sequence] = deepcopy(frames_items(dataset)[0][sequence])
        drop_of(sequence)(dataset)

    return change


def twice_in(sequence: str) -> FrameChange:
    """Give a shared macro a second item."""

    def change(dataset: Dataset) -> None:
        macro = shared_item(dataset)[sequence]
        macro.value = Sequence([*macro.value, deepcopy(macro.value[0])])

    return change


def both(*changes: FrameChange) -> FrameChange:
    return lambda dataset: [change(dataset) for change in changes]


def _one_item_less(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[-1]


def _shared_twice(dataset: Dataset) -> None:
    dataset.SharedFunctionalGroupsSequence.append(Dataset())


def derived(sequence: str) -> FrameChange:
    """Say that all frames were derived."""
    kind = ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    return both(at_top(ImageType=kind), in_shared(sequence, FrameType=kind))


def made_of(*uids: str, frame: int | None = None) -> FrameChange:
    """Say that all frames were made of some images, or of one frame of each."""

    def change(dataset: Dataset) -> None:
        sources = [_reference(uid) for uid in uids]
        for source in sources if frame is not None else ():
            source.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
            source.ReferencedFrameNumber = frame
        derivation = item(
            DerivationCodeSequence=Sequence([code("113085", "DCM", "Spatial resampling")]),
            SourceImageSequence=Sequence(sources),
        )
        shared_item(dataset).DerivationImageSequence = Sequence([derivation])

    return change


def _reference(uid: str) -> Dataset:
    purpose = code("121322", "DCM", "Source image for image processing operation")
    return item(
        ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        ReferencedSOPInstanceUID=uid,
        PurposeOfReferenceCodeSequence=Sequence([purpose]),
    )


def evidence(*uids: str) -> FrameChange:
    """List images as evidence of sources."""

    def change(dataset: Dataset) -> None:
        references = [item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=u) for u in uids]
        series = item(SeriesInstanceUID="1.2.4", ReferencedSOPSequence=Sequence(references))
        study = item(StudyInstanceUID="1.2.3", ReferencedSeriesSequence=Sequence([series]))
        dataset.SourceImageEvidenceSequence = Sequence([study])

    return change


def indices(number: int, *values: int) -> FrameChange:
    """Give a frame other indices."""
    return in_frames("FrameContentSequence", number, DimensionIndexValues=list(values))


def pointing(number: int, **attributes: object) -> FrameChange:
    return lambda dataset: _set(dataset.DimensionIndexSequence[number - 1], attributes)


def _apart(dataset: Dataset) -> None:
    """Move the last frame, and count it as the next one all the same."""
    position = frames_items(dataset)[-1].PlanePositionSequence[0]
    position.ImagePositionPatient = [float(v) for v in position.ImagePositionPatient[:2]] + [500.0]


def _no_velocity(dataset: Dataset) -> None:
    """Say that velocity was encoded, in no direction."""
    encoding = item(
        VelocityEncodingDirection=[0.0, 0.0, 0.0], VelocityEncodingMinimumValue=0.0, VelocityEncodingMaximumValue=1.0
    )
    shared_item(dataset).MRVelocityEncodingSequence = Sequence([encoding])


def _at_one_place(dataset: Dataset) -> None:
    for one in frames_items(dataset):
        one.PlanePositionSequence[0].ImagePositionPatient = [0.0, 0.0, 0.0]


ECHOES: dict[str, object] = {"modality": "MR", "along": {"EffectiveEchoTime": (10.0, 20.0)}}
PRIVATE: dict[str, object] = {"modality": "MR", "along": {"private": (1, 2)}, "private": True}
FILTERED = ["ORIGINAL", "PRIMARY", "VOLUME", "FILTERED"]
FILTER = both(at_top(ImageType=FILTERED), in_shared("MRImageFrameTypeSequence", FrameType=FILTERED))
SKEW = [1, 0, 0, 0.1, 1, 0]
PART = {
    "ConcatenationUID": "1.2.5",
    "SOPInstanceUIDOfConcatenationSource": "1.2.6",
    "ConcatenationFrameOffsetNumber": 0,
}
#: Code, what is made by :func:`tests.helpers.multi_frame.multi_frame`, and the change.
FRAME_CHANGES: list[tuple[str, dict[str, object], FrameChange]] = [
    ("CHK-GROUPS", {"modality": "CT"}, _one_item_less),
    ("CHK-GROUPS", {"modality": "MR"}, _shared_twice),
    ("CHK-GROUPS", {"modality": "CT"}, at_top(PerFrameFunctionalGroupsSequence=None)),
    ("CHK-GROUP-TWICE", {"modality": "CT"}, to_frames("PixelMeasuresSequence", keep=True)),
    ("CHK-GROUP-TWICE", {"modality": "PT", "legacy": True}, to_frames("FrameVOILUTSequence", keep=True)),
    ("CHK-GROUP-PLACE", {"modality": "CT"}, to_shared("FrameContentSequence")),
    ("CHK-GROUP-PLACE", {"modality": "CT", "legacy": True}, to_frames("UnassignedSharedConvertedAttributesSequence")),
    ("CHK-GROUP-ITEMS", {"modality": "MR"}, twice_in("MREchoSequence")),
    ("CHK-GROUP-PARTLY", {"modality": "CT"}, both(to_frames("FrameVOILUTSequence"), drop_of("FrameVOILUTSequence", 2))),
    ("CHK-GROUP-TOP", {"modality": "CT"}, at_top(PixelSpacing=[1.0, 1.0])),
    ("CHK-MACRO", {"modality": "CT"}, drop_shared("FrameAnatomySequence")),
    ("CHK-MACRO", {"modality": "PT"}, drop_of("FrameContentSequence", 3)),
    ("CHK-MACRO", {"modality": "MR"}, drop_shared("MREchoSequence")),
    ("CHK-DIM-UID", {"modality": "CT"}, pointing(1, DimensionOrganizationUID="1.2.3")),
    ("CHK-DIM-POINTER", {"modality": "CT"}, pointing(2, DimensionIndexPointer=Tag("DiffusionBValue"))),
    ("CHK-DIM-POINTER", {"modality": "MR"}, pointing(1, FunctionalGroupPointer=None)),
    ("CHK-DIM-POINTER", {"modality": "MR"}, pointing(1, FunctionalGroupPointer=Tag("MREchoSequence"))),
    ("CHK-DIM-POINTER", PRIVATE, pointing(3, DimensionIndexPrivateCreator=None)),
    ("CHK-DIM-COUNT", {"modality": "PT"}, indices(2, 1)),
    ("CHK-DIM-START", {"modality": "CT"}, indices(2, 0, 2)),
    ("CHK-DIM-VALUE", {"modality": "CT"}, indices(2, 1, 7)),
    ("CHK-DIM-DIFFERS", ECHOES, in_frames("MREchoSequence", 2, EffectiveEchoTime=17.0)),
    ("CHK-DIM-GAP", {"modality": "CT"}, indices(2, 3, 2)),
    ("CHK-DIM-TWICE", PRIVATE, indices(2, 1, 1, 1)),
    ("CHK-FRAMETYPE", {"modality": "CT"}, at_top(ImageType=["MIXED", "PRIMARY", "VOLUME", "NONE"])),
    ("CHK-FRAMETYPE", {"modality": "PT"}, in_shared("PETFrameTypeSequence", VolumetricProperties="SAMPLED")),
    (
        "CHK-FRAMETYPE-ORIGINAL",
        {"modality": "MR"},
        FILTER,
    ),
    ("CHK-IMAGETYPE", {"modality": "CT"}, at_top(ImageType=["ORIGINAL", "PRIMARY", "VOLUME"])),
    ("CHK-SOURCES", {"modality": "PT"}, derived("PETFrameTypeSequence")),
    ("CHK-EVIDENCE", {"modality": "PT"}, both(derived("PETFrameTypeSequence"), made_of("1.2.8"))),
    ("CHK-EVIDENCE", {"modality": "CT"}, evidence("1.2.8")),
    (
        "CHK-EVIDENCE-UNUSED",
        {"modality": "PT"},
        both(derived("PETFrameTypeSequence"), made_of("1.2.8"), evidence("1.2.8", "1.2.9")),
    ),
    ("CHK-ORIGINAL", {"modality": "CT"}, both(made_of("1.2.8"), evidence("1.2.8"))),
    (
        "CHK-REFERENCE-RANGE",
        {"modality": "PT"},
        both(derived("PETFrameTypeSequence"), made_of("1.2.8", frame=0), evidence("1.2.8")),
    ),
    ("CHK-CONCATENATION", {"modality": "CT"}, at_top(**PART, InConcatenationNumber=2, InConcatenationTotalNumber=3)),
    ("CHK-CONCATENATION", {"modality": "CT"}, at_top(**PART, InConcatenationNumber=1, InConcatenationTotalNumber=2)),
    (
        "CHK-IOP",
        {"modality": "CT"},
        in_shared("PlaneOrientationSequence", ImageOrientationPatient=SKEW),
    ),
    ("CHK-SPACING", {"modality": "PT"}, in_shared("PixelMeasuresSequence", PixelSpacing=[0, 1])),
    ("CHK-RESCALE", {"modality": "CT"}, in_shared("PixelValueTransformationSequence", RescaleSlope=0)),
    ("CHK-WINDOW", {"modality": "CT", "legacy": True}, in_shared("FrameVOILUTSequence", WindowWidth=0)),
    ("CHK-DIRECTION", {"modality": "MR"}, _no_velocity),
    (
        "CHK-MAPPING-RANGE",
        {"modality": "PT"},
        in_shared("RealWorldValueMappingSequence", RealWorldValueFirstValueMapped=0, RealWorldValueLastValueMapped=10),
    ),
    (
        "CHK-MAPPING-ENDS",
        {"modality": "PT"},
        in_shared("RealWorldValueMappingSequence", RealWorldValueSlope=0.0),
    ),
    ("CHK-RANGE", ECHOES, in_frames("MREchoSequence", EffectiveEchoTime=-1.0)),
    ("CHK-SERIES-GAP", {"modality": "CT"}, _apart),
    ("CHK-SERIES-SAME", {"modality": "CT"}, _at_one_place),
    ("CHK-SERIES-SPACING", {"modality": "PT"}, in_shared("PixelMeasuresSequence", SpacingBetweenSlices=7.0)),
    ("CHK-TYPE1", {"modality": "CT"}, in_frames("FrameContentSequence", 2, StackID="")),
    ("CHK-CONDITION", {"modality": "MR"}, in_shared("MREchoSequence", EffectiveEchoTime=None)),
    ("CHK-ENUM", {"modality": "MR"}, in_shared("MRModifierSequence", PartialFourier="MAYBE")),
    ("CHK-TERM", {"modality": "CT"}, in_shared("CTAcquisitionTypeSequence", AcquisitionType="STEPPED")),
]
#: What a change cannot but make as well.
ALSO_FRAME = {
    "CHK-GROUPS": {"CHK-DIM-POINTER"},
    "CHK-GROUP-PLACE": {"CHK-MACRO", "CHK-DIM-TWICE", "CHK-SERIES-SAME"},
    "CHK-GROUP-TOP": {"CHK-EXTENDED"},
    "CHK-MACRO": {"CHK-DIM-GAP", "CHK-SERIES-GAP"},
    "CHK-TERM": {"CHK-UNWANTED"},
    "CHK-ENUM": {"CHK-CONDITION"},
    "CHK-DIM-COUNT": {"CHK-DIM-GAP"},
    "CHK-DIM-START": {"CHK-SERIES-GAP"},
    "CHK-DIM-VALUE": {"CHK-DIM-GAP"},
    "CHK-DIM-GAP": {"CHK-SERIES-GAP"},
    "CHK-DIM-TWICE": {"CHK-DIM-VALUE"},
}
