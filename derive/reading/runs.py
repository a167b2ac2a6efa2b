"""Volumes that only Instance Numbers tell: numbered one behind the other, each begins where the one before it began.

Where such volumes lie at other places than each other, or the last is not whole, nothing else says so, and one long or
uneven stack would be made of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError
from derive.model.planes import SAME_POSITION_MM, Planes, measured
from derive.reading.header import Header
from derive.told.wording import counted, flag

#: Fewer slices are always even, and no run.
_LEAST = 3
#: What says of an image that there are several times.
_TIMES = ("NumberOfTemporalPositions", "NumberOfTimeSlices", "NumberOfTimeSlots")
_Run = NDArray[np.float64]


def refuse_moved_runs(headers: Sequence[Header], planes: Planes) -> None:
    """Refuse volumes that are numbered one behind the other, and lie at other places than each other.

    *2026-12-01.* Slices that were taken in two passes are numbered like that too, and lie evenly together: these stay
    one stack, unless images say that there are several times, or that slices are as far apart as in one pass.

    Raises
    ------
    GeometryError
        ``GEO-4D``
    """
    runs = runs_of(headers, planes)
    if len(runs) < 2 or (planes.even and not planes.repeated and not _are_volumes(headers, runs[0])):
        return
    first = runs[0]
    off = [float(np.abs(run - first[: len(run)]).max()) for run in runs]
    worst = int(np.argmax(off))
    if SAME_POSITION_MM < off[worst] <= first[-1] - first[0]:
        size = len(first)
        raise GeometryError(
            "GEO-4D",
            f"volumes lie at different places: Instance Numbers go through {counted(len(runs), 'volume')} of "
            f"{counted(size, 'slice')}, and volume {worst + 1} lies up to {off[worst]:.2f} mm from the first, along "
            f"the normal; one grid is needed for all. Take them one by one: {flag('frames', f'1-{size}')}",
            off_mm=off[worst],
            varying=["InstanceNumber"],
        )


def refuse_unfinished(headers: Sequence[Header], planes: Planes) -> None:
    """Refuse volumes that are numbered one behind the other, of which the last lacks images: a scan that was ended.

    One image more is one too many, and not the begin of a volume.

    Raises
    ------
    GeometryError
        ``GEO-4D``
    """
    runs = runs_of(headers, planes)
    if len(runs) < 2 or not 1 < len(runs[-1]) < len(runs[0]):
        return
    if float(np.abs(runs[-1] - runs[0][: len(runs[-1])]).max()) > SAME_POSITION_MM:
        return
    whole, size = len(runs) - 1, len(runs[0])
    raise GeometryError(
        "GEO-4D",
        f"Instance Numbers go through {counted(whole, 'volume')} of {counted(size, 'position')} and one of "
        f"{len(runs[-1])}: the last is not whole. Add the missing files, or take those that are: "
        f"{flag('frames', f'1-{whole * size}')}, or the first by {flag('frames', f'1-{size}')}",
        positions=size,
        images=len(headers),
        varying=["InstanceNumber"],
    )


def runs_of(headers: Sequence[Header], planes: Planes) -> list[_Run]:
    """Return where the images of each run lie, in mm along the normal, ascending; none where numbers tell none.

    Runs are as long as each other, but for the last, and each lies evenly.
    """
    numbers = [h.lenient.number("InstanceNumber") for h in headers]
    if None in numbers or len(set(numbers)) < len(numbers) or any(h.frame_number != 1 for h in headers):
        return []
    along = np.empty(len(headers))
    for mm, place in zip(planes.along_mm, planes.places, strict=True):
        along[list(place)] = mm
    ordered = along[np.argsort(np.array(numbers, dtype=float))]
    steps = np.diff(ordered)
    up = 1.0 if np.median(steps) > 0 else -1.0
    runs = np.split(ordered * up, np.flatnonzero(steps * up <= SAME_POSITION_MM) + 1)
    size = len(runs[0])
    alike = size >= _LEAST and all(len(run) == size for run in runs[:-1]) and len(runs[-1]) <= size
    return runs if alike and all(_even(run) for run in runs) and _same_step(runs) else []


def _even(run: _Run) -> bool:
    if len(run) < _LEAST:
        return True
    points = np.stack([np.zeros_like(run), np.zeros_like(run), run], axis=1)
    return measured(points, (1, 0, 0, 0, 1, 0)).even


def _same_step(runs: Sequence[_Run]) -> bool:
    steps = [(run[-1] - run[0]) / (len(run) - 1) for run in runs if len(run) > 1]
    return all(abs(a - b) <= SAME_POSITION_MM for a, b in pairwise(steps))


def _are_volumes(headers: Sequence[Header], run: _Run) -> bool:
    """Whether images say that there are several times, or that slices lie as far apart as those of one run."""
    lenient = headers[0].lenient
    if any((lenient.number(keyword) or 0) > 1 for keyword in _TIMES):
        return True
    said = lenient.number("SpacingBetweenSlices")
    return said is not None and abs(abs(said) - (run[-1] - run[0]) / (len(run) - 1)) <= SAME_POSITION_MM
