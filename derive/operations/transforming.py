"""Into the space of another series, by a registration of the two."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from derive.errors import GeometryError, UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.geometry import Geometry, triple
from derive.model.transform import Points, Transform, inverted, is_rigid, moved
from derive.model.volume import Volume
from derive.operations.declaration import Grid, Registration, operation
from derive.operations.kit.grids import GridMapping
from derive.operations.kit.lengths import filled_with
from derive.operations.kit.registration import led
from derive.operations.kit.sampling import KERNELS, Sampler
from derive.operations.kit.warping import WarpedMapping
from derive.told.wording import flag


def _short(given: Mapping[str, Any]) -> str:
    interpolator, fill = given.get("interpolator", "linear"), given.get("fill")
    kind = "deformed" if _deforms(given) else "registered"
    others = ["" if interpolator == "linear" else interpolator, "" if fill is None else f"fill {short_text_of(fill)}"]
    return " ".join([kind, *filter(None, others)])


def _deforms(given: Mapping[str, Any]) -> bool:
    return isinstance(given["by"], Transform) and given["by"].deforms


@operation(
    "SpatialResampling",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    example={"by": "registration.dcm", "reference": "fixed/"},
    fixes={"VAL-PHASE": "{flag:interpolator nearest}"},
    short=_short,
    mixes=lambda given: given["interpolator"] != "nearest" and given["reference"] is not None,
    words=lambda given: ("DeformedForRegistration" if _deforms(given) else "", {}),
    codes=("DeformedForRegistration",),
)
def transform(
    volume: Volume,
    *,
    by: Registration,
    reference: Grid | None = None,
    inverse: bool = False,
    interpolator: Literal["nearest", "linear", "bspline", "lanczos"] = "linear",
    fill: float | Literal["padding"] | None = None,
) -> Volume:
    """Bring a series into the space of another one, by a registration.

    The result lies in the frame of reference of the fixed series: that of the reference, or the one that a
    registration object leads to. Without a reference the planes are moved and no value changes, which a rotation
    with a shift allows; what stretches or bends needs the grid of a reference.

    A registration object says which frames of reference it leads from and to, and is taken either way as these
    are. A transform file of ITK maps points of the fixed series to the moving one. A text of 4 x 4 numbers maps
    those of the moving series to the fixed one, as the matrix of a registration object does. All in mm, LPS.

    Parameters
    ----------
    volume : Volume
    by : Transform
        Registration object (.dcm), transform file of ITK (.tfm, .h5, .mat), or text of 4 x 4 numbers.
    reference : SourceSeries, Volume or Geometry, optional
        Fixed series, whose grid is taken exactly as it is.
    inverse : bool
        Whether a file maps the other way.
    interpolator : {"nearest", "linear", "bspline", "lanczos"}
        How values between voxels are found.
    fill : float or "padding", optional
        Value outside the source's extent; without it -1000 in CT, 0 in MR and PET.

    Raises
    ------
    UsageError
        ``OP-TRANSFORM`` for what is no transform, ``OP-INVERSE`` for a registration object the other way;
        ``OP-INTERPOLATOR``, ``OP-FILL``.
    GeometryError
        ``GEO-FOR`` where the fixed frame of reference is not known or is not the registration's, ``GEO-INVERSE``
        for a deformation the other way, ``GEO-RIGID`` for what needs a reference, ``GEO-OVERLAP`` where nothing of
        the source comes to lie on the grid.
    """
    if interpolator not in KERNELS:
        raise UsageError("OP-INTERPOLATOR", f"interpolator {interpolator!r}; wanted one of {', '.join(KERNELS)}")
    outside = filled_with(volume, fill)
    there = led(volume.geometry, by, reference, inverse=inverse)
    if reference is None:
        return replace(volume, geometry=_carried(volume.geometry, there.matrix, there.frame_of_reference_uid))
    grid = reference if isinstance(reference, Geometry) else reference.geometry
    mapping: GridMapping | WarpedMapping
    if there.matrix is not None:
        mapping = GridMapping.between(grid, volume.geometry, inverted(there.matrix))
    else:
        assert there.deformation is not None  # one or the other
        mapping = WarpedMapping(grid, volume.geometry, there.deformation)
    if isinstance(mapping, GridMapping) and all(mapping.span(k) is None for k in range(grid.shape[0])):
        raise GeometryError(
            "GEO-OVERLAP",
            "nothing of the source comes to lie on the grid of the reference; is the registration of these two, and "
            f"does it lead this way ({flag('inverse')})?",
        )
    return _sampled(volume, grid, Sampler(volume, mapping, KERNELS[interpolator], outside))


def _carried(grid: Geometry, matrix: Points | None, frame_of_reference_uid: str) -> Geometry:
    """Return where a grid lies once it is turned and shifted; its voxels stay what they are.

    Raises
    ------
    GeometryError
        ``GEO-RIGID``
    """
    if matrix is None or not is_rigid(matrix):
        raise GeometryError(
            "GEO-RIGID",
            "the registration does more than turn and shift, and no plane of the source is one in the fixed space; "
            f"give the series whose grid is taken: {flag('reference', 'SERIES')}",
        )
    measured = grid.measured_positions
    return replace(
        grid,
        first_position=triple(moved(matrix, np.array(grid.first_position))),
        row_cosines=triple(matrix[:3, :3] @ grid.row_cosines),
        column_cosines=triple(matrix[:3, :3] @ grid.column_cosines),
        measured_positions=measured and tuple(triple(p) for p in moved(matrix, np.array(measured))),
        frame_of_reference_uid=frame_of_reference_uid,
    )


def _sampled(volume: Volume, grid: Geometry, sampler: Sampler) -> Volume:
    outside, known = sampler.outside, volume.value_range
    span = None
    if known is not None and not sampler.kernel.overshoots:
        span = known if math.isnan(outside) else (min(known[0], outside), max(known[1], outside))
    return replace(
        volume,
        geometry=replace(grid, slice_thickness=grid.slice_spacing),
        pull=sampler.pull,
        contributors=sampler.contributors,
        quantity=replace(volume.quantity, padded=volume.quantity.padded or math.isnan(outside)),
        value_range=span,
    )
