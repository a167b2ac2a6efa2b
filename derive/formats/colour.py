"""Alpha, which DICOM images do not have: composited over black."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: What a user is told.
ALPHA_NOTE = "its alpha was composited over black: value * alpha / 255, rounded to the nearest"


def composited(values: NDArray[np.uint8]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return (..., channels) of (..., channels + alpha), and a note where alpha changed anything.

    The result is value * alpha / 255 rounded to the nearest integer. There are no ties: 255 is odd.
    """
    alpha, colour = values[..., -1:], values[..., :-1]
    if (alpha == 255).all():
        return colour, ()
    result = np.empty(colour.shape, np.uint8)
    # By planes, so that the wide products never take the room of the volume.
    for plane in np.ndindex(colour.shape[2:-1]):
        at = (slice(None), slice(None), *plane)
        product = np.multiply(colour[at], alpha[at], dtype=np.uint16)
        result[at] = (product + 127) // 255
    return result, (ALPHA_NOTE,)
