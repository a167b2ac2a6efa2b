"""Which frames of which sources a frame of a result is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class FrameRef(NamedTuple):
    """One frame of one source: what the pixels of a result are made of.

    Parameters
    ----------
    source : int
        Which source; 0 is the principal one.
    frame : int
        Which of its frames, in its own order.
    """

    source: int
    frame: int


def of_principal(frames: Iterable[int]) -> tuple[FrameRef, ...]:
    """Refer to frames of the principal source."""
    return tuple(FrameRef(0, frame) for frame in frames)


def frames_of_principal(contributors: Iterable[FrameRef]) -> list[int]:
    """Which frames of the principal source are among the contributors, in order."""
    return [c.frame for c in contributors if c.source == 0]
