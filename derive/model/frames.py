"""The frames of a result, whatever they are of: volumes, or pictures (Secondary Capture, PS3.3 A.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.model.dimension import Dimension
from derive.model.geometry import Geometry, Plane
from derive.model.masking import Cine
from derive.model.reference import FrameRef
from derive.model.volume import Contributors, Quantity, Volume
from derive.pixels.encode import GREY_16, PixelFormat

#: By the type of the numbers, and whether there are three of them a pixel.
FORMATS = {
    ("bool", False): PixelFormat(1),
    ("uint8", False): PixelFormat(8),
    ("uint16", False): PixelFormat(16),
    ("uint8", True): PixelFormat(8, 3, "RGB"),
}


#: Of volumes at several times: when, in seconds; or their number, where that is all that is known (PS3.3 C.7.6.16).
TIME_OFFSET, TIME_NUMBER = "TemporalPositionTimeOffset", "TemporalPositionIdentifier"
#: Of the pages of an instance: the time from the one before, in ms; or their number (C.7.6.5, C.8.6.3).
FRAME_TIME, PAGE_NUMBER = "FrameTimeVector", "PageNumberVector"


class Frames(Protocol):
    """Frames of one matrix, in the order in which they are made: slice by slice, one volume after another."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, rows, columns)."""

    @property
    def called(self) -> str:
        """What people call them."""

    @property
    def count(self) -> int:
        """How many frames there are."""

    @property
    def slices(self) -> int:
        """How many of them are of one volume: frame ``v * slices + k`` is slice k of volume v."""

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """What they are of; none for pictures, which measure nothing."""

    @property
    def dimension(self) -> Dimension | None:
        """What tells several volumes, or the pages of one instance, apart."""

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """All that tells them apart, what is most telling first."""

    @property
    def geometry(self) -> Geometry | None:
        """Where the slices of a volume are; None for pictures that lie nowhere."""

    @property
    def format(self) -> PixelFormat:
        """How their stored values lie in Pixel Data."""

    @property
    def quantity(self) -> Quantity:
        """What their values are."""

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Bounds that no value can leave; None when only the data can tell."""

    @property
    def layout(self) -> str:
        """How they lie: with the values all that tells the frames of two results apart."""

    @property
    def stored_bytes(self) -> int:
        """Bytes of all stored values, at most."""

    @property
    def contributors(self) -> Contributors:
        """Callable (frame) -> the frames of the sources whose pixels entered it."""

    def volume_and_place(self, index: int) -> tuple[int, int]:
        """Which volume frame `index` is of, and which of its slices it is."""

    def plane(self, index: int) -> Plane | None:
        """Where frame `index` is; None for one that lies nowhere."""

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Values of frames `first` (included) to `last` (excluded)."""


class Saying(Protocol):
    """What says of its frames more than their values: a series."""

    def value(self, keyword: str, index: int | None = None) -> Any:
        """Return what frame `index` says, decoded; what all agree on without."""


@dataclass(frozen=True, eq=False)
class Volumes:
    """Volumes on one geometry, of one quantity.

    Parameters
    ----------
    volumes : tuple of Volume
        At least one.
    dimensions : tuple of Dimension
        What tells several of them apart; what is most telling first.
    durations : tuple of float
        For how long events were counted for each, ms; empty where values are of no such counts, or nobody says it.
    cine : Cine, optional
        Of frames of cines that lie in no patient, a volume each: what is said of them.
    source : SourceSeries, optional
        The series that they are made of, for what its attributes say beside the values: a repetition time, a dose.
    format : PixelFormat
        How they are stored: 16 bits, or as they are.

    Raises
    ------
    ValuesError
        ``VAL-SHAPE`` unless the dimensions have a value for each of several volumes.
    """

    volumes: tuple[Volume, ...]
    dimensions: tuple[Dimension, ...] = ()
    durations: tuple[float, ...] = ()
    cine: Cine | None = None
    source: Saying | None = None
    format: PixelFormat = GREY_16

    def __post_init__(self) -> None:
        counts = {len(d.values) for d in self.dimensions} or {1}
        if counts != {len(self.volumes)}:
            told = " or ".join(map(str, sorted(counts)))
            raise ValuesError("VAL-SHAPE", f"{len(self.volumes)} volumes; their dimensions tell {told} apart")

    @property
    def dimension(self) -> Dimension | None:
        """The most telling dimension."""
        return self.dimensions[0] if self.dimensions else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices of all volumes, rows, columns)."""
        return self.count, *self.geometry.shape[1:]

    @property
    def called(self) -> str:
        """What people call them."""
        return "slices"

    @property
    def first(self) -> Volume:
        """The first volume, which has the grid and the quantity of all."""
        return self.volumes[0]

    @property
    def count(self) -> int:
        """How many slices all volumes have."""
        return self.slices * len(self.volumes)

    @property
    def slices(self) -> int:
        """How many slices a volume has."""
        return self.geometry.shape[0]

    @property
    def geometry(self) -> Geometry:
        """Where the slices of each volume are."""
        return self.volumes[0].geometry

    @property
    def quantity(self) -> Quantity:
        """What the values are; padding can occur where it can in any volume, and the finest step counts."""
        each = [volume.quantity for volume in self.volumes]
        steps = [quantity.step for quantity in each if quantity.step is not None]
        step = min(steps) if len(steps) == len(each) else None
        return replace(each[0], padded=any(quantity.padded for quantity in each), step=step)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Bounds that no value can leave; None when only the data can tell."""
        ranges = [v.value_range for v in self.volumes]
        known = [r for r in ranges if r is not None]
        return (min(low for low, _ in known), max(high for _, high in known)) if len(known) == len(ranges) else None

    @property
    def layout(self) -> str:
        """Where the values lie, and of how many volumes."""
        return f"{self.geometry} {len(self.volumes)} {self.dimensions}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all stored values."""
        return int(np.prod(self.shape)) * self.format.bits // 8

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Return the frames of the sources whose pixels entered a slice."""
        volume, place = divmod(index, self.slices)
        return self.volumes[volume].contributors(place)

    def volume_and_place(self, index: int) -> tuple[int, int]:
        """Return which volume a frame is of, and which of its slices it is."""
        return divmod(index, self.slices)

    def plane(self, index: int) -> Plane | None:
        """Return where a slice is: at the same place in every volume; None where that is nowhere in a patient."""
        return self.geometry.plane(index % self.slices) if self.geometry.in_patient else None

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Return slices `first` (included) to `last` (excluded), of whichever volumes: NaN is pixel padding."""
        parts = []
        while first < last:
            volume, place = divmod(first, self.slices)
            stop = min(self.slices, place + last - first)
            parts.append(self.volumes[volume].slab(place, stop))
            first += stop - place
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pages of stored values, which are shown as they are and measure nothing.

    Parameters
    ----------
    pages : (pages, rows, columns) or (pages, rows, columns, 3)
        bool, uint8 or uint16; uint8 for R G B.
    geometry : Geometry, optional
        Where the pages lie; None for pictures that lie nowhere.
    contributors : callable (page) -> tuple of FrameRef
        The frames of the sources behind a page.
    dimension : Dimension, optional
        What tells the pages apart, of those that are shown one after the other.

    Raises
    ------
    ValuesError
        ``VAL-PICTURE`` for numbers that no class of pictures holds.
    """

    pages: NDArray[Any]
    geometry: Geometry | None = None
    contributors: Contributors = lambda page: ()
    dimension: Dimension | None = None

    def __post_init__(self) -> None:
        if (str(self.pages.dtype), self._colour) not in FORMATS or self.pages.ndim != 3 + self._colour:
            raise ValuesError(
                "VAL-PICTURE",
                f"{self.pages.dtype} of shape {self.pages.shape} is no picture; "
                "wanted bits, or 8 or 16 unsigned bits a pixel, or three times 8 bits for R G B",
            )

    @property
    def _colour(self) -> bool:
        return self.pages.ndim == 4 and self.pages.shape[3] == 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """(pages, rows, columns)."""
        pages, rows, columns = self.pages.shape[:3]
        return pages, rows, columns

    @property
    def called(self) -> str:
        """What people call them."""
        return "pictures"

    @property
    def count(self) -> int:
        """How many pages there are."""
        return self.shape[0]

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What tells the pages apart."""
        return (self.dimension,) if self.dimension else ()

    @property
    def slices(self) -> int:
        """All pages."""
        return self.shape[0]

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """None."""
        return ()

    @property
    def format(self) -> PixelFormat:
        """How they lie in Pixel Data."""
        return FORMATS[str(self.pages.dtype), self._colour]

    @property
    def quantity(self) -> Quantity:
        """None to speak of."""
        return Quantity()

    @property
    def value_range(self) -> None:
        """Nothing is known of it."""
        return

    @property
    def layout(self) -> str:
        """How the pages lie."""
        return f"{self.geometry} {self.pages.shape} {self.pages.dtype} {self.dimension}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all stored values, generously: a byte for a bit."""
        return self.pages.nbytes

    def volume_and_place(self, index: int) -> tuple[int, int]:
        """Return which volume a page is of, and which of its pages it is."""
        return divmod(index, self.slices)

    def plane(self, index: int) -> Plane | None:
        """Return where a page is; None for pictures that lie nowhere."""
        return None if self.geometry is None else self.geometry.plane(index)

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Return the stored values of pages `first` (included) to `last` (excluded)."""
        return self.pages[first:last]
