"""Where the slices of a Siemens measurement lie, by its protocol: the text between ``ASCCONV BEGIN`` and its end.

A protocol leaves out what is zero. Positions are those of the centres of slices, or of slabs, in the order in which the
protocol has them, which is not always that of the images.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LINE = re.compile(
    r"^(sSliceArray\.\S+|sKSpace\.(?:lImagesPerSlab|ucDimension))[ \t]*=[ \t]*(\S+)[ \t]*$", re.MULTILINE
)
_OF_SLICE = re.compile(r"sSliceArray\.asSlice\[(\d{1,4})\]\.(sPosition\.d(Sag|Cor|Tra)|dThickness)")
_AXES = ("Sag", "Cor", "Tra")
#: How a protocol says that slices are measured as one slab.
_SLAB = 4
#: Steps that differ by less, as a share of the largest, are one.
_EVEN = 0.05
#: More slices than any protocol has.
_MOST = 4096


class SliceArray(NamedTuple):
    """The slices of a protocol.

    Parameters
    ----------
    images : int
        How many images a volume has.
    centre : (3,) float64
        Of all of them, in mm, as Image Position (Patient) counts.
    step : float, optional
        Between neighbours in mm; None where there is one, or slices are not evenly spaced.
    """

    images: int
    centre: NDArray[np.float64]
    step: float | None


@lru_cache(maxsize=8)
def slice_array(protocol: str) -> SliceArray | None:
    r"""Return the slices of a protocol; None where it names none.

    Examples
    --------
    >>> array = slice_array("sSliceArray.lSize = 2\nsSliceArray.asSlice[1].sPosition.dTra = 3.5\n")
    >>> array.images, array.step, array.centre.tolist()
    (2, 3.5, [0.0, 0.0, 1.75])
    """
    said = dict(_LINE.findall(protocol))
    size = _whole(said.get("sSliceArray.lSize"))
    if not 1 <= size <= _MOST:
        return None
    positions, thickness = np.zeros((size, 3)), 0.0
    for name, value in said.items():
        match = _OF_SLICE.fullmatch(name)
        if match is None or int(match[1]) >= size or (number := _number(value)) is None:
            continue
        if match[3]:
            positions[int(match[1]), _AXES.index(match[3])] = number
        else:
            thickness = number
    centre = positions.mean(axis=0)
    if _whole(said.get("sKSpace.ucDimension")) == _SLAB:
        images = _whole(said.get("sKSpace.lImagesPerSlab"))
        return SliceArray(images, centre, thickness / images or None) if size == 1 and 1 <= images <= _MOST else None
    return SliceArray(size, centre, _step(positions))


def _step(positions: NDArray[np.float64]) -> float | None:
    if len(positions) < 2:
        return None
    away = positions - positions[0]
    farthest = away[np.argmax(np.linalg.norm(away, axis=1))]
    length = float(np.linalg.norm(farthest))
    if not length:
        return None
    steps = np.diff(np.sort(away @ (farthest / length)))
    return float(steps.mean()) if np.ptp(steps) <= _EVEN * steps.max() else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _whole(text: str | None) -> int:
    """Return an integer, in hexadecimal as some are; 0 for nothing, which a protocol leaves out."""
    try:
        return int(text or "0", 0)
    except ValueError:
        return 0
