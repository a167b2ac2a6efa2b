"""Changes of valid multi-frame images, each with the code of the finding that it makes."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.helpers.multi_frame import frames_items, shared_item

FrameChange = Callable[[Dataset], object]


def in_shared(sequence: str, **attributes: object) -> FrameChange:
    """Set attributes of a macro that is shared; None takes one out."""
    return lambda dataset: _set(shared_item(dataset)[sequence].value[0], attributes)


def in_frames(sequence: str, *numbers: int, **attributes: object) -> FrameChange:
    """Set attributes of a macro of some frames (from 1), or of all."""

    def change(dataset: Dataset) -> None:
        for number, item in enumerate(frames_items(dataset), 1):
            if not numbers or number in numbers:
                _set(item[sequence].value[0], attributes)

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
        for number, item in enumerate(frames_items(dataset), 1):
            if not numbers or number in numbers:
                delattr(item, sequence)

    return change


def to_frames(sequence: str, *, keep: bool = False) -> FrameChange:
    """Put a shared macro into every frame."""

    def change(dataset: Dataset) -> None:
        for item in frames_items(dataset):
            item[sequence] = deepcopy(shared_item(dataset)[sequence])
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


#: Code, what is made by :func:`tests.helpers.multi_frame.multi_frame`, and the change.
FRAME_CHANGES: list[tuple[str, dict[str, object], FrameChange]] = [
    ("CHK-GROUPS", {"modality": "CT"}, _one_item_less),
    ("CHK-GROUPS", {"modality": "MR"}, _shared_twice),
    ("CHK-GROUP-TWICE", {"modality": "CT"}, to_frames("PixelMeasuresSequence", keep=True)),
    ("CHK-GROUP-TWICE", {"modality": "PT", "legacy": True}, to_frames("FrameVOILUTSequence", keep=True)),
    ("CHK-GROUP-PLACE", {"modality": "CT"}, to_shared("FrameContentSequence")),
    ("CHK-GROUP-PLACE", {"modality": "CT", "legacy": True}, to_frames("UnassignedSharedConvertedAttributesSequence")),
    ("CHK-GROUP-ITEMS", {"modality": "MR"}, twice_in("MREchoSequence")),
    ("CHK-GROUP-PARTLY", {"modality": "CT"}, both(to_frames("FrameVOILUTSequence"), drop_of("FrameVOILUTSequence", 2))),
    ("CHK-GROUP-TOP", {"modality": "CT"}, at_top(PixelSpacing=[1.0, 1.0])),
    # ("CHK-MACRO", {"modality": "CT"}, drop_shared("FrameAnatomySequence")),
    # ("CHK-MACRO", {"modality": "PT"}, drop_of("FrameContentSequence", 3)),
    # ("CHK-MACRO", {"modality": "MR"}, drop_shared("MREchoSequence")),
    ("CHK-TYPE1", {"modality": "CT"}, in_frames("FrameContentSequence", 2, StackID="")),
    ("CHK-CONDITION", {"modality": "MR"}, in_shared("MREchoSequence", EffectiveEchoTime=None)),
    ("CHK-ENUM", {"modality": "MR"}, in_shared("MRModifierSequence", PartialFourier="MAYBE")),
    ("CHK-TERM", {"modality": "CT"}, in_shared("CTAcquisitionTypeSequence", AcquisitionType="STEPPED")),
]
#: What a change cannot but make as well.
ALSO_FRAME = {
    "CHK-GROUP-PLACE": {"CHK-MACRO"},
    "CHK-GROUP-TOP": {"CHK-EXTENDED"},
    "CHK-TERM": {"CHK-UNWANTED"},
    "CHK-ENUM": {"CHK-CONDITION"},
}
