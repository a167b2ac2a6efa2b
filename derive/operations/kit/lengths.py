"""Lengths as a caller gives them, x y z, in the order of the array axes; and the value of what lies outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from derive.errors import UsageError
from derive.model.derivation import short_text_of
from derive.model.geometry import Geometry, Triple, triple
from derive.model.volume import Volume
from derive.operations.declaration import Millimetres
from derive.told.wording import flag

#: How names of parameters end that say a width in mm, or in pixels.
IN_MM, IN_PX = "_mm", "_px"


def along_axes(millimetres: Millimetres) -> Triple:
    """Return (slice, row, column) lengths of one length, or of x y z.

    Raises
    ------
    UsageError
        ``OP-LENGTH`` for anything but one or three numbers.
    """
    try:
        lengths = np.asarray(millimetres)
    except ValueError:  # nested and ragged
        lengths = np.empty(0)
    if lengths.shape not in ((), (3,)) or lengths.dtype.kind not in "fiu":
        raise UsageError("OP-LENGTH", f"{millimetres!r}; wanted one length in mm, or x y z")
    return triple(np.broadcast_to(lengths, 3)[::-1])


def filled_with(volume: Volume, fill: float | str | None) -> float:
    """Return the value of what lies outside a volume: NaN for padding; that of its quantity where nobody says it.

    Raises
    ------
    UsageError
        ``OP-FILL`` for anything else.
    """
    if fill == "padding":
        return math.nan
    value = volume.quantity.fill if fill is None else fill
    if isinstance(value, str) or not math.isfinite(value):
        raise UsageError("OP-FILL", f"fill {fill!r}; wanted a finite number or 'padding'")
    return float(value)


def widths(name: str, millimetres: Millimetres, *, in_planes: bool, code: str = "OP-LENGTH") -> Triple:
    """Return how far a filter reaches along (slice, row, column), in mm; nothing through the slices in planes.

    Parameters
    ----------
    name : str
        Of the parameter.
    millimetres : float or (x, y, z)
        One for all axes, or for each; 0 leaves an axis as it is.
    in_planes : bool
        Whether slices stay by themselves.
    code : str
        Of the refusal of what is negative.

    Raises
    ------
    UsageError
        `code` for one that is negative or not finite, or one through the slices where these stay by themselves;
        ``OP-LENGTH`` unless there are one or three.
    """
    lengths = along_axes(millimetres)
    if not all(math.isfinite(s) and s >= 0 for s in lengths):
        unit = "pixels" if name.endswith(IN_PX) else "mm"
        raise UsageError(code, f"{name} {millimetres}; wanted 0 or more, in {unit}")
    if not in_planes:
        return lengths
    if not isinstance(millimetres, float | int) and lengths[0]:
        raise UsageError(code, f"{name} {millimetres} with in_planes; through the slices 0 is wanted")
    return (0.0, *lengths[1:])


def widths_of(volume: Volume, name: str, given: Mapping[str, Any], *, code: str = "OP-LENGTH") -> Triple:
    """Return how far a filter reaches along (slice, row, column), mm, of a width that is said in mm or in pixels.

    Parameters
    ----------
    volume : Volume
    name : str
        Of the parameters, without their units: ``sigma`` for ``sigma_mm`` and ``sigma_px``.
    given : mapping
        These, and ``in_planes``.
    code : str
        Of the refusal of what is negative.

    Raises
    ------
    UsageError
        `code` unless one of the two is said, and as :func:`widths`.
    """
    found, unit = _said(name, given, code)
    lengths = widths(f"{name}{unit}", found, in_planes=given["in_planes"], code=code)
    if unit == IN_MM:
        return lengths
    return triple([n * step for n, step in zip(lengths, volume.geometry.spacing, strict=True)])


def _said(name: str, given: Mapping[str, Any], code: str) -> tuple[Millimetres, str]:
    """Return a width and how the name of its parameter ends; none or two are refused."""
    said = [(given[f"{name}{unit}"], unit) for unit in (IN_MM, IN_PX) if given[f"{name}{unit}"] is not None]
    if len(said) != 1:
        wanted = f"{flag(f'{name}{IN_MM}', 'MM')}, or {flag(f'{name}{IN_PX}', 'N')} in pixels"
        raise UsageError(code, f"{'both widths are' if said else 'no width is'} given; wanted {wanted}")
    return said[0]


def width_told(name: str, given: Mapping[str, Any]) -> str:
    """Say a width in a few words."""
    unit = next((unit for unit in (IN_MM, IN_PX) if given[f"{name}{unit}"] is not None), IN_MM)
    return f"{short_text_of(given[f'{name}{unit}'])} {unit.strip('_')}"


def width_tried(name: str, millimetres: float, geometry: Geometry) -> dict[str, float]:
    """Return the parameter with which a filter is tried on a grid: a pixel where nobody knows how large one is."""
    own = geometry.own_plane
    return {f"{name}{IN_MM}": millimetres} if own is None or own.sized else {f"{name}{IN_PX}": 1.0}


def stays_in_planes(name: str, given: Mapping[str, Any]) -> bool:
    """Whether a filter of a width `name` looks at no neighbouring slice, as its parameters tell."""
    width = next((given[f"{name}{unit}"] for unit in (IN_MM, IN_PX) if given[f"{name}{unit}"] is not None), None)
    return bool(given["in_planes"]) or (isinstance(width, Sequence) and bool(width) and width[-1] == 0)
