"""Interpolation on another grid in the same space."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.geometry import Geometry
from derive.model.volume import Volume
from derive.operations.declaration import Grid, Millimetres, operation
from derive.operations.kit.grids import GridMapping, checked_reference, spaced_grid
from derive.operations.kit.lengths import along_axes, filled_with
from derive.operations.kit.refusing import refuse_place
from derive.operations.kit.sampling import KERNELS, Sampler
from derive.told.wording import flag

#: A grid is tried that is finer than the coarsest axis by this at most: a spacing of nothing is no reason to wait.
FINER = 4.0


def _short(given: Mapping[str, Any]) -> str:
    """Spacing, or that of the grid of another series, and the interpolator where it is not the usual one."""
    spacing, reference = given.get("spacing_mm"), given.get("reference")
    grid = getattr(reference, "geometry", reference)
    to = f"{short_text_of(spacing)} mm"
    if spacing is None:
        to = f"to grid {short_text_of(grid.spacing[::-1])} mm" if isinstance(grid, Geometry) else "to grid"
    fill = given.get("fill")
    others = [given.get("interpolator", "linear"), "" if fill is None else f"fill {short_text_of(fill)}"]
    return " ".join(["resample", to, *(o for o in others if o not in ("", "linear"))])


@operation(
    "SpatialResampling",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    code_in_new_plane="MultiplanarReformatting",
    trial=lambda geometry: {"spacing_mm": max(min(geometry.spacing), max(geometry.spacing) / FINER)},
    example={"spacing_mm": (0.8, 0.8, 2)},
    fixes={
        "GEO-SINGLE": "{flag:spacing_mm X Y Z}, with its own slice spacing for Z",
        "VAL-PHASE": "{flag:interpolator nearest}",
    },
    short=_short,
    mixes=lambda given: given["interpolator"] != "nearest",
    by_sample=True,
    takes_own_plane=True,
)
def resample(
    volume: Volume,
    *,
    spacing_mm: Millimetres | None = None,
    reference: Grid | None = None,
    interpolator: Literal["nearest", "linear", "bspline", "lanczos"] = "linear",
    fill: float | Literal["padding"] | None = None,
) -> Volume:
    """Interpolate on a grid of another spacing, or on the grid of another series.

    A new spacing keeps the extent: the outer edges of the first voxels stay where they are, so the first
    centre moves by half the difference, and nothing is shifted. Counts are rounded, so that every new
    centre lies inside. An axis whose spacing stays keeps its positions. A single slice has no neighbours
    to interpolate between: it can be resampled in its plane only, so z has to be its own slice spacing.

    Nothing is smoothed beforehand: put a Gaussian blur in front where the new grid is much coarser. The
    weights of ``lanczos`` (a sinc over ten voxels an axis) are normalised, so a constant stays constant;
    it takes a thousand voxels for one, and about as many times as long.

    Pixel padding does not bleed: a voxel whose nearest source voxel is padding is padding, and into the
    others none enters. Where a kernel meets padding, ``linear`` shares its weight out among the voxels
    that are none; ``bspline`` and ``lanczos`` take the nearest of them in its place.

    Parameters
    ----------
    volume : Volume
    spacing_mm : float or (x, y, z), optional
        New spacing in mm: one for all axes, or between columns, between rows and between slices. Images that lie in no
        patient are resampled each in its plane, whatever is said of slices.
    reference : SourceSeries, Volume or Geometry, optional
        Series whose grid is taken exactly as it is, in the same frame of reference.
    interpolator : {"nearest", "linear", "bspline", "lanczos"}
        How values between voxels are found.
    fill : float or "padding", optional
        Value outside the source's extent; without it -1000 in CT, 0 in MR and PET.

    Raises
    ------
    UsageError
        ``OP-GRID`` unless exactly one of `spacing_mm` and `reference` is given; ``OP-SPACING``,
        ``OP-LENGTH``, ``OP-INTERPOLATOR``, ``OP-FILL``.
    GeometryError
        ``GEO-FOR`` if the frame of reference is another or unknown, ``GEO-OVERLAP`` if the grids do not
        meet, ``GEO-SINGLE`` if a single slice is asked for another slice spacing, ``GEO-PLANE`` for the grid of another
        series where images lie in no patient.
    """
    if interpolator not in KERNELS:
        wanted = ", ".join(KERNELS)
        raise UsageError("OP-INTERPOLATOR", f"interpolator {interpolator!r}; wanted one of {wanted}")
    outside = filled_with(volume, fill)
    grid, mapping = _planned(volume.geometry, spacing_mm, reference)
    sampler = Sampler(volume, mapping, KERNELS[interpolator], outside)
    padded = volume.quantity.padded or (math.isnan(outside) and not mapping.inside)
    return replace(
        volume,
        geometry=grid,
        pull=sampler.pull,
        contributors=sampler.contributors,
        quantity=replace(volume.quantity, padded=padded),
        value_range=_range(sampler),
    )


def _planned(source: Geometry, spacing_mm: Millimetres | None, reference: Grid | None) -> tuple[Geometry, GridMapping]:
    """Return the new grid and where it lies in the source."""
    if spacing_mm is not None and reference is None:
        through, down, along = along_axes(spacing_mm)
        grid = spaced_grid(source, (through if source.in_patient else source.slice_spacing, down, along))
        return grid, GridMapping.between(grid, source)
    if reference is not None and spacing_mm is None:
        grid = reference if isinstance(reference, Geometry) else reference.geometry
        for geometry in (source, grid):
            refuse_place("resample", geometry, flag("spacing_mm", "X Y Z"))
        mapping = checked_reference(source, grid)
        thickness = source.slice_thickness if mapping.keeps_slices else grid.slice_spacing
        return replace(grid, slice_thickness=thickness), mapping
    found = "neither" if reference is None else "both"
    raise UsageError("OP-GRID", f"{found} of spacing_mm and reference given; wanted one of them")


def _range(sampler: Sampler) -> tuple[float, float] | None:
    """Bounds of the result: those of the source, and the fill value where it can appear."""
    known, outside = sampler.volume.value_range, sampler.outside
    if known is None or sampler.kernel.overshoots:
        return None
    if sampler.mapping.inside or math.isnan(outside):
        return known
    return min(known[0], outside), max(known[1], outside)
