"""Smoothing that leaves edges: the median of what lies around a voxel, and the mean of what is like it."""

from __future__ import annotations

from functools import partial

import numpy as np

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.volume import Array, Volume
from derive.operations.declaration import Millimetres, Pixels, operation
from derive.operations.kit.lengths import stays_in_planes, width_told, width_tried, widths_of
from derive.operations.kit.neighbours import Neighbours, Surroundings, plane_by_plane

#: Values that are sorted at a time: 8 MB.
SORTED = 1 << 21
#: Where the weights end, in standard deviations; beyond, they are below a hundredth.
TRUNCATE = 3.0
#: Pixels whose sums stay in the cache together.
BAND = 1 << 14
#: Differences of which float32 has the squares, and what is divided by them.
LEAST, MOST = 1e-15, 1e15
#: A difference of which no weight is left, and whose square is finite in float32.
UNLIKE = 1e18


@operation(
    "Smoothing",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: width_tried("radius", max(geometry.pixel_spacing), geometry),
    example={"radius_mm": 1.5},
    short=lambda given: f"median {width_told('radius', given)}",
    in_planes=partial(stays_in_planes, "radius"),
    by_sample=True,
)
def median(
    volume: Volume, *, radius_mm: Millimetres | None = None, radius_px: Pixels | None = None, in_planes: bool = False
) -> Volume:
    """Take the median of the voxels around each, which leaves edges where they are.

    Those enter whose centres lie within the radius: in a ball, or an ellipsoid. Beyond the border of the volume and in
    pixel padding there are no values: the median is that of the others, of an even number of them the mean of the two
    in the middle. Padding stays padding.

    Parameters
    ----------
    volume : Volume
    radius_mm : float or (x, y, z), optional
        How far around it looks, in mm: one for all axes, or along a row, down a column and through the slices; below
        the spacing of an axis it takes no neighbour there.
    radius_px : float or (x, y, z), optional
        The same in pixels, for images of which nobody says how large one is.
    in_planes : bool
        Whether slices are filtered each by itself, which leaves those that lean or lie unevenly where they are.

    Raises
    ------
    UsageError
        ``OP-RADIUS`` unless one radius is given, if it is negative or not finite, or holds thousands of voxels, or one
        through the slices is given where these stay by themselves; ``OP-LENGTH`` unless there are one or three.
    """
    said = {"radius_mm": radius_mm, "radius_px": radius_px, "in_planes": in_planes}
    radii = widths_of(volume, "radius", said, code="OP-RADIUS")
    around = Neighbours.within(radii, volume)
    return plane_by_plane(volume, around.reach, partial(_median, around))


def _median(around: Neighbours, values: Surroundings) -> Array:
    count = len(around.offsets)
    result = np.array(values.plane)
    for rows, band in values.bands(SORTED // count):
        each = np.empty((*band.plane.shape, count), np.float32)
        for index, offset in enumerate(around.offsets):
            each[..., index] = band.at(offset)
        each.sort(axis=-1)  # NaN comes last
        middle = each[..., count // 2]
        lacking = np.isnan(each[..., -1])
        if lacking.any():
            middle[lacking] = _of_fewer(each[lacking])
        result[rows] = np.where(np.isnan(result[rows]), np.float32(np.nan), middle)
    return result


def _of_fewer(values: Array) -> Array:
    """Return the median of each row of sorted values, of which NaN are none."""
    counts = np.count_nonzero(~np.isnan(values), axis=-1)
    places = np.stack([(counts - 1) // 2, counts // 2], axis=-1).clip(min=0)
    return np.asarray(np.take_along_axis(values, places, axis=-1).mean(axis=-1), dtype=np.float32)


@operation(
    "Smoothing",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: width_tried("sigma", max(geometry.pixel_spacing) / 2, geometry) | {"sigma_values": 50.0},
    example={"sigma_mm": 1.5, "sigma_values": 50},
    short=lambda given: f"bilateral {width_told('sigma', given)}, values {short_text_of(given['sigma_values'])}",
    in_planes=partial(stays_in_planes, "sigma"),
)
def bilateral(
    volume: Volume,
    *,
    sigma_mm: Millimetres | None = None,
    sigma_px: Pixels | None = None,
    sigma_values: float,
    in_planes: bool = False,
) -> Volume:
    """Smooth with a Gaussian, of the values that are alike.

    A voxel weighs by a Gaussian of its distance times a Gaussian of how much its value differs, so that edges that are
    higher than a few `sigma_values` stay. The weights end at 3 standard deviations of the distance. Nothing enters from
    beyond the border of the volume or from pixel padding, and padding stays padding.

    Parameters
    ----------
    volume : Volume
    sigma_mm : float or (x, y, z), optional
        Standard deviation of the distance in mm: one for all axes, or along a row, down a column and through the
        slices; 0 for no neighbour along an axis.
    sigma_px : float or (x, y, z), optional
        The same in pixels, for images of which nobody says how large one is.
    sigma_values : float
        Standard deviation of the difference, in the units of the values.
    in_planes : bool
        Whether slices are smoothed each by itself, which leaves those that lean or lie unevenly where they are.

    Raises
    ------
    UsageError
        ``OP-SIGMA`` unless one width is given, if it is negative or not finite, or one through the slices is given
        where these stay by themselves, or `sigma_values` is not above 0; ``OP-RADIUS`` for thousands of voxels around
        one; ``OP-LENGTH``.

    References
    ----------
    Tomasi, Manduchi, "Bilateral filtering for gray and color images", ICCV 1998.
    """
    if not LEAST <= sigma_values <= MOST:
        raise UsageError("OP-SIGMA", f"sigma_values {sigma_values}; wanted above 0, in the units of the values")
    said = {"sigma_mm": sigma_mm, "sigma_px": sigma_px, "in_planes": in_planes}
    across, down, along = widths_of(volume, "sigma", said, code="OP-SIGMA")
    around = Neighbours.within((TRUNCATE * across, TRUNCATE * down, TRUNCATE * along), volume)
    return plane_by_plane(volume, around.reach, partial(_bilateral, around, sigma_values))


def _bilateral(around: Neighbours, sigma_values: float, values: Surroundings) -> Array:
    """Return each value and the weighted mean of the differences from it, so that nothing is lost where all is alike.

    Work goes a band of rows after the other, which stay in the cache.
    """
    result = np.array(values.plane)
    weights = np.exp(-0.5 * TRUNCATE**2 * around.distances).astype(np.float32)
    scale = np.float32(-0.5 / sigma_values**2)
    for rows, band in values.bands(BAND):
        own, lacking = band.plane, bool(np.isnan(band.values).any())
        sums, totals, difference, alike = np.zeros((4, *own.shape), np.float32)
        for offset, weight in zip(around.offsets, weights, strict=True):
            np.subtract(band.at(offset), own, out=difference)
            if lacking:  # what is not there weighs as what is like nothing
                np.nan_to_num(difference, copy=False, nan=UNLIKE)
            np.multiply(difference, difference, out=alike)
            alike *= scale
            np.exp(alike, out=alike)
            alike *= weight
            totals += alike
            difference *= alike
            sums += difference
        with np.errstate(invalid="ignore"):  # of padding
            result[rows] = own + sums / totals
    return result
