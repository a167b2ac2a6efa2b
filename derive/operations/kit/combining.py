"""One value of several at the same pixel: the largest, the smallest, the mean; NaN is nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from derive.model.volume import Array


def largest(samples: Iterator[Array]) -> Array:
    """Return the largest value at each place."""
    return functools.reduce(np.fmax, samples)


def smallest(samples: Iterator[Array]) -> Array:
    """Return the smallest value at each place."""
    return functools.reduce(np.fmin, samples)


def mean(samples: Iterator[Array]) -> Array:
    """Return the mean at each place of what is there."""
    first = next(samples)
    sums, counts = np.nan_to_num(first, nan=0.0).astype(np.float64), (~np.isnan(first)).astype(np.int32)
    for each in samples:
        sums += np.nan_to_num(each, nan=0.0)
        counts += ~np.isnan(each)
    none = np.full(counts.shape, np.nan)
    return np.asarray(np.divide(sums, counts, out=none, where=counts > 0), dtype=np.float32)


class Combining(NamedTuple):
    """A way to make one value of several, and what the standard calls it.

    Parameters
    ----------
    combine : callable (samples) -> values
    code : str
        Keyword in CID 7203; empty where what is done besides says more.
    term : str
        In Image Type.
    """

    combine: Callable[[Iterator[Array]], Array]
    code: str
    term: str


#: By the name that a caller gives it.
COMBININGS: Mapping[str, Combining] = {
    "mean": Combining(mean, "", ""),
    "mip": Combining(largest, "MaximumIntensityProjection", "MAX_IP"),
    "minip": Combining(smallest, "MinimumIntensityProjection", "MIN_IP"),
}
