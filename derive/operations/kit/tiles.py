"""Planes that cut a volume anyhow, with bounded memory: some planes at a time, and of these a tile after another.

A plane that runs through the slices needs all of them. So the planes of a block are cut into tiles, and these are
computed in the order in which the slices of the volume come that they need: the volume is walked through once a block,
and of its slices only those are in memory that a tile spans.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from derive.model.reference import FrameRef
from derive.model.volume import SLAB, Array, Volume
from derive.operations.kit.grids import TOLERANCE, GridMapping, Points
from derive.operations.kit.sampling import Kernel, Sampler

#: Bytes that the planes of a block take, and the slices of the volume that are in memory beside them.
BLOCK_BYTES = 128 * 2**20
#: Slices of the volume that are asked for together.
PIECE = 2 * SLAB
#: Rows and columns of a tile, at most and at least.
TILE, SMALLEST = 128, 8

#: Voxels (slice, row, column) from and to.
Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
#: Makes one value of several at a place; NaN is nothing, and is the result where there is nothing else.
Combine = Callable[[Iterator[Array]], Array]


@dataclass(frozen=True, eq=False)
class ThickPlanes:
    """Planes with a thickness: a volume looked at through a grid, several samples along the normal made one.

    Parameters
    ----------
    volume : Volume
    mapping : GridMapping
        Of the grid into the volume.
    kernel : Kernel
        How values between voxels are found.
    offsets : tuple of float
        Where along the normal the samples of a plane are taken, in spacings of the grid; 0 is on the plane.
    combine : callable
        What is made of them; not asked where there is one.
    outside : float
        Value where no sample lies in the volume; NaN for padding.
    """

    volume: Volume
    mapping: GridMapping
    kernel: Kernel
    offsets: tuple[float, ...]
    combine: Combine
    outside: float
    _kept: _BlockAtHand = field(default_factory=lambda: _BlockAtHand(), init=False, repr=False)

    @property
    def inside(self) -> bool:
        """Whether every pixel has a sample in the volume."""
        ends = (replace(self.mapping, offset=self._offset(o)) for o in self.offsets)
        return any(mapping.inside for mapping in ends)

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Sources of the slices that have weight in a plane; none of one that lies outside."""
        sampler = Sampler(self.volume, self.mapping, self.kernel, self.outside)
        spans = (replace(self.mapping, offset=self._offset(o)).span(index) for o in self.offsets)
        found = [range(*sampler.weighted(*span)) for span in spans if span is not None]
        return self.volume.contributors_of({k for each in found for k in each})

    def pull(self, first: int, last: int) -> Array:
        """Compute planes `first` to `last`."""
        parts = []
        while first < last:
            block = first // self._together
            begin, end = block * self._together, min((block + 1) * self._together, self.mapping.grid[0])
            planes = self._kept.planes(block, partial(self._computed, begin, end))
            parts.append(planes[first - begin : min(last, end) - begin])
            first = min(last, end)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @cached_property
    def _together(self) -> int:
        """How many planes are computed together: a multiple of what is asked for together."""
        plane, piece = (4 * shape[1] * shape[2] for shape in (self.mapping.grid, self.mapping.source))
        along = abs(float(self.mapping.matrix[0, 0])) * piece
        return max(1, int(BLOCK_BYTES / max(plane, along) / SLAB)) * SLAB

    @cached_property
    def _sides(self) -> tuple[int, int]:
        """Rows and columns of a tile: fewer where they run through many slices."""
        slices = BLOCK_BYTES / (4 * self.volume.shape[1] * self.volume.shape[2])
        sides = (int(slices / max(abs(float(m)), 1e-3)) for m in self.mapping.matrix[0, 1:])
        down, along = (min(TILE, max(SMALLEST, side)) for side in sides)
        return down, along

    def _offset(self, sample: float) -> Points:
        return self.mapping.offset + sample * self.mapping.matrix[:, 0]

    def _computed(self, begin: int, end: int) -> Array:
        result = np.full((end - begin, *self.mapping.grid[1:]), self.outside, np.float32)
        tiles = ((tile, self._needed(tile)) for tile in self._tiles(begin, end))
        there = [(tile, needed) for tile, needed in tiles if needed is not None]
        walk = _Passage(self.volume)
        for tile, needed in sorted(there, key=lambda each: (each[1][0], each[0])):
            _, down, along = tile
            crop = walk.part(needed)
            result[:, slice(*down), slice(*along)] = self._tile(tile, crop, [span[0] for span in needed])
        return result

    def _tiles(self, begin: int, end: int) -> Iterator[Box]:
        (_, rows, columns), (down, along) = self.mapping.grid, self._sides
        for top in range(0, rows, down):
            for left in range(0, columns, along):
                yield (begin, end), (top, min(rows, top + down)), (left, min(columns, left + along))

    def _needed(self, tile: Box) -> Box | None:
        """Return the part of the volume that a tile needs: that of its corners, and a voxel more; None for nothing."""
        corners = np.array(list(np.ndindex(2, 2, 2)), np.float64) * [last - 1 - first for first, last in tile]
        corners += [first for first, _ in tile]
        ends = (min(self.offsets), max(self.offsets))
        places = np.concatenate([corners @ self.mapping.matrix.T + self._offset(o) for o in ends])
        low = np.floor(places.min(axis=0)).astype(int) - 1
        high = np.ceil(places.max(axis=0)).astype(int) + 2
        spans = [(max(0, int(a)), min(n, int(b))) for a, b, n in zip(low, high, self.mapping.source, strict=True)]
        if any(first >= last for first, last in spans):
            return None
        return spans[0], spans[1], spans[2]

    def _tile(self, tile: Box, crop: Array, corner: Sequence[int]) -> Array:
        """Compute a tile from the part of the volume that it needs, which begins at `corner`."""
        shape = (tile[0][1] - tile[0][0], tile[1][1] - tile[1][0], tile[2][1] - tile[2][0])
        start = self.mapping.matrix @ np.array([first for first, _ in tile], np.float64)
        samples = [replace(self.mapping, grid=shape, offset=start + self._offset(o)) for o in self.offsets]
        beyond = [None if m.inside else m.outside(0, shape[0]) for m in samples]
        if len(samples) == 1:
            values = self._sampled(samples[0], crop, corner)
            if beyond[0] is not None:
                values[beyond[0]] = self.outside
            return values
        values = self.combine(self._within(m, b, crop, corner) for m, b in zip(samples, beyond, strict=True))
        if all(b is not None for b in beyond):
            values[np.logical_and.reduce([b for b in beyond if b is not None])] = self.outside
        return values

    def _within(
        self, mapping: GridMapping, beyond: NDArray[np.bool_] | None, crop: Array, corner: Sequence[int]
    ) -> Array:
        """Values of samples; nothing where they lie outside."""
        values = self._sampled(mapping, crop, corner)
        if beyond is not None:
            values[beyond] = np.nan
        return values

    def _sampled(self, mapping: GridMapping, crop: Array, corner: Sequence[int]) -> Array:
        local = replace(mapping, source=crop.shape, offset=mapping.offset - corner)
        picked = _picked(local, crop)
        if picked is not None:
            return picked
        return Sampler(self.volume, local, self.kernel, self.outside).within(crop)


def _picked(mapping: GridMapping, crop: Array) -> Array | None:
    """Return the voxels themselves, where the samples lie on them; None where they lie between."""
    matrix, offset = mapping.matrix, mapping.offset
    used = np.count_nonzero(matrix, axis=1)
    if not ((used <= 1).all() and (matrix == np.round(matrix)).all() and (offset == np.round(offset)).all()):
        return None
    index = np.ogrid[: mapping.grid[0], : mapping.grid[1], : mapping.grid[2]]
    taken = []
    for line, first, count in zip(matrix, offset, crop.shape, strict=True):
        axis = int(np.abs(line).argmax())
        places = index[axis] * int(line[axis]) + int(first)
        taken.append(np.clip(places, 0, count - 1))  # what is outside is said afterwards
    return np.array(np.broadcast_to(crop[tuple(taken)], mapping.grid))


class _Passage:
    """A volume that is walked through once: of its slices those are kept that are needed from here on.

    They are kept some at a time, so that nothing is copied but what a tile needs.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume = volume
        self._pieces: dict[int, Array] = {}

    def part(self, needed: Box) -> Array:
        """Return a part, that begins no earlier than the one before it."""
        (first, last), rows, columns = needed
        wanted = range(first // PIECE, (last - 1) // PIECE + 1)
        self._pieces = {piece: values for piece, values in self._pieces.items() if piece >= wanted.start}
        for piece in wanted:
            if piece not in self._pieces:
                end = min((piece + 1) * PIECE, self._volume.count)
                self._pieces[piece] = self._volume.slab(piece * PIECE, end)
        begins = [max(first - piece * PIECE, 0) for piece in wanted]
        ends = [min(last - piece * PIECE, PIECE) for piece in wanted]
        parts = [
            self._pieces[piece][begin:end, slice(*rows), slice(*columns)]
            for piece, begin, end in zip(wanted, begins, ends, strict=True)
        ]
        return np.concatenate(parts)


class _BlockAtHand:
    """The planes that were computed last: who asks for them eight at a time gets them from here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._block = -1
        self._planes: Array = np.empty((0, 0, 0), np.float32)

    def planes(self, block: int, compute: Callable[[], Array]) -> Array:
        """Return the planes of a block, computed unless they are at hand."""
        with self._lock:
            if block != self._block:
                self._planes = np.empty((0, 0, 0), np.float32)  # before the next ones take their place
                self._planes, self._block = compute(), block
            return self._planes


def samples_across(thickness_mm: float | None, between_mm: float, breadth_mm: float) -> tuple[float, ...]:
    """Return where the samples of a plane lie along its normal, in spacings of the grid, in the middle of equal parts.

    Parameters
    ----------
    thickness_mm : float, optional
        Of a plane; without it one sample.
    between_mm : float
        The spacing of the grid.
    breadth_mm : float
        How far apart samples may be at most: what a voxel measures in this direction.
    """
    if thickness_mm is None:
        return (0.0,)
    count = max(1, math.ceil(thickness_mm / breadth_mm - TOLERANCE))
    return tuple(((k + 0.5) / count - 0.5) * thickness_mm / between_mm for k in range(count))
