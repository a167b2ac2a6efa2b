"""What every format shares: four axes, and an affine that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from derive.errors import GeometryError, ValuesError

Values = NDArray[Any]
Affine = NDArray[np.float64]
Triple = tuple[float, float, float]

#: The determinant of three unit vectors below which they lie in one plane: 0.06 thousandths of a degree.
FLAT = 1e-6
#: Where a lie of an axis is 0: cosines between time and space, shares of a unit.
NOTHING = 1e-6


def numeric(array: Values, name: str) -> Values:
    """Return `array` as it is.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-COMPLEX``, ``VAL-TYPE`` or ``VAL-EMPTY`` where it holds no real numbers.
    """
    if array.dtype.kind == "c":
        raise ValuesError(
            "VAL-COMPLEX",
            f"{name} holds complex numbers ({array.dtype}); wanted real ones; state its magnitude or its phase",
        )
    if array.dtype.kind not in "biuf":
        raise ValuesError(
            "VAL-TYPE", f"{name} holds values of type {array.dtype}; wanted integers, floats or booleans; convert them"
        )
    if array.size == 0:
        raise ValuesError("VAL-EMPTY", f"{name} has the shape {array.shape}, so it holds no values; wanted at least 1")
    return array


def four_axes(array: Values, name: str) -> Values:
    """Return (i, j, k, times) of an array with its first axes in this order; axes of length 1 come and go.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-5D`` where a fifth axis or a later one is longer than 1.
    """
    refuse_fifth(array.shape, name)
    return array.reshape((*array.shape, 1, 1, 1, 1)[:4])


def refuse_fifth(shape: Sequence[int], name: str) -> None:
    """Raise ``VAL-5D`` where an axis after the fourth is longer than 1."""
    if any(length > 1 for length in shape[4:]):
        raise ValuesError(
            "VAL-5D",
            f"{name} has the shape {tuple(map(int, shape))}; wanted at most three axes of space and one of time; "
            "cut it into files of four axes",
        )


def checked_affine(affine: ArrayLike, name: str) -> Affine:
    """Return an affine as float64.

    Raises
    ------
    derive.errors.GeometryError
        ``GEO-DETERMINANT`` where it holds numbers that are not finite, or its axes do not span a volume.
    """
    result = np.array(affine, np.float64)
    axes = result[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    finite = bool(np.isfinite(result).all())
    if not finite or not lengths.all() or abs(np.linalg.det(axes / lengths)) < FLAT:
        fault = "spans no volume: its determinant is 0" if finite else "holds numbers that are not finite"
        raise GeometryError(
            "GEO-DETERMINANT",
            f"the affine of {name}, {np.round(result[:3], 6).tolist()}, {fault}; wanted three axes that differ; "
            "write the header again",
        )
    return result


def spacing_of(affine: Affine) -> Triple:
    """Return the distances of voxel centres along i, j, k."""
    i, j, k = np.linalg.norm(affine[:3, :3], axis=0)
    return float(i), float(j), float(k)


def stated_spacing(values: Sequence[float]) -> Triple | None:
    """Return three distances, or None where there are not three that are finite and above 0."""
    if len(values) < 3 or not all(np.isfinite(v) and v > 0 for v in values[:3]):
        return None
    i, j, k = values[:3]
    return float(i), float(j), float(k)
