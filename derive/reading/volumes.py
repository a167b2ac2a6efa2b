"""The volumes of a stack: what tells the images at one position apart, and which of them belong together.

::

    what an index names ─▶ settings ─▶ counts ─▶ times, slice by slice ─▶ texts ─▶ indices
    each of them is taken if every volume still has an image at every place

Values decide. The index values of Dimension Index Sequence break ties only, since scanners number as they like; where
they contradict the values that they stand for, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.model.dimension import Dimension, DimensionValue, dimension_kinds, value_told
from derive.model.planes import SAME_POSITION_MM, Planes
from derive.reading.dimension_pointers import NUMBERED, SPATIAL, indices, named_apartness, orders, pointers_of_all
from derive.reading.dimension_values import Apartness, apartness, chosen_by
from derive.reading.header import Header
from derive.reading.runs import refuse_unfinished
from derive.reading.untold import refuse_untold
from derive.told.secrecy import shown_code_strings, some
from derive.told.wording import counted, flag

Whole = NDArray[np.int64]
#: Times that go on from slice to slice tell volumes apart by their order at each place.
_RUNNING = ("time", "clock")
#: What images that lie at one position may differ in, and be no volumes: the same slice may have been taken twice.
_WEAK = ("AcquisitionNumber", "AcquisitionDateTime", "AcquisitionTime", "ContentTime", "ConvolutionKernel", "ImageType")
#: Kinds of dimensions that tell volumes apart before all others.
_FIRST = ("measure", "direction", "beat", "percent", "time")


class ToldApart(NamedTuple):
    """The volumes of a stack.

    Parameters
    ----------
    volumes : tuple of tuple of int
        The images of each, in the order of the places.
    dimensions : tuple of Dimension
        What tells them apart; none of a single one.
    """

    volumes: tuple[tuple[int, ...], ...]
    dimensions: tuple[Dimension, ...]

    def told(self, number: int) -> str:
        """Say what a volume is, from 0."""
        return ", ".join(f"{d.keyword} {_shown(d.values[number])}" for d in self.dimensions)

    def chosen(self, number: int) -> str:
        """Name the flags that take a volume, from 0, as it is."""
        return " ".join(chosen_by(d.keyword, d.values[number]) for d in self.dimensions)

    def reaches(self, number: int, planes: Planes) -> bool:
        """Whether a volume lacks images at its ends only, from 0: all are there between its first and its last."""
        has = set(self.volumes[number])
        there = [k for k, place in enumerate(planes.places) if not has.isdisjoint(place)]
        return there[-1] - there[0] + 1 == len(there)

    def lacking(self, number: int, planes: Planes) -> str:
        """Say where a volume has no image, from 0, mm along the normal."""
        has = set(self.volumes[number])
        return some([f"{planes.along_mm[k]:.2f}" for k, place in enumerate(planes.places) if has.isdisjoint(place)])


@dataclass(frozen=True, eq=False)
class _Split:
    """Images in groups, by the criteria that were taken so far.

    Parameters
    ----------
    place : (images,) int
        Where each lies.
    places : int
    group : (images,) int
        Which group each is in.
    taken : tuple of (Apartness, (images,) int, bool)
        Each criterion with the level of each image in it, and whether levels are those of a place.
    """

    place: Whole
    places: int
    group: Whole
    taken: tuple[tuple[Apartness, Whole, bool], ...] = ()

    @property
    def single(self) -> bool:
        """Whether no group has two images at a place."""
        return len(np.unique(self.group * self.places + self.place)) == len(self.place)

    def by(self, found: Apartness, *, whole: bool = True) -> _Split | None:
        """Split groups by a criterion; None where it splits none, or tears images apart that lie beside each other.

        Parameters
        ----------
        found : Apartness
        whole : bool
            Whether every new group must have an image at every place; otherwise at most of them.
        """
        group = _numbered(self.group, found.levels)
        if group.max() == self.group.max():
            return None
        at = np.unique(group * self.places + self.place) // self.places
        least = int(np.bincount(at).min())
        if least < self.places and (whole or 2 * least < self.places):
            return None
        return replace(self, group=group, taken=(*self.taken, (found, found.levels, False)))

    def by_order(self, found: Apartness) -> _Split | None:
        """Split groups by the order of a criterion at each place; None where places have not as many values."""
        if (found.levels == 0).any():
            return None
        rows = np.unique(np.stack([self.group, self.place, found.levels], axis=1), axis=0)
        cell = rows[:, 0] * self.places + rows[:, 1]
        begins = np.r_[0, np.flatnonzero(np.diff(cell)) + 1]
        counts = np.diff(np.r_[begins, len(cell)])
        rank = np.arange(len(cell)) - np.repeat(begins, counts)
        of_group = rows[begins, 0]
        most = np.zeros(int(self.group.max()) + 1, dtype=np.int64)
        np.maximum.at(most, of_group, counts)
        if (counts != most[of_group]).any() or most.max() == 1:
            return None
        known = {tuple(row): r for row, r in zip(rows.tolist(), rank.tolist(), strict=True)}
        each = zip(self.group.tolist(), self.place.tolist(), found.levels.tolist(), strict=True)
        levels = np.array([known[key] for key in each], dtype=np.int64)
        group = _numbered(self.group, levels)
        return replace(self, group=group, taken=(*self.taken, (found, levels, True)))


def _numbered(group: Whole, levels: Whole) -> Whole:
    return np.asarray(np.unique(np.stack([group, levels], axis=1), axis=0, return_inverse=True)[1]).reshape(-1)


def volumes_of(headers: Sequence[Header], planes: Planes) -> ToldApart:
    """Tell the images at each position apart.

    Parameters
    ----------
    headers : sequence of Header
        Of one orientation, matrix and quantity; at some position there are several.
    planes : Planes
        Where they lie.

    Raises
    ------
    GeometryError
        ``GEO-4D`` where nothing tells them apart, or a volume lacks images that others have; ``GEO-DUPLICATE`` where
        they are alike.
    """
    start = _start(planes)
    found = _told(headers, start)
    if not found.single:
        _refuse_incomplete(headers, planes)
        refuse_unfinished(headers, planes)
        refuse_untold(headers, planes)
    return _sorted(headers, found)


def _start(planes: Planes) -> _Split:
    place = np.empty(len(planes.order), dtype=np.int64)
    for number, members in enumerate(planes.places):
        place[list(members)] = number
    return _Split(place, len(planes.places), np.zeros_like(place))


def refuse_moved(headers: Sequence[Header], planes: Planes) -> None:
    """Refuse volumes that lie beside each other where they should lie at one place: no grid is that of all of them.

    *2026-12-01.* Shifted by half a slice they would make one even stack of twice as many slices, in silence. Asked is
    what is set for a volume as a whole; counts and times may go on from slice to slice.

    Raises
    ------
    GeometryError
        ``GEO-4D``
    """
    split = _start(planes)
    for found in (f for f, _ in _criteria(headers, settings=True) if f is not None and f.varies):
        group = _numbered(split.group, found.levels)
        split = replace(split, group=group, taken=(*split.taken, (found, found.levels, False)))
    counts = np.bincount(split.group)
    if len(counts) == 1 or not split.single or counts.min() < 2 or counts.min() < counts.max():
        return
    along = np.sort(
        np.array(planes.along_mm)[split.place][np.lexsort((split.place, split.group))].reshape(len(counts), -1)
    )
    off = np.abs(along - along[0]).max(axis=1)
    worst = int(off.argmax())
    length = along[0, -1] - along[0, 0]
    if SAME_POSITION_MM < off[worst] <= length:
        raise GeometryError(
            "GEO-4D",
            f"volumes lie at different places: that of {_values_of(split, worst)} up to {off[worst]:.2f} mm from that "
            f"of {_values_of(split, 0)}, along the normal; one grid is needed for all. Take them one by one: "
            f"{_one_by_one(split)}",
            off_mm=float(off[worst]),
            varying=[found.kind.keyword for found, _, _ in split.taken],
        )


def _one_by_one(split: _Split) -> str:
    """Name the flags that take the first group of a split."""
    first = int(np.flatnonzero(split.group == 0)[0])
    return " ".join(chosen_by(found.kind.keyword, found.values[first]) for found, _, _ in split.taken)


def _told(headers: Sequence[Header], split: _Split, *, whole: bool = True) -> _Split:
    """Take one criterion after another, until no volume has two images at a place."""
    weak = _WEAK if split.places == 1 and all(h.frame_number == 1 for h in headers) else ()
    for found, running in _criteria(headers):
        if split.single:
            break
        if found is None or not found.varies or found.kind.keyword in weak:
            continue
        split = split.by(found, whole=whole) or (split.by_order(found) if running and whole else None) or split
    if whole and split.taken and not split.single:
        return _numbered_through(headers, split) or split
    return split


def _numbered_through(headers: Sequence[Header], split: _Split) -> _Split | None:
    """Tell volumes with equal settings apart by their Instance Numbers, where these go through one after the other.

    Images without weighting are often taken several times, and of some vendors nothing else says which belong together.
    """
    found = apartness(headers, NUMBERED)
    parts = split.by_order(found)
    if parts is None or not parts.single:
        return None
    levels = [found.levels[parts.group == g] for g in range(int(parts.group.max()) + 1)]
    ends = pairwise(sorted((int(own.min()), int(own.max())) for own in levels))
    return parts if all(last < first for (_, last), (first, _) in ends) else None


def _criteria(headers: Sequence[Header], *, settings: bool = False) -> Iterator[tuple[Apartness | None, bool]]:
    """Yield what may tell volumes apart, what is most telling first, and whether its order alone may.

    With `settings` only what is set for a volume as a whole.
    """
    kinds = dimension_kinds()
    pointers = [p for p in pointers_of_all(headers) if p.keyword not in SPATIAL]
    counts = [p for p in pointers if p.keyword in kinds and kinds[p.keyword].kind == "count"]
    for pointer in (p for p in pointers if p not in counts and not settings):
        found = named_apartness(headers, pointer)
        yield found, found is not None and found.kind.kind in _RUNNING
    if settings:
        yield from ((apartness(headers, k), False) for k in kinds.values() if k.kind in ("measure", "direction"))
        return
    yield from ((apartness(headers, k), False) for k in kinds.values() if k.kind in _FIRST)
    yield from ((named_apartness(headers, p), False) for p in counts)
    yield from ((apartness(headers, k), False) for k in kinds.values() if k.kind == "count")
    yield from ((apartness(headers, k), True) for k in kinds.values() if k.kind in _RUNNING)
    yield _numbered_times(headers), True
    yield from ((apartness(headers, k), False) for k in kinds.values() if k.kind == "text")
    yield from ((indices(headers, p), False) for p in pointers)


def _numbered_times(headers: Sequence[Header]) -> Apartness | None:
    """Instance Numbers, where the images say how many times there are (PS3.3 C.8.3.1): they count on from one on."""
    if not all((h.lenient.integer("NumberOfTemporalPositions") or 0) > 1 for h in headers):
        return None
    return apartness(headers, NUMBERED)


def _sorted(headers: Sequence[Header], split: _Split) -> ToldApart:
    """Put volumes in the order of what tells them apart, and their images in the order of the places."""
    count = int(split.group.max()) + 1
    first = [int(np.flatnonzero(split.group == g)[0]) for g in range(count)]
    columns = [_ascending(headers, found, levels) for found, levels, _ in split.taken]
    order = sorted(range(count), key=lambda g: tuple(int(c[first[g]]) for c in columns))
    volumes = []
    for g in order:
        members = np.flatnonzero(split.group == g)
        volumes.append(tuple(int(i) for i in members[np.argsort(split.place[members])]))
    dimensions = tuple(_dimension(found, ordered, volumes) for found, _, ordered in split.taken)
    return ToldApart(tuple(volumes), dimensions)


def _ascending(headers: Sequence[Header], found: Apartness, levels: Whole) -> Whole:
    """Return what sorts by a criterion; directions come in the order in which they were measured, where it is told."""
    if found.kind.kind != "direction":
        return levels
    for when in orders(headers):
        if (when.levels == 0).any():
            continue
        least = np.full(int(levels.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(least, levels, when.levels)
        least[0] = 0  # no direction comes first
        told = np.unique(levels)
        if len(np.unique(least[told])) == len(told):
            return least[levels]
    return levels


def _dimension(found: Apartness, ordered: bool, volumes: Sequence[Sequence[int]]) -> Dimension:
    """Return the value of each volume; where it goes on from slice to slice, that of the slice which came first."""
    if found.kind.keyword == "InstanceNumber":
        return _counted_times(found, volumes)
    values: list[DimensionValue] = []
    for volume in volumes:
        each = [found.values[i] for i in volume]
        values.append(min(v for v in each if isinstance(v, float)) if ordered else each[0])
    if found.kind.kind == "clock":  # seconds after the first
        begin = min(v for v in values if isinstance(v, float))
        values = [v - begin if isinstance(v, float) else v for v in values]
    return Dimension(found.kind.keyword, tuple(values), found.kind.units)


def _counted_times(found: Apartness, volumes: Sequence[Sequence[int]]) -> Dimension:
    rank = {level: n for n, level in enumerate(sorted({int(found.levels[v[0]]) for v in volumes}), 1)}
    values = tuple(float(rank[int(found.levels[v[0]])]) for v in volumes)
    return Dimension("TemporalPositionIdentifier", values)


def parts_of(headers: Sequence[Header], planes: Planes) -> ToldApart | None:
    """Tell volumes apart of which some lack images; None where nothing tells, or none lacks any.

    Parameters
    ----------
    headers, planes
        As :func:`volumes_of` takes them.
    """
    split = _told(headers, _start(planes), whole=False)
    return _sorted(headers, split) if split.single and np.bincount(split.group).min() < split.places else None


def _refuse_incomplete(headers: Sequence[Header], planes: Planes) -> None:
    """Refuse volumes of which some lack images that others have; nothing where that is not what is wrong."""
    parts = parts_of(headers, planes)
    if parts is None:
        return
    places = len(planes.places)
    short = [n for n, volume in enumerate(parts.volumes) if len(volume) < places]
    whole = [n for n, volume in enumerate(parts.volumes) if len(volume) == places]
    told = [f"#{n + 1} {parts.told(n)} has {len(parts.volumes[n])}" for n in short]
    way = f", or take whole ones: {flag('volumes', str(whole[0] + 1))}" if whole else ""
    if all(parts.reaches(n, planes) for n in short):
        way += f"; where volumes reach unequally far, {parts.chosen(short[0])} takes one as it is"
    raise GeometryError(
        "GEO-4D",
        f"{counted(len(parts.volumes), 'volume')} of {counted(places, 'position')}, and images are missing: "
        f"{some(told)}. The first lacks those {parts.lacking(short[0], planes)} mm along the normal. Add the missing "
        f"files{way}",
        positions=places,
        images=len(headers),
        varying=[d.keyword for d in parts.dimensions],
        incomplete=[n + 1 for n in short],
    )


def _values_of(split: _Split, group: int) -> str:
    first = int(np.flatnonzero(split.group == group)[0])
    values = ((found.kind.keyword, found.values[first]) for found, _, _ in split.taken)
    return ", ".join(f"{k} {_shown(v)}" for k, v in values)


def _shown(value: DimensionValue) -> str:
    return shown_code_strings(value) if isinstance(value, str) else value_told(value)
