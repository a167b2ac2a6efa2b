"""A volume looked at along a curve, which becomes straight: one image, that lies on no plane of the patient.

The slices of the volume are walked through once, some at a time; of the image only the values are in memory, and what
is made of them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.geometry import Geometry, OwnPlane
from derive.model.reference import FrameRef
from derive.model.volume import SLAB, Array, Volume
from derive.operations.kit.curve import Way
from derive.operations.kit.grids import MOST_VOXELS, SNAP, TOLERANCE
from derive.operations.kit.tiles import Combine


@dataclass(frozen=True, eq=False)
class Straightened:
    """A volume along a curve.

    Parameters
    ----------
    volume : Volume
    way : Way
        Columns of the image.
    rows : int
        Across it, an odd number: the middle one lies on the curve.
    offsets : tuple of float
        Where at a right angle to the image samples are taken, mm.
    combine : callable
        What is made of several of them.
    outside : float
        Value beyond the outer edges of the volume; NaN for padding.
    """

    volume: Volume
    way: Way
    rows: int
    offsets: tuple[float, ...]
    combine: Combine
    outside: float
    _kept: list[Array] = field(default_factory=list, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def geometry(self) -> Geometry:
        """Pixels of one size, on a plane of their own.

        *2026-12-01.* Pixel Spacing is what it says (PS3.3 10.7.1.1): along the curve and across it, exact on the middle
        row; beside it where the curve bends nobody can measure, which no attribute says.
        """
        step = self.way.step_mm
        own = Geometry.in_own_plane(OwnPlane("PixelSpacing"), (step, step), self.rows, len(self.way.points))
        return replace(own, frame_of_reference_uid=self.volume.geometry.frame_of_reference_uid)

    def places(self, offset: float) -> NDArray[np.float64]:
        """(rows, columns, 3): where pixels are in the volume (slice, row, column)."""
        down = (np.arange(self.rows) - self.rows // 2) * self.way.step_mm
        points = self.way.points + offset * self.way.normals
        return self.volume.geometry.index_of(points[None] + down[:, None, None] * self.way.downs[None])

    def refuse_outside(self) -> None:
        """Refuse a curve that leaves the volume.

        Raises
        ------
        UsageError
            ``OP-CURVE``; ``OP-SPACING`` for more pixels than an image has.
        """
        if max(self.rows, len(self.way.points)) > MOST_VOXELS:
            raise UsageError("OP-SPACING", f"more than {MOST_VOXELS} pixels along an axis; wanted larger ones")
        place = self.volume.geometry.index_of(self.way.points)
        beyond = ((place < -0.5 - SNAP) | (place > np.array(self.volume.shape) - 0.5 + SNAP)).any(axis=1)
        if beyond.any():
            first = tuple(np.round(self.way.points[beyond.argmax()], 2).tolist())
            raise UsageError(
                "OP-CURVE",
                f"the curve lies outside of the volume, first at {first} mm, {beyond.argmax() * self.way.step_mm:g} mm "
                f"along it, and on {beyond.mean():.0%} of its way; wanted points inside, x y z mm, LPS",
            )

    @cached_property
    def _whole(self) -> tuple[NDArray[np.bool_], bool]:
        """Slices with weight, and whether some pixel has no sample in the volume."""
        count = self.volume.count
        used, beyond = np.zeros(count, bool), np.ones((self.rows, len(self.way.points)), bool)
        for offset in self.offsets:
            places = self.places(offset)
            inside = self._inside(places)
            beyond &= ~inside
            depth = np.clip(places[..., 0][inside], 0, count - 1)
            low = np.floor(depth + TOLERANCE).astype(int)
            used[low] = True
            used[np.minimum(low[depth - low > TOLERANCE] + 1, count - 1)] = True
        return used, bool(beyond.any())

    @property
    def inside(self) -> bool:
        """Whether every pixel has a sample in the volume."""
        return not self._whole[1]

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Sources of the slices that have weight."""
        return self.volume.contributors_of(np.flatnonzero(self._whole[0]).tolist())

    def pull(self, first: int, last: int) -> Array:
        """Compute the image; it is all there is."""
        with self._lock:
            if not self._kept:
                self._kept.append(self._computed())
        return self._kept[0][first:last]

    def _inside(self, places: NDArray[np.float64]) -> NDArray[np.bool_]:
        ends = np.array(self.volume.shape) - 0.5
        return np.asarray(((places >= -0.5 - SNAP) & (places <= ends + SNAP)).all(axis=-1))

    def _computed(self) -> Array:
        each = [self.places(offset) for offset in self.offsets]
        within = [self._inside(places) for places in each]
        samples = self._sampled(np.concatenate([p.reshape(-1, 3) for p in each]))
        layers = samples.reshape(len(each), self.rows, -1)
        for layer, inside in zip(layers, within, strict=True):
            layer[~inside] = np.nan
        image = layers[0] if len(layers) == 1 else self.combine(iter(layers))
        image[~np.logical_or.reduce(within)] = self.outside
        return np.asarray(image[None], np.float32)

    def _sampled(self, places: NDArray[np.float64]) -> Array:
        """(n,): values between voxels (linear), the volume walked through once."""
        last = np.array(self.volume.shape) - 1
        places = np.clip(places, 0, last)
        low = np.minimum(np.floor(places + TOLERANCE).astype(np.int64), np.maximum(last - 1, 0))
        values = np.full(len(places), np.nan, np.float32)
        for begin, chosen in _runs(low[:, 0]):
            end = min(begin + SLAB + 1, self.volume.count)
            values[chosen] = _between(self.volume.slab(begin, end), places[chosen] - [begin, 0, 0])
        return values


def _runs(slices: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Give the first slice of each run that has places, and which these are."""
    runs = slices // SLAB
    for run in np.unique(runs):
        yield int(run) * SLAB, np.flatnonzero(runs == run)


def _between(slab: Array, places: NDArray[np.float64]) -> Array:
    """Interpolate at places (slice, row, column) of a slab; where the nearest voxel is padding, so is the result."""
    last = np.array(slab.shape) - 1
    low = np.minimum(np.floor(places + TOLERANCE).astype(np.int64), np.maximum(last - 1, 0))
    part = np.clip(places - low, 0, 1)
    total, weights = np.zeros(len(places)), np.zeros(len(places))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        k, j, i = np.minimum(low + corner, last).T
        value = slab[k, j, i]
        weight = np.where(np.isnan(value), 0, weight)
        total += weight * np.where(weight > 0, value, 0)
        weights += weight
    k, j, i = np.minimum(np.floor(places + 0.5 + TOLERANCE).astype(np.int64), last).T
    known = ~np.isnan(slab[k, j, i]) & (weights > 0)
    return np.asarray(np.where(known, total / np.where(known, weights, 1), np.nan), np.float32)


def rows_of(width_mm: float | None, way: Way) -> int:
    """Return how many rows there are across a curve: an odd number, so that it lies in the middle one.

    Raises
    ------
    UsageError
        ``OP-WIDTH``
    """
    if width_mm is None or not (math.isfinite(width_mm) and width_mm > 0):
        raise UsageError("OP-WIDTH", f"width_mm {width_mm}; wanted above 0, in mm: how far across the curve")
    return 2 * round((width_mm / way.step_mm - 1) / 2 + TOLERANCE) + 1 if width_mm > way.step_mm else 1
