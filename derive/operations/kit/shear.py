"""One plane from two: blended along the way between them, and moved within itself by a part of a pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from derive.model.volume import Array

#: Parts of a pixel that are none.
NO_PART = 1e-6


def blended(low: Array, high: Array, share: float) -> Array:
    """Return what lies between two arrays; where one of them is padding, the nearer says what it is.

    Parameters
    ----------
    low, high : float32 arrays of one shape
        NaN is pixel padding.
    share : float
        How far it is from the one to the other, 0 to 1.
    """
    values = low + np.float32(share) * (high - low)
    holes = np.isnan(values)
    if holes.any():
        nearer, other = (low, high) if share <= 0.5 else (high, low)
        values[holes] = np.where(np.isnan(nearer), np.nan, np.where(np.isnan(other), nearer, values))[holes]
    return values


def shifted(values: Array, by_px: Sequence[float], shape: tuple[int, int], outside: float) -> Array:
    """Move a plane by parts of a pixel onto a larger one (linear interpolation).

    Parameters
    ----------
    values : (rows, columns) float32
        NaN is pixel padding.
    by_px : (rows, columns)
        Where its first pixel comes to lie.
    shape : (rows, columns)
        Of the result.
    outside : float
        What is where the plane is not.
    """
    moved = _along_rows(values, by_px[0], shape[0], outside)
    return _along_rows(moved.T, by_px[1], shape[1], outside).T


def _along_rows(values: Array, by_px: float, count: int, outside: float) -> Array:
    """Move rows down by parts of a row."""
    whole = math.floor(by_px + NO_PART)
    part = by_px - whole if by_px - whole > NO_PART else 0.0
    taken = values if not part else blended(values[1:], values[:-1], part)
    first = whole + (1 if part else 0)
    result = np.full((count, values.shape[1]), outside, np.float32)
    begin, end = max(0, first), min(count, first + len(taken))
    if begin < end:
        result[begin:end] = taken[begin - first : end - first]
    return result
