"""Lengths as a caller gives them, x y z, in the order of the array axes."""

from __future__ import annotations

from derive.errors import UsageError
from derive.operations.declaration import Millimetres


def along_axes(millimetres: Millimetres) -> tuple[float, float, float]:
    """Return (slice, row, column) lengths of one length, or of x y z.

    Raises
    ------
    UsageError
        ``OP-LENGTH`` for anything but one or three numbers.
    """
    try:
        if isinstance(millimetres, int | float):
            return (float(millimetres),) * 3
        x, y, z = (float(v) for v in millimetres)
    except (TypeError, ValueError):
        raise UsageError("OP-LENGTH", f"{millimetres!r}; wanted one length in mm, or x y z") from None
    return z, y, x
