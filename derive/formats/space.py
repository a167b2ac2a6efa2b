"""Axes of MetaImage and NRRD in space, of which there may be two, three, or four with time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.formats.place import Place, Spacing, Triple

#: Where a cosine between time and space is 0.
NOTHING = 1e-6
#: How far from 1 the length of a direction may be.
UNIT_TOLERANCE = 1e-3


def placed(
    spacing: Spacing, columns: NDArray[np.float64] | None, origin: Triple | None, name: str
) -> tuple[Place, tuple[str, ...]]:
    """Return where a grid lies as far as it is stated, and a note where the lengths of the directions count too.

    Parameters
    ----------
    spacing : (i, j, k)
    columns : (n, n), optional
        The direction of each axis, one a matrix column; with time the last.
    origin : (x, y, z), optional
    name : str
        Of the file.

    Raises
    ------
    derive.errors.GeometryError
        ``GEO-TIME`` where axes mix time and space.
    """
    if columns is None or len(columns) < 3 or not np.isfinite(columns).all():
        return Place(spacing, None, origin), ()
    refuse_mixed(columns, name)
    with np.errstate(over="ignore", under="ignore"):
        lengths = np.linalg.norm(columns[:3, :3], axis=0)
    if not lengths.all() or not np.isfinite(lengths).all():
        return Place(spacing, np.zeros((3, 3)), origin), ()  # refused with its name, as one that spans no volume
    directions, notes = columns[:3, :3] / lengths, ()
    if np.abs(lengths - 1).max() > UNIT_TOLERANCE:
        i, j, k = (None if s is None else s * float(n) for s, n in zip(spacing, lengths, strict=True))
        shown = " ".join(f"{n:.6g}" for n in lengths)
        return Place((i, j, k), directions, origin), (
            f"its directions have the lengths {shown}, by which its distances were multiplied",
        )
    return Place(spacing, directions, origin), notes


def refuse_mixed(columns: NDArray[np.float64], name: str) -> None:
    """Raise ``GEO-TIME`` where an axis of space is one of time too."""
    if max(np.abs(columns[:3, 3:]).max(initial=0), np.abs(columns[3:, :3]).max(initial=0)) > NOTHING:
        raise GeometryError(
            "GEO-TIME", f"the axes of {name} mix space and time; wanted three of space; write its header again"
        )
