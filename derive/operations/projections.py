"""Projections of slabs: the largest, the smallest or the mean value along the normal of a plane."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.axes import PlaneName
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.views import ViewSet
from derive.model.volume import Array, Volume
from derive.operations.declaration import Axis, Short, operation
from derive.operations.kit.projection import project
from derive.operations.kit.turning import turn_of, turned

#: Sum and number of the values that are no padding, by pixel.
Sums = tuple[NDArray[np.float64], NDArray[np.int_]]
F = TypeVar("F", bound=Callable[..., Volume | ViewSet])

_PLANES = {"axial": "ax", "coronal": "cor", "sagittal": "sag"}
#: What holds for every projection, behind the first line of its docstring.
OF_SLABS = """
Slabs start at the outer edge of the volume; the last one may be cut short by its end. Pixel padding
is left out. Nothing is interpolated: planes other than the native ones are the volume's own axes,
so an oblique volume stays oblique.

Parameters
----------
volume : Volume
slab_mm : float, optional
    Thickness of a slab in mm; without it one image of everything.
step_mm : float, optional
    Distance between the centres of neighbouring slabs in mm; without it the thickness.
plane : {"native", "axial", "coronal", "sagittal"}
    Plane of the images, shown in the customary way; native is that of the source.

Raises
------
UsageError
    ``OP-SLAB`` if a length is not above 0, or a step comes without a slab; ``OP-PLANE``.
"""

#: What holds for those that can turn.
OF_A_TURN = """rotate : int, optional
    How many views there are from all around, evenly over 360 degrees: images that are no stack. Each pixel shows the
    voxels that the line of sight through its middle passes; nothing is interpolated.
axis : {"head-feet", "left-right", "anterior-posterior"} or (x, y, z), optional
    With rotate: what is turned about, the axis of the volume that is nearest to it; without it head-feet.
"""
_ERRORS = "\nRaises\n------\n"


def _from_around(projection: F) -> F:
    doc = projection.__doc__ or ""
    refused = "\n    ``OP-ROTATE`` for a count of no turn, or with slabs or a plane; ``OP-AXIS``."
    projection.__doc__ = doc.rstrip().replace(_ERRORS, f"{OF_A_TURN}{_ERRORS}") + refused
    return projection


def _refuse_axis(axis: object) -> None:
    if axis is not None:
        raise UsageError("OP-AXIS", f"axis {axis!r} without rotate; give how many views there are")


def _refuse_slabs(slab_mm: float | None, step_mm: float | None, plane: str) -> None:
    if slab_mm is not None or step_mm is not None or plane != "native":
        raise UsageError("OP-ROTATE", "rotate is of the whole volume; leave out slab_mm, step_mm and plane")


def _of_slabs(projection: F) -> F:
    projection.__doc__ = f"{inspect.getdoc(projection) or ''}\n{OF_SLABS}"
    return projection


def _short(word: str) -> Short:
    """Word, plane and slabs: ``MIP cor 10/5 mm``, of slabs of 10 mm every 5."""

    def short(given: Mapping[str, Any]) -> str:
        if given.get("rotate") is not None:
            return f"{word} {given['rotate']} views {short_text_of(given.get('axis')) or 'head-feet'}"
        lengths = [given.get(name) for name in ("slab_mm", "step_mm")]
        if lengths[1] == lengths[0]:
            del lengths[1]
        shown = short_text_of([mm for mm in lengths if mm is not None])
        return " ".join(filter(None, [word, _PLANES.get(given.get("plane", ""), ""), shown and f"{shown} mm"]))

    return short


@operation(
    "MaximumIntensityProjection",
    GeometryEffect.PROJECTION,
    ValuesEffect.KEEPS_VALUES,
    terms={"ImageType": "MAX_IP", "ReprojectionMethod": "MAX PIXEL"},
    example={"slab_mm": 10, "step_mm": 5, "plane": "coronal"},
    short=_short("MIP"),
)
@_from_around
@_of_slabs
def mip(
    volume: Volume,
    *,
    slab_mm: float | None = None,
    step_mm: float | None = None,
    plane: PlaneName = "native",
    rotate: int | None = None,
    axis: Axis | None = None,
) -> Volume | ViewSet:
    """Project the largest value of each slab, or of everything from all around."""
    if rotate is None:
        _refuse_axis(axis)
        return project(volume, (slab_mm, step_mm), plane, _largest)
    _refuse_slabs(slab_mm, step_mm, plane)
    return turned(volume, turn_of(volume.geometry, rotate, "head-feet" if axis is None else axis), np.fmax)


@operation(
    "MinimumIntensityProjection",
    GeometryEffect.PROJECTION,
    ValuesEffect.KEEPS_VALUES,
    terms={"ImageType": "MIN_IP"},
    example={"slab_mm": 5},
    short=_short("MinIP"),
)
@_from_around
@_of_slabs
def minip(
    volume: Volume,
    *,
    slab_mm: float | None = None,
    step_mm: float | None = None,
    plane: PlaneName = "native",
    rotate: int | None = None,
    axis: Axis | None = None,
) -> Volume | ViewSet:
    """Project the smallest value of each slab, or of everything from all around."""
    if rotate is None:
        _refuse_axis(axis)
        return project(volume, (slab_mm, step_mm), plane, _smallest)
    _refuse_slabs(slab_mm, step_mm, plane)
    return turned(volume, turn_of(volume.geometry, rotate, "head-feet" if axis is None else axis), np.fmin)


@operation(
    "PixelByPixelMean",
    GeometryEffect.PROJECTION,
    ValuesEffect.KEEPS_QUANTITY,
    terms={"ImageType": "MEAN"},
    example={"slab_mm": 5, "step_mm": 5},
    short=_short("mean"),
)
@_of_slabs
def mean_projection(
    volume: Volume, *, slab_mm: float | None = None, step_mm: float | None = None, plane: PlaneName = "native"
) -> Volume:
    """Project the mean of each slab."""
    return project(volume, (slab_mm, step_mm), plane, _mean)


def _largest(chunks: Iterator[Array]) -> Array:
    return functools.reduce(np.fmax, (np.fmax.reduce(planes, axis=0) for planes in chunks))


def _smallest(chunks: Iterator[Array]) -> Array:
    return functools.reduce(np.fmin, (np.fmin.reduce(planes, axis=0) for planes in chunks))


def _mean(chunks: Iterator[Array]) -> Array:
    sums, counts = functools.reduce(_added, map(_sums_and_counts, chunks))
    none = np.full(counts.shape, np.nan)
    return np.asarray(np.divide(sums, counts, out=none, where=counts > 0), dtype=np.float32)


def _sums_and_counts(planes: Array) -> Sums:
    native = ~np.isnan(planes)
    return np.where(native, planes, 0).sum(axis=0, dtype=np.float64), native.sum(axis=0)


def _added(one: Sums, other: Sums) -> Sums:
    return one[0] + other[0], one[1] + other[1]
