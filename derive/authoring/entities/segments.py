"""What a segmentation says of its segments, and each of its frames of the one that it is of (PS3.3 C.8.20)."""

from __future__ import annotations

from typing import Any

from codes import Code
from derive.authoring.entities.functional_groups import item_of
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.entities.values import coded
from derive.authoring.order import Authoring, Frame
from derive.model.segmented import Segmented
from derive.model.segments import MAXIMUM, FoundBy, Segment, SegmentationType
from derive.pixels.palettes import to_cielab

_MODULE = "segmentation-image"
#: What LO holds (PS3.5 6.2).
_LONGEST = 64
_BACKGROUND = Code("125040", "DCM", "Background", "Background")


def _segmented(authoring: Authoring) -> Segmented:
    frames = authoring.frames
    assert isinstance(frames, Segmented), "no other frames become a segmentation"
    return frames


@per_series("ImageType", module=_MODULE)
def image_type(authoring: Authoring) -> list[str]:
    """Return DERIVED and PRIMARY: there are no others."""
    return ["DERIVED", "PRIMARY"]


@per_series("ContentLabel", module=_MODULE)
def content_label(authoring: Authoring) -> str:
    """Return what it is."""
    return "SEGMENTATION"


@per_series("ContentDescription", module=_MODULE)
def content_description(authoring: Authoring) -> str | None:
    """Return what a person said was done, in the 64 characters of the attribute."""
    said = (step.parameters.get("description") for step in authoring.derivation.steps)
    return next((str(text)[:_LONGEST].strip() for text in said if text), None)


@per_series("SegmentationType", module=_MODULE)
def segmentation_type(authoring: Authoring) -> str:
    """Return how frames say what belongs to a segment."""
    return _segmented(authoring).type.name


@per_series("MaximumFractionalValue", module=_MODULE)
def maximum_fractional_value(authoring: Authoring) -> int | None:
    """Return the stored value of what belongs to a segment as a whole; nothing unless it is fractional."""
    return MAXIMUM if _segmented(authoring).type is SegmentationType.FRACTIONAL else None


@per_series("SegmentationFractionalType", module=_MODULE)
def segmentation_fractional_type(authoring: Authoring) -> str | None:
    """Return what fractions are of; nothing unless it is fractional."""
    return _segmented(authoring).fractional.upper() or None


@per_series("SegmentsOverlap", module=_MODULE)
def segments_overlap(authoring: Authoring) -> str:
    """Return whether any pixel belongs to several segments."""
    return "YES" if _segmented(authoring).overlap else "NO"


@per_series("SegmentSequence", module=_MODULE)
def segment_sequence(authoring: Authoring) -> list[dict[str, Any]]:
    """Return what each segment is said to be (C.8.20.4); of a label map first what 0 is, which belongs to none."""
    made = _segmented(authoring)
    items = [_segment(each, made.found_by) for each in made.segments]
    if made.type is not SegmentationType.LABELMAP:
        return items
    nothing = {
        "SegmentNumber": 0,
        "SegmentLabel": _BACKGROUND.meaning,
        "SegmentedPropertyCategoryCodeSequence": [coded(_BACKGROUND)],
        "SegmentedPropertyTypeCodeSequence": [coded(_BACKGROUND)],
    }
    return [{**_found(made.found_by), **nothing}, *items]


def _segment(segment: Segment, found_by: FoundBy) -> dict[str, Any]:
    item: dict[str, Any] = {
        "SegmentNumber": segment.number,
        "SegmentLabel": segment.label,
        **_found(found_by),
        "SegmentedPropertyCategoryCodeSequence": [coded(segment.category)],
        "SegmentedPropertyTypeCodeSequence": [
            _modified(segment.type, "SegmentedPropertyTypeModifierCodeSequence", segment.modifier)
        ],
    }
    if segment.region is not None:
        modified = _modified(segment.region, "AnatomicRegionModifierSequence", segment.region_modifier)
        item["AnatomicRegionSequence"] = [modified]
    if segment.rgb is not None:
        item["RecommendedDisplayCIELabValue"] = list(to_cielab(segment.rgb))
    return item


def _found(found_by: FoundBy) -> dict[str, Any]:
    name = {"SegmentAlgorithmName": found_by.name} if found_by.name else {}
    return {"SegmentAlgorithmType": found_by.how.upper(), **name}


def _modified(code: Code, keyword: str, modifier: Code | None) -> dict[str, Any]:
    return coded(code) | ({keyword: [coded(modifier)]} if modifier else {})


@per_frame("SegmentIdentificationSequence")
def segment_identification_sequence(authoring: Authoring, frame: Frame) -> list[bytes] | None:
    """Return the number of the segment; nothing of a label map, whose frames are of all segments."""
    made = _segmented(authoring)
    if made.type is SegmentationType.LABELMAP:
        return None
    return [item_of(authoring, frame, {"ReferencedSegmentNumber": made.segments[frame.volume].number})]
