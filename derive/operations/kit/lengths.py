"""Lengths as a caller gives them, x y z, in the order of the array axes; and the value of what lies outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from derive.errors import UsageError
from derive.model.geometry import Triple, triple
from derive.model.volume import Volume
from derive.operations.declaration import Millimetres


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
        raise UsageError(code, f"{name} {millimetres}; wanted 0 or more, in mm")
    if not in_planes:
        return lengths
    if not isinstance(millimetres, float | int) and lengths[0]:
        raise UsageError(code, f"{name} {millimetres} with in_planes; through the slices 0 is wanted")
    return (0.0, *lengths[1:])


def stays_in_planes(name: str, given: Mapping[str, Any]) -> bool:
    """Whether a filter of a width `name` looks at no neighbouring slice, as its parameters tell."""
    width = given[name]
    return bool(given["in_planes"]) or (isinstance(width, Sequence) and bool(width) and width[-1] == 0)
