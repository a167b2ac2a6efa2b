"""What a map of a quantity says of itself (PS3.3 A.75, C.8.32.2).

*2026-12-01.* The class wants to know whether text is burned in, whether somebody can be recognised, and whether
anything was compressed with loss, of images that seldom say it. No text is burned into values that were computed from
values; unless a source says so, which this class cannot hold. Nobody can say of a head that its face is not in it: YES.
And what no source says was ever lossy, and is not compressed with loss, was not.
"""

from __future__ import annotations

import re

from derive.authoring.entities import image
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame

_MODULE = "parametric-map-image"


@per_frame("BurnedInAnnotation", module=_MODULE, sticky=True)
def burned_in_annotation(authoring: Authoring, frame: Frame) -> str | None:
    """Return NO; nothing where a source says YES, which no map may."""
    return None if image.burned_in_annotation(authoring, frame) == "YES" else "NO"


@per_frame("RecognizableVisualFeatures", module=_MODULE, sticky=True)
def recognizable_visual_features(authoring: Authoring, frame: Frame) -> str:
    """Return what the sources say together; YES where they do not."""
    return image.recognizable_visual_features(authoring, frame) or "YES"


@per_frame("LossyImageCompression", module=_MODULE, sticky=True)
@per_frame("LossyImageCompression", module="segmentation-image", sticky=True)
def lossy_image_compression(authoring: Authoring, frame: Frame) -> str:
    """Return 01 if any contributor ever was, else 00."""
    return image.lossy_image_compression(authoring, frame) or "00"


@per_series("ContentLabel", module=_MODULE)
def content_label(authoring: Authoring) -> str:
    """Return what the quantity is called, as a code string."""
    quantity = authoring.quantity
    name = quantity.label or (quantity.concept.meaning if quantity.concept else "")
    return re.sub(r"[^A-Z0-9_]+", "_", name.upper().replace("*", "_STAR")).strip("_")[:16] or "MAP"


@per_series("ContentDescription", module=_MODULE)
def content_description(authoring: Authoring) -> str | None:
    """Return what the quantity is."""
    return authoring.quantity.concept.meaning if authoring.quantity.concept else None
