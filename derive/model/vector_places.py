"""Where the slices of a Nuclear Medicine image lie, in the words of single-frame images (PS3.3 C.8.4.11, C.8.4.15).

*2026-12-01.* Of a reconstruction one item of Detector Information Sequence says where slice 1 lies, and Spacing Between
Slices how the others follow, with its sign: along the normal where it is above 0, against it below (C.8.4.15). What
does not say all of it lies nowhere, and stays in its planes; the orientation of a detector in a projection is that of a
view, and no place of its pixels in the patient.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of
from derive.elements.instance import Instance
from derive.model.geometry import normal_of
from derive.model.vectors import frame_types
from derive.pixels.encode import decimal

_SLICE, _DETECTOR, _DETECTORS = "SliceVector", "DetectorVector", "DetectorInformationSequence"
_POSITION, _ORIENTATION = "ImagePositionPatient", "ImageOrientationPatient"


def kind_of_frames(instance: Instance) -> str:
    """Return Image Type value 3, which says what frames are of, and how they are told apart."""
    return next(iter(instance.lenient.texts("ImageType")[2:3]), "")


def place_of(instance: Instance) -> dict[int, Element]:
    """Return Image Position and Orientation (Patient) of a frame that is a slice; nothing of one that lies nowhere.

    Parameters
    ----------
    instance : Instance
        What the image says, and of each vector the one number of the frame.
    """
    said = instance.lenient
    kind = frame_types().get(kind_of_frames(said))
    first = _first(said) if kind is not None and kind.placed else None
    number = said.integer(_SLICE) if (said.integer("NumberOfFrames") or 1) > 1 else 1
    step = said.number("SpacingBetweenSlices")
    if first is None or number is None or (number != 1 and not step):
        return {}
    position, cosines = first
    along = np.array(normal_of(cosines[:3], cosines[3:])) * ((number - 1) * (step or 0.0))
    found = (
        encode(_POSITION, [decimal(float(v)) for v in np.add(position, along)]),
        encode(_ORIENTATION, [decimal(v) for v in cosines]),
    )
    return {element.tag: element for element in found}


def _first(said: Instance) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Return position and cosines of slice 1: what the item of its detector says, or all items alike."""
    items = said.items(_DETECTORS)
    number = said.integer(_DETECTOR)
    if number is not None and 1 <= number <= len(items):
        items = items[number - 1 : number]
    found = {(item.lenient.numbers(_POSITION, 3), item.lenient.numbers(_ORIENTATION, 6)) for item in items}
    spacing = said.numbers("PixelSpacing", 2)
    if len(found) != 1 or not spacing or min(spacing) <= 0:
        return None
    position, cosines = found.pop()
    return (position, cosines) if position and cosines and np.any(np.cross(cosines[:3], cosines[3:])) else None


def places_of_frames(elements: Mapping[int, Element]) -> list[dict[int, Element]]:
    """Return what :func:`place_of` does of every frame of an instance, in order."""
    vector, count = elements.get(tag_of(_SLICE)), int((numbers_of(elements[tag_of("NumberOfFrames")]) or [1])[0])
    numbers = numbers_of(vector) if vector is not None else []
    each = [{tag_of(_SLICE): encode(_SLICE, [int(n)])} for n in numbers] if len(numbers) == count else [{}] * count
    return [place_of(Instance("a frame", {**elements, **own}, strict=False)) for own in each]
