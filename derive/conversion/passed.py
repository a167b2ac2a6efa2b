"""Frames of a source that pass as they are: stored values, of every stack and volume of a series."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.model.dimension import Dimension
from derive.model.geometry import Geometry, Plane
from derive.model.reference import FrameRef, of_principal
from derive.model.source import Attributes
from derive.model.volume import Quantity, Volume
from derive.pixels.encode import PixelFormat
from derive.told.wording import counted

BYTE = 8


@dataclass(frozen=True, eq=False)
class PassedFrames:
    """All frames of a series, each made of itself.

    Parameters
    ----------
    source : Attributes
        Its frames, in the order in which they pass.
    """

    source: Attributes

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
    def count(self) -> int:
        """How many frames there are."""
        return len(self.source.frames)

    @property
    def slices(self) -> int:
        """All: what volumes they make is not asked."""
        return self.count

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """None: nothing is computed."""
        return ()

    @property
    def dimension(self) -> Dimension | None:
        """None: what tells frames apart is what they say."""
        return None

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """All that tells them apart."""
        return (self.dimension,) if self.dimension else ()

    @property
    def geometry(self) -> Geometry | None:
        """None: each frame has its plane."""
        return None

    @cached_property
    def format(self) -> PixelFormat:
        """Bits as they are: decoded values have as many bytes as they had, and as many bits; the most of any image."""
        allocated, stored = max(self._numbers("BitsAllocated")), max(self._numbers("BitsStored"))
        return PixelFormat(-(-allocated // BYTE) * BYTE, stored=stored)

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
