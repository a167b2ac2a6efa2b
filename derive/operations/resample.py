"""Interpolation on another grid in the same space."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from derive.derivation import GeometryEffect, ValuesEffect
from derive.errors import GeometryError, UsageError
from derive.geometry import Geometry, triple
from derive.operations._images import image_of
from derive.operations._lengths import along_axes
from derive.operations.declaration import Grid, Millimetres, operation
from derive.volume import Array, Volume

NEAREST = "sitkNearestNeighbor"
#: Half-way between two voxels the later one is the nearest, whatever the rounding of the slab's origin.
TIE = 1e-5
Interpolator = Literal["nearest", "linear", "bspline", "lanczos"]


@dataclass(frozen=True)
class Kernel:
    """How an interpolator reaches.

    Parameters
    ----------
    itk : str
        Name in SimpleITK.
    radius : float
        Half the width of its support, in voxels.
    reach : int
        Slices that have to be at hand on either side for a result that does not depend on the slab:
        the support, and as far again as the nearest voxel that is no padding can be. A B-spline's
        prefilter decays by 0.268 a voxel, so 18 of them leave less than float32 can say (Unser 1999).
    overshoots : bool
        Whether values can leave the range of the source.
    sums_to_one : bool
        Whether its weights do; ITK does not normalise the windowed sinc.
    """

    itk: str
    radius: float
    reach: int
    overshoots: bool
    sums_to_one: bool = True


KERNELS = {
    "nearest": Kernel(NEAREST, 0.5, 3, overshoots=False),
    "linear": Kernel("sitkLinear", 1, 4, overshoots=False),
    "bspline": Kernel("sitkBSpline", 2, 18, overshoots=True),
    "lanczos": Kernel("sitkLanczosWindowedSinc", 5, 15, overshoots=True, sums_to_one=False),
}


@operation(
    "SpatialResampling",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    code_in_new_plane="MultiplanarReformatting",
)
def resample(
    volume: Volume,
    spacing_mm: Millimetres | None = None,
    reference: Grid | None = None,
    interpolator: Interpolator = "linear",
    fill: float | Literal["padding"] | None = None,
) -> Volume:
    """Interpolate on a grid of another spacing, or on the grid of another series.

    A new spacing keeps the extent: the outer edge of the first voxels stays where it is, so the first
    centre moves by half the difference, and nothing is shifted. Counts are rounded, so that every new
    centre lies inside. A single slice keeps its slice spacing whatever is asked. Nothing is smoothed
    beforehand: chain a Gaussian blur in front where the new grid is much coarser.

    Pixel padding does not bleed: voxels of padding take the value of their nearest neighbour that is
    none before the interpolation, as at the border of the volume, and are padding again after it where
    the nearest source voxel is.

    Parameters
    ----------
    volume : Volume
    spacing_mm : float or (x, y, z), optional
        New spacing in mm: one for all axes, or between columns, rows and slices.
    reference : SourceSeries, Volume or Geometry, optional
        Series whose grid is taken, in the same frame of reference.
    interpolator : {"nearest", "linear", "bspline", "lanczos"}
        How values between voxels are found.
    fill : float or "padding", optional
        Value outside the source's extent; without it -1000 in CT, 0 in MR and PET.

    Raises
    ------
    UsageError
        ``OP-GRID`` unless exactly one of `spacing_mm` and `reference` is given; ``OP-SPACING``,
        ``OP-INTERPOLATOR``, ``OP-FILL``.
    GeometryError
        ``GEO-FOR`` if the frame of reference is another or unknown, ``GEO-OVERLAP`` if the grids do not meet.
    """
    if (spacing_mm is None) == (reference is None):
        raise UsageError("OP-GRID", "resample takes either spacing_mm or reference")
    if interpolator not in KERNELS:
        raise UsageError("OP-INTERPOLATOR", f"interpolator {interpolator!r}; wanted one of {', '.join(KERNELS)}")
    source = volume.geometry
    if reference is not None:
        grid = _reference_grid(source, reference)
    else:
        grid = _spaced_grid(source, along_axes(spacing_mm if spacing_mm is not None else 0))
    outside = _fill_value(volume, fill)
    sampler = _Sampler(volume, grid, KERNELS[interpolator], outside)
    quantity = replace(volume.quantity, padded=volume.quantity.padded or math.isnan(outside))
    return replace(
        volume,
        geometry=grid,
        pull=sampler.pull,
        contributors=sampler.contributors,
        quantity=quantity,
        value_range=_range(volume, KERNELS[interpolator], outside, inside=_lies_inside(grid, source)),
    )


def _fill_value(volume: Volume, fill: float | str | None) -> float:
    if fill == "padding":
        return math.nan
    value = volume.quantity.fill if fill is None else fill
    if isinstance(value, str) or not math.isfinite(value):
        raise UsageError("OP-FILL", f"fill {fill!r}; wanted a finite number or 'padding'")
    return float(value)


def _range(volume: Volume, kernel: Kernel, outside: float, *, inside: bool) -> tuple[float, float] | None:
    """Bounds of the result: those of the source, and the fill value where it can appear."""
    if volume.value_range is None or kernel.overshoots:
        return None
    low, high = volume.value_range
    if inside or math.isnan(outside):
        return low, high
    return min(low, outside), max(high, outside)


def _spaced_grid(source: Geometry, spacing: tuple[float, float, float]) -> Geometry:
    """Grid with this (slice, row, column) spacing over the same extent."""
    if not all(math.isfinite(s) and s > 0 for s in spacing):
        raise UsageError("OP-SPACING", f"spacing {spacing[::-1]} (x y z); wanted above 0, in mm")
    if source.shape[0] == 1:
        spacing = (source.slice_spacing, *spacing[1:])
    counts = [max(1, round(n * s / t)) for n, s, t in zip(source.shape, source.spacing, spacing, strict=True)]
    shift = [(t / s - 1) / 2 for s, t in zip(source.spacing, spacing, strict=True)]
    same_slices = math.isclose(spacing[0], source.slice_spacing, rel_tol=1e-9)
    measured = source.measured_positions
    if measured is not None and same_slices:
        offset = source.points_of([0.0, *shift[1:]]) - np.array(source.first_position)
        measured = tuple(triple(np.array(p) + offset) for p in measured)
    return replace(
        source,
        first_position=triple(source.points_of([0.0 if same_slices else shift[0], *shift[1:]])),
        pixel_spacing=(spacing[1], spacing[2]),
        slice_spacing=spacing[0],
        shape=(counts[0], counts[1], counts[2]),
        measured_positions=measured if same_slices else None,
        slice_thickness=source.slice_thickness if same_slices else spacing[0],
    )


def _reference_grid(source: Geometry, reference: Grid) -> Geometry:
    grid = reference if isinstance(reference, Geometry) else reference.geometry
    uids = source.frame_of_reference_uid, grid.frame_of_reference_uid
    if uids[0] != uids[1] or not uids[0]:
        raise GeometryError(
            "GEO-FOR",
            f"source and reference are not known to lie in one space: Frame of Reference {uids[0] or 'absent'} "
            f"and {uids[1] or 'absent'}; register them first",
        )
    index = source.index_of(grid.corners())
    apart = (index.max(axis=0) < -0.5) | (index.min(axis=0) > np.array(source.shape) - 0.5)
    if apart.any():
        raise GeometryError("GEO-OVERLAP", "the grid of the reference and the source do not overlap")
    return replace(grid, slice_thickness=grid.slice_thickness or grid.slice_spacing)


def _lies_inside(grid: Geometry, source: Geometry) -> bool:
    index = source.index_of(grid.corners())
    return bool((index >= -0.5 - 1e-6).all() and (index <= np.array(source.shape) - 0.5 + 1e-6).all())


class _Sampler:
    """Values of a volume on another grid, some slices at a time."""

    def __init__(self, volume: Volume, grid: Geometry, kernel: Kernel, outside: float) -> None:
        self.volume = volume
        self.grid = grid
        self.kernel = kernel
        self.outside = outside

    def contributors(self, index: int) -> tuple[int, ...]:
        """Slices with weight in this one: those inside the kernel around where its plane cuts them."""
        low, high = self._span(index, index + 1)
        count, radius = self.volume.shape[0], self.kernel.radius
        if high < -0.5 - 1e-6 or low > count - 0.5 + 1e-6:
            return ()
        if self.kernel.itk == NEAREST:
            first, last = math.floor(low + 0.5 + TIE), math.floor(high + 0.5 + TIE)
        else:
            first, last = math.floor(low - radius + 1e-6) + 1, math.ceil(high + radius - 1e-6) - 1
            if self.kernel.radius > 1 and abs(low - round(low)) < 1e-6 and abs(high - low) < 1e-6:
                first = last = round(low)
        inside = range(min(max(first, 0), count - 1), min(max(last, 0), count - 1) + 1)
        return self.volume.contributors_of(inside)

    def pull(self, first: int, last: int) -> Array:
        """Interpolate slices `first` to `last` of the grid."""
        low, high = self._span(first, last)
        count = self.volume.shape[0]
        target = self.grid.slices(first, last)
        if high < -0.5 - 1e-6 or low > count - 0.5 + 1e-6:
            return np.full(target.shape, self.outside, np.float32)
        reach = self.kernel.reach
        start, stop = max(0, math.floor(low) - reach), min(count, math.ceil(high) + reach + 1)
        slab = self.volume.slab(start, stop)
        padding = np.isnan(slab)
        if not padding.any():
            return self._interpolate(slab, start, stop, target)
        if padding.all():
            return np.full(target.shape, np.nan, np.float32)
        return self._around_padding(slab, padding, (start, stop), target)

    def _around_padding(
        self, slab: Array, padding: NDArray[np.bool_], span: tuple[int, int], target: Geometry
    ) -> Array:
        nearest = distance_transform_edt(padding, return_distances=False, return_indices=True)
        result = self._interpolate(np.ascontiguousarray(slab[tuple(nearest)]), *span, target)
        hidden = _resampled(padding.astype(np.float32), self._place(*span), target, NEAREST, 0.0)
        result[hidden > 0.5] = np.nan
        return result

    def _interpolate(self, slab: Array, start: int, stop: int, target: Geometry) -> Array:
        place, itk = self._place(start, stop), self.kernel.itk
        fill = 0.0 if math.isnan(self.outside) else self.outside
        result = _resampled(slab, place, target, itk, fill)
        if not self.kernel.sums_to_one or math.isnan(self.outside):
            ones = _resampled(np.ones_like(slab), place, target, itk, np.nan)
            beyond = np.isnan(ones)
            if not self.kernel.sums_to_one:
                result = np.asarray(np.where(beyond, result, result / ones), dtype=np.float32)
            if math.isnan(self.outside):
                result[beyond] = np.nan
        return result

    def _place(self, start: int, stop: int) -> Geometry:
        return replace(
            self.volume.geometry.slices(start, stop),
            first_position=self._even_position(start),
            measured_positions=None,
        )

    def _even_position(self, index: int) -> tuple[float, float, float]:
        return triple(self.volume.geometry.points_of([index, 0.0, 0.0]))

    def _span(self, first: int, last: int) -> tuple[float, float]:
        """Lowest and highest source slice index that grid slices touch."""
        slices, rows, columns = self.grid.shape
        corners = [[s, r, c] for s in (first, last - 1) for r in (0, rows - 1) for c in (0, columns - 1)]
        index = self.volume.geometry.index_of(self.grid.points_of(corners))[:, 0]
        return float(index.min()), float(index.max())


def _resampled(values: Array, place: Geometry, target: Geometry, itk: str, outside: float) -> Array:
    import SimpleITK as sitk  # noqa: N813, PLC0415 - heavy

    filter_ = sitk.ResampleImageFilter()
    columns_rows_slices = target.shape[::-1]
    filter_.SetSize(columns_rows_slices)
    nudge = TIE if itk == NEAREST else 0.0
    step = place.directions @ (nudge * np.array(place.spacing))
    filter_.SetOutputOrigin((target.points_of([0.0, 0.0, 0.0]) + step).tolist())
    filter_.SetOutputSpacing(target.spacing[::-1])
    filter_.SetOutputDirection(target.directions[:, ::-1].ravel().tolist())
    filter_.SetInterpolator(getattr(sitk, itk))
    filter_.SetDefaultPixelValue(outside)
    result: Array = sitk.GetArrayFromImage(filter_.Execute(image_of(values, place)))
    return result


