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
    purpose : str
        Keyword in CID 7202 of what it was for, where that is something else than what its source is for: a frame that
        is the mask of others.
    moved : bool
        Whether its pixels were moved before they entered.
    """

    source: int
    frame: int
    purpose: str = ""
    moved: bool = False


def of_principal(frames: Iterable[int]) -> tuple[FrameRef, ...]:
    """Refer to frames of the principal source."""
    return tuple(FrameRef(0, frame) for frame in frames)


def frames_of_principal(contributors: Iterable[FrameRef]) -> list[int]:
    """Which frames of the principal source are among the contributors, in order."""
    return [c.frame for c in contributors if c.source == 0]
