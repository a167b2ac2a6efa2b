"""What was lost by compression: its ratios and its methods, which go together (PS3.3 C.7.6.1.1.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Loss(NamedTuple):
    """What compression with loss there was, the first one first.

    Parameters
    ----------
    ratios : tuple of float
        Lossy Image Compression Ratio (0028,2112).
    methods : tuple of str
        Lossy Image Compression Method (0028,2114), one for each.
    """

    ratios: tuple[float, ...]
    methods: tuple[str, ...]

    @property
    def whole(self) -> float:
        """How much it is together."""
        return math.prod(self.ratios)


def loss_of(ratios: Sequence[float], methods: Sequence[str], now: Loss | None) -> Loss | None:
    """Return what an image says of itself; what its transfer syntax shows, where it does not say one of them.

    Parameters
    ----------
    ratios, methods : sequences
        As the image states them.
    now : Loss, optional
        By its transfer syntax, where that has loss.

    Returns
    -------
    Loss or None
        None where there is no method to every ratio.
    """
    if now is not None and len(ratios) <= 1 and len(methods) <= 1:
        ratios, methods = ratios or now.ratios, methods or now.methods
    return Loss(tuple(ratios), tuple(methods)) if 0 < len(ratios) == len(methods) else None
