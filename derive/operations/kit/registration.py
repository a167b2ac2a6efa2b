"""Which space a registration leads to."""

from __future__ import annotations

from typing import Any

from derive.errors import UsageError
from derive.model.geometry import Geometry
from derive.model.transform import Led, Transform


def led(grid: Geometry, by: Any, reference: Any, *, inverse: bool) -> Led:
    """Return where a registration leads from the space of a grid.

    Parameters
    ----------
    grid : Geometry
        Of what is moved.
    by : Transform
    reference : SourceSeries, Volume or Geometry, optional
        In the fixed space.
    inverse : bool

    Raises
    ------
    UsageError
        ``OP-TRANSFORM`` for what is no transform, ``OP-INVERSE``.
    GeometryError
        ``GEO-FOR``, ``GEO-INVERSE``
    """
    if not isinstance(by, Transform):
        raise UsageError("OP-TRANSFORM", f"{type(by).__name__} is no transform; wanted what read_transform returns")
    fixed = None if reference is None else getattr(reference, "geometry", reference).frame_of_reference_uid
    return by.led(grid.frame_of_reference_uid, fixed, inverse=inverse)
