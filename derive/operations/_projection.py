"""What the projections share: planes, slabs, and the grid of the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from derive.errors import UsageError
from derive.geometry import Geometry, triple
from derive.volume import Array, Volume

Plane = Literal["native", "axial", "coronal", "sagittal"]
Reduce = Callable[[Array], Array]

#: Direction of the rows and of the columns on a display, in the patient (LPS), by plane.
DISPLAY = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}
SLICE_AXIS = 0
#: Slices of the source that are looked at together when the planes are not the source's.
CHUNK = 16


@dataclass(frozen=True)
class View:
    """How array axes are taken for the slices, rows and columns of a plane.

    Parameters
    ----------
    axes : (int, int, int)
        Array axis that becomes the slice, row and column axis.
    flips : (bool, bool, bool)
        Whether it runs the other way.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def array(self, values: Array) -> Array:
        """The same values, seen this way."""
        steps = tuple(slice(None, None, -1 if flip else None) for flip in self.flips)
        return values.transpose(self.axes)[steps]

    def geometry(self, geometry: Geometry) -> Geometry:
        """The same voxels, seen this way."""
        signs = [-1.0 if flip else 1.0 for flip in self.flips]
        directions = [triple(geometry.directions[:, a] * s) for a, s in zip(self.axes, signs, strict=True)]
        first = np.zeros(3)
        for axis, flip in zip(self.axes, self.flips, strict=True):
            first[axis] = geometry.shape[axis] - 1 if flip else 0
        slices, rows, columns = (geometry.shape[a] for a in self.axes)
        return Geometry(
            first_position=triple(geometry.points_of(first)),
            row_cosines=directions[2],
            column_cosines=directions[1],
            pixel_spacing=(geometry.spacing[self.axes[1]], geometry.spacing[self.axes[2]]),
            slice_spacing=geometry.spacing[self.axes[0]],
            shape=(slices, rows, columns),
            frame_of_reference_uid=geometry.frame_of_reference_uid,
        )


NATIVE = View((0, 1, 2), (False, False, False))


def view_of(geometry: Geometry, plane: Plane) -> View:
    """Permutation and flips that come closest to the display convention of a plane; no interpolation.

    An oblique volume stays oblique. Slices ascend along the normal of the new planes.
    """
    if plane == "native":
        return NATIVE
    wanted = np.array(DISPLAY[plane], dtype=float)
    normal = np.cross(wanted[0], wanted[1])
    likeness = geometry.directions.T @ np.stack([normal, wanted[1], wanted[0]], axis=1)
    axes = max(_PERMUTATIONS, key=lambda p: sum(abs(likeness[a, i]) for i, a in enumerate(p)))
    row_flip = bool(likeness[axes[1], 1] < 0)
    column_flip = bool(likeness[axes[2], 2] < 0)
    columns = geometry.directions[:, axes[2]] * (-1 if column_flip else 1)
    rows = geometry.directions[:, axes[1]] * (-1 if row_flip else 1)
    slice_flip = bool(np.cross(columns, rows) @ geometry.directions[:, axes[0]] < 0)
    return View(axes, (slice_flip, row_flip, column_flip))


_PERMUTATIONS: tuple[tuple[int, int, int], ...] = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


@dataclass(frozen=True)
class Slabs:
    """Which planes go into which slab.

    Parameters
    ----------
    members : tuple of (first, last)
        Planes of each slab, ascending.
    centers_mm : tuple of float
        Centre of each nominal slab, from the centre of the first plane.
    step_mm, thickness_mm : float
    """

    members: tuple[tuple[int, int], ...]
    centers_mm: tuple[float, ...]
    step_mm: float
    thickness_mm: float


def slabs_of(count: int, spacing_mm: float, slab_mm: float | None, step_mm: float | None) -> Slabs:
    """Lay slabs from the first outer edge on; the last one is cut short by the end, so nothing is lost.

    A plane belongs to a slab that its centre lies in; a slab thinner than the planes takes the nearest.

    Raises
    ------
    UsageError
        ``OP-SLAB`` if a length is not above 0, or a step comes without a slab.
    """
    for name, value in (("slab_mm", slab_mm), ("step_mm", step_mm)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError("OP-SLAB", f"{name} {value}; wanted above 0, in mm")
    extent = count * spacing_mm
    if slab_mm is None:
        if step_mm is not None:
            raise UsageError("OP-SLAB", "step_mm goes with slab_mm; without a slab there is one image of everything")
        return Slabs(((0, count),), ((extent - spacing_mm) / 2,), extent, extent)
    step = slab_mm if step_mm is None else step_mm
    last_center = (count - 0.5) * spacing_mm
    covering = 2 + math.floor((last_center - slab_mm) / step + 1e-6) if last_center >= slab_mm else 1
    number = min(covering, 1 + math.floor(last_center / step + 1e-6))
    starts = [j * step for j in range(number)]
    members = tuple(_members(start, start + slab_mm, count, spacing_mm) for start in starts)
    centers = tuple(start + slab_mm / 2 - spacing_mm / 2 for start in starts)
    return Slabs(members, centers, step, slab_mm)


def _members(start: float, stop: float, count: int, spacing_mm: float) -> tuple[int, int]:
    first = math.ceil(start / spacing_mm - 0.5 - 1e-6)
    last = math.ceil(stop / spacing_mm - 0.5 - 1e-6)
    if last <= first:
        first = min(count - 1, max(0, math.floor((start + stop) / 2 / spacing_mm)))
        return first, first + 1
    return max(0, first), min(count, last)


def project(
    volume: Volume, slabs: tuple[float | None, float | None], plane: Plane, reduce: Reduce
) -> Volume:
    """Project a volume.

    Parameters
    ----------
    volume : Volume
    slabs : (slab_mm, step_mm)
    plane : Plane
    reduce : callable (planes, rows, columns) -> (rows, columns)
        Ignores NaN; NaN where there is nothing else.
    """
    view = view_of(volume.geometry, plane)
    seen = view.geometry(volume.geometry)
    layout = slabs_of(seen.shape[0], seen.slice_spacing, *slabs)
    geometry = replace(
        seen,
        first_position=triple(np.array(seen.first_position) + layout.centers_mm[0] * np.array(seen.normal)),
        slice_spacing=layout.step_mm,
        slice_thickness=layout.thickness_mm,
        shape=(len(layout.members), *seen.shape[1:]),
    )
    if view.axes[0] == SLICE_AXIS:
        return _along_slices(volume, geometry, view, layout, reduce)
    return _across_slices(volume, geometry, view, layout, reduce)


def _along_slices(volume: Volume, geometry: Geometry, view: View, layout: Slabs, reduce: Reduce) -> Volume:
    """The planes are the source's: a slab at a time is in memory."""
    count = volume.shape[0]

    def members(index: int) -> tuple[int, int]:
        first, last = layout.members[index]
        return (count - last, count - first) if view.flips[0] else (first, last)

    def pull(first: int, last: int) -> Array:
        return np.stack([reduce(view.array(volume.slab(*members(k)))) for k in range(first, last)])

    return replace(
        volume,
        geometry=geometry,
        pull=pull,
        contributors=lambda index: volume.contributors_of(range(*members(index))),
    )


def _across_slices(volume: Volume, geometry: Geometry, view: View, layout: Slabs, reduce: Reduce) -> Volume:
    """The planes cut the source's: its slices are looked at in turn, and the result is kept whole."""
    result: list[Array] = []

    def whole() -> Array:
        if not result:
            output = np.empty(geometry.shape, np.float32)
            axis = 1 + view.axes[1:].index(SLICE_AXIS)
            for first in range(0, volume.shape[0], CHUNK):
                last = min(first + CHUNK, volume.shape[0])
                seen = view.array(volume.slab(first, last))
                place = [slice(None)] * 2
                start, stop = (volume.shape[0] - last, volume.shape[0] - first) if view.flips[axis] else (first, last)
                place[axis - 1] = slice(start, stop)
                for k, (a, b) in enumerate(layout.members):
                    output[(k, *place)] = reduce(seen[a:b])
            result.append(output)
        return result[0]

    everything = volume.contributors_of(range(volume.shape[0]))
    return replace(
        volume,
        geometry=geometry,
        pull=lambda first, last: whole()[first:last],
        contributors=lambda index: everything,
    )

