"""Minimum intensity projection."""

from __future__ import annotations

import numpy as np

from derive.derivation import GeometryEffect, ValuesEffect
from derive.operations._projection import Plane, project
from derive.operations.declaration import operation
from derive.volume import Array, Volume


@operation(
    "MinimumIntensityProjection",
    GeometryEffect.PROJECTION,
    ValuesEffect.KEEPS_VALUES,
    image_type_term="MIN_IP",
)
def minip(
    volume: Volume, slab_mm: float | None = None, step_mm: float | None = None, plane: Plane = "native"
) -> Volume:
    """Project the smallest value of each slab.

    Slabs are laid from the outer edge of the volume on; the last one may be cut short by its end. Pixel
    padding is left out. Planes are the volume's own, permuted: an oblique volume stays oblique.

    Parameters
    ----------
    volume : Volume
    slab_mm : float, optional
        Thickness of a slab in mm; without it one image of everything.
    step_mm : float, optional
        Distance between the centres of neighbouring slabs in mm; without it the thickness.
    plane : {"native", "axial", "coronal", "sagittal"}
        Plane of the images; native is that of the source.

    Raises
    ------
    UsageError
        ``OP-SLAB`` if a length is not above 0, or a step comes without a slab.
    """
    return project(volume, (slab_mm, step_mm), plane, _smallest)


def _smallest(planes: Array) -> Array:
    return np.asarray(np.fmin.reduce(planes, axis=0))
