"""Several numbers a voxel: colours, volumes one after another, or what cannot become an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.formats.affines import four_axes, numeric, refuse_fifth
from derive.formats.colour import composited

#: Kinds of NRRD whose components are volumes, and those that are colours but not R G B.
KINDS_OF_TIMES = ("list", "time")
OTHER_COLOURS = ("HSV-color", "XYZ-color")


def components_of(array: NDArray[Any], axis: int | None, kind: str, name: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return (i, j, k, times) or (i, j, k, times, 3), and notes.

    Parameters
    ----------
    array : array, fastest axis first
    axis : int, optional
        The one of several numbers a voxel.
    kind : str
        What these are, in words of NRRD; empty where nothing says it.
    name : str
        Of the file.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-5D``, ``VAL-COMPLEX``, ``VAL-COLOUR``, ``VAL-TYPE`` or ``VAL-EMPTY``.
    """
    if axis is None:
        return four_axes(numeric(array, name), name), ()
    moved = numeric(np.moveaxis(array, axis, -1), name)
    grid, channels = moved.shape[:-1], moved.shape[-1]
    if kind == "complex":
        raise ValuesError("VAL-COMPLEX", f"{name} holds complex numbers; wanted real ones; state magnitude or phase")
    if kind in KINDS_OF_TIMES and len(grid) <= 3:
        spaced = moved.reshape(*(*grid, 1, 1)[:3], channels)
        return spaced, (f"its {kind} of {channels} values per voxel was read as volumes one after another",)
    if moved.dtype != np.uint8 or channels not in (3, 4) or kind in OTHER_COLOURS:
        raise ValuesError(
            "VAL-COLOUR",
            f"{name} has {channels} components of {moved.dtype} per voxel ({kind or 'no kind stated'}); "
            "wanted one, or R G B (A) of uint8; take one component",
        )
    refuse_fifth(grid, name)
    coloured = moved.reshape(*(*grid, 1, 1, 1)[:4], channels)
    return composited(coloured) if channels == 4 else (coloured, ())
