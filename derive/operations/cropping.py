"""Less of a volume, or more around it: the same voxels at the same places, on a smaller or a larger grid."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from derive.errors import GeometryError, UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect, short_text_of
from derive.model.frames import Volumes
from derive.model.geometry import Geometry
from derive.model.reference import FrameRef
from derive.model.volume import Array, SliceBySlice, Volume
from derive.operations.declaration import Millimetres, Pixels, operation
from derive.operations.kit.boxes import VoxelBox
from derive.operations.kit.lengths import filled_with, widths, widths_of
from derive.operations.kit.parameters import XYZ, Voxel
from derive.operations.kit.refusing import refuse_place
from derive.told.wording import flag

#: What lies between air and tissue, by the units in which there is such a value: half-way between air and water.
AIR = {"HU": -500.0, "HU_MOD": -500.0}


def _settled(volumes: Volumes, given: Mapping[str, Any]) -> dict[str, Any]:
    """Say which voxels values ask for: of several volumes the box that holds what is found in each."""
    if given["above"] is None or given["from_voxel"] is not None:
        return {}
    found = [_found(volume, given["above"]) for volume in volumes.volumes]
    first, last = functools.reduce(VoxelBox.joined, found)
    ends = first[::-1], tuple(n - 1 for n in last[::-1])
    return {"from_voxel": ends[0], "to_voxel": ends[1]}


def _short(given: Mapping[str, Any]) -> str:
    """What was looked for, or the corners."""
    if given["above"] is not None:
        return f"crop to {'above ' if isinstance(given['above'], float | int) else ''}{_word(given['above'])}"
    corners = [given[n] for n in ("from_mm", "to_mm") if given[n] is not None] or [
        given["from_voxel"],
        given["to_voxel"],
    ]
    unit = "mm" if given["from_mm"] is not None else "voxels"
    return f"crop {' to '.join(map(short_text_of, corners))} {unit}"


def _how_far(given: Mapping[str, Any]) -> str:
    if given["by_px"] is not None:
        return f"{short_text_of(given['by_px'])} px"
    return f"{short_text_of(given['by_mm'] or [*given['from_mm'], *given['to_mm']])} mm"


def _word(above: float | str) -> str:
    return {"air": "what is no air", "padding": "what is no padding"}.get(str(above), short_text_of(above))


@operation(
    "VolumeEditing",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_VALUES,
    trial=lambda geometry: {"from_voxel": (0, 0, 0), "to_voxel": tuple(n - 1 for n in geometry.shape[::-1])},
    example={"from_mm": (-80, -120, 40), "to_mm": (80, 60, 190)},
    short=_short,
    takes_tilt=True,
    takes_uneven=True,
    mixes=lambda given: False,
    settles=_settled,
    by_sample=True,
    takes_own_plane=True,
)
def crop(
    volume: Volume,
    *,
    from_mm: XYZ | None = None,
    to_mm: XYZ | None = None,
    from_voxel: Voxel | None = None,
    to_voxel: Voxel | None = None,
    above: float | Literal["air", "padding"] | None = None,
    margin_mm: Millimetres = 0.0,
) -> Volume:
    """Cut a box out of a volume, its voxels where they are.

    Slices and pixels outside are left out, and what of the box lies outside of the volume. Nothing is interpolated.

    Parameters
    ----------
    volume : Volume
    from_mm : (x, y, z), optional
        A corner of the box in the patient (LPS), mm; of planes that are turned the smallest box of voxels around it is
        taken.
    to_mm : (x, y, z), optional
        The opposite corner.
    from_voxel : (x, y, z), optional
        The first voxel: column, row and slice, counted from 0 along the normal.
    to_voxel : (x, y, z), optional
        The last voxel, which is kept too.
    above : float or {"air", "padding"}, optional
        The box around all values that are larger than this, in their units, around all that are not air (above -500
        HU), or all that are no pixel padding. What is found is recorded as `from_voxel` and `to_voxel`, which stand
        for it where they are given.
    margin_mm : float or (x, y, z)
        How much more is kept at each side, in mm: one for all axes, or along a row, down a column and through the
        slices.

    Raises
    ------
    UsageError
        ``OP-BOX`` unless one box is said, by two corners or by values; ``OP-AIR`` for air in units that have none;
        ``OP-LENGTH``.
    GeometryError
        ``GEO-OVERLAP`` if nothing of the box lies in the volume, or no value is found; ``GEO-PLANE`` for corners in
        the patient of images that lie in none.

    Notes
    -----
    *2026-12-01.* It is Volume editing (113077): removal of part of a volume. Of MR and PET no value is known that
    parts air from the patient; a person says it.
    """
    if from_mm is not None or to_mm is not None:
        refuse_place("crop", volume.geometry, f"{flag('from_voxel', 'X Y 0')} {flag('to_voxel', 'X Y 0')}")
    lengths = widths("margin_mm", margin_mm, in_planes=False)
    box = _box(volume, (from_mm, to_mm), (from_voxel, to_voxel), above)
    box = box.wider(volume.geometry, lengths).within(volume.shape)
    if min(box.shape) < 1:
        raise GeometryError(
            "GEO-OVERLAP", f"nothing of the box lies in the volume, which reaches {_reach(volume.geometry)}"
        )
    first, rows, columns = (slice(a, b) for a, b in zip(box.first, box.last, strict=True))
    return replace(
        volume,
        geometry=box.geometry(volume.geometry),
        pull=SliceBySlice(lambda a, b: volume.slab(first.start + a, first.start + b)[:, rows, columns]),
        contributors=lambda index: volume.contributors(first.start + index),
    )


def _in_planes_of_several(volumes: Volumes, given: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse slices of nothing but space beside several volumes; there is nothing to settle otherwise.

    *2026-12-01.* No image is behind such a slice, and so nothing says its time or echo: those of all volumes would be
    one heap.
    """
    box = _around(volumes.volumes[0], (given["by_mm"], given["by_px"]), (given["from_mm"], given["to_mm"]))
    if len(volumes.volumes) > 1 and box.shape[0] > volumes.slices:
        raise GeometryError(
            "GEO-4D",
            f"a slice of nothing but space is of none of {len(volumes.volumes)} volumes; wanted space in the planes "
            f"({flag('by_mm', 'X Y 0')}), or one volume: {flag('volumes', 'N')}",
        )
    return {}


@operation(
    "SpatialResampling",
    GeometryEffect.NEW_GRID,
    ValuesEffect.KEEPS_QUANTITY,
    trial=lambda geometry: {"by_mm": (*geometry.pixel_spacing[::-1], 0.0)},
    example={"by_mm": (20, 20, 0)},
    short=lambda given: (
        f"pad {_how_far(given)}" + ("" if given["fill"] is None else f" {short_text_of(given['fill'])}")
    ),
    takes_tilt=True,
    takes_uneven=True,
    mixes=lambda given: False,
    settles=_in_planes_of_several,
    by_sample=True,
    takes_own_plane=True,
)
def pad(
    volume: Volume,
    *,
    by_mm: Millimetres | None = None,
    by_px: Pixels | None = None,
    from_mm: XYZ | None = None,
    to_mm: XYZ | None = None,
    fill: float | Literal["padding"] | None = None,
) -> Volume:
    """Put space around a volume, its voxels where they are.

    Parameters
    ----------
    volume : Volume
    by_mm : float or (x, y, z), optional
        How much at each side at least, in mm: one for all axes, or along a row, down a column and through the slices;
        whole voxels are put there. Of images that lie in no patient each stays by itself.
    by_px : float or (x, y, z), optional
        The same in voxels.
    from_mm : (x, y, z), optional
        A corner of a box in the patient (LPS), mm, all of which the volume shall hold.
    to_mm : (x, y, z), optional
        The opposite corner.
    fill : float or "padding", optional
        The value there; without it -1000 in CT, 0 in MR and PET.

    Raises
    ------
    UsageError
        ``OP-BOX`` unless either lengths or two corners are given, or for what is larger than an image can be;
        ``OP-LENGTH``, ``OP-FILL``.
    GeometryError
        ``GEO-4D`` for slices beside several volumes; ``GEO-PLANE`` for corners in the patient of images that lie in
        none.

    Notes
    -----
    *2026-12-01.* CID 7203 has no code for space that is added. It is what `resample` makes of a larger grid of the same
    spacing, and has its code (113085).
    """
    box = _around(volume, (by_mm, by_px), (from_mm, to_mm))
    geometry, outside = box.geometry(volume.geometry), float(np.float32(filled_with(volume, fill)))
    slices, rows, columns = volume.shape
    begin, down, along = (-n for n in box.first)

    def pull(first: int, last: int) -> Array:
        values = np.full((last - first, *geometry.shape[1:]), outside, np.float32)
        start, stop = max(first, begin), min(last, begin + slices)
        if start < stop:
            inner = values[start - first : stop - first, down : down + rows, along : along + columns]
            inner[:] = volume.slab(start - begin, stop - begin)
        return values

    def contributors(index: int) -> tuple[FrameRef, ...]:
        return volume.contributors(index - begin) if 0 <= index - begin < slices else ()

    known = volume.value_range
    grown = box != VoxelBox.of(volume.shape)
    span = known if known is None or math.isnan(outside) else (min(known[0], outside), max(known[1], outside))
    padded = volume.quantity.padded or (math.isnan(outside) and grown)
    return replace(
        volume,
        geometry=geometry,
        pull=SliceBySlice(pull),
        contributors=contributors,
        quantity=replace(volume.quantity, padded=padded),
        value_range=span,
    )


def _box(volume: Volume, places: tuple[Any, Any], voxels: tuple[Any, Any], above: float | str | None) -> VoxelBox:
    """Return the box that is meant."""
    said = [any(given is not None for given in corners) for corners in (places, voxels)]
    if sum(said) == 1 and not (said[0] and above is not None):
        return VoxelBox.between(volume.geometry, places) if said[0] else VoxelBox.of_voxels(*voxels)
    if any(said) or above is None:
        raise UsageError(
            "OP-BOX",
            f"{'several boxes are' if any(said) else 'no box is'} said; wanted {flag('from_mm', 'X Y Z')} "
            f"{flag('to_mm', 'X Y Z')}, or {flag('from_voxel', 'X Y Z')} {flag('to_voxel', 'X Y Z')}, or "
            f"{flag('above', 'VALUE')}",
        )
    return _found(volume, above)


def _found(volume: Volume, above: float | str) -> VoxelBox:
    """Return the box around values; all values are looked at for it."""
    units = volume.quantity.units
    if above == "air" and units not in AIR:
        raise UsageError("OP-AIR", f"air has no value that is known in these units; {flag('above', 'VALUE')} says one")
    least = {"air": AIR.get(units), "padding": None}.get(above) if isinstance(above, str) else above
    if (isinstance(above, str) and above not in ("air", "padding")) or (least is not None and not math.isfinite(least)):
        raise UsageError("OP-BOX", f"above {above!r:.40}; wanted a finite number, air or padding")
    box = VoxelBox.around(volume, least)
    if box is None:
        raise GeometryError("GEO-OVERLAP", f"no value is above {_word(above)}; wanted some around which there is a box")
    return box


def _around(volume: Volume, by: tuple[Millimetres | None, Pixels | None], corners: tuple[Any, Any]) -> VoxelBox:
    """Return the box with its space around."""
    whole, said = VoxelBox.of(volume.shape), any(corner is not None for corner in corners)
    count = sum(length is not None for length in by) + said
    if count != 1:
        found = "more than one of them is" if count else "nothing is"
        wanted = f"{flag('by_mm', 'MM')}, {flag('by_px', 'N')}, or {flag('from_mm', 'X Y Z')} {flag('to_mm', 'X Y Z')}"
        raise UsageError("OP-BOX", f"{found} given; wanted {wanted}")
    if said:
        refuse_place("pad", volume.geometry, f"{flag('by_mm', 'X Y 0')} or {flag('by_px', 'X Y 0')}")
        return whole.joined(VoxelBox.between(volume.geometry, corners))
    through, *inside = widths_of(volume, "by", {"by_mm": by[0], "by_px": by[1], "in_planes": False})
    return whole.wider(volume.geometry, (through if volume.geometry.in_patient else 0.0, inside[0], inside[1]))


def _reach(geometry: Geometry) -> str:
    """Say from where to where the voxels of a grid lie in the patient."""
    corners = geometry.corners()
    low, high = (" ".join(f"{v:.1f}" for v in end(corners, axis=0)) for end in (np.min, np.max))
    return f"from {low} to {high} mm (x y z)"
