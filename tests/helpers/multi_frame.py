"""Synthetic multi-frame images of CT, MR and PET, and what a scanner or a converter may do to them.

A plain one is valid by dciodvfy. Frames are told apart by where they stand: every stored value says which stack, volume
and slice it is of (:func:`stored_of`), so that a test needs no second reader to know what it should find.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from derive.model.geometry import triple
from tests.helpers.multi_frame_macros import ACTIVITY, OF_MODALITY, PIXEL_TRANSFORMATION, TOP, item
from tests.helpers.sources import AXIAL, ROOT

ENHANCED = {
    "CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "PT": "1.2.840.10008.5.1.4.1.1.130",
}
LEGACY = {
    "CT": "1.2.840.10008.5.1.4.1.1.2.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128.1",
}
FIRST_MM = (-10.5, 20.25, -30.0)
#: Where a private value of a frame stands that tells volumes apart, and whose it is.
CREATOR, PRIVATE_GROUP, PRIVATE_VALUE = "ACME MULTI FRAME", 0x0019, 0x01
_SHARED, _OWN = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
#: Where the value of a dimension stands: the sequence of its macro, and its keyword.
POINTERS = {
    "TemporalPositionIndex": "FrameContentSequence",
    "FrameAcquisitionDateTime": "FrameContentSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "DiffusionBValue": "MRDiffusionSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "TemporalPositionTimeOffset": "TemporalPositionSequence",
}


@dataclass(frozen=True)
class Spot:
    """Which frame it is: of which stack (by orientation), which volume, and which slice along the normal, from 0."""

    stack: int
    volume: int
    slice: int


@dataclass(frozen=True)
class Form:
    """How a multi-frame image is made.

    Parameters
    ----------
    slices, shape, spacing, step
        Of each volume: how many frames, rows and columns, Pixel Spacing, mm along the normal.
    along : dict keyword -> values
        Dimensions beside position: one volume for each combination of values, keys of ``POINTERS`` or ``private``.
    orientations : tuple of (row cosines, column cosines)
        One stack each, all in one Stack ID where `one_stack_id`.
    slope : callable (Spot) -> float, optional
        Rescale Slope of a frame, which stands in each frame then.
    shuffled : int, optional
        Seed of an order of frames that says nothing.
    permuted : bool
        Whether Dimension Index Values count in another order than the values.
    shared : bool
        Whether what all frames have in common stands in the Shared Functional Groups.
    private : bool
        Whether frames have a private functional group, and private attributes beside the macros.
    """

    modality: str = "CT"
    legacy: bool = False
    slices: int = 6
    shape: tuple[int, int] = (12, 14)
    spacing: tuple[float, float] = (1.25, 1.0)
    step: float = 2.0
    along: dict[str, tuple] = field(default_factory=dict)
    orientations: tuple = (AXIAL,)
    one_stack_id: bool = False
    slope: object = None
    shuffled: int | None = None
    permuted: bool = False
    shared: bool = True
    private: bool = False


def multi_frame(modality="CT", **form) -> Dataset:
    """Give one multi-frame image as a data set; see :class:`Form`. Its file would be valid as it is."""
    made = Form(modality=modality, **form)
    spots = _spots(made)
    dataset = TOP(made.modality, made.legacy)
    uids = LEGACY if made.legacy else ENHANCED
    dataset.SOPClassUID, dataset.SOPInstanceUID = uids[modality], f"{ROOT}.4.1"
    dataset.NumberOfFrames, (dataset.Rows, dataset.Columns) = len(spots), made.shape
    _dimensions(dataset, made)
    own = [_groups_of_frame(made, spot) for spot in spots]
    common = _common_groups(made)
    if made.shared:
        setattr(dataset, _SHARED, Sequence([common]))
    else:
        for groups in own:
            groups.update({e.tag: e for e in common if e.tag not in groups})
        setattr(dataset, _SHARED, Sequence([Dataset()]))
    setattr(dataset, _OWN, Sequence(own))
    dataset.PixelData = b"".join(stored_of(spot, made.shape).tobytes() for spot in spots)
    dataset["PixelData"].VR = "OW"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    return dataset


def spots_of(modality="CT", **form) -> list[Spot]:
    """Which frame is which, in the order in which they lie in the image of the same form."""
    return _spots(Form(modality=modality, **form))


def stored_of(spot: Spot, shape=(12, 14)) -> np.ndarray:
    """Stored values of a frame: noise of its own around a level of its own."""
    level = 100 + 4000 * spot.stack + 500 * spot.volume + 20 * spot.slice
    rng = np.random.default_rng(level)
    return (level + rng.integers(0, 15, shape)).astype("<u2")


def frames_items(dataset: Dataset) -> list[Dataset]:
    """Items of Per-Frame Functional Groups Sequence, to be changed."""
    return list(dataset.PerFrameFunctionalGroupsSequence)


def shared_item(dataset: Dataset) -> Dataset:
    """The one item of Shared Functional Groups Sequence, to be changed."""
    return dataset.SharedFunctionalGroupsSequence[0]


def only_frames(dataset: Dataset, kept, number=1) -> Dataset:
    """Give an image of the same series that holds some of the frames (from 0), in that order."""
    part = Dataset()
    part.update({e.tag: deepcopy(e) for e in dataset if e.keyword not in (_OWN, "PixelData")})
    length = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    items = frames_items(dataset)
    setattr(part, _OWN, Sequence([deepcopy(items[k]) for k in kept]))
    part.NumberOfFrames, part.InstanceNumber = len(items := list(kept)), number
    part.PixelData = b"".join(dataset.PixelData[k * length : (k + 1) * length] for k in items)
    part["PixelData"].VR = "OW"
    part.SOPInstanceUID = f"{ROOT}.4.{number}"
    part.file_meta = FileMetaDataset()
    part.file_meta.update(dataset.file_meta)
    part.file_meta.MediaStorageSOPInstanceUID = part.SOPInstanceUID
    return part


def concatenation(dataset: Dataset, *parts) -> list[Dataset]:
    """Split an image into a concatenation (C.7.6.16.2.2.4): one instance for each list of frames."""
    made, first, uid = [], 0, str(generate_uid(entropy_srcs=[dataset.SOPInstanceUID]))
    for number, kept in enumerate(parts, 1):
        part = only_frames(dataset, kept, number)
        part.InstanceNumber, part.ConcatenationUID = 1, uid
        part.SOPInstanceUIDOfConcatenationSource = f"{ROOT}.4.99"
        part.InConcatenationNumber, part.InConcatenationTotalNumber = number, len(parts)
        part.ConcatenationFrameOffsetNumber = first
        first += len(kept)
        made.append(part)
    return made


def legacy_converted(files, **changes) -> Dataset:
    """Convert classic images by highdicom (Supplement 157); `files` are paths or data sets of one series."""
    from highdicom import legacy

    datasets = [f if isinstance(f, Dataset) else pydicom.dcmread(f) for f in files]
    modality = {"CT": "CT", "MR": "MR", "PT": "PET"}[datasets[0].Modality]
    with warnings.catch_warnings(action="ignore"), _unlogged():
        made = getattr(legacy, f"LegacyConvertedEnhanced{modality}Image")(
            legacy_datasets=datasets,
            series_instance_uid=str(generate_uid(entropy_srcs=[datasets[0].SeriesInstanceUID, "legacy"])),
            series_number=99,
            sop_instance_uid=str(generate_uid(entropy_srcs=[datasets[0].SOPInstanceUID, "legacy"])),
            instance_number=1,
        )
    for keyword, value in changes.items():
        setattr(made, keyword, value)
    return made


@contextmanager
def _unlogged():
    """highdicom and pydicom log what they find odd in real data, once an image."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _spots(made: Form) -> list[Spot]:
    spots = [
        Spot(stack, volume, place)
        for stack in range(len(made.orientations))
        for volume in range(_volumes(made))
        for place in range(made.slices)
    ]
    if made.shuffled is not None:
        np.random.default_rng(made.shuffled).shuffle(spots)
    return spots


def _volumes(made: Form) -> int:
    return int(np.prod([len(values) for values in made.along.values()], initial=1))


def _values(made: Form, volume: int) -> dict[str, tuple[int, object]]:
    """Place and value of a volume along each dimension; the last one is the fastest."""
    found = {}
    for keyword, values in reversed(made.along.items()):
        volume, place = divmod(volume, len(values))
        found[keyword] = (place, values[place])
    return dict(reversed(found.items()))


def _dimensions(dataset: Dataset, made: Form) -> None:
    organization = f"{ROOT}.9"
    dataset.DimensionOrganizationSequence = Sequence([item(DimensionOrganizationUID=organization)])
    pointers = [("StackID", "FrameContentSequence"), ("InStackPositionNumber", "FrameContentSequence")]
    pointers += [(keyword, POINTERS[keyword]) for keyword in made.along if keyword != "private"]
    index = [
        item(DimensionOrganizationUID=organization, DimensionIndexPointer=Tag(k), FunctionalGroupPointer=Tag(group))
        for k, group in pointers
    ]
    if "private" in made.along:
        tag = Tag(PRIVATE_GROUP, 0x1000 | PRIVATE_VALUE)
        index.append(
            item(
                DimensionOrganizationUID=organization,
                DimensionIndexPointer=tag,
                DimensionIndexPrivateCreator=CREATOR,
                FunctionalGroupPointer=Tag(PRIVATE_GROUP, 0x1010),
                FunctionalGroupPrivateCreator=CREATOR,
            )
        )
    dataset.DimensionIndexSequence = Sequence(index)


def _groups_of_frame(made: Form, spot: Spot) -> Dataset:
    cosines, values = made.orientations[spot.stack], _values(made, spot.volume)
    normal = np.cross(*cosines)
    place = triple(np.round(np.array(FIRST_MM) + normal * made.step * spot.slice, 6))
    stack = 1 if made.one_stack_id else spot.stack + 1
    number = spot.slice + 1 + (made.slices * spot.stack if made.one_stack_id else 0)
    indices = [stack, number, *(_index(made, k, at) for k, (at, _) in values.items() if k != "private")]
    indices += [_index(made, "private", values["private"][0])] if "private" in values else []
    second = spot.slice + made.slices * spot.volume
    content = item(
        FrameAcquisitionDateTime=f"2026010210{second // 60 % 60:02d}{second % 60:02d}.000000",
        FrameReferenceDateTime=f"2026010210{second // 60 % 60:02d}{second % 60:02d}.500000",
        FrameAcquisitionDuration=500.0,
        FrameAcquisitionNumber=1,
        StackID=str(stack),
        InStackPositionNumber=number,
        DimensionIndexValues=indices,
        TemporalPositionIndex=1,
    )
    groups = item(
        FrameContentSequence=Sequence([content]),
        PlanePositionSequence=Sequence([item(ImagePositionPatient=list(place))]),
    )
    if len(made.orientations) > 1:
        groups.PlaneOrientationSequence = Sequence([item(ImageOrientationPatient=[*cosines[0], *cosines[1]])])
    if made.slope is not None:
        groups.PixelValueTransformationSequence = Sequence([PIXEL_TRANSFORMATION(made.modality, made.slope(spot))])
        if made.modality == "PT" and not made.legacy:
            groups.RealWorldValueMappingSequence = ACTIVITY(made.slope(spot))
    if made.legacy:
        of_one = item(ImageComments=f"slice {spot.slice}")
        groups.UnassignedPerFrameConvertedAttributesSequence = Sequence([of_one])
    for keyword, (_, value) in values.items():
        _put(groups, keyword, value)
    if made.private and "private" not in values:
        _put(groups, "private", spot.slice)
    return groups


def _index(made: Form, keyword: str, at: int) -> int:
    return len(made.along[keyword]) - at if made.permuted else at + 1


def _put(groups: Dataset, keyword: str, value) -> None:
    """Say the value of a dimension where its macro has it."""
    if keyword == "private":
        inner = Dataset()
        inner.private_block(PRIVATE_GROUP, CREATOR, create=True).add_new(PRIVATE_VALUE, "DS", str(value))
        groups.private_block(PRIVATE_GROUP, CREATOR, create=True).add_new(0x10, "SQ", Sequence([inner]))
        return
    sequence = POINTERS[keyword]
    if sequence not in groups:
        setattr(groups, sequence, Sequence([Dataset()]))
    inner = groups[sequence].value[0]
    if keyword == "DiffusionBValue":
        b_value, direction = value if isinstance(value, tuple) else (value, None)
        inner.DiffusionBValue = float(b_value)
        inner.DiffusionDirectionality = "NONE" if direction is None else "DIRECTIONAL"
        if direction is not None:
            gradient = item(DiffusionGradientOrientation=list(direction))
            inner.DiffusionGradientDirectionSequence = Sequence([gradient])
        return
    setattr(inner, keyword, value)


def _common_groups(made: Form) -> Dataset:
    groups = Dataset()
    spacing = item(PixelSpacing=list(made.spacing), SliceThickness=made.step, SpacingBetweenSlices=made.step)
    groups.PixelMeasuresSequence = Sequence([spacing])
    if len(made.orientations) == 1:
        row, column = made.orientations[0]
        groups.PlaneOrientationSequence = Sequence([item(ImageOrientationPatient=[*row, *column])])
    if made.slope is None:
        groups.PixelValueTransformationSequence = Sequence([PIXEL_TRANSFORMATION(made.modality, None)])
    groups.FrameVOILUTSequence = Sequence([item(WindowCenter=40, WindowWidth=400)])
    for keyword, value in OF_MODALITY(made.modality, made.legacy).items():
        own = made.slope is not None and keyword == "RealWorldValueMappingSequence"
        if not own and not any(POINTERS.get(k) == keyword for k in made.along):
            setattr(groups, keyword, value)
    return groups
