"""Minimum intensity projection."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from derive.model.axes import PlaneName
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.volume import Array, Volume
from derive.operations.declaration import operation
from derive.operations.kit.projection import project


@operation(
    "MinimumIntensityProjection",
    GeometryEffect.PROJECTION,
    ValuesEffect.KEEPS_VALUES,
    image_type_term="MIN_IP",
)
def minip(
    volume: Volume, slab_mm: float | None = None, step_mm: float | None = None, plane: PlaneName = "native"
) -> Volume:
    """Project the smallest value of each slab.

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
    return project(volume, (slab_mm, step_mm), plane, _smallest)


def _smallest(chunks: Iterator[Array]) -> Array:
    return functools.reduce(np.fmin, (np.fmin.reduce(planes, axis=0) for planes in chunks))
