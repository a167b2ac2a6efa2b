"""Orientations of images: the nearest one that is orthonormal, and how far apart several are, in millimetres.

Image Orientation (Patient) is two vectors of unit length at a right angle (PS3.3 C.7.6.2.1.1), as decimal strings.
Scanners round them, some to three digits, and some compute them anew for each slice. What counts is where a pixel
lies, so orientations are compared by how far they put the corners of an image from each other, and not by digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vectors = NDArray[np.float64]

#: Images are of one orientation while no corner pixel lies further than this from where its own image puts it.
ORIENTATION_MM = 0.05
#: However small an image is, cosines that differ by more (half a degree) are another orientation.
LARGEST_DIFFERENCE = 0.01
#: How far the cosines of a grid may be off unit length and a right angle: what is further off was not meant so.
COSINE_TOLERANCE = 1e-3
#: What is taken for the length of rows and columns that nobody says, mm: more than those of most images.
LONG_MM = 500.0
#: Cosines that are off unit length and a right angle by no more were rounded to six decimals, and stay as they are.
#:
#: 2026-11-30: files of a source whose cosines are good are written with the very same ones; to make them orthogonal
#: to the last bit would move nothing (0.001 mm over 500 mm), and change every image that was made before.
ROUNDED = 2e-6


def reach_mm(rows: float | None, columns: float | None, pixel_spacing: Sequence[float] | None) -> tuple[float, float]:
    """Return how far the last pixel of a row, and of a column, lies from the first, mm.

    Parameters
    ----------
    rows, columns : int, optional
    pixel_spacing : (between rows, between columns) mm, optional
        Where any of them is not known, a length that is more than that of most images.
    """
    if not rows or not columns or pixel_spacing is None or len(pixel_spacing) != 2:
        return LONG_MM, LONG_MM
    return max(columns - 1, 0) * pixel_spacing[1], max(rows - 1, 0) * pixel_spacing[0]


def skew_of(row_cosines: ArrayLike, column_cosines: ArrayLike) -> float:
    """Return how far two directions are off unit length, and off a right angle, whichever is more."""
    row, column = np.asarray(row_cosines, dtype=np.float64), np.asarray(column_cosines, dtype=np.float64)
    off = np.linalg.norm(row) - 1, np.linalg.norm(column) - 1, row @ column
    return float(np.abs(off).max())


def orthonormal(cosines: ArrayLike) -> Vectors:
    """Return the nearest orientation whose rows and columns are of unit length and at a right angle.

    Rows and columns are turned by the same, towards or away from each other (the polar decomposition).

    Parameters
    ----------
    cosines : (..., 6)
        Finite.
    """
    given = np.asarray(cosines, dtype=np.float64)
    left, _, right = np.linalg.svd(given.reshape(*given.shape[:-1], 2, 3), full_matrices=False)
    return np.asarray((left @ right).reshape(given.shape)) + 0.0  # never minus zero


def one_orientation(cosines: Vectors) -> Vectors:
    """Return the one orientation of images: what all of them say, else the one in their midst.

    Parameters
    ----------
    cosines : (n, 6)
        Finite; their order does not matter.
    """
    first = cosines[0]
    if (cosines == first).all():
        return first if skew_of(first[:3], first[3:]) <= ROUNDED else orthonormal(first)
    return orthonormal([math.fsum(column) / len(cosines) for column in cosines.T])


def turned_mm(cosines: Vectors, others: Vectors, reach: tuple[float, float]) -> Vectors:
    """Return how far the corner pixels of images move with another orientation, mm: of each image the most.

    Parameters
    ----------
    cosines, others : (n, 6) or (6,)
    reach : (along rows, along columns) mm
        As from :func:`reach_mm`.

    Returns
    -------
    (n,) mm
    """
    off = np.atleast_2d(cosines - others)
    along_rows, along_columns = off[:, :3] * reach[0], off[:, 3:] * reach[1]
    corners = np.stack([along_rows, along_columns, along_rows + along_columns])
    return np.asarray(np.linalg.norm(corners, axis=2).max(axis=0))


def of_one_orientation(cosines: Vectors, reach: tuple[float, float]) -> bool:
    """Whether images are of one orientation, each within the tolerance of what is common to them.

    Parameters
    ----------
    cosines : (n, 6)
    reach : (along rows, along columns) mm
    """
    if not np.isfinite(cosines).all():
        return False
    common = one_orientation(cosines)
    near = np.abs(cosines - common).max() <= LARGEST_DIFFERENCE
    return bool(near and turned_mm(cosines, common, reach).max() <= ORIENTATION_MM)


def orientations(cosines: Vectors, reach: tuple[float, float]) -> list[list[int]]:
    """Group images by their orientation.

    Parameters
    ----------
    cosines : (n, 6)
    reach : (along rows, along columns) mm

    Returns
    -------
    list of list of int
        One group of all, where they are of one orientation; else each with what is near to its first.
    """
    if of_one_orientation(cosines, reach):
        return [list(range(len(cosines)))]
    groups, left = [], np.arange(len(cosines))
    while len(left):
        first, rest = cosines[left[0]], cosines[left]
        near = turned_mm(rest, first, reach) <= ORIENTATION_MM
        near &= np.abs(rest - first).max(axis=1) <= LARGEST_DIFFERENCE
        near[0] = True
        groups.append([int(i) for i in left[near]])
        left = left[~near]
    return groups
