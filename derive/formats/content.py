"""What is written into a file of volumes, slab by slab, and what is found in it when it is read back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.formats.beside import Weights
from derive.model.dimension import Dimension
from derive.model.frames import Volumes
from derive.model.volume import Array, Volume
from derive.told.secrecy import shown_code_strings
from derive.told.wording import flag

#: Slices that are decoded, written and compared at a time.
SLAB = 8


class Content:
    """What goes into a file: the values in its number type, remembered by the digests of their slabs.

    Parameters
    ----------
    volumes : Volumes
        One or several.
    series_instance_uid : str
    fill : float, optional
        What padding becomes; None where nobody knows, and padding is refused (``VAL-FILL``).
    time_step_s : float, optional
        From one volume to the next, where it is known and the same for all.
    weights : Weights, optional
        Of the volumes by diffusion, where they are known.
    """

    def __init__(
        self,
        volumes: Volumes,
        series_instance_uid: str,
        fill: float | None,
        time_step_s: float | None = None,
        weights: Weights | None = None,
    ) -> None:
        self.weights = weights
        self.volumes, self.geometry, self.quantity = volumes.volumes, volumes.geometry, volumes.quantity
        self.dimensions, self.time_step_s = volumes.dimensions, time_step_s
        self.fill = fill
        self.series_instance_uid = series_instance_uid
        self.padded = 0
        self.digests: list[bytes] = []
        self.dtype = self._number_type()

    @property
    def count(self) -> int:
        """How many volumes there are."""
        return len(self.volumes)

    @property
    def shape(self) -> tuple[int, ...]:
        """(slices, rows, columns), and before them how many volumes, where there are several."""
        return self.geometry.shape if self.count == 1 else (self.count, *self.geometry.shape)

    def slabs(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Give the slices `first` to `last` of each volume, with the fill value for padding; to be called once."""
        for volume in self._each():
            for first, last in runs(volume.count):
                values, padded = self._filled(volume, first, last)
                numbers = values.astype(self.dtype, copy=False)
                self.padded += padded
                self.digests.append(digest_of(numbers))
                yield first, last, numbers

    def _each(self) -> Iterator[Volume]:
        """Give the volumes, each without what it remembers of its slices afterwards: there may be hundreds."""
        return (replace(volume) for volume in self.volumes)

    def _filled(self, volume: Volume, first: int, last: int) -> tuple[Array, int]:
        """Return values without padding, and how many were padding."""
        values = volume.slab(first, last)
        padding = np.isnan(values)
        count = int(np.count_nonzero(padding))
        if not count:
            return values, 0
        if self.fill is None:
            raise ValuesError(
                "VAL-FILL",
                f"the series has padding, and no value is known that says so in its units; give "
                f"{flag('padding_value', 'NUMBER')}",
            )
        return np.where(padding, np.float32(self.fill), values), count

    def _number_type(self) -> np.dtype[Any]:
        """Return the smallest type that holds every value without loss."""
        low = high = 0.0
        for volume in self._each():
            for first, last in runs(volume.count):
                values, _ = self._filled(volume, first, last)
                if not np.array_equal(np.rint(values), values):
                    return np.dtype(np.float32)
                low, high = min(low, float(values.min())), max(high, float(values.max()))
        fitting = [k for k in (np.int16, np.int32) if np.iinfo(k).min <= low and high <= np.iinfo(k).max]
        return np.dtype([*fitting, np.float32][0])


def dimensions_said(dimensions: Sequence[Dimension]) -> list[dict[str, Any]]:
    """Return what tells volumes apart, for programs; of texts those that are code strings."""
    return [
        {
            "keyword": d.keyword,
            "units": d.units,
            "values": [shown_code_strings(v) if isinstance(v, str) else v for v in d.values],
        }
        for d in dimensions
    ]


def runs(slices: int) -> Iterator[tuple[int, int]]:
    """Give the slabs of so many slices, as (first, last)."""
    for first in range(0, slices, SLAB):
        yield first, min(first + SLAB, slices)


def digest_of(values: NDArray[Any]) -> bytes:
    """Return what values are known by."""
    return hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()


@dataclass(frozen=True)
class Found:
    """What a file holds.

    Parameters
    ----------
    affine : (4, 4)
        Of (slice, row, column, 1) to LPS mm.
    shape : tuple of int
        (slices, rows, columns), and before them how many volumes, where there are several.
    dtype : numpy.dtype
    slab : callable (volume, first, last) -> (last - first, rows, columns)
    """

    affine: NDArray[np.float64]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    slab: Callable[[int, int, int], NDArray[Any]]
