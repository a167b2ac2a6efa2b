"""Smallest and Largest Image Pixel Value (0028,0106), (0028,0107) of pixels that are others now, frame by frame."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.deidentification.pixels.layout import padding
from derive.elements.element import Element, tag_of
from derive.elements.instance import Instance
from derive.pixels.samples import SampleLayout

TAGS = tuple(map(tag_of, ("SmallestImagePixelValue", "LargestImagePixelValue")))


class Extremes:
    """The least and the greatest stored value so far, padding left out (PS3.3 C.7.6.3.1), where an image says them.

    Parameters
    ----------
    instance : Instance
    layout : SampleLayout
    """

    def __init__(self, instance: Instance, layout: SampleLayout) -> None:
        self._said = [tag for tag in TAGS if tag in instance.elements]
        self._counts = bool(self._said) and layout.samples == 1 and layout.bits_allocated in (8, 16)
        self._layout, self._padding = layout, padding(instance)
        self._found: list[int] = []

    def add(self, words: NDArray[Any]) -> None:
        """Look at the allocated words of a frame."""
        if not self._counts:
            return
        layout = self._layout
        above, below = layout.bits_allocated - 1 - layout.high_bit, layout.bits_allocated - layout.bits_stored
        native = words.astype(words.dtype.newbyteorder("="), copy=False)
        values = np.right_shift(np.left_shift(native, above), below) if below else native
        if self._padding is not None:
            values = values[(values < self._padding[0]) | (values > self._padding[1])]
        if values.size:
            self._found += [int(values.min()), int(values.max())]

    def elements(self) -> dict[int, Element | None]:
        """Return the attributes anew; None for those that nobody can say."""
        if not self._found:
            return dict.fromkeys(self._said)
        form, vr = ("<h", "SS") if self._layout.signed else ("<H", "US")
        found = dict(zip(TAGS, (min(self._found), max(self._found)), strict=True))
        return {tag: Element(tag, vr, struct.pack(form, found[tag])) for tag in self._said}
