"""Colours over grey: how much of what is laid over a picture is seen, and which colour it has.

*2026-12-01, what is transparent.* What lies at or below the lower end of the colours shows nothing: the picture below
is as bright there as without it. So OHIF does it (opacity 0 at the lower end), and 3D Slicer with a threshold; a viewer
that blends everything dims all that has no uptake. ``alpha_by="value"`` lets the opacity grow from there, in
proportion, to `alpha` at the upper end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.model.grey import Grey
from derive.model.reference import FrameRef
from derive.model.volume import Array, Volume
from derive.pixels.palettes import STEPS

#: Colours of a slab (slices, rows, columns, 3), 0 to 255, and how much of them is seen (slices, rows, columns), 0 to 1.
Painted = tuple[NDArray[Any], NDArray[np.float32]]


@dataclass(frozen=True)
class ByValue:
    """Colours of values.

    Parameters
    ----------
    palette : (256, 3) uint8
    low, high : float
        Values of its first and its last colour.
    alpha : float
        Opacity, 0 to 1.
    growing : bool
        Whether opacity grows from `low` on, and is `alpha` at `high`.
    inverted : bool
        Whether the highest value is meant to be the darkest.
    """

    palette: NDArray[np.uint8]
    low: float
    high: float
    alpha: float
    growing: bool = False
    inverted: bool = False

    def paint(self, values: Array) -> Painted:
        """Return colours and opacities."""
        shares = (values.astype(np.float64) - self.low) / (self.high - self.low)
        shares = np.clip(1 - shares if self.inverted else shares, 0, 1)
        seen = shares > 0  # of what is no number too: nothing of it
        steps = np.minimum(np.where(seen, shares, 0) * STEPS, STEPS - 1).astype(np.intp)
        opacity = np.where(seen, shares if self.growing else 1.0, 0.0) * self.alpha
        return self.palette[steps], opacity.astype(np.float32)


@dataclass(frozen=True)
class ByLabel:
    """Colours of things that are told apart by whole numbers; 0 is none of them.

    Parameters
    ----------
    colours : mapping number -> (red, green, blue)
        Of those that have one.
    other : callable (number) -> (red, green, blue)
        Of the others.
    alpha : float
    contour : bool
        Whether the outermost pixels of each are painted, and nothing inside.
    """

    colours: Mapping[int, tuple[int, int, int]]
    other: Callable[[int], tuple[int, int, int]]
    alpha: float
    contour: bool = False

    def paint(self, values: Array) -> Painted:
        """Return colours and opacities."""
        labels = np.rint(np.nan_to_num(values)).astype(np.int64)
        numbers, places = np.unique(labels, return_inverse=True)
        colours = np.array([self.colours.get(int(n)) or self.other(int(n)) for n in numbers], np.uint8)
        seen = labels != 0
        if self.contour:
            seen &= borders_of(labels)
        return colours[places.reshape(labels.shape)], (seen * self.alpha).astype(np.float32)


def borders_of(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pixels have another number beside, above or below them, each slice by itself."""
    found = np.zeros(labels.shape, bool)
    for axis in (1, 2):
        one, other = (tuple(s if a == axis else slice(None) for a in range(3)) for s in (slice(1, None), slice(-1)))
        differs = labels[one] != labels[other]
        found[one] |= differs
        found[other] |= differs
    return found


@dataclass(frozen=True, eq=False)
class Blend:
    """A volume in grey with another one over it in colours, on one grid.

    Parameters
    ----------
    below, above : Volume
    grey : Grey
    inverted : bool
        Whether the lowest value of `below` is white.
    paint : ByValue or ByLabel
    """

    below: Volume
    above: Volume
    grey: Grey
    inverted: bool
    paint: ByValue | ByLabel

    @property
    def placed(self) -> Volume:
        """Where the colours lie, and what they come from: the frames of both."""
        return replace(self.below, contributors=self.contributors)

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Frames of both."""
        return tuple(sorted({*self.below.contributors(index), *self.above.contributors(index)}))

    def pull(self, first: int, last: int) -> NDArray[np.uint8]:
        """Compute slices: (last - first, rows, columns, 3)."""
        below = self.grey.levels(self.below.slab(first, last), inverted=self.inverted)[..., None].astype(np.float32)
        colours, opacity = self.paint.paint(self.above.slab(first, last))
        return np.rint(below + (colours.astype(np.float32) - below) * opacity[..., None]).astype(np.uint8)
