"""Frames of a source that pass as they are: stored values, of every stack and volume of a series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.authoring.lossy import BYTE, kept_format
from derive.errors import ValuesError
from derive.model.dimension import Dimension
from derive.model.geometry import Geometry, Plane
from derive.model.reference import FrameRef, of_principal
from derive.model.source import Attributes, SourceSeries
from derive.model.volume import Quantity, Volume
from derive.pixels.encode import PixelFormat
from derive.standard import Iod
from derive.told.wording import counted

#: Digits of cosines, and of places along a normal in mm, by which frames lie alike.
_COSINES, _PLACES = 4, 2


def spots_of(planes: Sequence[Plane | None]) -> tuple[tuple[int, int], ...]:
    """Put frames into volumes: by their orientation, and those at one place one after another.

    Parameters
    ----------
    planes : sequence of Plane or None
        Where each frame lies; those that do not say it are a volume of their own, in their order.

    Returns
    -------
    tuple of (volume, place)
    """
    keys = [_key(number, plane) for number, plane in enumerate(planes)]
    ranks = {side: sorted({at for s, at in keys if s == side}) for side in dict.fromkeys(s for s, _ in keys)}
    seen: Counter[tuple[tuple[float, ...], float]] = Counter()
    volumes: dict[tuple[tuple[float, ...], int], int] = {}
    spots = []
    for side, at in keys:
        volume = volumes.setdefault((side, seen[side, at]), len(volumes))
        spots.append((volume, ranks[side].index(at)))
        seen[side, at] += 1
    return tuple(spots)


def _key(number: int, plane: Plane | None) -> tuple[tuple[float, ...], float]:
    """How a frame lies, and where along its normal."""
    if plane is None:
        return (), float(number)
    along = float(np.dot(np.cross(plane.row_cosines, plane.column_cosines), plane.position))
    cosines = (*plane.row_cosines, *plane.column_cosines)
    return tuple(round(c, _COSINES) + 0.0 for c in cosines), round(along, _PLACES)


@dataclass(frozen=True, eq=False)
class PassedFrames:
    """All frames of a series, each made of itself.

    Parameters
    ----------
    source : Attributes
        Its frames, in the order in which they pass.
    iod : Iod
        What they pass into.
    """

    source: Attributes
    iod: Iod

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(frames, rows, columns).

        Raises
        ------
        ValuesError
            ``VAL-SHAPE`` for images of several matrices.
        """
        return self.count, self._one("Rows"), self._one("Columns")

    @property
    def called(self) -> str:
        """What people call them."""
        return "frames"

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.source.frames)

    @property
    def slices(self) -> int:
        """How many are of one volume; all, where they are no volumes of one stack."""
        return self.source.geometry.shape[0] if self.source.geometry is not None else self.count

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """None: nothing is computed."""
        return ()

    @property
    def dimension(self) -> Dimension | None:
        """The most telling dimension."""
        return self.dimensions[0] if self.dimensions else None

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What tells the volumes of one stack apart."""
        return self.source.dimensions if isinstance(self.source, SourceSeries) else ()

    @cached_property
    def _spots(self) -> tuple[tuple[int, int], ...]:
        """Which volume each frame is of, and where it is in it, whatever stacks there are."""
        if self.source.geometry is not None:
            return tuple(divmod(index, self.slices) for index in range(self.count))
        return spots_of([frame.plane for frame in self.source.frames])

    def volume_and_place(self, index: int) -> tuple[int, int]:
        """Return which volume a frame is of, and which of its slices it is."""
        return self._spots[index]

    @property
    def geometry(self) -> Geometry | None:
        """None: each frame has its plane."""
        return None

    @cached_property
    def format(self) -> PixelFormat:
        """Bits as they are."""
        return kept_format(self.source, self.iod)

    def _one(self, keyword: str) -> int:
        said = sorted(self._numbers(keyword))
        if len(said) > 1:
            told = " and ".join(map(str, said))
            raise ValuesError(
                "VAL-SHAPE", f"{keyword} of the {counted(self.count, 'image')} is {told}; wanted one for all of them"
            )
        return said[0]

    def _numbers(self, keyword: str) -> set[int]:
        return {int(v) for v in self.source.values(keyword) if v is not None}

    @property
    def quantity(self) -> Quantity:
        """Nothing is asked of it: stored values are what they are."""
        return Quantity()

    @property
    def value_range(self) -> tuple[float, float] | None:
        """None: only the data tell."""
        return None

    @property
    def layout(self) -> str:
        """Of how many frames, and where they lie."""
        return f"{self.shape} {[f.plane for f in self.source.frames]}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all stored values."""
        return int(np.prod(self.shape)) * self.format.bits // BYTE

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Return the frame itself."""
        return of_principal([index])

    def plane(self, index: int) -> Plane | None:
        """Return where a frame is, as it says itself."""
        return self.source.frames[index].plane

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Return the stored values of frames `first` (included) to `last` (excluded), as they are written."""
        kind = np.dtype(f"<{'i' if self._signed else 'u'}{self.format.bits // BYTE}")
        return np.stack([f.stored_values() for f in self.source.frames[first:last]]).astype(kind, copy=False)

    @cached_property
    def _signed(self) -> bool:
        return any(f.stored_range[0] < 0 for f in self.source.frames)
