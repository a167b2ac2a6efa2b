"""What differs between two sets of files: by entity, in geometry, and in values where they lie on one grid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from derive.elements.confidential import MASKED, NOTE, masked
from derive.elements.element import keyword_of
from derive.elements.meaning import meaning
from derive.errors import DeriveError, SourceError, UsageError
from derive.model.stacking import stack
from derive.model.volume import Volume, slabs
from derive.reading.files import Files
from derive.reading.header import Header
from derive.records.corrections import told_corrections
from derive.records.written import ENTITIES, Gathered, class_name, entity_of, gather, shown
from derive.told.progress import counting
from derive.told.wording import counted, flag

#: Shown of a value of either side, and kept of it.
_WIDEST, _KEPT, _ABSENT = 44, 1024, "-"
_SHORT = {"Frame of Reference": "FoR"}


@dataclass(frozen=True)
class Change:
    """One attribute that is not the same.

    Parameters
    ----------
    tag : int
    entity : str
    left, right : str, optional
        The value as text, of several ``N values: the first ...``; None where no image of that side has it.
    """

    tag: int
    entity: str
    left: str | None
    right: str | None

    @property
    def keyword(self) -> str:
        """Keyword, or (gggg,eeee)."""
        return keyword_of(self.tag)

    @property
    def kind(self) -> str:
        """changed, only left or only right."""
        return "only right" if self.left is None else "only left" if self.right is None else "changed"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        facts = {"keyword": self.keyword, "tag": f"{self.tag:08X}", "kind": self.kind}
        return facts | {"left": self.left, "right": self.right}


@dataclass(frozen=True)
class Side:
    """What one side is.

    Parameters
    ----------
    name : str
    images, series, skipped : int
        How many; files that are no DICOM or cannot be read are skipped.
    sop_classes : mapping name -> how many
    volume : Volume, optional
        Where it is one readable series; `why_not` says why it is none.
    corrections : tuple of str
        Those that its objects say, a line each.
    """

    name: str
    images: int
    series: int
    sop_classes: Mapping[str, int]
    skipped: int
    volume: Volume | None = field(default=None, repr=False)
    why_not: str = ""
    corrections: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line."""
        classes = ", ".join(f"{n} {name}" for name, n in self.sop_classes.items())
        line = f"{self.name}: {classes or 'no DICOM file'} in {self.series} series"
        if self.volume is None:
            return f"{line}; no volume: {self.why_not}"
        slices, rows, columns = self.volume.shape
        between, down, along = self.volume.geometry.spacing
        return f"{line}; {columns} x {rows} x {slices} of {along:.6g} x {down:.6g} x {between:.6g} mm (x y z)"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        grid = self.volume.geometry if self.volume else None
        return {
            "name": self.name,
            "images": self.images,
            "series": self.series,
            "sop_classes": dict(self.sop_classes),
            "skipped": self.skipped,
            "geometry": grid and {"shape": list(grid.shape), "spacing_mm": list(grid.spacing)},
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
        numbers = f"from {self.least:.6g} to {self.largest:.6g}, mean {self.mean:.6g} {self.units}"
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
    """

    left: Side
    right: Side
    changes: tuple[Change, ...]
    equal: Mapping[str, int]
    same_grid: bool | None = None
    largest_distance_mm: float | None = None
    values: ValueDifference | None = None
    why_no_values: str = ""

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
        rows = [(c.keyword, *_cells(c.left, c.right)) for c in self.changes if c.entity == entity]
        widths = [max(len(r[i]) for r in rows) for i in range(2)]
        for keyword, left, right in rows:
            yield f"  {keyword:<{widths[0]}}  {left:<{widths[1]}}  |  {right}"

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
    changes, equal = _changes(left_images, right_images)
    if not show_values:
        changes = tuple(replace(c, left=_masked(c.tag, c.left), right=_masked(c.tag, c.right)) for c in changes)
    if one.volume is None or other.volume is None:
        return Difference(one, other, changes, equal, why_no_values="not both sides are one volume")
    grids = one.volume.geometry, other.volume.geometry
    same, distance = grids[0].same_grid(grids[1]), grids[0].largest_distance(grids[1])
    values, why_not = _values(one.volume, other.volume, same)
    return Difference(one, other, changes, equal, same, distance, values, why_not)


def _masked(tag: int, text: str | None) -> str | None:
    return None if text is None else masked(tag, text)


def _side(files: Files, assume: Mapping[str, object] | None, show_values: bool) -> tuple[Side, tuple[Header, ...]]:
    paths = [Path(p) for p in ([files] if isinstance(files, str | Path) else files)]
    found = gather(paths)
    name, images = str(paths[0]) if len(paths) == 1 else f"{len(paths)} paths", found.instances
    skipped = len(found.skipped) + len(found.unreadable)
    if not images:
        raise SourceError("SRC-NONE", f"{Path(name).name}: no DICOM file was found in {counted(skipped, 'file')}")
    classes = Counter(class_name(i.text("SOPClassUID")) for i in images)
    series = len({i.text("SeriesInstanceUID") for i in images})
    volume, why_not = _volume(found, assume)
    corrections = told_corrections(images, show_values=show_values)
    return Side(name, len(images), series, classes, skipped, volume, why_not, corrections), images


def _volume(found: Gathered, assume: Mapping[str, object] | None) -> tuple[Volume | None, str]:
    """Return the volume of one side; what this side says itself nobody assumes of it."""
    try:
        try:
            return stack(found.series(assume=assume)), ""
        except UsageError:
            return stack(found.series()), ""
    except DeriveError as error:
        return None, f"{error.code}: {error.message.partition(chr(10))[0]}"


def _changes(left: Sequence[Header], right: Sequence[Header]) -> tuple[tuple[Change, ...], Counter[str]]:
    """Compare the values that each side has, whichever image has them."""
    equal: Counter[str] = Counter()
    changes: list[Change] = []
    sop_class = left[0].text("SOPClassUID")
    for tag in sorted({t for image in (*left, *right) for t in image.tags}):
        entity = entity_of(tag, sop_class)
        one, other = _found(left, tag), _found(right, tag)
        partly = [sum(n for _, n in found.values()) < len(side) for found, side in ((one, left), (other, right))]
        if set(one) == set(other) and partly[0] == partly[1]:
            equal[entity] += 1
        else:
            changes.append(Change(tag, entity, _summary(one, len(left)), _summary(other, len(right))))
    return tuple(sorted(changes, key=lambda c: (ENTITIES.index(c.entity), c.tag))), equal


def _found(images: Sequence[Header], tag: int) -> dict[object, tuple[str, int]]:
    """Different values, by what makes them differ: their text and how many images have them; none where absent."""
    found: dict[object, tuple[str, int]] = {}
    keys: dict[object, tuple[object, str]] = {}  # of the bytes: each is decoded once
    for image in images:
        if tag not in image.tags:
            continue
        element = image.elements.get(tag)
        raw = (image.others.get(tag), element, image.encodings)
        if raw not in keys:
            # What it means is compared, whatever its spelling and its character set.
            said = shown(image, tag, 1 << 20) if element is None else meaning(element, image.encodings)
            keys[raw] = said, shown(image, tag, _KEPT)
        key, text = keys[raw]
        found[key] = text, found.get(key, (text, 0))[1] + 1
    return found


def _summary(found: Mapping[object, tuple[str, int]], images: int) -> str | None:
    if not found:
        return None
    first = next(iter(found.values()))[0]
    having = sum(count for _, count in found.values())
    partly = f" (in {having} of {images})" if having < images else ""
    return (first if len(found) == 1 else f"{len(found)} values: {first} ...") + partly


def _values(left: Volume, right: Volume, same_grid: bool) -> tuple[ValueDifference | None, str]:
    """Subtract slab by slab."""
    if not same_grid:
        one_space = left.geometry.frame_of_reference_uid == right.geometry.frame_of_reference_uid
        return None, f"not compared: another {'grid' if one_space else 'frame of reference'}"
    units = left.quantity.units, right.quantity.units
    if units[0] != units[1]:
        return None, f"not compared: {units[0]} on the left and {units[1]} on the right"
    least, largest, total, voxels, differing, padding = math.inf, -math.inf, 0.0, 0, 0, 0
    try:
        for (_, one), (_, other) in counting("comparing", zip(slabs(left), slabs(right), strict=True)):
            blank = np.isnan(one) | np.isnan(other)
            padding += int(np.count_nonzero(np.isnan(one) != np.isnan(other)))
            apart = np.subtract(other, one, dtype=np.float64)[~blank]
            if apart.size:
                least, largest = min(least, float(apart.min())), max(largest, float(apart.max()))
            total, voxels = total + float(apart.sum()), voxels + apart.size
            differing += int(np.count_nonzero(apart))
    except DeriveError as error:
        return None, f"pixels cannot be read: {error}"
    ends = (least, largest, total / voxels) if voxels else (math.nan,) * 3
    return ValueDifference(units[0], voxels, differing, *ends, padding), ""


def _cells(left: str | None, right: str | None) -> tuple[str, str]:
    """Cut both sides to what fits; from the first difference on, where their beginnings are the same."""
    texts = [_ABSENT if t is None else t for t in (left, right)]
    begin = next((k for k, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
    if max(map(len, texts)) > _WIDEST and begin > _WIDEST // 2:
        texts = ["..." + t[max(0, begin - _WIDEST // 4) :] for t in texts]
    one, other = (t if len(t) <= _WIDEST else t[: _WIDEST - 3] + "..." for t in texts)
    return one, other
