"""Planes that lie anyhow along their normal, on a regular grid: which of them a place lies between, and how far aside.

A slice is where its Image Position (Patient) says. Between two neighbours the lattice runs straight from one to the
other, as it does in a stack of a tilted gantry: what lies between is found along that line, not along the normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.model.geometry import Geometry, triple
from derive.model.planes import SAME_POSITION_MM, Planes, planes_of
from derive.model.volume import Array, Volume
from derive.operations.kit.shear import blended, shifted
from derive.told.wording import flag

#: A place nearer to a slice than this is that of the slice.
ON_A_SLICE_MM = SAME_POSITION_MM


@dataclass(frozen=True)
class Between:
    """Where a plane of the regular grid lies among the slices.

    Parameters
    ----------
    below, above : int
        The slices; the same where it lies on one.
    share : float
        How far it is from the one to the other, 0 to 1.
    """

    below: int
    above: int
    share: float


@dataclass(frozen=True)
class Lattice:
    """Slices of one orientation and the regular grid along their normal that holds them all.

    Parameters
    ----------
    source : Geometry
        With the positions that were measured.
    step_mm : float
        Of the grid.
    """

    source: Geometry
    step_mm: float

    @cached_property
    def planes(self) -> Planes:
        """How the slices lie."""
        return planes_of(self.source)

    @cached_property
    def aside_px(self) -> NDArray[np.float64]:
        """(slices, 2): how far each lies beside the first, in rows (down the columns) and columns (along the rows)."""
        points = np.array([self.source.position(k) for k in range(self.source.shape[0])])
        axes = np.array([self.source.column_cosines, self.source.row_cosines])
        return np.asarray((points - points[0]) @ axes.T / self.source.pixel_spacing)

    @cached_property
    def along_mm(self) -> NDArray[np.float64]:
        """(slices,): how far each lies from the first along the normal."""
        return np.array(self.planes.along_mm) - self.planes.along_mm[0]

    @cached_property
    def before_px(self) -> tuple[int, int]:
        """Rows and columns that the grid has before those of the first slice."""
        down, along = (math.ceil(-v - 1e-6) for v in self.aside_px.min(axis=0))
        return max(0, down), max(0, along)

    @cached_property
    def grid(self) -> Geometry:
        """The regular grid: the pixels of the first slice, and as many around as all slices need."""
        slices, rows, columns = self.source.shape
        after = np.ceil(self.aside_px.max(axis=0) - 1e-6).astype(int)
        shape = (
            round(float(self.along_mm[-1]) / self.step_mm - 0.5 + 1e-6) + 1 if slices > 1 else 1,
            rows + self.before_px[0] + max(0, int(after[0])),
            columns + self.before_px[1] + max(0, int(after[1])),
        )
        source, (down, along) = self.source, self.before_px
        shift = -down * source.pixel_spacing[0] * np.array(source.column_cosines)
        shift -= along * source.pixel_spacing[1] * np.array(source.row_cosines)
        first = triple(np.array(source.position(0)) + shift)
        return replace(
            source,
            first_position=first,
            slice_spacing=self.step_mm,
            shape=shape,
            measured_positions=None,
            slice_shift=(0.0, 0.0),
        )

    def between(self, index: int) -> Between:
        """Return which slices a plane of the grid lies between."""
        place, along = index * self.step_mm, self.along_mm
        near = int(np.abs(along - place).argmin())
        if abs(along[near] - place) <= ON_A_SLICE_MM:
            return Between(near, near, 0.0)
        above = int(np.searchsorted(along, place))
        below = above - 1
        return Between(below, above, float((place - along[below]) / (along[above] - along[below])))

    def plane(self, volume: Volume, index: int, outside: float) -> Array:
        """Return the values of one plane of the grid, (rows, columns) float32."""
        at = self.between(index)
        (low,) = volume.slab(at.below, at.below + 1)
        values, aside = low, self.aside_px[at.below]
        if at.above != at.below:
            (high,) = volume.slab(at.above, at.above + 1)
            values = blended(low, high, at.share)
            aside = aside + at.share * (self.aside_px[at.above] - aside)
        return shifted(values, aside + self.before_px, self.grid.shape[1:], outside)


def refuse_gaps(planes: Planes, most_mm: float) -> None:
    """Refuse neighbours that are too far apart to say what lies between them.

    Raises
    ------
    GeometryError
        ``GEO-GAP``
    """
    widest = max(planes.steps_mm, default=0.0)
    if widest > most_mm + SAME_POSITION_MM:
        wide = sum(step > most_mm + SAME_POSITION_MM for step in planes.steps_mm)
        raise GeometryError(
            "GEO-GAP",
            f"rectify: {widest:.3f} mm lie between two neighbouring slices, and {planes.usual_mm:.3f} mm are usual; "
            f"what lies between slices further apart than {most_mm:.3f} mm is not made up ({wide} of "
            f"{len(planes.steps_mm)} steps). Add the missing slices, or say what may be bridged: "
            f"{flag('max_gap_mm', f'{math.ceil(widest * 100) / 100:g}')}",
            gap_mm=widest,
            expected_mm=planes.usual_mm,
        )
