"""Linear interpolation along the axes: two taps each, rows first, then columns, then slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from derive import parallel
from derive.model.volume import Array, Volume
from derive.operations.kit.correlation import Exact, opencv
from derive.operations.kit.grids import TOLERANCE, GridMapping
from derive.operations.kit.separable import Separable


@dataclass(frozen=True, eq=False)
class Taps:
    """What the places along an axis are interpolated from.

    Parameters
    ----------
    lower : (places,) int
        Voxel before each place, or at it.
    upper : (places,) int
        The next one, or the same at the end.
    share : (places,) float64
        Weight of the upper one.
    nearest : (places,) int
        Nearest voxel; half-way between two the later one.
    """

    lower: NDArray[np.intp]
    upper: NDArray[np.intp]
    share: Exact
    nearest: NDArray[np.intp]

    @classmethod
    def at(cls, places: Exact, length: int) -> Taps:
        """Return the taps of places on an axis of `length` voxels; beyond its ends the border goes on."""
        clipped = np.clip(places, 0, length - 1)
        lower = np.floor(clipped).astype(np.intp)
        nearest = np.clip(np.floor(places + 0.5 + TOLERANCE), 0, length - 1).astype(np.intp)
        return cls(lower, np.minimum(lower + 1, length - 1), clipped - lower, nearest)

    def apply(self, lines: NDArray[Any], kind: DTypeLike) -> NDArray[Any]:
        """Interpolate between lines: (length, n) to (places, n)."""
        below = np.take(lines, self.lower, axis=0, mode="clip").astype(kind, copy=False)
        if not self.share.any():
            return below
        above = np.take(lines, self.upper, axis=0, mode="clip").astype(kind, copy=False)
        above -= below
        above *= self.share.astype(kind)[:, None]
        below += above
        return below


def linear(volume: Volume, mapping: GridMapping) -> Separable:
    """Return linear interpolation on a grid whose axes are those of the volume.

    Parameters
    ----------
    volume : Volume
    mapping : GridMapping
        Of the grid into the volume; its matrix is diagonal.
    """
    slices, rows, columns = (
        Taps.at(mapping.matrix[axis, axis] * np.arange(mapping.grid[axis]) + mapping.offset[axis], volume.shape[axis])
        for axis in range(3)
    )

    def in_planes(planes: Array, kind: DTypeLike) -> NDArray[Any]:
        cv, result = opencv(), np.empty((len(planes), len(rows.share), len(columns.share)), kind)

        def interpolate(index: int) -> None:
            across = cv.transpose(rows.apply(planes[index], kind))
            cv.transpose(columns.apply(across, kind), dst=result[index])

        parallel.each(interpolate, range(len(planes)))
        return result

    def reach(first: int, last: int) -> tuple[int, int]:
        used = np.concatenate([slices.lower[first:last], slices.upper[first:last][slices.share[first:last] > 0]])
        near = slices.nearest[first:last]
        return int(min(used.min(), near.min())), int(max(used.max(), near.max())) + 1

    def weights(wanted: tuple[int, int], at_hand: tuple[int, int]) -> Exact:
        first, last = wanted
        matrix = np.zeros((last - first, at_hand[1] - at_hand[0]))
        for row, lower, upper, share in zip(
            matrix, slices.lower[first:last], slices.upper[first:last], slices.share[first:last], strict=True
        ):
            row[lower - at_hand[0]] = 1 - share
            if share:
                row[upper - at_hand[0]] += share
        return matrix

    return Separable(
        volume,
        in_planes=in_planes,
        reach=reach,
        weights=weights,
        padding=lambda planes: planes[np.ix_(rows.nearest, columns.nearest)],
        nearest=lambda index: int(slices.nearest[index]),
    )
