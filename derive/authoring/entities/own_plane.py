"""Images that do not say where in the patient they lie: pixel spacings, orientation, and what their class fixes.

They are written as what they were: a spacing at the detector stays one at the detector (PS3.3 10.7.1.1), as much larger
or smaller as the pixels became, and what was said of the orientation stays, since nothing here turns such an image.
"""

from __future__ import annotations

from functools import partial

from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import numbers_of
from derive.pixels.encode import decimal

#: The pixel spacings of images without an Image Plane, by module.
_SPACINGS = {
    **dict.fromkeys(
        ("x-ray-acquisition", "cr-image", "dx-detector", "vl-image"), ("PixelSpacing", "ImagerPixelSpacing")
    ),
    "ophthalmic-photography-image": ("PixelSpacing",),
    "us-image": ("PixelSpacing",),
    "nm-image-pixel": ("PixelSpacing",),
}


def spacing_said(authoring: Authoring, frame: Frame, keyword: str) -> list[float] | Element | None:
    """Return a pixel spacing of the source; where the pixels became larger or smaller, as much larger or smaller."""
    return _scaled(authoring, authoring.source.agreement(tag_of(keyword), frame.contributors).element)


def _scaled(authoring: Authoring, own: Element | None) -> list[float] | Element | None:
    before, after = authoring.source.geometry, authoring.geometry
    if own is None or before is None or after is None or before.pixel_spacing == after.pixel_spacing:
        return own
    ratios = [now / was for now, was in zip(after.pixel_spacing, before.pixel_spacing, strict=True)]
    numbers = numbers_of(own)
    return [decimal(n * ratio) for n, ratio in zip(numbers, ratios, strict=True)] if len(numbers) == 2 else None


for _module, _keywords in _SPACINGS.items():
    for _keyword in _keywords:
        per_frame(_keyword, module=_module)(partial(spacing_said, keyword=_keyword))


@per_frame("PixelSpacing", module="sc-image")
@per_frame("PixelSpacing", module="sc-multi-frame-image")
def spacing_of_capture(authoring: Authoring, frame: Frame) -> list[float] | Element | None:
    """Return the distances between rows and between columns, mm, of what lies somewhere, or was calibrated."""
    grid = authoring.geometry or (authoring.views and authoring.views.plane(0))
    own = authoring.geometry.own_plane if authoring.geometry else None
    if own is not None and own.spacing_keyword != "PixelSpacing":
        return None
    return [decimal(v) for v in grid.pixel_spacing] if grid else None


@per_series("NominalScannedPixelSpacing", sayable=True)
def spacing_of_scan(authoring: Authoring) -> list[float] | Element | None:
    """Return the source's of what was scanned, as much larger as the pixels became."""
    return _scaled(authoring, authoring.source.agreement(tag_of("NominalScannedPixelSpacing")).element)


@per_frame("PatientOrientation", module="dx-image")
def orientation_of_projection(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the source's, if it says one: of type 1C it cannot be there empty (C.8.11.3)."""
    own = authoring.source.agreement(tag_of("PatientOrientation"), frame.contributors).element
    return own if own is not None and own.stripped() else None


# 2026-12-01: Modality LUT and Presentation LUT of these classes are identities (C.8.11.3.1.2), whatever is stored.


@per_series("RescaleSlope", module="dx-image")
def identity_slope(authoring: Authoring) -> float:
    """Return 1, the one value there is."""
    return 1.0


@per_series("RescaleIntercept", module="dx-image")
def identity_intercept(authoring: Authoring) -> float:
    """Return 0, the one value there is."""
    return 0.0


@per_series("RescaleType", module="dx-image")
def identity_type(authoring: Authoring) -> str:
    """Return US (unspecified), the one value there is."""
    return "US"
