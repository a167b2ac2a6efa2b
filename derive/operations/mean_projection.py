"""Mean of slabs."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from derive.model.axes import PlaneName
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.volume import Array, Volume
from derive.operations.declaration import operation
from derive.operations.kit.projection import project

#: Sum and number of the values that are no padding, by pixel.
Sums = tuple[NDArray[np.float64], NDArray[np.int_]]


@operation(
    "PixelByPixelMean",
    GeometryEffect.PROJECTION,
    ValuesEffect.KEEPS_QUANTITY,
    image_type_term="MEAN",
)
def mean_projection(
    volume: Volume, slab_mm: float | None = None, step_mm: float | None = None, plane: PlaneName = "native"
) -> Volume:
    """Project the mean of each slab.

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
        PlaneName of the images, shown in the customary way; native is that of the source.

    Raises
    ------
    UsageError
        ``OP-SLAB`` if a length is not above 0, or a step comes without a slab; ``OP-PLANE``.
    """
    return project(volume, (slab_mm, step_mm), plane, _mean)


def _mean(chunks: Iterator[Array]) -> Array:
    sums, counts = functools.reduce(_added, map(_sums_and_counts, chunks))
    none = np.full(counts.shape, np.nan)
    return np.asarray(np.divide(sums, counts, out=none, where=counts > 0), dtype=np.float32)


def _sums_and_counts(planes: Array) -> Sums:
    native = ~np.isnan(planes)
    return np.where(native, planes, 0).sum(axis=0, dtype=np.float64), native.sum(axis=0)


def _added(one: Sums, other: Sums) -> Sums:
    return one[0] + other[0], one[1] + other[1]
