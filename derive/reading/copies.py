"""Images that lie where another one lies and have the same pixels: one of them is read, and it is said."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from derive.errors import DeriveError
from derive.model.planes import Planes
from derive.pixels.decode import decode
from derive.reading.header import Header
from derive.reading.pixel_attributes import layout_of, padding_of, rescale_of


def copies_of(headers: Sequence[Header], planes: Planes) -> dict[int, int]:
    """Return which images are copies of which; none unless all that lie at one place are the same.

    Pixels are decoded, as far as the first that differ.

    Parameters
    ----------
    headers : sequence of Header
    planes : Planes
        Where they lie.
    """
    found: dict[int, int] = {}
    for place in planes.places:
        first, *others = sorted(place, key=lambda i: _number(headers[i]))
        for other in others:
            if not _same(headers[first], headers[other]):
                return {}
            found[other] = first
    return found


def _number(header: Header) -> tuple[float, str, int]:
    number = header.lenient.number("InstanceNumber")
    return math.inf if number is None else number, header.text("SOPInstanceUID"), header.frame_number


def _same(one: Header, other: Header) -> bool:
    """Whether two images have the same values; what cannot be decoded is the same as nothing."""
    if one.pixels is None or other.pixels is None:
        return False
    try:
        layouts = [layout_of(h) for h in (one, other)]
        if layouts[0] != layouts[1] or rescale_of(one) != rescale_of(other):
            return False
        paddings = [padding_of(h, layout) for h, layout in zip((one, other), layouts, strict=True)]
        first = decode(layouts[0], paddings[0], one.pixels, one.name)
        second = decode(layouts[1], paddings[1], other.pixels, other.name)
    except DeriveError:
        return False
    return paddings[0] == paddings[1] and np.array_equal(first, second)
