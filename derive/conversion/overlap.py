"""Whether a volume lies in its reference, and which images of it are behind each slice."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from derive.errors import GeometryError
from derive.model.geometry import Geometry
from derive.model.reference import FrameRef, of_principal
from derive.model.volume import Contributors
from derive.told.wording import flag

#: Points a volume is judged by, along each of its axes.
POINTS = 33


def overlap(volume: Geometry, reference: Geometry) -> float:
    """Share of a volume's extent that lies in that of the reference, 0 to 1."""
    ends = [np.linspace(-0.5, n - 0.5, 2 * POINTS + 1)[1::2] for n in volume.shape]
    points = volume.points_of(np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3))
    indices = reference.index_of(points)
    inside = (indices >= -0.5) & (indices <= np.array(reference.shape) - 0.5)
    return float(inside.all(axis=1).mean())


def check_overlap(volume: Geometry, reference: Geometry, required: float, name: str) -> None:
    """Refuse a volume that lies elsewhere.

    Raises
    ------
    GeometryError
        ``GEO-OVERLAP`` with both extents.
    """
    share = overlap(volume, reference)
    if share < required:
        raise GeometryError(
            "GEO-OVERLAP",
            f"{share:.0%} of {name} lies in the reference; wanted {required:.0%}. It spans {_extent(volume)} mm and "
            f"the reference {_extent(reference)} mm (LPS). Is it the right reference, and are the signs of x and y "
            f"those of the patient? {flag('require_overlap', 'SHARE')} says how much is enough",
            share=share,
        )


def _extent(geometry: Geometry) -> str:
    corners = geometry.corners()
    return ", ".join(
        f"{axis} {low:.1f} to {high:.1f}"
        for axis, low, high in zip("xyz", corners.min(axis=0), corners.max(axis=0), strict=True)
    )


def contributors(volume: Geometry, reference: Geometry) -> Contributors:
    """Slices of the reference that a slice of the volume cuts: one, where the planes are the same.

    A slice is as thick as it is from its neighbours, and so is an image of the reference.
    """
    corner = np.array([(r, c) for r in (-0.5, volume.shape[1] - 0.5) for c in (-0.5, volume.shape[2] - 0.5)])

    @cache
    def of(place: int) -> tuple[FrameRef, ...]:
        ends = np.array([(place + half, *c) for half in (-0.5, 0.5) for c in corner])
        reached = reference.index_of(volume.points_of(ends))[:, 0]
        first, last = math.floor(reached.min() + 0.5 + MEETING), math.ceil(reached.max() - 0.5 - MEETING)
        return of_principal(range(max(0, first), min(reference.shape[0] - 1, last) + 1))

    return of


#: Share of a slice by which neighbours may reach into each other and still be neighbours only.
MEETING = 1e-3
