"""Volumes that lie between each other: of them one uneven stack could be made, and it would be of nobody."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from derive.errors import GeometryError
from derive.model.dimension import DimensionValue, dimension_kinds, is_time, value_told
from derive.model.planes import SAME_POSITION_MM, Planes, measured
from derive.reading.dimension_values import apartness, chosen_by
from derive.reading.header import Header
from derive.told.secrecy import some

#: Fewer slices are always even.
_LEAST = 3


def refuse_interleaved(headers: Sequence[Header], planes: Planes) -> None:
    """Refuse images that lie unevenly together, and evenly as volumes which lie at other places than each other.

    Parameters
    ----------
    headers : sequence of Header
        Each at a place of its own.
    planes : Planes
        Where they lie: unevenly.

    Raises
    ------
    GeometryError
        ``GEO-4D``
    """
    along = np.empty(len(headers))
    for mm, place in zip(planes.along_mm, planes.places, strict=True):
        along[list(place)] = mm
    for kind in (k for k in dimension_kinds().values() if k.kind not in ("text", "clock")):
        found = apartness(headers, kind)
        groups = [np.flatnonzero(found.levels == level) for level in np.unique(found.levels)]
        if len(groups) < 2 or min(map(len, groups)) < _LEAST:
            continue
        each = [np.sort(along[g]) for g in groups]
        if not all(_even(places) for places in each):
            continue
        values = [found.values[int(g[0])] for g in groups]
        if len({len(g) for g in groups}) == 1:
            _refuse_shifted(kind.keyword, values, each)
        elif kind.kind != "count" or is_time(kind.keyword):
            _refuse_overlapping(kind.keyword, values, each)


def _refuse_shifted(keyword: str, values: Sequence[DimensionValue], each: Sequence[np.ndarray]) -> None:
    """Refuse volumes of as many slices that lie beside each other."""
    off = [float(np.abs(places - each[0]).max()) for places in each]
    worst = int(np.argmax(off))
    if SAME_POSITION_MM < off[worst] <= each[0][-1] - each[0][0]:
        raise GeometryError(
            "GEO-4D",
            f"volumes lie at different places: that of {keyword} {value_told(values[worst])} up to "
            f"{off[worst]:.2f} mm from that of {value_told(values[0])}, along the normal; one grid is needed for "
            f"all. Take them one by one: {chosen_by(keyword, values[0])}",
            off_mm=off[worst],
            varying=[keyword],
        )


def _refuse_overlapping(keyword: str, values: Sequence[DimensionValue], each: Sequence[np.ndarray]) -> None:
    """Refuse volumes of unequal extent that lie between each other; such as lie one behind the other are parts of one.

    *2026-12-01.* A helical CT in phases has as many slices of each as it saw of it, wherever these begin.
    """
    ends = sorted((float(places[0]), float(places[-1])) for places in each)
    if all(begin >= end - SAME_POSITION_MM for (_, end), (begin, _) in pairwise(ends)):
        return
    told = [
        f"{value_told(v)} has {len(p)} from {p[0]:.2f} to {p[-1]:.2f} mm" for v, p in zip(values, each, strict=True)
    ]
    raise GeometryError(
        "GEO-4D",
        f"volumes of unequal extent lie between each other: of {keyword} {some(told)} along the normal; one grid is "
        f"needed for all. Take them one by one: {chosen_by(keyword, values[0])}",
        varying=[keyword],
    )


def _even(along: np.ndarray) -> bool:
    points = np.stack([np.zeros_like(along), np.zeros_like(along), along], axis=1)
    return measured(points, (1, 0, 0, 0, 1, 0)).even
