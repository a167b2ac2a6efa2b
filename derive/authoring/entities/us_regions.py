"""Ultrasound regions: where they are in a result, and what its pixels still mean (PS3.3 C.8.5.5)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from derive.authoring.entities.registry import per_frame
from derive.authoring.order import Authoring, Frame
from derive.elements.datasets import from_dataset
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, pack_item
from derive.model.derivation import ValuesEffect
from derive.model.geometry import Geometry
from derive.model.us_regions import COMPONENTS, KEYWORD, PixelAxis, moved

_RGB = "RGB"
#: Places within this share of a pixel are those of the source: positions are sums of spacings.
_EXACT = 1e-6


@per_frame(KEYWORD, module="us-region-calibration")
def sequence_of_ultrasound_regions(authoring: Authoring, frame: Frame) -> Element | list[bytes] | None:
    """Return the regions of the source, moved with its pixels; what is cut off is gone.

    What says of stored numbers what they mean (Pixel Component attributes) goes where the numbers became others.
    """
    own = authoring.source.agreement(tag_of(KEYWORD), frame.contributors).element
    before, after = authoring.source.geometry, authoring.geometry
    if own is None or before is None or after is None:
        return None
    regions: Sequence[Dataset] = decode(own, authoring.encodings) or ()
    numbers_kept = _numbers_kept(authoring)
    untouched = before.same_grid(after) and (numbers_kept or not any(k in r for r in regions for k in COMPONENTS))
    if untouched or not regions:
        return own
    found = moved(regions, axes_of(before, after))
    for region in found if not numbers_kept else ():
        for keyword in COMPONENTS:
            if keyword in region:
                del region[keyword]
    return [pack_item(from_dataset(region).values()) for region in found] or None


def axes_of(before: Geometry, after: Geometry) -> tuple[PixelAxis, PixelAxis]:
    """Return how pixels of a result follow those of its source, along columns and rows (x, y)."""
    first, next_one = before.index_of(after.points_of([(0, 0, 0), (0, 1, 1)]))
    axes = []
    for axis in (2, 1):
        begin, step = float(first[axis]), float(next_one[axis] - first[axis])
        if abs(step - 1) < _EXACT:
            step = 1.0
        if abs(begin - round(begin)) < _EXACT and step == 1.0:
            begin = float(round(begin))
        axes.append(PixelAxis(begin, step, after.shape[axis], before.shape[axis]))
    return axes[0], axes[1]


def _numbers_kept(authoring: Authoring) -> bool:
    """Whether stored numbers mean what they meant: grey of the same quantity, or the very values of RGB."""
    effect = authoring.derivation.values_effect
    if authoring.pixel_format.samples == 1:
        return effect is not ValuesEffect.NEW_QUANTITY
    same = {authoring.source.text("PhotometricInterpretation", k) for k in range(len(authoring.source.frames))}
    return effect is ValuesEffect.KEEPS_VALUES and same == {_RGB}
