"""Where the voxels of a grid lie in a source that a deformation bends: voxel by voxel, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from derive.model.geometry import Geometry, Shape, triple
from derive.model.transform import Deformation, Points
from derive.operations.kit.grids import TOLERANCE

#: Slices of which the places are kept: as many as a slab has, and some beside it.
_KEPT = 16


@dataclass(frozen=True, eq=False)
class WarpedMapping:
    """What :class:`~derive.operations.kit.grids.GridMapping` says of a matrix, of a deformation.

    Parameters
    ----------
    geometry, moving : Geometry
        The grid, and the source.
    deformation : Deformation
        From the space of the grid to that of the source.
    """

    geometry: Geometry
    moving: Geometry
    deformation: Deformation
    #: Nothing of it is straight, and no corner says what lies between.
    on_slices: ClassVar[bool] = False
    aligned: ClassVar[bool] = False
    inside: ClassVar[bool] = False

    @property
    def grid(self) -> Shape:
        """(slices, rows, columns) of the grid."""
        return self.geometry.shape

    @property
    def source(self) -> Shape:
        """(slices, rows, columns) of the source."""
        return self.moving.shape

    @cached_property
    def _of_slice(self) -> Any:
        return lru_cache(maxsize=_KEPT)(self._computed)

    def _computed(self, index: int) -> Points:
        """(3, rows, columns): indices in the source of the voxels of a slice; NaN where nothing is said."""
        corner = triple(self.geometry.points_of((index, 0, 0)))
        shape = (1, *self.grid[1:])
        plane = replace(self.geometry, first_position=corner, shape=shape, measured_positions=None)
        places = self.moving.index_of(self.deformation.moving_points(plane)[0])
        return np.moveaxis(places, -1, 0)

    def places(self, first: int, last: int) -> list[Points]:
        """Indices in the source of the voxels of grid slices, one array an axis; of what is outside the nearest."""
        found = np.stack([self._of_slice(k) for k in range(first, last)], axis=1)
        return [np.clip(np.nan_to_num(p), -1, n) for p, n in zip(found, self.source, strict=True)]

    def outside(self, first: int, last: int) -> NDArray[np.bool_]:
        """Which voxels of grid slices come from beyond the outer edges of the source, or from nowhere."""
        return np.stack([~self._within(self._of_slice(k)) for k in range(first, last)])

    def _within(self, places: Points) -> NDArray[np.bool_]:
        edge = 0.5 + TOLERANCE
        counts = np.reshape(self.source, (3, 1, 1))
        return np.asarray(((places >= -edge) & (places <= counts - 1 + edge)).all(axis=0))  # NaN is neither

    def span(self, index: int) -> tuple[float, float] | None:
        """Lowest and highest slice index of the source where slice `index` of the grid comes from; None if nowhere."""
        places = self._of_slice(index)
        slices = places[0][self._within(places)]
        return (float(slices.min()), float(slices.max())) if slices.size else None

    def itk(self, first: int, last: int, start: int, shift: float) -> Any:
        """Return the transform of ITK from indices of a slab of the grid to those of a slab of the source, x y z.

        Parameters
        ----------
        first, last, start : int
            Slices of the grid, and the first one of the source.
        shift : float
            Added to the places, voxels.
        """
        import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

        index = np.indices((last - first, *self.grid[1:]))
        offsets = np.stack(self.places(first, last)) + shift - index
        offsets[0] -= start
        field = np.ascontiguousarray(np.moveaxis(offsets[::-1], 0, -1))
        return sitk.DisplacementFieldTransform(sitk.GetImageFromArray(field, isVector=True))
