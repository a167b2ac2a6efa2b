"""Where the detectors of Nuclear Medicine images were, and so where slices lie (PS3.3 C.8.4.11, C.8.4.15).

*2026-12-01.* The position in an item is that of the first pixel of an image: of slice 1 of a volume, of a view of
anything else. A volume is written along its normal, so that slice 1 is its first one and Spacing Between Slices is
above 0. Of a projection only how the pixels moved in its own plane is known; an item that does not say its orientation
says no position of other pixels either.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from derive.authoring.entities.image_plane import slice_thickness
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.entities.vectors import DETECTORS, sequence_of
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of, pack_item
from derive.elements.instance import items_of
from derive.model.geometry import Geometry, normal_of
from derive.model.planes import spacing_of
from derive.model.vectors import frame_vectors
from derive.pixels.encode import decimal

_POSITION, _ORIENTATION, _SPACING = "ImagePositionPatient", "ImageOrientationPatient", "SpacingBetweenSlices"
_BY_DETECTOR = frame_vectors()["DetectorVector"]


@per_frame(DETECTORS)
def detector_information_sequence(authoring: Authoring, frame: Frame) -> Element | None:
    """Return the detectors that frames are still of, with where the first pixel of theirs is now."""
    own, geometry = sequence_of(authoring, frame, _BY_DETECTOR), authoring.geometry
    items = items_of(own) if own is not None else None
    if own is None or not items or geometry is None or authoring.derivation.passes:
        return own
    moved = [_moved(list(item), geometry) for item in items]
    return Element(own.tag, "SQ", b"".join(map(pack_item, moved)))


def _moved(item: list[Element], geometry: Geometry) -> list[Element]:
    said = {e.tag: tuple(numbers_of(e)) for e in item if e.keyword in (_POSITION, _ORIENTATION)}
    position, cosines = (said.get(tag_of(k), ()) for k in (_POSITION, _ORIENTATION))
    where = _place(position, cosines, geometry)
    rest = [e for e in item if e.tag not in said]
    return [*rest, *(encode(k, [decimal(float(v)) for v in values] or None) for k, values in where.items())]


def _place(position: Sequence[float], cosines: Sequence[float], geometry: Geometry) -> dict[str, Sequence[float]]:
    """Return position and orientation of an item, by keyword: those of a volume, or where a view went in its plane."""
    if geometry.in_patient:
        return {_POSITION: geometry.position(0), _ORIENTATION: (*geometry.row_cosines, *geometry.column_cosines)}
    if len(cosines) != 6:
        still = geometry.first_position == (0.0, 0.0, 0.0)
        return {_POSITION: position if still else (), _ORIENTATION: ()}
    axes = np.array([cosines[:3], cosines[3:], normal_of(cosines[:3], cosines[3:])])
    turned = [np.array(v) @ axes for v in (geometry.row_cosines, geometry.column_cosines)]
    first = np.add(position, np.array(geometry.first_position) @ axes).tolist() if len(position) == 3 else ()
    return {_POSITION: first, _ORIENTATION: np.concatenate(turned).tolist()}


@per_series(_SPACING, module="nm-reconstruction")
def spacing_between_slices(authoring: Authoring) -> float | Element | None:
    """Return the distance of slices along their normal; of slices that lie nowhere what the source says, if it holds.

    It holds while no slice is left out between others.
    """
    geometry = authoring.geometry
    if geometry is not None and geometry.in_patient:
        spacing = spacing_of(geometry) if geometry.shape[0] > 1 else geometry.slice_spacing
        return None if spacing is None else decimal(round(spacing, 9))
    numbers = sorted({v for v in authoring.source.values("SliceVector") if v is not None})
    whole = all(b - a == 1 for a, b in pairwise(numbers))
    return authoring.source.agreement(tag_of(_SPACING)).element if whole else None


@per_series("SliceThickness", module="nm-reconstruction")
def thickness_of_slices(authoring: Authoring) -> float | Element | None:
    """Return the nominal thickness: of slices that lie nowhere that of the source."""
    geometry = authoring.geometry
    if geometry is not None and geometry.in_patient:
        made: float | Element | None = slice_thickness(authoring)
        return made
    return authoring.source.agreement(tag_of("SliceThickness")).element
