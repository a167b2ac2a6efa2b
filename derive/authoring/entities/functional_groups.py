"""Functional group macros that are made: each an item of what the other builders make (PS3.3 C.7.6.16.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from derive.authoring.entities.real_world import rescale_type
from derive.authoring.entities.registry import ANY, BUILDERS, per_frame
from derive.authoring.entities.values import agreed, own_items
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of, pack_item
from derive.elements.instance import items_of
from derive.model.contrast import QUANTITY, FrameKind, kind_of
from derive.model.window import Window
from derive.pixels.encode import Rescale, decimal


def item_of(authoring: Authoring, frame: Frame, values: Mapping[str, Any]) -> bytes:
    """Encode an item: of each keyword a value, or the element that has it already; None is not there."""
    signed = frame.encoded.encoding.signed
    elements = (
        value._replace(tag=tag_of(keyword))
        if isinstance(value, Element)
        else encode(keyword, value, authoring.encodings, signed)
        for keyword, value in values.items()
        if value is not None
    )
    return pack_item(elements)


def built(authoring: Authoring, frame: Frame, keyword: str) -> Any:
    """Return what the builder of an attribute makes, the same as for single-frame images."""
    return BUILDERS[ANY, keyword].value(authoring, frame)


def _sequence(keyword: str, item: bytes) -> Element:
    return Element(tag_of(keyword), "SQ", item)


@per_frame("PixelMeasuresSequence")
def pixel_measures_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the distances between rows, columns and planes, and the thickness of these."""
    if not authoring.placed:
        return None
    keywords = ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices")
    values = {keyword: built(authoring, frame, keyword) for keyword in keywords}
    return _sequence("PixelMeasuresSequence", item_of(authoring, frame, values))


@per_frame("PlanePositionSequence")
def plane_position_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return where the first pixel is."""
    position = built(authoring, frame, "ImagePositionPatient")
    if position is None:
        return None
    return _sequence("PlanePositionSequence", item_of(authoring, frame, {"ImagePositionPatient": position}))


@per_frame("PlaneOrientationSequence")
def plane_orientation_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the cosines of rows and columns."""
    cosines = built(authoring, frame, "ImageOrientationPatient")
    if cosines is None:
        return None
    return _sequence("PlaneOrientationSequence", item_of(authoring, frame, {"ImageOrientationPatient": cosines}))


@per_frame("FrameContentSequence")
def frame_content_sequence(authoring: Authoring, frame: Frame) -> Element:
    """Return when what entered the frame was acquired: the earliest; how long, where all say the same.

    Where a frame is among the others is said when all of them are known.
    """
    values = {
        "FrameAcquisitionDateTime": built(authoring, frame, "AcquisitionDateTime"),
        "FrameReferenceDateTime": agreed(authoring, frame, "FrameReferenceDateTime"),
        "FrameAcquisitionDuration": _duration(authoring, frame),
        "CardiacCyclePosition": agreed(authoring, frame, "CardiacCyclePosition"),
        "RespiratoryCyclePosition": agreed(authoring, frame, "RespiratoryCyclePosition"),
    }
    number = agreed(authoring, frame, "AcquisitionNumber")
    if number is not None and number.stripped().isdigit():
        values["FrameAcquisitionNumber"] = int(number.stripped())
    return _sequence("FrameContentSequence", item_of(authoring, frame, values))


def _duration(authoring: Authoring, frame: Frame) -> Element | float | None:
    """Return how long the frame was acquired, in ms; Acquisition Duration is of the whole, and in s."""
    own = agreed(authoring, frame, "FrameAcquisitionDuration")
    if own is not None:
        return own
    classic = agreed(authoring, frame, "ActualFrameDuration")
    return next(iter(numbers_of(classic)), None) if classic is not None else None


@per_frame("PixelValueTransformationSequence")
def pixel_value_transformation_sequence(authoring: Authoring, frame: Frame) -> Element:
    """Return the slope and intercept that the stored values of the frame were made with, and what comes out."""
    if authoring.target.rescale is Rescale.MAPPING:  # the mapping says all (C.7.6.16.2.9b)
        values = {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"}
        return _sequence("PixelValueTransformationSequence", item_of(authoring, frame, values))
    values = {k: built(authoring, frame, k) for k in ("RescaleSlope", "RescaleIntercept")}
    values["RescaleType"] = rescale_type(authoring)
    return _sequence("PixelValueTransformationSequence", item_of(authoring, frame, values))


@per_frame("FrameVOILUTSequence")
def frame_voi_lut_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the windows, their names and their function; of a frame that passes its own, else one over its values."""
    if authoring.derivation.passes:
        return _passed_window(authoring, frame)
    keywords = ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction")
    values = {keyword: built(authoring, frame, keyword) for keyword in keywords}
    if values["WindowCenter"] is None:
        return None
    return _sequence("FrameVOILUTSequence", item_of(authoring, frame, values))


def _shows_something(authoring: Authoring, frame: Frame) -> bool:
    """Whether a window has a width: what is 0 is legal for no function (C.11.2.1.2)."""
    width = authoring.source.value("WindowWidth", frame.index)
    widths = [width] if isinstance(width, float | int) else list(width or ())
    return all(float(w) > 0 for w in widths)


def _passed_window(authoring: Authoring, frame: Frame) -> Element | None:
    tag = tag_of("FrameVOILUTSequence")
    own = authoring.source.table.element(tag, frame.index)
    if own is not None and not _shows_something(authoring, frame):
        own = None
    if own is not None or authoring.target.iod.attributes["FrameVOILUTSequence"].type != "1":
        return own
    slope, intercept = authoring.source.frames[frame.index].rescale
    ends = sorted(stored * slope + intercept for stored in (frame.encoded.smallest, frame.encoded.largest))
    window = Window.over(ends[0], ends[1])
    values = {"WindowCenter": list(map(decimal, window.centers)), "WindowWidth": list(map(decimal, window.widths))}
    return _sequence("FrameVOILUTSequence", item_of(authoring, frame, values))


@per_frame("ReferencedImageSequence", module="referenced-image")
def referenced_image_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the images on which all contributors agree, as far as it is known in which series they are."""
    known, element = authoring.sources.known, agreed(authoring, frame, "ReferencedImageSequence")
    items = items_of(Element(tag_of("ReferencedImageSequence"), "SQ", own_items(authoring, element))) or ()
    uid = tag_of("ReferencedSOPInstanceUID")
    there = b"".join(pack_item(item) for item in items if any(e.tag == uid and e.stripped() in known for e in item))
    return _sequence("ReferencedImageSequence", there) if there else None


@per_frame("DerivationImageSequence")
def derivation_image_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return what was done, and the frames that contributed to this one and no others (C.7.6.16.2.6)."""
    if not authoring.derivation.steps:
        return None
    keywords = ("DerivationDescription", "DerivationCodeSequence")
    values = {keyword: built(authoring, frame, keyword) for keyword in keywords}
    sources = built(authoring, frame, "SourceImageSequence")
    values["SourceImageSequence"] = sources or Element(tag_of("SourceImageSequence"), "SQ", b"")
    return _sequence("DerivationImageSequence", item_of(authoring, frame, values))


@per_frame("IrradiationEventIdentificationSequence")
def irradiation_event_identification_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return every event that contributed to the frame."""
    events = built(authoring, frame, "IrradiationEventUID")
    if not events:
        return None
    item = item_of(authoring, frame, {"IrradiationEventUID": events})
    return _sequence("IrradiationEventIdentificationSequence", item)


@per_frame("FrameAnatomySequence")
def frame_anatomy_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return what all contributors show; where they show several regions, what the one in their middle does."""
    tag = tag_of("FrameAnatomySequence")
    element = authoring.source.agreement(tag, frame.contributors).element
    if element is None:
        behind = frame.behind(authoring.source.table.count)
        element = authoring.source.table.element(tag, behind[len(behind) // 2]) if behind else None
    items = own_items(authoring, element)
    return _sequence("FrameAnatomySequence", items) if items else None


@per_frame("CTImageFrameTypeSequence", "PETFrameTypeSequence")
def frame_type_sequence(authoring: Authoring, frame: Frame) -> list[bytes]:
    """Return what kind of frame it is."""
    return [item_of(authoring, frame, _kind(authoring, frame))]


@per_frame("ParametricMapFrameTypeSequence")
def parametric_map_frame_type_sequence(authoring: Authoring, frame: Frame) -> list[bytes]:
    """Return what kind of frame it is, and nothing else (C.8.32.3.1)."""
    return [item_of(authoring, frame, {"FrameType": list(frame_kind(authoring, frame).frame_type)})]


@per_frame("MRImageFrameTypeSequence")
def mr_image_frame_type_sequence(authoring: Authoring, frame: Frame) -> list[bytes]:
    """MR: return what kind of frame it is, and of what component and contrast where all contributors agree."""
    values = _kind(authoring, frame)
    values |= {k: agreed(authoring, frame, k) for k in ("ComplexImageComponent", "AcquisitionContrast")}
    return [item_of(authoring, frame, values)]


def _kind(authoring: Authoring, frame: Frame) -> dict[str, Any]:
    kind = frame_kind(authoring, frame)
    return {
        "FrameType": list(kind.frame_type),
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": kind.properties,
        "VolumeBasedCalculationTechnique": kind.technique,
    }


def frame_kind(authoring: Authoring, frame: Frame) -> FrameKind:
    """Return what kind a frame of the result is, by what its contributors are and what was done to them."""
    flavour = authoring.target.value_3[authoring.derivation.geometry_effect.value]
    kind = kind_of(authoring.derivation, flavour, _said(authoring, frame) if authoring.same_kind else None)
    if authoring.target.named and authoring.derivation.steps:  # of which quantity its mapping says
        return replace(kind, frame_type=(*kind.frame_type[:3], QUANTITY))
    return kind


def _said(authoring: Authoring, frame: Frame) -> FrameKind:
    def text(keyword: str) -> str:
        element = agreed(authoring, frame, keyword)
        return element.stripped().decode("ascii", "replace").strip() if element else ""

    frame_type = text("FrameType") or text("ImageType")
    values = tuple(term.strip() for term in frame_type.split("\\"))
    return FrameKind(values, text("VolumetricProperties"), text("VolumeBasedCalculationTechnique"))
