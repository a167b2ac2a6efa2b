"""What a multi-frame image says of all its frames (PS3.3 C.8.13.1, C.8.15.2, C.8.22.3, C.7.5.2, C.7.6.16)."""

from __future__ import annotations

from derive.authoring.entities.functional_groups import frame_kind
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.entities.values import agreed
from derive.authoring.order import Authoring, Frame
from derive.model.contrast import MIXED, FrameKind, together
from derive.model.uids import IMPLEMENTATION_CLASS_UID


def _kind(authoring: Authoring, frame: Frame) -> FrameKind:
    return together(frame_kind(authoring, each) for each in frame.frames)


@per_frame("ImageType", module="enhanced-ct-image")
@per_frame("ImageType", module="enhanced-mr-image")
@per_frame("ImageType", module="enhanced-pet-image")
@per_frame("ImageType", module="parametric-map-image")
def image_type_of_frames(authoring: Authoring, frame: Frame) -> list[str]:
    """Return what all frames are: MIXED where they differ."""
    return list(_kind(authoring, frame).frame_type)


@per_frame("VolumetricProperties")
def volumetric_properties(authoring: Authoring, frame: Frame) -> str:
    """Return that of all frames."""
    return _kind(authoring, frame).properties


@per_frame("VolumeBasedCalculationTechnique")
def volume_based_calculation_technique(authoring: Authoring, frame: Frame) -> str:
    """Return that of all frames."""
    return _kind(authoring, frame).technique


@per_frame("ComplexImageComponent")
def complex_image_component(authoring: Authoring, frame: Frame) -> str | None:
    """MR: return that of all frames."""
    return _of_all(authoring, frame, "ComplexImageComponent")


@per_frame("AcquisitionContrast")
def acquisition_contrast(authoring: Authoring, frame: Frame) -> str | None:
    """MR: return that of all frames."""
    return _of_all(authoring, frame, "AcquisitionContrast")


def _of_all(authoring: Authoring, frame: Frame, keyword: str) -> str | None:
    """Return what all frames say; MIXED where they differ, nothing where one says nothing."""
    said = {agreed(authoring, each, keyword) for each in frame.frames}
    texts = {e.stripped().decode("ascii", "replace").strip() for e in said if e is not None}
    if None in said or not texts:
        return None
    return texts.pop() if len(texts) == 1 else MIXED


@per_series("PixelPresentation")
def pixel_presentation(authoring: Authoring) -> str:
    """Return MONOCHROME: results are grey."""
    return "MONOCHROME"


@per_series("PresentationLUTShape", module="ophthalmic-photography-image")
@per_series("PresentationLUTShape", module="enhanced-ct-image")
@per_series("PresentationLUTShape", module="enhanced-mr-image")
@per_series("PresentationLUTShape", module="enhanced-pet-image")
@per_series("PresentationLUTShape", module="parametric-map-image")
def presentation_lut_shape_of_frames(authoring: Authoring) -> str:
    """Return IDENTITY: low values are dark."""
    return "IDENTITY"


# 2026-12-01: Device Serial Number is of type 1 in the enhanced classes, and software has none. The UID by which an
# implementation names itself (PS3.7 D.3.3.2) is what this one has of the kind; a caller can say another.


@per_series("DeviceSerialNumber")
def device_serial_number(authoring: Authoring) -> str | None:
    """Return by what this application is known among others; nothing of what was acquired."""
    return IMPLEMENTATION_CLASS_UID if authoring.derivation.steps else None
