"""The frames of a Segmentation that is made: by segment and slice, where something belongs to it (PS3.3 C.8.20.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.errors import ValuesError
from derive.model.dimension import Dimension
from derive.model.geometry import Geometry, Plane
from derive.model.reference import FrameRef
from derive.model.segments import MAXIMUM, FoundBy, Segment, SegmentationType
from derive.model.volume import Quantity, Volume
from derive.pixels.encode import PixelFormat

#: The dimension that segments are.
SEGMENT_NUMBER = "ReferencedSegmentNumber"
#: Callable (segment, slice) -> what is stored of it: (rows, columns) bool, or uint8 of a fractional one.
Stored: TypeAlias = Callable[[int, int], NDArray[Any]]
_BITS, _BYTES, _WORDS = PixelFormat(1), PixelFormat(8), PixelFormat(16)
#: From so many values on a label map needs 16 bits.
_BYTE = 1 << 8


@dataclass(frozen=True, eq=False)
class Segmented:
    """Segments on one geometry.

    Parameters
    ----------
    segments : tuple of Segment
        Numbered as they are written: from 1 without gaps, of a label map as they are.
    grid : Geometry
    stored : Stored
        By the place of a segment among them.
    type : SegmentationType
    behind : callable (slice) -> tuple of FrameRef
        The frames of the source at a slice.
    found_by : FoundBy
    fractional : str
        ``probability`` or ``occupancy``; empty unless its type is fractional.

    Raises
    ------
    ValuesError
        ``VAL-EMPTY`` where nothing belongs to any segment, ``SEG-OVERLAP`` for a label map of segments that overlap.
    """

    segments: tuple[Segment, ...]
    grid: Geometry
    stored: Stored
    type: SegmentationType
    behind: Callable[[int], tuple[FrameRef, ...]]
    found_by: FoundBy
    fractional: str = ""

    def __post_init__(self) -> None:
        if not any(self._census.counts):
            raise ValuesError("VAL-EMPTY", "no voxel belongs to any segment; there is nothing to store")
        if self.type is SegmentationType.LABELMAP and self.overlap:
            raise ValuesError(
                "SEG-OVERLAP", "voxels belong to several segments, and a label map has one number for each of them"
            )

    @cached_property
    def _census(self) -> _Census:
        each = list(parallel.each(self._count, range(self.grid.shape[0])))
        table = np.array([counts for counts, _ in each], dtype=np.float64)
        return _Census(tuple(map(float, table.sum(axis=0))), table > 0, any(several for _, several in each))

    def _count(self, place: int) -> tuple[list[float], bool]:
        """How many voxels of a slice belong to each segment, by their fractions; whether any belongs to several."""
        taken = np.zeros(self.grid.shape[1:], np.bool_)
        counts: list[float] = []
        several = False
        for index in range(len(self.segments)):
            stored = self.stored(index, place)
            there = stored if stored.dtype == np.bool_ else stored > 0
            whole = float(np.count_nonzero(there))
            counts.append(whole if there is stored else float(stored.sum(dtype=np.int64)) / self._most)
            if whole:
                several = several or bool(taken[there].any())
                taken |= there
        return counts, several

    @property
    def _most(self) -> int:
        return MAXIMUM if self.type is SegmentationType.FRACTIONAL else 1

    @cached_property
    def placed(self) -> tuple[tuple[int, int], ...]:
        """Segment and slice of each frame; of a label map every slice, and no segment of its own: -1."""
        if self.type is SegmentationType.LABELMAP:
            return tuple((-1, place) for place in range(self.grid.shape[0]))
        return tuple((int(s), int(p)) for s, p in np.argwhere(self._census.there.T))

    @property
    def overlap(self) -> bool:
        """Whether any voxel belongs to several segments."""
        return self._census.several

    @property
    def volumes_ml(self) -> tuple[float, ...]:
        """How large each segment is, ml: voxels count by their fractions."""
        voxel_mm3 = float(np.prod(self.grid.spacing))
        return tuple(count * voxel_mm3 / 1000 for count in self._census.counts)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, rows, columns)."""
        return self.count, self.grid.shape[1], self.grid.shape[2]

    @property
    def called(self) -> str:
        """What people call them."""
        return "frames of segments"

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.placed)

    @property
    def slices(self) -> int:
        """How many slices the grid has; of a segment there need not be all of them."""
        return self.grid.shape[0]

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """None: what belongs to a segment is no quantity."""
        return ()

    @property
    def dimension(self) -> Dimension | None:
        """The segment, but for a label map."""
        return next(iter(self.dimensions), None)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The segment; nothing of a label map, whose frames are of all of them."""
        if self.type is SegmentationType.LABELMAP:
            return ()
        return (Dimension(SEGMENT_NUMBER, tuple(float(s.number) for s in self.segments), always=True),)

    @property
    def geometry(self) -> Geometry:
        """Where the slices are."""
        return self.grid

    @property
    def format(self) -> PixelFormat:
        """Bits, or 8, or of a label map of many segments 16."""
        if self.type is SegmentationType.BINARY:
            return _BITS
        large = self.type is SegmentationType.LABELMAP and max(s.number for s in self.segments) >= _BYTE
        return _WORDS if large else _BYTES

    @property
    def quantity(self) -> Quantity:
        """None to speak of."""
        return Quantity()

    @property
    def padding(self) -> int | None:
        """Stored value of what belongs to no segment of a label map; None of others."""
        return 0 if self.type is SegmentationType.LABELMAP else None

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Nothing that anybody needs."""
        return None

    @property
    def layout(self) -> str:
        """Where the frames lie, and of which segments they are."""
        said = (self.segments, self.found_by, self.fractional, self.placed)
        return f"{self.grid} {self.type.value} {said}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all stored values, generously."""
        return int(np.prod(self.shape)) * self.format.bits // 8 + 1

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Return the frames of the source at a frame."""
        return self.behind(self.placed[index][1])

    def volume_and_place(self, index: int) -> tuple[int, int]:
        """Return which segment a frame is of, and in which slice it is; of a label map it is of the first."""
        segment, place = self.placed[index]
        return max(segment, 0), place

    def plane(self, index: int) -> Plane | None:
        """Return where a frame is."""
        return self.grid.plane(self.placed[index][1])

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Return the stored values of frames `first` (included) to `last` (excluded)."""
        return np.stack([self._frame(*self.placed[index]) for index in range(first, last)])

    def _frame(self, segment: int, place: int) -> NDArray[Any]:
        if segment >= 0:
            return self.stored(segment, place)
        numbers = np.zeros(self.grid.shape[1:], np.uint8 if self.format.bits == _BYTES.bits else np.uint16)
        for index, each in enumerate(self.segments):
            there = self.stored(index, place)
            if there.any():
                numbers[there] = each.number
        return numbers


@dataclass(frozen=True, eq=False)
class _Census:
    """What one look at all slices tells: voxels by segment, (slices, segments) whether any, whether some overlap."""

    counts: tuple[float, ...]
    there: NDArray[np.bool_]
    several: bool
