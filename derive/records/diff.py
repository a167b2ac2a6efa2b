"""What differs between two sets of files: by entity, in geometry, and in values where they lie on one grid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from derive.elements.confidential import MASKED, NOTE
from derive.errors import DeriveError, SourceError, UsageError
from derive.model.volume import Array, Volume, slabs
from derive.reading.files import Files
from derive.reading.header import Header
from derive.records.changes import Change, changes_between
from derive.records.corrections import told_corrections
from derive.records.frames import ranges_of
from derive.records.written import ENTITIES, Gathered, class_name, gather
from derive.told.progress import counting
from derive.told.wording import counted, flag

#: Shown of a value of either side.
_WIDEST, _ABSENT = 44, "-"
_SHORT = {"Frame of Reference": "FoR"}


@dataclass(frozen=True)
class Side:
    """What one side is.

    Parameters
    ----------
    name : str
    images, series, skipped : int
        How many; files that are no DICOM or cannot be read are skipped.
    sop_classes : mapping name -> how many
    volumes : tuple of Volume
        Where it is one readable series; `why_not` says why it is none.
    corrections : tuple of str
        Those that its objects say, a line each.
    """

    name: str
    images: int
    series: int
    sop_classes: Mapping[str, int]
    skipped: int
    volumes: tuple[Volume, ...] = field(default=(), repr=False)
    why_not: str = ""
    corrections: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line."""
        classes = ", ".join(f"{n} {name}" for name, n in self.sop_classes.items())
        line = f"{self.name}: {classes or 'no DICOM file'} in {self.series} series"
        if not self.volumes:
            return f"{line}; no volume: {self.why_not}"
        slices, rows, columns = self.volumes[0].shape
        between, down, along = self.volumes[0].geometry.spacing
        several = f"{len(self.volumes)} volumes of " if len(self.volumes) > 1 else ""
        extent = f"{columns} x {rows} x {slices} of {along:.6g} x {down:.6g} x {between:.6g} mm (x y z)"
        return f"{line}; {several}{extent}"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        grid = self.volumes[0].geometry if self.volumes else None
        return {
            "name": self.name,
            "images": self.images,
            "series": self.series,
            "sop_classes": dict(self.sop_classes),
            "skipped": self.skipped,
            "geometry": grid and {"shape": list(grid.shape), "spacing_mm": list(grid.spacing)},
            "volumes": len(self.volumes),
            "why_not": self.why_not,
            "corrections": list(self.corrections),
        }


@dataclass(frozen=True)
class ValueDifference:
    """Right minus left, in real-world units, where both lie on one grid.

    Parameters
    ----------
    units : str
    voxels, differing, padding : int
        Voxels that are padding on neither side, how many of them differ, and those padding on one side only.
    least, largest, mean : float
        Of the difference; NaN where there is no such voxel.
    """

    units: str
    voxels: int
    differing: int
    least: float
    largest: float
    mean: float
    padding: int

    def __str__(self) -> str:
        """Return one line."""
        if not self.differing and not self.padding:
            return f"values equal in all {self.voxels} voxels"
        units = "" if self.units == "1" else f" {self.units}"
        numbers = f"from {self.least:.6g} to {self.largest:.6g}, mean {self.mean:.6g}{units}"
        blanks = f"; {self.padding} voxels are padding on one side only" if self.padding else ""
        return f"values differ in {self.differing} of {self.voxels} voxels, right - left {numbers}{blanks}"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; null for what is no number."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in vars(self).items()}


@dataclass(frozen=True)
class Difference:
    """What differs between two sets of files.

    Parameters
    ----------
    left, right : Side
    changes : tuple of Change
        In the order of the entities, then of the tags.
    equal : mapping entity -> int
        How many attributes are the same.
    same_grid : bool, optional
        None unless both sides are volumes.
    largest_distance_mm : float, optional
        Between equal voxels; infinite where the shapes differ.
    values : ValueDifference, optional
    why_no_values : str
    shuffled : bool
        Whether the frames of both sides lie at the same places in another order.
    """

    left: Side
    right: Side
    changes: tuple[Change, ...]
    equal: Mapping[str, int]
    same_grid: bool | None = None
    largest_distance_mm: float | None = None
    values: ValueDifference | None = None
    why_no_values: str = ""
    shuffled: bool = False

    @property
    def same(self) -> bool:
        """Whether neither an attribute nor a value differs, as far as both could be read."""
        return not self.changes and (self.values is None or not (self.values.differing or self.values.padding))

    @property
    def entities(self) -> tuple[str, ...]:
        """The entities that either side has attributes of."""
        changed = {c.entity for c in self.changes}
        return tuple(e for e in ENTITIES if e in changed or self.equal.get(e))

    def __str__(self) -> str:
        """Return which entities are the same, then every change side by side."""
        changed = {c.entity for c in self.changes}
        same = "".join(f"{_SHORT.get(e, e)} = " for e in self.entities if e not in changed)
        other = ", ".join(_SHORT.get(e, e) for e in self.entities if e in changed)
        verdict = f"{same}| {other} changed" if other else f"{same}|"
        lines = [f"left   {self.left}", f"right  {self.right}", "", verdict, *self._geometry_lines()]
        lines += ["frames at the same places, in another order"] if self.shuffled else []
        for name, side in (("left", self.left), ("right", self.right)):
            lines += [f"corrected, {name}: {line}" for line in side.corrections]
        for entity in (e for e in self.entities if e in changed):
            lines += ["", f"{entity}: {self.equal.get(entity, 0)} the same", *self._table(entity)]
        if self.masks:
            lines += ["", f"{NOTE}; {flag('show_values')} shows them"]
        return "\n".join(lines)

    @property
    def masks(self) -> bool:
        """Whether any value is masked."""
        return any(MASKED in (c.left, c.right) for c in self.changes)

    def _geometry_lines(self) -> Iterator[str]:
        if self.same_grid is None:
            return
        distance = self.largest_distance_mm or 0.0
        apart = f", voxels up to {distance:.4g} mm apart" if math.isfinite(distance) else ", another shape"
        yield f"grid   the same{apart if distance else ''}" if self.same_grid else f"grid   another{apart}"
        yield f"pixels {self.values or self.why_no_values}"

    def _table(self, entity: str) -> Iterator[str]:
        changes = [c for c in self.changes if c.entity == entity]
        rows = [(c.place, *_cells(c.left, c.right), ranges_of(c.frames)) for c in changes]
        widths = [max(len(r[i]) for r in rows) for i in range(2)]
        for place, left, right, frames in rows:
            where = f"  (frames {frames})" if frames else ""
            yield f"  {place:<{widths[0]}}  {left:<{widths[1]}}  |  {right}{where}"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        distance = self.largest_distance_mm
        return {
            "schema": "derive-diff/1",
            "left": self.left.to_json(),
            "right": self.right.to_json(),
            "same": self.same,
            "masked": self.masks,
            "entities": [
                {
                    "entity": entity,
                    "equal": self.equal.get(entity, 0),
                    "changes": [c.to_json() for c in self.changes if c.entity == entity],
                }
                for entity in self.entities
            ],
            "same_grid": self.same_grid,
            "largest_distance_mm": distance if distance is None or math.isfinite(distance) else None,
            "values": None if self.values is None else self.values.to_json(),
            "why_no_values": self.why_no_values,
            "shuffled": self.shuffled,
        }


def diff(
    left: Files, right: Files, *, assume: Mapping[str, object] | None = None, show_values: bool = False
) -> Difference:
    """Compare whatever pydicom can read: attributes, and geometry and values where both sides are volumes.

    Parameters
    ----------
    left, right : path, or iterable of paths
        Folders, zip archives, files.
    assume : mapping keyword -> value, optional
        What either side does not say of its geometry and values (see :func:`derive.read`).
    show_values : bool
        Whether also values are shown that tell whose images they are (PS3.15 E.1.1); else they are masked.

    Raises
    ------
    SourceError
        ``SRC-NONE`` if a side has no DICOM file at all, ``SRC-MISSING``, ``ZIP-...``.
    """
    (one, left_images), (other, right_images) = (_side(files, assume, show_values) for files in (left, right))
    found = changes_between(left_images, right_images)
    changes = found.changes if show_values else tuple(c.masked() for c in found.changes)
    if not one.volumes or not other.volumes:
        why_not = "not both sides are one volume"
        return Difference(one, other, changes, found.equal, why_no_values=why_not, shuffled=found.shuffled)
    grids = one.volumes[0].geometry, other.volumes[0].geometry
    same, distance = grids[0].same_grid(grids[1]), grids[0].largest_distance(grids[1])
    values, why_not = _values(one.volumes, other.volumes, same)
    return Difference(one, other, changes, found.equal, same, distance, values, why_not, found.shuffled)


def _side(files: Files, assume: Mapping[str, object] | None, show_values: bool) -> tuple[Side, tuple[Header, ...]]:
    paths = [Path(p) for p in ([files] if isinstance(files, str | Path) else files)]
    found = gather(paths)
    name, images = str(paths[0]) if len(paths) == 1 else f"{len(paths)} paths", found.instances
    skipped = len(found.skipped) + len(found.unreadable)
    if not images:
        raise SourceError("SRC-NONE", f"{Path(name).name}: no DICOM file was found in {counted(skipped, 'file')}")
    classes = Counter(class_name(i.text("SOPClassUID")) for i in images)
    series = len({i.text("SeriesInstanceUID") for i in images})
    volumes, why_not = _volumes(found, assume)
    corrections = told_corrections(images, show_values=show_values)
    return Side(name, len(images), series, classes, skipped, volumes, why_not, corrections), images


def _volumes(found: Gathered, assume: Mapping[str, object] | None) -> tuple[tuple[Volume, ...], str]:
    """Return the volumes of one side; what this side says itself nobody assumes of it."""
    try:
        try:
            return found.series(assume=assume).volumes, ""
        except UsageError:
            return found.series().volumes, ""
    except DeriveError as error:
        why_not = f"{error.code}: {error.message.partition(chr(10))[0]}"
        volumes = _of_several(found) if error.code == "SRC-SERIES" else ()
        return volumes, "" if volumes else why_not


def _of_several(found: Gathered) -> tuple[Volume, ...]:
    """Return the volumes of several series on one grid, as volumes are written that one series cannot hold."""
    uids = dict.fromkeys(i.text("SeriesInstanceUID") for i in found.instances)
    try:
        volumes = [volume for uid in uids for volume in found.series(uid).volumes]
    except DeriveError:
        return ()
    first = volumes[0].geometry
    return tuple(volumes) if all(first.same_grid(v.geometry) for v in volumes) else ()


def _values(left: Sequence[Volume], right: Sequence[Volume], same_grid: bool) -> tuple[ValueDifference | None, str]:
    """Subtract slab by slab, one volume after another."""
    if not same_grid:
        one_space = left[0].geometry.frame_of_reference_uid == right[0].geometry.frame_of_reference_uid
        return None, f"not compared: another {'grid' if one_space else 'frame of reference'}"
    if len(left) != len(right):
        return None, f"not compared: {counted(len(left), 'volume')} on the left and {len(right)} on the right"
    units = left[0].quantity.units, right[0].quantity.units
    if units[0] != units[1]:
        return None, f"not compared: {units[0]} on the left and {units[1]} on the right"
    try:
        return _subtracted(units[0], zip(_slabs(left), _slabs(right), strict=True)), ""
    except DeriveError as error:
        return None, f"pixels cannot be read: {error}"


def _slabs(volumes: Sequence[Volume]) -> Iterator[Array]:
    return (values for volume in volumes for _, values in slabs(volume))


def _subtracted(units: str, pairs: Iterable[tuple[Array, Array]]) -> ValueDifference:
    least, largest, total, voxels, differing, padding = math.inf, -math.inf, 0.0, 0, 0, 0
    for one, other in counting("comparing", pairs):
        blank = np.isnan(one) | np.isnan(other)
        padding += int(np.count_nonzero(np.isnan(one) != np.isnan(other)))
        apart = np.subtract(other, one, dtype=np.float64)[~blank]
        if apart.size:
            least, largest = min(least, float(apart.min())), max(largest, float(apart.max()))
        total, voxels = total + float(apart.sum()), voxels + apart.size
        differing += int(np.count_nonzero(apart))
    ends = (least, largest, total / voxels) if voxels else (math.nan,) * 3
    return ValueDifference(units, voxels, differing, *ends, padding)


def _cells(left: str | None, right: str | None) -> tuple[str, str]:
    """Cut both sides to what fits; from the first difference on, where their beginnings are the same."""
    texts = [_ABSENT if t is None else t for t in (left, right)]
    begin = next((k for k, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
    if max(map(len, texts)) > _WIDEST and begin > _WIDEST // 2:
        texts = ["..." + t[max(0, begin - _WIDEST // 4) :] for t in texts]
    one, other = (t if len(t) <= _WIDEST else t[: _WIDEST - 3] + "..." for t in texts)
    return one, other
