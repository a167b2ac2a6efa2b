"""Values that are stored as they are, in binary floating point (PS3.3 C.7.6.24, C.7.6.25)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.pixels.encode import EncodedFrame, Encoding


def in_floating_point(values: NDArray[np.float32], bits: int) -> EncodedFrame:
    """Take values as they are, in 32 or 64 bits; NaN is padding, and says so itself.

    Raises
    ------
    ValuesError
        ``VAL-NONFINITE`` for an infinite value.
    """
    if np.isinf(values).any():
        raise ValuesError("VAL-NONFINITE", f"{int(np.isinf(values).sum())} infinite values cannot be stored")
    known = values[~np.isnan(values)]
    low, high = (math.floor(known.min()), math.ceil(known.max())) if known.size else (0, 0)
    return EncodedFrame(values.astype(f"<f{bits // 8}"), Encoding(1.0, 0.0, True), low, high, 0.0, 0)
