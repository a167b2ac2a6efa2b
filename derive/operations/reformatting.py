"""Planes that cut the volume anyhow (multiplanar reformatting), thin or as slabs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.frames import Volumes
from derive.model.geometry import Geometry
from derive.model.volume import Volume
from derive.operations.declaration import XYZ, Millimetres, operation
from derive.operations.kit.combining import COMBININGS
from derive.operations.kit.curve import Curve, CurvePoints, Way
from derive.operations.kit.grids import GridMapping
from derive.operations.kit.lengths import along_axes, filled_with
from derive.operations.kit.planning import Facing, StackWish, breadth_of, stack_of
from derive.operations.kit.sampling import KERNELS
from derive.operations.kit.straightened import Straightened, rows_of
from derive.operations.kit.tiles import ThickPlanes, samples_across

PatientPlane = Literal["axial", "coronal", "sagittal"]

_PLANES = {"axial": "ax", "coronal": "cor", "sagittal": "sag"}


def _short(given: Mapping[str, Any]) -> str:
    """Say how it is looked at, and how thick and fine: ``MPR cor 3/1 mm MIP``."""
    normal, combine = given.get("normal"), given.get("combine", "mean")
    turned = _PLANES.get(given.get("plane") or "", "") or f"{short_text_of(normal)}"
    turned = turned if given.get("along_curve") is None else "curved"
    lengths = short_text_of([given[n] for n in ("thickness_mm", "step_mm") if given.get(n) is not None])
    pixels = given.get("spacing_mm")
    words = ["MPR", turned, lengths and f"{lengths} mm", "" if combine == "mean" else combine]
    more = [n for n in ("up", "through", "size_mm", "width_mm", "fill") if given.get(n) is not None]
    words += [f"{n.removesuffix('_mm')} {short_text_of(given[n])}" for n in more]
    words += [
        f"pixels {short_text_of(pixels)} mm" if pixels is not None else "",
        "single" if given.get("single") else "",
    ]
    return " ".join(filter(None, words))


def _words(given: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """Say by its own code and term what a slab shows, and by its code that it was cut along a curve."""
    if given.get("along_curve") is not None:
        return "CurvedMultiplanarReformatting", {}
    combining = COMBININGS[given.get("combine") or "mean"]
    return combining.code, {"ImageType": combining.term} if combining.term else {}


def _points(volumes: Volumes, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the points of a curve, so that the record has them and not the name of a file."""
    curve = given.get("along_curve")
    return {} if curve is None else {"along_curve": Curve.of(curve)}


@operation(
    "SpatialResampling",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    code_in_new_plane="MultiplanarReformatting",
    words=_words,
    codes=("CurvedMultiplanarReformatting", *filter(None, (each.code for each in COMBININGS.values()))),
    trial=lambda geometry: {"plane": "coronal"},
    example={"normal": (0, 0.7, 0.7), "through": (12, -40, 310), "spacing_mm": 1, "thickness_mm": 3, "combine": "mip"},
    fixes={"VAL-PHASE": "resample, with {flag:interpolator nearest}"},
    short=_short,
    settles=_points,
)
def reformat(
    volume: Volume,
    *,
    plane: PatientPlane | None = None,
    normal: XYZ | None = None,
    up: XYZ | None = None,
    through: XYZ | None = None,
    spacing_mm: float | None = None,
    thickness_mm: float | None = None,
    step_mm: float | None = None,
    combine: Literal["mean", "mip", "minip"] = "mean",
    size_mm: Millimetres | None = None,
    single: bool = False,
    fill: float | Literal["padding"] | None = None,
    along_curve: CurvePoints | None = None,
    width_mm: float | None = None,
) -> Volume:
    """Cut the volume into a stack of other planes (MPR), thin ones or slabs.

    Planes reach as far as the volume does unless a size is given. The customary planes of a volume whose axes are
    those of the patient are its own voxels, seen another way, as long as nothing else is asked for; all others are
    interpolated (linear). A slab is made of samples no further apart than the voxels are in its direction.

    Where a pixel lies outside of the volume it has the fill value; a slab that sticks out is made of what is inside.
    Pixel padding is left out of slabs and does not bleed into others: a pixel whose nearest voxel is padding is
    padding.

    Along a curve (curved MPR, straightened) the result is one image: a column a step of one length along a smooth curve
    through the points, the curve in the middle row. It lies on no plane of the patient, and says so: its class is
    Secondary Capture, whose images need none.

    Parameters
    ----------
    volume : Volume
    plane : {"axial", "coronal", "sagittal"}, optional
        Plane of the patient, shown in the customary way.
    normal : (x, y, z), optional
        Else the direction in which the planes are looked at and follow one another: 0 0 1 is axial as it is
        customary, 0 1 0 coronal, -1 0 0 sagittal.
    up : (x, y, z), optional
        With a normal: what is up on the planes; without it the head, on planes across the body the front. With a
        curve: what is up across it where it begins.
    through : (x, y, z) mm, optional
        Point that one of the planes goes through, and the middle of what has a size; without it that of the volume.
    spacing_mm : float, optional
        Between pixels; without it that of the volume where its own planes are asked for, else its smallest.
    thickness_mm : float, optional
        Thickness of a plane in mm: a slab; without it values are those on the plane.
    step_mm : float, optional
        Between planes; without it the thickness, else the spacing, else what a voxel measures in this direction.
    combine : {"mean", "mip", "minip"}
        What a slab shows.
    size_mm : float or (x, y, z), optional
        How far the planes reach along their rows, down their columns, and the stack along its normal; one for all.
    single : bool
        Whether one plane is all that is wanted.
    fill : float or "padding", optional
        Value outside the volume; without it -1000 in CT, 0 in MR and PET.
    along_curve : path or (n, 3), optional
        Instead of planes: points in the patient, x y z in mm, of a curve; a file of three columns, or columns x, y, z.
    width_mm : float, optional
        With a curve: how far the image reaches across it.

    Raises
    ------
    UsageError
        ``OP-PLANE`` unless exactly one of plane and normal is given; ``OP-NORMAL``, ``OP-UP``, ``OP-THROUGH``,
        ``OP-SPACING``, ``OP-SLAB``, ``OP-SIZE``, ``OP-LENGTH``, ``OP-FILL``; ``OP-CURVE``, ``OP-WIDTH``.
    """
    if combine not in COMBININGS or (thickness_mm is None and combine != "mean"):
        raise UsageError("OP-SLAB", f"combine {combine!r}; wanted one of {', '.join(COMBININGS)}, with a thickness_mm")
    if along_curve is not None:
        _refuse_planes(plane=plane, normal=normal, through=through, step_mm=step_mm, size_mm=size_mm, single=single)
        StackWish(spacing_mm=spacing_mm, thickness_mm=thickness_mm).checked(volume.geometry)
        way = Way(Curve.of(along_curve), spacing_mm or min(volume.geometry.spacing), up)
        return _straightened(volume, way, rows_of(width_mm, way), thickness_mm, combine, filled_with(volume, fill))
    if width_mm is not None:
        raise UsageError("OP-CURVE", f"width_mm {width_mm} goes with along_curve; wanted size_mm for planes")
    size = None if size_mm is None else along_axes(size_mm)[::-1]
    wish = StackWish(through, spacing_mm, thickness_mm, step_mm, size, single)
    grid = stack_of(volume.geometry, Facing(plane, normal, up), wish)
    return _cut(volume, grid, thickness_mm, combine, filled_with(volume, fill))


def _cut(volume: Volume, grid: Geometry, thickness_mm: float | None, combine: str, outside: float) -> Volume:
    """Look at a volume through a grid."""
    across = samples_across(thickness_mm, grid.slice_spacing, breadth_of(volume.geometry, grid.directions[:, 0]))
    mapping, made = GridMapping.between(grid, volume.geometry), COMBININGS[combine].combine
    slabs = ThickPlanes(volume, mapping, KERNELS["linear"], across, made, outside)
    return _seen(volume, slabs, grid, outside)


def _straightened(
    volume: Volume, way: Way, rows: int, thickness_mm: float | None, combine: str, outside: float
) -> Volume:
    """Look at a volume along a curve."""
    across = samples_across(thickness_mm, 1.0, min(volume.geometry.spacing))
    image = Straightened(volume, way, rows, across, COMBININGS[combine].combine, outside)
    image.refuse_outside()
    return _seen(volume, image, image.geometry, outside)


def _seen(volume: Volume, made: ThickPlanes | Straightened, grid: Geometry, outside: float) -> Volume:
    """Return what a volume looks like from there."""
    inside, known = made.inside, volume.value_range
    if known is not None and not inside and not math.isnan(outside):
        known = min(known[0], outside), max(known[1], outside)
    padded = volume.quantity.padded or (math.isnan(outside) and not inside)
    return replace(
        volume,
        geometry=grid,
        pull=made.pull,
        contributors=made.contributors,
        quantity=replace(volume.quantity, padded=padded),
        value_range=known,
    )


def _refuse_planes(**given: Any) -> None:
    """Refuse what is said of planes, beside a curve."""
    said = [name for name, value in given.items() if value not in (None, False)]
    if said:
        raise UsageError("OP-CURVE", f"{', '.join(said)} beside along_curve; wanted planes, or a curve")
