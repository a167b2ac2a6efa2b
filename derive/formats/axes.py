"""The axes of an NRRD: which are of space, which is of time or of several numbers a voxel, and where they lie."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import SourceError, ValuesError
from derive.formats.place import Place, Triple, point, stated
from derive.formats.space import NOTHING, placed
from derive.formats.stored import damaged
from derive.formats.textual import numbers, whole

#: Spaces that say where the patient is, with the signs that turn them to LPS.
SIGNS = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
}
SIGNS |= {"lps": SIGNS["left-posterior-superior"], "ras": SIGNS["right-anterior-superior"]}
SIGNS |= {"las": SIGNS["left-anterior-superior"]}
#: All spaces of the format, and how many axes each has.
SPACES = {**dict.fromkeys(SIGNS, 3), **{f"{k}-time" if "-" in k else f"{k}t": 4 for k in SIGNS}}
SPACES |= {"scanner-xyz": 3, "3d-right-handed": 3, "3d-left-handed": 3}
SPACES |= {"scanner-xyz-time": 4, "3d-right-handed-time": 4, "3d-left-handed-time": 4}
#: Kinds of an axis of space or time; an unknown one is of either.
DOMAIN = ("domain", "space", "time", "???", "none", "")
LENGTHS = {"mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "cm": 10.0, "m": 1000.0, "meter": 1000.0}
LENGTHS |= {"um": 0.001, "µm": 0.001, "μm": 0.001, "micron": 0.001, "microns": 0.001}
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6}
Fields = Mapping[str, str]


@dataclass(frozen=True)
class Axes:
    """What each axis is.

    Parameters
    ----------
    space : tuple of int
        Axes of space, at most three, fastest first.
    time : tuple of int
        Axes beyond the third; more than one is refused with the numbers.
    components : int, optional
        The axis of several numbers a voxel, and its `kind` in words of NRRD.
    kind : str
    vectors : tuple
        The vector of each axis in space, None for none.
    spacings : tuple of float, optional
        Of each axis.
    """

    space: tuple[int, ...]
    time: tuple[int, ...]
    components: int | None
    kind: str
    vectors: tuple[tuple[float, ...] | None, ...]
    spacings: tuple[float, ...] | None
    notes: tuple[str, ...] = ()

    def arranged(self, array: NDArray[Any]) -> tuple[NDArray[Any], int | None]:
        """Return an array with its axes in the order space, time, components, and which one is that of components."""
        last = () if self.components is None else (self.components,)
        turned = array.transpose(*self.space, *self.time, *last)
        return turned, None if self.components is None else turned.ndim - 1

    def place(self, fields: Fields, name: str) -> tuple[Place, tuple[str, ...]]:
        """Return where the grid lies, as far as the header says, and notes.

        Raises
        ------
        derive.errors.GeometryError
            ``GEO-DETERMINANT``, ``GEO-LIMITS`` or ``GEO-TIME``.
        """
        space = fields.get("space", "").lower()
        signs = SIGNS.get(space.removesuffix("-time")) or SIGNS.get(space[:3] if len(space) == 4 else "")
        place = self._unplaced(name)
        if signs is not None:
            place = replace(place, directions=_turned(place.directions, signs), origin=_origin(fields, signs, name))
            notes: tuple[str, ...] = ()
        else:
            said = f"its space is {space}, which is" if space else "its NRRD header states no space, so it says"
            place = replace(place, directions=None)
            notes = (f"{said} no place in a patient; its place was not used",)
        mm, unit_notes = _unit(fields, len(self.vectors), self.space)
        place = place.without_lengths() if mm is None else place.in_mm(mm)
        return place.checked(name), (*notes, *unit_notes)

    def _unplaced(self, name: str) -> Place:
        """Return distances and directions in the space of the file."""
        vectors = [self.vectors[axis] for axis in self.space]
        known = [v for v in vectors if v is not None]
        if not known:
            spacings = [] if self.spacings is None else [self.spacings[axis] for axis in self.space]
            return Place(stated(spacings))
        with np.errstate(over="ignore", under="ignore"):
            lengths = [np.nan if v is None else math.hypot(*v) for v in vectors]
        if len(known) < 3:
            return Place(stated(lengths))
        rows = [*known, *(v for v in (self.vectors[axis] for axis in self.time) if v is not None)]
        columns = np.array(rows).T
        if columns.shape[0] != columns.shape[1]:
            columns = np.array(known).T
            if np.abs(columns[3:]).max(initial=0) > NOTHING:
                columns = np.pad(columns, ((0, 0), (0, 1)))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            units = columns.copy()
            units[:, :3] = columns[:, :3] / np.array(lengths)
        if not np.isfinite(lengths).all():
            return Place(stated(lengths))
        if not all(lengths):
            return Place(stated(lengths), np.zeros((3, 3)))  # refused with its name, as one that spans no volume
        return placed(stated(lengths), units, None, name)[0]

    def time_step(self, fields: Fields) -> float | None:
        """Return seconds between the times, where the header says it."""
        if len(self.time) != 1 or self.components is not None or _kinds(fields, self.time[0]) not in ("time", "domain"):
            return None
        axis = self.time[0]
        units = _quoted(fields, "spaceunits") or _quoted(fields, "units")
        factor = SECONDS.get(units[axis]) if len(units) > axis else None
        vector = self.vectors[axis]
        step = vector[3] if vector and len(vector) > 3 else self.spacings[axis] if self.spacings else None
        if factor is None or step is None or not np.isfinite(step) or step <= 0:
            return None
        return factor * float(step)


def axes_of(fields: Fields, count: int, name: str) -> Axes:
    """Say what each of `count` axes is.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` for a header that contradicts itself, ``SRC-FORMAT`` for an axis of which it does not say
        what it is.
    derive.errors.ValuesError
        ``VAL-5D`` for two axes of several numbers a voxel.
    """
    kinds = fields.get("kinds", "").lower().split() or [""] * count
    if len(kinds) != count:
        raise damaged(name, f"its header has {len(kinds)} kinds of {count} axes")
    vectors = _vectors(fields, count, name)
    spacings = numbers(fields.get("spacings"), count, "spacings", name)
    if spacings and ("space" in fields or "spacedimension" in fields):
        raise damaged(name, "its header states spacings in a space, which has directions")
    ranges = [axis for axis, kind in enumerate(kinds) if kind not in DOMAIN]
    if len(ranges) > 1:
        raise ValuesError("VAL-5D", f"{name} has {len(ranges)} axes of several numbers a voxel; wanted at most one")
    for axis, vector in enumerate(vectors):
        if "spacedirections" in fields and vector is None and axis not in ranges and kinds[axis] != "time":
            raise SourceError(
                "SRC-FORMAT",
                f"axis {axis} of {name} has no direction, and its kind says nothing; write its kind (list, ...)",
            )
    domain = [axis for axis in range(count) if axis not in ranges]
    timed = [axis for axis in domain if kinds[axis] == "time"]
    space = [axis for axis in domain if axis not in timed]
    kind = {"rgb-color": "RGB-color", "hsv-color": "HSV-color", "xyz-color": "XYZ-color"}
    return Axes(
        tuple(space[:3]),
        (*space[3:], *timed),
        ranges[0] if ranges else None,
        kind.get(kinds[ranges[0]], kinds[ranges[0]]) if ranges else "",
        tuple(vectors),
        spacings,
    )


def _kinds(fields: Fields, axis: int) -> str:
    kinds = fields.get("kinds", "").lower().split()
    return kinds[axis] if axis < len(kinds) and kinds[axis] in ("time", "domain", "space") else "time"


def _vectors(fields: Fields, count: int, name: str) -> Sequence[tuple[float, ...] | None]:
    """Return the vector of each axis."""
    space = fields.get("space", "").lower()
    length = SPACES.get(space)
    if "spacedimension" in fields:
        (said,) = whole(fields["spacedimension"], 1, "spacedimension", name)
        length = length or said
        if said != length:
            raise damaged(name, "its header states two dimensions of its space")
    if space and space not in SPACES:
        raise damaged(name, "its header states a space that NRRD does not have")
    text = fields.get("spacedirections")
    if text is None:
        return [None] * count
    found = re.findall(r"\([^()]*\)|none|\S+", text)
    if length is None or len(found) != count:
        raise damaged(name, f"its header has {len(found)} space directions of {count} axes")
    return [None if word == "none" else _vector(word, length, "spacedirections", name) for word in found]


def _vector(word: str, length: int, key: str, name: str) -> tuple[float, ...]:
    if not (word.startswith("(") and word.endswith(")")):
        raise damaged(name, f"its header has no vector where {key} takes one")
    inside = word[1:-1].replace(",", " ")
    return numbers(inside, length, key, name) or ()


def _turned(directions: NDArray[np.float64] | None, signs: Triple) -> NDArray[np.float64] | None:
    return None if directions is None else directions * np.array(signs)[:, None]


def _origin(fields: Fields, signs: Triple, name: str) -> Triple | None:
    text = fields.get("spaceorigin", "none").strip()
    if text == "none":
        return None
    length = SPACES[fields["space"].lower()]
    found = _vector(text, length, "spaceorigin", name)
    return point([v * s for v, s in zip(found[:3], signs, strict=True)])


def _quoted(fields: Fields, key: str) -> list[str]:
    return [unit.strip().lower() for unit in re.findall(r'"([^"]*)"', fields.get(key, ""))]


def _unit(fields: Fields, count: int, space: Sequence[int]) -> tuple[float | None, tuple[str, ...]]:
    """Return mm per unit of length, None where it is of no unit that is known, and a note where it is not mm."""
    of_space, of_axes = _quoted(fields, "spaceunits"), _quoted(fields, "units")
    named = of_space[:3] or [of_axes[axis] for axis in space if axis < len(of_axes)]
    units = set(named) - {"", "???"}
    if not units:
        return 1.0, ()
    if len(units) > 1 or not units <= LENGTHS.keys():
        return None, ("its units of length differ or are not known: its lengths were not used",)
    unit = units.pop()
    factor = LENGTHS[unit]
    return factor, (f"its lengths are in {unit}; they were converted to mm",) if factor != 1.0 else ()
