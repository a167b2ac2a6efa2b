"""One pass over all values: their range and their digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from derive.errors import ValuesError
from derive.model.volume import Slabs, slabs
from derive.told.progress import tell


@dataclass(frozen=True)
class ValueRange:
    """What one pass over all values tells.

    Parameters
    ----------
    low, high : float
        Of the values that are not padding.
    digest : str
        Of all values.
    """

    low: float
    high: float
    digest: str


def scan(values: Slabs) -> ValueRange:
    """Pass over all values once.

    Raises
    ------
    ValuesError
        ``VAL-EMPTY`` if every value is padding.
    """
    low, high, digest = np.inf, -np.inf, hashlib.sha256()
    for first, slab in slabs(values):
        tell("measuring", first, values.count)
        digest.update(np.ascontiguousarray(slab).tobytes())
        native = slab[~np.isnan(slab)]
        if native.size:
            low, high = min(low, float(native.min())), max(high, float(native.max()))
    if low > high:
        raise ValuesError("VAL-EMPTY", "every value of the result is padding; there is nothing to store")
    return ValueRange(low, high, digest.hexdigest())
