"""What holds segments, on the grid of the series that they are of: a label map, masks, or maps of fractions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.errors import GeometryError, ValuesError
from derive.formats import open_file
from derive.formats.samples import Samples
from derive.model.geometry import ONE_GRID_MM, Geometry
from derive.model.reorient import Placing
from derive.model.segmented import Stored
from derive.model.segments import MAXIMUM, MOST
from derive.told.wording import flag

#: What label maps are called, and how many labels they have at most.
_LIKE_LABELS = re.compile("seg|label|mask", re.IGNORECASE)
_FEW = 128


def like_labels(samples: Samples) -> bool:
    """Whether a file looks like a label map: by its name, and since it holds few small whole numbers."""
    if not _LIKE_LABELS.search(samples.name) or samples.colour or samples.scale != (1.0, 0.0):
        return False
    different = np.unique(samples.array[..., :1])
    return bool(len(different) <= _FEW and different[0] == 0 and (different == np.rint(different)).all())


@dataclass(frozen=True, eq=False)
class Channels:
    """What holds segments: a label map, or several masks or maps of fractions of one grid.

    Parameters
    ----------
    first : Samples
        A label map; or of several times one a segment.
    more : tuple of Path
        Further files, of a segment each, which are opened one after the other.
    """

    first: Samples
    more: tuple[Path, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What several files are called, without the end that says their format; nothing of one."""
        return tuple(_stem(name) for name in (self.first.name, *(p.name for p in self.more))) if self.more else ()

    @property
    def several(self) -> bool:
        """Whether there are several."""
        return bool(self.more) or self.first.times > 1

    def each(self) -> Iterator[tuple[int, Samples, NDArray[Any]]]:
        """Give number, file and (i, j, k) of each.

        Raises
        ------
        GeometryError
            ``GEO-SHAPE`` for a file on another grid than the first, ``GEO-4D`` for several volumes in one of several.
        """
        if not self.more:
            for number in range(1, self.first.times + 1):
                yield number, self.first, self.first.array[:, :, :, number - 1]
            return
        for number, samples in enumerate(self._files(), 1):
            if samples.times > 1 or samples.colour:
                raise GeometryError("GEO-4D", f"{samples.name} holds several volumes; of several files each has one")
            if samples.array.shape != self.first.array.shape or not _one_place(samples, self.first):
                raise GeometryError(
                    "GEO-SHAPE", f"{samples.name} and {self.first.name} lie on different grids; wanted masks on one"
                )
            yield number, samples, samples.array[:, :, :, 0]

    def _files(self) -> Iterator[Samples]:
        yield self.first
        for path in self.more:
            yield open_file(path)


def _stem(name: str) -> str:
    return name.split(".", 1)[0]


def _one_place(one: Samples, other: Samples) -> bool:
    if one.affine is None or other.affine is None:
        return one.affine is None and other.affine is None
    corners = np.array([(*corner, 1.0) for corner in np.ndindex(2, 2, 2)])
    corners[:, :3] *= np.array(one.array.shape[:3]) - 1
    return float(np.abs(corners @ (one.affine - other.affine).T).max()) <= ONE_GRID_MM


@dataclass(frozen=True, eq=False)
class OnGrid:
    """Brings numbers of a file onto the grid of the reference: as they are, or to the nearest voxel.

    Parameters
    ----------
    placing : Placing
    grid : Geometry, optional
        Another than that of the file.
    """

    placing: Placing
    grid: Geometry | None

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return (slice, row, column) of (i, j, k); outside of the file there is 0."""
        own = np.asarray(self.placing.of(array[:, :, :, None])[0])
        if self.grid is None:
            return own
        made = np.zeros(self.grid.shape, own.dtype)

        def fill(place: int) -> None:
            made[place] = self._nearest(own, place)

        parallel.each(fill, range(made.shape[0]))
        return made

    def _nearest(self, own: NDArray[Any], place: int) -> NDArray[Any]:
        assert self.grid is not None, "there is another grid"
        rows, columns = self.grid.shape[1:]
        origin, right, down = self.placing.geometry.index_of(
            self.grid.points_of(np.array([(place, 0, 0), (place, 0, 1), (place, 1, 0)], float))
        )
        r, c = np.arange(rows)[:, None], np.arange(columns)[None, :]
        # Halves go one way, wherever single precision puts them.
        steps = zip(origin, right - origin, down - origin, strict=True)
        at = [np.floor(o + d * r + a * c + 0.5 + 1e-6).astype(np.intp) for o, a, d in steps]
        inside = np.logical_and.reduce([(i >= 0) & (i < n) for i, n in zip(at, own.shape, strict=True)])
        taken = own[tuple(i.clip(0, n - 1) for i, n in zip(at, own.shape, strict=True))]
        return np.asarray(np.where(inside, taken, np.zeros((), own.dtype)))


class Labelled(NamedTuple):
    """What a file holds, on the grid of the reference.

    Parameters
    ----------
    in_file : list of int
        Numbers of all segments that the file holds.
    numbers : list of int
        Of those that have a voxel of the grid: small ones of a finer file may have none.
    stored : callable (index, slice) -> (row, column) array
        What each of those is stored as.
    """

    in_file: list[int]
    numbers: list[int]
    stored: Stored


def map_of(samples: Samples, on_grid: OnGrid) -> Labelled:
    """Return the numbers of a label map, and what each is stored as."""
    whole = _whole(samples.array[:, :, :, 0], samples)
    labels = on_grid.of(whole)
    each = parallel.each(lambda place: np.unique(labels[place]), range(labels.shape[0]))
    numbers = _numbers(each)
    there, nothing = [frozenset(map(int, found)) for found in each], np.zeros(labels.shape[1:], np.bool_)

    def stored(index: int, place: int) -> NDArray[Any]:
        return np.asarray(labels[place] == numbers[index]) if numbers[index] in there[place] else nothing

    found = numbers if on_grid.grid is None else _numbers(parallel.each(np.unique, list(whole)))
    return Labelled(found, numbers, stored)


def _numbers(each: Sequence[NDArray[Any]]) -> list[int]:
    return [int(n) for n in np.unique(np.concatenate(each)) if n]


def _whole(array: NDArray[Any], samples: Samples) -> NDArray[Any]:
    """Return labels as the smallest type that holds them.

    Raises
    ------
    ValuesError
        ``SEG-VALUES``
    """
    slope, intercept = samples.scale
    values = array if (slope, intercept) == (1.0, 0.0) or array.dtype == bool else array * slope + intercept
    if values.dtype == bool:
        return values.astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f" and not (np.isfinite([low, high]).all() and (values == np.rint(values)).all()):
        raise ValuesError(
            "SEG-VALUES",
            f"{samples.name} holds numbers between whole ones, from {low:g} to {high:g}; a label map has whole ones. "
            f"Fractions are stored with {flag('segmentation_type', 'fractional')}",
        )
    if low < 0 or high > MOST:
        raise ValuesError(
            "SEG-VALUES", f"{samples.name} holds {low:g} to {high:g}; a label map has whole numbers from 0 to {MOST}"
        )
    return values.astype(np.uint8 if high < 1 << 8 else np.uint16)


class _Boxed(NamedTuple):
    """Stored values of a segment, in the smallest box that holds all that are not 0."""

    first: tuple[int, int, int]
    values: NDArray[Any]
    shape: tuple[int, int]

    def at(self, place: int) -> NDArray[Any]:
        """Return a slice."""
        whole = np.zeros(self.shape, self.values.dtype)
        k = place - self.first[0]
        if 0 <= k < self.values.shape[0]:
            _, r, c = self.first
            whole[r : r + self.values.shape[1], c : c + self.values.shape[2]] = self.values[k]
        return whole


def channels_of(channels: Channels, on_grid: OnGrid, *, fractional: bool) -> Labelled:
    """Return which of several masks, or maps of fractions, hold anything, and what each is stored as."""
    held = dict(_boxes(channels, on_grid, fractional=fractional))
    found = {number: box for number, box in held.items() if box is not None}
    numbers = list(found)

    def stored(index: int, place: int) -> NDArray[Any]:
        return found[numbers[index]].at(place)

    return Labelled(list(held), numbers, stored)


def _boxes(channels: Channels, on_grid: OnGrid, *, fractional: bool) -> Iterator[tuple[int, _Boxed | None]]:
    """Yield what holds anything in its file: its box on the grid, or None where no voxel of that has any of it."""
    for number, samples, channel in channels.each():
        own = _fractions(channel, samples) if fractional else _mask(channel, samples, number)
        if not own.any():
            continue
        values = on_grid.of(own)
        some = [np.flatnonzero(values.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        if not all(each.size for each in some):
            yield number, None
            continue
        box = tuple(slice(int(each[0]), int(each[-1]) + 1) for each in some)
        first = (box[0].start, box[1].start, box[2].start)
        yield number, _Boxed(first, values[box].copy(), (values.shape[1], values.shape[2]))


def _mask(channel: NDArray[Any], samples: Samples, number: int) -> NDArray[Any]:
    labels = _whole(channel, samples)
    if len(different := np.unique(labels[labels > 0])) > 1:
        raise ValuesError(
            "SEG-VALUES",
            f"volume {number} of {samples.name} has {len(different)} labels; of several volumes each is the mask of "
            "one segment: 0, and one other number",
        )
    return labels > 0


def _fractions(channel: NDArray[Any], samples: Samples) -> NDArray[Any]:
    slope, intercept = samples.scale
    values = channel.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        raise ValuesError("SEG-VALUES", f"{samples.name} holds {low:g} to {high:g}; fractions are numbers from 0 to 1")
    return np.asarray(np.rint(values * MAXIMUM).astype(np.uint8))
