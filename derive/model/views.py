"""Images that lie each on a plane of its own and are no stack: projections from all around (PS3.3 C.7.6.2).

The third kind of :class:`~derive.model.frames.Frames`, beside volumes and pictures: their values mean something, as
those of a volume do, and no spacing between slices is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.model.dimension import Dimension
from derive.model.frames import Volumes
from derive.model.geometry import Plane
from derive.model.reference import FrameRef
from derive.model.volume import Contributors, Pull, Quantity, Volume
from derive.pixels.encode import GREY_16, PixelFormat
from derive.told.wording import counted


@dataclass(frozen=True, eq=False)
class ViewSet:
    """Images that were made of one volume, each on a plane of its own.

    Parameters
    ----------
    planes : tuple of Plane
        One an image; all of one pixel spacing and thickness.
    matrix : (rows, columns)
    pull : callable (first, last) -> (last - first, rows, columns) float32
        Computes images. NaN marks pixel padding.
    contributors : callable (image) -> tuple of FrameRef
    quantity : Quantity
    value_range : (float, float), optional
        Bounds that no value can leave; None when only the data can tell.
    """

    planes: tuple[Plane, ...]
    matrix: tuple[int, int]
    pull: Pull
    contributors: Contributors
    quantity: Quantity
    value_range: tuple[float, float] | None = None

    #: They lie on no grid.
    geometry: None = None

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.planes)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(images, rows, columns)."""
        return self.count, *self.matrix

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Return images `first` (included) to `last` (excluded).

        Raises
        ------
        ValuesError
            ``VAL-SLAB`` for images that there are not.
        """
        if not 0 <= first < last <= self.count:
            raise ValuesError("VAL-SLAB", f"images {first}..{last} asked of {counted(self.count, 'image')}")
        return self.pull(first, last)


@dataclass(frozen=True, eq=False)
class Views:
    """Images on planes of their own, of one volume after another; the same planes of each.

    Parameters
    ----------
    images : tuple of ViewSet
        Those of each volume.
    dimensions : tuple of Dimension
        What tells the volumes apart.
    durations : tuple of float
        As those of :class:`~derive.model.frames.Volumes`.
    """

    images: tuple[ViewSet, ...]
    dimensions: tuple[Dimension, ...] = ()
    durations: tuple[float, ...] = ()

    @property
    def dimension(self) -> Dimension | None:
        """The most telling dimension."""
        return self.dimensions[0] if self.dimensions else None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(images of all volumes, rows, columns)."""
        return self.count, *self.images[0].matrix

    @property
    def called(self) -> str:
        """What people call them."""
        return "views"

    @property
    def first(self) -> ViewSet:
        """Those of the first volume."""
        return self.images[0]

    @property
    def count(self) -> int:
        """How many images there are, of all volumes."""
        return self.slices * len(self.images)

    @property
    def slices(self) -> int:
        """How many images there are of a volume."""
        return self.images[0].count

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """None: they are no volume."""
        return ()

    @property
    def geometry(self) -> None:
        """None: each has its plane."""
        return

    @property
    def planes(self) -> tuple[Plane, ...]:
        """Where the images of each volume lie."""
        return self.images[0].planes

    @property
    def format(self) -> PixelFormat:
        """Grey, 16 bits."""
        return GREY_16

    @property
    def quantity(self) -> Quantity:
        """What the values are; padding can occur where it can in any image."""
        each = [images.quantity for images in self.images]
        return replace(each[0], padded=any(quantity.padded for quantity in each))

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Bounds that no value can leave; None when only the data can tell."""
        known = [i.value_range for i in self.images if i.value_range is not None]
        return (min(k[0] for k in known), max(k[1] for k in known)) if len(known) == len(self.images) else None

    @property
    def layout(self) -> str:
        """Where the images lie, and of how many volumes."""
        return f"{self.planes} {self.shape} {self.dimensions}"

    @property
    def stored_bytes(self) -> int:
        """Bytes of all stored values."""
        return int(np.prod(self.shape)) * self.format.bits // 8

    def contributors(self, index: int) -> tuple[FrameRef, ...]:
        """Return the frames of the sources whose pixels entered an image."""
        volume, place = divmod(index, self.slices)
        return self.images[volume].contributors(place)

    def volume_and_place(self, index: int) -> tuple[int, int]:
        """Return which volume an image is of, and which of its images it is."""
        return divmod(index, self.slices)

    def plane(self, index: int) -> Plane:
        """Return where an image lies."""
        return self.planes[index % self.slices]

    def slab(self, first: int, last: int) -> NDArray[Any]:
        """Return images `first` (included) to `last` (excluded), of whichever volumes."""
        parts = []
        while first < last:
            volume, place = divmod(first, self.slices)
            stop = min(self.slices, place + last - first)
            parts.append(self.images[volume].slab(place, stop))
            first += stop - place
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def together(volumes: Volumes, results: tuple[Volume | ViewSet, ...]) -> Volumes | Views:
    """Return what became of volumes, one after another, as the frames of one result."""
    images = tuple(r for r in results if isinstance(r, ViewSet))
    if images:
        return Views(images, volumes.dimensions, volumes.durations)
    return replace(volumes, volumes=tuple(r for r in results if isinstance(r, Volume)))
