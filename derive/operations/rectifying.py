"""Slices that lean or lie unevenly, on a regular grid: what a tilted gantry, gaps and uneven steps ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.geometry import Geometry
from derive.model.planes import GAP_SPACINGS, Planes, planes_of
from derive.model.reference import FrameRef
from derive.model.volume import Array, SliceBySlice, Volume
from derive.operations.declaration import operation
from derive.operations.kit.lattice import Lattice, refuse_gaps


def _found(before: Geometry, after: Geometry) -> str:
    """Say how far the slices leaned, and how much of the result lies between them."""
    lattice = Lattice(before, after.slice_spacing)
    places = [lattice.between(k) for k in range(after.shape[0])]
    between = sum(p.below != p.above for p in places)
    tilt = f"{lattice.planes.tilt_degrees:.2f} degrees" if lattice.planes.tilted else "no tilt"
    return f"{tilt}, {between} of {len(places)} planes between slices"


def _step_mm(planes: Planes) -> float:
    """Return the usual step between slices; of uneven ones to a micrometre.

    *2026-12-01.* Most planes of these lie between slices anyway, and GDCM reads a spacing to three decimals: more of
    them would place the last of many slices a little off there. Even slices keep their step, and so their values.
    """
    even = planes.even or planes.even_but_for_gaps
    return planes.usual_mm if even else round(planes.usual_mm, 3) or planes.usual_mm


def _short(given: Mapping[str, Any]) -> str:
    gaps = short_text_of(given["max_gap_mm"])
    return f"rectified, gaps to {gaps} mm" if gaps else "rectified"


@operation(
    "SpatialResampling",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    example={"max_gap_mm": 7.5},
    fixes={"GEO-GAP": "{flag:max_gap_mm MM}"},
    takes_tilt=True,
    takes_uneven=True,
    first="first put slices that lean (gantry tilt) or lie unevenly on a regular grid: a step of its own",
    found=_found,
    short=_short,
)
def rectify(volume: Volume, *, max_gap_mm: float | None = None) -> Volume:
    """Put slices that lean (gantry tilt) or lie unevenly on a regular grid along their normal.

    The step of the grid is the usual one between the slices. The pixels are those of the first slice, and as many
    around as all slices need: nothing is cut off. Between two slices values are interpolated along the line from one
    to the other, within a plane by parts of a pixel (linear). A stack that is regular stays as it is.

    Parameters
    ----------
    volume : Volume
    max_gap_mm : float, optional
        How far apart two slices may be for what lies between them to be interpolated; without it 1.5 usual steps.

    Raises
    ------
    UsageError
        ``OP-LENGTH`` unless the length is above 0.
    GeometryError
        ``GEO-GAP`` if two neighbouring slices are further apart.
    """
    planes = planes_of(volume.geometry)
    if planes.even and planes.straight and not volume.geometry.tilted:
        return volume
    if max_gap_mm is not None and not 0 < max_gap_mm < np.inf:
        raise UsageError("OP-LENGTH", f"max_gap_mm {max_gap_mm}; wanted a length above 0")
    refuse_gaps(planes, GAP_SPACINGS * planes.usual_mm if max_gap_mm is None else max_gap_mm)
    lattice, outside = Lattice(volume.geometry, _step_mm(planes)), volume.quantity.fill

    def pull(first: int, last: int) -> Array:
        return np.stack([lattice.plane(volume, k, outside) for k in range(first, last)])

    def contributors(index: int) -> tuple[FrameRef, ...]:
        at = lattice.between(index)
        return volume.contributors_of({at.below, at.above})

    span = volume.value_range
    return replace(
        volume,
        geometry=lattice.grid,
        pull=SliceBySlice(pull),
        contributors=contributors,
        value_range=None if span is None else (min(span[0], outside), max(span[1], outside)),
    )
