"""Smoothing that stops at edges: anisotropic diffusion."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from derive import parallel
from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.volume import Array, SliceBySlice, Volume
from derive.operations.declaration import operation
from derive.operations.kit.diffusion import CurvatureFlow

#: More steps than that leave little to be seen, and each asks for a slice more at both sides.
MOST = 100
#: Rows that a thread takes at a time.
BAND = 64


@operation(
    "Smoothing",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: {"iterations": 1, "conductance": 50.0},
    example={"iterations": 5, "conductance": 50},
    short=lambda given: f"diffusion {given['iterations']} x {short_text_of(given['conductance'])}",
    in_planes=lambda given: given["in_planes"],
)
def anisotropic_diffusion(
    volume: Volume, *, conductance: float, iterations: int = 5, in_planes: bool = False
) -> Volume:
    """Smooth along edges and not across them, step by step (modified curvature diffusion).

    The equation and its differences are those of SimpleITK's CurvatureAnisotropicDiffusion, with steps of a 16th of the
    square of the smallest spacing, and lengths in mm along each axis. Nothing flows over the border of the volume or
    into pixel padding, which stays padding; no value leaves the range of those around it.

    Parameters
    ----------
    volume : Volume
    conductance : float
        Where edges begin: the change of the values per mm at which 61 % is let through, in their units; at three times
        that it is 1 %.
    iterations : int
        How many steps, 1 to 100; each takes values from one voxel further away.
    in_planes : bool
        Whether slices are smoothed each by itself, which leaves those that lean or lie unevenly where they are.

    Raises
    ------
    UsageError
        ``OP-CONDUCTANCE`` unless it is above 0, ``OP-ITERATIONS`` for another number of steps.

    Notes
    -----
    *2026-12-01.* SimpleITK gives the conductance in parts of the mean gradient of all voxels, which no slab of a
    volume knows, and which is another for every series: the same parameter would do other things to two of one patient.
    It is theirs times the root of that mean square. They divide a difference of two flows by no length, which is right
    for voxels of 1 mm only; with these both give the same.

    References
    ----------
    Perona, Malik, IEEE PAMI 12(7), 1990. Whitaker, Xue, "Variable-conductance, level-set curvature for image
    denoising", ICIP 2001.
    """
    if not 0 < conductance < math.inf:
        raise UsageError("OP-CONDUCTANCE", f"conductance {conductance}; wanted above 0, in the units of values per mm")
    if not (isinstance(iterations, int) and 1 <= iterations <= MOST):
        raise UsageError("OP-ITERATIONS", f"iterations {iterations}; wanted a whole number from 1 to {MOST}")
    axes = tuple(axis for axis in range(3) if volume.shape[axis] > 1 and not (axis == 0 and in_planes))
    flow = CurvatureFlow(axes, volume.geometry.spacing, conductance)
    (slices, rows, _), through = volume.shape, iterations if 0 in axes else 0

    def around(first: int, last: int) -> tuple[int, int]:
        return max(0, first - through), min(slices, last + through)

    def pull(first: int, last: int) -> Array:
        start, stop = around(first, last)
        values, result = volume.slab(start, stop), np.empty((last - first, *volume.shape[1:]), np.float32)

        def band(top: int) -> None:
            begin, bottom = max(0, top - iterations), min(rows, top + BAND)
            part = flow.after(iterations, values[:, begin : min(rows, bottom + iterations)])
            result[:, top:bottom] = part[first - start : last - start, top - begin : bottom - begin]

        parallel.each(band, range(0, rows, BAND))
        return result

    return replace(
        volume,
        pull=SliceBySlice(pull),
        contributors=lambda index: volume.contributors_of(range(*around(index, index + 1))),
    )
