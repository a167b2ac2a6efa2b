"""Lengths as a caller gives them, x y z, in the order of the array axes; and the value of what lies outside."""

from __future__ import annotations

import math

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
