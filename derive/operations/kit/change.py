"""What a step did to the grid, as the grids before and after it show."""

from __future__ import annotations

from typing import NamedTuple

from derive.model.derivation import GeometryEffect
from derive.model.geometry import Geometry


class GridChange(NamedTuple):
    """What the grids before and after a step show of it."""

    geometry_effect: GeometryEffect
    new_plane: bool
    units: str = ""

    @classmethod
    def between(cls, before: Geometry, after: Geometry | None) -> GridChange:
        """Compare two grids; None is that of images that lie on none."""
        if after is None:
            return cls(GeometryEffect.NEW_GRID, True)
        same = before.same_grid(after)
        effect = GeometryEffect.KEEPS_GRID if same else GeometryEffect.NEW_GRID
        return cls(effect, not before.same_plane(after))
